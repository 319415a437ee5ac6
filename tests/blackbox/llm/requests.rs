//! Bodies on their way to a provider: in pieces, large, announced, or not looked at.

use std::io::{Read, Write};

use super::*;

matrix! {
    a_body_in_pieces_is_one_body,
    a_large_body_arrives_whole,
}

drivers! {
    who_waits_for_a_word_gets_it,
    what_is_no_json_is_passed_through,
    the_head_says_what_the_body_is,
}

const PATH: &str = "/v1/chat/completions";

fn head(framing: &str) -> String {
    format!(
        "POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
    )
}

fn a_body_in_pieces_is_one_body(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway(at));
    let body = chat("gpt-6").to_string();
    let own = direct(at, PATH, &body).body();
    let mut client = proxy.client();
    for size in [1, 7, 50] {
        client.send(head(&format!("Content-Length: {}", body.len())));
        body.as_bytes().chunks(size).for_each(|piece| client.send(piece));
        assert_eq!(client.response().body(), own);
        client.send(head("Transfer-Encoding: chunked"));
        for piece in body.as_bytes().chunks(size) {
            client.send([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
        }
        // The next request comes right behind it.
        client.send([b"0\r\n\r\n", &request(PATH, &body)[..]].concat());
        assert_eq!(client.response().body(), own);
        assert_eq!(client.response().body(), own);
    }
    tokens(&proxy, "input", 9.0 * 8.0);
    drop(client);
    proxy.await_buffers(1);
}

fn a_large_body_arrives_whole(cell: Cell) {
    let (_origin, at) = provider();
    let buffers = json!({ "http": { "maxBufferSize": 4_194_304 } });
    let proxy = cell.start(&gateway(at).frontend(buffers));
    let mut client = proxy.client();
    let mut tokens_in = 0.0;
    for kib in [10, 30, 200, 300, 2000] {
        let prompt = "a b ".repeat(kib * 256);
        for stream in [false, true] {
            let mut body =
                json!({ "model": "gpt-6", "messages": [{ "role": "user", "content": prompt }] });
            if stream {
                body = streamed(body);
            }
            // A request behind it in the same breath.
            let both =
                [request(PATH, &body.to_string()), request(PATH, &chat("gpt-6").to_string())];
            client.send(both.concat());
            assert_eq!(client.response().status, 200, "{kib} KiB");
            assert_eq!(client.response().status, 200, "behind {kib} KiB");
            tokens_in += (kib * 256) as f64 + 8.0;
            tokens(&proxy, "input", tokens_in);
        }
    }
    drop(client);
    proxy.await_buffers(1);
}

fn who_waits_for_a_word_gets_it(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway(at));
    let body = chat("gpt-6").to_string();
    let mut client = proxy.client();
    let framing = format!("Content-Length: {}\r\nExpect: 100-continue", body.len());
    for _ in 0..2 {
        client.send(head(&framing));
        assert_eq!(client.head().status().unwrap(), 100);
        client.send(&body);
        assert_eq!(client.response().body(), direct(at, PATH, &body).body());
    }
    tokens(&proxy, "input", 16.0);
}

fn what_is_no_json_is_passed_through(cell: Cell) {
    let origin = Origin::http1()
        .answer("/v1/audio/transcriptions", crate::harness::origin::ok("heard"))
        .answer("/v1/files", crate::harness::origin::ok("kept"))
        .start();
    let route = json!({
        "policies": { "ai": { "routes": { "*": "passthrough" } } },
        "backends": [{ "ai": { "provider": "openAI", "hostOverride": origin.host() } }],
    });
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    let sound = vec![0xFF; 3_000_000];
    client.send(format!(
        "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data\r\n\
         Content-Length: {}\r\n\r\n",
        sound.len()
    ));
    client.send(&sound);
    assert_eq!(client.response().body(), "heard");
    assert!(origin.last().body == sound);
    assert_eq!(client.get("/v1/files").body(), "kept");
    let unknown = client.get("/v1/nothing");
    assert_eq!(unknown.status, 404, "the provider's own answer");
}

fn the_head_says_what_the_body_is(cell: Cell) {
    let answer =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let seen = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
        while !seen.ends_with(b"}") {
            let count = stream.read(&mut piece).unwrap();
            assert!(count > 0, "a whole request");
            seen.extend_from_slice(&piece[..count]);
        }
        stream.write_all(answer).unwrap();
        String::from_utf8(seen).unwrap()
    });
    let alias = json!({ "ai": { "modelAliases": { "short": "a-much-longer-name" } } });
    let route = json!({ "backends": [ai("groq", at)], "policies": alias });
    let proxy = cell.start(&config().route_with("/team", route));
    let mut client = proxy.client();
    client.send(
        "POST /team/v1/chat/completions?a=b HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: \
         chunked\r\nAccept-Encoding: gzip\r\n\r\n11\r\n{\"model\":\"short\"}\r\n0\r\n\r\n",
    );
    assert_eq!(client.response().body(), "{}");
    let seen = seen.join().unwrap();
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /openai/v1/chat/completions?a=b HTTP/1.1\r\n"), "{head}");
    assert_eq!(body, "{\"model\":\"a-much-longer-name\"}");
    let head = head.to_ascii_lowercase();
    assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())), "{head}");
    assert!(head.contains(&format!("\r\nhost: {at}\r\n")), "{head}");
    for absent in ["transfer-encoding", "accept-encoding", "expect"] {
        assert!(!head.contains(absent), "{head}");
    }
}
