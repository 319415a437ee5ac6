//! Reads streams. What Anthropic's own tools do is left out, as are citations.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::llm::translate::field::Text;
use crate::llm::translate::messages::stop;
use crate::llm::translate::messages::usage::Told;
use crate::llm::translate::{Block, Broken, Event, completions, fit};

/// Reads the events of one answer.
#[derive(Debug, Default)]
pub struct Reader {
    is_begun: bool,
    is_finished: bool,
    is_over: bool,
    told: Told,
    open: Open,
}

#[derive(Debug, Default)]
enum Open {
    #[default]
    Nothing,
    Said,
    /// The whole input, of those who tell it at the start.
    Call {
        input: Option<String>,
    },
    /// One that nobody is told of.
    Hidden,
}

impl Reader {
    /// Takes one event: its name, empty where it has none, and its data.
    ///
    /// # Errors
    /// It is nothing that the dialect has.
    pub fn read(
        &mut self,
        _name: &[u8],
        data: &[u8],
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), Broken> {
        let data = data.trim_ascii();
        if self.is_over || data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        let happened: Happened<'_> = serde_json::from_slice(data).map_err(|_| Broken)?;
        match happened.kind.0.as_ref() {
            "message_start" => self.start(happened, sink),
            "error" => {
                self.is_over = true;
                let error = happened.error.ok_or(Broken)?;
                sink(&Event::Fault(completions::fault::amid(&error)));
                Ok(())
            }
            "content_block_start"
            | "content_block_delta"
            | "content_block_stop"
            | "message_delta"
            | "message_stop"
                if !self.is_begun =>
            {
                Err(Broken)
            }
            "content_block_start" => self.open(happened.content_block.ok_or(Broken)?, sink),
            "content_block_delta" => self.delta(&happened.delta.ok_or(Broken)?, sink),
            "content_block_stop" => {
                self.close(sink);
                Ok(())
            }
            "message_delta" => {
                self.finish(happened, sink);
                Ok(())
            }
            "message_stop" => {
                self.over(sink);
                Ok(())
            }
            // A ping, or what is new.
            _ => Ok(()),
        }
    }

    /// The body came to its end. Why it stopped is all that matters of it.
    pub fn end(&mut self, sink: &mut impl FnMut(&Event<'_>)) {
        if self.is_finished && !self.is_over {
            self.over(sink);
        }
    }

    fn start(
        &mut self,
        happened: Happened<'_>,
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), Broken> {
        let message = happened.message.ok_or(Broken)?;
        if std::mem::replace(&mut self.is_begun, true) {
            return Err(Broken);
        }
        self.told = message.usage.unwrap_or_default();
        let (id, model) = (message.id.unwrap_or_default(), message.model.unwrap_or_default());
        sink(&Event::Start { id: &id.0, model: &model.0, usage: self.told.usage() });
        Ok(())
    }

    fn open(&mut self, block: Begun<'_>, sink: &mut impl FnMut(&Event<'_>)) -> Result<(), Broken> {
        self.close(sink);
        self.open = Open::Said;
        match block.kind.0.as_ref() {
            "text" => {
                sink(&Event::Open(Block::Text));
                say(&block.text.unwrap_or_default().0, sink);
            }
            "thinking" => {
                sink(&Event::Open(Block::Thinking));
                say(&block.thinking.unwrap_or_default().0, sink);
                sign(&block.signature.unwrap_or_default().0, sink);
            }
            "redacted_thinking" => sink(&Event::Open(Block::Sealed(&block.data.ok_or(Broken)?.0))),
            "tool_use" => {
                let (id, signature) = fit::unsigned(block.id.unwrap_or_default().0.into_owned());
                let name = block.name.ok_or(Broken)?;
                sink(&Event::Open(Block::Call { id: &id, name: &name.0 }));
                sign(&signature.unwrap_or_default(), sink);
                let input = block.input.filter(|input| !input.is_empty());
                self.open = Open::Call { input: input.map(|map| Value::Object(map).to_string()) };
            }
            _ => self.open = Open::Hidden,
        }
        Ok(())
    }

    fn delta(
        &mut self,
        delta: &Delta<'_>,
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), Broken> {
        match &mut self.open {
            Open::Nothing => return Err(Broken),
            Open::Hidden => return Ok(()),
            Open::Call { input } => *input = None,
            Open::Said => (),
        }
        let said = match delta.kind.as_ref().map(|kind| kind.0.as_ref()) {
            Some("text_delta") => &delta.text,
            Some("thinking_delta") => &delta.thinking,
            Some("input_json_delta") => &delta.partial_json,
            Some("signature_delta") => {
                sign(delta.signature.as_ref().map_or("", |text| text.0.as_ref()), sink);
                return Ok(());
            }
            _ => return Ok(()),
        };
        say(&said.as_ref().ok_or(Broken)?.0, sink);
        Ok(())
    }

    fn close(&mut self, sink: &mut impl FnMut(&Event<'_>)) {
        match std::mem::take(&mut self.open) {
            Open::Nothing | Open::Hidden => return,
            Open::Said => (),
            Open::Call { input } => say(&input.unwrap_or_default(), sink),
        }
        sink(&Event::Close);
    }

    fn finish(&mut self, happened: Happened<'_>, sink: &mut impl FnMut(&Event<'_>)) {
        let delta = happened.delta.unwrap_or_default();
        if let Some(reason) = delta.stop_reason.filter(|_| !self.is_finished) {
            self.close(sink);
            self.is_finished = true;
            let stop_sequence = delta.stop_sequence.as_ref().map(|text| text.0.as_ref());
            sink(&Event::Finish { finish: stop::read(&reason.0), stop_sequence });
        }
        if let Some(later) = happened.usage {
            self.told.update(later);
            sink(&Event::Usage(self.told.usage()));
        }
    }

    fn over(&mut self, sink: &mut impl FnMut(&Event<'_>)) {
        self.close(sink);
        self.is_over = true;
        sink(&Event::End);
    }
}

fn say(text: &str, sink: &mut impl FnMut(&Event<'_>)) {
    if !text.is_empty() {
        sink(&Event::Delta(text));
    }
}

fn sign(signature: &str, sink: &mut impl FnMut(&Event<'_>)) {
    if !signature.is_empty() {
        sink(&Event::Signature(signature));
    }
}

#[derive(Deserialize)]
struct Happened<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(borrow)]
    content_block: Option<Begun<'a>>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    usage: Option<Told>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    usage: Option<Told>,
}

#[derive(Deserialize)]
struct Begun<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    input: Option<Map<String, Value>>,
}

#[derive(Deserialize, Default)]
struct Delta<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    partial_json: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    stop_reason: Option<Text<'a>>,
    #[serde(borrow)]
    stop_sequence: Option<Text<'a>>,
}
