//! Reads the events of an answer.
//!
//! Items come one after the other. Should a provider tell of two by turns, what belongs to the
//! later one is kept until the first is done, and bounded.

use serde_json::{Value, json};

use super::super::super::event::{Block, Event};
use super::super::super::generation::Finish;
use super::super::super::{Broken, Fault, Trouble};
use super::super::CUSTOM;
use super::super::fault::told as trouble_of;
use super::super::generation::cut_by;
use super::told::{Failure, Item, Response, Told, of};
use crate::limits::EVENTS_KEPT_BYTES_MAX;

/// Reads the events of one answer.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    ended: bool,
    /// The item under way.
    item: Option<u64>,
    open: Open,
    /// Something was said of what is open.
    said: bool,
    /// Its log probabilities were told.
    weighed: bool,
    calls: bool,
    refuses: bool,
    /// Events of later items.
    kept: Vec<(u64, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Text,
    Refusal,
    Thinking,
    Call,
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
        if self.ended || data == b"[DONE]" {
            return Ok(());
        }
        let told: Told<'_> = serde_json::from_slice(data).map_err(|_| Broken)?;
        let kind = told.kind.0.as_ref();
        if is_of_an_item(kind) {
            return self.of_item(&told, data, sink);
        }
        match (kind, &told.response) {
            ("error", _) => {
                let own = Failure { code: told.code, message: told.message, param: told.param };
                self.fault(told.error.as_ref().unwrap_or(&own), sink);
            }
            ("response.created" | "response.in_progress" | "response.queued", Some(response)) => {
                self.start(Some(response), sink);
            }
            ("response.completed" | "response.incomplete", Some(response)) => {
                self.end_of(response, sink)?;
            }
            ("response.failed", Some(response)) => {
                let nothing = Failure { code: None, message: None, param: None };
                self.fault(response.error.as_ref().unwrap_or(&nothing), sink);
            }
            _ => (),
        }
        Ok(())
    }

    /// The body came to its end.
    pub fn end(&mut self, _sink: &mut impl FnMut(&Event<'_>)) {}

    fn start(&mut self, response: Option<&Response<'_>>, sink: &mut impl FnMut(&Event<'_>)) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let id = response.map_or("", |response| of(&response.id));
        let model = response.map_or("", |response| of(&response.model));
        let usage = response.and_then(|response| response.usage.as_ref());
        let usage = usage.map(|used| used.usage()).unwrap_or_default();
        sink(&Event::Start { id, model, usage });
    }

    /// An event of an item, now or when its turn comes.
    fn of_item(
        &mut self,
        told: &Told<'_>,
        data: &[u8],
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), Broken> {
        self.start(None, sink);
        if *self.item.get_or_insert(told.output_index) != told.output_index {
            self.kept.push((told.output_index, data.to_vec()));
            let bytes: usize = self.kept.iter().map(|(_, data)| data.len()).sum();
            return if bytes > EVENTS_KEPT_BYTES_MAX { Err(Broken) } else { Ok(()) };
        }
        self.item_event(told, sink);
        while self.item.is_none() && !self.kept.is_empty() {
            self.next_item(sink)?;
        }
        Ok(())
    }

    /// Tells what was kept of the item whose turn it is.
    fn next_item(&mut self, sink: &mut impl FnMut(&Event<'_>)) -> Result<(), Broken> {
        let Some((index, _)) = self.kept.first() else { return Ok(()) };
        let index = *index;
        self.item = Some(index);
        let mut of_it = Vec::new();
        self.kept.retain_mut(|(other, data)| {
            let is_its = *other == index;
            if is_its {
                of_it.push(std::mem::take(data));
            }
            !is_its
        });
        for data in of_it {
            self.item_event(&serde_json::from_slice(&data).map_err(|_| Broken)?, sink);
        }
        Ok(())
    }

    fn item_event(&mut self, told: &Told<'_>, sink: &mut impl FnMut(&Event<'_>)) {
        let kind = told.kind.0.strip_prefix("response.").unwrap_or_default();
        let text = of(&told.delta);
        match (kind, &told.item) {
            ("output_item.added", Some(item)) => self.added(item, sink),
            ("output_item.done", Some(item)) => self.done(item, sink),
            ("content_part.added", _) => {
                match told.part.as_ref().map(|part| part.kind.0.as_ref()) {
                    Some("output_text") => self.open(Open::Text, sink),
                    Some("refusal") => self.open(Open::Refusal, sink),
                    _ => (),
                }
            }
            ("content_part.done", _) if self.open != Open::Thinking => self.close(sink),
            ("output_text.delta", _) => {
                self.say(Open::Text, text, sink);
                self.weigh(told, sink);
            }
            ("refusal.delta", _) => self.say(Open::Refusal, text, sink),
            ("reasoning_summary_text.delta" | "reasoning_text.delta", _) => {
                self.say(Open::Thinking, text, sink);
            }
            // One thought of several paragraphs.
            ("reasoning_summary_part.added", _) if self.open == Open::Thinking => {
                self.say(Open::Thinking, "\n\n", sink);
            }
            ("reasoning_summary_part.added", _) => self.open(Open::Thinking, sink),
            ("function_call_arguments.delta", _) if self.open == Open::Call => {
                self.say(Open::Call, text, sink);
            }
            // Somebody may tell all at once.
            ("output_text.done", _) => {
                self.said_whole(Open::Text, of(&told.text), sink);
                if !self.weighed {
                    self.weigh(told, sink);
                }
            }
            ("refusal.done", _) => self.said_whole(Open::Refusal, of(&told.refusal), sink),
            ("function_call_arguments.done", _) if self.open == Open::Call => {
                self.said_whole(Open::Call, of(&told.arguments), sink);
            }
            _ => (),
        }
    }

    fn added(&mut self, item: &Item<'_>, sink: &mut impl FnMut(&Event<'_>)) {
        if item.kind.0 == "function_call" {
            self.open_call(of(&item.call_id), of(&item.name), sink);
        }
    }

    fn open_call(&mut self, id: &str, name: &str, sink: &mut impl FnMut(&Event<'_>)) {
        self.close(sink);
        self.open = Open::Call;
        self.calls = true;
        sink(&Event::Open(Block::Call { id, name }));
    }

    fn done(&mut self, item: &Item<'_>, sink: &mut impl FnMut(&Event<'_>)) {
        match item.kind.0.as_ref() {
            "function_call" => {
                if self.open != Open::Call {
                    self.open_call(of(&item.call_id), of(&item.name), sink);
                }
                self.said_whole(Open::Call, of(&item.arguments), sink);
            }
            "custom_tool_call" => {
                let name = format!("{}{CUSTOM}", of(&item.name));
                self.open_call(of(&item.call_id), &name, sink);
                let input = json!({ "input": of(&item.input) }).to_string();
                self.say(Open::Call, &input, sink);
            }
            "reasoning" => match (self.open, of(&item.encrypted_content)) {
                (_, "") => (),
                (Open::Thinking, signature) => sink(&Event::Signature(signature)),
                (_, sealed) => {
                    self.close(sink);
                    sink(&Event::Open(Block::Sealed(sealed)));
                    sink(&Event::Close);
                }
            },
            _ => (),
        }
        self.close(sink);
        self.item = None;
    }

    fn open(&mut self, block: Open, sink: &mut impl FnMut(&Event<'_>)) {
        self.close(sink);
        self.open = block;
        match block {
            Open::Text => sink(&Event::Open(Block::Text)),
            Open::Thinking => sink(&Event::Open(Block::Thinking)),
            Open::Refusal => {
                self.refuses = true;
                sink(&Event::Open(Block::Refusal));
            }
            // It has an id and a name: `open_call`.
            Open::Nothing | Open::Call => self.open = Open::Nothing,
        }
    }

    fn say(&mut self, block: Open, text: &str, sink: &mut impl FnMut(&Event<'_>)) {
        if self.open != block {
            self.open(block, sink);
        }
        if !text.is_empty() {
            self.said = true;
            sink(&Event::Delta(text));
        }
    }

    fn weigh(&mut self, told: &Told<'_>, sink: &mut impl FnMut(&Event<'_>)) {
        let Some(list) = told.logprobs.as_ref().filter(|list| !list.is_empty()) else { return };
        self.weighed = true;
        let logprobs: Value = json!({ "content": list, "refusal": null });
        sink(&Event::Logprobs(&logprobs));
    }

    /// What was said already is not said again.
    fn said_whole(&mut self, block: Open, text: &str, sink: &mut impl FnMut(&Event<'_>)) {
        if !(self.said && self.open == block) {
            self.say(block, text, sink);
        }
    }

    fn close(&mut self, sink: &mut impl FnMut(&Event<'_>)) {
        (self.said, self.weighed) = (false, false);
        if std::mem::take(&mut self.open) != Open::Nothing {
            sink(&Event::Close);
        }
    }

    fn end_of(
        &mut self,
        response: &Response<'_>,
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), Broken> {
        self.start(Some(response), sink);
        self.close(sink);
        while !self.kept.is_empty() {
            self.next_item(sink)?;
            self.close(sink);
        }
        self.ended = true;
        let finish = match &response.incomplete_details {
            Some(details) => cut_by(of(&details.reason)),
            None if self.calls => Finish::Calls,
            None if self.refuses => Finish::Refused,
            None => Finish::Stop,
        };
        sink(&Event::Finish { finish, stop_sequence: None });
        if let Some(used) = &response.usage {
            sink(&Event::Usage(used.usage()));
        }
        sink(&Event::End);
        Ok(())
    }

    fn fault(&mut self, failure: &Failure<'_>, sink: &mut impl FnMut(&Event<'_>)) {
        self.ended = true;
        let code = of(&failure.code);
        let own = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        sink(&Event::Fault(Fault {
            trouble: trouble_of(code).unwrap_or(Trouble::Internal),
            message: own(of(&failure.message)).unwrap_or_else(|| "the provider failed".to_owned()),
            code: own(code),
            param: own(of(&failure.param)),
        }));
    }
}

/// Whether it has an item to belong to.
fn is_of_an_item(kind: &str) -> bool {
    let items = [
        "output_item.",
        "content_part.",
        "output_text.",
        "refusal.",
        "reasoning_",
        "function_call_",
    ];
    let kind = kind.strip_prefix("response.");
    kind.is_some_and(|kind| items.iter().any(|item| kind.starts_with(item)))
}
