//! Reads streams. Blocks come one after the other: what is said while a call is not yet whole waits
//! until it is, which is known by its JSON, or at the end.

use super::chunk::{Choice, Chunk, Delta, ToolCall};
use crate::llm::translate::completions::{fault, said};
use crate::llm::translate::{Block, Broken, Event, Finish, Usage, fit};

/// Reads the events of one answer.
#[derive(Debug, Default)]
pub struct Reader {
    is_begun: bool,
    is_finished: bool,
    is_over: bool,
    has_refused: bool,
    open: Open,
    calls: Vec<Call>,
    /// In the order in which they came.
    later: Vec<Later>,
    /// What is kept of calls, and of what came too early.
    kept_bytes: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Said(Kind),
    /// By its place.
    Call(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Refusal,
}

#[derive(Debug)]
enum Later {
    Said(Kind, String),
    Call(usize),
}

#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    nesting: Nesting,
    /// What came before its turn.
    early: String,
    is_over: bool,
}

impl Reader {
    /// Takes one event: its name, empty where it has none, and its data.
    ///
    /// # Errors
    /// It is nothing that the dialect has.
    pub fn read(
        &mut self,
        name: &[u8],
        data: &[u8],
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), Broken> {
        let data = data.trim_ascii();
        if self.is_over || data.is_empty() {
            return Ok(());
        }
        if data == b"[DONE]" {
            if !self.is_begun {
                return Err(Broken);
            }
            self.finish(None, sink);
            self.is_over = true;
            sink(&Event::End);
            return Ok(());
        }
        if name == b"error" {
            let value = serde_json::from_slice(data).map_err(|_| Broken)?;
            self.is_over = true;
            sink(&Event::Fault(fault::amid(&value)));
            return Ok(());
        }
        let chunk: Chunk<'_> = serde_json::from_slice(data).map_err(|_| Broken)?;
        self.chunk(chunk, sink)
    }

    /// The body came to its end. Some say nothing after the reason why they stopped.
    pub fn end(&mut self, sink: &mut impl FnMut(&Event<'_>)) {
        if self.is_finished && !self.is_over {
            self.is_over = true;
            sink(&Event::End);
        }
    }

    fn chunk(&mut self, chunk: Chunk<'_>, sink: &mut impl FnMut(&Event<'_>)) -> Result<(), Broken> {
        if let Some(error) = chunk.error {
            self.is_over = true;
            sink(&Event::Fault(fault::amid(&error)));
            return Ok(());
        }
        let choice = chunk.choices.unwrap_or_default().0.filter(|choice| choice.index == 0);
        let id = chunk.id.unwrap_or_default().0;
        if !self.is_begun {
            // Azure tells of its filters first.
            if choice.is_none() && id.is_empty() && chunk.usage.is_none() {
                return Ok(());
            }
            self.is_begun = true;
            let model = &chunk.model.unwrap_or_default().0;
            sink(&Event::Start { id: &id, model, usage: Usage::default() });
        }
        if let Some(choice) = choice.filter(|_| !self.is_finished) {
            self.choice(choice, sink)?;
        }
        if let Some(told) = chunk.usage {
            sink(&Event::Usage(told.into()));
        }
        Ok(())
    }

