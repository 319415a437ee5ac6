//! Callers of each dialect before providers of each other one: what is said, what it costs and how
//! it ends is what the provider said in its own.

use super::dialects::{ALL, Completions, Converse, Dialect, Gemini, Messages, Responses, Said};
use super::*;

matrix! {
    every_pair_says_the_same,
    a_stream_of_single_bytes_says_the_same,
}

drivers! {
    tools_are_called_in_every_pair,
    a_stream_that_is_cut_is_told_of,
    an_error_amid_a_stream_is_told_of,
    a_frame_with_a_wrong_sum_ends_the_stream,
    what_a_provider_refuses_is_told_in_shape,
    a_page_for_people_is_told_in_shape,
    an_event_without_end_is_none,
    an_answer_that_is_too_large_is_none,
    what_cannot_be_told_is_refused,
    each_api_has_its_own_words_in_the_head,
}

/// A gateway with a route to a provider of each dialect.
pub fn gateway_of_all(at: SocketAddr) -> config::Config {
    let config = config();
    ALL.iter().fold(config, |config, theirs| {
        let route = json!({ "backends": [custom(*theirs, at)] });
        config.route_with(&front(*theirs), route)
    })
}

pub fn custom(dialect: Dialect, at: SocketAddr) -> Value {
    let provider = json!({ "custom": { "formats": [{ "type": dialect.word() }] } });
    // Each has books of its own.
    json!({ "ai": { "name": dialect.word(), "provider": provider, "hostOverride": at.to_string() } })
}

fn front(theirs: Dialect) -> String {
    format!("/to-{}", theirs.word())
}

fn path(own: Dialect, theirs: Dialect, model: &str, stream: bool) -> String {
    format!("{}{}", front(theirs), own.path(model, stream))
}

fn pairs() -> impl Iterator<Item = (Dialect, Dialect)> {
    ALL.into_iter().flat_map(|own| ALL.into_iter().map(move |theirs| (own, theirs)))
}

/// Asks, and reads what is said; a stream has to be complete.
fn said(
    client: &mut Client,
    (own, theirs): (Dialect, Dialect),
    stream: bool,
    body: &Value,
) -> Said {
    let answer = ask(client, &path(own, theirs, "gpt-6", stream), body);
    let what = format!("{own:?} to {theirs:?}, {stream}");
    assert_eq!(answer.status, 200, "{what}: {}", answer.body());
    let kind = if stream { own.stream_type() } else { "application/json" };
    assert_eq!(answer.head.all("content-type"), [kind], "{what}");
    let said = match stream {
        true => own.read_stream(&answer.bytes),
        false => own.read(&answer.bytes),
    };
    assert!(said.is_complete && said.error.is_none(), "{what}: {said:?}");
    said
}

fn every_pair_says_the_same(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway_of_all(at));
    let mut client = proxy.client();
    let own = direct(at, CHAT, &Completions.body("gpt-6", false, PROMPT).to_string());
    let wanted = Completions.read(&own.bytes);
    assert_eq!(wanted.usage, Some((8, 10, 3)));
    let mut count = 0.0;
    for (own, theirs) in pairs() {
        for stream in [false, true] {
            let body = own.body("gpt-6", stream, PROMPT);
            let said = said(&mut client, (own, theirs), stream, &body);
            assert_eq!(said, wanted, "{own:?} to {theirs:?}, {stream}");
            count += 1.0;
        }
    }
    for (kind, cost) in [("input", 8.0), ("output", 10.0), ("input_cache_read", 3.0)] {
        tokens(&proxy, kind, count * cost);
    }
    // Every stream has a first token.
    proxy.await_metric(FIRST_TOKEN, &[], count / 2.0);
    drop(client);
    proxy.await_buffers(1);
}

