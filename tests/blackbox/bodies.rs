//! Bodies that a policy holds, looks into, or makes another of: they are whole when they go on, have
//! the length that they have, and are never larger than they may be.

use std::io::Write;

use serde_json::{Value, json};

use crate::harness::origin::ok;
use crate::harness::*;

matrix! {
    a_held_request_goes_on_whole,
    rules_look_into_bodies,
    another_body_goes_to_the_origin,
    another_body_goes_to_the_client,
    what_is_too_large_is_refused,
}

drivers! {
    who_is_refused_is_not_waited_for,
    a_client_that_waits_for_a_word_gets_one,
    coded_bodies_are_read_and_bombs_are_not,
    what_is_left_as_it_is,
    a_client_that_leaves_gives_everything_back,
    replies_of_our_own,
    streams_of_http2,
    sent_again_and_mirrored,
}

fn with(origin: &Origin, policies: Value) -> Value {
    json!({ "policies": policies, "backends": [{ "host": origin.host() }] })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    coder.write_all(bytes).and_then(|()| coder.finish()).expect("in memory")
}

fn post(path: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn chunked(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut message = head.into_bytes();
    for chunk in body.chunks(1000) {
        message.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        message.extend_from_slice(chunk);
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(b"0\r\nX-Trailer: 1\r\n\r\n");
    message
}

fn text(bytes: usize) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < bytes {
        text.extend_from_slice(format!("line {} of a body\n", text.len()).as_bytes());
    }
    text.truncate(bytes);
    text
}

fn a_held_request_goes_on_whole(cell: Cell) {
    let origin = Origin::http1().route("/", "ok").start();
    let proxy = cell.start(&config().route_with(
        "/",
        with(
            &origin,
            json!({
                "buffer": { "request": { "maxBytes": "4MiB" } },
            }),
        ),
    ));
    let mut client = proxy.client();
    for bytes in [999, 0, 1, 1001, 20_000, 130_000, 300_000, 3_000_000] {
        let body = text(bytes);
        for message in [post("/", "", &body), chunked("/", &body)] {
            // In pieces, and the next request right behind.
            let (first, rest) = message.split_at(message.len() / 2);
            let before = origin.seen().len();
            client.send(first);
            if before == 0 {
                proxy.await_metric("ringway_active_requests", &[], 1.0);
                assert_eq!(origin.accepted(), 0, "nobody is asked before it is whole");
            }
            client.send([rest, b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"].concat());
            assert_eq!(client.response().status, 200, "{bytes}");
            let seen = origin.seen();
            let seen = &seen[before];
            assert!(seen.body == body, "{bytes}: {} came", seen.body.len());
            assert_eq!(seen.head.field("transfer-encoding"), None);
            assert_eq!(seen.head.all("content-length"), [bytes.to_string()]);
            assert_eq!(client.response().status, 404);
        }
    }
    drop(client);
    proxy.await_buffers(1);
}

fn rules_look_into_bodies(cell: Cell) {
    let origin = Origin::http1().route("/", "in").start();
    let proxy = cell.start(&config().route_with("/", with(&origin, json!({
        "authorization": { "rules": [{ "require": "request.body.contains('open sesame')" }] },
        "transformations": { "request": { "set": { "x-size": "size(request.body)" } } },
    }))));
    let mut client = proxy.client();
    for _ in 0..3 {
        client.send(post("/", "", b"please: open sesame"));
        assert_eq!(client.response().body(), "in");
        assert_eq!(origin.last().body, b"please: open sesame");
        assert_eq!(origin.last().head.field("x-size"), Some("19"));
        client.send(chunked("/", b"open sesame"));
        assert_eq!(client.response().body(), "in");
        client.send(post("/", "", b"open says me"));
        assert_eq!(client.response().status, 403);
        assert_eq!(client.get("/").status, 403, "nothing contains nothing of it");
    }
    assert_eq!(origin.seen().len(), 6);
}

fn another_body_goes_to_the_origin(cell: Cell) {
    let origin = Origin::http1().route("/", "ok").start();
    let made = "'<' + request.body + '> ' + request.method";
    let proxy = cell.start(
        &config()
            .route_with(
                "/fails",
                with(
                    &origin,
                    json!({
                        "transformations": { "request": { "body": "request.headers['x-none']" } },
                    }),
                ),
            )
            .route_with(
                "/",
                with(
                    &origin,
                    json!({
                        "transformations": { "request": {
                            "body": made, "set": { "content-type": "'text/made'" },
                        } },
                    }),
                ),
            ),
    );
    let mut client = proxy.client();
    for bytes in [0, 5, 30_000, 500_000] {
        let body = text(bytes);
        let coded = gzip(&body);
        let expected = [b"<", &body[..], b"> POST"].concat();
        let fields = "Content-Encoding: gzip\r\nContent-MD5: old\r\nX-Other: 1\r\n";
        for message in [post("/", "", &body), chunked("/", &body), post("/", fields, &coded)] {
            client.send(message);
            assert_eq!(client.response().status, 200);
            let seen = origin.last();
            assert!(seen.body == expected, "{bytes}: {} came", seen.body.len());
            assert_eq!(seen.head.all("content-length"), [expected.len().to_string()]);
            assert_eq!(seen.head.all("content-type"), ["text/made"]);
            for gone in ["transfer-encoding", "content-encoding", "content-md5"] {
                assert_eq!(seen.head.field(gone), None, "{gone}");
            }
        }
    }
    // Without a body there is one, and one that cannot be made is left as it came.
    client.get("/");
    assert_eq!(origin.last().body, b"<> GET");
    for message in [post("/fails", "Content-Encoding: br\r\n", b"any"), chunked("/fails", b"any")] {
        client.send(message);
        client.response();
        assert_eq!(origin.last().body, b"any");
    }
    client.get("/fails");
    assert_eq!(origin.last().head.field("content-length"), None);
    proxy.await_metric("ringway_expression_failures_total", &[], 3.0);
}

fn another_body_goes_to_the_client(cell: Cell) {
    let page = text(100_000);
    let with_length = |fields: &str, body: &[u8]| {
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {length}\r\n\r\n");
        [head.as_bytes(), body].concat()
    };
    let mut in_chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in page.chunks(7000) {
        in_chunks.extend(format!("{:x}\r\n", chunk.len()).bytes().chain(chunk.iter().copied()));
        in_chunks.extend(b"\r\n");
    }
    in_chunks.extend(b"0\r\n\r\n");
    let until_close = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", &page[..]].concat();
    let fields = "ETag: \"v1\"\r\nContent-Encoding: gzip\r\nAccept-Ranges: bytes\r\nX-Other: 1\r\n";
    let origin = Origin::http1()
        .answer("/plain", with_length("", &page))
        .answer("/coded", with_length(fields, &gzip(&page)))
        .answer("/chunked", in_chunks)
        .on("/close", move |_, visit| {
            visit.reply(&until_close);
            origin::Next::Close
        })
        .answer("/empty", ok(""))
        .start();
    let proxy = cell.start(&config().route_with(
        "/",
        with(
            &origin,
            json!({
                "transformations": { "response": {
                    "body": "response.body + request.path",
                    "set": { "x-size": "size(response.body)", "x-code": "response.code" },
                } },
            }),
        ),
    ));
    let mut client = proxy.client();
    for _ in 0..3 {
        for path in ["/plain", "/coded", "/chunked", "/close", "/empty"] {
            let response = client.get(path);
            let page = if path == "/empty" { &b""[..] } else { &page };
            let expected = [page, path.as_bytes()].concat();
            assert_eq!(response.status, 200, "{path}");
            assert!(response.bytes == expected, "{path}: {} came", response.bytes.len());
            assert_eq!(response.head.all("content-length"), [expected.len().to_string()]);
            assert_eq!(response.field("x-size"), Some(page.len().to_string().as_str()));
            for gone in ["transfer-encoding", "content-encoding", "accept-ranges"] {
                assert_eq!(response.field(gone), None, "{path} {gone}");
            }
            let tag = (path == "/coded").then_some("W/\"v1\"");
            assert_eq!(response.field("etag"), tag);
        }
        let head = client.ask("HEAD /coded HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((head.status, head.field("content-length")), (200, None));
    }
    drop(client);
    proxy.await_buffers(1);
}

fn what_is_too_large_is_refused(cell: Cell) {
    let origin = Origin::http1()
        .route("/", text(2000))
        .answer(
            "/chunked",
            [
                &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n"[..],
                &text(2000),
                b"\r\n0\r\n\r\n",
            ]
            .concat(),
        )
        .start();
    let asks = json!({ "transformations": { "request": { "body": "request.body" } } });
    let proxy = cell.start(
        &config()
            .frontend(json!({ "http": { "maxBufferSize": 1000 } }))
            .route_with(
                "/own",
                with(&origin, json!({ "buffer": { "request": { "maxBytes": 10 } } })),
            )
            .route_with(
                "/tells",
                with(
                    &origin,
                    json!({
                        "buffer": { "response": {} }, "urlRewrite": { "path": { "full": "/" } },
                    }),
                ),
            )
            .route_with("/chunked", with(&origin, json!({ "buffer": { "response": {} } })))
            .route_with("/", with(&origin, asks)),
    );
    for (path, bytes) in [("/", 1001), ("/", 50_000), ("/", 1_000_000), ("/own", 11)] {
        for message in [post(path, "", &text(bytes)), chunked(path, &text(bytes))] {
            let before = origin.seen().len();
            let mut client = proxy.client();
            // It is refused before all of it is sent, and may not be read to its end.
            let _ = client.wire.send(&message);
            let response = client.response();
            assert_eq!((response.status, response.closes()), (413, true), "{path} {bytes}");
            assert_eq!(response.body(), "request body too large");
            assert_eq!(origin.seen().len(), before, "nothing of it went on");
        }
    }
    for (path, bytes) in [("/", 1000), ("/own", 10)] {
        for message in [post(path, "", &text(bytes)), chunked(path, &text(bytes))] {
            let mut client = proxy.client();
            client.send(&message);
            assert_ne!(client.response().status, 413, "{path} {bytes}");
            assert!(origin.last().body == text(bytes));
        }
    }
    let mut client = proxy.client();
    for path in ["/tells", "/chunked"] {
        for _ in 0..2 {
            let response = client.get(path);
            assert_eq!(
                (response.status, response.body().as_str()),
                (502, "upstream response too large")
            );
        }
    }
    proxy.await_metric("ringway_limit_hits_total", &[("limit", "body_bytes")], 12.0);
    let slow = [("status", "413"), ("reason", "InvalidRequest")];
    proxy.await_metric("agentgateway_requests_total", &slow, 8.0);
}

/// Rules that do not look into the body are asked before it is read.
fn who_is_refused_is_not_waited_for(cell: Cell) {
    let origin = Origin::http1().route("/", "ok").start();
    let proxy = cell.start(&config().route_with(
        "/",
        with(
            &origin,
            json!({
                "authorization": { "rules": ["'x-key' in request.headers"] },
                "transformations": { "request": { "body": "request.body" } },
            }),
        ),
    ));
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    assert_eq!(client.response().status, 403);
    client.send("lloPOST / HTTP/1.1\r\nHost: a\r\nX-Key: 1\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.response().status, 200);
}

fn a_client_that_waits_for_a_word_gets_one(cell: Cell) {
    let origin = Origin::http1().route("/", "ok").start();
    let proxy = cell.start(&config().route_with(
        "/",
        with(
            &origin,
            json!({
                "buffer": { "request": { "maxBytes": 100 } },
            }),
        ),
    ));
    let mut client = proxy.client();
    let ask = |bytes: usize| {
        format!(
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {bytes}\r\n\r\n"
        )
    };
    for _ in 0..2 {
        client.send(ask(5));
        assert_eq!(client.head().first_line, "HTTP/1.1 100 Continue");
        client.send("hello");
        assert_eq!(client.response().status, 200);
        assert_eq!(
            (origin.last().body, origin.last().head.field("expect")),
            (b"hello".to_vec(), None)
        );
    }
    // Who would send too much is told before he does.
    client.send(ask(101));
    assert_eq!(client.response().status, 413);
}

fn coded_bodies_are_read_and_bombs_are_not(cell: Cell) {
    let origin = Origin::http1().route("/", "in").start();
    let proxy =
        cell.start(&config().frontend(json!({ "http": { "maxBufferSize": 100_000 } })).route_with(
            "/",
            with(
                &origin,
                json!({
                    "authorization": { "rules": ["request.body.startsWith('line 0')"] },
                }),
            ),
        ));
    let body = text(50_000);
    let coded = gzip(&body);
    let mut client = proxy.client();
    let ask = |client: &mut Client, coding: &str, body: &[u8]| {
        client.send(post("/", &format!("Content-Encoding: {coding}\r\n"), body));
        client.response().status
    };
    assert_eq!(ask(&mut client, "gzip", &coded), 200);
    assert!(origin.last().body == coded, "it goes on as it came");
    assert_eq!(origin.last().head.field("content-encoding"), Some("gzip"));
    assert_eq!(ask(&mut client, "identity", &body), 200);
    // What cannot be read lets nobody in.
    assert_eq!(ask(&mut client, "deflate", &body), 403);
    assert_eq!(ask(&mut client, "gzip", &body), 403);
    assert_eq!(ask(&mut client, "gzip", &coded[..coded.len() / 2]), 403);
    let bomb = gzip(&vec![b'l'; 50_000_000]);
    assert!(bomb.len() < 100_000, "it is small as it comes");
    assert_eq!(ask(&mut client, "gzip", &bomb), 413);
    assert_eq!(origin.seen().len(), 2);
}

fn what_is_left_as_it_is(cell: Cell) {
    let part = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3/10\r\nContent-Length: 4\r\n\r\npart";
    let grpc = "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n\
                4\r\ngrpc\r\n0\r\ngrpc-status: 0\r\n\r\n";
    let none = "HTTP/1.1 204 No Content\r\n\r\n";
    let origin =
        Origin::http1().answer("/part", part).answer("/grpc", grpc).answer("/none", none).start();
    let proxy = cell.start(&config().route_with(
        "/",
        with(
            &origin,
            json!({
                "transformations": { "response": { "body": "'made'" } },
            }),
        ),
    ));
    let mut client = proxy.client();
    for _ in 0..2 {
        let response = client.get("/part");
        assert_eq!((response.status, response.body().as_str()), (206, "part"));
        assert_eq!(response.field("content-length"), Some("4"));
        let response = client.get("/grpc");
        assert_eq!((response.body().as_str(), response.trailers.len()), ("grpc", 1));
        let response = client.get("/none");
        assert_eq!((response.status, response.bytes.len()), (204, 0));
    }
}

fn a_client_that_leaves_gives_everything_back(cell: Cell) {
    let origin = Origin::http1().route("/", "ok").start();
    let held = json!({ "buffer": { "request": {} } });
    let proxy = cell.start(
        &config().limits(json!({ "readTimeout": "300ms" })).route_with("/", with(&origin, held)),
    );
    for leave in [true, false] {
        let mut client = proxy.client();
        let whole = post("/", "", &text(400_000));
        client.send(&whole[..300_000]);
        if leave {
            proxy.await_metric("ringway_active_requests", &[], 1.0);
            client.wire.socket.reset();
        } else {
            assert_eq!(client.response().status, 408);
        }
        proxy.await_metric("ringway_active_requests", &[], 0.0);
    }
    assert_eq!(origin.seen().len(), 0);
    proxy.await_buffers(1);
}

fn replies_of_our_own(cell: Cell) {
    let route = |status: u16, body: &str| {
        json!({ "policies": {
        "directResponse": { "status": status, "bodyExpression": body },
        "transformations": { "response": { "body": "response.body + '!'" } },
    } })
    };
    let bodiless = json!({ "policies": {
        "directResponse": { "status": 204 },
        "transformations": { "response": { "body": "'none'" } },
    } });
    let proxy = cell.start(
        &config()
            .route_with("/none", bodiless)
            .route_with("/", route(200, "request.method + ' ' + request.body")),
    );
    let mut client = proxy.client();
    for _ in 0..2 {
        assert_eq!(client.get("/").body(), "GET !");
        client.send(post("/", "", b"body"));
        let response = client.response();
        assert_eq!(
            (response.body().as_str(), response.field("content-length")),
            ("POST body!", Some("10"))
        );
        assert_eq!(client.get("/none").status, 204);
    }
}

fn streams_of_http2(cell: Cell) {
    let origin = Origin::http1().route("/", "told").start();
    let proxy = cell.start(&config().route_with(
        "/",
        with(
            &origin,
            json!({
                "transformations": {
                    "request": { "body": "request.body + '!'" },
                    "response": { "body": "response.body + '!'" },
                },
            }),
        ),
    ));
    let mut client = h2_client::H2::connect(proxy.address());
    for bytes in [0, 10, 100_000] {
        let body = text(bytes);
        let response = client.post("/", &body);
        assert_eq!((response.status(), response.body().as_str()), (200, "told!"));
        assert!(origin.last().body == [&body[..], b"!"].concat());
    }
}

fn sent_again_and_mirrored(cell: Cell) {
    let origin =
        Origin::http1().answer("/", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").start();
    let mirror = Origin::http1().route("/", "shadow").start();
    let proxy = cell.start(&config().route_with(
        "/",
        with(
            &origin,
            json!({
                "transformations": { "request": { "body": "'made of ' + request.body" } },
                "retry": { "attempts": 2, "codes": [503], "nonIdempotent": true },
                "requestMirror": { "backend": { "host": mirror.host() } },
            }),
        ),
    ));
    let mut client = proxy.client();
    client.send(chunked("/", b"this"));
    assert_eq!(client.response().status, 503);
    let bodies: Vec<_> = origin.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, vec![b"made of this".to_vec(); 3]);
    wait::until("the mirror has it", || mirror.seen().len() == 1);
    assert_eq!(mirror.last().body, b"made of this");
    assert_eq!(mirror.last().head.all("content-length"), ["12"]);
}
