use super::super::super::*;
use super::*;
use crate::config::llm::Llm;

fn read(virtuals: &str) -> Result<Config, Diagnostics> {
    let text = format!(
        "llm:\n  models:\n  - {{name: a, provider: openAI, params: {{model: gpt-6}}}}\n  \
         - {{name: b, provider: anthropic, visibility: internal}}\n  - {{name: 'l/*', provider: \
         ollama, transformation: {{model: 'llmRequest.model.stripPrefix(\"l/\")'}}}}\n  \
         virtualModels:\n{virtuals}"
    );
    parse_with(&text, "t.yaml", &|_| None)
}

fn good(virtuals: &str) -> Llm {
    read(virtuals).unwrap_or_else(|found| panic!("{found}")).llm.unwrap()
}

fn choices(llm: &Llm) -> Vec<(String, Choice)> {
    let bind = llm.bind();
    let ai = bind.listeners[0].routes[0].policies.ai.clone().unwrap();
    ai.virtual_models
}

fn one(backend: usize, name: &str) -> Choice {
    Choice::One { backend, sent: Sent::Name(name.to_owned()) }
}

#[test]
fn each_routing_leads_to_models() {
    let llm = good(
        "  - {name: w, routing: {weighted: {targets: [{model: a, weight: 3}, {model: l/g:2}]}}}\n  \
         - {name: f, routing: {failover: {targets: [{model: a, priority: 5}, {model: w, priority: \
         0}]}}}\n  - {name: c, routing: {conditional: {targets: [{model: f, when: \
         'request.method == \"POST\"'}, {model: b}]}}}\n",
    );
    let found = choices(&llm);
    let weighted = Choice::Weighted(vec![(3, one(0, "gpt-6")), (1, one(2, "g:2"))]);
    let failover = Choice::Failover(vec![(5, one(0, "gpt-6")), (0, weighted.clone())]);
    assert_eq!(found[0], ("w".to_owned(), weighted));
    assert_eq!(found[1], ("f".to_owned(), failover.clone()));
    let Choice::First(cases) = &found[2].1 else { panic!("{found:?}") };
    assert_eq!((&cases[0].1, &cases[1]), (&failover, &(None, one(1, "b"))));
    assert_eq!(cases[0].0.as_ref().unwrap().as_str(), "request.method == \"POST\"");
    // As it is written, it is read again.
    let written = serde_json::to_value(&llm).unwrap();
    let weighted = &written["virtualModels"][0]["routing"]["weighted"]["targets"][0];
    assert_eq!((&weighted["model"], &weighted["weight"]), (&"a".into(), &3.into()));
}

#[test]
fn who_fails_over_is_left_out_when_he_fails() {
    let llm = good(
        "  - {name: f, routing: {failover: {targets: [{model: a, priority: 0}, {model: b, \
         priority: 1}]}}}\n",
    );
    let bind = llm.bind();
    let backends = &bind.listeners[0].routes[0].backends;
    let evicts = |place: usize| {
        let health = backends[place].policies.health.as_ref();
        health.is_some_and(|health| health.eviction.is_some())
    };
    assert_eq!((evicts(0), evicts(1), evicts(2)), (true, true, false));
}

#[test]
fn mistakes_are_told() {
    for (virtuals, expected) in [
        ("  - {name: a, routing: {weighted: {targets: [{model: b}]}}}\n", "have the name `a`"),
        ("  - {name: 'v*', routing: {weighted: {targets: [{model: b}]}}}\n", "no `*`"),
        ("  - {name: v}\n", "`routing` is missing"),
        ("  - {name: v, routing: {}}\n", "exactly one of weighted, failover"),
        ("  - {name: v, routing: {weighted: {}}}\n", "`targets` is missing"),
        ("  - {name: v, routing: {weighted: {targets: []}}}\n", "0 targets are not in 1"),
        ("  - {name: v, routing: {weighted: {targets: [{model: a, weight: 0}]}}}\n", "above 0"),
        ("  - {name: v, routing: {weighted: {targets: [{model: x}]}}}\n", "no model is `x`"),
        ("  - {name: v, routing: {failover: {targets: [{model: a}]}}}\n", "`priority` is missing"),
        (
            "  - {name: v, routing: {conditional: {targets: [{model: a}, {model: b}]}}}\n",
            "it stands last",
        ),
        (
            "  - {name: v, routing: {conditional: {targets: [{model: a, when: 'request.'}]}}}\n",
            "when",
        ),
        ("  - {name: v, routing: {weighted: {targets: [{model: v}]}}}\n", "in a circle"),
        (
            "  - {name: v, routing: {weighted: {targets: [{model: w}]}}}\n  - {name: w, routing: \
             {weighted: {targets: [{model: v}]}}}\n",
            "it leads from `v` to `w` to `v`, in a circle",
        ),
        ("  - {name: v, rooting: {}}\n", "did you mean `routing`?"),
    ] {
        let told = read(virtuals).unwrap_err().to_string();
        assert!(told.contains(expected), "{virtuals}: {told}");
    }
}

#[test]
fn a_name_leads_to_so_many_models_and_no_more() {
    let mut virtuals = String::new();
    for level in 0..8 {
        let next = if level == 7 { "a".to_owned() } else { format!("v{}", level + 1) };
        virtuals += &format!(
            "  - {{name: v{level}, routing: {{weighted: {{targets: [{{model: {next}}}, {{model: \
             {next}}}]}}}}}}\n"
        );
    }
    let told = read(&virtuals).unwrap_err().to_string();
    assert!(told.contains("virtual model `v0`: it leads to more than 64 models"), "{told}");
    assert!(!told.contains("virtual model `v2`"), "{told}");
}
