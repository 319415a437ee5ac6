use crate::snapshot::bind::{Bind, ProxyHeader};
use crate::snapshot::compile::tests::Desk;
use crate::snapshot::tcp::By;

const NAMES: &str = r"
binds:
- port: 8443
  listeners:
  - name: apps
    hostname: '*.apps.test'
    protocol: TLS
    tcpRoutes:
    - {name: one, hostnames: [one.apps.test, One.Apps.Test], backends: [{host: '127.0.0.1:1'}]}
    - {name: below, hostnames: ['*.x.apps.test'], backends: [{host: '127.0.0.1:2'}]}
  - name: rest
    protocol: TLS
    tcpRoutes:
    - {name: all, backends: [{host: '127.0.0.1:3'}]}
frontendPolicies: {tls: {handshakeTimeout: 3s}}
config: {ringway: {limits: {tcpIdleTimeout: 7s}}}
";

/// Which listener and which route a name finds.
fn found(bind: &Bind, name: &str) -> (Option<String>, Option<String>) {
    let Some(By::Name(names)) = bind.passage.as_ref().map(|passage| &passage.by) else {
        panic!("a bind that looks for names");
    };
    let (listener, route) = names.find(name.as_bytes());
    (listener.map(|one| one.name.clone()), route.map(|one| one.name.clone()))
}

#[test]
fn names_find_listeners_and_then_routes() {
    let snapshot = Desk::new().compile(NAMES, None);
    let bind = &snapshot.binds[0];
    assert!(bind.listeners.is_empty());
    for (name, listener, route) in [
        ("one.apps.test", "apps", Some("one")),
        ("ONE.apps.test", "apps", Some("one")),
        ("a.x.apps.test", "apps", Some("below")),
        ("two.apps.test", "apps", None),
        ("apps.test", "rest", Some("all")),
        ("", "rest", Some("all")),
    ] {
        let expected = (Some(listener.to_owned()), route.map(str::to_owned));
        assert_eq!(found(bind, name), expected, "{name}");
    }
}

#[test]
fn limits_and_labels_are_those_of_the_file() {
    let mut desk = Desk::new();
    let snapshot = desk.compile(NAMES, None);
    let bind = &snapshot.binds[0];
    let passage = bind.passage.as_ref().unwrap();
    assert_eq!(passage.idle.as_secs(), 7);
    let By::Name(names) = &passage.by else { panic!("by name") };
    assert_eq!(names.limit.as_secs(), 3);
    let connections = desk.registry.listener(bind.connection_labels);
    assert!(connections.contains("protocol=\"tls\""), "{connections}");
    let one = &names.listeners[0].routes[0];
    let (front, back) = desk.registry.exchange(one.labels(Some(0)));
    assert_eq!(front, "backend=\"127.0.0.1:1\",protocol=\"tcp\"");
    let (listener, route) = ("listener=\"apps\"", "route=\"default/one\"");
    assert!(back.contains(listener) && back.contains(route), "{back}");
    assert!(one.clusters.is_some());
}

#[test]
fn a_port_has_one_route_or_none() {
    let yaml = r"
gateways:
  raw: {port: 1, protocol: TCP}
  empty: {port: 2, protocol: TCP}
tcpRoutes:
- {name: mine, gateways: [raw], backends: [{host: '127.0.0.1:1'}]}
";
    let snapshot = Desk::new().compile(yaml, None);
    let mut routes: Vec<_> = snapshot
        .binds
        .iter()
        .map(|bind| match bind.passage.as_ref().map(|passage| &passage.by) {
            Some(By::Port(route)) => route.as_ref().map(|route| route.name.clone()),
            _ => panic!("a bind of TCP"),
        })
        .collect();
    routes.sort();
    assert_eq!(routes, [None, Some("mine".to_owned())]);
}

#[test]
fn who_asks_for_a_header_gets_one() {
    use crate::proto::proxy_protocol::Accepted::{All, V1, V2};
    let bind = "binds: [{port: 1, listeners: [{routes: [{}]}]}]";
    let tunnel = "binds: [{port: 1, tunnelProtocol: proxy, listeners: [{routes: [{}]}]}]";
    let frontend = |keys: &str| format!("frontendPolicies: {{proxyProtocol: {{{keys}}}}}");
    for (bind, frontend, expected) in [
        (bind, String::new(), None),
        (tunnel, String::new(), Some((V2, false))),
        (bind, frontend(""), Some((V2, false))),
        (bind, frontend("version: all, mode: optional"), Some((All, true))),
        (tunnel, frontend("version: v1"), Some((V1, false))),
    ] {
        let snapshot = Desk::new().compile(&format!("{bind}\n{frontend}"), None);
        let expected = expected.map(|(accepted, optional)| ProxyHeader { accepted, optional });
        assert_eq!(snapshot.binds[0].settings.proxy_header, expected, "{bind}, {frontend}");
    }
}
