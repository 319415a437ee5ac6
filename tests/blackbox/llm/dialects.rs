//! The five dialects as callers know them: where each is asked, with what, and what its answers say.
//! Strict about grammar: what a library would stumble over is a panic here.

use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Completions,
    Messages,
    Responses,
    Gemini,
    Converse,
}

pub use Dialect::{Completions, Converse, Gemini, Messages, Responses};

pub const ALL: [Dialect; 5] = [Completions, Messages, Responses, Gemini, Converse];

/// What an answer says, whoever says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub text: String,
    /// Name and input of each call.
    pub calls: Vec<(String, String)>,
    /// Input, output, read from a cache; as a bill counts them: with all that is in them.
    pub usage: Option<(u64, u64, u64)>,
    /// Why it ended: `stop`, `length`, `calls`.
    pub finish: String,
    /// The message of an error.
    pub error: Option<String>,
    /// It was told that this was all.
    pub is_complete: bool,
}

impl Dialect {
    /// Its name as a format of a provider.
    pub fn word(self) -> &'static str {
        match self {
            Completions => "completions",
            Messages => "messages",
            Responses => "responses",
            Gemini => "gemini",
            Converse => "converse",
        }
    }

    pub fn path(self, model: &str, stream: bool) -> String {
        let model = model.replace('=', "%3D");
        match (self, stream) {
            (Completions, _) => "/v1/chat/completions".to_owned(),
            (Messages, _) => "/v1/messages".to_owned(),
            (Responses, _) => "/v1/responses".to_owned(),
            (Gemini, false) => format!("/v1beta/models/{model}:generateContent"),
            (Gemini, true) => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
            (Converse, false) => format!("/model/{model}/converse"),
            (Converse, true) => format!("/model/{model}/converse-stream"),
        }
    }

    pub fn body(self, model: &str, stream: bool, prompt: &str) -> Value {
        let messages = json!([{ "role": "user", "content": prompt }]);
        let mut body = match self {
            Completions => json!({ "model": model, "messages": messages, "max_tokens": 200 }),
            Messages => json!({ "model": model, "max_tokens": 200, "messages": messages }),
            Responses => json!({ "model": model, "input": messages, "max_output_tokens": 200 }),
            Gemini => json!({
                "contents": [{ "role": "user", "parts": [{ "text": prompt }] }],
                "generationConfig": { "maxOutputTokens": 200 },
            }),
            Converse => json!({
                "messages": [{ "role": "user", "content": [{ "text": prompt }] }],
                "inferenceConfig": { "maxTokens": 200 },
            }),
        };
        if stream && matches!(self, Completions | Messages | Responses) {
            body["stream"] = json!(true);
        }
        if stream && self == Completions {
            body["stream_options"] = json!({ "include_usage": true });
        }
        body
    }

    /// The same with a tool that the model has to call.
    pub fn with_tool(self, mut body: Value) -> Value {
        let schema = json!({
            "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"],
        });
        let (name, about) = ("weather", "Tells the weather.");
        match self {
            Completions => {
                let function = json!({ "name": name, "description": about, "parameters": schema });
                body["tools"] = json!([{ "type": "function", "function": function }]);
                body["tool_choice"] = json!("required");
            }
            Responses => {
                body["tools"] = json!([{
                    "type": "function", "name": name, "description": about, "parameters": schema,
                }]);
                body["tool_choice"] = json!("required");
            }
            Messages => {
                body["tools"] =
                    json!([{ "name": name, "description": about, "input_schema": schema }]);
                body["tool_choice"] = json!({ "type": "any" });
            }
            Gemini => {
                let function = json!({ "name": name, "description": about, "parameters": schema });
                body["tools"] = json!([{ "functionDeclarations": [function] }]);
                body["toolConfig"] = json!({ "functionCallingConfig": { "mode": "ANY" } });
            }
            Converse => {
                let spec = json!({
                    "name": name, "description": about, "inputSchema": { "json": schema },
                });
                body["toolConfig"] =
                    json!({ "tools": [{ "toolSpec": spec }], "toolChoice": { "any": {} } });
            }
        }
        body
    }

    pub fn stream_type(self) -> &'static str {
        match self {
            Converse => "application/vnd.amazon.eventstream",
            _ => "text/event-stream",
        }
    }

    /// Of a whole answer.
    pub fn read(self, body: &[u8]) -> Said {
        let value: Value = serde_json::from_slice(body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)));
        let mut said = Said { is_complete: true, ..Said::default() };
        match self {
            Completions => {
                let choice = &value["choices"][0];
                let message = &choice["message"];
                assert_eq!(
                    (&value["object"], &message["role"]),
                    (&json!("chat.completion"), &json!("assistant"))
                );
                said.text = text(&message["content"]);
                for call in items(&message["tool_calls"]) {
                    said.call(&call["function"]["name"], &text(&call["function"]["arguments"]));
                }
                said.finish(&choice["finish_reason"]);
                said.usage = chat_usage(&value["usage"]);
            }
            Messages => {
                assert_eq!(
                    (&value["type"], &value["role"]),
                    (&json!("message"), &json!("assistant"))
                );
                for block in items(&value["content"]) {
                    match block["type"].as_str().unwrap() {
                        "text" => said.text += block["text"].as_str().unwrap(),
                        "tool_use" => said.call(&block["name"], &block["input"].to_string()),
                        _ => (),
                    }
                }
                said.finish(&value["stop_reason"]);
                said.usage = messages_usage(&value["usage"]);
            }
            Responses => said.response(&value),
            Gemini => said.candidate(&value),
            Converse => {
                assert_eq!(value["output"]["message"]["role"], "assistant");
                for block in items(&value["output"]["message"]["content"]) {
                    said.text += block["text"].as_str().unwrap_or_default();
                    let call = block.get("toolUse").into_iter();
                    call.for_each(|call| said.call(&call["name"], &call["input"].to_string()));
                }
                said.finish(&value["stopReason"]);
                said.usage = converse_usage(&value["usage"]);
            }
        }
        said
    }

    /// Of the body of an error.
    pub fn read_error(self, body: &[u8]) -> String {
        let value: Value = serde_json::from_slice(body).unwrap();
        let message = match self {
            Converse => &value["message"],
            _ => &value["error"]["message"],
        };
        match self {
            Messages => assert_eq!(value["type"], "error"),
            Gemini => {
                assert!(value["error"]["status"].is_string() && value["error"]["code"].is_u64())
            }
            _ => (),
        }
        message.as_str().unwrap_or_else(|| panic!("no message: {value}")).to_owned()
    }

    /// Of a stream, as far as it came.
    pub fn read_stream(self, body: &[u8]) -> Said {
        let mut said = Said::default();
        match self {
            Converse => frames(body).iter().for_each(|(kind, name, value)| {
                said.frame(kind, name, value);
            }),
            _ => {
                let text = str::from_utf8(body).unwrap().replace("\r\n", "\n");
                for event in text.split_inclusive("\n\n") {
                    assert!(event.ends_with("\n\n"), "an event is cut: {event:?}");
                    self.event(event.trim_end(), &mut said);
                }
            }
        }
        said
    }

    fn event(self, event: &str, said: &mut Said) {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
        let data = field("data: ").unwrap_or_else(|| panic!("no data: {event:?}"));
        // Gemini's streams end with a reason, and Responses tell of an error twice.
        let fails = said.error.is_some() && !event.starts_with("event: response.failed");
        let is_over = (said.is_complete && self != Gemini) || fails;
        assert!(!is_over, "more behind the end: {event:?}");
        if self == Completions && data == "[DONE]" {
            said.is_complete = true;
            return;
        }
        let value: Value = serde_json::from_str(data).unwrap_or_else(|e| panic!("{e}: {data}"));
        match self {
            Completions => said.chunk(&value),
            Messages => said.message_event(field("event: "), &value),
            Responses => said.response_event(field("event: "), &value),
            _ => said.candidate(&value),
        }
    }
}