    fn choice(
        &mut self,
        choice: Choice<'_>,
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), Broken> {
        if let Some(delta) = choice.delta {
            self.delta(delta, sink)?;
        }
        if let Some(logprobs) = choice.logprobs {
            sink(&Event::Logprobs(&logprobs));
        }
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.0.is_empty()) {
            self.finish(Some(&reason.0), sink);
        }
        Ok(())
    }

    fn delta(&mut self, delta: Delta<'_>, sink: &mut impl FnMut(&Event<'_>)) -> Result<(), Broken> {
        let said = delta.content.unwrap_or_default();
        if let Some(thought) = delta.reasoning_content.or(delta.reasoning) {
            self.say(Kind::Thinking, &thought.0, sink)?;
        }
        self.say(Kind::Thinking, &said.thought, sink)?;
        for block in delta.thinking_blocks.unwrap_or_default() {
            self.sign(block.signature.as_deref(), block.data.as_deref(), sink);
        }
        self.say(Kind::Text, &said.text, sink)?;
        if let Some(refusal) = delta.refusal {
            self.has_refused |= !refusal.0.is_empty();
            self.say(Kind::Refusal, &refusal.0, sink)?;
        }
        for call in delta.tool_calls.unwrap_or_default() {
            self.call(call, sink)?;
        }
        Ok(())
    }

    fn sign(
        &mut self,
        signature: Option<&str>,
        sealed: Option<&str>,
        sink: &mut impl FnMut(&Event<'_>),
    ) {
        if let Some(signature) = signature.filter(|_| self.open == Open::Said(Kind::Thinking)) {
            sink(&Event::Signature(signature));
        }
        if let Some(data) = sealed.filter(|_| !matches!(self.open, Open::Call(_))) {
            self.close(sink);
            sink(&Event::Open(Block::Sealed(data)));
            sink(&Event::Close);
        }
    }

    fn say(
        &mut self,
        kind: Kind,
        text: &str,
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), Broken> {
        if text.is_empty() {
            return Ok(());
        }
        if self.waits() {
            self.keep(text.len())?;
            match self.later.last_mut() {
                Some(Later::Said(last, more)) if *last == kind => more.push_str(text),
                _ => self.later.push(Later::Said(kind, text.to_owned())),
            }
            return Ok(());
        }
        if self.open != Open::Said(kind) {
            self.close(sink);
            self.open = Open::Said(kind);
            sink(&Event::Open(kind.block()));
        }
        sink(&Event::Delta(text));
        Ok(())
    }

    fn call(
        &mut self,
        call: ToolCall<'_>,
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), Broken> {
        let function = call.function.unwrap_or_default();
        let (id, name) = (call.id.unwrap_or_default().0, function.name.unwrap_or_default().0);
        let arguments = function.arguments.unwrap_or_default().0;
        let place = match self.find(call.index, &id, !name.is_empty()) {
            Some(place) => place,
            None => self.begin(call.index, &id, &name, sink)?,
        };
        let known = &mut self.calls[place];
        if known.is_over || arguments.is_empty() {
            return Ok(());
        }
        known.nesting.see(&arguments);
        if self.open != Open::Call(place) {
            self.calls[place].early.push_str(&arguments);
            return self.keep(arguments.len());
        }
        sink(&Event::Delta(&arguments));
        if !self.later.is_empty() && self.calls[place].nesting.is_whole() {
            self.go_on(false, sink);
        }
        Ok(())
    }

    /// Whose call it is: by the index, which some tell wrong or not at all; the id tells then.
    fn find(&self, index: Option<u64>, id: &str, has_name: bool) -> Option<usize> {
        let is_it = |call: &Call| match index {
            Some(_) => call.index == index,
            None => id.is_empty() || call.id == id,
        };
        let place = self.calls.iter().rposition(is_it)?;
        let known = &self.calls[place];
        let is_another = if id.is_empty() { known.nesting.is_whole() } else { known.id != id };
        let is_other = has_name && is_another;
        (!is_other).then_some(place)
    }

    fn begin(
        &mut self,
        index: Option<u64>,
        id: &str,
        name: &str,
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<usize, Broken> {
        let place = self.calls.len();
        self.keep(id.len() + name.len() + CALL_BYTES)?;
        let (id, name) = (id.to_owned(), name.to_owned());
        self.calls.push(Call { index, id, name, ..Call::default() });
        if self.waits() {
            self.later.push(Later::Call(place));
        } else {
            self.close(sink);
            self.open_call(place, sink);
        }
        Ok(place)
    }

    /// Something is open that has to come to its end first.
    fn waits(&self) -> bool {
        !self.later.is_empty() || self.is_amid_call()
    }

    fn is_amid_call(&self) -> bool {
        let is_whole = |place: usize| self.calls[place].nesting.is_whole();
        matches!(self.open, Open::Call(place) if !is_whole(place))
    }

    fn keep(&mut self, bytes: usize) -> Result<(), Broken> {
        self.kept_bytes = self.kept_bytes.saturating_add(bytes);
        if self.kept_bytes > KEPT_BYTES_MAX { Err(Broken) } else { Ok(()) }
    }

    fn open_call(&mut self, place: usize, sink: &mut impl FnMut(&Event<'_>)) {
        self.open = Open::Call(place);
        let call = &mut self.calls[place];
        let (id, signature) = fit::unsigned(std::mem::take(&mut call.id));
        sink(&Event::Open(Block::Call { id: &id, name: &call.name }));
        if let Some(signature) = signature {
            sink(&Event::Signature(&signature));
        }
        call.id = id;
        let early = std::mem::take(&mut call.early);
        if !early.is_empty() {
            sink(&Event::Delta(&early));
        }
    }

    fn close(&mut self, sink: &mut impl FnMut(&Event<'_>)) {
        if let Open::Call(place) = self.open {
            self.calls[place].is_over = true;
        }
        if std::mem::take(&mut self.open) != Open::Nothing {
            sink(&Event::Close);
        }
    }

    /// Says what had to wait, up to a call that is not whole; `all`: to the end.
    fn go_on(&mut self, all: bool, sink: &mut impl FnMut(&Event<'_>)) {
        self.close(sink);
        let later = std::mem::take(&mut self.later);
        let mut later = later.into_iter();
        for next in later.by_ref() {
            self.close(sink);
            self.turn(next, sink);
            if !all && self.is_amid_call() {
                break;
            }
        }
        self.later.extend(later);
    }

    fn turn(&mut self, next: Later, sink: &mut impl FnMut(&Event<'_>)) {
        match next {
            Later::Said(kind, text) => {
                self.open = Open::Said(kind);
                sink(&Event::Open(kind.block()));
                sink(&Event::Delta(&text));
            }
            Later::Call(place) => self.open_call(place, sink),
        }
    }

    fn finish(&mut self, reason: Option<&str>, sink: &mut impl FnMut(&Event<'_>)) {
        if self.is_finished {
            return;
        }
        self.is_finished = true;
        self.go_on(true, sink);
        self.close(sink);
        let reason = reason.unwrap_or_default();
        let finish = said::finish(reason, !self.calls.is_empty(), self.has_refused);
        debug_assert!(finish != Finish::Paused, "nobody who speaks it pauses");
        sink(&Event::Finish { finish, stop_sequence: None });
    }
}

impl Kind {
    const fn block(self) -> Block<'static> {
        match self {
            Self::Text => Block::Text,
            Self::Thinking => Block::Thinking,
            Self::Refusal => Block::Refusal,
        }
    }
}

/// How deep in an object its text is.
#[derive(Clone, Copy, Debug, Default)]
struct Nesting {
    depth: usize,
    is_begun: bool,
    in_text: bool,
    is_escaped: bool,
}

impl Nesting {
    fn see(&mut self, json: &str) {
        for byte in json.bytes() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.in_text => self.is_escaped = true,
                b'"' => self.in_text = !self.in_text,
                _ if self.in_text => (),
                b'{' | b'[' => {
                    self.is_begun = true;
                    self.depth += 1;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => (),
            }
        }
    }

    const fn is_whole(self) -> bool {
        self.is_begun && self.depth == 0
    }
}

/// What a call counts for beside its texts, so that there are no more than about a thousand.
const CALL_BYTES: usize = 4096;
/// Calls by turns, and calls at all: more is no answer.
const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;
