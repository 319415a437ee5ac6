//! Writes the events of an answer. Every event has a number; a text, a call, a thought is told
//! piece by piece, then as a whole, and the answer as a whole once more at the end: so all that was
//! said is kept until then, and bounded.

use std::borrow::Cow;

use serde_json::Value;

use super::super::super::event::{Block, Event};
use super::super::super::generation::{Finish, Usage};
use super::super::super::object::{Object, object};
use super::super::super::{Caller, Fault, Trouble, call_id};
use super::super::CUSTOM;
use super::super::fault::{code, failure, told};
use super::super::generation::{Head, Status, response_id, told_model, write_head, write_usage};
use super::super::item::{self, Item, free_text, write_part, write_summary};
use crate::limits::STREAMED_ANSWER_BYTES_MAX;

/// Writes the events of one answer.
#[derive(Debug, Default)]
pub struct Writer {
    progress: Progress,
    /// The number of the next event.
    sequence: u64,
    id: String,
    model: String,
    /// Items that are complete, with commas between them.
    output: Vec<u8>,
    /// How many that are.
    index: usize,
    open: Option<Open>,
    finish: Finish,
    usage: Usage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Nothing,
    Started,
    Ended,
}

/// The item under way.
#[derive(Debug)]
struct Open {
    kind: Kind,
    item_id: String,
    /// What was said of it.
    text: String,
    logprobs: Option<Value>,
    signature: Option<String>,
}

#[derive(Debug)]
enum Kind {
    Text,
    Refusal,
    Thinking,
    Sealed(String),
    /// It is told with its first piece: until then it may be signed, which is in its id.
    Call {
        id: String,
        name: String,
        is_told: bool,
    },
}

impl Writer {
    /// Appends what the event is on the wire.
    pub fn write(&mut self, event: &Event<'_>, caller: &Caller, out: &mut Vec<u8>) {
        match (self.progress, event) {
            (Progress::Ended, _) | (Progress::Started, Event::Start { .. }) => return,
            (Progress::Nothing, Event::Start { .. } | Event::Fault(_)) => (),
            (Progress::Nothing, _) => self.start("", "", caller, out),
            (Progress::Started, _) => (),
        }
        match event {
            Event::Start { id, model, usage } => {
                self.usage = *usage;
                self.start(id, model, caller, out);
            }
            Event::Open(block) => self.open(block, caller, out),
            Event::Delta(text) => self.delta(text, caller, out),
            Event::Logprobs(logprobs) => self.logprobs(logprobs),
            Event::Signature(signature) => {
                if let Some(open) = &mut self.open {
                    open.signature.get_or_insert_default().push_str(signature);
                }
            }
            Event::Close => self.close(caller, out),
            Event::Finish { finish, .. } => self.finish = *finish,
            Event::Usage(usage) => self.usage.update(*usage),
            Event::End => self.end(caller, out),
            Event::Fault(fault) => self.fault(fault, caller, out),
        }
        let kept = self.output.len() + self.open.as_ref().map_or(0, |open| open.text.len());
        if kept > STREAMED_ANSWER_BYTES_MAX && self.progress != Progress::Ended {
            let message = "the answer is longer than the gateway can translate".to_owned();
            let fault = Fault { trouble: Trouble::Internal, message, code: None, param: None };
            self.fault(&fault, caller, out);
        }
    }

    fn start(&mut self, id: &str, model: &str, caller: &Caller, out: &mut Vec<u8>) {
        self.progress = Progress::Started;
        self.id = response_id(id, caller);
        told_model(model, caller).clone_into(&mut self.model);
        self.lifecycle("response.created", Status::InProgress, caller, out);
        self.lifecycle("response.in_progress", Status::InProgress, caller, out);
    }

    /// An event that tells all of the response.
    fn lifecycle(&mut self, kind: &str, status: Status, caller: &Caller, out: &mut Vec<u8>) {
        let Self { sequence, id, model, output, usage, .. } = self;
        let head = Head { id, model, created: caller.now };
        put(sequence, kind, out, |event| {
            event.object("response", |response| {
                write_head(&head, status, response);
                response.list("output", |list| list.raw(output));
                match status {
                    Status::InProgress | Status::Failed => response.null("usage"),
                    _ => write_usage(*usage, caller, response),
                }
            });
        });
    }

    fn open(&mut self, block: &Block<'_>, caller: &Caller, out: &mut Vec<u8>) {
        self.close(caller, out);
        let kind = match *block {
            Block::Text => Kind::Text,
            Block::Refusal => Kind::Refusal,
            Block::Thinking => Kind::Thinking,
            Block::Sealed(sealed) => Kind::Sealed(sealed.to_owned()),
            Block::Call { id, name } => {
                let name = caller.tool(name).to_owned();
                let id = call_id::or_made(id, self.index, caller.seed).into_owned();
                Kind::Call { id, name, is_told: false }
            }
        };
        let mut open = Open {
            kind,
            item_id: String::new(),
            text: String::new(),
            logprobs: None,
            signature: None,
        };
        open.item_id = open.item().id(self.index, caller);
        if !matches!(open.kind, Kind::Call { .. }) {
            open.tell(&mut self.sequence, self.index, caller, out);
        }
        self.open = Some(open);
    }

