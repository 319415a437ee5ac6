//! `Translation`: one answer of a provider on its way to a caller that speaks another dialect. A
//! whole answer is translated at once; a stream event by event, as it comes, and what it used is
//! read on the way.
//!
//! A stream that breaks off, or that is none of its dialect's, ends with an error in the caller's
//! own grammar: it never looks complete. What comes behind that error, or behind the end, is not
//! looked at.

mod array;
mod framing;

use array::Array;
use framing::Framing;

use super::answer::Form;
use super::translate::pair::{Reader, Writer};
use super::translate::{Block, Broken, Caller, Dialect, Event, Fault, Trouble};
use super::usage::Facts;
use crate::base::clock::Instant;

/// See the module.
#[derive(Debug)]
pub struct Translation {
    /// The provider's.
    theirs: Dialect,
    own: Dialect,
    caller: Caller,
    /// The caller asked for a stream, of this kind.
    streams: Option<Streams>,
    stream: Option<Stream>,
    /// Of the caller's, and not taken yet.
    out: Vec<u8>,
}

/// How a caller wants its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// As its dialect has it.
    Usual,
    /// Gemini's: one JSON array.
    Array,
}

#[derive(Debug)]
struct Stream {
    framing: Framing,
    reader: Reader,
    writer: Writer,
    array: Option<Array>,
    /// The caller knows how it ended.
    is_over: bool,
}

impl Translation {
    pub fn new(own: Dialect, theirs: Dialect, caller: Caller, streams: Option<Streams>) -> Self {
        Self { theirs, own, caller, streams, stream: None, out: Vec::new() }
    }

    /// The answer comes as a stream, as it should.
    pub fn is_stream(&self, form: Form) -> bool {
        self.streams.is_some() && matches!(form, Form::Events | Form::Frames)
    }

    /// Its head came, and its body is a stream.
    pub fn begin(&mut self, form: Form) {
        self.stream = Framing::of(form).map(|framing| Stream {
            framing,
            reader: Reader::of(self.theirs),
            writer: Writer::of(self.own),
            array: (self.streams == Some(Streams::Array)).then(Array::default),
            is_over: false,
        });
    }

    pub const fn is_begun(&self) -> bool {
        self.stream.is_some()
    }

    /// Takes what came of the stream, and writes what the caller gets of it.
    pub fn push(&mut self, bytes: &[u8], last: bool, told: &mut Told<'_>) {
        let Self { stream, out, caller, .. } = self;
        let Some(stream) = stream else { return };
        let mut pushed = Ok(());
        if !stream.is_over {
            pushed = stream.push(bytes, last, (caller, out), told);
        }
        match pushed {
            Err(Broken) => self.fail("the answer of the provider is not what its API has"),
            Ok(()) if last => self.fail(CUT),
            Ok(()) => (),
        }
        if last {
            self.close();
        }
    }

    /// The stream broke off. Whether there is something to tell of that.
    pub fn cut(&mut self) -> bool {
        self.fail(CUT);
        self.close();
        !self.out.is_empty()
    }

    /// Tells the caller that there was more to come, if it has not been told how it ended.
    fn fail(&mut self, why: &str) {
        let Some(stream) = self.stream.as_mut().filter(|stream| !stream.is_over) else { return };
        let fault =
            Fault { trouble: Trouble::Internal, message: why.to_owned(), code: None, param: None };
        stream.write(&Event::Fault(fault), (&self.caller, &mut self.out));
    }

    /// An array has an end, however the stream ended.
    fn close(&mut self) {
        let array = self.stream.as_mut().and_then(|stream| stream.array.take());
        if let Some(array) = array {
            array.end(&mut self.out);
        }
    }

    /// What the caller gets next.
    pub fn out(&self) -> &[u8] {
        &self.out
    }

    /// It was taken.
    pub fn taken(&mut self) {
        self.out.clear();
        // An event with a picture in it is not the usual one.
        self.out.shrink_to(OUT_BYTES_KEPT);
    }

    /// A whole answer, as the caller gets it.
    ///
    /// # Errors
    /// It is none.
    pub fn whole(&self, body: &[u8], facts: &mut Facts) -> Result<Vec<u8>, Broken> {
        if self.streams.is_some() {
            return Err(Broken);
        }
        let generation = self.theirs.read_generation(body)?;
        facts.tell(&generation.model, generation.usage);
        let mut out = Vec::with_capacity(body.len());
        self.own.write_generation(&generation, &self.caller, &mut out);
        Ok(out)
    }

    /// An error, as the caller gets it.
    pub fn fault(&self, status: u16, kind: Option<&str>, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.own.write_fault(&self.theirs.read_fault(status, kind, body), &mut out);
        out
    }

    /// Content-Type of what the caller gets of a stream.
    pub const fn stream_type(&self) -> &'static [u8] {
        match (self.own, self.streams) {
            (_, Some(Streams::Array)) => b"Content-Type: application/json\r\n",
            (Dialect::Converse, _) => b"Content-Type: application/vnd.amazon.eventstream\r\n",
            _ => b"Content-Type: text/event-stream\r\n",
        }
    }
}

impl Stream {
    fn push(
        &mut self,
        bytes: &[u8],
        last: bool,
        (caller, out): (&Caller, &mut Vec<u8>),
        told: &mut Told<'_>,
    ) -> Result<(), Broken> {
        let from = out.len();
        let Self { framing, reader, writer, is_over, .. } = self;
        let mut sink = |event: &Event<'_>| {
            if !*is_over {
                told.take(event);
                writer.write(event, caller, out);
                *is_over = matches!(event, Event::End | Event::Fault(_));
            }
        };
        let mut each = |name: &[u8], data: &[u8]| reader.read(name, data, &mut sink);
        let pushed = framing.push(bytes, &mut each);
        // Half an event at the end is no event, and the stream is cut.
        if last && pushed.is_ok() && framing.end(&mut each).is_ok() {
            reader.end(&mut sink);
        }
        if let Some(array) = &mut self.array {
            array.rewrite(out, from);
        }
        // What is wrong behind the end is nobody's loss.
        pushed.or(if self.is_over { Ok(()) } else { Err(Broken) })
    }

    fn write(&mut self, event: &Event<'_>, (caller, out): (&Caller, &mut Vec<u8>)) {
        let from = out.len();
        self.writer.write(event, caller, out);
        self.is_over = true;
        if let Some(array) = &mut self.array {
            array.rewrite(out, from);
        }
    }
}

/// Where it is put down what a stream tells.
pub struct Told<'a> {
    pub facts: &'a mut Facts,
    pub first_token: &'a mut Option<Instant>,
    pub now: Instant,
}

impl Told<'_> {
    fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { model, usage, .. } => self.facts.tell(model, *usage),
            Event::Usage(usage) => self.facts.tell("", *usage),
            Event::Delta(_) | Event::Open(Block::Sealed(_) | Block::Call { .. }) => {
                self.first_token.get_or_insert(self.now);
            }
            _ => (),
        }
    }
}

const CUT: &str = "the provider broke its answer off";
/// Of the room for events that were translated.
const OUT_BYTES_KEPT: usize = 16 * 1024;

#[cfg(test)]
mod tests;