fn a_stream_of_single_bytes_says_the_same(cell: Cell) {
    let pace = Pace { write_bytes: Some(1), ..Pace::default() };
    let (_origin, at) = provider_with(ten_tokens(), pace);
    let proxy = cell.start(&gateway_of_all(at));
    let mut client = proxy.client();
    for (own, theirs) in [
        (Messages, Completions),
        (Completions, Messages),
        (Messages, Converse),
        (Responses, Gemini),
        (Converse, Responses),
        (Gemini, Completions),
    ] {
        let body = own.body("gpt-6", true, PROMPT);
        let said = said(&mut client, (own, theirs), true, &body);
        assert_eq!(said.usage, Some((8, 10, 3)), "{own:?} to {theirs:?}");
        assert!(said.text.starts_with("The ring road goes round"), "{}", said.text);
    }
    tokens(&proxy, "output", 60.0);
}

fn tools_are_called_in_every_pair(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway_of_all(at));
    let mut client = proxy.client();
    for (own, theirs) in pairs() {
        for stream in [false, true] {
            let body = own.with_tool(own.body("gpt-6", stream, PROMPT));
            let said = said(&mut client, (own, theirs), stream, &body);
            let [(name, input)] = &said.calls[..] else {
                panic!("{own:?} to {theirs:?}: {said:?}")
            };
            assert_eq!(
                (name.as_str(), said.finish.as_str()),
                ("weather", "calls"),
                "{own:?} {theirs:?}"
            );
            let input: Value = serde_json::from_str(input).unwrap();
            assert!(input["city"].is_string(), "{own:?} to {theirs:?}: {input}");
        }
    }
}

/// What came of a stream, whether or not it was ended.
fn cut_stream(proxy: &Proxy, pair: (Dialect, Dialect), model: &str) -> (Said, bool) {
    let (own, theirs) = pair;
    let mut client = proxy.client();
    let body = own.body(model, true, PROMPT).to_string();
    let text = request(&path(own, theirs, model, true), &body);
    let text = String::from_utf8(text).unwrap().replacen("\r\n", "\r\nConnection: close\r\n", 1);
    client.send(text);
    // However the connection ends.
    while client.wire.fill().unwrap_or(false) {}
    let all = std::mem::take(&mut client.wire.unread);
    let end = message::position(&all, b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8_lossy(&all[..end]).to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200") && head.contains("chunked"), "{pair:?}: {head}");
    let mut rest = &all[end..];
    let (mut body, mut is_ended) = (Vec::new(), false);
    while let Some(line) = message::position(rest, b"\r\n") {
        let size = usize::from_str_radix(str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        is_ended = size == 0;
        let behind = &rest[line + 2..];
        let size = size.min(behind.len());
        body.extend_from_slice(&behind[..size]);
        rest = behind.get(size + 2..).unwrap_or_default();
    }
    (own.read_stream(&body), is_ended)
}

fn a_stream_that_is_cut_is_told_of(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway_of_all(at));
    for (own, theirs) in pairs().filter(|(own, theirs)| own != theirs) {
        let (said, is_ended) = cut_stream(&proxy, (own, theirs), "gpt-6@truncate=8");
        assert!(said.error.is_some() && !said.is_complete, "{own:?} to {theirs:?}: {said:?}");
        assert!(!is_ended, "{own:?} to {theirs:?}: the connection says so, too");
        assert!(said.text.starts_with("The ring"), "{own:?} to {theirs:?}: {said:?}");
    }
    proxy.await_buffers(0);
}

fn an_error_amid_a_stream_is_told_of(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway_of_all(at));
    for (own, theirs) in pairs().filter(|(own, theirs)| own != theirs) {
        let (said, _) = cut_stream(&proxy, (own, theirs), "gpt-6@error=3");
        let error = said.error.as_deref().unwrap_or_default();
        assert_eq!(error, "overloaded, as asked", "{own:?} to {theirs:?}: {said:?}");
        assert!(!said.is_complete && said.text.starts_with("The ring"), "{own:?} to {theirs:?}");
    }
    proxy.await_buffers(1);
}

