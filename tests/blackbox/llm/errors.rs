//! Errors: in the shape of the caller's API, whoever makes them.

use loadtest::origin::{Fault, Faults, Kind, Setup};

use super::*;

matrix! {
    what_is_wrong_with_a_request_is_told_in_its_shape,
    a_page_for_people_is_no_answer,
}

drivers! {
    what_the_provider_refuses_is_passed_on,
    a_provider_that_is_not_there_is_told_of,
    a_limit_of_the_route_is_told_in_shape,
    a_refusal_is_asked_again_where_the_route_says_so,
}

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

/// Status and type of an error that each API reads.
fn told(response: &Response) -> (u16, String) {
    let error = json_of(response);
    assert_eq!(response.field("content-type"), Some("application/json"));
    assert!(error["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
    (response.status, error["error"]["type"].as_str().expect("a type").to_owned())
}

fn post(client: &mut Client, path: &str, body: &str) -> Response {
    client.send(request(path, body));
    client.response()
}

fn what_is_wrong_with_a_request_is_told_in_its_shape(cell: Cell) {
    let (origin, at) = provider();
    let proxy = cell.start(&gateway(at).frontend(json!({ "http": { "maxBufferSize": 10_000 } })));
    let mut client = proxy.client();
    let deep = format!("{{\"model\":\"m\",\"x\":{}{}}}", "[".repeat(500), "]".repeat(500));
    for body in [
        "hello",
        "",
        "[]",
        "{}",
        "{\"model\":7}",
        "{\"model\":\"m\",\"stream\":\"yes\"}",
        "{\"model\":\"a\",\"model\":\"b\"}",
        "{\"model\":\"m\"",
        &deep,
    ] {
        let openai = told(&post(&mut client, CHAT, body));
        assert_eq!(openai, (400, "invalid_request_error".to_owned()), "{body:?}");
        let answer = post(&mut client, MESSAGES, body);
        assert_eq!(told(&answer), (400, "invalid_request_error".to_owned()), "{body:?}");
        assert_eq!(json_of(&answer)["type"], "error");
    }
    let bytes = [&request(CHAT, "{\"model\":\"?????\"}")[..]].concat();
    let latin = bytes.iter().map(|byte| if *byte == b'?' { 0xFF } else { *byte });
    client.send(latin.collect::<Vec<u8>>());
    assert_eq!(told(&client.response()).0, 400);
    // What the provider does not speak, and what no other API has a word for.
    let embeddings = json!({ "model": "m", "input": "a" });
    let refused = ask(&mut client, "/v1/messages/v1/embeddings", &embeddings);
    assert_eq!(told(&refused), (400, "invalid_request_error".to_owned()));
    let refused = client.ask("GET /v1/chat/completions HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((told(&refused).0, refused.field("allow")), (405, Some("POST")));
    assert_eq!(origin.counts().requests, 0, "none of it went on");
    // One after the other, told at once or found out as it comes.
    let large = "x".repeat(20_000);
    for (path, kind) in [(CHAT, "invalid_request_error"), (MESSAGES, "request_too_large")] {
        let mut client = proxy.client();
        assert_eq!(told(&post(&mut client, path, &large)), (413, kind.to_owned()));
        let mut client = proxy.client();
        client
            .send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
        client.send(format!("{:x}\r\n{large}\r\n", large.len()));
        assert_eq!(told(&client.response()), (413, kind.to_owned()));
    }
    proxy.await_metric("ringway_limit_hits_total", &[("limit", "body_bytes")], 4.0);
    assert_eq!(ask(&mut client, CHAT, &chat("gpt-6")).status, 200, "the connection goes on");
    drop(client);
    proxy.await_buffers(1);
}

fn a_page_for_people_is_no_answer(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway(at));
    for model in ["gpt-6@html", "gpt-6@garbage", "gpt-6@close", "gpt-6@reset"] {
        for stream in [false, true] {
            let mut client = proxy.client();
            let body = if stream { streamed(chat(model)) } else { chat(model) };
            let (status, kind) = told(&ask(&mut client, CHAT, &body));
            assert_eq!((status, kind.as_str()), (502, "server_error"), "{model}");
            let body = if stream { streamed(messages(model)) } else { messages(model) };
            let (status, kind) = told(&ask(&mut client, MESSAGES, &body));
            assert_eq!((status, kind.as_str()), (502, "api_error"), "{model}");
        }
    }
    assert_eq!(proxy.metrics().sum(USAGE, &[]), 0.0);
    proxy.await_buffers(1);
}

fn what_the_provider_refuses_is_passed_on(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway(at));
    let mut client = proxy.client();
    for status in [400, 401, 404, 429, 500, 503] {
        let model = format!("m@{status}");
        for (path, body) in [(CHAT, chat(&model)), (MESSAGES, messages(&model))] {
            for body in [body.clone(), streamed(body)] {
                let answer = ask(&mut client, path, &body);
                let own = direct(at, path, &body.to_string());
                assert_eq!((answer.status, answer.body()), (status, own.body()), "{path}");
                assert_eq!(answer.field("retry-after"), own.field("retry-after"));
            }
        }
    }
    assert_eq!(proxy.metrics().sum(USAGE, &[]), 0.0, "an error costs nothing");
}

fn a_provider_that_is_not_there_is_told_of(cell: Cell) {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = cell.start(&gateway(nobody));
    let mut client = proxy.client();
    for _ in 0..3 {
        let (status, kind) = told(&ask(&mut client, CHAT, &chat("gpt-6")));
        assert_eq!((status, kind.as_str()), (503, "server_error"));
        let (status, kind) = told(&ask(&mut client, MESSAGES, &messages("claude-5")));
        assert_eq!((status, kind.as_str()), (503, "overloaded_error"));
    }
    assert_eq!(proxy.metrics().sum(DURATION, &[]), 0.0, "nobody answered");
    drop(client);
    proxy.await_buffers(1);
}

fn a_limit_of_the_route_is_told_in_shape(cell: Cell) {
    let (_origin, at) = provider();
    let limit = json!([{ "maxTokens": 1, "tokensPerFill": 1, "fillInterval": "1h" }]);
    let route = json!({ "backends": [ai("openAI", at)], "policies": { "localRateLimit": limit } });
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    assert_eq!(ask(&mut client, CHAT, &chat("gpt-6")).status, 200);
    let refused = ask(&mut client, CHAT, &chat("gpt-6"));
    assert_eq!(told(&refused), (429, "rate_limit_error".to_owned()));
    assert!(refused.field("retry-after").is_some());
}

fn a_refusal_is_asked_again_where_the_route_says_so(cell: Cell) {
    let first = vec![Some(Fault::Status(429)), Some(Fault::Status(503)), None];
    let faults = Faults { first, retry_after_seconds: 0, ..Faults::default() };
    let (origin, at) = start(Setup { faults, ..Setup::new(Kind::Llm(ten_tokens())) });
    let retry = json!({ "attempts": 3, "codes": [429, 503], "backoff": "10ms" });
    let route = json!({ "backends": [ai("openAI", at)], "policies": { "retry": retry } });
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    let answer = ask(&mut client, CHAT, &streamed(chat("gpt-6")));
    assert_eq!(answer.status, 200, "{}", answer.body());
    assert_eq!(origin.counts().requests, 3);
    tokens(&proxy, "output", 10.0);
    tokens(&proxy, "input", 8.0);
}
