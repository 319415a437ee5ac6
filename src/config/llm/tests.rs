use super::super::*;
use super::*;

fn read(llm: &str) -> Result<Config, Diagnostics> {
    parse_with(&format!("llm:\n{llm}"), "t.yaml", &|_| None)
}

fn good(llm: &str) -> Llm {
    read(llm).unwrap_or_else(|found| panic!("{found}")).llm.unwrap()
}

const MODELS: &str = r#"
  providers:
  - {name: one, provider: openAI, params: {apiKey: k1, hostOverride: "127.0.0.1:1"}}
  models:
  - {name: fast, provider: {reference: one}, params: {model: gpt-6-mini}}
  - {name: slow, provider: {reference: one}, params: {apiKey: k2}}
  - {name: slower, provider: {reference: one}}
  - {name: "claude-*", provider: anthropic, params: {apiKey: k3}}
  - {name: "ollama/*", provider: ollama, transformation: {model: 'llmRequest.model.stripPrefix("ollama/")'}}
"#;

#[test]
fn it_is_a_bind_with_a_route_to_each_provider() {
    let llm = good(MODELS);
    assert_eq!(llm.port, 4000);
    let bind = llm.bind();
    let route = &bind.listeners[0].routes[0];
    let models = route.policies.ai.as_ref().unwrap().models.as_ref().unwrap();
    let sent = |name: &str| models.iter().find(|model| model.name == name).unwrap();
    // Those that differ in nothing but the model share a backend.
    assert_eq!(route.backends.len(), 4);
    assert_eq!(sent("fast").backend, sent("slower").backend);
    assert_ne!(sent("fast").backend, sent("slow").backend);
    assert_eq!(sent("fast").sent, Sent::Name("gpt-6-mini".to_owned()));
    assert_eq!(sent("slow").sent, Sent::Same);
    assert_eq!(sent("ollama/*").sent, Sent::Without("ollama/".to_owned()));
    let key = |name: &str| {
        let policies = &route.backends[sent(name).backend].policies;
        policies.backend_auth.as_ref().map(|auth| match auth {
            BackendAuth::Key(key) => key.value.expose(),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!((key("fast"), key("slow")), (Some("k1"), Some("k2")));
    assert_eq!((key("claude-*"), key("ollama/*")), (Some("k3"), None));
}

#[test]
fn mistakes_are_told() {
    for (llm, expected) in [
        ("  port: 1\n", "`models` is missing"),
        ("  models: []\n", "0 models are not in 1"),
        ("  models: [{name: a}]\n", "`provider` is missing"),
        ("  models: [{provider: openAI}]\n", "`name` is missing"),
        ("  models: [{name: 'a*b*', provider: openAI}]\n", "one `*` at the most"),
        ("  models: [{name: a, provider: {reference: b}}]\n", "no provider is called `b`"),
        (
            "  models: [{name: a, provider: openAI}, {name: a, provider: xai}]\n",
            "two models have the name `a`",
        ),
        (
            "  models: [{name: a, provider: {custom: {formats: [{type: completions}]}}}]\n",
            "`hostOverride` is missing",
        ),
        (
            "  models: [{name: a, provider: openAI, params: {model: b}, transformation: {model: \
             'llmRequest.model.stripPrefix(\"a\")'}}]\n",
            "both say what is sent",
        ),
        (
            "  models: [{name: a, provider: openAI, transformation: {model: 'x'}}]\n",
            "unknown variable `x`",
        ),
        ("  models: [{name: a, provider: openAI}]\n  tls: {}\n", "not supported"),
        ("  models: [{name: a, provider: openAI}]\n  modles: []\n", "did you mean `models`?"),
    ] {
        let told = read(llm).unwrap_err().to_string();
        assert!(told.contains(expected), "{llm}: {told}");
    }
    let twice = "llm: {port: 80, models: [{name: a, provider: openAI}]}\nbinds: [{port: 80, \
                 listeners: [{routes: []}]}]\n";
    let told = parse_with(twice, "t.yaml", &|_| None).unwrap_err().to_string();
    assert!(told.contains("port 80 is taken"), "{told}");
}
