//! What the stand-in for providers hears: the same of the same meaning in every dialect, and what
//! a provider would refuse is refused.
#![allow(clippy::disallowed_methods)]

mod wire;

use std::net::SocketAddr;

use loadtest::origin::{self, Kind, Llm, Running, Setup};
use serde_json::{Value, json};
use wire::post;

const ANTHROPIC: &str = "anthropic-version: 2023-06-01\r\n";
const PIXEL: &str = "iVBORw0KGgo=";
const SYSTEM: &str = "Be brief.";
const ASKED: &str = "And this?";
const SAID: &str = "Let me look.";
const LAST: &str = "Thanks.";
const ARGUMENTS: &str = r#"{"city":"Rome"}"#;

fn start() -> (Running, SocketAddr) {
    let origin = origin::start(Setup::new(Kind::Llm(Llm::default()))).expect("an origin starts");
    let address = origin.address();
    (origin, address)
}

/// One conversation in five dialects: path and body.
fn told() -> [(&'static str, Value); 5] {
    [
        ("/v1/chat/completions", chat()),
        ("/v1/responses", responses()),
        ("/v1/messages", messages()),
        ("/v1beta/models/m@echo:generateContent", gemini()),
        ("/model/m@echo/converse", converse()),
    ]
}

fn schema() -> Value {
    json!({
        "type": "object", "required": ["city"], "properties": { "city": { "type": "string" } },
    })
}

fn chat() -> Value {
    json!({
        "model": "m@echo", "reasoning_effort": "low", "stop": "END", "tool_choice": "auto",
        "messages": [
            { "role": "system", "content": SYSTEM },
            { "role": "user", "content": [
                { "type": "text", "text": ASKED },
                { "type": "image_url", "image_url": { "url": url() } },
            ] },
            { "role": "assistant", "content": SAID, "tool_calls": [{
                "id": "c1", "type": "function",
                "function": { "name": "look", "arguments": ARGUMENTS },
            }] },
            { "role": "tool", "tool_call_id": "c1", "content": "rain" },
            { "role": "user", "content": LAST },
        ],
        "tools": [{ "type": "function", "function": { "name": "look", "parameters": schema() } }],
    })
}

fn responses() -> Value {
    json!({
        "model": "m@echo", "reasoning": { "effort": "low" }, "instructions": SYSTEM,
        "input": [
            { "role": "user", "content": [
                { "type": "input_text", "text": ASKED },
                { "type": "input_image", "image_url": url() },
            ] },
            { "role": "assistant", "content": SAID },
            {
                "type": "function_call", "call_id": "c1", "name": "look",
                "arguments": ARGUMENTS,
            },
            { "type": "function_call_output", "call_id": "c1", "output": "rain" },
            { "role": "user", "content": LAST },
        ],
        "tools": [{ "type": "function", "name": "look", "parameters": schema() }],
    })
}

fn messages() -> Value {
    json!({
        "model": "m@echo", "max_tokens": 4000, "system": SYSTEM, "stop_sequences": ["END"],
        "thinking": { "type": "enabled", "budget_tokens": 1024 },
        "messages": [
            { "role": "user", "content": [
                { "type": "text", "text": ASKED },
                { "type": "image", "source": {
                    "type": "base64", "media_type": "image/png", "data": PIXEL,
                } },
            ] },
            { "role": "assistant", "content": [
                { "type": "text", "text": SAID },
                { "type": "tool_use", "id": "c1", "name": "look", "input": { "city": "Rome" } },
            ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "c1", "content": "rain" },
                { "type": "text", "text": LAST },
            ] },
        ],
        "tools": [{ "name": "look", "input_schema": schema() }],
    })
}

