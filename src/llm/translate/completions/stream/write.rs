//! Writes streams.

use serde::Serialize;
use serde_json::Value;

use crate::llm::translate::completions::thoughts::{self, Thought};
use crate::llm::translate::completions::{fault, generation, said, usage};
use crate::llm::translate::{Block, Caller, Event, Finish, Usage};

/// Writes the events of one answer.
#[derive(Debug, Default)]
pub struct Writer {
    /// What every chunk begins with.
    head: Vec<u8>,
    usage: Usage,
    open: Open,
    calls: usize,
    /// Blocks of thoughts, signed or sealed.
    thoughts: usize,
    has_refused: bool,
    /// What was open is told why it is over.
    is_finished: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Text,
    Thinking,
    Refusal,
    /// It waits for its signature, which goes with its id.
    Begun {
        id: String,
        name: String,
    },
    /// Of a call, something of its input was said.
    Called {
        has_input: bool,
    },
}

impl Writer {
    /// Appends what the event is on the wire.
    pub fn write(&mut self, event: &Event<'_>, caller: &Caller, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, model, usage } => {
                self.usage = *usage;
                self.start(id, model, caller);
                let delta =
                    Delta { role: Some("assistant"), content: Some(""), ..Delta::default() };
                self.chunk(&delta, caller, out);
            }
            Event::Open(block) => self.open(*block, caller, out),
            Event::Delta(text) => self.delta(text, caller, out),
            Event::Logprobs(logprobs) => {
                self.put(&Delta::default(), Some(logprobs), None, caller, out);
            }
            Event::Signature(signature) => self.sign(signature, caller, out),
            Event::Close => self.close(caller, out),
            Event::Finish { finish, .. } => self.finish(*finish, caller, out),
            Event::Usage(usage) => self.usage.update(*usage),
            Event::End => self.end(caller, out),
            Event::Fault(fault) => {
                out.extend_from_slice(b"data: ");
                fault::write(fault, out);
                out.extend_from_slice(b"\n\n");
            }
        }
    }

    fn start(&mut self, id: &str, model: &str, caller: &Caller) {
        let head = Head {
            id: &generation::id(id, caller),
            object: "chat.completion.chunk",
            created: caller.now,
            model: if model.is_empty() { &caller.model } else { model },
        };
        self.head.extend_from_slice(b"data: ");
        json(&head, &mut self.head);
        // It goes on.
        self.head.pop();
        self.head.extend_from_slice(b",\"choices\":[");
    }

    fn open(&mut self, block: Block<'_>, caller: &Caller, out: &mut Vec<u8>) {
        self.open = match block {
            Block::Text => Open::Text,
            Block::Thinking => Open::Thinking,
            Block::Refusal => {
                self.has_refused = true;
                Open::Refusal
            }
            Block::Sealed(data) => {
                self.thought(thoughts::sealed(data), caller, out);
                Open::Nothing
            }
            Block::Call { id, name } => {
                Open::Begun { id: id.to_owned(), name: caller.tool(name).to_owned() }
            }
        };
    }

    fn delta(&mut self, text: &str, caller: &Caller, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        self.call(None, caller, out);
        let said = Some(text);
        let delta = match &mut self.open {
            Open::Nothing | Open::Begun { .. } => return,
            Open::Text => Delta { content: said, ..Delta::default() },
            Open::Thinking => Delta { reasoning_content: said, ..Delta::default() },
            Open::Refusal => Delta { refusal: said, ..Delta::default() },
            Open::Called { has_input } => {
                *has_input = true;
                return self.input(text, caller, out);
            }
        };
        self.chunk(&delta, caller, out);
    }

    /// Tells of a call that has begun.
    fn call(&mut self, signature: Option<&str>, caller: &Caller, out: &mut Vec<u8>) {
        let Open::Begun { id, name } = &self.open else { return };
        let id = generation::call_id(id, signature, self.calls, caller);
        let function = Function { name: Some(name), arguments: "" };
        let (id, kind) = (Some(id.as_ref()), Some("function"));
        let call = Called { index: self.calls, id, kind, function };
        let delta = Delta { tool_calls: Some([call]), ..Delta::default() };
        self.put(&delta, None, None, caller, out);
        self.calls += 1;
        self.open = Open::Called { has_input: false };
    }

    fn input(&self, arguments: &str, caller: &Caller, out: &mut Vec<u8>) {
        let function = Function { name: None, arguments };
        let call = Called { index: self.calls - 1, id: None, kind: None, function };
        self.chunk(&Delta { tool_calls: Some([call]), ..Delta::default() }, caller, out);
    }

    fn sign(&mut self, signature: &str, caller: &Caller, out: &mut Vec<u8>) {
        match self.open {
            Open::Thinking => self.thought(thoughts::signed("", signature), caller, out),
            Open::Begun { .. } => self.call(Some(signature), caller, out),
            _ => (),
        }
    }

    fn thought(&mut self, thought: Thought, caller: &Caller, out: &mut Vec<u8>) {
        let thought = Thought { index: Some(self.thoughts), ..thought };
        self.thoughts += 1;
        self.chunk(&Delta { thinking_blocks: Some([thought]), ..Delta::default() }, caller, out);
    }

    fn close(&mut self, caller: &Caller, out: &mut Vec<u8>) {
        self.call(None, caller, out);
        if std::mem::take(&mut self.open) == (Open::Called { has_input: false }) {
            self.input("{}", caller, out);
        }
    }

    fn finish(&mut self, finish: Finish, caller: &Caller, out: &mut Vec<u8>) {
        self.is_finished = true;
        let reason = said::word(finish, self.has_refused);
        self.put(&Delta::default(), None, Some(reason), caller, out);
    }

    fn end(&mut self, caller: &Caller, out: &mut Vec<u8>) {
        if !self.is_finished {
            self.finish(Finish::Stop, caller, out);
        }
        if let Some(usage) = usage::write(self.usage).filter(|_| caller.wants_usage) {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"],\"usage\":");
            json(&usage, out);
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn chunk(&self, delta: &Delta<'_>, caller: &Caller, out: &mut Vec<u8>) {
        self.put(delta, None, None, caller, out);
    }

    fn put(
        &self,
        delta: &Delta<'_>,
        logprobs: Option<&Value>,
        finish_reason: Option<&str>,
        caller: &Caller,
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(&self.head);
        json(&Choice { index: 0, delta, logprobs, finish_reason }, out);
        let end: &[u8] = if caller.wants_usage { b"],\"usage\":null}\n\n" } else { b"]}\n\n" };
        out.extend_from_slice(end);
    }
}

/// A vector takes it all, and no key of a map is anything but a text.
fn json(value: &impl Serialize, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

#[derive(Serialize)]
struct Head<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: &'a Delta<'a>,
    logprobs: Option<&'a Value>,
    finish_reason: Option<&'a str>,
}

#[derive(Serialize, Default)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_blocks: Option<[Thought; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[Called<'a>; 1]>,
}

#[derive(Serialize)]
struct Called<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}
