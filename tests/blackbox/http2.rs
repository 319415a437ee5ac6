//! HTTP/2 from clients to an HTTP/1.1 origin, RFC 9113: what honest clients do.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::h2_client::*;
use crate::harness::h2_origin::{H2Origin, Manners};
use crate::harness::scratch::{self, Scratch};
use crate::harness::*;

mod judges;

matrix! {
    methods_and_statuses,
    a_mebibyte_each_way,
    both_ways_at_once_through_small_windows,
    a_long_body_through_a_small_window,
    a_hundred_streams_at_once,
    trailers_come_behind_the_body,
    fields_are_translated,
    a_wrong_length_resets_the_stream,
    an_early_answer_ends_the_upload,
    a_reset_ends_the_exchange_and_no_other,
    a_reset_is_told_to_an_origin_that_says_nothing,
    a_window_opened_by_bytes_is_closed,
    a_cut_behind_a_closed_window_is_told_as_such,
    a_websocket_echoes,
    a_drain_takes_two_steps,
    a_drain_loses_nothing,
}

drivers! {
    an_interim_head_is_passed_on,
    the_access_log_says_http_2,
    an_origin_that_breaks_off_is_a_reset,
}

/// Answers when the gate is open; any number of connections.
fn gated(path: &str) -> (origin::Blueprint, Arc<AtomicBool>) {
    let gate = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&gate);
    let blueprint = Origin::http1().on(path, move |_, visit| {
        wait::until("the gate opens", || open.load(Ordering::SeqCst));
        visit.reply(&origin::ok("late"))
    });
    (blueprint, gate)
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n ^ (n >> 7) ^ (n >> 13)) as u8).collect()
}

fn echo(blueprint: origin::Blueprint) -> origin::Blueprint {
    blueprint.on("/echo", |request, visit| visit.reply(&origin::ok(&*request.body)))
}

fn methods_and_statuses(cell: Cell) {
    let origin = echo(Origin::http1())
        .route("/", "hello")
        .answer("/none", "HTTP/1.1 204 No Content\r\n\r\n")
        .answer("/same", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"e\"\r\n\r\n")
        .answer("/empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .answer("/head", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        .start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = H2::connect(proxy.address());
    let cases: [(&str, &str, &[u8], u16, &str); 9] = [
        ("GET", "/", b"", 200, "hello"),
        ("POST", "/echo", b"body", 200, "body"),
        ("PUT", "/echo?q=1", b"", 200, ""),
        ("HEAD", "/head", b"", 200, ""),
        ("GET", "/none", b"", 204, ""),
        ("GET", "/same", b"", 304, ""),
        ("GET", "/empty", b"", 200, ""),
        ("GET", "/missing", b"", 404, "no origin"),
        ("GET", "/", b"", 200, "hello"),
    ];
    for (method, path, body, status, expected) in cases {
        let id = client.open(&asked(method, path), body.is_empty());
        if !body.is_empty() {
            client.send_body(id, body, true);
        }
        let reply = client.reply(id);
        let got = (reply.status(), reply.body(), reply.reset, reply.ended);
        assert_eq!(got, (status, expected.to_owned(), None, true), "{method} {path}");
        assert_eq!(reply.field("connection"), None);
        assert_eq!(origin.last().target, path);
    }
    // HEAD keeps the length of what it does not have.
    let id = client.open(&asked("HEAD", "/head"), true);
    assert_eq!(client.reply(id).field("content-length"), Some("5"));
    proxy.await_metric("agentgateway_requests_total", &[("status", "200")], 7.0);
    proxy.await_metric("ringway_http2_streams_active", &[], 0.0);
    proxy.await_metric("ringway_http2_streams_reset_total", &[], 0.0);
}

fn a_mebibyte_each_way(cell: Cell) {
    let bytes = pattern(1 << 20);
    let origin = echo(Origin::http1()).route("/big", bytes.clone()).start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = H2::connect(proxy.address());
    for _ in 0..2 {
        assert!(client.get("/big").bytes == bytes, "down");
        let reply = client.post("/echo", &bytes);
        assert!(origin.last().body == bytes, "up");
        assert!(reply.bytes == bytes, "back");
    }
}

/// A client that is always behind opens its window for every piece, and that is no flood.
fn a_long_body_through_a_small_window(cell: Cell) {
    let bytes = pattern(4 << 20);
    let origin = Origin::http1().route("/", bytes.clone()).start();
    let proxy = cell.start(&config().route("/", &origin));
    for window in [1_000, 4_096] {
        let mut client = H2::with(proxy.address(), &[(INITIAL_WINDOW, window)]);
        assert!(client.get("/").bytes == bytes, "through {window} bytes");
    }
    proxy.await_metric("ringway_http2_floods_total", &[], 0.0);
}

/// The origin sends back what it has while more comes.
fn both_ways_at_once_through_small_windows(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.head()?;
        visit.wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        loop {
            let line = visit.wire.line()?;
            let size = usize::from_str_radix(&line, 16).expect("a size of a chunk");
            let chunk = visit.wire.exactly(size + 2)?;
            visit.wire.send([format!("{size:x}\r\n").as_bytes(), &chunk].concat())?;
            if size == 0 {
                return Ok(());
            }
        }
    });
    let proxy = cell.start(&config().route("/", &origin));
    let bytes = pattern(1 << 20);
    let mut client = H2::with(proxy.address(), &[(INITIAL_WINDOW, 1_000)]);
    let id = client.open(&asked("POST", "/"), false);
    client.send_body(id, &bytes[..400_000], false);
    client.until("an answer to what was sent so far", |client| !client.stream(id).bytes.is_empty());
    client.send_body(id, &bytes[400_000..], true);
    let reply = client.reply(id);
    assert_eq!(reply.status(), 200);
    assert!(reply.bytes == bytes, "{} bytes came back", reply.bytes.len());
}