fn a_frame_with_a_wrong_sum_ends_the_stream(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway_of_all(at));
    for own in [Completions, Messages, Responses, Gemini] {
        let (said, is_ended) = cut_stream(&proxy, (own, Converse), "nova-3@bad-crc=3");
        assert!(said.error.is_some() && !said.is_complete && is_ended, "{own:?}: {said:?}");
        assert!(said.usage.is_none_or(|(_, output, _)| output < 10), "{own:?}: {said:?}");
    }
    assert_eq!(proxy.metrics().sum(USAGE, &[("gen_ai_token_type", "output")]), 0.0);
}

fn what_a_provider_refuses_is_told_in_shape(cell: Cell) {
    let (_origin, at) = provider();
    let proxy = cell.start(&gateway_of_all(at));
    let mut client = proxy.client();
    for (own, theirs) in pairs() {
        for status in [400, 401, 404, 429, 500, 503] {
            let model = format!("m@{status}");
            for stream in [false, true] {
                let body = own.body(&model, stream, PROMPT);
                let answer = ask(&mut client, &path(own, theirs, &model, stream), &body);
                let what = format!("{own:?} to {theirs:?}: {}", answer.body());
                assert_eq!(answer.status, status, "{what}");
                assert_eq!(answer.head.all("content-type"), ["application/json"], "{what}");
                assert_eq!(own.read_error(&answer.bytes), "as asked", "{what}");
                let waits = matches!(status, 429 | 503).then_some("1");
                assert_eq!(answer.field("retry-after"), waits, "{what}");
                let kind = answer.field("x-amzn-errortype").is_some();
                assert_eq!(kind, own == Converse, "{what}");
            }
        }
    }
    assert_eq!(proxy.metrics().sum(USAGE, &[]), 0.0, "an error costs nothing");
    drop(client);
    proxy.await_buffers(1);
}

fn a_page_for_people_is_told_in_shape(cell: Cell) {
    let (_origin, at) = provider();
    let page = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nConnection: close\r\n\
        Retry-After: 7\r\n\
        Content-Length: 25\r\n\r\n<h1>\"Out\" of service</h1>";
    let lost = Origin::answering(page);
    let config = ALL.iter().fold(gateway_of_all(at), |config, theirs| {
        let route = json!({ "backends": [custom(*theirs, lost.address())] });
        config.route_with(&format!("/lost{}", front(*theirs)), route)
    });
    let proxy = cell.start(&config);
    for (own, theirs) in pairs() {
        for stream in [false, true] {
            let mut client = proxy.client();
            for model in ["m@html", "m@close"] {
                let mut client = proxy.client();
                let body = own.body(model, stream, PROMPT);
                let answer = ask(&mut client, &path(own, theirs, model, stream), &body);
                assert_eq!(answer.status, 502, "{own:?} to {theirs:?}");
                assert!(!own.read_error(&answer.bytes).is_empty());
            }
            let path = format!("/lost{}", path(own, theirs, "m", stream));
            let answer = ask(&mut client, &path, &own.body("m", stream, PROMPT));
            assert_eq!((answer.status, answer.field("retry-after")), (503, Some("7")));
            assert_eq!(answer.head.all("content-type"), ["application/json"]);
            assert!(!own.read_error(&answer.bytes).is_empty(), "{own:?} to {theirs:?}");
        }
    }
}

/// Without an end, and beyond any bound.
fn an_event_without_end_is_none(cell: Cell) {
    let endless = Origin::script(|visit| {
        visit.request()?;
        visit
            .wire
            .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {\"x\":\"")?;
        let piece = vec![b'x'; 1 << 20];
        // Who has had enough may close; that is no failure of this origin.
        for _ in 0..12 {
            visit.wire.send(&piece)?;
        }
        Ok(())
    });
    let route = json!({ "backends": [custom(Completions, endless.address())] });
    let proxy = cell.start(&config().route_with("/to-completions", route));
    let (said, _) = cut_stream(&proxy, (Messages, Completions), "gpt-6");
    assert!(said.error.is_some() && !said.is_complete, "{said:?}");
    proxy.await_buffers(0);
}

