//! Listeners of protocol TLS whose TLS ends at the backend.

use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::hello::{self, hello};
use crate::harness::*;

matrix! {
    a_name_finds_its_route,
    a_hello_may_come_byte_by_byte,
    a_hello_may_come_in_many_records,
    what_nobody_serves_gets_an_alert,
}

drivers! {
    what_is_no_hello_is_closed,
    an_oversized_hello_is_refused,
    a_slow_hello_is_closed,
    who_leaves_before_asking_is_no_fault,
    hostnames_of_listeners_come_first,
    it_is_counted,
}

/// Says its own name and sends back what it gets.
fn named(name: &'static str) -> Origin {
    Origin::script(move |visit| {
        visit.wire.send(name)?;
        loop {
            let bytes = std::mem::take(&mut visit.wire.unread);
            visit.wire.send(bytes)?;
            if !visit.wire.fill()? {
                return Ok(());
            }
        }
    })
}

fn route(hostnames: &[&str], origin: &Origin) -> Value {
    json!({ "hostnames": hostnames, "backends": [{ "host": origin.host() }] })
}

fn tls(routes: &[Value]) -> config::Config {
    config().listener(json!({ "name": "sni", "protocol": "TLS", "tcpRoutes": routes }))
}

/// The first word of the backend that was found, and whether it got the hello as it was sent.
fn ask(proxy: &Proxy, bytes: &[u8]) -> (Client, String) {
    let mut client = proxy.client();
    client.send(bytes);
    let name = client.wire.exactly(1).unwrap();
    assert!(client.wire.exactly(bytes.len()).unwrap() == bytes, "another hello went through");
    (client, String::from_utf8(name).unwrap())
}

const UNRECOGNIZED_NAME: &[u8] = &[21, 3, 3, 0, 2, 2, 112];
const DECODE_ERROR: &[u8] = &[21, 3, 3, 0, 2, 2, 50];

fn a_name_finds_its_route(cell: Cell) {
    let (a, b, c) = (named("a"), named("b"), named("c"));
    let routes = [
        route(&["api.test", "other.test"], &a),
        route(&["*.apps.test"], &b),
        json!({ "backends": [{ "host": c.host() }] }),
    ];
    let proxy = cell.start(&tls(&routes));
    for (name, expected) in [
        (Some("api.test"), "a"),
        (Some("API.Test"), "a"),
        (Some("other.test"), "a"),
        (Some("x.apps.test"), "b"),
        (Some("x.y.apps.test"), "b"),
        (Some("apps.test"), "c"),
        (Some("elsewhere.test"), "c"),
        (None, "c"),
    ] {
        let (mut client, found) = ask(&proxy, &hello(name));
        assert_eq!(found, expected, "{name:?}");
        client.send("more");
        assert_eq!(client.wire.exactly(4).unwrap(), b"more");
        client.shut_write();
        client.wait_for_close();
    }
}

fn a_hello_may_come_byte_by_byte(cell: Cell) {
    let (a, b) = (named("a"), named("b"));
    let proxy = cell.start(&tls(&[route(&["a.test"], &a), route(&["b.test"], &b)]));
    for (name, expected) in [("a.test", b"a"), ("b.test", b"b")] {
        let bytes = hello(Some(name));
        let mut client = proxy.client();
        for byte in &bytes {
            client.send([*byte]);
            thread::yield_now();
        }
        assert_eq!(client.wire.exactly(1).unwrap(), expected);
        assert_eq!(client.wire.exactly(bytes.len()).unwrap(), bytes);
    }
}

fn a_hello_may_come_in_many_records(cell: Cell) {
    let (a, b) = (named("a"), named("b"));
    let proxy = cell.start(&tls(&[route(&["a.test"], &a), route(&["b.test"], &b)]));
    for (padding, piece) in [(0, 1), (0, 50), (1000, 100), (15_000, 4000), (9000, 16_000)] {
        for (name, expected) in [("a.test", "a"), ("b.test", "b")] {
            let bytes = hello::in_pieces(Some(name), padding, piece);
            assert_eq!(ask(&proxy, &bytes).1, expected, "{padding} in {piece}");
        }
    }
}

fn what_nobody_serves_gets_an_alert(cell: Cell) {
    let a = named("a");
    let proxy = cell.start(&tls(&[route(&["a.test"], &a)]));
    for name in [Some("b.test"), Some("x.a.test"), None] {
        let mut client = proxy.client();
        client.send(hello(name));
        assert_eq!(client.wire.rest().unwrap(), UNRECOGNIZED_NAME, "{name:?}");
    }
    assert_eq!(a.accepted(), 0);
    let unknown = [("reason", "unknown_name")];
    proxy.await_metric("ringway_refused_connections_total", &unknown, 3.0);
    let not_found = [("protocol", "tcp"), ("reason", "NotFound")];
    proxy.await_metric("agentgateway_request_duration_seconds_count", &not_found, 3.0);
}

