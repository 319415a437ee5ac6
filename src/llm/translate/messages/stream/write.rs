//! Writes streams. Why it stopped is held back until the end, where what it used is known.

use std::borrow::Cow;

use serde::Serialize;

use crate::llm::translate::messages::usage::Telling;
use crate::llm::translate::messages::{fault, generation, stop};
use crate::llm::translate::{Block, Caller, Event, Finish, Usage};

/// Writes the events of one answer.
#[derive(Debug, Default)]
pub struct Writer {
    usage: Usage,
    finish: Finish,
    stop_sequence: Option<String>,
    open: Open,
    /// Of the next block.
    index: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Text,
    Thinking,
    Sealed,
    /// It waits for its signature, which goes with its id.
    Begun {
        id: String,
        name: String,
    },
    Call,
}

impl Writer {
    /// Appends what the event is on the wire.
    pub fn write(&mut self, event: &Event<'_>, caller: &Caller, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, model, usage } => {
                self.usage = *usage;
                let model = if model.is_empty() { &caller.model } else { *model };
                start(&generation::id(id, caller), model, *usage, caller, out);
            }
            Event::Open(block) => self.open(*block, caller, out),
            Event::Delta(text) => self.delta(text, caller, out),
            Event::Logprobs(_) => (),
            Event::Signature(signature) => self.sign(signature, caller, out),
            Event::Close => self.close(caller, out),
            Event::Finish { finish, stop_sequence } => {
                self.finish = *finish;
                self.stop_sequence = stop_sequence.map(str::to_owned);
            }
            Event::Usage(usage) => self.usage.update(*usage),
            Event::End => self.end(out),
            Event::Fault(error) => {
                out.extend_from_slice(b"event: error\ndata: ");
                fault::write(error, out);
                out.extend_from_slice(b"\n\n");
            }
        }
    }

    fn open(&mut self, block: Block<'_>, caller: &Caller, out: &mut Vec<u8>) {
        let empty = Some("");
        let (open, begun) = match block {
            Block::Text | Block::Refusal => {
                (Open::Text, Begun { kind: "text", text: empty, ..Begun::default() })
            }
            Block::Thinking => {
                let (thinking, signature) = (empty, empty);
                let begun = Begun { kind: "thinking", thinking, signature, ..Begun::default() };
                (Open::Thinking, begun)
            }
            Block::Sealed(data) => {
                let data = Some(data);
                (Open::Sealed, Begun { kind: "redacted_thinking", data, ..Begun::default() })
            }
            Block::Call { id, name } => {
                let name = caller.tool(name).to_owned();
                self.open = Open::Begun { id: id.to_owned(), name };
                return;
            }
        };
        self.open = open;
        self.begin(begun, out);
    }

    fn begin(&mut self, content_block: Begun<'_>, out: &mut Vec<u8>) {
        let kind = "content_block_start";
        put(kind, &BlockStart { kind, index: self.index, content_block }, out);
        self.index += 1;
    }

    /// Tells of a call that has begun.
    fn call(&mut self, signature: Option<&str>, caller: &Caller, out: &mut Vec<u8>) {
        if !matches!(self.open, Open::Begun { .. }) {
            return;
        }
        let Open::Begun { id, name } = std::mem::replace(&mut self.open, Open::Call) else {
            return;
        };
        let id = generation::call_id(&id, signature, self.index, caller);
        let (name, input) = (Some(name.as_str()), Some(Empty {}));
        self.begin(Begun { kind: "tool_use", id: Some(id), name, input, ..Begun::default() }, out);
    }

    fn delta(&mut self, text: &str, caller: &Caller, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        self.call(None, caller, out);
        let said = Some(text);
        let delta = match self.open {
            Open::Nothing | Open::Sealed | Open::Begun { .. } => return,
            Open::Text => Delta { kind: "text_delta", text: said, ..Delta::default() },
            Open::Thinking => Delta { kind: "thinking_delta", thinking: said, ..Delta::default() },
            Open::Call => {
                Delta { kind: "input_json_delta", partial_json: said, ..Delta::default() }
            }
        };
        self.more(delta, out);
    }

    fn more(&self, delta: Delta<'_>, out: &mut Vec<u8>) {
        let (kind, index) = ("content_block_delta", self.index.saturating_sub(1));
        put(kind, &BlockDelta { kind, index, delta }, out);
    }

    fn sign(&mut self, signature: &str, caller: &Caller, out: &mut Vec<u8>) {
        match self.open {
            Open::Thinking => {
                let signature = Some(signature);
                self.more(Delta { kind: "signature_delta", signature, ..Delta::default() }, out);
            }
            Open::Begun { .. } => self.call(Some(signature), caller, out),
            _ => (),
        }
    }

    fn close(&mut self, caller: &Caller, out: &mut Vec<u8>) {
        self.call(None, caller, out);
        if std::mem::take(&mut self.open) != Open::Nothing {
            let (kind, index) = ("content_block_stop", self.index.saturating_sub(1));
            put(kind, &BlockStop { kind, index }, out);
        }
    }

    fn end(&self, out: &mut Vec<u8>) {
        let has_stop = self.finish == Finish::StopSequence;
        let delta = Stop {
            stop_reason: stop::word(self.finish),
            stop_sequence: self.stop_sequence.as_deref().filter(|_| has_stop),
        };
        let kind = "message_delta";
        put(kind, &MessageDelta { kind, delta, usage: Telling::of(self.usage) }, out);
        out.extend_from_slice(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    }
}

fn start(id: &str, model: &str, usage: Usage, caller: &Caller, out: &mut Vec<u8>) {
    let message = Message {
        id,
        kind: "message",
        role: "assistant",
        model,
        content: [],
        stop_reason: None,
        stop_sequence: None,
        usage: Telling::whole(usage, caller),
    };
    let kind = "message_start";
    put(kind, &MessageStart { kind, message }, out);
}

fn put(name: &str, event: &impl Serialize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    // A vector takes it all, and no key of a map is anything but a text.
    let _ = serde_json::to_writer(&mut *out, event);
    out.extend_from_slice(b"\n\n");
}

#[derive(Serialize)]
struct MessageStart<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: Message<'a>,
}

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    content: [(); 0],
    stop_reason: Option<&'static str>,
    stop_sequence: Option<&'a str>,
    usage: Telling,
}

#[derive(Serialize)]
struct BlockStart<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: usize,
    content_block: Begun<'a>,
}

#[derive(Serialize, Default)]
struct Begun<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Empty>,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct BlockDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: usize,
    delta: Delta<'a>,
}

#[derive(Serialize, Default)]
struct Delta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partial_json: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'a str>,
}

#[derive(Serialize)]
struct BlockStop {
    #[serde(rename = "type")]
    kind: &'static str,
    index: usize,
}

#[derive(Serialize)]
struct MessageDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: Stop<'a>,
    usage: Telling,
}

#[derive(Serialize)]
struct Stop<'a> {
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
}
