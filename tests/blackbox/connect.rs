//! CONNECT, RFC 9110 section 9.3.6: nobody gets a tunnel but where the configuration says so, and
//! it leads where the configuration says.

use serde_json::{Value, json};

use crate::harness::*;

matrix! {
    nobody_gets_a_tunnel_by_default,
    a_tunnel_leads_to_the_backend_of_its_route,
    what_fails_is_no_tunnel,
    a_tunnel_may_end_here,
}

drivers! {
    early_bytes_go_first,
    a_tunnel_has_no_content,
    policies_of_the_route_hold,
    a_tunnel_is_counted,
    an_endpoint_that_refuses_is_passed_by,
    the_backend_may_be_told_who_the_client_is,
}

fn echo() -> Origin {
    Origin::script(|visit| {
        loop {
            let bytes = std::mem::take(&mut visit.wire.unread);
            visit.wire.send(bytes)?;
            if !visit.wire.fill()? {
                return visit.wire.send("bye");
            }
        }
    })
}

fn mode(mode: &str) -> Value {
    json!({ "connect": { "mode": mode } })
}

fn ask(authority: &str) -> String {
    format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n")
}

/// A tunnel, its head read.
fn tunnel(proxy: &Proxy, authority: &str) -> Client {
    let mut client = proxy.client();
    client.send(ask(authority));
    let head = client.head();
    assert_eq!(head.status().unwrap(), 200);
    assert_eq!((head.field("content-length"), head.field("transfer-encoding")), (None, None));
    client
}

fn nobody_gets_a_tunnel_by_default(cell: Cell) {
    let origin = echo();
    for config in [config(), config().frontend(mode("deny"))] {
        let proxy = cell.start(&config.route("/", &origin));
        let mut client = proxy.client();
        client.send(format!("{}GET / HTTP/1.1\r\nHost: a\r\n\r\n", ask("127.0.0.1:80")));
        let response = client.response();
        assert_eq!((response.status, response.closes()), (405, true));
        client.wait_for_end();
    }
    assert_eq!(origin.accepted(), 0);
}

fn a_tunnel_leads_to_the_backend_of_its_route(cell: Cell) {
    let (by_name, by_rest) = (echo(), echo());
    let route = |hostnames: Value, origin: &Origin| {
        let backends = json!([{ "host": origin.host() }]);
        json!({ "hostnames": hostnames, "backends": backends })
    };
    let config = config()
        .route_as(route(json!(["named.test"]), &by_name))
        .route_as(route(json!([]), &by_rest))
        .frontend(mode("route"));
    let proxy = cell.start(&config);
    for n in 1..4 {
        let mut client = tunnel(&proxy, "named.test:443");
        client.send("GET / HTTP/1.1\r\n\r\n");
        assert_eq!(client.wire.exactly(18).unwrap(), b"GET / HTTP/1.1\r\n\r\n");
        client.shut_write();
        assert_eq!(client.wire.rest().unwrap(), b"bye");
        assert_eq!((by_name.accepted(), by_rest.accepted()), (n, 0));
    }
    // Whatever address is asked for, it leads to the route's backend.
    let mut client = tunnel(&proxy, "192.0.2.1:1");
    client.shut_write();
    assert_eq!(client.wire.rest().unwrap(), b"bye");
    assert_eq!(by_rest.accepted(), 1);
}

fn what_fails_is_no_tunnel(cell: Cell) {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let route = json!({ "hostnames": ["a.test"], "backends": [{ "host": refusing }] });
    let proxy = cell.start(&config().route_as(route).frontend(mode("route")));
    for (authority, status) in [("a.test:443", 503), ("b.test:443", 404)] {
        let mut client = proxy.client();
        // What is behind the head was meant for the tunnel: it is never a request.
        client.send(format!("{}GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", ask(authority)));
        let response = client.response();
        assert_eq!((response.status, response.closes()), (status, true), "{authority}");
        client.wait_for_end();
    }
    proxy.await_metric("agentgateway_requests_total", &[], 2.0);
    proxy.await_buffers(1);
}

