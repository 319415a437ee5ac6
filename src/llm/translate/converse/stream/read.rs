//! Reads the events of an answer: the type of a frame and its payload.

use serde::Deserialize;

use super::super::super::event::{Block, Event};
use super::super::super::fields::Text;
use super::super::super::{Broken, Fault, Trouble, Usage};
use super::super::blob;
use super::super::fault::trouble;
use super::super::generation::{Counted, finish};

/// Reads the events of one answer.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    stopped: bool,
    ended: bool,
    /// The block under way, and what it is, once that is known.
    block: Option<u64>,
    open: Open,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Text,
    Thinking,
    Sealed,
    Call,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStart<'a> {
    #[serde(default)]
    content_block_index: u64,
    #[serde(borrow, default)]
    start: Option<Start<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    #[serde(borrow, default)]
    tool_use: Option<ToolUse<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse<'a> {
    #[serde(borrow)]
    tool_use_id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockDelta<'a> {
    #[serde(default)]
    content_block_index: u64,
    #[serde(borrow)]
    delta: Delta<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delta<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    tool_use: Option<Input<'a>>,
    #[serde(borrow, default)]
    reasoning_content: Option<Reasoning<'a>>,
}

#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    input: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoning<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    signature: Option<Text<'a>>,
    #[serde(borrow, default)]
    redacted_content: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stop<'a> {
    #[serde(borrow)]
    stop_reason: Text<'a>,
    #[serde(borrow, default)]
    additional_model_response_fields: Option<Extras<'a>>,
}

#[derive(Deserialize)]
struct Extras<'a> {
    #[serde(borrow, default)]
    stop_sequence: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    usage: Option<Counted>,
}

#[derive(Deserialize)]
struct Failure<'a> {
    #[serde(borrow, default, alias = "Message")]
    message: Option<Text<'a>>,
}

impl Reader {
    /// Takes one event: its name, empty where it has none, and its data. Of an exception or an
    /// error, its type or its code, and its payload or its message.
    ///
    /// # Errors
    /// It is nothing that the dialect has.
    pub fn read(
        &mut self,
        name: &[u8],
        data: &[u8],
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), Broken> {
        if self.ended {
            return Ok(());
        }
        match name {
            b"messageStart" => self.start(sink),
            // It said that this was all.
            _ if self.stopped && name.starts_with(b"contentBlock") => (),
            b"contentBlockStart" => self.block_start(&parse(data)?, sink),
            b"contentBlockDelta" => self.block_delta(&parse(data)?, sink),
            b"contentBlockStop" => self.close(sink),
            b"messageStop" => {
                let stop: Stop<'_> = parse(data)?;
                self.start(sink);
                self.close(sink);
                self.stopped = true;
                let extras = stop.additional_model_response_fields;
                let stop_sequence = extras.and_then(|extras| extras.stop_sequence);
                sink(&Event::Finish {
                    finish: finish(&stop.stop_reason.0),
                    stop_sequence: stop_sequence.as_ref().map(|text| text.0.as_ref()),
                });
            }
            b"metadata" => {
                let metadata: Metadata = parse(data)?;
                self.start(sink);
                if let Some(usage) = metadata.usage {
                    sink(&Event::Usage(usage.usage()));
                }
                self.end(sink);
            }
            _ if is_failure(name) => self.fault(name, data, sink),
            _ => (),
        }
        Ok(())
    }

    /// The body came to its end.
    pub fn end(&mut self, sink: &mut impl FnMut(&Event<'_>)) {
        if self.stopped && !std::mem::replace(&mut self.ended, true) {
            sink(&Event::End);
        }
    }

    fn start(&mut self, sink: &mut impl FnMut(&Event<'_>)) {
        if !std::mem::replace(&mut self.started, true) {
            sink(&Event::Start { id: "", model: "", usage: Usage::default() });
        }
    }

    /// Blocks come one after the other; one that was not stopped is over when the next begins.
    fn turn_to(&mut self, index: u64, sink: &mut impl FnMut(&Event<'_>)) {
        self.start(sink);
        if self.block.is_some_and(|block| block != index) {
            self.close(sink);
        }
        self.block = Some(index);
    }

    fn block_start(&mut self, told: &BlockStart<'_>, sink: &mut impl FnMut(&Event<'_>)) {
        self.turn_to(told.content_block_index, sink);
        let call = told.start.as_ref().and_then(|start| start.tool_use.as_ref());
        if let Some(call) = call {
            self.open(
                Open::Call,
                &Block::Call { id: &call.tool_use_id.0, name: &call.name.0 },
                sink,
            );
        }
    }

    fn block_delta(&mut self, told: &BlockDelta<'_>, sink: &mut impl FnMut(&Event<'_>)) {
        self.turn_to(told.content_block_index, sink);
        if let Some(text) = &told.delta.text {
            self.open(Open::Text, &Block::Text, sink);
            say(&text.0, sink);
        }
        if let Some(call) = told.delta.tool_use.as_ref().filter(|_| self.open == Open::Call) {
            say(&call.input.0, sink);
        }
        let Some(reasoning) = &told.delta.reasoning_content else { return };
        if let Some(sealed) = &reasoning.redacted_content {
            self.close(sink);
            self.block = Some(told.content_block_index);
            self.open(Open::Sealed, &Block::Sealed(&blob::read(&sealed.0)), sink);
            return;
        }
        self.open(Open::Thinking, &Block::Thinking, sink);
        if let Some(text) = &reasoning.text {
            say(&text.0, sink);
        }
        if let Some(signature) = reasoning.signature.as_ref().filter(|text| !text.0.is_empty()) {
            sink(&Event::Signature(&signature.0));
        }
    }

    fn open(&mut self, open: Open, block: &Block<'_>, sink: &mut impl FnMut(&Event<'_>)) {
        if self.open == open && open != Open::Call {
            return;
        }
        if self.open != Open::Nothing {
            sink(&Event::Close);
        }
        self.open = open;
        sink(&Event::Open(*block));
    }

    fn close(&mut self, sink: &mut impl FnMut(&Event<'_>)) {
        self.block = None;
        if std::mem::take(&mut self.open) != Open::Nothing {
            sink(&Event::Close);
        }
    }

    fn fault(&mut self, name: &[u8], data: &[u8], sink: &mut impl FnMut(&Event<'_>)) {
        self.ended = true;
        let name = str::from_utf8(name).unwrap_or_default();
        let message = match parse::<Failure<'_>>(data) {
            Ok(failure) => failure.message.map(|text| text.0.into_owned()),
            Err(Broken) => str::from_utf8(data).ok().map(str::to_owned),
        };
        sink(&Event::Fault(Fault {
            trouble: trouble(name).unwrap_or(Trouble::Internal),
            message: message.filter(|text| !text.is_empty()).unwrap_or_else(|| name.to_owned()),
            code: Some(name.to_owned()),
            param: None,
        }));
    }
}

fn say(text: &str, sink: &mut impl FnMut(&Event<'_>)) {
    if !text.is_empty() {
        sink(&Event::Delta(text));
    }
}

fn parse<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<T, Broken> {
    serde_json::from_slice(data).map_err(|_| Broken)
}

/// Types of exceptions end so, codes of errors begin in upper case; events do neither.
fn is_failure(name: &[u8]) -> bool {
    name.ends_with(b"Exception") || name.first().is_some_and(u8::is_ascii_uppercase)
}
