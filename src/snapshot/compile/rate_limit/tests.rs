use crate::policy::step::Step;
use crate::snapshot::Snapshot;
use crate::snapshot::compile::tests::Desk;

fn yaml(policies: &str) -> String {
    format!(
        "binds: [{{port: 1, listeners: [{{routes: [{{name: a, policies: {{localRateLimit: \
         [{policies}]}}, backends: [{{host: '127.0.0.1:9'}}]}}]}}]}}]"
    )
}

fn addresses(snapshot: &Snapshot) -> Vec<*const crate::policy::rate_limit::RateLimit> {
    snapshot.rate_limits.iter().map(std::sync::Arc::as_ptr).collect()
}

#[test]
fn a_reload_keeps_the_buckets_that_it_does_not_change() {
    const FIRST: &str = "{maxTokens: 10, tokensPerFill: 1, fillInterval: 1s}";
    const SECOND: &str = "{maxTokens: 5, tokensPerFill: 1, fillInterval: 1s, \
                          key: {header: X-Api-Key}, maxKeys: 10}";
    let mut desk = Desk::new();
    let first = desk.compile(&yaml(&format!("{FIRST}, {SECOND}")), None);
    assert_eq!(first.rate_limits.len(), 2);
    let pipeline = &first.binds[0].listeners[0].routes[0].pipeline;
    assert!(matches!(pipeline.steps(), [Step::RateLimit(limits)] if limits.len() == 2));

    let same = desk.compile(&yaml(&format!("{FIRST}, {SECOND}")), Some(&first));
    assert_eq!(addresses(&same), addresses(&first));
    let other = SECOND.replace("maxKeys: 10", "maxKeys: 20");
    let changed = desk.compile(&yaml(&format!("{FIRST}, {other}")), Some(&first));
    assert_eq!(addresses(&changed)[0], addresses(&first)[0]);
    assert_ne!(addresses(&changed)[1], addresses(&first)[1]);
    assert!(desk.compile(&yaml(""), Some(&first)).rate_limits.is_empty());
}

/// Two routes of one name have a bucket each, after a reload too.
#[test]
fn no_two_routes_share_a_bucket() {
    let one = "{name: a, policies: {localRateLimit: [{maxTokens: 1, tokensPerFill: 1, \
               fillInterval: 1s}]}, backends: [{host: '127.0.0.1:9'}]}";
    let yaml = format!("binds: [{{port: 1, listeners: [{{routes: [{one}, {one}]}}]}}]");
    let mut desk = Desk::new();
    let first = desk.compile(&yaml, None);
    let second = desk.compile(&yaml, Some(&first));
    for snapshot in [first, second] {
        let addresses = addresses(&snapshot);
        assert_eq!(addresses.len(), 2);
        assert_ne!(addresses[0], addresses[1]);
    }
}
