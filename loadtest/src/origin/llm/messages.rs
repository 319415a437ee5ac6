//! Messages of Anthropic: an event's name is its data's type, and blocks open and close.

use serde_json::{Value, json};

use super::Event;
use super::completion::{Block, Completion, Usage};
use super::stop_word;

pub(super) fn whole(completion: &Completion) -> Value {
    let content: Vec<Value> = completion.blocks.iter().map(whole_block).collect();
    let mut message = empty(completion);
    message["content"] = json!(content);
    message["stop_reason"] = stop(completion);
    message["usage"] = usage(completion.usage, completion.usage.output);
    message
}

pub(super) fn stream(completion: &Completion) -> Vec<Event> {
    let mut events = Vec::new();
    let mut push = |token: bool, data: Value| {
        let name = data["type"].as_str().unwrap_or_default().to_owned();
        events.push(Event { bytes: Event::named(&name, &data), token });
    };
    push(false, json!({ "type": "message_start", "message": empty(completion) }));
    for (index, block) in completion.blocks.iter().enumerate() {
        let begin = match block {
            Block::Thinking(_) => json!({ "type": "thinking", "thinking": "", "signature": "" }),
            Block::Text(_) => json!({ "type": "text", "text": "" }),
            Block::Call { id, name, .. } => {
                json!({ "type": "tool_use", "id": id, "name": name, "input": {} })
            }
        };
        let start =
            json!({ "type": "content_block_start", "index": index, "content_block": begin });
        push(false, start);
        if index == 0 {
            push(false, json!({ "type": "ping" }));
        }
        let delta =
            |delta: Value| json!({ "type": "content_block_delta", "index": index, "delta": delta });
        for piece in block.pieces() {
            push(
                true,
                delta(match block {
                    Block::Thinking(_) => json!({ "type": "thinking_delta", "thinking": piece }),
                    Block::Text(_) => json!({ "type": "text_delta", "text": piece }),
                    Block::Call { .. } => {
                        json!({ "type": "input_json_delta", "partial_json": piece })
                    }
                }),
            );
        }
        if matches!(block, Block::Thinking(_)) {
            let signature = json!({ "type": "signature_delta", "signature": SIGNATURE });
            push(false, delta(signature));
        }
        push(false, json!({ "type": "content_block_stop", "index": index }));
    }
    push(
        false,
        json!({
            "type": "message_delta",
            "delta": { "stop_reason": stop(completion), "stop_sequence": null },
            "usage": { "output_tokens": completion.usage.output },
        }),
    );
    push(false, json!({ "type": "message_stop" }));
    events
}

pub(super) fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    let error = json!({ "type": kind, "message": message });
    json!({ "type": "error", "error": error, "request_id": "req_stand_in" })
}

/// As it stands in `message_start`: what the prompt costs is known, and one token of the answer.
fn empty(completion: &Completion) -> Value {
    json!({
        "id": format!("msg_{:016x}", completion.digest), "type": "message", "role": "assistant",
        "model": completion.model, "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": usage(completion.usage, 1),
    })
}

fn whole_block(block: &Block) -> Value {
    match block {
        Block::Thinking(_) => {
            json!({ "type": "thinking", "thinking": block.text(), "signature": SIGNATURE })
        }
        Block::Text(_) => json!({ "type": "text", "text": block.text() }),
        Block::Call { id, name, .. } => {
            let input: Value = serde_json::from_str(&block.text()).unwrap_or_default();
            json!({ "type": "tool_use", "id": id, "name": name, "input": input })
        }
    }
}

fn stop(completion: &Completion) -> Value {
    stop_word(completion.finish, ["end_turn", "max_tokens", "tool_use"])
}

/// What is read from a cache is not included.
fn usage(usage: Usage, output: u32) -> Value {
    json!({
        "input_tokens": usage.input - usage.cached, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": { "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0 },
        "output_tokens": output, "service_tier": "standard",
    })
}

const SIGNATURE: &str = "c3RhbmQtaW4=";
