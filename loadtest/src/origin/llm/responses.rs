//! Responses of OpenAI: items that open and close inside a response that does, every event with
//! its number.

use serde_json::{Value, json};

use super::Event;
use super::completion::{Block, CREATED, Completion, Finish, Usage};

pub(super) fn whole(completion: &Completion) -> Value {
    let numbered = completion.blocks.iter().enumerate();
    let output: Vec<Value> = numbered.map(|(at, b)| item(completion, at, b, "completed")).collect();
    let mut response = response(completion, ended(completion), &output);
    response["usage"] = usage(completion.usage);
    response
}

pub(super) fn stream(completion: &Completion) -> Vec<Event> {
    let mut writer = Writer::default();
    let begun = response(completion, "in_progress", &[]);
    writer.push("response.created", json!({ "response": begun }));
    writer.push("response.in_progress", json!({ "response": begun }));
    for (index, block) in completion.blocks.iter().enumerate() {
        writer.block(completion, index, block);
    }
    let name = match completion.finish {
        Finish::Length => "response.incomplete",
        _ => "response.completed",
    };
    writer.push(name, json!({ "response": whole(completion) }));
    writer.events
}

pub(super) fn error_event(message: &str) -> Vec<u8> {
    Event::named(
        "error",
        &json!({
            "type": "error", "code": "server_error", "message": message, "param": null,
            "sequence_number": 0,
        }),
    )
}

#[derive(Default)]
struct Writer {
    events: Vec<Event>,
}

impl Writer {
    fn push(&mut self, name: &str, data: Value) {
        self.add(false, name, data);
    }

    fn add(&mut self, token: bool, name: &str, mut data: Value) {
        data["type"] = json!(name);
        data["sequence_number"] = json!(self.events.len());
        self.events.push(Event { bytes: Event::named(name, &data), token });
    }

    fn block(&mut self, completion: &Completion, index: usize, block: &Block) {
        let id = item_id(completion, index, block);
        let open = item(completion, index, &hollow(block), "in_progress");
        self.push("response.output_item.added", json!({ "output_index": index, "item": open }));
        // What every event of the item says, with what is its own.
        let of = |mut own: Value| {
            own["item_id"] = json!(id);
            own["output_index"] = json!(index);
            own
        };
        let (inside, text) = (place(block), block.text());
        let with_place = |mut own: Value| {
            if let Some(place) = inside {
                own[place] = json!(0);
            }
            of(own)
        };
        let (delta, done, field) = match block {
            Block::Thinking(_) => {
                ("reasoning_summary_text.delta", "reasoning_summary_text.done", "text")
            }
            Block::Text(_) => ("output_text.delta", "output_text.done", "text"),
            Block::Call { .. } => {
                ("function_call_arguments.delta", "function_call_arguments.done", "arguments")
            }
        };
        let part_name = match block {
            Block::Thinking(_) => Some("reasoning_summary_part"),
            Block::Text(_) => Some("content_part"),
            Block::Call { .. } => None,
        };
        if let Some(name) = part_name {
            let part = json!({ "part": part(&hollow(block)) });
            self.push(&format!("response.{name}.added"), with_place(part));
        }
        for piece in block.pieces() {
            let own = with_place(json!({ "delta": piece }));
            self.add(true, &format!("response.{delta}"), own);
        }
        self.push(&format!("response.{done}"), with_place(json!({ field: text })));
        if let Some(name) = part_name {
            let part = json!({ "part": part(block) });
            self.push(&format!("response.{name}.done"), with_place(part));
        }
        let whole = item(completion, index, block, "completed");
        self.push("response.output_item.done", json!({ "output_index": index, "item": whole }));
    }
}

fn response(completion: &Completion, status: &str, output: &[Value]) -> Value {
    let details = match status {
        "incomplete" => json!({ "reason": "max_output_tokens" }),
        _ => Value::Null,
    };
    json!({
        "id": format!("resp_{:016x}", completion.digest), "object": "response",
        "created_at": CREATED, "status": status, "error": null, "incomplete_details": details,
        "instructions": null, "max_output_tokens": null, "model": completion.model,
        "output": output, "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": { "effort": null, "summary": null }, "store": false, "temperature": 1.0,
        "text": { "format": { "type": "text" } }, "tool_choice": "auto", "tools": [],
        "top_p": 1.0, "truncation": "disabled", "usage": null, "user": null, "metadata": {},
    })
}

fn ended(completion: &Completion) -> &'static str {
    if completion.finish == Finish::Length { "incomplete" } else { "completed" }
}

fn item(completion: &Completion, index: usize, block: &Block, status: &str) -> Value {
    let id = item_id(completion, index, block);
    let empty = block.pieces().is_empty() && status == "in_progress";
    let parts = if empty { Vec::new() } else { vec![part(block)] };
    match block {
        Block::Thinking(_) => json!({ "id": id, "type": "reasoning", "summary": parts }),
        Block::Text(_) => json!({
            "id": id, "type": "message", "status": status, "role": "assistant", "content": parts,
        }),
        Block::Call { id: call, name, .. } => json!({
            "id": id, "type": "function_call", "status": status, "call_id": call, "name": name,
            "arguments": block.text(),
        }),
    }
}

fn part(block: &Block) -> Value {
    match block {
        Block::Thinking(_) => json!({ "type": "summary_text", "text": block.text() }),
        _ => {
            let text = block.text();
            json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": text })
        }
    }
}

/// Which index says where in its item a text is.
const fn place(block: &Block) -> Option<&'static str> {
    match block {
        Block::Thinking(_) => Some("summary_index"),
        Block::Text(_) => Some("content_index"),
        Block::Call { .. } => None,
    }
}

fn item_id(completion: &Completion, index: usize, block: &Block) -> String {
    let kind = match block {
        Block::Thinking(_) => "rs",
        Block::Text(_) => "msg",
        Block::Call { .. } => "fc",
    };
    format!("{kind}_{:016x}_{index}", completion.digest)
}

/// The block before its first piece.
fn hollow(block: &Block) -> Block {
    match block {
        Block::Thinking(_) => Block::Thinking(Vec::new()),
        Block::Text(_) => Block::Text(Vec::new()),
        Block::Call { id, name, .. } => {
            Block::Call { id: id.clone(), name: name.clone(), pieces: Vec::new() }
        }
    }
}

/// What is cached and what is thought is included.
fn usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input, "input_tokens_details": { "cached_tokens": usage.cached },
        "output_tokens": usage.output,
        "output_tokens_details": { "reasoning_tokens": usage.thinking },
        "total_tokens": usage.input + usage.output,
    })
}
