//! A stream of Gemini's, read.

use super::super::super::{Block, Broken, Event, Usage};
use super::super::generation::{self, Response};
use super::super::{fault, finish, logprobs, seal, wire};

/// Reads the events of one answer.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    open: Open,
    calls: usize,
    /// As it was told last.
    usage: Usage,
    finished: bool,
    /// Nothing comes any more: a fault was told, or the end.
    over: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Text,
    Thinking,
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
        // Shims that speak two dialects end both in the same way.
        if self.over || data == b"[DONE]" {
            return Ok(());
        }
        let mut response: Response<'_> = serde_json::from_slice(data).map_err(|_| Broken)?;
        if let Some(error) = &response.error {
            self.over = true;
            sink(&Event::Fault(fault::of(error)));
            return Ok(());
        }
        let candidate = response.candidate();
        if candidate.is_none() && response.usage_metadata.is_none() && !response.is_blocked() {
            return Err(Broken);
        }
        let usage = response.usage();
        let blocked = response.is_blocked();
        let id = response.response_id.unwrap_or_default();
        if !self.started {
            self.started = true;
            let model = response.model_version.unwrap_or_default();
            sink(&Event::Start { id: &id.0, model: &model.0, usage });
            self.usage = usage;
        }
        let mut reason = blocked.then(|| wire::Text::of("SAFETY"));
        if let Some(candidate) = candidate {
            for part in candidate.content.and_then(|said| said.parts).unwrap_or_default() {
                self.part(part, &id.0, sink)?;
            }
            if let Some(result) = &candidate.logprobs_result
                && self.open == Open::Text
            {
                sink(&Event::Logprobs(&logprobs::read(result)));
            }
            reason = candidate.finish_reason.or(reason);
        }
        if usage != self.usage && usage != Usage::default() {
            self.usage = usage;
            sink(&Event::Usage(usage));
        }
        if let Some(reason) = reason.filter(|reason| !reason.0.is_empty() && !self.finished) {
            self.close(sink);
            self.finished = true;
            let finish = finish::read(&reason.0, self.calls > 0);
            sink(&Event::Finish { finish, stop_sequence: None });
        }
        Ok(())
    }

    fn part(
        &mut self,
        part: wire::Part<'_>,
        id: &str,
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), Broken> {
        let signature = part.thought_signature.as_ref().map(|signature| signature.0.as_ref());
        if self.finished {
            return Ok(());
        }
        if let Some(call) = part.function_call {
            self.close(sink);
            self.calls += 1;
            return self.call(call, signature, id, sink);
        }
        let Some(text) = part.text else { return Ok(()) };
        let of = if part.thought == Some(true) { Open::Thinking } else { Open::Text };
        if !text.0.is_empty() {
            self.open(of, sink);
            sink(&Event::Delta(&text.0));
        }
        // That of a text belongs to no block that others have.
        if let Some(signature) = signature
            && of == Open::Thinking
            && self.open == of
        {
            sink(&Event::Signature(signature));
        }
        Ok(())
    }

    /// A call comes whole. Its signature goes with the id: where the call is opened, callers have
    /// to know it.
    fn call(
        &self,
        call: wire::Call<'_>,
        signature: Option<&str>,
        id: &str,
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), Broken> {
        let mut id = generation::call_id(&call, id, self.calls);
        if let Some(signature) = signature {
            if id.is_empty() {
                id = format!("call_{}", self.calls);
            }
            id = seal::join(&id, signature);
        }
        let args = generation::arguments(call.args)?;
        sink(&Event::Open(Block::Call { id: &id, name: &call.name.0 }));
        sink(&Event::Delta(&args.to_string()));
        sink(&Event::Close);
        Ok(())
    }

    fn open(&mut self, of: Open, sink: &mut impl FnMut(&Event<'_>)) {
        if self.open != of {
            self.close(sink);
            self.open = of;
            sink(&Event::Open(if of == Open::Thinking { Block::Thinking } else { Block::Text }));
        }
    }

    fn close(&mut self, sink: &mut impl FnMut(&Event<'_>)) {
        if self.open != Open::Nothing {
            self.open = Open::Nothing;
            sink(&Event::Close);
        }
    }

    /// The body came to its end: it is whole where the model told why it stopped.
    pub fn end(&mut self, sink: &mut impl FnMut(&Event<'_>)) {
        if self.finished && !self.over {
            self.over = true;
            sink(&Event::End);
        }
    }
}
