//! The stand-in for providers of models: each dialect's grammar, whole and as a stream, and a bill
//! that is the same in all of them.
#![allow(clippy::disallowed_methods)]

mod wire;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use loadtest::origin::{self, Fault, Kind, Llm, Running, Setup};
use serde_json::{Value, json};
use wire::{get, parse, post, raw, request};

/// 32 bytes: 8 tokens.
const PROMPT: &str = "What is the way around the city?";
const ANTHROPIC: &str = "anthropic-version: 2023-06-01\r\n";

fn start(llm: Llm) -> (Running, SocketAddr) {
    let origin = origin::start(Setup::new(Kind::Llm(llm))).expect("an origin starts");
    let address = origin.address();
    (origin, address)
}

fn ten_tokens() -> Llm {
    Llm { tokens: 10, cached_tokens: 3, ..Llm::default() }
}

fn chat(model: &str, stream: bool) -> Value {
    json!({
        "model": model, "stream": stream, "stream_options": { "include_usage": true },
        "messages": [{ "role": "user", "content": PROMPT }],
    })
}

fn messages(model: &str, stream: bool) -> Value {
    let content = json!([{ "type": "text", "text": PROMPT }]);
    let messages = json!([{ "role": "user", "content": content }]);
    json!({ "model": model, "stream": stream, "max_tokens": 100, "messages": messages })
}

fn gemini() -> Value {
    json!({ "contents": [{ "role": "user", "parts": [{ "text": PROMPT }] }] })
}

fn converse() -> Value {
    json!({ "messages": [{ "role": "user", "content": [{ "text": PROMPT }] }] })
}

fn responses(model: &str, stream: bool) -> Value {
    json!({ "model": model, "stream": stream, "input": PROMPT })
}

fn ask(at: SocketAddr, path: &str, body: &Value) -> wire::Answer {
    let answer = post(at, path, ANTHROPIC, &body.to_string());
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer
}

/// Name and data of each event; of what is no JSON, a string.
fn events(text: &str) -> Vec<(String, Value)> {
    let event = |event: &str| {
        let of = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
        let data = of("data: ").expect("an event has data");
        let data = serde_json::from_str(data).unwrap_or_else(|_| json!(data));
        (of("event: ").unwrap_or_default().to_owned(), data)
    };
    let text = text.replace("\r\n", "\n");
    text.split("\n\n").filter(|event| !event.is_empty()).map(event).collect()
}

/// Name and payload of each frame, checked by the lengths alone.
fn frames(mut bytes: &[u8]) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let word = |bytes: &[u8], at: usize| {
        u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four of them"))
    };
    while !bytes.is_empty() {
        let (total, headers) = (word(bytes, 0) as usize, word(bytes, 4) as usize);
        let head = String::from_utf8_lossy(&bytes[12..12 + headers]).into_owned();
        let name = ["event-type", "exception-type"].iter().find_map(|kind| {
            let rest = head.split(kind).nth(1)?;
            Some(rest.chars().skip(3).take_while(char::is_ascii_alphabetic).collect())
        });
        let payload =
            serde_json::from_slice(&bytes[12 + headers..total - 4]).expect("a payload is JSON");
        found.push((name.expect("a frame has a name"), payload));
        bytes = &bytes[total..];
    }
    found
}

