//! Compression of responses: who gets which coding, what is left as it is, and that nothing is held
//! back or half done.

use std::io::Read;

use serde_json::{Value, json};

use crate::harness::*;

matrix! {
    a_client_gets_what_it_takes,
    events_are_not_held_back,
    bodies_of_any_framing,
    answers_of_our_own,
}

drivers! {
    what_is_left_as_it_is,
    heads_and_conditions,
    a_cut_body_is_cut,
    so_many_at_a_time,
    streams_of_http2,
    on_a_backend_of_its_own,
}

fn compressed(origin: &Origin, policy: Value) -> Value {
    json!({ "policies": { "compression": policy }, "backends": [{ "host": origin.host() }] })
}

fn page() -> String {
    (0..500).map(|line| format!("<p>line {line} of a page that says little</p>\n")).collect()
}

fn answer(fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn ask(client: &mut Client, path: &str, accept: &str) -> Response {
    client.ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {accept}\r\n\r\n"))
}

/// What a coding is of, by the crates that everybody uses.
fn decoded(coding: Option<&str>, bytes: &[u8]) -> Vec<u8> {
    let mut reader: Box<dyn Read + '_> = match coding {
        None => Box::new(bytes),
        Some("gzip") => Box::new(flate2::read::GzDecoder::new(bytes)),
        Some("br") => Box::new(brotli::Decompressor::new(bytes, 4096)),
        Some("zstd") => Box::new(zstd::stream::read::Decoder::new(bytes).expect("zstd")),
        Some(other) => panic!("{other}"),
    };
    let mut decoded = Vec::new();
    reader.read_to_end(&mut decoded).expect("the body is whole");
    decoded
}

fn a_client_gets_what_it_takes(cell: Cell) {
    let page = page();
    let fields = "Content-Type: text/html\r\nETag: \"v1\"\r\nAccept-Ranges: bytes\r\n";
    let origin = Origin::http1().answer("/", answer(fields, page.as_bytes())).start();
    let proxy = cell.start(&config().route_with("/", compressed(&origin, json!({}))));
    let mut client = proxy.client();
    for (accept, coding) in [
        ("gzip", Some("gzip")),
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip;q=0.5, zstd;q=0.9", Some("zstd")),
        ("br;q=0, gzip", Some("gzip")),
        ("identity", None),
        ("deflate", None),
    ] {
        for _ in 0..3 {
            let response = ask(&mut client, "/", accept);
            assert_eq!(response.status, 200);
            assert_eq!(response.field("content-encoding"), coding, "{accept}");
            assert_eq!(response.field("vary"), Some("Accept-Encoding"), "{accept}");
            assert_eq!(decoded(coding, &response.bytes), page.as_bytes(), "{accept}");
            let told = [response.field("content-length"), response.field("accept-ranges")];
            let tag = response.field("etag");
            match coding {
                None => assert_eq!((tag, told[1]), (Some("\"v1\""), Some("bytes"))),
                Some(_) => assert_eq!((tag, told), (Some("W/\"v1\""), [None, None])),
            }
            assert!(coding.is_none() || response.bytes.len() < page.len() / 5, "{accept}");
        }
    }
    proxy.await_metric("ringway_compressed_responses_total", &[("coding", "gzip")], 6.0);
    proxy.await_metric("ringway_compressed_responses_total", &[("coding", "br")], 3.0);
    let all = 12.0 * page.len() as f64;
    proxy.await_metric("ringway_compression_bytes_total", &[], all);
    assert!(proxy.metrics().sum("ringway_compression_sent_bytes_total", &[]) < all / 5.0);
    assert_eq!(origin.accepted(), 1, "the upstream connection is used again");
}

