//! Writes the events of an answer as frames.

use crate::proto::aws_event_stream::{Kind, write};

use super::super::super::event::{Block, Event};
use super::super::super::generation::{Finish, Usage};
use super::super::super::object::{Object, object};
use super::super::super::{Caller, Fault, Trouble, call_id};
use super::super::blob;
use super::super::generation::{reason, write_usage};

/// Writes the events of one answer.
#[derive(Debug, Default)]
pub struct Writer {
    progress: Progress,
    /// Of the block under way, or the next one.
    index: u64,
    open: Open,
    usage: Usage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Nothing,
    Started,
    Finished,
    Ended,
}

#[derive(Debug, Default)]
enum Open {
    #[default]
    Nothing,
    Text,
    Thinking,
    Sealed,
    /// It is told with its first piece: until then it may be signed, which is in its id.
    CallUntold {
        id: String,
        name: String,
    },
    Call {
        said: bool,
    },
}

impl Writer {
    /// Appends what the event is on the wire.
    pub fn write(&mut self, event: &Event<'_>, caller: &Caller, out: &mut Vec<u8>) {
        if self.progress == Progress::Ended {
            return;
        }
        if self.progress == Progress::Nothing && !matches!(event, Event::Fault(_)) {
            self.progress = Progress::Started;
            put(out, "messageStart", |event| event.text("role", "assistant"));
        }
        match event {
            Event::Start { usage, .. } => self.usage = *usage,
            Event::Open(block) => self.open(block, caller, out),
            Event::Delta(text) => self.delta(text, out),
            Event::Logprobs(_) => (),
            Event::Signature(signature) => self.signature(signature, out),
            Event::Close => self.close(out),
            Event::Finish { finish, stop_sequence } => self.finish(*finish, *stop_sequence, out),
            Event::Usage(usage) => self.usage.update(*usage),
            Event::End => {
                self.finish(Finish::Stop, None, out);
                self.progress = Progress::Ended;
                let usage = self.usage;
                put(out, "metadata", |event| write_usage(usage, caller, event));
            }
            Event::Fault(fault) => {
                self.progress = Progress::Ended;
                self::fault(fault, out);
            }
        }
    }

    fn open(&mut self, block: &Block<'_>, caller: &Caller, out: &mut Vec<u8>) {
        self.close(out);
        self.open = match *block {
            Block::Text | Block::Refusal => Open::Text,
            Block::Thinking => Open::Thinking,
            Block::Sealed(sealed) => {
                let blob = blob::write(sealed);
                self.put_delta(out, |delta| reasoning("redactedContent", &blob, delta));
                Open::Sealed
            }
            Block::Call { id, name } => {
                let id = call_id::or_made(id, self.index as usize, caller.seed).into_owned();
                Open::CallUntold { id, name: caller.tool(name).to_owned() }
            }
        };
    }

    fn delta(&mut self, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        self.tell_call(None, out);
        match &mut self.open {
            Open::Text => self.put_delta(out, |delta| delta.text("text", text)),
            Open::Thinking => self.put_delta(out, |delta| reasoning("text", text, delta)),
            Open::Call { said } => {
                *said = true;
                self.put_delta(out, |delta| {
                    delta.object("toolUse", |call| call.text("input", text));
                });
            }
            Open::Nothing | Open::Sealed | Open::CallUntold { .. } => (),
        }
    }

    fn signature(&mut self, signature: &str, out: &mut Vec<u8>) {
        match self.open {
            Open::Thinking => {
                self.put_delta(out, |delta| reasoning("signature", signature, delta));
            }
            Open::CallUntold { .. } => self.tell_call(Some(signature), out),
            _ => (),
        }
    }

    fn tell_call(&mut self, signature: Option<&str>, out: &mut Vec<u8>) {
        let Open::CallUntold { id, name } = &self.open else { return };
        let id = call_id::join(id, signature);
        let index = self.index;
        put(out, "contentBlockStart", |event| {
            event.object("start", |start| tool_use(&id, name, start));
            event.count("contentBlockIndex", index);
        });
        self.open = Open::Call { said: false };
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        self.tell_call(None, out);
        match self.open {
            Open::Nothing => return,
            // What is put together of no pieces is no JSON.
            Open::Call { said: false } => self.delta("{}", out),
            _ => (),
        }
        self.open = Open::Nothing;
        let index = self.index;
        put(out, "contentBlockStop", |event| event.count("contentBlockIndex", index));
        self.index += 1;
    }

    fn finish(&mut self, finish: Finish, stop: Option<&str>, out: &mut Vec<u8>) {
        if self.progress != Progress::Started {
            return;
        }
        self.close(out);
        self.progress = Progress::Finished;
        put(out, "messageStop", |event| {
            event.text("stopReason", reason(finish));
            if let Some(stop) = stop {
                let name = "additionalModelResponseFields";
                event.object(name, |extras| extras.text("stop_sequence", stop));
            }
        });
    }

    fn put_delta(&self, out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        put(out, "contentBlockDelta", |event| {
            event.object("delta", fill);
            event.count("contentBlockIndex", self.index);
        });
    }
}

fn reasoning(name: &str, text: &str, delta: &mut Object<'_>) {
    delta.object("reasoningContent", |reasoning| reasoning.text(name, text));
}

fn tool_use(id: &str, name: &str, start: &mut Object<'_>) {
    start.object("toolUse", |call| {
        call.text("toolUseId", id);
        call.text("name", name);
    });
}

fn put(out: &mut Vec<u8>, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
    write(out, Kind::Event, name, |out| object(out, fill));
}

/// The exceptions that a stream may have are few.
fn fault(fault: &Fault, out: &mut Vec<u8>) {
    let name = match fault.trouble {
        Trouble::RateLimited => "throttlingException",
        Trouble::Overloaded => "serviceUnavailableException",
        Trouble::Internal => "internalServerException",
        Trouble::Timeout => "modelStreamErrorException",
        Trouble::Invalid
        | Trouble::Unauthenticated
        | Trouble::Billing
        | Trouble::Forbidden
        | Trouble::NotFound
        | Trouble::TooLarge => "validationException",
    };
    write(out, Kind::Exception, name, |out| {
        object(out, |event| event.text("message", &fault.message));
    });
}