fn a_tunnel_may_end_here(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin).frontend(mode("tunnel")));
    let mut client = tunnel(&proxy, "anything.test:80");
    for _ in 0..3 {
        assert_eq!(client.get("/").body(), "hello");
    }
    // All in one segment.
    let mut client = proxy.client();
    client.send(format!("{}GET / HTTP/1.1\r\nHost: a\r\n\r\n", ask("anything.test:80")));
    assert_eq!(client.head().status().unwrap(), 200);
    assert_eq!(client.response().body(), "hello");
    assert_eq!(origin.seen().len(), 4);
}

fn early_bytes_go_first(cell: Cell) {
    let origin = echo();
    let proxy = cell.start(&config().route("/", &origin).frontend(mode("route")));
    let mut client = proxy.client();
    client.send(format!("{}early ", ask("a.test:443")));
    client.send("bytes");
    assert_eq!(client.head().status().unwrap(), 200);
    assert_eq!(client.wire.exactly(11).unwrap(), b"early bytes");
}

fn a_tunnel_has_no_content(cell: Cell) {
    let origin = echo();
    for mode in [mode("route"), mode("tunnel")] {
        let proxy = cell.start(&config().route("/", &origin).frontend(mode));
        for framing in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
            let mut client = proxy.client();
            client.send(format!("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n{framing}\r\n\r\nhello"));
            let response = client.response();
            assert_eq!((response.status, response.closes()), (400, true), "{framing}");
            client.wait_for_end();
        }
    }
    assert_eq!(origin.accepted(), 0);
}

fn policies_of_the_route_hold(cell: Cell) {
    let fixed = |status: u16| json!({ "policies": { "directResponse": { "status": status } } });
    let redirect =
        json!({ "policies": { "requestRedirect": { "authority": { "host": "b.test" } } } });
    for (rest, status) in [(fixed(403), 403), (fixed(200), 405), (redirect, 302)] {
        let proxy = cell.start(&config().route_with("/", rest).frontend(mode("route")));
        let mut client = proxy.client();
        client.send(ask("a.test:443"));
        let response = client.response();
        assert_eq!((response.status, response.closes()), (status, true));
        client.wait_for_end();
    }
}

fn a_tunnel_is_counted(cell: Cell) {
    let origin = echo();
    let proxy = cell.start(&config().route("/", &origin).frontend(mode("route")));
    let mut client = tunnel(&proxy, "a.test:443");
    client.send("12345");
    client.shut_write();
    assert_eq!(client.wire.rest().unwrap(), b"12345bye");
    let of = [("method", "CONNECT"), ("status", "200"), ("backend", origin.host())];
    proxy.await_metric("agentgateway_requests_total", &of, 1.0);
    proxy.await_metric("agentgateway_response_bytes_total", &of, 8.0);
    let received = (ask("a.test:443").len() + 5) as f64;
    proxy.await_metric("agentgateway_downstream_received_bytes_total", &[], received);
    proxy.await_metric("ringway_active_connections", &[], 0.0);
    proxy.await_buffers(1);
}

fn an_endpoint_that_refuses_is_passed_by(cell: Cell) {
    let origin = echo();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let backends = json!([{ "hosts": [refusing, origin.host()] }]);
    let route = json!({ "backends": backends });
    let proxy = cell.start(&config().route_with("/", route).frontend(mode("route")));
    for _ in 0..6 {
        tunnel(&proxy, "a.test:443");
    }
    wait::until("all of them are there", || origin.accepted() == 6);
}

fn the_backend_may_be_told_who_the_client_is(cell: Cell) {
    let origin = echo();
    let policies = json!({ "tcp": { "proxyProtocol": "v1" } });
    let backends = json!([{ "host": origin.host(), "policies": policies }]);
    let route = json!({ "backends": backends });
    let proxy = cell.start(&config().route_with("/", route).frontend(mode("route")));
    let mut client = tunnel(&proxy, "a.test:443");
    let (from, to) = (client.address().port(), proxy.address().port());
    let told = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {from} {to}\r\n");
    assert_eq!(client.wire.exactly(told.len()).unwrap(), told.as_bytes());
}
