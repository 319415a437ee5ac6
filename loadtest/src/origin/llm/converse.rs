//! Converse of Bedrock: JSON as a whole, frames of the AWS event stream as a stream. Payloads of
//! deltas are padded, as the real ones are.

use serde_json::{Value, json};

use super::Event;
use super::completion::{Block, Completion, Usage};
use super::{frame, stop_word};

pub(super) fn whole(completion: &Completion) -> Value {
    let content: Vec<Value> = completion.blocks.iter().map(whole_block).collect();
    json!({
        "output": { "message": { "role": "assistant", "content": content } },
        "stopReason": stop(completion), "usage": usage(completion.usage),
        "metrics": { "latencyMs": 7 },
    })
}

pub(super) fn stream(completion: &Completion) -> Vec<Event> {
    let mut events = Vec::new();
    let mut push = |token: bool, name: &str, payload: Value| {
        let bytes = frame::event(name, payload.to_string().as_bytes());
        events.push(Event { bytes, token });
    };
    push(false, "messageStart", json!({ "role": "assistant" }));
    for (index, block) in completion.blocks.iter().enumerate() {
        if let Block::Call { id, name, .. } = block {
            let start = json!({ "toolUse": { "toolUseId": id, "name": name } });
            let start = json!({ "start": start, "contentBlockIndex": index });
            push(false, "contentBlockStart", start);
        }
        let mut delta = |token: bool, at: usize, delta: Value| {
            let padding = &PADDING[..at % PADDING.len()];
            let payload = json!({ "delta": delta, "contentBlockIndex": index, "p": padding });
            push(token, "contentBlockDelta", payload);
        };
        for (at, piece) in block.pieces().iter().enumerate() {
            delta(
                true,
                at,
                match block {
                    Block::Thinking(_) => json!({ "reasoningContent": { "text": piece } }),
                    Block::Text(_) => json!({ "text": piece }),
                    Block::Call { .. } => json!({ "toolUse": { "input": piece } }),
                },
            );
        }
        if matches!(block, Block::Thinking(_)) {
            delta(false, 0, json!({ "reasoningContent": { "signature": SIGNATURE } }));
        }
        push(false, "contentBlockStop", json!({ "contentBlockIndex": index }));
    }
    push(false, "messageStop", json!({ "stopReason": stop(completion) }));
    let metadata = json!({ "usage": usage(completion.usage), "metrics": { "latencyMs": 7 } });
    push(false, "metadata", metadata);
    events
}

pub(super) fn error(message: &str) -> Value {
    json!({ "message": message })
}

pub(super) const fn error_type(status: u16) -> &'static str {
    match status {
        400 => "ValidationException",
        401 | 403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        _ => "InternalServerException",
    }
}

/// An error in the middle of a stream.
pub(super) fn exception(message: &str) -> Vec<u8> {
    frame::exception("modelStreamErrorException", error(message).to_string().as_bytes())
}

fn whole_block(block: &Block) -> Value {
    match block {
        Block::Thinking(_) => {
            let text = json!({ "text": block.text(), "signature": SIGNATURE });
            json!({ "reasoningContent": { "reasoningText": text } })
        }
        Block::Text(_) => json!({ "text": block.text() }),
        Block::Call { id, name, .. } => {
            let input: Value = serde_json::from_str(&block.text()).unwrap_or_default();
            json!({ "toolUse": { "toolUseId": id, "name": name, "input": input } })
        }
    }
}

fn stop(completion: &Completion) -> Value {
    stop_word(completion.finish, ["end_turn", "max_tokens", "tool_use"])
}

/// What is read from a cache is not included, but in the sum.
fn usage(usage: Usage) -> Value {
    json!({
        "inputTokens": usage.input - usage.cached, "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output, "cacheReadInputTokens": usage.cached,
        "cacheWriteInputTokens": 0,
    })
}

const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SIGNATURE: &str = "c3RhbmQtaW4=";