fn a_hundred_streams_at_once(cell: Cell) {
    let (blueprint, gate) = gated("/");
    let origin = blueprint.start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = H2::connect(proxy.address());
    let ids: Vec<u32> = (0..100).map(|_| client.open(&asked("GET", "/"), true)).collect();
    wait::until("all of them are at the origin", || origin.seen().len() == 100);
    assert_eq!(client.settings.iter().find(|s| s.0 == MAX_STREAMS), None, "nothing was read yet");
    proxy.await_metric("ringway_http2_streams_active", &[], 100.0);
    let surplus = client.open(&asked("GET", "/"), true);
    assert_eq!(client.reply(surplus).reset, Some(REFUSED_STREAM));
    assert!(client.settings.contains(&(MAX_STREAMS, 100)), "{:?}", client.settings);
    gate.store(true, Ordering::SeqCst);
    for id in ids {
        assert_eq!(client.reply(id).body(), "late");
    }
    assert_eq!(client.get("/").body(), "late");
    proxy.await_metric("ringway_http2_streams_active", &[], 0.0);
}

fn trailers_come_behind_the_body(cell: Cell) {
    // gRPC itself would go to the origin as HTTP/2.
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-like-grpc\r\n";
    let origin = Origin::http1()
        .answer(
            "/call",
            format!(
                "{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\
                 grpc-status: 0\r\ngrpc-message: fine\r\n\r\n"
            ),
        )
        .answer("/only", format!("{head}grpc-status: 5\r\nContent-Length: 0\r\n\r\n"))
        .start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = H2::connect(proxy.address());
    let mut fields = asked("POST", "/call");
    fields.extend([("te", "trailers"), ("content-type", "application/x-like-grpc")]);
    let id = client.open(&fields, false);
    client.frame(DATA, 0, id, b"question");
    client.head(id, &[("x-sum", "abc")], true);
    let reply = client.reply(id);
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(reply.body(), "hello");
    assert_eq!(reply.trailers, [text("grpc-status", "0"), text("grpc-message", "fine")]);
    let seen = origin.last();
    assert_eq!(
        (seen.body.as_slice(), seen.trailers),
        (&b"question"[..], vec![text("x-sum", "abc")])
    );
    fields[2].1 = "/only";
    let id = client.open(&fields, true);
    let reply = client.reply(id);
    assert_eq!((reply.field("grpc-status"), reply.bytes.len()), (Some("5"), 0));
    assert!(reply.trailers.is_empty());
}

fn fields_are_translated(cell: Cell) {
    let origin = Origin::http1()
        .answer(
            "/",
            "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\
             X-Upper: Kept\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n",
        )
        .start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = H2::connect(proxy.address());
    let mut fields = asked("GET", "/");
    let long = "v".repeat(5_000);
    fields.extend([("cookie", "a=1"), ("x-long", &long), ("cookie", "b=2"), ("cookie", "c=3")]);
    let id = client.open(&fields, true);
    let reply = client.reply(id);
    let names: Vec<_> = reply.fields.iter().map(|field| field.0.as_str()).collect();
    for gone in ["connection", "x-hop", "keep-alive", "transfer-encoding"] {
        assert!(!names.contains(&gone), "{names:?}");
    }
    assert_eq!(reply.field("x-upper"), Some("Kept"));
    assert_eq!(names.iter().filter(|name| **name == "set-cookie").count(), 2);
    let head = origin.last().head;
    assert_eq!(head.first_line, "GET / HTTP/1.1");
    assert_eq!(head.all("cookie"), ["a=1; b=2; c=3"]);
    assert_eq!(head.all("host"), ["test"]);
    assert_eq!(head.field("x-long"), Some(long.as_str()));
    assert!(head.fields.iter().all(|(name, _)| !name.starts_with(':')), "{head:?}");
}