fn gemini() -> Value {
    json!({
        "systemInstruction": { "parts": [{ "text": SYSTEM }] },
        "generationConfig": {
            "stopSequences": ["END"], "thinkingConfig": { "thinkingBudget": 1024 },
        },
        "contents": [
            { "role": "user", "parts": [
                { "text": ASKED },
                { "inlineData": { "mimeType": "image/png", "data": PIXEL } },
            ] },
            { "role": "model", "parts": [
                { "text": SAID }, { "functionCall": { "name": "look", "args": { "city": "Rome" } } },
            ] },
            { "role": "user", "parts": [
                { "functionResponse": { "name": "look", "response": { "output": "rain" } } },
                { "text": LAST },
            ] },
        ],
        "tools": [{ "functionDeclarations": [{ "name": "look", "parameters": schema() }] }],
    })
}

fn converse() -> Value {
    json!({
        "system": [{ "text": SYSTEM }], "inferenceConfig": { "stopSequences": ["END"] },
        "additionalModelRequestFields": {
            "thinking": { "type": "enabled", "budget_tokens": 1024 },
        },
        "messages": [
            { "role": "user", "content": [
                { "text": ASKED },
                { "image": { "format": "png", "source": { "bytes": PIXEL } } },
            ] },
            { "role": "assistant", "content": [
                { "text": SAID },
                { "toolUse": { "toolUseId": "c1", "name": "look", "input": { "city": "Rome" } } },
            ] },
            { "role": "user", "content": [
                { "toolResult": { "toolUseId": "c1", "content": [{ "text": "rain" }] } },
                { "text": LAST },
            ] },
        ],
        "toolConfig": { "tools": [
            { "toolSpec": { "name": "look", "inputSchema": { "json": schema() } } },
        ] },
    })
}

fn url() -> String {
    format!("data:image/png;base64,{PIXEL}")
}

/// The text of a whole answer, after what was thought.
fn text(answer: &Value) -> String {
    let places = [
        &answer["choices"][0]["message"]["content"],
        &answer["output"][1]["content"][0]["text"],
        &answer["content"][1]["text"],
        &answer["candidates"][0]["content"]["parts"][1]["text"],
        &answer["output"]["message"]["content"][1]["text"],
    ];
    places.iter().find_map(|place| place.as_str()).expect("a text").to_owned()
}

#[test]
fn the_same_is_heard_in_every_dialect() {
    let (_origin, at) = start();
    let mut heard = Vec::new();
    for (path, body) in told() {
        let answer = post(at, path, ANTHROPIC, &body.to_string());
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let mut said: Value = serde_json::from_str(&text(&answer.json())).expect("it is JSON");
        // Responses has no stop sequences.
        let stops = said.as_object_mut().unwrap().remove("stops");
        let none = path.ends_with("responses");
        assert_eq!(stops, Some(if none { json!([]) } else { json!(["END"]) }), "{path}");
        heard.push(said);
    }
    let turns = json!([
        { "role": "user", "text": "And this?", "images": 1 },
        { "role": "assistant", "text": "Let me look.", "calls": [["look", { "city": "Rome" }]] },
        { "role": "user", "text": "Thanks.", "results": [["look", "rain"]] },
    ]);
    let expected = json!({
        "system": "Be brief.", "turns": turns, "tools": ["look"], "choice": "auto",
        "thinks": true, "format": "text",
    });
    for said in heard {
        assert_eq!(said, expected);
    }
}