fn an_answer_that_is_too_large_is_none(cell: Cell) {
    let length = 17 << 20;
    let large = Origin::script(move |visit| {
        visit.request()?;
        visit.wire.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{{"
        ))?;
        visit.until_closed();
        Ok(())
    });
    let route = json!({ "backends": [custom(Completions, large.address())] });
    let proxy = cell.start(&config().route_with("/to-completions", route));
    let mut client = proxy.client();
    let body = Messages.body("m", false, PROMPT);
    let answer = ask(&mut client, &path(Messages, Completions, "m", false), &body);
    assert_eq!(answer.status, 502);
    assert!(Messages.read_error(&answer.bytes).contains("too large"));
}

fn what_cannot_be_told_is_refused(cell: Cell) {
    let (origin, at) = provider();
    let proxy = cell.start(&gateway_of_all(at));
    let mut client = proxy.client();
    let mut stateful = Responses.body("m", false, PROMPT);
    stateful["previous_response_id"] = json!("resp_1");
    let answer = ask(&mut client, &path(Responses, Messages, "m", false), &stateful);
    let error = Responses.read_error(&answer.bytes);
    assert_eq!(answer.status, 400);
    assert!(error.contains("previous_response_id"), "{error}");
    for own in [Completions, Messages] {
        let wrong = json!({ "model": "m", "messages": "no \"list\"", "max_tokens": 5 });
        let theirs = if own == Messages { Completions } else { Messages };
        let answer = ask(&mut client, &path(own, theirs, "m", false), &wrong);
        assert_eq!(answer.status, 400, "{}", answer.body());
        assert!(own.read_error(&answer.bytes).contains("messages"), "{}", answer.body());
    }
    assert_eq!(origin.counts().requests, 0, "none of it went on");
}

fn each_api_has_its_own_words_in_the_head(cell: Cell) {
    let origin = Origin::http1()
        .answer(
            "/v1/messages",
            answer(json!({
                "id": "msg_1", "type": "message", "role": "assistant", "model": "c", "content": [],
                "stop_reason": "end_turn", "stop_sequence": null,
                "usage": { "input_tokens": 1, "output_tokens": 1 },
            })),
        )
        .answer(
            "/v1/chat/completions",
            answer(json!({
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "g",
                "choices": [{
                    "index": 0, "message": { "role": "assistant", "content": "a" },
                    "finish_reason": "stop",
                }],
                "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 },
            })),
        )
        .start();
    let proxy = cell.start(&gateway_of_all(origin.address()));
    let mut client = proxy.client();
    let mut asked = |own: Dialect, theirs: Dialect| {
        let body = own.body("m", false, PROMPT).to_string();
        let text = String::from_utf8(request(&path(own, theirs, "m", false), &body)).unwrap();
        let version = "anthropic-version: 2026-10-21\r\nanthropic-beta: x";
        client.send(text.replace("anthropic-version: 2023-06-01", version));
        let answer = client.response();
        assert_eq!(answer.status, 200, "{}", answer.body());
        answer
    };
    // Its own version goes to its own provider, and no other's to anybody.
    asked(Messages, Messages);
    let head = origin.last().head;
    assert_eq!(head.all("anthropic-version"), ["2026-10-21"]);
    assert_eq!(head.field("anthropic-beta"), Some("x"));
    let answer = asked(Completions, Messages);
    assert_eq!(origin.last().head.all("anthropic-version"), ["2023-06-01"]);
    assert_eq!(origin.last().head.field("anthropic-beta"), None);
    assert_eq!(answer.field("x-request-id"), Some("req_7"));
    assert_eq!(
        (answer.field("request-id"), answer.field("anthropic-organization-id")),
        (None, None)
    );
    let answer = asked(Messages, Completions);
    assert_eq!(origin.last().head.field("anthropic-version"), None);
    assert_eq!((answer.field("request-id"), answer.field("x-request-id")), (Some("req_7"), None));
    assert_eq!(answer.field("x-ratelimit-remaining-requests"), Some("9"));
}

fn answer(body: Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nrequest-id: req_7\r\n\
         anthropic-organization-id: org\r\nopenai-processing-ms: 5\r\n\
         x-ratelimit-remaining-requests: 9\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

const CHAT: &str = "/v1/chat/completions";
