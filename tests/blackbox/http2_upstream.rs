//! Backends that speak HTTP/2: requests of HTTP/1.1 clients share few connections, bodies go under
//! flow control both ways, and what an endpoint did not look at is sent again.

use std::thread;

use serde_json::json;

use crate::harness::config::Config;
use crate::harness::h2_origin::{Manners, pattern};
use crate::harness::load::{Habit, Load};
use crate::harness::*;

matrix! {
    requests_share_a_connection,
    large_bodies_go_both_ways,
    many_at_once_need_few_connections,
    a_drained_connection_loses_nothing,
    one_stream_at_a_time,
    a_dropped_connection_loses_no_get,
}

drivers! {
    what_the_endpoint_sees,
    trailers_reach_both_sides,
    answers_without_a_body,
    a_refused_stream_is_sent_again,
    an_endpoint_that_always_refuses_is_a_503,
    a_reset_before_an_answer_is_a_502,
    a_reset_behind_a_body_is_a_502,
    a_reset_before_a_body_ends_the_connection,
    a_reset_in_a_body_cuts_it,
    an_answer_may_come_before_the_body,
    too_many_that_wait_are_turned_away,
    an_endpoint_of_http_1_is_a_503,
    a_client_that_leaves_frees_its_stream,
    pings_are_answered,
    a_wish_for_another_protocol_is_not_passed_on,
    grpc_needs_no_version,
    what_is_counted,
    a_reload_closes_old_connections,
    what_idles_is_closed,
}

fn to(origin: &H2Origin) -> Config {
    with(origin, json!({ "http": { "version": "HTTP/2.0" } }))
}

fn with(origin: &H2Origin, policies: serde_json::Value) -> Config {
    let backend = json!({ "host": origin.host(), "policies": policies });
    config().route_with("/", json!({ "backends": [backend] }))
}

fn start() -> H2Origin {
    H2Origin::start(Manners::default())
}

fn requests_share_a_connection(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    let mut clients: Vec<_> = (0..8).map(|_| proxy.client()).collect();
    for _ in 0..20 {
        for client in &mut clients {
            assert_eq!(client.get("/").body(), "hello");
        }
    }
    assert!(origin.accepted() <= cell.workers, "{} connections", origin.accepted());
    assert_eq!(origin.seen().len(), 160);
}

