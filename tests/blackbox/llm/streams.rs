//! Streams of events: passed on to the byte, and counted, however they come.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use loadtest::origin::Pace;

use super::*;

matrix! {
    a_stream_is_the_providers_to_the_byte,
    usage_that_nobody_asked_for_is_counted_and_left_out,
    a_stream_of_single_bytes_is_the_same,
    events_of_any_size_arrive_and_the_next_request_too,
}

drivers! {
    a_slow_stream_arrives_as_it_comes,
    a_stream_that_is_cut_is_cut,
    an_error_in_a_stream_is_passed_on,
    http_1_0_gets_its_stream_by_close,
}

const PATH: &str = "/v1/chat/completions";

/// What the gateway makes of a stream that did not ask for usage.
fn with_usage(body: &Value) -> String {
    let body = body.to_string();
    body.replacen('{', "{\"stream_options\":{\"include_usage\":true},", 1)
}

fn without_usage(stream: &str) -> String {
    let events: Vec<_> = stream.split_inclusive("\n\n").collect();
    let usage = |event: &&&str| event.contains("\"choices\":[]") && event.contains("\"usage\":{");
    assert_eq!(events.iter().filter(usage).count(), 1, "{stream}");
    events.iter().filter(|event| !usage(event)).copied().collect()
}

fn a_stream_is_the_providers_to_the_byte(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway(at));
    let mut client = proxy.client();
    let mut body = streamed(chat("gpt-6"));
    body["stream_options"] = json!({ "include_usage": true });
    let answer = ask(&mut client, PATH, &body);
    assert_eq!(answer.field("content-type"), Some("text/event-stream"));
    assert_eq!(answer.body(), direct(at, PATH, &body.to_string()).body());
    tokens(&proxy, "input", 8.0);
    tokens(&proxy, "output", 10.0);
    let body = streamed(messages("claude-5"));
    let answer = ask(&mut client, "/v1/messages", &body);
    assert_eq!(answer.body(), direct(at, "/v1/messages", &body.to_string()).body());
    tokens(&proxy, "input", 16.0);
    tokens(&proxy, "output", 20.0);
    proxy.await_metric(FIRST_TOKEN, &[("gen_ai_request_model", "gpt-6")], 1.0);
    proxy.await_metric(EACH_TOKEN, &[("gen_ai_request_model", "claude-5")], 1.0);
}

fn usage_that_nobody_asked_for_is_counted_and_left_out(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway(at));
    let mut client = proxy.client();
    let body = streamed(chat("gpt-6"));
    let own = direct(at, PATH, &with_usage(&body)).body();
    assert_eq!(ask(&mut client, PATH, &body).body(), without_usage(&own));
    tokens(&proxy, "input", 8.0);
    tokens(&proxy, "output", 10.0);
    let mut no = streamed(chat("gpt-6"));
    no["stream_options"] = json!({ "include_usage": false });
    let answer = ask(&mut client, PATH, &no).body();
    assert!(!answer.contains("\"choices\":[]") && answer.ends_with("[DONE]\n\n"), "{answer}");
    tokens(&proxy, "output", 20.0);
    drop(client);
    proxy.await_buffers(1);
}

fn a_stream_of_single_bytes_is_the_same(cell: Cell) {
    let pace = Pace { write_bytes: Some(1), ..Pace::default() };
    let (_origin, at) = provider_with(ten_tokens(), pace);
    let proxy = cell.start(&gateway(at));
    let mut client = proxy.client();
    let body = streamed(chat("gpt-6"));
    let own = direct(at, PATH, &with_usage(&body)).body();
    assert_eq!(ask(&mut client, PATH, &body).body(), without_usage(&own));
    let body = chat("gpt-6");
    let own = direct(at, PATH, &body.to_string()).body();
    assert_eq!(ask(&mut client, PATH, &body).body(), own);
    let body = streamed(messages("claude-5"));
    let own = direct(at, "/v1/messages", &body.to_string()).body();
    assert_eq!(ask(&mut client, "/v1/messages", &body).body(), own);
    tokens(&proxy, "input", 24.0);
    tokens(&proxy, "output", 30.0);
}

