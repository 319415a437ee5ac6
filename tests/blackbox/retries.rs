//! What is tried again, and what never is. (That a stale connection costs no request is tested in
//! `http1::retry`: it takes no policy.)

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::config::Config;
use crate::harness::h2_origin::Manners;
use crate::harness::load::{Habit, Load};
use crate::harness::*;

matrix! {
    a_status_that_is_listed_is_tried_again,
    an_endpoint_that_dies_under_load_costs_no_request,
    a_hanging_endpoint_is_left_for_another,
}

drivers! {
    the_last_answer_is_the_clients,
    bodies_are_sent_again_up_to_a_size,
    a_post_is_tried_again_only_if_that_is_said,
    nothing_is_tried_again_once_a_byte_went_out,
    an_interim_response_cannot_be_taken_back,
    waits_are_kept_and_the_whole_has_a_limit,
    the_budget_ends_a_storm,
    tried_again_over_http2_too,
    bad_retries_are_refused,
}

const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";

fn retried(hosts: &[&str], retry: Value) -> Config {
    retried_with(hosts, retry, json!({}))
}

fn retried_with(hosts: &[&str], retry: Value, timeout: Value) -> Config {
    let policies = json!({ "loadBalancer": { "algorithm": "roundRobin" } });
    config().route_with(
        "/",
        json!({
            "policies": { "retry": retry, "timeout": timeout },
            "backends": [{ "hosts": hosts, "policies": policies }],
        }),
    )
}

/// 503 so many times, then 200.
fn busy(times: usize) -> Origin {
    let count = AtomicUsize::new(0);
    Origin::http1()
        .on("/", move |request, visit| match count.fetch_add(1, Ordering::SeqCst) < times {
            true => visit.reply(BUSY),
            false => visit.reply(&origin::ok(&*request.body)),
        })
        .start()
}

fn a_status_that_is_listed_is_tried_again(cell: Cell) {
    let origin = busy(2);
    let proxy = cell.start(&retried(&[origin.host()], json!({ "attempts": 3, "codes": [503] })));
    assert_eq!(proxy.client().get("/").status, 200);
    let numbers: Vec<_> = origin
        .seen()
        .iter()
        .map(|request| request.head.field("x-retry-attempt").map(str::to_owned))
        .collect();
    assert_eq!(numbers, [None, Some("1".to_owned()), Some("2".to_owned())]);
    assert_eq!(origin.accepted(), 1, "a whole answer leaves its connection usable");
    proxy.await_metric("agentgateway_retries_total", &[], 2.0);
}

fn the_last_answer_is_the_clients(cell: Cell) {
    let origin = busy(100);
    let proxy = cell.start(&retried(&[origin.host()], json!({ "attempts": 2, "codes": [503] })));
    let mut client = proxy.client();
    let response = client.get("/");
    assert_eq!((response.status, response.body().as_str()), (503, "busy"));
    assert_eq!(origin.seen().len(), 3);
    let other = Origin::http1().answer("/", "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n").start();
    let proxy = cell.start(&retried(&[other.host()], json!({ "attempts": 2, "codes": [503] })));
    assert_eq!((proxy.client().get("/").status, other.seen().len()), (500, 1), "not listed");
}

fn bodies_are_sent_again_up_to_a_size(cell: Cell) {
    for (size, tries) in [(0, 2), (10, 2), (60_000, 2), (70_000, 1), (300_000, 1)] {
        let origin = busy(1);
        let retry = json!({ "attempts": 1, "codes": [503] });
        let proxy = cell.start(&retried(&[origin.host()], retry));
        let body: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        let mut client = proxy.client();
        let response = client.post("/", &body);
        assert_eq!(response.status, if tries == 2 { 200 } else { 503 }, "{size}");
        let seen = origin.seen();
        assert!(seen.len() == tries && seen.iter().all(|one| one.body == body), "{size}");
        // The connection goes on behind it.
        assert_eq!(client.get("/").status, 200, "{size}");
    }
}

/// Reads a request and closes, so often; then answers.
fn dropping(times: usize) -> Origin {
    let count = AtomicUsize::new(0);
    Origin::script(move |visit| {
        visit.request()?;
        match count.fetch_add(1, Ordering::SeqCst) < times {
            true => Ok(()),
            false => visit.wire.send(origin::ok("there")),
        }
    })
}

fn a_post_is_tried_again_only_if_that_is_said(cell: Cell) {
    for (method, any, status) in
        [("GET", false, 200), ("PUT", false, 200), ("POST", false, 502), ("POST", true, 200)]
    {
        let origin = dropping(1);
        let retry = json!({ "attempts": 1, "nonIdempotent": any });
        let proxy = cell.start(&retried(&[origin.host()], retry));
        let request = format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        assert_eq!(proxy.client().ask(&request).status, status, "{method} {any}");
        assert_eq!(origin.seen().len(), if status == 200 { 2 } else { 1 });
    }
}

fn nothing_is_tried_again_once_a_byte_went_out(cell: Cell) {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nsome";
    let origin = Origin::answering(half);
    let retry = json!({ "attempts": 3, "codes": [503] });
    let proxy = cell.start(&retried(&[origin.host()], retry));
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.wire.response("GET").is_err(), "the answer is cut");
    assert_eq!(origin.seen().len(), 1);
}