fn what_is_no_hello_is_closed(cell: Cell) {
    let a = named("a");
    let proxy = cell.start(&tls(&[json!({ "backends": [{ "host": a.host() }] })]));
    let server_hello = hello::record(&[2, 0, 0, 1, 0]);
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 100], &[22, 9, 9, 0, 5], &server_hello] {
        let mut client = proxy.client();
        client.send(bytes);
        client.wait_for_end();
    }
    proxy.await_metric("ringway_refused_connections_total", &[("reason", "hello_not_tls")], 4.0);
    // Lengths that do not add up: who speaks TLS is told in TLS.
    let mut broken = hello(Some("a.test"));
    broken[43] = 77;
    let mut client = proxy.client();
    client.send(&broken);
    assert_eq!(client.wire.rest().unwrap(), DECODE_ERROR);
    // It ends in the middle.
    let mut client = proxy.client();
    client.send(&hello(Some("a.test"))[..40]);
    client.shut_write();
    client.wait_for_end();
    for reason in ["hello_malformed", "hello_cut"] {
        proxy.await_metric("ringway_refused_connections_total", &[("reason", reason)], 1.0);
    }
    proxy.await_buffers(1);
    assert_eq!(a.accepted(), 0);
}

fn an_oversized_hello_is_refused(cell: Cell) {
    let a = named("a");
    let proxy = cell.start(&tls(&[json!({ "backends": [{ "host": a.host() }] })]));
    for piece in [100, 16_000] {
        let mut client = proxy.client();
        let bytes = hello::in_pieces(Some("a.test"), 40_000, piece);
        // It may be refused before all of it was taken.
        let _ = client.wire.send(&bytes);
        match client.wire.rest() {
            Ok(rest) => assert_eq!(rest, DECODE_ERROR),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
    }
    let oversized = [("reason", "hello_oversized")];
    proxy.await_metric("ringway_refused_connections_total", &oversized, 2.0);
    proxy.await_buffers(1);
    assert_eq!(a.accepted(), 0);
}

fn a_slow_hello_is_closed(cell: Cell) {
    let a = named("a");
    let limit = json!({ "tls": { "handshakeTimeout": "400ms" } });
    let proxy = cell.start(&tls(&[json!({ "backends": [{ "host": a.host() }] })]).frontend(limit));
    let started = Instant::now();
    let mut silent = proxy.client();
    let mut dripping = proxy.client();
    for byte in &hello(Some("a.test"))[..20] {
        // Each byte comes in time, and all of them do not.
        let _ = dripping.wire.send([*byte]);
        wait::never("a pause", Duration::from_millis(30), || false);
    }
    silent.wait_for_end();
    dripping.wait_for_end();
    let took = started.elapsed();
    assert!((Duration::from_millis(350)..wait::PATIENCE).contains(&took), "{took:?}");
    proxy.await_metric("ringway_refused_connections_total", &[("reason", "hello_slow")], 2.0);
    proxy.await_metric("ringway_timeouts_total", &[("kind", "tls_handshake")], 2.0);
}

fn who_leaves_before_asking_is_no_fault(cell: Cell) {
    let a = named("a");
    let proxy = cell.start(&tls(&[json!({ "backends": [{ "host": a.host() }] })]));
    drop(proxy.client());
    proxy.await_metric("agentgateway_downstream_connections_total", &[("protocol", "tls")], 1.0);
    proxy.await_metric("ringway_active_connections", &[("protocol", "tls")], 0.0);
    assert_eq!(proxy.metrics().sum("ringway_refused_connections_total", &[]), 0.0);
}

fn hostnames_of_listeners_come_first(cell: Cell) {
    let (a, b) = (named("a"), named("b"));
    let own = json!({ "name": "own", "hostname": "*.a.test", "protocol": "TLS",
        "tcpRoutes": [route(&["x.a.test"], &a)] });
    let rest = json!({ "name": "rest", "protocol": "TLS",
        "tcpRoutes": [{ "backends": [{ "host": b.host() }] }] });
    let proxy = cell.start(&config().listener(own).listener(rest));
    assert_eq!(ask(&proxy, &hello(Some("x.a.test"))).1, "a");
    assert_eq!(ask(&proxy, &hello(Some("x.b.test"))).1, "b");
    // The listener is found, and none of its routes.
    let mut client = proxy.client();
    client.send(hello(Some("y.a.test")));
    assert_eq!(client.wire.rest().unwrap(), UNRECOGNIZED_NAME);
}

fn it_is_counted(cell: Cell) {
    let a = named("a");
    let proxy = cell.start(&tls(&[route(&["a.test"], &a)]));
    let bytes = hello(Some("a.test"));
    let (mut client, _) = ask(&proxy, &bytes);
    client.send("12345");
    client.shut_write();
    assert_eq!(client.wire.rest().unwrap(), b"12345");
    let of = [("protocol", "tls"), ("listener", "sni")];
    let count = bytes.len() as f64;
    proxy.await_metric("agentgateway_downstream_received_bytes_total", &of, count + 5.0);
    proxy.await_metric("agentgateway_downstream_sent_bytes_total", &of, count + 6.0);
}
