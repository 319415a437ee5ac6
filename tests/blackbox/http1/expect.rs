//! `Expect: 100-continue`, RFC 9110 section 10.1.1, in all variants: who answers first, who waits.

use std::time::Duration;

use crate::harness::*;

matrix! {
    a_hundred_is_relayed_and_the_body_follows,
    a_refusal_comes_without_a_hundred,
    a_body_that_does_not_wait,
}

drivers! {
    an_origin_that_only_waits,
    no_hundred_is_made_up,
    any_other_expectation_fails,
    the_word_has_no_case,
    without_a_body_there_is_nothing_to_wait_for,
}

const HEAD: &str =
    "POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

fn a_hundred_is_relayed_and_the_body_follows(cell: Cell) {
    let origin = Origin::script(|visit| {
        loop {
            let head = visit.head()?;
            assert_eq!(head.field("expect"), Some("100-continue"));
            visit.wire.send("HTTP/1.1 100 Continue\r\n\r\n")?;
            visit.rest_of(head)?;
            visit.wire.send(origin::ok("thanks"))?;
        }
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for _ in 0..5 {
        client.send(HEAD);
        assert_eq!(client.head().status().unwrap(), 100);
        client.send("12345");
        let response = client.response();
        assert_eq!((response.interim.len(), response.body()), (0, "thanks".to_owned()));
        assert_eq!(origin.last().body, b"12345");
    }
    assert_eq!(origin.accepted(), 1);
}

fn a_refusal_comes_without_a_hundred(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.head()?;
        visit.wire.send("HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno")?;
        visit.until_closed();
        Ok(())
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    client.send(HEAD);
    let response = client.response();
    assert_eq!((response.interim.len(), response.status), (0, 417));
    // The body was promised and does not come: only a close can say that nobody waits.
    assert!(response.closes(), "{:?}", response.head.first_line);
    client.wait_for_close();
    wait::until("the origin is not left waiting", || origin.open() == 0);
}

fn a_body_that_does_not_wait(cell: Cell) {
    let origin = Origin::script(|visit| {
        let head = visit.head()?;
        visit.wire.send("HTTP/1.1 100 Continue\r\n\r\n")?;
        visit.rest_of(head)?;
        visit.wire.send(origin::ok("thanks"))
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    client.send(format!("{HEAD}12345"));
    assert_eq!(client.response().body(), "thanks");
    assert_eq!(origin.last().body, b"12345");
}

/// The origin knows no 100: the client sends when it is tired of waiting.
fn an_origin_that_only_waits(cell: Cell) {
    let origin = Origin::http1().route("/", "thanks").start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    client.send(HEAD);
    client.stays_silent(Duration::from_millis(300));
    client.send("12345");
    assert_eq!(client.response().body(), "thanks");
    assert_eq!(origin.last().body, b"12345");
}

fn no_hundred_is_made_up(cell: Cell) {
    let fixed = serde_json::json!({
        "policies": { "directResponse": { "status": 403, "body": "no" } },
    });
    let proxy = cell.start(&config().route_with("/", fixed));
    let mut client = proxy.client();
    client.send(HEAD);
    let response = client.response();
    assert_eq!((response.interim.len(), response.status), (0, 403));
}

fn any_other_expectation_fails(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin));
    for value in ["200-ok", "100-continue, x", "", "100-continue;q=1", "100"] {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nExpect: {value}\r\n");
        let answer =
            raw::exchange(proxy.address(), format!("{head}Content-Length: 0\r\n\r\n").as_bytes());
        assert_eq!(answer.statuses(), [417], "{value:?}");
    }
    assert!(origin.seen().is_empty());
}

fn the_word_has_no_case(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin));
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx";
    let mut client = proxy.client();
    client.send(head);
    assert_eq!(client.response().status, 200);
}

fn without_a_body_there_is_nothing_to_wait_for(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.response().body(), "hello");
    assert_eq!(client.get("/").body(), "hello");
}
