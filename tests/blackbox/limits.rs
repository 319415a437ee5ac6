//! Bounds: what is too large, too many or too slow gets its answer, and is counted.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::h2_client::H2;
use crate::harness::*;

matrix! {
    a_slow_head_is_a_408,
    connections_in_all,
    an_idle_connection_is_closed,
}

drivers! {
    heads_and_fields,
    targets,
    a_head_of_the_size_allowed,
    a_body_that_stops_is_a_408,
    who_sends_on_behind_a_408_is_not_reset,
    idle_connections_without_buffers_are_closed,
    a_request_that_takes_too_long_is_a_504,
    a_try_that_takes_too_long_is_a_504,
    a_late_body_is_cut,
    connections_of_a_worker,
    requests_of_a_connection,
    an_old_connection_takes_no_more,
    a_client_that_takes_nothing_is_cut,
    full_buffers_turn_requests_away,
}

fn heads_and_fields(cell: Cell) {
    let origin = Origin::http1().start();
    let proxy = cell.start(
        &config()
            .route("/", &origin)
            .limits(json!({ "headBytes": "4KiB", "targetBytes": "1KiB" }))
            .frontend(json!({ "http": { "http1MaxHeaders": 20 } })),
    );
    let fields = |count: usize| (0..count).map(|n| format!("X-{n}: 1\r\n")).collect::<String>();
    let cases = [
        (200, fields(19)),
        (431, fields(20)),
        (200, format!("X: {}\r\n", "x".repeat(3500))),
        (431, format!("X: {}\r\n", "x".repeat(5000))),
        (431, format!("{}: 1\r\n", "x".repeat(5000))),
        (431, format!("X: {}\r\n", "x".repeat(500_000))),
    ];
    for (status, fields) in cases {
        let request = format!("GET /x HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        // The path has no answer at the origin: 404 is what a request gets that arrives there.
        let wanted = if status == 200 { 404 } else { status };
        let mut client = proxy.client();
        client.send(request);
        let response = client.response();
        assert_eq!((response.status, response.closes()), (wanted, status != 200));
    }
    proxy.await_metric("ringway_limit_hits_total", &[("limit", "head_bytes")], 3.0);
    proxy.await_metric("ringway_limit_hits_total", &[("limit", "fields")], 1.0);
}

fn targets(cell: Cell) {
    let origin = Origin::http1().start();
    let small = json!({ "targetBytes": "1KiB" });
    let proxy = cell.start(&config().route("/", &origin).limits(small));
    for (status, bytes) in [(404, 1024), (414, 1025), (414, 5000), (414, 1_000_000)] {
        let target = format!("/{}", "x".repeat(bytes - 1));
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut client = proxy.client();
        client.send(request);
        assert_eq!(client.response().status, status, "{bytes}");
    }
    proxy.await_metric("ringway_limit_hits_total", &[("limit", "target_bytes")], 3.0);
}

/// More than one read brings, in both directions.
fn a_head_of_the_size_allowed(cell: Cell) {
    let field = format!("X-Long: {}\r\n", "x".repeat(30_000));
    let head = format!("HTTP/1.1 200 OK\r\n{field}Content-Length: 2\r\n\r\nok");
    let origin = Origin::http1().answer("/", head).start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for _ in 0..3 {
        let response = client.ask(&format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n"));
        assert_eq!((response.status, response.body()), (200, "ok".to_owned()));
        assert_eq!(response.field("x-long").map(str::len), Some(30_000));
        assert_eq!(origin.last().head.field("x-long").map(str::len), Some(30_000));
    }
}

/// Slowloris: a byte now and then does not move the deadline.
fn a_slow_head_is_a_408(cell: Cell) {
    let origin = Origin::http1().start();
    let quick = json!({ "headerTimeout": "600ms" });
    let proxy = cell.start(&config().route("/", &origin).limits(quick));
    let mut client = proxy.client();
    let started = Instant::now();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    client.wire.socket.set_read_timeout(Duration::from_millis(50));
    let response = wait::eventually("an answer", || {
        let _ = client.wire.send("X");
        client.wire.response("GET").ok()
    });
    let took = started.elapsed();
    assert_eq!((response.status, response.closes()), (408, true));
    assert!(took >= Duration::from_millis(550), "{took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    proxy.await_metric("ringway_timeouts_total", &[("kind", "head")], 1.0);
    assert!(origin.seen().is_empty());
}

fn an_idle_connection_is_closed(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let idle = json!({ "http": { "http1IdleTimeout": "3s" } });
    let proxy = cell.start(&config().route("/", &origin).frontend(idle));
    // A silent one, and one that had a request: neither is told anything.
    let mut silent = proxy.client();
    let mut used = proxy.client();
    let started = Instant::now();
    assert_eq!(used.get("/").body(), "hello");
    used.wait_for_close();
    assert!(started.elapsed() >= Duration::from_millis(2900), "{:?}", started.elapsed());
    silent.wait_for_close();
    proxy.await_metric("ringway_timeouts_total", &[("kind", "idle")], 2.0);
    proxy.await_metric("ringway_active_connections", &[], 0.0);
}

/// From the 129th on they wait without a buffer, and are counted all the same.
fn idle_connections_without_buffers_are_closed(cell: Cell) {
    let origin = Origin::http1().start();
    let idle = json!({ "http": { "http1IdleTimeout": "3s" } });
    let proxy = cell.start(&config().route("/", &origin).frontend(idle));
    let mut clients: Vec<_> = (0..160).map(|_| proxy.client()).collect();
    clients.iter_mut().for_each(Client::wait_for_close);
    proxy.await_metric("ringway_timeouts_total", &[("kind", "idle")], 160.0);
}

fn a_body_that_stops_is_a_408(cell: Cell) {
    let origin = Origin::http1().start();
    let quick = json!({ "readTimeout": "400ms" });
    let proxy = cell.start(&config().route("/", &origin).limits(quick));
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome");
    let response = client.response();
    assert_eq!((response.status, response.closes()), (408, true));
    client.wait_for_close();
    wait::until("the upstream connection is closed", || origin.open() == 0);
    assert!(origin.seen().is_empty());
    proxy.await_metric("ringway_timeouts_total", &[("kind", "body")], 1.0);
}

/// What comes behind a 408 is listened to for a while, so that it does not destroy the answer:
/// RFC 9112 section 9.6.
fn who_sends_on_behind_a_408_is_not_reset(cell: Cell) {
    let origin = Origin::http1().start();
    let quick = json!({ "headerTimeout": "400ms", "readTimeout": "400ms" });
    let proxy = cell.start(&config().route("/", &origin).limits(quick));
    let body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome";
    for begun in ["GET / HT", body] {
        let shown = (0..20).any(|_| {
            let mut client = proxy.client();
            let started = Instant::now();
            client.send(begun);
            assert_eq!(client.response().status, 408);
            let sent = (0..10).all(|_| client.wire.send("more").is_ok());
            client.shut_write();
            let rest = client.wire.rest();
            // It listens for two seconds. Who came later than that has shown nothing.
            let in_time = started.elapsed() < Duration::from_secs(2);
            assert!(!in_time || (sent && rest.is_ok_and(|rest| rest.is_empty())), "{begun}");
            in_time
        });
        assert!(shown, "never in time: {begun}");
    }
}

fn silent() -> Origin {
    Origin::script(|visit| {
        visit.request()?;
        visit.until_closed();
        Ok(())
    })
}

fn a_request_that_takes_too_long_is_a_504(cell: Cell) {
    let origin = silent();
    let route = json!({
        "policies": { "timeout": { "requestTimeout": "400ms" } },
        "backends": [{ "host": origin.host() }],
    });
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    let started = Instant::now();
    let response = client.get("/");
    assert_eq!((response.status, response.body()), (504, "request timeout".to_owned()));
    assert!(started.elapsed() >= Duration::from_millis(350), "{:?}", started.elapsed());
    wait::until("the upstream connection is closed", || origin.open() == 0);
    proxy.await_metric("ringway_timeouts_total", &[("kind", "request")], 1.0);
    let slow = [("status", "504"), ("reason", "Timeout")];
    proxy.await_metric("agentgateway_requests_total", &slow, 1.0);
}

fn a_try_that_takes_too_long_is_a_504(cell: Cell) {
    let origin = silent();
    let route = json!({
        "policies": { "timeout": { "requestTimeout": "1m", "backendRequestTimeout": "300ms" } },
        "backends": [{ "host": origin.host() }],
    });
    let proxy = cell.start(&config().route_with("/", route));
    let response = proxy.client().get("/");
    assert_eq!((response.status, response.body()), (504, "upstream call timeout".to_owned()));
    proxy.await_metric("ringway_timeouts_total", &[("kind", "attempt")], 1.0);
}

/// Once the head is with the client nothing but a cut can say that the rest will not come.
fn a_late_body_is_cut(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.request()?;
        visit.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")?;
        visit.until_closed();
        Ok(())
    });
    let route = json!({
        "policies": { "timeout": { "requestTimeout": "3s" } },
        "backends": [{ "host": origin.host() }],
    });
    let proxy = cell.start(&config().route_with("/", route));
    let started = Instant::now();
    let answer = proxy.client().try_ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(answer.is_err(), "half a body was given out for a whole one");
    assert!(started.elapsed() < wait::PATIENCE, "no cut in time");
    wait::until("the upstream connection is closed", || origin.open() == 0);
}

/// Who comes when it is full waits, and gets in when somebody leaves.
fn full(proxy: &Proxy, limit: &str, most: usize) {
    let mut inside: Vec<_> = (0..most).map(|_| proxy.client()).collect();
    for client in &mut inside {
        assert_eq!(client.get("/").body(), "hello");
    }
    let mut waiting = proxy.client();
    waiting.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    waiting.stays_silent(Duration::from_millis(300));
    wait::until("it is counted", || {
        proxy.metrics().sum("ringway_limit_hits_total", &[("limit", limit)]) > 0.0
    });
    inside.pop();
    assert_eq!(waiting.response().body(), "hello");
    assert_eq!(inside[0].get("/").body(), "hello");
}

fn connections_in_all(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let few = json!({ "connections": 5 });
    let proxy = cell.start(&config().route("/", &origin).limits(few));
    full(&proxy, "connections", 5);
}

fn connections_of_a_worker(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let few = json!({ "connectionsPerWorker": 3 });
    let proxy = cell.start(&config().route("/", &origin).limits(few));
    full(&proxy, "connections_worker", 3);
}

fn requests_of_a_connection(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let few = json!({ "pipelinedRequests": 3 });
    let proxy = cell.start(&config().route("/", &origin).limits(few));
    let mut client = proxy.client();
    for n in 1..=3 {
        let response = client.get("/");
        assert_eq!((response.body(), response.closes()), ("hello".to_owned(), n == 3));
    }
    client.wait_for_close();
    wait::until("it is counted", || {
        let limit = [("limit", "requests_per_connection")];
        proxy.metrics().sum("ringway_limit_hits_total", &limit) == 1.0
    });
}

fn an_old_connection_takes_no_more(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let short = json!({ "http": { "maxConnectionDuration": "300ms" } });
    let proxy = cell.start(&config().route("/", &origin).frontend(short));
    let begun = Instant::now();
    let mut client = proxy.client();
    let mut streams = H2::connect(proxy.address());
    while !client.get("/").closes() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it is kept for ever");
    }
    assert!(begun.elapsed() >= Duration::from_millis(300), "it ends before its time");
    client.wait_for_close();
    // One of HTTP/2 says so by itself, and not as an error.
    assert_eq!(streams.end(), Some(0));
}