fn a_wrong_length_resets_the_stream(cell: Cell) {
    let origin = Origin::http1().route("/fine", "fine").route("/", "wrong").start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = H2::connect(proxy.address());
    for body in [None, Some(&b"short"[..]), Some(b"longer than ten"), Some(b"")] {
        let mut fields = asked("POST", "/");
        fields.push(("content-length", "10"));
        let id = client.open(&fields, body.is_none());
        if let Some(body) = body {
            client.frame(DATA, END_STREAM, id, body);
        }
        assert_eq!(client.reply(id).reset, Some(PROTOCOL_ERROR), "{body:?}");
    }
    assert_eq!(client.get("/fine").body(), "fine");
    let targets: Vec<_> = origin.seen().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/fine"], "no whole request of the others came");
    proxy.await_metric("ringway_http2_streams_active", &[], 0.0);
}

fn an_early_answer_ends_the_upload(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.head()?;
        visit.wire.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")?;
        visit.until_closed();
        Ok(())
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = H2::connect(proxy.address());
    for _ in 0..3 {
        let id = client.open(&asked("POST", "/"), false);
        client.frame(DATA, 0, id, b"the first of much");
        client.until("the answer and a reset", |client| client.stream(id).reset.is_some());
        let reply = client.stream(id).clone();
        assert_eq!((reply.status(), reply.body().as_str()), (413, "big"));
        assert_eq!((reply.ended, reply.reset), (true, Some(NO_ERROR)));
        // What was under way is let by.
        client.frame(DATA, 0, id, [b'x'; 1_000]);
        client.frame(DATA, END_STREAM, id, b"");
    }
    client.settle();
    assert!(client.goaways.is_empty());
    wait::until("no exchange is left", || origin.open() == 0);
    proxy.await_metric("ringway_http2_streams_active", &[], 0.0);
}

fn a_reset_ends_the_exchange_and_no_other(cell: Cell) {
    let endless = Origin::script(|visit| {
        visit.request()?;
        visit.wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n")?;
        loop {
            visit.wire.send("1\r\n.\r\n")?;
            thread::sleep(Duration::from_millis(5));
        }
    });
    let (blueprint, gate) = gated("/");
    let other = blueprint.start();
    let proxy = cell.start(&config().route("/endless", &endless).route("/", &other));
    let mut client = H2::connect(proxy.address());
    let unharmed = client.open(&asked("GET", "/"), true);
    for _ in 0..5 {
        let id = client.open(&asked("GET", "/endless"), true);
        client.until("it begins", |client| client.stream(id).bytes.starts_with(b"begin"));
        assert_eq!(endless.open(), 1);
        client.reset(id, CANCEL);
        wait::until("the origin is told", || endless.open() == 0);
    }
    gate.store(true, Ordering::SeqCst);
    assert_eq!(client.reply(unharmed).body(), "late");
    proxy.await_metric("ringway_http2_streams_reset_total", &[("cause", "cancel")], 5.0);
    proxy.await_metric("ringway_http2_streams_reset_total", &[], 5.0);
    proxy.await_metric("ringway_http2_streams_active", &[], 0.0);
}

fn a_reset_is_told_to_an_origin_that_says_nothing(cell: Cell) {
    let silent = Origin::script(|visit| {
        visit.request()?;
        visit.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin")?;
        visit.until_closed();
        Ok(())
    });
    let shared = H2Origin::start(Manners::default());
    let policies = json!({ "http": { "version": "HTTP/2.0" } });
    let backend = json!({ "host": shared.host(), "policies": policies });
    let proxy = cell.start(
        &config().route("/silent", &silent).route_with("/", json!({ "backends": [backend] })),
    );
    let mut client = H2::connect(proxy.address());
    for (path, open) in [("/silent", 1), ("/begin", 0)] {
        let id = client.open(&asked("GET", path), true);
        client.until("it begins", |client| client.stream(id).bytes.starts_with(b"begin"));
        assert_eq!(silent.open(), open, "{path}");
        client.reset(id, CANCEL);
        wait::until("the origin is told", || silent.open() == 0 && shared.streams() == 0);
    }
    proxy.await_metric("ringway_http2_streams_active", &[], 0.0);
    proxy.await_metric("ringway_upstream_streams_active", &[], 0.0);
}