/// What a request is turned into, where it stands in which body, and what is said to it.
#[test]
fn what_a_provider_refuses_is_refused() {
    let (_origin, at) = start();
    let [chat, responses, messages, gemini, converse] = told();
    let no = Value::Null;
    for ((path, body), place, value, said) in [
        (&chat, "/wrong", json!(1), "no field \"wrong\""),
        (&chat, "/messages/1/content/1/type", json!("image"), "no such type"),
        (&chat, "/messages/1/content/1/image_url/url", json!("data:image/png,x"), "no base64"),
        (&chat, "/messages/2/tool_calls/0/function/arguments", json!({}), "a text"),
        (&chat, "/messages/3/tool_call_id", json!("c2"), "not called"),
        (&chat, "/stop", json!(["a", "b", "c", "d", "e"]), "4 at most"),
        (&chat, "/tools/0/function/name", json!("a b"), "letters"),
        (&responses, "/input/0/content/0/type", json!("text"), "no such type"),
        (&responses, "/input/3/call_id", json!("c2"), "not called"),
        (&responses, "/messages", json!([]), "no field"),
        (&messages, "/messages/0/content/0/text", json!(" "), "non-empty"),
        (&messages, "/messages/2/content/0/type", json!("text"), "no field"),
        (&messages, "/thinking/budget_tokens", json!(4000), "within"),
        (&messages, "/temperature", json!(1.5), "within"),
        (&messages, "/tools/0/input_schema/type", json!("string"), "type object"),
        (&messages, "/messages/1/content/1/input", json!("{}"), "no object"),
        (&gemini, "/contents/1/role", json!("assistant"), "valid role"),
        (&gemini, "/contents/0/parts/0/inlineData", json!({}), "oneof"),
        (&gemini, "/contents/2/parts/0/functionResponse/name", json!("g"), "not called"),
        (&gemini, "/tools/0/functionDeclarations/0/parameters/$defs", json!({}), "$defs"),
        (&gemini, "/generationConfig/thinkingConfig/thinkingLevel", json!("LOW"), "only one"),
        (&gemini, "/generationConfig/responseSchema", json!({ "type": "STRING" }), "JSON"),
        (&converse, "/messages/1/role", json!("user"), "alternate"),
        (&converse, "/toolConfig", no, "toolConfig"),
        (&converse, "/messages/0/content/1/image/format", json!("jpg"), "png, jpeg"),
        (&converse, "/inferenceConfig/temperature", json!(2), "within"),
        (&converse, "/messages/2/content/0/toolResult/toolUseId", json!("x"), "not called"),
    ] {
        let mut body = body.clone();
        let (parent, name) = place.rsplit_once('/').unwrap();
        match body.pointer_mut(parent).expect("the place is there") {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
            fields => fields[name] = value,
        }
        let answer = post(at, path, ANTHROPIC, &body.to_string());
        assert_eq!(answer.status, 400, "{path} {place}: {}", answer.text());
        let error = answer.json();
        let message =
            error["error"]["message"].as_str().or_else(|| error["message"].as_str()).unwrap();
        assert!(message.contains(said), "{path} {place}: {message}");
    }
    // The models of today want their signatures back.
    let answer = post(at, "/v1/models/gemini-4:generateContent", "", &gemini.1.to_string());
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("thought_signature"), "{}", answer.text());
    let mut signed = gemini.1;
    signed["contents"][1]["parts"][1]["thought_signature"] = json!("c3RhbmQtaW4=");
    let answer = post(at, "/v1/models/gemini-4:generateContent", "", &signed.to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    // A call without a result, before somebody says more.
    let mut body = chat.1.clone();
    body["messages"].as_array_mut().unwrap().remove(3);
    let answer = post(at, chat.0, "", &body.to_string());
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("no result"), "{}", answer.text());
}

#[test]
fn a_tool_is_called_when_the_user_says_so() {
    let (_origin, at) = start();
    for (path, mut body) in told() {
        let text = body.to_string().replace("Thanks.", "Now please call look in Rome.");
        body = serde_json::from_str(&text.replace("@echo", "")).unwrap();
        let path = path.replace("@echo", "");
        let answer = post(at, &path, ANTHROPIC, &body.to_string());
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.text().contains("\"look\""), "{path}: {}", answer.text());
        assert!(answer.text().contains("Paris"), "{path}: {}", answer.text());
    }
}

#[test]
fn limits_are_told_in_fields() {
    let (_origin, at) = start();
    let [.., (_, gemini), _] = told();
    let refused = post(at, "/v1/models/m@429:generateContent", "", &gemini.to_string());
    assert_eq!((refused.status, refused.field("retry-after")), (429, Some("1")));
    assert_eq!(refused.field("anthropic-ratelimit-requests-remaining"), Some("0"));
    assert_eq!(refused.field("x-ratelimit-reset-requests"), Some("1s"));
    let reset = refused.field("anthropic-ratelimit-requests-reset").unwrap();
    assert_eq!((reset.len(), &reset[10..11], &reset[19..]), (20, "T", "Z"), "{reset}");
}
