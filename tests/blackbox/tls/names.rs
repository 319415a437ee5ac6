//! Which listener a client gets by the name it asks for.

use serde_json::json;

use super::{Bench, get, https, saying};
use crate::harness::tls::{Caller, Shown, settled};
use crate::harness::*;

matrix! {
    three_names_on_a_port,
    an_unknown_name_is_refused,
    a_request_for_another_listener_is_misdirected,
    some_pass_through_and_some_end_here,
    tcp_may_be_inside,
}

fn three_names_on_a_port(cell: Cell) {
    let bench = Bench::new();
    let (exact, below, rest) = (saying("exact"), saying("below"), saying("rest"));
    let proxy = cell.start(
        &config()
            .listener(https(Some("a.test"), bench.tls(&["a.test"], json!({})), &exact))
            .listener(https(Some("*.b.test"), bench.tls(&["*.b.test"], json!({})), &below))
            .listener(https(None, bench.tls(&["c.test", "127.0.0.1"], json!({})), &rest)),
    );
    let caller = bench.caller();
    let mut shown = Vec::new();
    for (name, expected) in [
        ("a.test", "exact"),
        ("x.b.test", "below"),
        ("y.b.test", "below"),
        ("c.test", "rest"),
        // No name is asked for: an address is none.
        ("127.0.0.1", "rest"),
        ("A.Test", "exact"),
    ] {
        let mut client = caller.must(proxy.address(), name);
        shown.push(settled(&client).shown);
        for _ in 0..3 {
            assert_eq!(client.ask(&get(name)).body(), expected, "{name}");
        }
    }
    let same = |a: usize, b: usize| shown[a] == shown[b];
    assert!(same(1, 2) && same(3, 4) && same(0, 5), "one name has one certificate");
    assert!(!same(0, 1) && !same(1, 3) && !same(0, 3), "each has its own");
    // What is below a wildcard by two labels belongs to it; its certificate does not reach there.
    let refusal = caller.refusal(proxy.address(), "x.y.b.test");
    assert!(refusal.contains("not valid for name"), "{refusal}");
}

fn an_unknown_name_is_refused(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("exact");
    let tls = bench.tls(&["a.test", "b.test", "127.0.0.1"], json!({}));
    let proxy = cell.start(&config().listener(https(Some("a.test"), tls, &origin)));
    let caller = bench.caller();
    for name in ["b.test", "x.a.test", "127.0.0.1"] {
        let refusal = caller.refusal(proxy.address(), name).to_lowercase();
        assert!(refusal.contains("unrecogni"), "{name}: {refusal}");
    }
    let unknown = [("reason", "unknown_name")];
    proxy.await_metric("ringway_refused_connections_total", &unknown, 3.0);
    let mut client = caller.must(proxy.address(), "a.test");
    assert_eq!(client.ask(&get("a.test")).body(), "exact");
    assert_eq!(origin.accepted(), 1);
}

fn a_request_for_another_listener_is_misdirected(cell: Cell) {
    let bench = Bench::new();
    let (a, b, c) = (saying("a"), saying("b"), saying("c"));
    let shared = bench.tls(&["a.test", "b.test"], json!({}));
    let proxy = cell.start(
        &config()
            .listener(https(Some("a.test"), shared.clone(), &a))
            .listener(https(Some("b.test"), shared, &b))
            .listener(https(Some("c.test"), bench.tls(&["c.test"], json!({})), &c)),
    );
    let caller = bench.caller();
    let mut client = caller.must(proxy.address(), "a.test");
    // (host, status): what differs in nothing that TLS settles may share a connection.
    for (host, status) in [("a.test", 200), ("c.test", 421), ("b.test", 200), ("a.test:443", 200)] {
        assert_eq!(client.ask(&get(host)).status, status, "{host}");
    }
    assert_eq!(c.accepted(), 0);
    let mut client = caller.must(proxy.address(), "c.test");
    assert_eq!(client.ask(&get("a.test")).status, 421);
    assert_eq!(client.ask(&get("c.test")).body(), "c");
    // No listener at all has this one.
    assert_eq!(client.ask(&get("d.test")).status, 404);
}

fn some_pass_through_and_some_end_here(cell: Cell) {
    let bench = Bench::new();
    let inside = bench.ours.issue(&["passed.test"]);
    let passed = Origin::http1().route("/", "passed").tls(&Shown::new(&inside)).start();
    let ended = saying("ended");
    let through = json!({
        "name": "through", "hostname": "passed.test", "protocol": "TLS",
        "tcpRoutes": [{ "backends": [{ "host": passed.host() }] }],
    });
    let tls = bench.tls(&["ended.test"], json!({}));
    let proxy =
        cell.start(&config().listener(through).listener(https(Some("ended.test"), tls, &ended)));
    let caller = bench.caller();
    for _ in 0..4 {
        let mut client = caller.must(proxy.address(), "passed.test");
        assert_eq!(settled(&client).shown, inside.der());
        assert_eq!(client.ask(&get("passed.test")).body(), "passed");
        let mut client = caller.must(proxy.address(), "ended.test");
        assert_ne!(settled(&client).shown, inside.der());
        assert_eq!(client.ask(&get("ended.test")).body(), "ended");
    }
    // What passes through is no handshake of ours.
    let count = "agentgateway_tls_handshake_duration_seconds_count";
    proxy.await_metric(count, &[], 4.0);
    assert_eq!(proxy.metrics().sum(count, &[]), 4.0);
}

fn tcp_may_be_inside(cell: Cell) {
    let bench = Bench::new();
    let echo = Origin::script(|visit| {
        loop {
            let bytes = std::mem::take(&mut visit.wire.unread);
            visit.wire.send(bytes)?;
            if !visit.wire.fill()? {
                return visit.wire.send("bye");
            }
        }
    });
    let listener = json!({
        "name": "inside", "protocol": "TLS", "tls": bench.tls(&["test"], json!({})),
        "tcpRoutes": [{ "backends": [{ "host": echo.host() }] }],
    });
    let proxy = cell.start(&config().listener(listener));
    let caller = Caller::new(&bench.ours);
    for size in [1, 100, 16_384, 100_000] {
        let mut client = caller.must(proxy.address(), "test");
        assert_eq!(settled(&client).alpn, None, "nobody knows what is spoken inside");
        let bytes: Vec<u8> = (0..size).map(|n: usize| (n ^ (n >> 8)) as u8).collect();
        for _ in 0..3 {
            client.send(&bytes);
            assert!(client.wire.exactly(size).unwrap() == bytes, "{size}");
        }
        // One direction ends by the word of TLS, and the other goes on.
        client.wire.socket.end();
        assert_eq!(client.wire.rest().unwrap(), b"bye", "{size}");
    }
    wait::until("the endpoint's connections are closed", || echo.open() == 0);
    proxy.await_buffers(1);
}