fn answers_of_our_own(cell: Cell) {
    let page = page();
    let direct = |status: u16, body: &str, fields: Value| {
        json!({ "policies": {
            "compression": {}, "directResponse": { "status": status, "body": body, "headers": fields },
        } })
    };
    let html = || json!({ "content-type": "'text/html'", "etag": "'\"v1\"'" });
    let proxy = cell.start(
        &config()
            .route_with("/small", direct(200, "small", html()))
            .route_with("/image", direct(200, &page, json!({ "content-type": "'image/png'" })))
            .route_with("/error", direct(503, &page, html()))
            .route_with("/", direct(200, &page, html())),
    );
    let mut client = proxy.client();
    for (path, status) in [("/", 200), ("/error", 503)] {
        for (accept, coding) in [("gzip", Some("gzip")), ("br, zstd", Some("br")), ("x", None)] {
            let response = ask(&mut client, path, accept);
            assert_eq!(response.status, status);
            assert_eq!(response.field("content-encoding"), coding, "{path} {accept}");
            assert_eq!(decoded(coding, &response.bytes), page.as_bytes(), "{path} {accept}");
            assert_eq!(response.field("vary"), Some("Accept-Encoding"));
            let tag = if coding.is_some() { "W/\"v1\"" } else { "\"v1\"" };
            assert_eq!(response.field("etag"), Some(tag));
            let length = response.bytes.len().to_string();
            assert_eq!(response.field("content-length"), Some(length.as_str()));
            let head =
                format!("HEAD {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {accept}\r\n\r\n");
            assert_eq!(client.ask(&head).head.all("content-length"), [length]);
        }
    }
    for (path, length) in [("/small", 5), ("/image", page.len())] {
        let response = ask(&mut client, path, "gzip");
        assert_eq!((response.field("content-encoding"), response.bytes.len()), (None, length));
        assert_eq!(response.field("vary"), None, "{path}");
    }
}