fn an_interim_response_cannot_be_taken_back(cell: Cell) {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let origin = Origin::answering(format!("{early}{}", String::from_utf8_lossy(BUSY)));
    let retry = json!({ "attempts": 3, "codes": [503] });
    let proxy = cell.start(&retried(&[origin.host()], retry));
    let response = proxy.client().get("/");
    assert_eq!((response.status, response.interim.len(), origin.seen().len()), (503, 1, 1));
}

fn a_hanging_endpoint_is_left_for_another(cell: Cell) {
    let hanging = Origin::script(|visit| {
        visit.head()?;
        visit.until_closed();
        Ok(())
    });
    let origin = Origin::http1().route("/", "quick").start();
    let config = retried_with(
        &[hanging.host(), origin.host()],
        json!({ "attempts": 1 }),
        json!({ "backendRequestTimeout": "200ms" }),
    );
    let proxy = cell.start(&config);
    let mut client = proxy.client();
    for _ in 0..4 {
        assert_eq!(client.get("/").body(), "quick");
    }
}

fn waits_are_kept_and_the_whole_has_a_limit(cell: Cell) {
    let origin = busy(1);
    let retry = json!({ "attempts": 1, "codes": [503], "backoff": "400ms" });
    let proxy = cell.start(&retried(&[origin.host()], retry));
    let begun = Instant::now();
    assert_eq!(proxy.client().get("/").status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(200), "half of it at least");
    // There is no time for another attempt: the answer that there is goes out.
    let origin = busy(1);
    let retry = json!({ "attempts": 1, "codes": [503], "backoff": "1h", "maxBackoff": "1h" });
    let timeout = json!({ "requestTimeout": "20s" });
    let proxy = cell.start(&retried_with(&[origin.host()], retry, timeout));
    assert_eq!(proxy.client().get("/").status, 503);
}

/// All fail, and many ask: the endpoints get little more than what the clients send.
fn the_budget_ends_a_storm(cell: Cell) {
    let origin = Origin::http1()
        .on("/", |_, visit| {
            thread::sleep(Duration::from_millis(20));
            visit.reply(BUSY)
        })
        .start();
    let budget = json!({ "percent": 0, "minRetries": 1 });
    let retry = json!({ "attempts": 5, "codes": [503], "budget": budget });
    let proxy = cell.start(&retried(&[origin.host()], retry));
    let asks = 10 * 10;
    let ask = || {
        let mut client = proxy.client();
        (0..10).for_each(|_| assert_eq!(client.get("/").status, 503));
    };
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(ask);
        }
    });
    let seen = origin.seen().len();
    // One in ten at a time, with five more attempts each: without it there would be 600.
    assert!(seen < 3 * asks, "{seen} for {asks} requests");
    assert!(proxy.metrics().sum("ringway_retry_budget_exhausted_total", &[]) > 10.0);
}

fn an_endpoint_that_dies_under_load_costs_no_request(cell: Cell) {
    let stays = Origin::http1().route("/", "hello").start();
    let dying = Origin::script(|visit| {
        for _ in 0..20 {
            visit.request()?;
            visit.wire.send(origin::ok("hello"))?;
        }
        // In the middle of the next one.
        visit.request().map(drop)
    });
    let config = retried(&[stays.host(), dying.host()], json!({ "attempts": 3 }));
    let proxy = cell.start(&config);
    let habits = [Habit::KeepAlive, Habit::KeepAlive, Habit::Churn];
    let load = Load::start(proxy.address(), "/", "hello", &habits);
    load.wait_for(200);
    // Nobody accepts there any more.
    drop(dying);
    load.wait_for(400);
    load.stop();
}

fn tried_again_over_http2_too(cell: Cell) {
    let origin = H2Origin::start(Manners::default());
    let retry = json!({ "attempts": 2, "codes": [503] });
    let backend = json!({
        "host": origin.host(),
        "policies": { "http": { "version": "HTTP/2.0" } },
    });
    let route = json!({ "policies": { "retry": retry }, "backends": [backend] });
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    assert_eq!(client.get("/status/503").status, 503);
    assert_eq!(origin.asked("/status/503"), 3);
    assert_eq!(origin.last().fields["x-retry-attempt"], "2");
    assert_eq!(client.post("/echo", b"a body").body(), "a body");
    assert_eq!(origin.accepted(), 1);
}

fn bad_retries_are_refused(_: Cell) {
    for (retry, why) in [
        (json!({ "attempts": 0 }), "0 is not in 1 to 20"),
        (json!({ "codes": [200] }), "200 is not in 400 to 599"),
        (json!({ "backoff": "2s", "maxBackoff": "1s" }), "longer than maxBackoff"),
        (json!({ "replayBytes": "1MiB" }), "bytes are not in 0 to 131072"),
        (json!({ "condition": "true" }), "not supported by Ringway yet"),
    ] {
        let scratch = scratch::Scratch::new();
        let file = scratch.replace("bad.yaml", &retried(&["127.0.0.1:9"], retry).text());
        let mut command = proxy::executable();
        let output = command.arg("-f").arg(file).arg("--validate-only").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && told.contains(why), "{told}");
    }
}
