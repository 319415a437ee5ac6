//! A stream, written for a caller of Gemini's.

use serde_json::{Map, Value};

use super::super::super::{Block, Caller, Event, Fault, Finish, Usage};
use super::super::generation::{Content, Said, Written, append, either, made_id};
use super::super::seal::{self, Kind};
use super::super::usage::Metadata;
use super::super::{fault, finish, logprobs, wire};

/// Writes the events of one answer.
#[derive(Debug, Default)]
pub struct Writer {
    id: String,
    model: String,
    usage: Usage,
    finish: Finish,
    open: Open,
    calls: usize,
    /// Without `alt=sse` the answers are the items of one JSON array.
    as_array: bool,
    /// Something stands in that array.
    begun: bool,
}

#[derive(Debug, Default)]
enum Open {
    #[default]
    Text,
    Thinking,
    /// It is told when all of it is there.
    Call {
        id: String,
        name: String,
        json: String,
        signature: Option<String>,
    },
}

impl Writer {
    /// For a caller who did not say `alt=sse`.
    pub fn of_array() -> Self {
        Self { as_array: true, ..Self::default() }
    }

    /// Appends what the event is on the wire.
    pub fn write(&mut self, event: &Event<'_>, caller: &Caller, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, model, usage } => {
                self.id = either(id, &made_id(caller)).to_owned();
                self.model = either(model, &caller.model).to_owned();
                self.usage = *usage;
            }
            Event::Open(block) => self.open(*block, out),
            Event::Delta(text) => match &mut self.open {
                Open::Text => self.part(wire::Part::of_text(text), out),
                Open::Thinking => {
                    let part = wire::Part { thought: Some(true), ..wire::Part::of_text(text) };
                    self.part(part, out);
                }
                Open::Call { json, .. } => json.push_str(text),
            },
            Event::Signature(text) => match &mut self.open {
                Open::Call { signature, .. } => *signature = Some((*text).to_owned()),
                Open::Thinking => self.secret(Kind::Signature, text, out),
                Open::Text => (),
            },
            Event::Logprobs(value) => {
                let told = Some(logprobs::write(value));
                self.piece(vec![wire::Part::of_text("")], None, told, out);
            }
            Event::Close => self.close(caller, out),
            Event::Usage(usage) => self.usage.update(*usage),
            Event::Finish { finish, .. } => self.finish = *finish,
            Event::End => {
                let finish = Some(finish::word(self.finish));
                self.piece(vec![wire::Part::of_text("")], finish, None, out);
                if self.as_array {
                    out.extend_from_slice(b"]");
                }
            }
            Event::Fault(fault) => self.fault(fault, out),
        }
    }

    fn open(&mut self, block: Block<'_>, out: &mut Vec<u8>) {
        self.open = match block {
            Block::Text | Block::Refusal => Open::Text,
            Block::Thinking => Open::Thinking,
            Block::Sealed(data) => {
                self.secret(Kind::Sealed, data, out);
                Open::Thinking
            }
            Block::Call { id, name } => {
                let (id, signature) = seal::split(id);
                self.calls += 1;
                Open::Call {
                    id: id.to_owned(),
                    name: name.to_owned(),
                    json: String::new(),
                    signature: signature.map(str::to_owned),
                }
            }
        };
    }

    fn close(&mut self, caller: &Caller, out: &mut Vec<u8>) {
        let Open::Call { id, name, json, signature } = std::mem::take(&mut self.open) else {
            return;
        };
        let id = match id.as_str() {
            "" => format!("call_{:016x}_{}", caller.seed, self.calls),
            _ => id,
        };
        // Arguments that are no object are none.
        let args = match serde_json::from_str(&json) {
            Ok(args @ Value::Object(_)) => args,
            _ => Value::Object(Map::new()),
        };
        let part = wire::Part {
            function_call: Some(wire::Call {
                id: Some(wire::Text(id.into())),
                name: wire::Text::of(caller.tool(&name)),
                args: Some(std::borrow::Cow::Owned(args)),
            }),
            thought_signature: signature.as_deref().map(wire::Text::of),
            ..wire::Part::default()
        };
        self.part(part, out);
    }

    fn secret(&mut self, kind: Kind, text: &str, out: &mut Vec<u8>) {
        let wrapped = Some(wire::Text(seal::wrap(kind, text).into()));
        let thought = wire::Part { thought: Some(true), ..wire::Part::of_text("") };
        self.part(wire::Part { thought_signature: wrapped, ..thought }, out);
    }

    fn part(&mut self, part: wire::Part<'_>, out: &mut Vec<u8>) {
        self.piece(vec![part], None, None, out);
    }

    fn piece(
        &mut self,
        parts: Vec<wire::Part<'_>>,
        finish_reason: Option<&'static str>,
        logprobs_result: Option<Value>,
        out: &mut Vec<u8>,
    ) {
        self.begin(out);
        let content = Content { parts, role: "model" };
        let known = self.usage.input.is_some() || finish_reason.is_some();
        let piece = Written {
            candidates: [Said { content, finish_reason, index: 0, logprobs_result }],
            usage_metadata: known.then(|| Metadata::of(self.usage)),
            model_version: &self.model,
            response_id: &self.id,
        };
        append(&piece, out);
        self.end(out);
    }

    fn fault(&mut self, told: &Fault, out: &mut Vec<u8>) {
        self.begin(out);
        fault::write(told, out);
        self.end(out);
        if self.as_array {
            out.extend_from_slice(b"]");
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        let mark: &[u8] = match (self.as_array, self.begun) {
            (false, _) => b"data: ",
            (true, false) => b"[",
            (true, true) => b",\r\n",
        };
        self.begun = true;
        out.extend_from_slice(mark);
    }

    fn end(&self, out: &mut Vec<u8>) {
        let mark: &[u8] = if self.as_array { b"\n" } else { b"\r\n\r\n" };
        out.extend_from_slice(mark);
    }
}