#[test]
fn whole_answers_say_the_same_and_cost_the_same() {
    let (_origin, at) = start(ten_tokens());
    let chat = ask(at, "/v1/chat/completions", &chat("gpt-6", false)).json();
    let text = chat["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    assert_eq!(text.split(' ').count(), 10, "{text}");
    assert_eq!(chat["usage"]["prompt_tokens"], 8);
    assert_eq!(chat["usage"]["prompt_tokens_details"]["cached_tokens"], 3);
    assert_eq!(chat["usage"]["completion_tokens"], 10);
    assert_eq!(chat["choices"][0]["finish_reason"], "stop");

    let responses = ask(at, "/v1/responses", &responses("gpt-6", false)).json();
    assert_eq!(responses["output"][0]["content"][0]["text"], text);
    assert_eq!(responses["usage"]["input_tokens"], 8);
    assert_eq!(responses["usage"]["output_tokens"], 10);

    let messages = ask(at, "/v1/messages", &messages("claude-5", false)).json();
    assert_eq!(messages["content"][0]["text"], text);
    assert_eq!(messages["usage"]["input_tokens"], 5, "without what was cached");
    assert_eq!(messages["usage"]["cache_read_input_tokens"], 3);
    assert_eq!(messages["usage"]["output_tokens"], 10);

    let gemini = ask(at, "/v1beta/models/gemini-4:generateContent", &gemini()).json();
    assert_eq!(gemini["candidates"][0]["content"]["parts"][0]["text"], text);
    assert_eq!(gemini["usageMetadata"]["promptTokenCount"], 8);
    assert_eq!(gemini["usageMetadata"]["candidatesTokenCount"], 10);

    let converse = ask(at, "/model/nova-3/converse", &converse()).json();
    assert_eq!(converse["output"]["message"]["content"][0]["text"], text);
    assert_eq!(converse["usage"]["inputTokens"], 5);
    assert_eq!(converse["usage"]["totalTokens"], 18);
}

#[test]
fn chat_streams_chunks_and_then_the_bill() {
    let (_origin, at) = start(ten_tokens());
    let whole = ask(at, "/v1/chat/completions", &chat("gpt-6", false)).json();
    let stream = ask(at, "/v1/chat/completions", &chat("gpt-6", true));
    let events = events(stream.text());
    assert_eq!(events.len(), 1 + 10 + 1 + 1 + 1);
    assert_eq!(events[0].1["choices"][0]["delta"]["role"], "assistant");
    let text: String =
        events.iter().filter_map(|(_, e)| e["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(whole["choices"][0]["message"]["content"], text);
    assert_eq!(events[11].1["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[12].1["choices"], json!([]));
    assert_eq!(events[12].1["usage"], whole["usage"]);
    assert_eq!(events[13].1, "[DONE]");
    assert_eq!(events[5].1["usage"], Value::Null);

    let mut without = chat("gpt-6", true);
    without["stream_options"] = Value::Null;
    let stream = ask(at, "/v1/chat/completions", &without);
    assert!(!stream.text().contains("usage"), "nobody asked for it");
}

#[test]
fn messages_follow_their_grammar() {
    let (_origin, at) = start(ten_tokens());
    let stream = ask(at, "/v1/messages", &messages("claude-5@think", true));
    let events = events(stream.text());
    assert!(events.iter().all(|(name, data)| data["type"] == name.as_str()));
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    let block = |deltas: usize| {
        let mut names = vec!["content_block_start"];
        names.extend(std::iter::repeat_n("content_block_delta", deltas));
        names.push("content_block_stop");
        names
    };
    let mut expected = vec!["message_start"];
    expected.extend(block(8 + 1));
    expected.insert(2, "ping");
    expected.extend(block(10));
    expected.extend(["message_delta", "message_stop"]);
    assert_eq!(names, expected);
    let usage = &events[0].1["message"]["usage"];
    assert_eq!((&usage["input_tokens"], &usage["output_tokens"]), (&json!(5), &json!(1)));
    let end = &events[events.len() - 2].1;
    assert_eq!(end["usage"]["output_tokens"], 18);
    assert_eq!(end["delta"]["stop_reason"], "end_turn");
    assert!(stream.text().contains("signature_delta"));
}

#[test]
fn responses_open_and_close_what_they_stream() {
    let (_origin, at) = start(ten_tokens());
    let mut body = responses("gpt-6", true);
    body["max_output_tokens"] = json!(4);
    let events = events(ask(at, "/v1/responses", &body).text());
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.incomplete",
        ]
    );
    for (number, (name, data)) in events.iter().enumerate() {
        assert_eq!((&data["type"], &data["sequence_number"]), (&json!(name), &json!(number)));
    }
    let end = &events[11].1["response"];
    assert_eq!(end["status"], "incomplete");
    assert_eq!(end["usage"]["output_tokens"], 4);
    assert_eq!(end["output"][0]["content"][0]["text"], events[8].1["text"]);
}

#[test]
fn gemini_bills_as_it_goes() {
    let (_origin, at) = start(ten_tokens());
    let stream = ask(at, "/v1/models/gemini-4:streamGenerateContent?alt=sse", &gemini());
    assert_eq!(stream.text().matches("\r\n\r\n").count(), 10);
    let events = events(stream.text());
    let counts: Vec<u64> = events
        .iter()
        .filter_map(|(_, event)| event["usageMetadata"]["candidatesTokenCount"].as_u64())
        .collect();
    assert_eq!(counts, (1..=10).collect::<Vec<_>>());
    assert_eq!(events[9].1["candidates"][0]["finishReason"], "STOP");
    assert_eq!(events[8].1["candidates"][0]["finishReason"], Value::Null);

    let array = ask(at, "/v1/models/gemini-4:streamGenerateContent", &gemini()).json();
    assert_eq!(array.as_array().map(Vec::len), Some(10));
    let counted = ask(at, "/v1beta/models/gemini-4:countTokens", &gemini()).json();
    assert_eq!(counted, json!({ "totalTokens": 8 }));
}

#[test]
fn converse_streams_frames() {
    let (_origin, at) = start(ten_tokens());
    let stream = ask(at, "/model/nova-3/converse-stream", &converse());
    assert_eq!(stream.field("content-type"), Some("application/vnd.amazon.eventstream"));
    let frames = frames(&stream.body);
    let names: Vec<&str> = frames.iter().map(|(name, _)| name.as_str()).collect();
    let mut expected = vec!["messageStart"];
    expected.extend(["contentBlockDelta"; 10]);
    expected.extend(["contentBlockStop", "messageStop", "metadata"]);
    assert_eq!(names, expected);
    assert_eq!(frames[12].1["stopReason"], "end_turn");
    assert_eq!(frames[13].1["usage"]["outputTokens"], 10);
}

/// As boto3 asks for what a model of Anthropic says in its own words.
#[test]
fn messages_come_in_frames_of_bedrock() {
    let (_origin, at) = start(ten_tokens());
    let mut body = messages("", false);
    body.as_object_mut().unwrap().retain(|name, _| name == "messages" || name == "max_tokens");
    let text = body.to_string();
    assert_eq!(post(at, "/model/claude-5/invoke", "", &text).status, 400, "without a version");
    body["anthropic_version"] = json!("bedrock-2023-05-31");
    let whole = ask(at, "/model/claude-5/invoke", &body).json();
    assert_eq!(whole["usage"]["output_tokens"], 10);
    let stream = ask(at, "/model/claude-5/invoke-with-response-stream", &body);
    assert_eq!(stream.field("content-type"), Some("application/vnd.amazon.eventstream"));
    let frames = frames(&stream.body);
    assert_eq!(frames.len(), 1 + 1 + 1 + 10 + 1 + 2);
    let inside = |(name, payload): &(String, Value)| {
        assert_eq!(name, "chunk");
        let bytes = STANDARD.decode(payload["bytes"].as_str().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()["type"].clone()
    };
    let kinds: Vec<Value> = frames.iter().map(inside).collect();
    assert_eq!(kinds[0], "message_start");
    assert_eq!(kinds[kinds.len() - 1], "message_stop");
    let refused = post(at, "/model/claude-5@429/invoke", "", &body.to_string());
    assert_eq!(refused.field("x-amzn-errortype"), Some("ThrottlingException"));
}

#[test]
fn tools_are_called_when_they_must_be() {
    let (_origin, at) = start(ten_tokens());
    let schema = json!({
        "type": "object", "required": ["city", "days"],
        "properties": { "city": { "type": "string" }, "days": { "type": "integer" } },
    });
    let expected = json!({ "city": "Paris", "days": 1 });
    let mut body = chat("gpt-6", false);
    body["tools"] =
        json!([{ "type": "function", "function": { "name": "weather", "parameters": schema } }]);
    let free = ask(at, "/v1/chat/completions", &body).json();
    assert_eq!(free["choices"][0]["finish_reason"], "stop", "left to the model");
    body["tool_choice"] = json!("required");
    let call = ask(at, "/v1/chat/completions", &body).json();
    let arguments = &call["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"];
    let arguments: Value = serde_json::from_str(arguments.as_str().unwrap()).unwrap();
    assert_eq!(arguments, expected);
    assert_eq!(call["choices"][0]["finish_reason"], "tool_calls");

    let mut body = messages("claude-5", true);
    body["tools"] = json!([{ "name": "weather", "input_schema": schema }]);
    body["tool_choice"] = json!({ "type": "tool", "name": "weather" });
    let events = events(ask(at, "/v1/messages", &body).text());
    let pieces: String =
        events.iter().filter_map(|(_, e)| e["delta"]["partial_json"].as_str()).collect();
    assert_eq!(serde_json::from_str::<Value>(&pieces).unwrap(), expected);

    let mut body = gemini();
    let function = |name: &str| json!({ "name": name, "parameters": schema });
    body["tools"] = json!([{ "functionDeclarations": [function("weather"), function("time")] }]);
    let both = ask(at, "/v1/models/g@tool=2:generateContent", &body).json();
    let parts = both["candidates"][0]["content"]["parts"].as_array().unwrap().clone();
    let names: Vec<_> = parts.iter().map(|part| &part["functionCall"]["name"]).collect();
    assert_eq!(names, ["weather", "time"]);

    let mut body = converse();
    let spec = json!({ "name": "weather", "inputSchema": { "json": schema } });
    body["toolConfig"] = json!({ "tools": [{ "toolSpec": spec }], "toolChoice": { "any": {} } });
    let call = ask(at, "/model/nova-3/converse", &body).json();
    assert_eq!(call["output"]["message"]["content"][0]["toolUse"]["input"], expected);
    assert_eq!(call["stopReason"], "tool_use");
}

#[test]
fn lists_counts_and_vectors() {
    let (_origin, at) = start(ten_tokens());
    assert_eq!(get(at, "/v1/models").json()["data"][0]["id"], "gpt-6");
    let shown =
        request(at, &format!("GET /v1/models HTTP/1.1\r\nConnection: close\r\n{ANTHROPIC}\r\n"));
    assert_eq!(shown.json()["data"][1]["type"], "model");
    let counted = ask(at, "/v1/messages/count_tokens", &messages("claude-5", false)).json();
    assert_eq!(counted, json!({ "input_tokens": 8 }));
    let body = json!({ "model": "embed", "input": ["one", "two", "one"], "dimensions": 16 });
    let vectors = ask(at, "/v1/embeddings", &body).json();
    let data = vectors["data"].as_array().unwrap();
    assert_eq!(data[0]["embedding"], data[2]["embedding"]);
    assert_ne!(data[0]["embedding"], data[1]["embedding"]);
    assert_eq!(data[0]["embedding"].as_array().map(Vec::len), Some(16));
    assert_eq!(vectors["usage"]["prompt_tokens"], 3);
}

#[test]
fn refusals_have_the_shape_of_their_dialect() {
    let (_origin, at) = start(Llm { key: Some("k".into()), ..ten_tokens() });
    let keyed = |path: &str, fields: &str, body: &str| {
        post(at, path, &format!("x-api-key: k\r\n{ANTHROPIC}{fields}"), body)
    };
    let plain = |path: &str, body: &str| keyed(path, "", body);
    assert_eq!(post(at, "/v1/chat/completions", "", "{}").status, 401);
    let refused = plain("/v1/chat/completions", "no json");
    assert_eq!(
        (refused.status, &refused.json()["error"]["type"]),
        (400, &json!("invalid_request_error"))
    );
    let refused = plain("/v1/chat/completions", &chat("gpt-6@429", true).to_string());
    assert_eq!((refused.status, refused.field("retry-after")), (429, Some("1")));
    let refused = plain("/v1/messages", &messages("claude-5@529", false).to_string());
    assert_eq!(
        (refused.status, &refused.json()["error"]["type"]),
        (529, &json!("overloaded_error"))
    );
    let refused = plain("/v1/messages", r#"{"model":"m","messages":[{}]}"#);
    assert!(refused.text().contains("max_tokens"));
    let refused = keyed("/v1/models/g%40429:generateContent", "", &gemini().to_string());
    assert_eq!(refused.json()["error"]["status"], "RESOURCE_EXHAUSTED");
    let refused = plain("/model/nova@429/converse", &converse().to_string());
    assert_eq!(refused.field("x-amzn-errortype"), Some("ThrottlingException"));
    assert_eq!(plain("/v2/nothing", "{}").status, 404);
    assert_eq!(plain("/v1/chat/completions", r#"{"model":"m","stream":"yes"}"#).status, 400);

    let mut hot = messages("claude-5", false);
    hot["temperature"] = json!(0.5);
    assert_eq!(plain("/v1/messages", &hot.to_string()).status, 200);
    let newest = "x-api-key: k\r\nanthropic-version: 2026-10-21\r\n";
    assert_eq!(post(at, "/v1/messages", newest, &hot.to_string()).status, 400);
    let none = post(at, "/v1/messages", "x-api-key: k\r\n", &hot.to_string());
    assert_eq!(none.status, 400);
}

#[test]
fn streams_break_where_they_are_told_to() {
    let (_origin, at) = start(ten_tokens());
    let raw_chat = |model: &str| {
        let body = chat(model, true).to_string();
        let text = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        raw(at, &text)
    };
    let cut = raw_chat("gpt-6@truncate=4").unwrap();
    assert!(parse(&cut).is_none(), "no last chunk");
    assert!(!String::from_utf8_lossy(&cut).contains("[DONE]"));
    assert!(raw_chat("gpt-6@reset").is_err());

    let broken = ask(at, "/v1/chat/completions", &chat("gpt-6@error=2", true));
    let chunks = events(broken.text());
    assert_eq!(chunks.len(), 1 + 2 + 1);
    assert_eq!(chunks[3].1["error"]["type"], "server_error");
    let broken = ask(at, "/v1/messages", &messages("claude-5@error=2", true));
    let last = events(broken.text()).pop().unwrap();
    assert_eq!((last.0.as_str(), &last.1["error"]["type"]), ("error", &json!("overloaded_error")));
    let broken = ask(at, "/model/nova@error=1/converse-stream", &converse());
    assert_eq!(frames(&broken.body).pop().unwrap().0, "modelStreamErrorException");

    let good = ask(at, "/model/nova/converse-stream", &converse()).body;
    let bad = ask(at, "/model/nova@bad-crc=2/converse-stream", &converse()).body;
    let differs = good.iter().zip(&bad).filter(|(good, bad)| good != bad).count();
    assert_eq!((good.len(), differs), (bad.len(), 1));
}

#[test]
fn tokens_come_at_their_rate() {
    let (_origin, at) = start(Llm { tokens: 20, tokens_per_second: 100.0, ..Llm::default() });
    let began = Instant::now();
    ask(at, "/v1/chat/completions", &chat("gpt-6", true));
    assert!(began.elapsed() >= Duration::from_millis(190), "{:?}", began.elapsed());
}

#[test]
fn every_byte_by_itself_is_still_the_same_stream() {
    let whole = ask(start(ten_tokens()).1, "/v1/messages", &messages("claude-5", true)).body;
    let mut setup = Setup::new(Kind::Llm(ten_tokens()));
    setup.pace.write_bytes = Some(1);
    let origin = origin::start(setup).unwrap();
    let dribbled = ask(origin.address(), "/v1/messages", &messages("claude-5", true)).body;
    assert_eq!(whole, dribbled);
}

#[test]
fn a_list_of_faults_is_worked_off() {
    let mut setup = Setup::new(Kind::Llm(ten_tokens()));
    setup.faults.first = vec![Some(Fault::Status(503)), Some(Fault::Html)];
    let origin = origin::start(setup).unwrap();
    let say = || post(origin.address(), "/v1/chat/completions", "", &chat("m", false).to_string());
    assert_eq!(say().status, 503);
    assert!(say().text().contains("<!doctype html>"));
    assert_eq!(say().json()["object"], "chat.completion");
}
