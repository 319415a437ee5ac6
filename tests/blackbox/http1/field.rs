//! Header fields on their way: who asked is said, what belongs to one hop ends there, and the rest
//! passes as it was written.

use serde_json::json;

use crate::harness::h2_client::H2;
use crate::harness::message::{Head, position};
use crate::harness::*;

drivers! {
    who_asked_is_said,
    what_a_client_says_of_itself_is_not_believed,
    behind_another_proxy_the_list_grows,
    request_ids,
    via_when_asked_for,
    what_belongs_to_one_hop_ends_there,
    some_fields_cannot_be_listed_away,
    the_rest_passes_as_written,
}

fn plain() -> Origin {
    Origin::http1().route("/", "hello").start()
}

/// What the origin sees of a request with these lines.
fn seen(proxy: &Proxy, origin: &Origin, lines: &str) -> Head {
    let request = format!("GET / HTTP/1.1\r\nHost: a.example:81\r\n{lines}\r\n");
    assert_eq!(proxy.client().ask(&request).status, 200, "{lines:?}");
    origin.last().head
}

fn who_asked_is_said(cell: Cell) {
    let origin = plain();
    let proxy = cell.start(&config().route("/", &origin));
    let head = seen(&proxy, &origin, "");
    assert_eq!(head.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(head.all("x-forwarded-proto"), ["http"]);
    assert_eq!(head.all("x-forwarded-host"), ["a.example:81"]);
    assert_eq!(head.all("host"), ["a.example:81"], "the client's own");
    assert_eq!(head.field("via"), None);
}

fn what_a_client_says_of_itself_is_not_believed(cell: Cell) {
    let origin = plain();
    let proxy = cell.start(&config().route("/", &origin));
    let head = seen(
        &proxy,
        &origin,
        "X-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 5.6.7.8\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Host: bank.example\r\n",
    );
    assert_eq!(head.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(head.all("x-forwarded-proto"), ["http"]);
    assert_eq!(head.all("x-forwarded-host"), ["a.example:81"]);
}

fn behind_another_proxy_the_list_grows(cell: Cell) {
    let origin = plain();
    let settings = json!({ "mode": "append", "trustedHops": 1 });
    let proxy = cell.start(&config().route("/", &origin).forwarded(settings));
    let head = seen(
        &proxy,
        &origin,
        "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-For: 5.6.7.8\r\nX-Forwarded-Host: bank.example\r\n",
    );
    assert_eq!(head.all("x-forwarded-for").join(", "), "5.6.7.8, 127.0.0.1");
    assert_eq!(head.all("x-forwarded-proto"), ["https"]);
    assert_eq!(head.all("x-forwarded-host"), ["bank.example"]);
    let head = seen(&proxy, &origin, "");
    assert_eq!(head.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(head.all("x-forwarded-proto"), ["http"]);
}

fn request_ids(cell: Cell) {
    let origin = plain();
    let with = |mode: &str| {
        cell.start(&config().route("/", &origin).forwarded(json!({ "requestId": mode })))
    };
    let keep = with("keep");
    assert_eq!(seen(&keep, &origin, "X-Request-Id: mine\r\n").all("x-request-id"), ["mine"]);
    let mut made: Vec<String> = Vec::new();
    let make = with("make");
    for proxy in [&keep, &make] {
        for _ in 0..10 {
            let head = seen(proxy, &origin, "");
            assert_eq!(head.all("x-request-id").len(), 1);
            made.extend(head.field("x-request-id").map(str::to_owned));
        }
    }
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 20, "each has its own: {made:?}");
    let head = seen(&make, &origin, "X-Request-Id: mine\r\n");
    assert_eq!(head.all("x-request-id").len(), 1);
    assert_ne!(head.field("x-request-id"), Some("mine"));
    let off = with("off");
    assert_eq!(seen(&off, &origin, "").field("x-request-id"), None);
    assert_eq!(seen(&off, &origin, "X-Request-Id: mine\r\n").all("x-request-id"), ["mine"]);
}

fn via_when_asked_for(cell: Cell) {
    let origin = plain();
    let proxy = cell.start(&config().route("/", &origin).forwarded(json!({ "via": true })));
    let head = seen(&proxy, &origin, "Via: 1.0 before\r\n");
    let via = head.all("via").join(", ");
    assert!(via.starts_with("1.0 before, 1.1 "), "{via:?}");
    let request = "GET / HTTP/1.0\r\nHost: test\r\n\r\n";
    assert_eq!(proxy.client().ask(request).status, 200);
    let via = origin.last().head.all("via").join(", ");
    assert!(via.starts_with("1.0 "), "the version that was received: {via:?}");
    assert_eq!(H2::connect(proxy.address()).get("/").status(), 200);
    let via = origin.last().head.all("via").join(", ");
    assert!(via.starts_with("2.0 "), "and not that of the lane: {via:?}");
}

/// RFC 9110 section 7.6.1.
fn what_belongs_to_one_hop_ends_there(cell: Cell) {
    let origin = Origin::http1()
        .answer(
            "/",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: X-Own, keep-alive\r\n\
                 X-Own: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n\
                 X-Kept: 1\r\n\r\n",
        )
        .start();
    let proxy = cell.start(&config().route("/", &origin));
    let lines = "Connection: X-A, keep-alive\r\nX-A: 1\r\nX-B: 2\r\nConnection: x-c\r\n\
                 X-C: 3\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n\
                 TE: trailers, gzip\r\nUpgrade: h2c\r\n";
    let head = seen(&proxy, &origin, lines);
    let gone = ["x-a", "x-c", "keep-alive", "proxy-connection", "upgrade"];
    for name in gone {
        assert_eq!(head.field(name), None, "{name}");
    }
    assert_eq!(head.field("x-b"), Some("2"));
    assert!(head.all("te").iter().all(|te| *te == "trailers"), "{:?}", head.all("te"));
    let listed = head.all("connection").join(",").to_ascii_lowercase();
    assert!(!listed.contains("x-"), "{listed}");

    let response = proxy.client().get("/");
    for name in ["x-own", "keep-alive", "proxy-connection"] {
        assert_eq!(response.field(name), None, "{name}");
    }
    assert_eq!(response.field("x-kept"), Some("1"));
}

/// Nobody can have the proxy's own fields, or those that frame and route, taken away.
fn some_fields_cannot_be_listed_away(cell: Cell) {
    let origin = plain();
    let proxy = cell.start(&config().route("/", &origin));
    let request = "POST / HTTP/1.1\r\nHost: a.example\r\nAuthorization: secret\r\n\
         Content-Length: 3\r\nConnection: X-Forwarded-For, X-Forwarded-Proto, Host\r\n\
         Connection: Content-Length, Authorization, X-Request-Id\r\n\r\nabc";
    let answer = raw::exchange(
        proxy.address(),
        request.replace("Connection: X", "Connection: close, X").as_bytes(),
    );
    if answer.statuses() == [400] {
        return;
    }
    let seen = origin.last();
    assert_eq!(seen.body, b"abc");
    for name in ["x-forwarded-for", "x-forwarded-proto", "host", "authorization"] {
        assert_eq!(seen.head.all(name).len(), 1, "{name}");
    }
    assert_eq!(seen.head.all("x-request-id").len(), 1);
}

fn the_rest_passes_as_written(cell: Cell) {
    let kept = b"x-LOWER-Upper: a  b\t c\r\nCookie: a=1\r\ncookie: b=2\r\nX-Empty:\r\n\
                 X_Under: 1\r\nX-Latin: caf\xe9 \xff\r\nX-Quote: \"a,b\", c\r\n";
    let mut response = b"HTTP/1.1 200 Fine By Me\r\n".to_vec();
    response.extend_from_slice(kept);
    response.extend_from_slice(b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n");
    let origin = Origin::http1().answer("/", response).start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    client.send(b"GET /?a=%2e%7E&b=+ HTTP/1.1\r\nhOst: test\r\n");
    client.send(kept);
    client.send(b"\r\n");
    let response = client.response();
    assert!(position(&response.head.raw, kept).is_some(), "{:?}", response.head);
    assert_eq!(response.head.first_line, "HTTP/1.1 200 Fine By Me");
    assert_eq!(response.head.all("set-cookie"), ["a=1", "b=2"]);
    let seen = origin.last();
    assert!(position(&seen.head.raw, kept).is_some(), "{:?}", seen.head);
    assert_eq!(seen.target, "/?a=%2e%7E&b=+");
    assert_eq!(seen.head.all("host"), ["test"]);
}