fn what_is_left_as_it_is(cell: Cell) {
    let page = page();
    let with = |fields: &str| answer(fields, page.as_bytes());
    let ranged = with("Content-Type: text/css\r\nContent-Range: bytes 0-9/10\r\n");
    let ranged = String::from_utf8_lossy(&ranged).replace("200 OK", "206 Partial Content");
    let origin = Origin::http1()
        .answer("/image", with("Content-Type: image/png\r\n"))
        .answer("/coded", with("Content-Type: text/css\r\nContent-Encoding: br\r\n"))
        .answer("/fixed", with("Content-Type: text/css\r\nCache-Control: no-transform\r\n"))
        .answer("/digest", with("Content-Type: text/css\r\nRepr-Digest: sha-256=:eA==:\r\n"))
        .answer("/part", ranged)
        .answer("/small", answer("Content-Type: text/css\r\n", b"p {}"))
        .answer("/text", with("Content-Type: text/css\r\nVary: Origin, accept-encoding\r\n"))
        .start();
    let proxy = cell.start(
        &config()
            .route_with("/free", json!({ "backends": [{ "host": origin.host() }] }))
            .route_with("/", compressed(&origin, json!({}))),
    );
    let mut client = proxy.client();
    for path in ["/image", "/coded", "/fixed", "/digest", "/part", "/small"] {
        let response = ask(&mut client, path, "gzip");
        let coding = if path == "/coded" { Some("br") } else { None };
        assert_eq!(response.field("content-encoding"), coding, "{path}");
        assert_eq!(response.field("vary"), None, "{path}");
        assert!(response.field("content-length").is_some(), "{path}");
    }
    let request = "GET /text HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n";
    let untouched = client.ask(&format!("{request}Cache-Control: no-transform\r\n\r\n"));
    assert_eq!(untouched.bytes, page.as_bytes());
    let coded = client.ask(&format!("{request}\r\n"));
    assert_eq!(coded.head.all("vary"), ["Origin, accept-encoding"]);
    assert_eq!(decoded(Some("gzip"), &coded.bytes), page.as_bytes());
    // HTTP/1.0 knows no chunks.
    let old = proxy.client().ask("GET /text HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
    assert_eq!((old.field("content-encoding"), old.bytes.len()), (None, page.len()));
}

fn heads_and_conditions(cell: Cell) {
    let page = page();
    let fields = "Content-Type: text/html\r\nETag: \"v1\"\r\n";
    let length = format!("Content-Length: {}\r\n", page.len());
    let head = format!("HTTP/1.1 200 OK\r\n{fields}{length}\r\n");
    let same = "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n";
    let origin = Origin::http1()
        .on("/", move |request, visit| {
            let condition = request.head.field("if-none-match");
            match condition {
                Some("W/\"v1\"") => visit.reply(same.as_bytes()),
                _ => visit.reply(head.as_bytes()),
            }
        })
        .start();
    let proxy = cell.start(&config().route_with("/", compressed(&origin, json!({}))));
    let mut client = proxy.client();
    let head = client.ask("HEAD / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
    assert_eq!(head.field("content-encoding"), Some("gzip"));
    assert_eq!((head.field("content-length"), head.field("etag")), (None, Some("W/\"v1\"")));
    let plain = client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(plain.field("content-length"), Some(&*page.len().to_string()));
    assert_eq!(plain.field("etag"), Some("\"v1\""));
    let request = "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: W/\"v1\"\r\n\r\n";
    let same = client.ask(request);
    assert_eq!((same.status, same.field("etag")), (304, Some("W/\"v1\"")));
    assert_eq!(same.field("vary"), Some("Accept-Encoding"));
}

/// The first event is with the reader before the origin sends the second: the origin waits for it.
fn events_are_not_held_back(cell: Cell) {
    for coding in ["gzip", "br", "zstd"] {
        let (read, was_read) = std::sync::mpsc::channel();
        let was_read = std::sync::Mutex::new(was_read);
        let origin = Origin::script(move |visit| {
            visit.request()?;
            visit.wire.send(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                 Transfer-Encoding: chunked\r\n\r\n",
            )?;
            for _ in 0..5 {
                visit.wire.send("9\r\ndata: 1\n\n\r\n")?;
                let read = was_read.lock().expect("nobody panics with it");
                let read = read.recv_timeout(wait::PATIENCE);
                read.map_err(|_| std::io::Error::other("an event was held back"))?;
            }
            visit.wire.send("0\r\n\r\n")
        });
        let proxy = cell.start(&config().route_with("/", compressed(&origin, json!({}))));
        let mut client = proxy.client();
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {coding}\r\n\r\n"));
        let head = client.head();
        assert_eq!(head.field("content-encoding"), Some(coding));
        let mut bytes = Vec::new();
        let mut events = 0;
        loop {
            let size = client.wire.line().expect("a chunk comes");
            let size = usize::from_str_radix(&size, 16).expect("the size of a chunk");
            bytes.extend(client.wire.exactly(size + 2).expect("a chunk"));
            bytes.truncate(bytes.len() - 2);
            if size == 0 {
                break;
            }
            let now = so_far(coding, &bytes).matches("data: 1\n\n").count();
            for _ in events..now {
                read.send(()).expect("the origin waits");
            }
            events = now;
        }
        assert_eq!(events, 5, "{coding}");
        assert_eq!(decoded(Some(coding), &bytes), b"data: 1\n\n".repeat(5));
    }
}

/// What can be read of a body that goes on.
fn so_far(coding: &str, bytes: &[u8]) -> String {
    let mut reader: Box<dyn Read + '_> = match coding {
        "gzip" => Box::new(flate2::read::GzDecoder::new(bytes)),
        "br" => Box::new(brotli::Decompressor::new(bytes, 64)),
        _ => Box::new(zstd::stream::read::Decoder::new(bytes).expect("zstd")),
    };
    let (mut text, mut byte) = (Vec::new(), [0]);
    while let Ok(1) = reader.read(&mut byte) {
        text.push(byte[0]);
    }
    String::from_utf8(text).expect("events are text")
}

fn bodies_of_any_framing(cell: Cell) {
    let body: String = (0..60_000).map(|n| format!("{{\"number\": {n}}}\n")).collect();
    let kind = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let chunks = body
        .as_bytes()
        .chunks(10_000)
        .map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    let chunked = [
        format!("{kind}Transfer-Encoding: chunked\r\n\r\n").into_bytes(),
        chunks.collect::<Vec<_>>().concat(),
        b"0\r\n\r\n".to_vec(),
    ];
    let closed = format!("{kind}\r\n{body}");
    let origin = Origin::http1()
        .answer("/length", answer("Content-Type: application/json\r\n", body.as_bytes()))
        .answer("/chunked", chunked.concat())
        .on("/closed", move |_, visit| {
            visit.reply(closed.as_bytes());
            origin::Next::Close
        })
        .start();
    let proxy = cell.start(&config().route_with("/", compressed(&origin, json!({}))));
    let mut client = proxy.client();
    for _ in 0..2 {
        for path in ["/length", "/chunked", "/closed"] {
            for coding in ["gzip", "br", "zstd"] {
                let response = ask(&mut client, path, coding);
                assert_eq!(response.field("content-encoding"), Some(coding), "{path}");
                assert!(decoded(Some(coding), &response.bytes) == body.as_bytes(), "{path}");
                assert!(!response.closes(), "{path}");
            }
        }
    }
}

fn a_cut_body_is_cut(cell: Cell) {
    let page = page();
    let origin = Origin::script(move |visit| {
        visit.request()?;
        visit
            .wire
            .send("HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nContent-Length: 99999\r\n\r\n")?;
        visit.wire.send(&page)
    });
    let proxy = cell.start(&config().route_with("/", compressed(&origin, json!({}))));
    for coding in ["gzip", "br", "zstd"] {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {coding}\r\n\r\n");
        assert!(proxy.client().try_ask(&request).is_err(), "half a body for a whole one");
    }
    proxy.await_metric("ringway_active_requests", &[], 0.0);
}

/// Each takes an encoder as long as it lasts: who comes when all are taken gets the body as it is.
fn so_many_at_a_time(cell: Cell) {
    const MOST: usize = 64;
    let (end, ends) = std::sync::mpsc::channel();
    let ends = std::sync::Mutex::new(ends);
    let origin = Origin::script(move |visit| {
        visit.request()?;
        visit.wire.send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
             Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n",
        )?;
        let ends = ends.lock().expect("nobody panics with it");
        let _: Result<(), _> = ends.recv();
        visit.wire.send("0\r\n\r\n")
    });
    let proxy = cell.start(&config().route_with("/", compressed(&origin, json!({}))));
    let open = || {
        let mut client = proxy.client();
        client.send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
        let head = client.head();
        assert_eq!(head.field("vary"), Some("Accept-Encoding"));
        (client, head.field("content-encoding").map(str::to_owned))
    };
    let readers: Vec<_> = (0..MOST).map(|_| open()).collect();
    assert!(readers.iter().all(|(_, coding)| coding.as_deref() == Some("gzip")));
    assert_eq!(open().1, None);
    proxy.await_metric("ringway_limit_hits_total", &[("limit", "coders")], 1.0);
    // Who is done gives its encoder back.
    for _ in 0..4 {
        end.send(()).expect("the origin waits");
    }
    wait::until("there are encoders again", || open().1.is_some());
}

