//! Requests that are none.

use crate::harness::*;

drivers! {
    broken_request_lines,
    broken_fields,
    broken_hosts,
    broken_lengths,
    every_control_byte,
    requests_that_end_in_the_middle,
    what_is_refused_is_counted,
}

/// A proxy whose origin takes everything: what it sees was let through.
struct Range {
    origin: Origin,
    proxy: Proxy,
}

impl Range {
    fn new(cell: Cell) -> Self {
        let origin = Origin::http1().start();
        let proxy = cell.start(&config().route("/", &origin));
        Self { origin, proxy }
    }

    /// One answer, of that status, then a close; the origin hears nothing of it, nor of what
    /// stands behind it.
    fn refuses(&self, status: u16, bytes: &[u8]) {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(120)]).into_owned();
        let smuggled = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
        let answer = raw::exchange(self.proxy.address(), &[bytes, &smuggled[..]].concat());
        assert_eq!((answer.statuses(), answer.rest.len()), (vec![status], 0), "{shown:?}");
        assert_eq!(answer.unclean, None, "a close, in time: {shown:?}");
        let seen = self.origin.seen();
        let targets: Vec<_> = seen.iter().map(|request| &request.target).collect();
        assert!(targets.is_empty(), "{shown:?} let {targets:?} through");
    }

    /// Nothing of all that hurt it.
    fn is_well(&self) {
        assert_eq!(self.proxy.client().get("/").status, 404);
        self.proxy.await_metric("ringway_panics_total", &[], 0.0);
        self.proxy.await_metric("ringway_active_requests", &[], 0.0);
    }
}

fn broken_request_lines(cell: Cell) {
    let range = Range::new(cell);
    let cases: &[(u16, &str)] = &[
        (400, "GET\r\n"),
        (400, "GET /\r\n"),
        (400, "GET / \r\n"),
        (400, " GET / HTTP/1.1\r\n"),
        (400, "GET  / HTTP/1.1\r\n"),
        (400, "GET /  HTTP/1.1\r\n"),
        (400, "GET / HTTP/1.1 \r\n"),
        (400, "GET\t/\tHTTP/1.1\r\n"),
        (400, "GET / HTTP/1.1\n"),
        (400, "GET / HTTP/1.1\r"),
        (400, "G@T / HTTP/1.1\r\n"),
        (400, "GE,T / HTTP/1.1\r\n"),
        (400, "/ HTTP/1.1\r\n"),
        (400, "GET / http/1.1\r\n"),
        (400, "GET / HTTP/1,1\r\n"),
        (400, "GET / HTTP/1.10\r\n"),
        (400, "GET / HTTP/01.1\r\n"),
        (400, "GET / HTTP/\r\n"),
        (400, "GET / HTTQ/1.1\r\n"),
        (505, "GET / HTTP/2.0\r\n"),
        (505, "GET / HTTP/0.9\r\n"),
        (505, "GET / HTTP/3.0\r\n"),
        (400, "GET x HTTP/1.1\r\n"),
        (400, "GET ?x HTTP/1.1\r\n"),
        (400, "GET a.example:80 HTTP/1.1\r\n"),
        (400, "GET * HTTP/1.1\r\n"),
        (400, "GET /a#b HTTP/1.1\r\n"),
        (400, "GET /a b HTTP/1.1\r\n"),
        (400, "GET /caf\u{e9} HTTP/1.1\r\n"),
        (400, "GET /%zz HTTP/1.1\r\n"),
        (400, "GET /%2 HTTP/1.1\r\n"),
        (400, "GET http:// HTTP/1.1\r\n"),
        (400, "GET http:///a HTTP/1.1\r\n"),
        (400, "GET http://user@a.example/ HTTP/1.1\r\n"),
        (400, "GET ftp://a.example/ HTTP/1.1\r\n"),
        (400, "CONNECT / HTTP/1.1\r\n"),
        (400, "CONNECT a.example HTTP/1.1\r\n"),
        (400, "PRI * HTTP/1.1\r\n"),
    ];
    for (status, line) in cases {
        range.refuses(*status, format!("{line}Host: a\r\n\r\n").as_bytes());
    }
    let verbose = format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(1000));
    range.refuses(400, verbose.as_bytes());
    range.refuses(400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n");
    range.refuses(400, "\r\n".repeat(100).as_bytes());
    range.is_well();
}

