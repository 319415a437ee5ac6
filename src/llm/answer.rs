//! `Answer`: an answer of a provider as it passes through. Whole or as a stream of events, it is
//! scanned as it comes, in pieces of any size; nothing of it is kept but what it tells of itself.
//!
//! Where usage was asked for in the caller's stead, the event that tells it is left out. An event
//! that is not complete is held back then until it is known which one it is, and no longer than
//! `EVENT_HELD_BYTES_MAX`: what is larger is not it.

mod likeness;

use std::ops::Range;

use self::likeness::Likeness;
use super::realtime::Realtime;
use super::translate::Dialect;
use super::translation::{Told, Translation};
use super::usage::Facts;
use crate::base::buffer::Buffer;
use crate::base::clock::Instant;
use crate::http::watched::Watch;
use crate::limits::EVENT_HELD_BYTES_MAX;
use crate::proto::aws_event_stream::Decoder;
use crate::proto::event_stream::{Piece, Splitter};
use crate::proto::json_scan::Scan;

pub struct Answer {
    /// What the provider speaks; none where we do not know.
    pub dialect: Option<Dialect>,
    /// For a caller that speaks another one.
    pub translation: Option<Box<Translation>>,
    /// The connection is a WebSocket.
    realtime: Option<Box<Realtime>>,
    /// Of the head, in the place of those that speak of another body.
    pub lines: Vec<u8>,
    form: Form,
    scan: Scan,
    /// Data of the event is under way; it may be none that we read.
    reading: Reading,
    likeness: Likeness,
    splitter: Splitter,
    frames: Decoder,
    pub facts: Facts,
    /// When the first event came that carries something of the answer.
    pub first_token: Option<Instant>,
    hides_usage: bool,
    /// Nothing goes on before the first token.
    holds: bool,
    /// Of an event that may be left out.
    held: Vec<u8>,
    /// So much of it goes on after all.
    released: usize,
    /// The event under way goes on: some of it is gone already.
    passes: bool,
    /// Its begin, for the log, and how much of it that has.
    kept: Vec<u8>,
    kept_bytes_max: usize,
}

/// What a body is, by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Events,
    /// AWS's event stream.
    Frames,
    /// What we do not look into.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Nothing,
    Data,
    /// All of it is known: it is like the last one.
    Known,
    /// It is no JSON.
    Broken,
}

impl Form {
    /// By the value of Content-Type.
    pub fn of(kind: Option<&[u8]>) -> Self {
        let Some(kind) = kind else { return Self::Other };
        let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let ends = |end: &[u8]| {
            kind.len() >= end.len() && kind[kind.len() - end.len()..].eq_ignore_ascii_case(end)
        };
        match () {
            () if kind.eq_ignore_ascii_case(b"text/event-stream") => Self::Events,
            () if kind.eq_ignore_ascii_case(b"application/vnd.amazon.eventstream") => Self::Frames,
            () if ends(b"/json") || ends(b"+json") => Self::Json,
            () => Self::Other,
        }
    }
}

impl Answer {
    /// `dialect` is what the provider speaks.
    pub fn new(hides_usage: bool, dialect: Option<Dialect>) -> Self {
        let facts = Facts::of(dialect);
        Self {
            dialect,
            translation: None,
            realtime: None,
            lines: Vec::new(),
            form: Form::Other,
            scan: Scan::new(facts.paths()),
            reading: Reading::Nothing,
            likeness: Likeness::default(),
            splitter: Splitter::default(),
            frames: Decoder::default(),
            facts,
            first_token: None,
            hides_usage,
            holds: false,
            held: Vec::new(),
            released: 0,
            passes: false,
            kept: Vec::new(),
            kept_bytes_max: 0,
        }
    }

    /// A stream that ends before its first token is none: somebody else may have a better one.
    pub fn hold(&mut self) {
        self.holds = true;
    }

    /// Its head came.
    pub fn begin(&mut self, form: Form) {
        self.form = form;
        self.holds &= matches!(form, Form::Events | Form::Frames);
        self.hides_usage &= form == Form::Events;
        if let Some(translation) = &mut self.translation {
            translation.begin(form);
        }
    }

    /// It is no answer, but a WebSocket: sees what came of it.
    pub fn see_realtime(&mut self, bytes: &[u8], now: Instant) {
        let Self { realtime, facts, first_token, .. } = self;
        realtime.get_or_insert_default().see(bytes, facts, first_token, now);
    }

    /// Keeps so many bytes of it.
    pub fn keep(&mut self, bytes: usize) {
        self.kept_bytes_max = bytes;
    }

    pub fn kept(&self) -> &[u8] {
        &self.kept
    }

    pub fn form(&self) -> Form {
        self.form
    }

    /// It comes piece by piece, with a wait before each.
    pub fn is_stream(&self) -> bool {
        matches!(self.form, Form::Events | Form::Frames)
    }

    /// Its length is not what the provider says.
    pub fn has_other_length(&self) -> bool {
        self.hides_usage || self.stream().is_some()
    }

    /// Of a stream that is translated.
    fn stream(&self) -> Option<&Translation> {
        self.translation.as_deref().filter(|translation| translation.is_begun())
    }

    fn json(&mut self, bytes: &[u8]) {
        if self.reading == Reading::Broken {
            return;
        }
        let Self { scan, facts, reading, .. } = self;
        if scan.push(bytes, &mut |found| facts.take(found)).is_err() {
            *reading = Reading::Broken;
        }
    }