fn streams_of_http2(cell: Cell) {
    let page = page();
    let fields = "Content-Type: text/html\r\n";
    let origin = Origin::http1().answer("/", answer(fields, page.as_bytes())).start();
    let proxy = cell.start(&config().route_with("/", compressed(&origin, json!({}))));
    let mut streams = h2_client::H2::connect(proxy.address());
    for coding in ["gzip", "br", "zstd"] {
        let mut fields = h2_client::asked("GET", "/");
        fields.push(("accept-encoding", coding));
        let id = streams.open(&fields, true);
        let reply = streams.reply(id);
        assert_eq!((reply.status(), reply.field("content-encoding")), (200, Some(coding)));
        assert_eq!(decoded(Some(coding), &reply.bytes), page.as_bytes());
    }
}

/// The policy of a route holds for a backend with policies of its own too.
fn on_a_backend_of_its_own(cell: Cell) {
    let page = page();
    let fields = "Content-Type: text/html\r\n";
    let origin = Origin::http1().answer("/", answer(fields, page.as_bytes())).start();
    let backend = json!({
        "host": origin.host(), "policies": { "http": { "requestTimeout": "30s" } },
    });
    let policy = json!({ "algorithms": ["gzip"], "minBytes": "10KiB", "types": ["text/html"] });
    let route = json!({ "policies": { "compression": policy }, "backends": [backend] });
    let proxy = cell.start(&config().route_with("/", route));
    let response = ask(&mut proxy.client(), "/", "br, gzip");
    assert_eq!(response.field("content-encoding"), Some("gzip"));
    assert_eq!(decoded(Some("gzip"), &response.bytes), page.as_bytes());
}