    fn delta(&mut self, text: &str, caller: &Caller, out: &mut Vec<u8>) {
        let Some(open) = &mut self.open else { return };
        if text.is_empty() || matches!(open.kind, Kind::Sealed(_)) {
            return;
        }
        open.tell_call(&mut self.sequence, self.index, caller, out);
        open.text.push_str(text);
        open.delta(&mut self.sequence, self.index, text, out);
    }

    fn logprobs(&mut self, logprobs: &Value) {
        let Some(open) = &mut self.open else { return };
        let Some(kept) = &mut open.logprobs else {
            open.logprobs = Some(logprobs.clone());
            return;
        };
        let list = kept.get_mut("content").and_then(Value::as_array_mut);
        if let (Some(list), Some(Value::Array(more))) = (list, logprobs.get("content")) {
            list.extend_from_slice(more);
        }
    }

    fn close(&mut self, caller: &Caller, out: &mut Vec<u8>) {
        let Some(mut open) = self.open.take() else { return };
        let (index, sequence) = (self.index, &mut self.sequence);
        open.tell_call(sequence, index, caller, out);
        if matches!(open.kind, Kind::Call { .. }) && open.text.is_empty() {
            open.text.push_str("{}");
            open.delta(sequence, index, "{}", out);
        }
        open.done(sequence, index, out);
        let item = open.item();
        if !self.output.is_empty() {
            self.output.push(b',');
        }
        let at = self.output.len();
        object(&mut self.output, |object| {
            item::write(&item, index, "completed", caller, object);
        });
        let whole = str::from_utf8(&self.output[at..]).unwrap_or("null");
        put(sequence, "response.output_item.done", out, |event| {
            event.count("output_index", index as u64);
            event.raw("item", whole);
        });
        self.index += 1;
    }

    fn end(&mut self, caller: &Caller, out: &mut Vec<u8>) {
        self.close(caller, out);
        self.progress = Progress::Ended;
        let status = Status::of(self.finish);
        let kind = match status {
            Status::Incomplete(_) => "response.incomplete",
            _ => "response.completed",
        };
        self.lifecycle(kind, status, caller, out);
    }

    /// Tells it by itself, and then that the response failed: some clients look for the one, some
    /// for the other.
    fn fault(&mut self, fault: &Fault, caller: &Caller, out: &mut Vec<u8>) {
        let started = self.progress == Progress::Started;
        self.progress = Progress::Ended;
        // Words of other providers mean nothing to clients of this dialect.
        let own = fault.code.as_deref().filter(|code| told(code) == Some(fault.trouble));
        let code = own.unwrap_or_else(|| code(fault.trouble));
        put(&mut self.sequence, "error", out, |event| {
            event.text("code", code);
            event.text("message", &fault.message);
            match &fault.param {
                Some(param) => event.text("param", param),
                None => event.null("param"),
            }
        });
        if !started {
            return;
        }
        let head = Head { id: &self.id, model: &self.model, created: caller.now };
        put(&mut self.sequence, "response.failed", out, |event| {
            event.object("response", |response| {
                write_head(&head, Status::Failed, response);
                write_error(fault, response);
                response.raw("output", "[]");
                response.null("usage");
            });
        });
    }
}