    /// Looks at frames. What is none of them is the caller's to judge.
    fn frames(&mut self, mut bytes: &[u8], now: Instant) {
        let Self { frames, scan, facts, reading, first_token, .. } = self;
        while *reading != Reading::Broken {
            let frame = match frames.next(&mut bytes) {
                Ok(Some(frame)) => frame,
                Ok(None) => return,
                Err(_) => {
                    *reading = Reading::Broken;
                    return;
                }
            };
            scan.reset();
            // A payload that is no JSON tells nothing.
            let _ = scan.push(frame.data, &mut |found| facts.take(found));
            if std::mem::take(&mut facts.event).has_token {
                first_token.get_or_insert(now);
            }
        }
    }

    /// Looks at pieces of events, and moves those that go on to the front. Returns how many bytes
    /// that is.
    fn events(&mut self, bytes: &mut [u8], last: bool, now: Instant) -> usize {
        let (mut at, mut begun, mut kept) = (0, 0, 0);
        // Where the data of the event is, as long as that is one piece.
        let mut whole = None;
        while at < bytes.len() {
            let (piece, count) = self.splitter.next(&bytes[at..]);
            at += count;
            match piece {
                Piece::Data(data) => {
                    whole = (self.reading == Reading::Nothing).then_some(at - count..at);
                    self.data(data);
                }
                Piece::Line => {
                    whole = None;
                    self.data(b"\n");
                }
                Piece::Other => (),
                Piece::End => {
                    self.learn(whole.take().map(|data| &bytes[data]));
                    let event = std::mem::replace(&mut begun, at)..at;
                    kept = self.end_of_event(bytes, kept, event, now);
                }
            }
        }
        let left = bytes.len() - begun;
        if last || !self.hides_usage || self.goes_on(left) {
            self.passes = left > 0;
            self.released = self.held.len();
            return keep(bytes, kept, begun..bytes.len());
        }
        self.held.extend_from_slice(&bytes[begun..]);
        kept
    }

    /// Whether the event under way, of which so many more bytes are there, is one that goes on.
    fn goes_on(&self, left: usize) -> bool {
        let event = &self.facts.event;
        let held = self.held.len() - self.released;
        self.passes || event.is_needed || event.has_token || held + left > EVENT_HELD_BYTES_MAX
    }

    fn data(&mut self, data: &[u8]) {
        match self.reading {
            Reading::Nothing => {
                if let Some(event) = self.likeness.find(data) {
                    self.facts.event = event;
                    self.reading = Reading::Known;
                    return;
                }
                self.reading = Reading::Data;
                self.scan.reset();
            }
            // Behind a whole object: no JSON, but for white space.
            Reading::Known => {
                self.reading = Reading::Broken;
                return;
            }
            Reading::Data | Reading::Broken => (),
        }
        self.json(data);
    }

    /// An event is over, whose data this is if it came in one piece: the next may be like it.
    fn learn(&mut self, data: Option<&[u8]>) {
        match (self.reading, data) {
            (Reading::Known | Reading::Nothing, _) => (),
            (Reading::Data, Some(data)) => self.likeness.learn(data, self.facts.event),
            _ => self.likeness.forget(),
        }
    }

    /// Moves an event that is complete to what goes on, and with it what was held back of it;
    /// unless it is the one to be left out.
    fn end_of_event(
        &mut self,
        bytes: &mut [u8],
        kept: usize,
        at: Range<usize>,
        now: Instant,
    ) -> usize {
        self.reading = Reading::Nothing;
        let event = std::mem::take(&mut self.facts.event);
        if event.has_token && self.first_token.is_none() {
            self.first_token = Some(now);
        }
        let passes = std::mem::take(&mut self.passes);
        if self.hides_usage && event.is_usage_alone() && !passes {
            self.held.truncate(self.released);
            return kept;
        }
        self.released = self.held.len();
        keep(bytes, kept, at)
    }
}

impl Watch for Answer {
    fn see(&mut self, bytes: &mut [u8], last: bool, now: Instant) -> usize {
        if self.kept.len() < self.kept_bytes_max {
            let room = self.kept_bytes_max - self.kept.len();
            self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        let Self { translation, facts, first_token, .. } = self;
        if let Some(translation) = translation.as_mut().filter(|one| one.is_begun()) {
            translation.push(bytes, last, &mut Told { facts, first_token, now });
            return 0;
        }
        match self.form {
            Form::Events => return self.events(bytes, last, now),
            Form::Json => {
                self.json(bytes);
                if self.facts.event.is_item {
                    self.first_token.get_or_insert(now);
                }
            }
            Form::Frames => self.frames(bytes, now),
            Form::Other => (),
        }
        bytes.len()
    }

    fn cut(&mut self) -> bool {
        self.translation.as_mut().is_some_and(|translation| translation.cut())
    }

    fn holds(&self) -> bool {
        self.holds && self.first_token.is_none()
    }

    fn put_released(&mut self, out: &mut Buffer) {
        if let Some(translation) = self.translation.as_mut().filter(|one| one.is_begun()) {
            out.put(translation.out());
            translation.taken();
            return;
        }
        if self.released > 0 {
            out.put(&self.held[..self.released]);
            self.held.drain(..self.released);
            self.released = 0;
        }
    }
}

/// Moves bytes to the others that are kept.
fn keep(bytes: &mut [u8], kept: usize, range: Range<usize>) -> usize {
    let len = range.len();
    if range.start != kept {
        bytes.copy_within(range, kept);
    }
    kept + len
}

#[cfg(test)]
mod tests;
