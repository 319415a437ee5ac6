//! An idle upstream connection may close at the moment it is used: RFC 9112 section 9.3.1. What
//! can be sent again is, once; what cannot never is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::*;

matrix! {
    a_get_on_a_stale_connection_is_sent_again,
    it_is_sent_again_once,
    a_post_is_never_sent_twice,
    closing_behind_every_answer,
    a_fresh_connection_is_not_tried_again,
    half_an_answer_is_not_tried_again,
}

/// Answers the first request of each connection, and closes when the second has come.
fn forgetful() -> Origin {
    Origin::script(|visit| {
        visit.request()?;
        visit.wire.send(origin::ok("first"))?;
        visit.request().map(drop)
    })
}

fn a_get_on_a_stale_connection_is_sent_again(cell: Cell) {
    let origin = forgetful();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    assert_eq!(client.get("/1").body(), "first");
    assert_eq!(client.get("/2").body(), "first");
    let seen = origin.seen();
    let tries = |target: &str| seen.iter().filter(|request| request.target == target).count();
    assert_eq!((tries("/1"), tries("/2"), origin.accepted()), (1, 2, 2));
    proxy.await_metric("agentgateway_retries_total", &[], 1.0);
}

fn it_is_sent_again_once(cell: Cell) {
    let count = Arc::new(AtomicUsize::new(0));
    let origin = Origin::script(move |visit| {
        visit.request()?;
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            visit.wire.send(origin::ok("first"))?;
            visit.request()?;
        }
        Ok(())
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    assert_eq!(client.get("/").body(), "first");
    assert_eq!(client.get("/").status, 502);
    assert_eq!(origin.accepted(), 2);
}

fn a_post_is_never_sent_twice(cell: Cell) {
    let origin = forgetful();
    let proxy = cell.start(&config().route("/", &origin));
    let requests = [
        "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "PATCH /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    ];
    for (n, request) in (1..).zip(requests) {
        let mut client = proxy.client();
        assert_eq!(client.get("/1").body(), "first");
        assert_eq!(client.ask(request).status, 502);
        let seen = origin.seen();
        assert_eq!(seen.iter().filter(|request| request.target == "/2").count(), n);
    }
}

/// The origin closes each connection right behind its answer, without a word before: whether
/// the proxy finds out before or after it has written the next request is a race.
fn closing_behind_every_answer(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.request()?;
        visit.wire.send(origin::ok("once"))
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for n in 0..300 {
        assert_eq!(client.get("/get").body(), "once", "request {n}");
        let mut fresh = proxy.client();
        let request = format!("POST /{n} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
        assert!([200, 502].contains(&fresh.ask(&request).status));
    }
    let mut posts: Vec<_> = origin.seen().into_iter().map(|request| request.target).collect();
    posts.retain(|target| target != "/get");
    let all = posts.len();
    posts.sort();
    posts.dedup();
    assert_eq!(posts.len(), all, "a POST was sent twice");
}

fn a_fresh_connection_is_not_tried_again(cell: Cell) {
    let origin = Origin::script(|visit| visit.request().map(drop));
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    assert_eq!(client.get("/").status, 502);
    assert_eq!(origin.accepted(), 1);
    assert_eq!(client.get("/").status, 502);
    assert_eq!(origin.accepted(), 2);
}

/// Bytes of a response came: what the origin did cannot be known, so it is not asked again.
fn half_an_answer_is_not_tried_again(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.request()?;
        visit.wire.send(origin::ok("first"))?;
        visit.request()?;
        visit.wire.send("HTTP/1.1 200 OK\r\nConte")
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    assert_eq!(client.get("/").body(), "first");
    assert_eq!(client.get("/2").status, 502);
    let tries = origin.seen().iter().filter(|request| request.target == "/2").count();
    assert_eq!(tries, 1);
}