impl Open {
    /// As a whole.
    fn item(&self) -> Item<'_> {
        let signature = self.signature.as_deref();
        match &self.kind {
            Kind::Text => Item::Text { text: &self.text, logprobs: self.logprobs.as_ref() },
            Kind::Refusal => Item::Refusal { text: &self.text },
            Kind::Thinking => Item::Thinking { text: &self.text, signature },
            Kind::Sealed(sealed) => Item::Sealed { sealed },
            Kind::Call { id, name, .. } => {
                let id = call_id::join(id, signature);
                Item::Call { id, name, arguments: Cow::Borrowed(&self.text) }
            }
        }
    }

    fn is_custom(&self) -> bool {
        matches!(&self.kind, Kind::Call { name, .. } if name.ends_with(CUSTOM))
    }

    fn tell_call(&mut self, sequence: &mut u64, index: usize, caller: &Caller, out: &mut Vec<u8>) {
        if let Kind::Call { id, is_told: is_told @ false, .. } = &mut self.kind {
            *is_told = true;
            let joined = call_id::join(id, self.signature.take().as_deref()).into_owned();
            *id = joined;
            self.tell(sequence, index, caller, out);
        } else if matches!(self.kind, Kind::Call { .. }) {
            // It came too late: clients know the call by the id that they were told.
            self.signature = None;
        }
    }

    /// Tells that there is an item, and a part of it.
    fn tell(&self, sequence: &mut u64, index: usize, caller: &Caller, out: &mut Vec<u8>) {
        let item = match &self.kind {
            Kind::Thinking => Item::Sealed { sealed: "" },
            _ => self.item(),
        };
        put(sequence, "response.output_item.added", out, |event| {
            event.count("output_index", index as u64);
            event.object("item", |object| match item {
                Item::Text { .. } | Item::Refusal { .. } => {
                    object.text("id", &self.item_id);
                    object.text("type", "message");
                    object.text("status", "in_progress");
                    object.raw("content", "[]");
                    object.text("role", "assistant");
                }
                _ => item::write(&item, index, "in_progress", caller, object),
            });
        });
        match &self.kind {
            Kind::Text | Kind::Refusal => {
                self.put(sequence, "content_part.added", index, out, |event| {
                    event.object("part", |part| write_part(&self.item(), part));
                })
            }
            Kind::Thinking => {
                self.put(sequence, "reasoning_summary_part.added", index, out, |event| {
                    event.object("part", |part| write_summary("", part));
                });
            }
            Kind::Sealed(_) | Kind::Call { .. } => (),
        }
    }

    fn delta(&self, sequence: &mut u64, index: usize, text: &str, out: &mut Vec<u8>) {
        let kind = match &self.kind {
            Kind::Text => "output_text.delta",
            Kind::Refusal => "refusal.delta",
            Kind::Thinking => "reasoning_summary_text.delta",
            // The pieces are JSON around the text: it is told as a whole.
            Kind::Call { .. } if self.is_custom() => return,
            Kind::Call { .. } => "function_call_arguments.delta",
            Kind::Sealed(_) => return,
        };
        self.put(sequence, kind, index, out, |event| {
            event.text("delta", text);
            if matches!(self.kind, Kind::Text) {
                event.raw("logprobs", "[]");
            }
        });
    }

    /// Tells what was said, as a whole.
    fn done(&self, sequence: &mut u64, index: usize, out: &mut Vec<u8>) {
        let text = self.text.as_str();
        match &self.kind {
            Kind::Text => {
                self.put(sequence, "output_text.done", index, out, |event| {
                    event.text("text", text);
                    let logprobs = self.logprobs.as_ref().and_then(|all| all.get("content"));
                    match logprobs {
                        Some(list @ Value::Array(_)) => event.value("logprobs", list),
                        _ => event.raw("logprobs", "[]"),
                    }
                });
            }
            Kind::Refusal => self.put(sequence, "refusal.done", index, out, |event| {
                event.text("refusal", text);
            }),
            Kind::Thinking => {
                self.put(sequence, "reasoning_summary_text.done", index, out, |event| {
                    event.text("text", text);
                });
                self.put(sequence, "reasoning_summary_part.done", index, out, |event| {
                    event.object("part", |part| write_summary(text, part));
                });
            }
            Kind::Call { .. } if self.is_custom() => {
                let input = free_text(text);
                self.put(sequence, "custom_tool_call_input.delta", index, out, |event| {
                    event.text("delta", &input);
                });
                self.put(sequence, "custom_tool_call_input.done", index, out, |event| {
                    event.text("input", &input);
                });
            }
            Kind::Call { .. } => {
                self.put(sequence, "function_call_arguments.done", index, out, |event| {
                    event.text("arguments", text);
                });
            }
            Kind::Sealed(_) => (),
        }
        if matches!(self.kind, Kind::Text | Kind::Refusal) {
            self.put(sequence, "content_part.done", index, out, |event| {
                event.object("part", |part| write_part(&self.item(), part));
            });
        }
    }

    /// An event of the item. `kind`: what comes behind `response.`.
    fn put(
        &self,
        sequence: &mut u64,
        kind: &str,
        index: usize,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut Object<'_>),
    ) {
        let place = match &self.kind {
            Kind::Text | Kind::Refusal => Some("content_index"),
            Kind::Thinking => Some("summary_index"),
            Kind::Sealed(_) | Kind::Call { .. } => None,
        };
        put_parts(sequence, &["response.", kind], out, |event| {
            event.text("item_id", &self.item_id);
            event.count("output_index", index as u64);
            if let Some(place) = place {
                event.count(place, 0);
            }
            fill(event);
        });
    }
}

fn write_error(fault: &Fault, response: &mut Object<'_>) {
    response.object("error", |error| {
        error.text("code", failure(fault.trouble));
        error.text("message", &fault.message);
    });
}

fn put(sequence: &mut u64, kind: &str, out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    put_parts(sequence, &[kind], out, fill);
}

/// An event on the wire. Its type is given in parts: no memory is needed to put them together.
fn put_parts(
    sequence: &mut u64,
    kind: &[&str],
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut Object<'_>),
) {
    out.extend_from_slice(b"event: ");
    kind.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    out.extend_from_slice(b"\ndata: ");
    object(out, |event| {
        event.word("type", kind);
        event.count("sequence_number", *sequence);
        fill(event);
    });
    out.extend_from_slice(b"\n\n");
    *sequence += 1;
}