impl Said {
    fn call(&mut self, name: &Value, input: &str) {
        let input: Value = serde_json::from_str(input).unwrap_or_else(|e| panic!("{e}: {input}"));
        self.calls.push((text(name), input.to_string()));
    }

    fn finish(&mut self, word: &Value) {
        let Some(word) = word.as_str() else { return };
        self.finish = match word {
            "stop" | "end_turn" | "STOP" | "completed" => "stop",
            "length" | "max_tokens" | "MAX_TOKENS" | "incomplete" => "length",
            "tool_calls" | "tool_use" => "calls",
            other => other,
        }
        .to_owned();
        if !self.calls.is_empty() && self.finish == "stop" {
            self.finish = "calls".to_owned();
        }
    }

    /// A piece of a stream of Completions.
    fn chunk(&mut self, value: &Value) {
        if let Some(error) = value.get("error") {
            self.error = Some(text(&error["message"]));
            return;
        }
        assert_eq!(value["object"], "chat.completion.chunk");
        if value["usage"].is_object() {
            self.usage = chat_usage(&value["usage"]);
        }
        let Some(choice) = items(&value["choices"]).first().copied() else { return };
        assert!(self.finish.is_empty(), "a choice behind its end: {value}");
        self.text += choice["delta"]["content"].as_str().unwrap_or_default();
        for call in items(&choice["delta"]["tool_calls"]) {
            let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
            if index == self.calls.len() {
                assert!(call["id"].is_string() && call["type"] == "function", "{call}");
                self.calls.push((text(&call["function"]["name"]), String::new()));
            }
            self.calls[index].1 += call["function"]["arguments"].as_str().unwrap_or_default();
        }
        self.finish(&choice["finish_reason"]);
        if !self.finish.is_empty() {
            self.normal();
        }
    }