fn a_client_that_takes_nothing_is_cut(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.request()?;
        visit.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")?;
        while visit.wire.send(vec![b'x'; 1_000_000]).is_ok() {}
        Ok(())
    });
    let quick = json!({ "writeTimeout": "500ms" });
    let proxy = cell.start(&config().route("/", &origin).limits(quick));
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wait::until("the origin is rid of it", || origin.accepted() == 1 && origin.open() == 0);
    proxy.await_metric("ringway_timeouts_total", &[("kind", "write")], 1.0);
    proxy.await_metric("ringway_active_connections", &[], 0.0);
}

/// Many clients that do not read what they asked for: who comes now is told to come back later.
fn full_buffers_turn_requests_away(cell: Cell) {
    let origin = Origin::http1()
        .route("/", "hello")
        .on("/flood", |_, visit| {
            visit.reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            let chunk = [b"40000\r\n", &vec![b'x'; 0x40000][..], b"\r\n"].concat();
            while visit.reply(&chunk) == origin::Next::Keep {}
            origin::Next::Close
        })
        .start();
    let small = json!({ "bufferedBytes": "16MiB" });
    let proxy = cell.start(&config().route("/", &origin).limits(small));
    assert_eq!(proxy.client().get("/").body(), "hello");
    let flooded = (0..100).map(|_| {
        let mut client = proxy.client();
        client.send("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
        client
    });
    let flooded: Vec<_> = flooded.collect();
    let refused = wait::eventually("a request is turned away", || {
        Some(proxy.client().get("/")).filter(|response| response.status == 503)
    });
    assert!(refused.field("retry-after").is_some());
    wait::until("it is seen", || proxy.metrics().sum("ringway_buffers_bytes", &[]) > 16e6);
    wait::until("it is counted", || {
        proxy.metrics().sum("ringway_limit_hits_total", &[("limit", "buffered_bytes")]) > 0.0
    });
    flooded.into_iter().for_each(|client| client.wire.socket.reset());
    wait::until("there is room again", || proxy.client().get("/").status == 200);
}