fn what_the_endpoint_sees(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin).forwarded(json!({ "via": true })));
    let mut client = proxy.client();
    let request = "POST /some/path?q=1 HTTP/1.1\r\nHost: a.test\r\nConnection: x-hop\r\nX-Hop: 1\r\n\
                   X-Kept: yes\r\nContent-Length: 3\r\n\r\nabc";
    let response = client.ask(request);
    assert_eq!((response.body(), response.field("via")), ("hello".to_owned(), Some("2.0 ringway")));
    let seen = origin.last();
    assert_eq!((&*seen.method, &*seen.path, &*seen.authority), ("POST", "/some/path", "a.test"));
    assert_eq!(seen.body, b"abc");
    let field = |name: &str| seen.fields.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(field("x-kept"), Some("yes"));
    assert_eq!(field("content-length"), Some("3"));
    assert_eq!(field("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(field("via"), Some("1.1 ringway"), "each names what it received");
    for name in ["x-hop", "connection", "host", "transfer-encoding", "te"] {
        assert_eq!(field(name), None, "{name}");
    }
}

fn large_bodies_go_both_ways(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    let large = pattern(10 << 20);
    for _ in 0..2 {
        let response = client.get("/bytes/10485760");
        assert!(response.bytes == large, "{} bytes", response.bytes.len());
        let response = client.post("/echo", &large);
        assert!(response.bytes == large, "{} bytes", response.bytes.len());
        assert!(origin.last().body == large);
    }
    let sender = thread::spawn({
        let address = proxy.address();
        move || {
            let mut client = Client::http1(address);
            client.get("/bytes/10485760").bytes
        }
    });
    // A small one is not kept waiting for a large one to end.
    for _ in 0..20 {
        assert_eq!(client.get("/").body(), "hello");
    }
    assert!(sender.join().unwrap() == large);
    assert!(origin.accepted() <= cell.workers);
}

fn many_at_once_need_few_connections(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    let address = proxy.address();
    let clients: Vec<_> = (0..200)
        .map(|_| {
            thread::spawn(move || {
                let mut client = Client::http1(address);
                (client.get("/held").status, client.get("/").status)
            })
        })
        .collect();
    wait::until("all are with the endpoint", || origin.streams() == 200);
    origin.release();
    for client in clients {
        assert_eq!(client.join().unwrap(), (200, 200));
    }
    assert!(origin.accepted() <= 3 * cell.workers, "{} connections", origin.accepted());
    proxy.await_metric("agentgateway_retries_total", &[], 0.0);
}

fn a_drained_connection_loses_nothing(cell: Cell) {
    let origin = H2Origin::start(Manners { retire_after: Some(50), ..Manners::default() });
    let proxy = cell.start(&to(&origin));
    let habits = [Habit::KeepAlive; 16];
    let load = Load::start(proxy.address(), "/", "hello", &habits);
    load.wait_for(1500);
    let done = load.stop();
    assert!(origin.accepted() >= done / 200, "{} connections for {done}", origin.accepted());
    wait::until("drained connections are closed", || origin.open() <= 2 * cell.workers);
}

fn one_stream_at_a_time(cell: Cell) {
    let origin = H2Origin::start(Manners { streams_max: Some(1), ..Manners::default() });
    let proxy = cell.start(&to(&origin));
    let load = Load::start(proxy.address(), "/", "hello", &[Habit::KeepAlive; 24]);
    load.wait_for(500);
    load.stop();
    assert!(origin.accepted() <= 16 * cell.workers, "{} connections", origin.accepted());
    assert_eq!(proxy.metrics().sum("agentgateway_retries_total", &[]), 0.0, "nothing was refused");
}

fn a_dropped_connection_loses_no_get(cell: Cell) {
    let origin = H2Origin::start(Manners { drop_after: Some(10), ..Manners::default() });
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    for n in 0..100 {
        assert_eq!(client.get("/").body(), "hello", "request {n}");
    }
    assert!(origin.accepted() >= 10);
}

fn trailers_reach_both_sides(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    for _ in 0..3 {
        let response = client.ask(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: te\r\n\
             Content-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\n\0\0\0\0\0\r\n0\r\nx-sum: 7\r\n\r\n",
        );
        assert_eq!(response.status, 200);
        assert_eq!(response.bytes, [0; 5]);
        let trailer = ("grpc-status".to_owned(), "0".to_owned());
        assert!(response.trailers.contains(&trailer), "{:?}", response.trailers);
        let seen = origin.last();
        assert_eq!(seen.fields["te"], "trailers");
        assert_eq!(seen.trailers.expect("trailers")["x-sum"], "7");
    }
    assert_eq!(origin.accepted(), 1);
}

fn answers_without_a_body(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    for _ in 0..2 {
        assert_eq!(client.get("/status/204").status, 204);
        assert_eq!(client.get("/status/304").status, 304);
        let head = client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((head.status, head.field("content-length")), (200, Some("5")));
        let empty = client.get("/status/200");
        assert_eq!((empty.status, empty.body().as_str()), (200, ""));
        assert_eq!(client.get("/").body(), "hello");
    }
    assert_eq!(origin.accepted(), 1);
}

fn a_refused_stream_is_sent_again(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    assert_eq!(client.get("/refuse-once/1").status, 200);
    // Whatever the method: nothing was done.
    assert_eq!(client.post("/refuse-once/2", b"some").status, 200);
    assert_eq!(origin.last().body, b"some");
    assert_eq!((origin.asked("/refuse-once/1"), origin.asked("/refuse-once/2")), (2, 2));
    proxy.await_metric("agentgateway_retries_total", &[], 2.0);
    let refused = [("cause", "refused_stream")];
    proxy.await_metric("ringway_upstream_streams_reset_total", &refused, 2.0);
}

fn an_endpoint_that_always_refuses_is_a_503(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    assert_eq!(client.get("/refuse").status, 503);
    assert_eq!(origin.asked("/refuse"), 5, "that is enough");
    assert_eq!(client.get("/").body(), "hello", "the connection is as good as before");
    assert_eq!(origin.accepted(), 1);
}

fn a_reset_before_an_answer_is_a_502(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    assert_eq!(client.post("/cancel", b"x").status, 502);
    assert_eq!(origin.asked("/cancel"), 1);
    assert_eq!(client.get("/").body(), "hello");
    assert_eq!(origin.accepted(), 1);
}

/// The body came behind its head, and was sent on to its end: the connection goes on behind it.
fn a_reset_behind_a_body_is_a_502(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    client.send("POST /read-and-cancel HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
    wait::until("the head is with the endpoint", || origin.asked("/read-and-cancel") == 1);
    client.send("x");
    let response = client.response();
    assert_eq!((response.status, response.closes()), (502, false));
    assert_eq!(client.get("/").body(), "hello");
    assert_eq!((origin.asked("/read-and-cancel"), origin.accepted()), (1, 1));
}

/// Nobody wants the body that is still to come, and where it ends is not waited for.
fn a_reset_before_a_body_ends_the_connection(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    client.send("POST /cancel HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
    let response = client.response();
    assert_eq!((response.status, response.closes()), (502, true));
    client.send("x");
    client.wait_for_close();
    assert_eq!(proxy.client().get("/").body(), "hello");
    assert_eq!((origin.asked("/cancel"), origin.accepted()), (1, 1));
}

fn a_reset_in_a_body_cuts_it(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    let cut = client.try_ask("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(cut.is_err(), "{cut:?}");
    assert_eq!(proxy.client().get("/").body(), "hello");
    assert_eq!(origin.accepted(), 1);
}

fn an_answer_may_come_before_the_body(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    for _ in 0..3 {
        let mut client = proxy.client();
        client.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
        client.send([b'x'; 1000]);
        let response = client.response();
        assert_eq!((response.status, response.body().as_str()), (413, "early"));
        assert_eq!(proxy.client().get("/").body(), "hello");
    }
    assert_eq!(origin.accepted(), 1);
    proxy.await_metric("ringway_upstream_streams_active", &[], 0.0);
}

fn too_many_that_wait_are_turned_away(cell: Cell) {
    let origin = H2Origin::start(Manners { streams_max: Some(1), ..Manners::default() });
    let limits = json!({ "upstreamStreamsPerConnection": 1, "upstreamStreamsWaiting": 2 });
    let proxy = cell.start(&to(&origin).limits(limits));
    let address = proxy.address();
    let ask = move || {
        let mut client = Client::http1(address);
        client.get("/held").status
    };
    // 16 connections are opened at most, one after the other.
    let clients: Vec<_> = (0..30).map(|_| thread::spawn(ask)).collect();
    wait::until("somebody is turned away", || {
        let limit = [("limit", "upstream_streams_waiting")];
        proxy.metrics().sum("ringway_limit_hits_total", &limit) > 0.0
    });
    origin.release();
    let answers: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    let count = |status| answers.iter().filter(|&&answer| answer == status).count();
    assert!(count(503) > 0 && count(200) + count(503) == 30, "{answers:?}");
}

fn an_endpoint_of_http_1_is_a_503(cell: Cell) {
    let origin = Origin::http1().route("/", "no").start();
    let policies = json!({ "http": { "version": "HTTP/2.0" } });
    let backend = json!({ "host": origin.host(), "policies": policies });
    let proxy = cell.start(&config().route_with("/", json!({ "backends": [backend] })));
    let status = proxy.client().get("/").status;
    assert!([502, 503].contains(&status), "{status}");
}

fn a_client_that_leaves_frees_its_stream(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    for _ in 0..3 {
        let mut client = proxy.client();
        client.send("GET /bytes/50000000 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.head().field("transfer-encoding"), Some("chunked"));
    }
    proxy.await_metric("ringway_upstream_streams_active", &[], 0.0);
    proxy.await_metric("ringway_upstream_streams_reset_total", &[("cause", "cancel")], 3.0);
    assert_eq!(proxy.client().get("/").body(), "hello");
    assert_eq!(origin.accepted(), 1);
}

fn pings_are_answered(cell: Cell) {
    let origin = H2Origin::start(Manners { pings: true, ..Manners::default() });
    let proxy = cell.start(&to(&origin));
    assert_eq!(proxy.client().get("/").body(), "hello");
    wait::until("the PING is answered", || origin.pongs() == 1);
}

/// HTTP/2 has no upgrades: the endpoint is asked as if the client had not wished for one.
fn a_wish_for_another_protocol_is_not_passed_on(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    let response = client.ask(
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    assert_eq!((response.status, response.body().as_str()), (200, "hello"));
    assert_eq!(origin.last().fields.get("upgrade"), None);
}

fn grpc_needs_no_version(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&with(&origin, json!({})));
    let mut client = proxy.client();
    for kind in ["application/grpc", "application/grpc+proto", "Application/GRPC; x=y"] {
        let response = client.ask(&format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: 2\r\n\r\nhi"
        ));
        assert_eq!((response.status, response.body().as_str()), (200, "hi"));
    }
    // What is not gRPC goes out as HTTP/1.1, which this endpoint does not speak.
    let web = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web\r\n\
               Content-Length: 2\r\n\r\nhi";
    assert_eq!(client.ask(web).status, 502);
}

fn what_is_counted(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin));
    let address = proxy.address();
    let held = thread::spawn(move || Client::http1(address).get("/held").status);
    let backend = origin.host();
    let labels = [("backend", backend.as_str())];
    proxy.await_metric("ringway_upstream_streams_active", &labels, 1.0);
    proxy.await_metric("ringway_upstream_http2_connections", &labels, 1.0);
    origin.release();
    assert_eq!(held.join().unwrap(), 200);
    proxy.await_metric("ringway_upstream_streams_active", &labels, 0.0);
    proxy.await_metric("ringway_pool_idle_connections", &labels, 1.0);
    let connects = proxy.metrics();
    let count = "agentgateway_upstream_connect_duration_seconds_count";
    assert_eq!(connects.sum(count, &[("transport", "plaintext")]), 1.0);
}

fn a_reload_closes_old_connections(cell: Cell) {
    let (first, second) = (start(), start());
    let proxy = cell.start(&to(&first));
    let mut client = proxy.client();
    assert_eq!(client.get("/").body(), "hello");
    let address = proxy.address();
    let held = thread::spawn(move || Client::http1(address).get("/held").status);
    wait::until("a request is under way", || first.asked("/held") == 1);
    proxy.reload(&to(&second));
    wait::until("the new backend is asked", || {
        client.get("/");
        !second.seen().is_empty()
    });
    first.release();
    assert_eq!(held.join().unwrap(), 200, "what is under way is finished");
    wait::until("the old connection is closed", || first.open() == 0);
}

fn what_idles_is_closed(cell: Cell) {
    let origin = start();
    let proxy = cell.start(&to(&origin).process(json!({ "backend": { "poolIdleTimeout": "1s" } })));
    let mut client = proxy.client();
    assert_eq!(client.get("/").body(), "hello");
    wait::until("the connection is closed", || origin.open() == 0);
    proxy.await_metric("ringway_upstream_http2_connections", &[], 0.0);
    assert_eq!(client.get("/").body(), "hello");
    assert_eq!(origin.accepted(), 2);
}
