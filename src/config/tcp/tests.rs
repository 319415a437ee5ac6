use super::*;

fn names(names: &str) -> Vec<Hostname> {
    names.split_whitespace().map(|name| Hostname::parse(name).unwrap()).collect()
}

/// The routes of one listener, a name list each; what is told of the last.
fn check(protocol: ListenerProtocol, own: Option<&str>, routes: &[&str], expected: &str) {
    let own = own.map(|name| Hostname::parse(name).unwrap());
    let mut claims = Claims::new(protocol, own.as_ref());
    let mut told = String::new();
    for (index, route) in routes.iter().enumerate() {
        assert_eq!(told, "", "only the last route is wrong in {routes:?}");
        told = claims.claim(&names(route), &format!("r{index}")).err().unwrap_or_default();
    }
    assert_eq!(told, expected, "{protocol} {own:?} {routes:?}");
}

#[test]
fn a_tcp_listener_has_one_route() {
    check(ListenerProtocol::Tcp, None, &[""], "");
    check(ListenerProtocol::Tcp, None, &["", ""], "never reached: r0 takes `*`");
    let unseen = "hostnames are those of TLS: a listener of protocol TCP sees none";
    check(ListenerProtocol::Tcp, None, &["a.example"], unseen);
}

#[test]
fn a_name_has_one_route() {
    let tls = ListenerProtocol::Tls;
    check(tls, None, &["a b", "c", "*.d", ""], "");
    check(tls, None, &["a b", "c B"], "never reached: r0 takes `b`");
    check(tls, None, &["*.d", "x.d", "*.x.d"], "");
    check(tls, None, &["*.d", "*.d"], "never reached: r0 takes `*.d`");
    check(tls, None, &["*", ""], "never reached: r0 takes `*`");
}

#[test]
fn a_route_is_within_its_listener() {
    let tls = ListenerProtocol::Tls;
    check(tls, Some("a.example"), &["", "a.example"], "");
    check(tls, Some("a.example"), &["*.example"], "");
    check(tls, Some("*.example"), &["a.example", "*.b.example", "*.example"], "");
    check(tls, Some("*.b.example"), &["*.example"], "");
    let outside = "`a.other` is no name of the listener, which has `*.example`";
    check(tls, Some("*.example"), &["a.example", "a.other"], outside);
    let below = "`example` is no name of the listener, which has `*.example`";
    check(tls, Some("*.example"), &["example"], below);
    check(tls, Some("*"), &["a.example"], "");
}
