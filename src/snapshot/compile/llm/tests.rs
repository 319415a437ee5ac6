use crate::config::policy::ai::AiPolicy;
use crate::llm::provider::Path;
use crate::llm::{Api, Error};
use crate::route::target::Target;
use crate::snapshot::Snapshot;
use crate::snapshot::compile::tests::Desk;

const TWO: &str = r#"
binds:
- port: 0
  listeners:
  - routes:
    - policies:
        ai:
          modelAliases: {quick: gpt-6-mini}
          routes: {/chat: completions, /v1/messages: messages, "*": passthrough}
        backendAuth: {key: routes-own}
      backends:
      - ai: {provider: {openAI: {}}, hostOverride: "127.0.0.1:1"}
        weight: 3
        policies: {backendAuth: {key: sk-1}}
      - ai: {provider: {anthropic: {model: claude-5}}, hostOverride: "127.0.0.1:2", pathPrefix: /base}
    - matches: [{path: {pathPrefix: /plain}}]
      policies: {backendAuth: {key: plain}}
      backends: [{host: 127.0.0.1:3}]
"#;

fn edits(snapshot: &Snapshot, route: usize, backend: usize) -> String {
    let backend = &snapshot.binds[0].listeners[0].routes[route].backends[backend];
    let edits = backend.pipeline.as_ref().unwrap().request_edits().unwrap();
    String::from_utf8(edits.appended().to_vec()).unwrap()
}

#[test]
fn providers_models_and_paths_are_found() {
    let snapshot = Desk::new().compile(TWO, None);
    let route = &snapshot.binds[0].listeners[0].routes[0];
    let Target::Llm(id) = route.target else { panic!("{:?}", route.target) };
    let llm = &snapshot.llms[id.index()];
    assert_eq!(llm.suffixes.find(b"/x/chat"), Api::Completions);
    assert_eq!(llm.suffixes.find(b"/v1/other"), Api::Other);
    let any = llm.find(b"any", &|_| None).unwrap();
    let next = |turn: u64| any.next(any.all(), &|| turn << 58, &|_| true).unwrap();
    let first = (0..64).filter(|turn| next(*turn) == 0).count();
    assert_eq!(first, 48);
    let [openai, anthropic] = &llm.providers[..] else { panic!("two providers") };
    let path =
        |provider: &crate::llm::Provider, api: Api| match &provider.paths[api.place().unwrap()] {
            Some(Path::Fixed(path)) => Some(String::from_utf8(path.to_vec()).unwrap()),
            Some(other) => panic!("{other:?}"),
            None => None,
        };
    assert_eq!(path(openai, Api::Completions).as_deref(), Some("/v1/chat/completions"));
    assert_eq!(path(openai, Api::Messages), None);
    assert_eq!(path(anthropic, Api::Messages).as_deref(), Some("/base/messages"));
    assert_eq!(path(anthropic, Api::Completions), None);
    assert_eq!(edits(&snapshot, 0, 0), "authorization: Bearer sk-1\r\n");
    assert_eq!(edits(&snapshot, 0, 1), "x-api-key: routes-own\r\n");
    assert_eq!(edits(&snapshot, 1, 0), "authorization: Bearer plain\r\n");
}

#[test]
fn the_block_knows_its_models_and_no_others() {
    let text = r#"
llm:
  port: 0
  models:
  - {name: a, provider: openAI, params: {hostOverride: "127.0.0.1:1", model: b}}
  - {name: "c/*", provider: anthropic, params: {hostOverride: "127.0.0.1:2"}}
"#;
    let snapshot = Desk::new().compile(text, None);
    let llm = &snapshot.llms[0];
    assert_eq!(llm.find(b"a", &|_| None).unwrap().candidates()[0].place, 0);
    assert_eq!(llm.find(b"c/d", &|_| None).unwrap().candidates()[0].place, 1);
    assert_eq!(llm.find(b"b", &|_| None).unwrap_err(), Error::UnknownModel);
    assert_eq!(llm.find_any().unwrap_err(), Error::NoModel);
    let [openai, anthropic, google] = llm
        .listing
        .lists
        .clone()
        .map(|list| serde_json::from_slice::<serde_json::Value>(list.body()).unwrap());
    assert_eq!(
        (&openai["data"][0]["id"], openai["data"].as_array().unwrap().len()),
        (&"a".into(), 1)
    );
    assert_eq!(anthropic["data"][0]["type"], "model");
    assert_eq!(google["models"][0]["name"], "models/a");
    assert_eq!(snapshot.binds[0].name, "bind/0");
}

#[test]
fn providers_of_groups_are_backends_in_their_order() {
    let text = r#"
binds:
- port: 0
  listeners:
  - routes:
    - backends:
      - ai: {provider: openAI, hostOverride: "127.0.0.1:1"}
      - backend: several
        weight: 3
backends:
- name: several
  ai:
    groups:
    - providers:
      - {name: a, provider: openAI, hostOverride: "127.0.0.1:2"}
      - {name: b, provider: openAI, hostOverride: "127.0.0.1:3", policies: {backendAuth: {key: own}}}
    - providers: [{name: c, provider: anthropic, hostOverride: "127.0.0.1:4"}]
  policies: {backendAuth: {key: shared}}
"#;
    let snapshot = Desk::new().compile(text, None);
    let plan = snapshot.llms[0].find(b"any", &|_| None).unwrap();
    assert!(plan.fails_over);
    let order = |random: u64| {
        let mut open = plan.all();
        let mut order = Vec::new();
        while let Some(next) = plan.next(open, &|| random, &|_| true) {
            open &= !(1 << next);
            order.push(plan.candidates()[next].place);
        }
        order
    };
    assert_eq!(order(0), [0, 1, 2, 3]);
    assert_eq!(order(u64::MAX), [2, 1, 3, 0]);
    assert_eq!(edits(&snapshot, 0, 1), "authorization: Bearer shared\r\n");
    assert_eq!(edits(&snapshot, 0, 2), "authorization: Bearer own\r\n");
    assert_eq!(edits(&snapshot, 0, 3), "x-api-key: shared\r\n");
    let evicts = |place: usize| {
        let cluster = snapshot.llms[0].providers[place].cluster;
        snapshot.clusters[cluster.index()].settings.outlier.is_some()
    };
    assert_eq!([0, 1, 2, 3].map(evicts), [false, true, true, true]);
}

#[test]
fn what_cannot_be_is_told() {
    let with = |rest: &str| format!("binds:\n- port: 0\n  listeners:\n  - routes:\n    - {rest}\n");
    let ai = "{ai: {provider: openAI, hostOverride: '127.0.0.1:1'}}";
    for (rest, expected) in [
        (format!("backends: [{ai}, {{host: 127.0.0.1:2}}]"), "backends are all `ai`"),
        ("policies: {ai: {}}\n      backends: [{host: 127.0.0.1:2}]".to_owned(), "none of its"),
        (format!("policies: {{compression: {{}}}}\n      backends: [{ai}]"), "`compression`"),
        (
            format!(
                "policies: {{requestMirror: {{backend: {{host: 127.0.0.1:2}}}}}}\n      \
                 backends: [{ai}]"
            ),
            "`requestMirror`",
        ),
    ] {
        let wrong = Desk::new().try_compile(&with(&rest), None).err().expect(&rest);
        assert!(wrong.contains(expected), "{wrong}");
    }
    assert_eq!(AiPolicy::default().models, None);
}
