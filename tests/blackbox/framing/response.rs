//! Responses that are none: the client gets a 502, and the connection to the origin ends.

use crate::harness::*;

drivers! {
    broken_status_lines,
    broken_fields,
    broken_lengths,
    heads_that_are_too_large,
}

/// Each of these is a 502, on a connection to the client that stays.
fn refused(cell: Cell, cases: Vec<Vec<u8>>) {
    let answers = cases.clone();
    let origin = Origin::script(move |visit| {
        let request = visit.request()?;
        let case = request.target.trim_start_matches("/?").parse::<usize>();
        visit.wire.send(&answers[case.unwrap_or(0)])?;
        // Only the proxy may end the connection: a close of ours would explain a 502.
        visit.until_closed();
        Ok(())
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for (n, case) in cases.iter().enumerate() {
        let shown = String::from_utf8_lossy(&case[..case.len().min(120)]);
        let response = client.try_ask(&format!("GET /?{n} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let response = response.unwrap_or_else(|error| panic!("{shown:?}: {error}"));
        assert_eq!(response.status, 502, "{shown:?}: {response:?}");
        assert_eq!(response.interim.len(), 0, "{shown:?}");
        if response.closes() {
            client = proxy.client();
        }
        assert_eq!(origin.accepted(), n + 1, "the connection was used again: {shown:?}");
    }
    wait::until("none of these connections is kept", || origin.open() == 0);
    let failed = [("status", "502"), ("reason", "UpstreamFailure")];
    proxy.await_metric("agentgateway_requests_total", &failed, cases.len() as f64);
    proxy.await_metric("ringway_panics_total", &[], 0.0);
}

fn broken_status_lines(cell: Cell) {
    let lines = [
        "HTTP/1.1 \r\n",
        "HTTP/1.1\r\n",
        "HTTP/1.1 20 OK\r\n",
        "HTTP/1.1 2000 OK\r\n",
        "HTTP/1.1 +20 OK\r\n",
        "HTTP/1.1 abc OK\r\n",
        "HTTP/1.1 099 OK\r\n",
        "HTTP/1.1 000 OK\r\n",
        "HTTP/1.1  200 OK\r\n",
        " HTTP/1.1 200 OK\r\n",
        "HTTP/1.1\t200 OK\r\n",
        "HTTP/2.0 200 OK\r\n",
        "HTTP/0.9 200 OK\r\n",
        "http/1.1 200 OK\r\n",
        "HTTP/1.10 200 OK\r\n",
        "ICY 200 OK\r\n",
        "200 OK\r\n",
        "<html>hello</html>\r\n",
        "HTTP/1.1 200 O\x00K\r\n",
        "HTTP/1.1 200 O\rK\r\n",
        "HTTP/1.1 200 OK\n",
        "GET / HTTP/1.1\r\n",
    ];
    let whole = |line: &&str| format!("{line}Content-Length: 5\r\n\r\nhello").into_bytes();
    refused(cell, lines.iter().map(whole).collect());
}

fn broken_fields(cell: Cell) {
    let fields = [
        "X : 1\r\n",
        " X: 1\r\n",
        "X: 1\r\n folded\r\n",
        "X: 1\r\n\tfolded\r\n",
        "X: 1\n",
        "X: 1\rY: 2\r\n",
        "X: a\nSet-Cookie: b\r\n",
        ": empty name\r\n",
        "no colon\r\n",
        "X Y: 1\r\n",
        "X\x00: 1\r\n",
        "X: \x00\r\n",
        "X: \x01\r\n",
        "X: \x7f\r\n",
    ];
    let whole = |field: &&str| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n{field}\r\nhello").into_bytes()
    };
    refused(cell, fields.iter().map(whole).collect());
}

fn broken_lengths(cell: Cell) {
    let fields = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length:\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding:\r\n",
    ];
    let of = |version: &str, field: &str| {
        format!("{version} 200 OK\r\n{field}\r\n5\r\nhello\r\n0\r\n\r\n").into_bytes()
    };
    let mut cases: Vec<_> = fields.iter().map(|field| of("HTTP/1.1", field)).collect();
    cases.push(of("HTTP/1.0", "Transfer-Encoding: chunked\r\n"));
    refused(cell, cases);
}

fn heads_that_are_too_large(cell: Cell) {
    let field = |name: &str, bytes: usize| format!("{name}: {}\r\n", "x".repeat(bytes));
    let many: String = (0..5000).map(|n| format!("X-{n}: 1\r\n")).collect();
    let cases = [field("X", 200_000), field(&"X".repeat(100_000), 1), many];
    let whole = |fields: String| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{fields}\r\n").into_bytes()
    };
    refused(cell, cases.into_iter().map(whole).collect());
}