    /// Inputs of calls that came in pieces.
    fn normal(&mut self) {
        for (_, input) in &mut self.calls {
            let value: Value =
                serde_json::from_str(input).unwrap_or_else(|e| panic!("{e}: {input}"));
            *input = value.to_string();
        }
    }

    fn message_event(&mut self, name: Option<&str>, value: &Value) {
        assert_eq!(name, value["type"].as_str());
        match name.unwrap() {
            "message_start" => {
                assert_eq!(value["message"]["role"], "assistant");
                self.usage = messages_usage(&value["message"]["usage"]);
            }
            "content_block_start" => {
                let block = &value["content_block"];
                if block["type"] == "tool_use" {
                    self.calls.push((text(&block["name"]), String::new()));
                }
            }
            "content_block_delta" => {
                let delta = &value["delta"];
                self.text += delta["text"].as_str().unwrap_or_default();
                if let Some(json) = delta["partial_json"].as_str() {
                    self.calls.last_mut().unwrap().1 += json;
                }
            }
            "message_delta" => {
                self.normal();
                self.finish(&value["delta"]["stop_reason"]);
                let (input, _, cached) = self.usage.unwrap();
                let usage = &value["usage"];
                let own = usage.get("input_tokens").and_then(|_| messages_usage(usage));
                let output = usage["output_tokens"].as_u64().unwrap();
                self.usage = own.or(Some((input, output, cached)));
            }
            "message_stop" => self.is_complete = true,
            "error" => self.error = Some(text(&value["error"]["message"])),
            _ => (),
        }
    }

    fn response_event(&mut self, name: Option<&str>, value: &Value) {
        assert_eq!(name, value["type"].as_str());
        match name.unwrap() {
            "response.output_text.delta" => self.text += value["delta"].as_str().unwrap(),
            "response.completed" | "response.incomplete" => {
                let streamed = std::mem::take(&mut self.text);
                self.response(&value["response"]);
                assert_eq!(self.text, streamed, "the whole is the sum of its pieces");
                self.is_complete = true;
            }
            "error" => self.error = Some(text(&value["message"])),
            "response.failed" => self.error = Some(text(&value["response"]["error"]["message"])),
            _ => (),
        }
    }

    fn response(&mut self, value: &Value) {
        assert_eq!(value["object"], "response");
        for item in items(&value["output"]) {
            match item["type"].as_str().unwrap() {
                "message" => {
                    let parts = items(&item["content"]).into_iter();
                    self.text.extend(parts.filter_map(|part| part["text"].as_str()));
                }
                "function_call" => self.call(&item["name"], &text(&item["arguments"])),
                _ => (),
            }
        }
        self.finish(&value["status"]);
        let usage = &value["usage"];
        let count = |value: &Value| value.as_u64().unwrap_or(0);
        self.usage = usage["input_tokens"].as_u64().map(|input| {
            let cached = count(&usage["input_tokens_details"]["cached_tokens"]);
            (input, count(&usage["output_tokens"]), cached)
        });
    }