/// What the client is told of a cut response does not hang on what its window has let pass: all that
/// came before the cut, some of it, or nothing. One that is whole, and not taken, is its own doing.
fn a_cut_behind_a_closed_window_is_told_as_such(cell: Cell) {
    let script = |text: &'static str| {
        Origin::script(move |visit| {
            visit.request()?;
            visit.wire.send(text)
        })
    };
    let cut = script("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
    let whole = script("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
    let limits = json!({ "writeTimeout": "1s" });
    let config = config().route("/cut", &cut).route("/whole", &whole).limits(limits);
    let proxy = cell.start(&config);
    for (path, window, code) in [
        ("/cut", 20, INTERNAL_ERROR),
        ("/cut", 10, INTERNAL_ERROR),
        ("/cut", 5, INTERNAL_ERROR),
        ("/cut", 0, INTERNAL_ERROR),
        ("/whole", 5, CANCEL),
    ] {
        let mut client = H2::with(proxy.address(), &[(INITIAL_WINDOW, window)]);
        client.opens_windows = false;
        let id = client.open(&asked("GET", path), true);
        client.until("it is reset", |client| client.stream(id).reset.is_some());
        let reply = client.stream(id);
        assert_eq!(reply.reset, Some(code), "{path} within {window}");
        assert_eq!(reply.bytes.len(), window.min(10) as usize);
    }
    proxy.await_metric("ringway_timeouts_total", &[("kind", "write")], 1.0);
}

/// A client that takes a few bytes at a time is as slow as one that takes none.
fn a_window_opened_by_bytes_is_closed(cell: Cell) {
    let large = Origin::http1().route("/", pattern(100_000)).start();
    let limits = json!({ "writeTimeout": "1s" });
    let proxy = cell.start(&config().route("/", &large).limits(limits));
    let mut client = H2::with(proxy.address(), &[(INITIAL_WINDOW, 10)]);
    let id = client.open(&asked("GET", "/"), true);
    client.until("it begins", |client| client.stream(id).bytes.len() == 10);
    let begun = Instant::now();
    let mut had = 10;
    while client.stream(id).reset.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it goes on and on");
        client.open_window(id, 5);
        had += 5;
        client.until("some bytes or the end", |client| {
            let stream = client.stream(id);
            stream.bytes.len() >= had || stream.reset.is_some()
        });
        // Not so fast that it is a flood.
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(client.stream(id).reset, Some(CANCEL));
    assert!(had < 10 + 512, "cut before it was worth anything: {had}");
    client.settings(&[(INITIAL_WINDOW, 1 << 20)]);
    assert_eq!(client.get("/").status(), 200);
}

fn a_websocket_echoes(cell: Cell) {
    let origin = Origin::script(|visit| {
        let head = visit.head()?;
        visit.note(head, Vec::new(), Vec::new());
        visit.wire.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nwelcome;",
        )?;
        loop {
            let bytes = std::mem::take(&mut visit.wire.unread);
            visit.wire.send(bytes)?;
            if !visit.wire.fill()? {
                return visit.wire.send("bye");
            }
        }
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = H2::connect(proxy.address());
    client.settle();
    assert!(client.settings.contains(&(CONNECT_PROTOCOL, 1)), "{:?}", client.settings);
    let mut fields = asked("CONNECT", "/ws");
    fields.insert(1, (":protocol", "websocket"));
    fields.push(("sec-websocket-version", "13"));
    let id = client.open(&fields, false);
    client.until("it is open", |client| client.stream(id).bytes == b"welcome;");
    assert_eq!(client.stream(id).status(), 200);
    assert_eq!(client.stream(id).field("sec-websocket-accept"), None);
    let bytes = pattern(300_000);
    client.send_body(id, &bytes, true);
    let reply = client.reply(id);
    assert!(reply.bytes == [b"welcome;", &bytes[..], b"bye"].concat(), "{}", reply.bytes.len());
    assert_eq!((reply.ended, reply.reset), (true, None));
    let head = origin.last().head;
    assert_eq!(head.first_line, "GET /ws HTTP/1.1");
    assert_eq!(head.field("upgrade"), Some("websocket"));
    assert!(head.field("sec-websocket-key").is_some_and(|key| key.len() == 24), "{head:?}");
    wait::until("the tunnel is gone", || origin.open() == 0);
}

fn a_drain_takes_two_steps(cell: Cell) {
    let (blueprint, gate) = gated("/");
    let origin = blueprint.start();
    let mut proxy = cell.start(&config().route("/", &origin).drain("0s", "20s"));
    let mut client = H2::connect(proxy.address());
    client.settle();
    client.answers_pings = false;
    let first = client.open(&asked("GET", "/"), true);
    wait::until("it is at the origin", || origin.seen().len() == 1);
    proxy.drain();
    client.until("the first step", |client| !client.goaways.is_empty() && !client.pings.is_empty());
    assert_eq!(client.goaways, [(0x7FFF_FFFF, NO_ERROR)]);
    // It has crossed with the GOAWAY, as far as the proxy can know.
    let crossed = client.open(&asked("GET", "/"), true);
    let ping = client.pings.remove(0);
    client.frame(PING, ACK, 0, ping);
    client.until("the second step", |client| client.goaways.len() == 2);
    assert_eq!(client.goaways[1], (crossed, NO_ERROR));
    gate.store(true, Ordering::SeqCst);
    assert_eq!(client.reply(first).body(), "late");
    assert_eq!(client.reply(crossed).body(), "late");
    assert_eq!(client.end(), Some(NO_ERROR));
    assert_eq!(proxy.wait_for_exit(wait::PATIENCE).code(), Some(0));
    assert!(!proxy.stderr().contains("cut"), "{}", proxy.stderr());
}

/// Clients that stop opening streams when they are told, each with streams under way.
fn a_drain_loses_nothing(cell: Cell) {
    let origin = Origin::http1().route("/", pattern(20_000)).start();
    let mut proxy = cell.start(&config().route("/", &origin).drain("1s", "20s"));
    let address = proxy.address();
    let warm = Arc::new(Barrier::new(5));
    let clients: Vec<_> = (0..4)
        .map(|_| Arc::clone(&warm))
        .map(|warm| thread::spawn(move || ask_until_told(address, &warm)))
        .collect();
    warm.wait();
    proxy.drain();
    for client in clients {
        assert_eq!(client.join().expect("no stream is lost"), Some(NO_ERROR));
    }
    assert_eq!(proxy.wait_for_exit(wait::PATIENCE).code(), Some(0));
    assert!(!proxy.stderr().contains("cut"), "{}", proxy.stderr());
}

/// Eight streams at a time until the GOAWAY, all of which are answered.
fn ask_until_told(address: SocketAddr, warm: &Barrier) -> Option<u32> {
    let mut client = H2::connect(address);
    let mut rounds = 0;
    while client.goaways.is_empty() {
        let ids: Vec<_> = (0..8).map(|_| client.open(&asked("GET", "/"), true)).collect();
        for id in ids {
            let reply = client.reply(id);
            assert_eq!((reply.status(), reply.bytes.len()), (200, 20_000));
            client.streams.remove(&id);
        }
        rounds += 1;
        if rounds == 2 {
            warm.wait();
        }
    }
    client.end()
}

fn an_interim_head_is_passed_on(cell: Cell) {
    let origin = Origin::http1()
        .answer(
            "/",
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        )
        .start();
    let proxy = cell.start(&config().route("/", &origin));
    let reply = H2::connect(proxy.address()).get("/");
    assert_eq!(reply.body(), "ok");
    assert_eq!(reply.interim.len(), 1);
    assert_eq!(reply.interim[0][0].1, "103");
}

fn the_access_log_says_http_2(cell: Cell) {
    let scratch = Scratch::new();
    let file = scratch.path("access.log");
    let log = json!({ "ringway": { "accessLog": { "to": { "file": file }, "format": "json" } } });
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin).process(log));
    H2::connect(proxy.address()).get("/?two");
    proxy.client().get("/?one");
    wait::until("both lines are written", || scratch::read(&file).lines().count() == 2);
    for line in scratch::read(&file).lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let expected = if line["http.path"] == "/?two" { "HTTP/2.0" } else { "HTTP/1.1" };
        assert_eq!(line["http.version"], expected, "{line}");
        assert_eq!(line["http.status"], 200);
    }
}

/// A body that is cut must not look whole.
fn an_origin_that_breaks_off_is_a_reset(cell: Cell) {
    for head in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
        let body = if head.starts_with('C') { "part" } else { "4\r\npart\r\n" };
        let origin = Origin::answering(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}"));
        let proxy = cell.start(&config().route("/", &origin));
        let mut client = H2::connect(proxy.address());
        let reply = client.get("/");
        assert_eq!((reply.ended, reply.reset.is_some()), (false, true), "{head}: {reply:?}");
        assert_eq!(reply.status(), 200);
        client.settle();
        proxy.await_metric("ringway_http2_streams_active", &[], 0.0);
    }
}
