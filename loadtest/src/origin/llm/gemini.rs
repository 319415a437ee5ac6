//! Gemini: every piece of a stream is a whole response, with the usage so far. Events end with
//! `\r\n\r\n`; without `alt=sse` the pieces are the items of one JSON array.

use serde_json::{Value, json};

use super::Event;
use super::completion::{Block, Completion, Usage};
use super::stop_word;

pub(super) fn whole(completion: &Completion) -> Value {
    let parts: Vec<Value> = completion.blocks.iter().map(|b| part(b, &b.text())).collect();
    response(completion, &parts, true, completion.usage)
}

pub(super) fn stream(completion: &Completion, as_array: bool) -> Vec<Event> {
    let mut responses: Vec<Value> = Vec::new();
    let mut so_far = Usage { output: 0, thinking: 0, ..completion.usage };
    for block in &completion.blocks {
        // A call comes in one piece.
        let call = matches!(block, Block::Call { .. });
        let whole = [block.text()];
        let (pieces, cost) = match call {
            true => (&whole[..], u32::try_from(block.pieces().len()).unwrap_or(u32::MAX)),
            false => (block.pieces(), 1),
        };
        for piece in pieces {
            so_far.output += cost;
            so_far.thinking += u32::from(matches!(block, Block::Thinking(_)));
            responses.push(response(completion, &[part(block, piece)], false, so_far));
        }
    }
    if responses.is_empty() {
        responses.push(response(completion, &[json!({ "text": "" })], false, so_far));
    }
    if let Some(last) = responses.last_mut() {
        last["candidates"][0]["finishReason"] = finish(completion);
    }
    let last = responses.len() - 1;
    let framed = |(at, response): (usize, Value)| {
        let text = match (as_array, at) {
            (false, _) => format!("data: {response}\r\n\r\n"),
            (true, at) => {
                let (open, close) = (if at == 0 { "[" } else { ",\r\n" }, at == last);
                format!("{open}{response}{}", if close { "\n]" } else { "\n" })
            }
        };
        Event::token(text.into_bytes())
    };
    responses.into_iter().enumerate().map(framed).collect()
}

pub(super) fn error(status: u16, message: &str) -> Value {
    let word = match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    };
    json!({ "error": { "code": status, "message": message, "status": word, "details": [] } })
}

fn response(completion: &Completion, parts: &[Value], ends: bool, usage: Usage) -> Value {
    let mut candidate = json!({ "content": { "role": "model", "parts": parts }, "index": 0 });
    if ends {
        candidate["finishReason"] = finish(completion);
    }
    json!({
        "candidates": [candidate], "usageMetadata": metadata(usage),
        "modelVersion": completion.model, "responseId": format!("{:016x}", completion.digest),
    })
}

fn part(block: &Block, text: &str) -> Value {
    match block {
        Block::Thinking(_) => json!({ "text": text, "thought": true }),
        Block::Text(_) => json!({ "text": text }),
        Block::Call { name, .. } => {
            let arguments: Value = serde_json::from_str(text).unwrap_or_default();
            json!({
                "functionCall": { "name": name, "args": arguments },
                "thoughtSignature": "c3RhbmQtaW4=",
            })
        }
    }
}

fn finish(completion: &Completion) -> Value {
    stop_word(completion.finish, ["STOP", "MAX_TOKENS", "STOP"])
}

/// The prompt includes what is cached, the candidates exclude what is thought.
fn metadata(usage: Usage) -> Value {
    let mut metadata = json!({
        "promptTokenCount": usage.input, "candidatesTokenCount": usage.output - usage.thinking,
        "totalTokenCount": usage.input + usage.output,
    });
    if usage.cached > 0 {
        metadata["cachedContentTokenCount"] = json!(usage.cached);
    }
    if usage.thinking > 0 {
        metadata["thoughtsTokenCount"] = json!(usage.thinking);
    }
    metadata
}