    fn candidate(&mut self, value: &Value) {
        if let Some(error) = value.get("error") {
            self.error = Some(text(&error["message"]));
            return;
        }
        let candidate = &value["candidates"][0];
        for part in items(&candidate["content"]["parts"]) {
            if part["thought"] != json!(true) {
                self.text += part["text"].as_str().unwrap_or_default();
            }
            if let Some(call) = part.get("functionCall") {
                self.call(&call["name"], &call["args"].to_string());
            }
        }
        self.finish(&candidate["finishReason"]);
        // Its streams have no other word for the end.
        self.is_complete |= candidate["finishReason"].is_string();
        let usage = &value["usageMetadata"];
        let count = |name: &str| usage[name].as_u64().unwrap_or(0);
        if usage.is_object() {
            let output = count("candidatesTokenCount") + count("thoughtsTokenCount");
            self.usage =
                Some((count("promptTokenCount"), output, count("cachedContentTokenCount")));
        }
    }

    fn frame(&mut self, kind: &str, name: &str, value: &Value) {
        if kind == "exception" {
            self.error = Some(text(&value["message"]));
            return;
        }
        match name {
            "messageStart" => assert_eq!(value["role"], "assistant"),
            "contentBlockStart" => {
                if let Some(call) = value["start"].get("toolUse") {
                    self.calls.push((text(&call["name"]), String::new()));
                }
            }
            "contentBlockDelta" => {
                self.text += value["delta"]["text"].as_str().unwrap_or_default();
                if let Some(json) = value["delta"]["toolUse"]["input"].as_str() {
                    self.calls.last_mut().unwrap().1 += json;
                }
            }
            "messageStop" => {
                self.normal();
                self.finish(&value["stopReason"]);
            }
            "metadata" => {
                self.usage = converse_usage(&value["usage"]);
                self.is_complete = true;
            }
            "contentBlockStop" => (),
            other => panic!("no such event: {other}"),
        }
    }
}

/// Kind, name and payload of each frame; checksums are looked at.
fn frames(mut body: &[u8]) -> Vec<(String, String, Value)> {
    let mut frames = Vec::new();
    while !body.is_empty() {
        let number = |at: usize| u32::from_be_bytes(body[at..at + 4].try_into().unwrap());
        let (len, headers) = (number(0) as usize, number(4) as usize);
        assert_eq!(number(8), crc32(&body[..8]));
        assert_eq!(number(len - 4), crc32(&body[..len - 4]));
        let (mut kind, mut name) = (String::new(), String::new());
        let mut rest = &body[12..12 + headers];
        while let [key_len, more @ ..] = rest {
            let (key, more) = more.split_at(usize::from(*key_len));
            assert_eq!(more[0], 7, "a text");
            let value_len = usize::from(u16::from_be_bytes([more[1], more[2]]));
            let (value, more) = more[3..].split_at(value_len);
            let value = String::from_utf8(value.to_vec()).unwrap();
            match key {
                b":message-type" => kind = value,
                b":event-type" | b":exception-type" => name = value,
                _ => (),
            }
            rest = more;
        }
        let payload = serde_json::from_slice(&body[12 + headers..len - 4]).unwrap();
        frames.push((kind, name, payload));
        body = &body[len..];
    }
    frames
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn items(value: &Value) -> Vec<&Value> {
    value.as_array().map(|items| items.iter().collect()).unwrap_or_default()
}

fn chat_usage(usage: &Value) -> Option<(u64, u64, u64)> {
    let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0);
    let (input, output) = (usage["prompt_tokens"].as_u64()?, usage["completion_tokens"].as_u64()?);
    assert_eq!(usage["total_tokens"].as_u64(), Some(input + output));
    Some((input, output, cached))
}

fn messages_usage(usage: &Value) -> Option<(u64, u64, u64)> {
    let cached = usage["cache_read_input_tokens"].as_u64().unwrap_or(0);
    let written = usage["cache_creation_input_tokens"].as_u64().unwrap_or(0);
    let input = usage["input_tokens"].as_u64()? + cached + written;
    Some((input, usage["output_tokens"].as_u64()?, cached))
}

fn converse_usage(usage: &Value) -> Option<(u64, u64, u64)> {
    let cached = usage["cacheReadInputTokens"].as_u64().unwrap_or(0);
    let written = usage["cacheWriteInputTokens"].as_u64().unwrap_or(0);
    let input = usage["inputTokens"].as_u64()? + cached + written;
    Some((input, usage["outputTokens"].as_u64()?, cached))
}
