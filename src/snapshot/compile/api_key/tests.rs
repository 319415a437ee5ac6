use std::sync::Arc;

use crate::base::id::KeyId;
use crate::limits::TLS_PEM_BYTES_MAX;
use crate::policy::api_key::{Check, Location};
use crate::policy::step::Step;
use crate::snapshot::Snapshot;
use crate::snapshot::compile::tests::Desk;

fn checks(snapshot: &Snapshot) -> Vec<Option<&Check>> {
    let listeners = snapshot.binds.iter().flat_map(|bind| &bind.listeners);
    let mut found = Vec::new();
    for route in listeners.flat_map(|listener| &listener.routes) {
        found.push(route.pipeline.steps().iter().find_map(|step| match step {
            Step::ApiKey(check) => Some(&**check),
            _ => None,
        }));
    }
    found
}

const INHERITED: &str = "
binds:
- port: 1
  listeners:
  - policies: {apiKey: {mode: strict, keys: [{key: a, name: one}]}}
    routes:
    - {matches: [{path: {pathPrefix: /x}}], backends: [{host: '127.0.0.1:9'}]}
    - {matches: [{path: {pathPrefix: /y}}], backends: [{ai: {provider: {openAI: {}}, hostOverride: '127.0.0.1:9'}}]}
    - matches: [{path: {pathPrefix: /z}}]
      policies: {apiKey: {keys: [{key: b, name: two}], location: {cookie: {name: k}}}}
      backends: [{host: '127.0.0.1:9'}]
";

#[test]
fn a_policy_that_is_inherited_has_its_keys_once() {
    let snapshot = Desk::new().compile(INHERITED, None);
    assert_eq!(snapshot.keys.len(), 2);
    let found = checks(&snapshot);
    let [Some(plain), Some(models), Some(own)] = found[..] else { panic!("{found:?}") };
    assert!(Arc::ptr_eq(&plain.keys, &models.keys) && !Arc::ptr_eq(&plain.keys, &own.keys));
    assert_eq!(*plain.locations, [Location::usual()]);
    assert_eq!(*models.locations, Location::of_models());
    assert_eq!(*own.locations, [Location::Cookie((*b"k").into())]);
    // Who finds no route is asked, too.
    let listener = &snapshot.binds[0].listeners[0];
    assert!(listener.pipeline.steps().iter().any(|step| matches!(step, Step::ApiKey(_))));
}

fn with_file(policy: &str) -> String {
    format!(
        "binds: [{{port: 1, listeners: [{{routes: [{{policies: {{apiKey: {{{policy}}}}}, \
         backends: [{{host: '127.0.0.1:9'}}]}}]}}]}}]"
    )
}

#[test]
fn keys_come_out_of_a_file() {
    let mut desk = Desk::new();
    let yaml = with_file("file: /k.yaml, keys: [{key: b}]");
    assert!(desk.try_compile(&yaml, None).is_err_and(|why| why.contains("cannot read /k.yaml")));
    desk.files.insert("/k.yaml".into(), "- key: a\n  name: one\n".into());
    let snapshot = desk.compile(&yaml, None);
    let names: Vec<&str> = snapshot.keys.iter().map(|key| &*key.name).collect();
    assert_eq!(names, ["", "one"]);
    for (text, told) in [
        ("- key: b\n", "stands in the file too"),
        ("- kye: a\n", "/k.yaml:1:3"),
        (&" ".repeat(TLS_PEM_BYTES_MAX + 1), "has more than"),
    ] {
        desk.files.insert("/k.yaml".into(), text.into());
        let why = desk.try_compile(&yaml, None).err().unwrap();
        assert!(why.contains(told), "{why}");
    }
}

const BUDGETS: &str = "
config:
  ringway:
    budgets:
      limits:
      - {tokens: 1, period: day}
      - {team: blue, tokens: 2, period: day}
      - {key: two, usd: 0.5, period: day}
      - {model: gpt-*, tokens: 3, period: day}
binds:
- port: 1
  listeners:
  - routes:
    - policies:
        apiKey:
          keys:
          - {key: a, name: one, team: blue, budgets: [{tokens: 9, period: month}]}
          - {key: b, name: two, metadata: {team: red}}
          - {key: c, name: one, team: blue, budgets: [{tokens: 9, period: month}]}
      backends: [{host: '127.0.0.1:9'}]
";

#[test]
fn a_budget_is_for_whom_it_selects() {
    let mut desk = Desk::new();
    let snapshot = desk.compile(BUDGETS, None);
    let budgets = &snapshot.budgets;
    let names = |places: &[u32]| -> Vec<&str> {
        places.iter().map(|at| &*budgets.list[*at as usize].name).collect()
    };
    let of = |key: u32| names(&budgets.by_key[KeyId(key).index()]);
    assert_eq!(names(&budgets.others), ["all/day", "model:gpt-*/day"]);
    let first = ["key:one/month", "all/day", "team:blue/day", "model:gpt-*/day"];
    assert_eq!(of(0), first);
    assert_eq!(of(1), ["all/day", "key:two/day", "model:gpt-*/day"]);
    assert_eq!(of(2), first, "a key in the place of another has its budget");
    // What was used stays over a reload, whatever the limits are.
    let other = BUDGETS.replace("tokens: 9", "tokens: 10");
    let next = desk.compile(&other, Some(&snapshot));
    let purse = |snapshot: &Snapshot| Arc::clone(&snapshot.budgets.list[0].purse);
    assert!(Arc::ptr_eq(&purse(&snapshot), &purse(&next)));
    assert_eq!(next.budgets.list[0].limits, [Some(10), None]);
}

#[test]
fn two_budgets_of_one_name_have_to_say_the_same() {
    let mut desk = Desk::new();
    let wrong = BUDGETS.replace(
        "key: c, name: one, team: blue, budgets: [{tokens: 9",
        "key: c, name: one, team: blue, budgets: [{tokens: 8",
    );
    let why = desk.try_compile(&wrong, None).err().unwrap();
    assert!(why.contains("two budgets have the name `key:one/month`"), "{why}");
    let long = BUDGETS.replace("gpt-*", &"m".repeat(250));
    let why = desk.try_compile(&long, None).err().unwrap();
    assert!(why.contains("needs a `name`"), "{why}");
}
