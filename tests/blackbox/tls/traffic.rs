//! HTTP/1.1 inside TLS: bodies, ends, drains, and what is counted.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use super::{Bench, get, saying};
use crate::harness::load::{Habit, Load};
use crate::harness::socket::Socket;
use crate::harness::*;

matrix! {
    ten_megabytes_up_and_down,
    pipelined_requests,
    a_drain_under_load,
    a_drain_under_http2,
    a_header_may_come_before_the_handshake,
}

drivers! {
    an_idle_connection_waits,
    an_idle_connection_ends,
    it_is_counted,
    the_origin_is_told,
    an_end_is_told,
}

fn ten_megabytes_up_and_down(cell: Cell) {
    let bench = Bench::new();
    let echo =
        Origin::http1().on("/", |request, visit| visit.reply(&origin::ok(&*request.body))).start();
    let proxy = cell.start(&bench.only(&echo, json!({})));
    let body: Vec<u8> = (0..10_u32 << 20).map(|n| (n ^ (n >> 9)) as u8).collect();
    let mut client = bench.caller().must(proxy.address(), "test");
    for body in [&body[..], b"", b"x", &body[..16_385], &body[..1 << 20]] {
        let length = body.len();
        client.send(format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n"));
        client.send(body);
        let response = client.response();
        assert!(response.status == 200 && response.bytes == body, "{length} bytes");
    }
    // In chunks, one record each.
    client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..500 {
        client.send("3\r\nabc\r\n");
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.response().body(), "abc".repeat(500));
    drop(client);
    proxy.await_buffers(1);
}

fn pipelined_requests(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let proxy = cell.start(&bench.only(&origin, json!({})));
    let mut client = bench.caller().must(proxy.address(), "test");
    client.send(get("test").repeat(200));
    for _ in 0..200 {
        assert_eq!(client.response().body(), "hello");
    }
    // A head in many records.
    for byte in get("test").as_bytes() {
        client.send([*byte]);
    }
    assert_eq!(client.response().body(), "hello");
}

const CROWD: [Habit; 5] =
    [Habit::KeepAlive, Habit::KeepAlive, Habit::KeepAlive, Habit::Churn, Habit::Churn];

fn a_drain_under_load(cell: Cell) {
    let bench = Bench::new();
    drained(cell, &bench, |address| Load::start_tls(address, &bench.caller(), "hello", &CROWD));
}

/// What is on a connection when its GOAWAY comes is answered, and what was opened before that could
/// be seen too.
fn a_drain_under_http2(cell: Cell) {
    let bench = Bench::new();
    let caller = bench.http2_caller();
    drained(cell, &bench, |address| Load::start_h2(address, &caller, "hello", &CROWD));
}

fn drained(cell: Cell, bench: &Bench, load: impl FnOnce(SocketAddr) -> Load) {
    let origin = saying("hello");
    let config = bench.only(&origin, json!({})).drain("5s", "30s");
    let mut proxy = cell.start(&config);
    let load = load(proxy.address());
    load.wait_for(50);
    proxy.drain();
    wait::until("it is not ready any more", || proxy.ready_status() != 200);
    load.wait_for(20);
    load.leave();
    load.wait_until_left();
    assert_eq!(proxy.wait_for_exit(Duration::from_secs(25)).code(), Some(0));
    assert!(!proxy.stderr().contains("cut"), "{}", proxy.stderr());
}

fn a_header_may_come_before_the_handshake(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let header = json!({ "proxyProtocol": { "version": "all" } });
    let proxy = cell.start(&bench.only(&origin, json!({})).frontend(header));
    for _ in 0..4 {
        let mut client = proxy.client();
        client.send("PROXY TCP4 192.0.2.7 192.0.2.8 4711 443\r\n");
        let mut client = bench.caller().over(client.wire.socket, "test").unwrap();
        assert_eq!(client.ask(&get("test")).body(), "hello");
        assert_eq!(origin.last().head.field("x-forwarded-for"), Some("192.0.2.7"));
    }
    assert!(bench.caller().connect(proxy.address(), "test").is_err());
    // Inside of TLS it is none.
    let mut client = proxy.client();
    client.send("PROXY TCP4 192.0.2.7 192.0.2.8 4711 443\r\n");
    let mut client = bench.caller().over(client.wire.socket, "test").unwrap();
    client.send("PROXY TCP4 192.0.2.7 192.0.2.8 4711 443\r\n");
    assert_eq!(client.ask(&get("test")).status, 400);
}

fn an_idle_connection_waits(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let proxy = cell.start(&bench.only(&origin, json!({})));
    let caller = bench.caller();
    // So many that their worker wants the buffers of those that idle.
    let mut crowd: Vec<_> = (0..140).map(|_| caller.must(proxy.address(), "test")).collect();
    for _ in 0..2 {
        for client in &mut crowd {
            assert_eq!(client.ask(&get("test")).body(), "hello");
        }
        proxy.await_buffers(1);
        crowd[0].stays_silent(Duration::from_millis(300));
    }
}

fn an_idle_connection_ends(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let idle = json!({ "http": { "http1IdleTimeout": "1s" } });
    let proxy = cell.start(&bench.only(&origin, json!({})).frontend(idle));
    let mut client = bench.caller().must(proxy.address(), "test");
    assert_eq!(client.ask(&get("test")).body(), "hello");
    client.wait_for_close();
    // Before the first request too.
    let mut client = bench.caller().must(proxy.address(), "test");
    client.wait_for_close();
    proxy.await_metric("ringway_active_connections", &[], 0.0);
    proxy.await_buffers(1);
}

fn it_is_counted(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let proxy = cell.start(&bench.only(&origin, json!({})));
    let caller = bench.caller();
    for _ in 0..3 {
        caller.must(proxy.address(), "test").ask(&get("test"));
    }
    let https = [("protocol", "https")];
    for (name, wanted) in [
        ("agentgateway_tls_handshake_duration_seconds_count", 3.0),
        ("ringway_tls_resumed_handshakes_total", 2.0),
        ("agentgateway_downstream_connections_total", 3.0),
        ("ringway_active_connections", 0.0),
    ] {
        proxy.await_metric(name, &https, wanted);
    }
    let metrics = proxy.metrics();
    assert_eq!(metrics.sum("ringway_tls_handshake_failures_total", &[]), 0.0);
    assert!(metrics.sum("agentgateway_tls_handshake_duration_seconds_sum", &https) > 0.0);
    // What goes over the wire is more than what was asked.
    assert!(metrics.sum("agentgateway_downstream_received_bytes_total", &https) > 0.0);
}

fn the_origin_is_told(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let proxy = cell.start(&bench.only(&origin, json!({})));
    let mut client = bench.caller().must(proxy.address(), "test");
    client.ask("GET / HTTP/1.1\r\nHost: test\r\nX-Forwarded-Proto: http\r\n\r\n");
    assert_eq!(origin.last().head.all("x-forwarded-proto"), ["https"]);
}

/// A client can tell an end from a cut.
fn an_end_is_told(cell: Cell) {
    let bench = Bench::new();
    let origin = Origin::answering("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    let proxy = cell.start(&bench.only(&origin, json!({})));
    let mut client = bench.caller().must(proxy.address(), "test");
    client.send("GET / HTTP/1.0\r\nHost: test\r\n\r\n");
    assert_eq!(client.response().body(), "until the end");
    let mut client = bench.caller().must(proxy.address(), "test");
    client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert!(client.response().closes());
    client.wait_for_close();
    // A client that says goodbye, and listens.
    let mut client = bench.caller().must(proxy.address(), "test");
    assert!(matches!(client.wire.socket, Socket::Tls(_)));
    client.wire.socket.end();
    client.wait_for_close();
}
