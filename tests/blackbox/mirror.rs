//! Requests that are sent to a second backend as well: with their bodies, for a share of them, and
//! without the exchange noticing, whatever becomes of the second.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::h2_origin::{H2Origin, Manners};
use crate::harness::origin::{Next, ok};
use crate::harness::*;

matrix! {
    a_mirror_gets_what_the_backend_gets,
    a_body_that_comes_in_pieces_is_mirrored_too,
    a_mirror_that_is_down_or_silent_holds_up_nothing,
    a_mirror_may_speak_http2,
}

drivers! {
    a_share_of_the_requests_is_mirrored,
    a_body_that_was_cut_is_cut_in_the_mirror,
    a_mirror_that_takes_no_bytes_is_given_up,
    connections_of_mirrors_are_kept,
}

fn route(origin: &Origin, mirror: Value) -> Value {
    json!({ "policies": { "requestMirror": mirror }, "backends": [{ "host": origin.host() }] })
}

fn to(mirror: &Origin) -> Value {
    json!({ "backend": { "host": mirror.host() } })
}

fn a_mirror_gets_what_the_backend_gets(cell: Cell) {
    let origin = Origin::http1().answer("/a", ok("answer")).start();
    let mirror = Origin::http1().answer("/a", ok("nobody reads this")).start();
    let proxy = cell.start(&config().route_with("/", route(&origin, to(&mirror))));
    let mut client = proxy.client();
    for turn in 0..5_u8 {
        let body = vec![b'a' + turn; 1000 * usize::from(turn)];
        assert_eq!(client.post("/a", &body).body(), "answer");
        wait::until("the mirror has it", || mirror.seen().len() == usize::from(turn) + 1);
        let (sent, shadow) = (origin.last(), mirror.last());
        assert_eq!(shadow.body, body);
        assert_eq!(shadow.head.first_line, sent.head.first_line);
        assert_eq!(shadow.head.all("x-forwarded-for"), sent.head.all("x-forwarded-for"));
    }
    assert_eq!(client.get("/a").body(), "answer");
    proxy.await_metric("ringway_mirrored_requests_total", &[], 6.0);
    assert_eq!(proxy.metrics().sum("ringway_mirror_drops_total", &[]), 0.0);
}

/// Bodies and all, over streams of few connections; and refusals that hold up nothing.
fn a_mirror_may_speak_http2(cell: Cell) {
    let origin = Origin::http1().answer("/echo", ok("a")).answer("/refuse", ok("b")).start();
    let mirror = H2Origin::start(Manners::default());
    let policies = json!({ "http": { "version": "HTTP/2.0" } });
    let backend = json!({ "host": mirror.host(), "policies": policies });
    let mirrored = route(&origin, json!({ "backend": backend }));
    let proxy = cell.start(&config().route_with("/", mirrored));
    let mut client = proxy.client();
    let small = |turn: usize| vec![b'a' + turn as u8; 1000 * turn];
    for turn in 0..10 {
        assert_eq!(client.post("/echo", &small(turn)).body(), "a");
        wait::until("the mirror has it", || mirror.seen().len() == turn + 1);
        let seen = mirror.last();
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/echo"));
        assert!(seen.body == small(turn));
    }
    let large = vec![b'x'; 300_000];
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for piece in large.chunks(10_000) {
        client.send(format!("{:x}\r\n", piece.len()));
        client.send(piece);
        client.send("\r\n");
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.response().body(), "a");
    let settled = || {
        let metrics = proxy.metrics();
        metrics.sum("ringway_mirrored_requests_total", &[])
            + metrics.sum("ringway_mirror_drops_total", &[])
    };
    wait::until("the large one has come to its end", || settled() == 11.0);
    let seen = mirror.seen();
    assert!(seen.len() == 10 || seen[10].body == large, "whole or not at all");
    for _ in 0..5 {
        assert_eq!(client.get("/refuse").body(), "b");
    }
    wait::until("refused mirrors are given up", || settled() == 16.0);
    assert!(proxy.metrics().sum("ringway_mirror_drops_total", &[]) >= 5.0);
    assert!(mirror.accepted() <= cell.workers);
    assert_eq!(proxy.metrics().sum("agentgateway_requests_total", &[("status", "200")]), 16.0);
}

fn a_body_that_comes_in_pieces_is_mirrored_too(cell: Cell) {
    let origin = Origin::http1().answer("/a", ok("answer")).start();
    let mirror = Origin::http1().answer("/a", ok("nobody reads this")).start();
    let proxy = cell.start(&config().route_with("/", route(&origin, to(&mirror))));
    let mut client = proxy.client();
    let piece = vec![b'x'; 10_000];
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    for _ in 0..10 {
        client.send(&piece);
    }
    assert_eq!(client.response().body(), "answer");
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..10 {
        client.send("4\r\nabcd\r\n");
    }
    client.send("0\r\nX-Trailer: 1\r\n\r\n");
    assert_eq!(client.response().body(), "answer");
    wait::until("the mirror has both", || mirror.seen().len() == 2);
    // Each on a connection of its own, or one behind the other: both orders are right.
    let mut lengths: Vec<_> = mirror.seen().iter().map(|seen| seen.body.len()).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [40, 100_000]);
    proxy.await_metric("ringway_mirrored_requests_total", &[], 2.0);
}

