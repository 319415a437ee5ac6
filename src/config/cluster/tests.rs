//! What is told of policies that make no sense. The whole of them is in `config/reference.yaml`.

use super::super::{Config, Diagnostics, parse_with};

fn read(backend: &str) -> Result<Config, Diagnostics> {
    let text = format!(
        "binds:\n- port: 1\n  listeners:\n  - routes:\n    - backends:\n      - {backend}\n"
    );
    parse_with(&text, "gateway.yaml", &|_| None)
}

fn check(backend: &str, expected: &str) {
    let found = read(backend).map_or_else(|found| found.to_string(), |_| "good".to_owned());
    assert!(found.contains(expected), "{backend}: {found}");
}

fn policies(text: &str) -> String {
    format!("{{host: 'a:1', policies: {{{text}}}}}")
}

#[test]
fn what_makes_no_sense_is_told_with_its_place() {
    for (text, expected) in [
        ("loadBalancer: {algorithm: maglev}", "loadBalancer: `hash` is missing"),
        ("loadBalancer: {hash: {source: true}}", "for the algorithms ringHash and maglev"),
        (
            "loadBalancer: {algorithm: maglev, hash: {header: a, source: true}}",
            "exactly one of header, cookie, source",
        ),
        ("loadBalancer: {algorithm: maglev, hash: {source: false}}", "leave the key out"),
        ("loadBalancer: {algorithm: maglev, hash: {cookie: 'a b'}}", "not a name of a cookie"),
        ("loadBalancer: {panicThreshold: 101}", "101 is not in 0 to 100"),
        ("sessionAffinity: {}", "exactly one of cookie, key"),
        ("sessionAffinity: {key: 'request.pth'}", "did you mean `path`?"),
        (
            "sessionAffinity: {key: request.path}, loadBalancer: {algorithm: random}",
            "loadBalancer.algorithm is unused",
        ),
        ("loadBalancer: {algorithm: maglev, hash: 'response.code'}", "no `response` yet"),
        ("loadBalancer: {algorithm: maglev, hash: 'request.headers'}", "gives headers"),
        ("sessionAffinity: {cookie: {name: a, ttl: 10ms}}", "for whole seconds"),
        ("sessionAffinity: {cookie: {name: a, path: '/;b'}}", "holds no `;`"),
        ("health: {unhealthyExpression: response.code}", "true or false"),
        ("health: {unhealthyExpression: response.codes == 1}", "codes"),
        ("health: {eviction: {restoreHealth: 1}}", "not supported by Ringway yet"),
        ("health: {eviction: {duration: 10m}}", "duration is longer than maxDuration"),
        ("health: {eviction: {maxEjectedPercent: 0}}", "0 is not in 1 to 100"),
        ("health: {check: {tcp: {}, http: {}}}", "exactly one of http, tcp, grpc"),
        ("health: {check: {tcp: {}, interval: 1ms}}", "interval is shorter than 10ms"),
        ("health: {check: {http: {statuses: [299-200]}}}", "neither a status nor a range"),
        ("health: {check: {http: {statuses: [99]}}}", "99 is not in 100 to 599"),
        ("health: {check: {http: {path: a}}}", "does not begin with /"),
        ("circuit: {maxWaiting: 1}", "neither maxConnections nor maxRequests"),
        ("circuit: {maxRequests: 0}", "0 is not in 1 to 4194304"),
    ] {
        check(&policies(text), expected);
    }
    check("{hosts: [{host: 'a:1', weight: 0}, {host: 'b:1', weight: 0}]}", "every weight is 0");
    check("{hosts: [{host: 'a:1', priority: 32}]}", "32 is not in 0 to 31");
    check("{hosts: [{weight: 2}]}", "`host` is missing");
}

#[test]
fn eviction_has_a_rule_in_any_case() {
    let eviction = |text: &str| {
        let config = read(&policies(&format!("health: {{eviction: {{{text}}}}}"))).unwrap();
        let backend = &config.binds[0].listeners[0].routes[0].backends[0];
        let eviction = backend.policies.health.clone().unwrap().eviction.unwrap();
        (eviction.consecutive_failures, eviction.success_rate)
    };
    assert_eq!(eviction(""), (Some(5), None));
    assert_eq!(eviction("successRate: 80"), (None, Some(80)));
    assert_eq!(eviction("successRate: 80, consecutiveFailures: 2"), (Some(2), Some(80)));
}