/// What is waited for has less memory than what comes at once, and more again where that is filled.
fn events_of_any_size_arrive_and_the_next_request_too(cell: Cell) {
    const SIZES: [usize; 9] = [10, 1500, 1536, 1537, 5_000, 20, 40_000, 700_000, 30];
    let event = |size: &usize| {
        let text = "w".repeat(*size);
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let origin = Origin::script(move |visit| {
        while visit.request().is_ok() {
            visit.wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for piece in SIZES.iter().map(event) {
                visit.wire.send(format!("{:x}\r\n{piece}\r\n", piece.len()))?;
            }
            visit.wire.send("0\r\n\r\n")?;
        }
        Ok(())
    });
    let proxy = cell.start(&gateway(origin.address()));
    let expected: String = SIZES.iter().map(event).collect();
    let mut client = proxy.client();
    let asked = request(PATH, &streamed(chat("gpt-6")).to_string());
    // The second and the third lie behind the first while that is answered.
    client.send([asked.clone(), asked.clone(), asked.clone()].concat());
    for _ in 0..3 {
        assert!(client.response().body() == expected, "the stream is the provider's");
    }
    client.send(asked);
    assert!(client.response().body() == expected, "and so is one that was asked for later");
    drop(client);
    proxy.await_buffers(1);
}

/// Each piece is sent once the one before it is with the client: nothing waits for what follows.
fn a_slow_stream_arrives_as_it_comes(cell: Cell) {
    const PIECES: [&str; 5] = [
        "data: {\"model\":\"gpt-6\",\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n",
        // Half an event, but it is known by now not to be the one that is left out.
        "data: {\"choices\":[{\"delta\":{\"content\":\"two\"",
        "}}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [",
        "DONE]\n\n",
    ];
    /// What of them the client waits for.
    const SEEN: [&str; 5] = ["one", "two", "}}]}\n\n", "", "[DONE]\n\n"];
    let turn = Arc::new(AtomicUsize::new(0));
    let own = Arc::clone(&turn);
    let origin = Origin::script(move |visit| {
        visit.request()?;
        visit.wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        for (place, piece) in PIECES.iter().enumerate() {
            wait::until("the client has what was sent", || own.load(SeqCst) >= place);
            visit.wire.send(format!("{:x}\r\n{piece}\r\n", piece.len()))?;
        }
        visit.wire.send("0\r\n\r\n")
    });
    let proxy = cell.start(&gateway(origin.address()));
    let mut client = proxy.client();
    client.send(request(PATH, &streamed(chat("gpt-6")).to_string()));
    assert_eq!(client.head().status().unwrap(), 200);
    for seen in SEEN {
        while !String::from_utf8_lossy(&client.wire.unread).contains(seen) {
            assert!(client.wire.fill().expect("bytes in time"), "the stream goes on");
        }
        turn.fetch_add(1, SeqCst);
    }
    while !client.wire.unread.ends_with(b"0\r\n\r\n") {
        assert!(client.wire.fill().expect("bytes in time"), "the stream ends by itself");
    }
    assert!(!String::from_utf8_lossy(&client.wire.unread).contains("prompt_tokens"));
    tokens(&proxy, "output", 2.0);
    proxy.await_metric(FIRST_TOKEN, &[], 1.0);
    proxy.await_metric(EACH_TOKEN, &[], 1.0);
}

fn a_stream_that_is_cut_is_cut(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway(at));
    let mut client = proxy.client();
    client.send(request(PATH, &streamed(chat("gpt-6@truncate=5")).to_string()));
    let rest = client.wire.rest().unwrap_or_default();
    let text = String::from_utf8_lossy(&rest).into_owned();
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("data: "), "{text}");
    assert!(!text.ends_with("0\r\n\r\n") && !text.contains("[DONE]"), "{text}");
    // Nothing was told of what it cost, and so nothing is billed.
    proxy.await_metric(DURATION, &[], 1.0);
    assert_eq!(proxy.metrics().sum(USAGE, &[]), 0.0);
    // Anthropic tells of the input first.
    let mut client = proxy.client();
    client.send(request("/v1/messages", &streamed(messages("claude-5@truncate=5")).to_string()));
    let _ = client.wire.rest();
    tokens(&proxy, "input", 8.0);
    proxy.await_metric(DURATION, &[], 2.0);
    drop(client);
    proxy.await_buffers(1);
}

fn an_error_in_a_stream_is_passed_on(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway(at));
    let mut client = proxy.client();
    let body = streamed(chat("gpt-6@error=2"));
    let answer = ask(&mut client, PATH, &body);
    assert_eq!(answer.body(), direct(at, PATH, &with_usage(&body)).body());
    assert!(answer.body().contains("\"error\""));
    let body = streamed(messages("claude-5@error=2"));
    let answer = ask(&mut client, "/v1/messages", &body);
    assert_eq!(answer.body(), direct(at, "/v1/messages", &body.to_string()).body());
}

fn http_1_0_gets_its_stream_by_close(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway(at));
    let mut client = proxy.client();
    let body = streamed(chat("gpt-6"));
    let text = String::from_utf8(request(PATH, &body.to_string())).unwrap();
    client.send(text.replacen("HTTP/1.1", "HTTP/1.0", 1));
    let answer = client.response();
    assert_eq!(answer.field("transfer-encoding"), None);
    assert_eq!(answer.body(), without_usage(&direct(at, PATH, &with_usage(&body)).body()));
    tokens(&proxy, "output", 10.0);
}