fn a_mirror_that_is_down_or_silent_holds_up_nothing(cell: Cell) {
    let origin = Origin::http1().answer("/down", ok("a")).answer("/silent", ok("b")).start();
    let silent = Origin::script(|visit| {
        visit.until_closed();
        Ok(())
    });
    // A port on which nobody listens any more.
    let down = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let down = json!({ "backend": { "host": down.to_string() } });
    let proxy = cell.start(
        &config()
            .route_with("/down", route(&origin, down))
            .route_with("/silent", route(&origin, to(&silent))),
    );
    let mut client = proxy.client();
    let started = Instant::now();
    for _ in 0..20 {
        assert_eq!(client.post("/down", b"body").body(), "a");
        assert_eq!(client.post("/silent", b"body").body(), "b");
    }
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    proxy.await_metric("ringway_mirror_drops_total", &[], 20.0);
    assert_eq!(proxy.metrics().sum("ringway_mirrored_requests_total", &[]), 0.0);
}

fn a_share_of_the_requests_is_mirrored(cell: Cell) {
    let origin = Origin::http1().answer("/half", ok("a")).answer("/none", ok("a")).start();
    let mirror = Origin::http1().start();
    let share = |of: f64| json!({ "backend": { "host": mirror.host() }, "percentage": of });
    let proxy = cell.start(
        &config()
            .route_with("/half", route(&origin, share(0.5)))
            .route_with("/none", route(&origin, share(0.0))),
    );
    let mut client = proxy.client();
    for _ in 0..200 {
        assert_eq!(client.get("/none").status, 200);
        assert_eq!(client.get("/half").status, 200);
        // One at a time: too many at once would be given up.
        wait::until("mirrors are answered", || mirror.open() <= 64);
    }
    // 100 are to be expected, and 40 away from that is once in a hundred million.
    let mirrored = || proxy.metrics().sum("ringway_mirrored_requests_total", &[]);
    wait::until("mirrors are counted", || mirrored() >= 60.0);
    assert!(mirrored() <= 140.0, "{}", mirrored());
    assert!(mirror.seen().iter().all(|seen| seen.target == "/half"));
}

fn a_body_that_was_cut_is_cut_in_the_mirror(cell: Cell) {
    let origin = Origin::http1().answer("/", ok("a")).start();
    let mirror = Origin::http1().answer("/", ok("a")).start();
    let proxy = cell.start(&config().route_with("/", route(&origin, to(&mirror))));
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n");
    wait::until("the mirror has begun", || mirror.open() == 1);
    drop(client);
    proxy.await_metric("ringway_mirror_drops_total", &[], 1.0);
    wait::until("its connection ends", || mirror.open() == 0);
    assert_eq!(mirror.seen().len(), 0, "half a body is no request");
}

fn a_mirror_that_takes_no_bytes_is_given_up(cell: Cell) {
    const BODY_BYTES: usize = 32 * 1024 * 1024;
    let origin = Origin::http1().answer("/", ok("a")).start();
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let mirror = Origin::script(move |visit| {
        visit.head()?;
        // It reads nothing until the test is over.
        let _ = held.lock().unwrap().recv();
        Ok(())
    });
    let proxy = cell.start(&config().route_with("/", route(&origin, to(&mirror))));
    let mut client = proxy.client();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY_BYTES}\r\n\r\n"));
    let piece = vec![b'x'; 1024 * 1024];
    for _ in 0..BODY_BYTES / piece.len() {
        client.send(&piece);
    }
    assert_eq!(client.response().body(), "a");
    assert_eq!(origin.last().body.len(), BODY_BYTES);
    // What it could not take was not kept for it.
    let buffered = proxy.metrics().sum("ringway_buffers_bytes", &[]);
    assert!(buffered < (BODY_BYTES / 4) as f64, "{buffered}");
    drop(hold);
    proxy.await_metric("ringway_mirror_drops_total", &[], 1.0);
}

fn connections_of_mirrors_are_kept(cell: Cell) {
    let origin = Origin::http1().answer("/", ok("a")).start();
    let mirror = Origin::http1()
        .on("/", |_, visit| {
            visit.reply(b"HTTP/1.1 100 Continue\r\n\r\n");
            visit.reply(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            );
            Next::Keep
        })
        .start();
    let proxy = cell.start(&config().route_with("/", route(&origin, to(&mirror))));
    let mut client = proxy.client();
    for turn in 0..10 {
        assert_eq!(client.get("/").body(), "a");
        proxy.await_metric("ringway_mirrored_requests_total", &[], f64::from(turn + 1));
    }
    assert_eq!(mirror.accepted(), 1);
}
