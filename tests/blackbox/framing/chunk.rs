//! Chunked bodies that are none: sizes, line ends, extensions, trailers. In both directions.

use crate::harness::*;

drivers! {
    broken_chunks_of_requests,
    broken_chunks_of_responses,
    extensions_are_read_and_not_forwarded,
    long_lines_are_bounded,
    some_fields_are_no_trailers,
}

const BROKEN: &[&[u8]] = &[
    b"+5\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n",
    b" 5\r\nhello\r\n0\r\n\r\n",
    b"5_0\r\nhello\r\n0\r\n\r\n",
    b"g\r\nhello\r\n0\r\n\r\n",
    b"\r\nhello\r\n0\r\n\r\n",
    b";x\r\nhello\r\n0\r\n\r\n",
    b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    b"00000000000000000000000000000005\r\nhello\r\n0\r\n\r\n",
    b"5\nhello\r\n0\r\n\r\n",
    b"5\rhello\r\n0\r\n\r\n",
    b"5\r\nhello\n0\r\n\r\n",
    b"5\r\nhello0\r\n\r\n",
    b"5\r\nhello!!\r\n0\r\n\r\n",
    b"5\r\nhello\r0\r\n\r\n",
    b"5\r\nhello\r\n0\n\r\n",
    b"5\r\nhello\r\n0\r\n\n",
    b"5;x\nhello\r\n0\r\n\r\n",
    b"5;x\r\r\nhello\r\n0\r\n\r\n",
    b"5;\x00\r\nhello\r\n0\r\n\r\n",
    b"5;x=\"\n\"\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX : 1\r\n\r\n",
    b"5\r\nhello\r\n0\r\n folded\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX: 1\n\r\n",
    b"5\r\nhello\r\n0\r\nX: \x00\r\n\r\n",
    b"5\r\nhello\r\n0\r\nno colon\r\n\r\n",
    b"5\r\nhello\r\n0\r\n: empty\r\n\r\n",
];

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn broken_chunks_of_requests(cell: Cell) {
    let origin = Origin::http1().start();
    let proxy = cell.start(&config().route("/", &origin));
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let smuggled = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for chunks in BROKEN {
        let request = [&head[..], chunks, smuggled].concat();
        let answer = raw::exchange(proxy.address(), &request);
        assert_eq!(answer.statuses(), [400], "{}: {answer:?}", shown(chunks));
        assert_eq!((answer.rest.len(), answer.unclean), (0, None), "{}", shown(chunks));
        // The same, when the head is on its way to the origin already.
        let mut client = proxy.client();
        client.send(head);
        wait::until("the head is with the origin", || origin.open() > 0);
        client.send([chunks, &smuggled[..]].concat());
        let answer = raw::read_answer(&mut client.wire, "POST");
        assert_eq!(answer.statuses(), [400], "later, {}: {answer:?}", shown(chunks));
        wait::until("half a request is closed upstream", || origin.open() == 0);
    }
    let targets: Vec<_> = origin.seen().into_iter().map(|request| request.target).collect();
    assert!(targets.is_empty(), "{targets:?}");
    assert_eq!(proxy.client().get("/").status, 404);
}

/// Once the head is with the client, only a close in the middle can tell that something is wrong.
fn broken_chunks_of_responses(cell: Cell) {
    let origin = Origin::http1().on("/", |request, visit| {
        let case = request.target.trim_start_matches("/?");
        let (case, together) = case.split_once('&').unwrap_or((case, ""));
        let chunks = BROKEN[case.parse::<usize>().unwrap_or(0)];
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        if together.is_empty() {
            visit.reply(head);
            std::thread::yield_now();
            return visit.reply(chunks);
        }
        visit.reply(&[&head[..], chunks].concat())
    });
    let origin = origin.start();
    let proxy = cell.start(&config().route("/", &origin));
    for (n, chunks) in BROKEN.iter().enumerate() {
        for together in ["", "&together"] {
            let request = format!("GET /?{n}{together} HTTP/1.1\r\nHost: a\r\n\r\n");
            match proxy.client().try_ask(&request) {
                Err(_) => (),
                Ok(response) => {
                    assert_eq!(response.status, 502, "{}: {response:?}", shown(chunks));
                }
            }
        }
    }
    wait::until("none of these connections is kept", || origin.open() == 0);
}

fn extensions_are_read_and_not_forwarded(cell: Cell) {
    let chunks = "5;a=b;c=\"d;e\"\r\nhello\r\n0;last\r\nX-T: 1\r\n\r\n";
    let origin = Origin::script(move |visit| {
        loop {
            // The reader of these tests takes no extension: one that came through would fail it.
            visit.request()?;
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            visit.wire.send(format!("{head}{chunks}"))?;
        }
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for _ in 0..3 {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.send(format!("{head}{chunks}"));
        let response = client.response();
        assert_eq!(response.body(), "hello");
        assert_eq!(response.trailers, [("X-T".to_owned(), "1".to_owned())]);
        assert_eq!(origin.last().body, b"hello");
    }
    assert_eq!(origin.accepted(), 1);
}

fn long_lines_are_bounded(cell: Cell) {
    let origin = Origin::http1().start();
    let proxy = cell.start(&config().route("/", &origin));
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let cases = [
        format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(100_000)),
        "1;abcdefgh\r\nx\r\n".repeat(10_000),
        format!("0\r\nX: {}\r\n\r\n", "x".repeat(100_000)),
        format!("0\r\n{}\r\n", "X: 1\r\n".repeat(10_000)),
    ];
    for chunks in cases {
        let answer = raw::exchange(proxy.address(), format!("{head}{chunks}").as_bytes());
        let first = shown(&chunks.as_bytes()[..20]);
        assert!(matches!(answer.statuses()[..], [400 | 413 | 431]), "{first}: {answer:?}");
    }
    assert!(origin.seen().is_empty());
}

/// RFC 9110 section 6.5.1: nothing that frames, routes or authenticates comes in a trailer.
fn some_fields_are_no_trailers(cell: Cell) {
    let names = ["Content-Length", "Transfer-Encoding", "Host", "Authorization", "Set-Cookie"];
    let trailers: String = names.iter().map(|name| format!("{name}: 1\r\n")).collect();
    let chunks = format!("5\r\nhello\r\n0\r\n{trailers}X-Fine: 1\r\n\r\n");
    let response = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
    let origin = Origin::http1().answer("/", response).start();
    let proxy = cell.start(&config().route("/", &origin));
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = proxy.client();
    client.send(format!("{head}{chunks}"));
    let response = client.wire.response("POST");
    let forbidden = |trailers: &[(String, String)]| {
        let listed = |name: &str| names.iter().any(|other| other.eq_ignore_ascii_case(name));
        trailers.iter().any(|(name, _)| listed(name))
    };
    // Dropped or refused, but not passed on.
    assert!(!origin.seen().iter().any(|request| forbidden(&request.trailers)), "to the origin");
    if let Ok(response) = response {
        assert!(!forbidden(&response.trailers), "to the client: {:?}", response.trailers);
    }
}
