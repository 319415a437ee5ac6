//! Chat Completions of OpenAI, and the errors of all its APIs.

use serde_json::{Value, json};

use super::Event;
use super::completion::{Block, CREATED, Completion, Usage};
use super::stop_word;

pub(super) fn whole(completion: &Completion) -> Value {
    let (mut content, mut reasoning, mut calls) = (Value::Null, Value::Null, Vec::new());
    for block in &completion.blocks {
        match block {
            Block::Thinking(_) => reasoning = json!(block.text()),
            Block::Text(_) => content = json!(block.text()),
            Block::Call { id, name, .. } => calls.push(json!({
                "id": id, "type": "function",
                "function": { "name": name, "arguments": block.text() },
            })),
        }
    }
    let mut message = json!({ "role": "assistant", "content": content, "refusal": null });
    if !reasoning.is_null() {
        message["reasoning_content"] = reasoning;
    }
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    json!({
        "id": id(completion), "object": "chat.completion", "created": CREATED,
        "model": completion.model,
        "choices": [{
            "index": 0, "message": message, "logprobs": null, "finish_reason": finish(completion),
        }],
        "usage": usage(completion.usage), "service_tier": "default", "system_fingerprint": null,
    })
}

pub(super) fn stream(completion: &Completion, include_usage: bool) -> Vec<Event> {
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": id(completion), "object": "chat.completion.chunk", "created": CREATED,
            "model": completion.model, "choices": choices, "service_tier": "default",
            "system_fingerprint": null,
        });
        if include_usage {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n").into_bytes()
    };
    let delta = |delta: Value, finish: Value| {
        let choice =
            json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]);
        chunk(choice, Value::Null)
    };
    let first = json!({ "role": "assistant", "content": "", "refusal": null });
    let mut events = vec![Event::frame(delta(first, Value::Null))];
    let mut call = 0;
    for block in &completion.blocks {
        let mut push = |piece: Value| events.push(Event::token(delta(piece, Value::Null)));
        match block {
            Block::Thinking(pieces) => {
                pieces.iter().for_each(|piece| push(json!({ "reasoning_content": piece })));
            }
            Block::Text(pieces) => {
                pieces.iter().for_each(|piece| push(json!({ "content": piece })));
            }
            Block::Call { id, name, pieces } => {
                let begin = json!({ "tool_calls": [{
                    "index": call, "id": id, "type": "function",
                    "function": { "name": name, "arguments": "" },
                }] });
                events.push(Event::frame(delta(begin, Value::Null)));
                for piece in pieces {
                    let part = json!({ "index": call, "function": { "arguments": piece } });
                    let part = json!({ "tool_calls": [part] });
                    events.push(Event::token(delta(part, Value::Null)));
                }
                call += 1;
            }
        }
    }
    events.push(Event::frame(delta(json!({}), finish(completion))));
    if include_usage {
        events.push(Event::frame(chunk(json!([]), usage(completion.usage))));
    }
    events.push(Event::frame(b"data: [DONE]\n\n".to_vec()));
    events
}

pub(super) fn error(status: u16, message: &str) -> Value {
    let (kind, code) = match status {
        401 => ("invalid_request_error", json!("invalid_api_key")),
        404 => ("invalid_request_error", json!("model_not_found")),
        429 => ("requests", json!("rate_limit_exceeded")),
        500.. => ("server_error", Value::Null),
        _ => ("invalid_request_error", Value::Null),
    };
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

fn id(completion: &Completion) -> String {
    format!("chatcmpl-{:016x}", completion.digest)
}

fn finish(completion: &Completion) -> Value {
    stop_word(completion.finish, ["stop", "length", "tool_calls"])
}

/// What is cached and what is thought is included.
fn usage(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input, "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached, "audio_tokens": 0, "cache_write_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.thinking, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}