fn broken_fields(cell: Cell) {
    let range = Range::new(cell);
    let cases: &[&str] = &[
        "X : 1\r\n",
        "X\t: 1\r\n",
        " X: 1\r\n",
        "X: 1\r\n folded\r\n",
        "X: 1\r\n\tfolded\r\n",
        "X: 1\n",
        "X: 1\rY: 2\r\n",
        "X: 1\r\r\n",
        "X: a\nContent-Length: 40\r\n",
        ": empty name\r\n",
        "no colon\r\n",
        "X Y: 1\r\n",
        "X(: 1\r\n",
        "X\"Y: 1\r\n",
        "X/Y: 1\r\n",
        "caf\u{e9}: 1\r\n",
        "\r: 1\r\n",
    ];
    for field in cases {
        range.refuses(400, format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n").as_bytes());
        range.refuses(400, format!("GET / HTTP/1.1\r\n{field}Host: a\r\n\r\n").as_bytes());
    }
    range.refuses(400, b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\n\nGET / HTTP/1.1\r\n\r\n");
    range.refuses(400, b"GET / HTTP/1.1\nHost: a\n\n");
    range.is_well();
}

fn broken_hosts(cell: Cell) {
    let range = Range::new(cell);
    let cases: &[&str] = &[
        "",
        "Host: a\r\nHost: b\r\n",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nhOST: a\r\n",
        "Host: a, b\r\n",
        "Host: a b\r\n",
        "Host: user@a\r\n",
        "Host: a/b\r\n",
        "Host: a?b\r\n",
        "Host: a#b\r\n",
        "Host: http://a\r\n",
        "Host: a:b\r\n",
        "Host: a:99999\r\n",
        "Host: a:80:80\r\n",
        "Host: [::1\r\n",
        "Host: ::1\r\n",
        "Host: [::g]\r\n",
        "Host: a\\b\r\n",
        "Host: caf\u{e9}\r\n",
        "Host: a\r\n\tb\r\n",
    ];
    for host in cases {
        range.refuses(400, format!("GET / HTTP/1.1\r\n{host}\r\n").as_bytes());
    }
    // Not saved by an absolute form, RFC 9112 section 3.2.
    for host in ["", "Host: a\r\nHost: b\r\n", "Host: a b\r\n"] {
        range.refuses(400, format!("GET http://a/ HTTP/1.1\r\n{host}\r\n").as_bytes());
    }
    range.refuses(400, b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n");
    range.is_well();
}

fn broken_lengths(cell: Cell) {
    let range = Range::new(cell);
    let cases: &[(u16, &str)] = &[
        (400, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        (400, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
        (400, "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
        (400, "Content-Length: 5\r\nContent-Length: 6\r\n"),
        (400, "Content-Length: 5\r\nContent-Length: 5\r\n"),
        (400, "Content-Length: 5, 6\r\n"),
        (400, "Content-Length: 5,5\r\n"),
        (400, "Content-Length:\r\n"),
        (400, "Content-Length: +5\r\n"),
        (400, "Content-Length: -0\r\n"),
        (400, "Content-Length: 0x5\r\n"),
        (400, "Content-Length: 5 5\r\n"),
        (400, "Content-Length: 5.0\r\n"),
        (400, "Content-Length: 5;\r\n"),
        (400, "Content-Length: \"5\"\r\n"),
        (400, "Content-Length: \u{663}\r\n"),
        (400, "Content-Length: 18446744073709551616\r\n"),
        (400, "Content-Length: 99999999999999999999999999\r\n"),
        (501, "Transfer-Encoding: identity\r\n"),
        (501, "Transfer-Encoding: gzip\r\n"),
        (501, "Transfer-Encoding: xchunked\r\n"),
        (400, "Transfer-Encoding:\r\n"),
        (400, "Transfer-Encoding: chunked, chunked\r\n"),
        (400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
    ];
    for (status, fields) in cases {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        range.refuses(*status, format!("{request}0\r\n\r\n").as_bytes());
    }
    // Refused, whichever of the two reasons is given.
    let either: &[&str] = &[
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: ,chunked\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: \u{b}chunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
    ];
    for fields in either {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n0\r\n\r\n");
        let answer = raw::exchange(range.proxy.address(), request.as_bytes());
        assert!(matches!(answer.statuses()[..], [400 | 501]), "{fields:?}: {answer:?}");
    }
    for fields in ["Transfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n"] {
        let request = format!("POST / HTTP/1.0\r\nHost: a\r\n{fields}\r\n0\r\n\r\n");
        let answer = raw::exchange(range.proxy.address(), request.as_bytes());
        assert!(matches!(answer.statuses()[..], [400 | 501]), "on 1.0, {fields:?}: {answer:?}");
    }
    assert!(range.origin.seen().is_empty());
    range.is_well();
}

fn every_control_byte(cell: Cell) {
    let range = Range::new(cell);
    for byte in (0x00..0x20).chain([0x7f]) {
        if byte != b'\r' && byte != b'\n' {
            let with = |before: &str, behind: &str| {
                [before.as_bytes(), &[byte], behind.as_bytes()].concat()
            };
            let rest = "T / HTTP/1.1\r\nHost: a\r\n\r\n";
            range.refuses(400, &with("GE", rest));
            range.refuses(400, &with("GET /", " HTTP/1.1\r\nHost: a\r\n\r\n"));
            range.refuses(400, &with("GET / HTTP/1.1\r\nHost: a\r\nX", "Y: 1\r\n\r\n"));
            range.refuses(400, &with("GET / HTTP/1.1\r\nHost: a", "b\r\n\r\n"));
            if byte != b'\t' {
                range.refuses(400, &with("GET / HTTP/1.1\r\nHost: a\r\nX: a", "b\r\n\r\n"));
            }
        }
    }
    range.is_well();
}

fn requests_that_end_in_the_middle(cell: Cell) {
    let range = Range::new(cell);
    let request = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    for cut in 0..request.len() {
        let mut client = range.proxy.client();
        client.send(&request[..cut]);
        client.shut_write();
        let answer = raw::read_answer(&mut client.wire, "POST");
        let refused = matches!(answer.statuses()[..], [] | [400..500]);
        assert!(refused && answer.unclean.is_none(), "cut at {cut}: {answer:?}");
    }
    assert!(range.origin.seen().is_empty());
    range.is_well();
}

fn what_is_refused_is_counted(cell: Cell) {
    let range = Range::new(cell);
    for _ in 0..3 {
        range.refuses(400, b"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n");
    }
    range.proxy.await_metric("ringway_malformed_requests_total", &[], 3.0);
    let refused = [("status", "400"), ("reason", "InvalidRequest")];
    range.proxy.await_metric("agentgateway_requests_total", &refused, 3.0);
}
