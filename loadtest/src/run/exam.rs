//! Looks at an answer while it passes: whether it is the right one, and, of a stream of events,
//! when they come. Bodies that nobody checks are only counted.

use std::time::Instant;

use super::core::{Core, Ticket};
use crate::outcome::{EventsTally, Fault, record};
use crate::plan::Check;
use crate::plan::check::BodyHash;
use crate::wire::events::Events;
use crate::wire::response::{Sink, field};

pub(super) struct Exam<'a> {
    check: &'a Check,
    fault: Option<Fault>,
    body_bytes: u64,
    hash: Option<BodyHash>,
    stream: Option<Box<Stream>>,
}

/// Of an answer that is a stream of events.
struct Stream {
    asked: Instant,
    events: Events,
    first: Option<Instant>,
    last: Instant,
    tokens: u64,
    gaps: Vec<std::time::Duration>,
}

impl<'a> Exam<'a> {
    /// `events` when the body is a stream of them, asked for by the ticket.
    pub(super) fn new(check: &'a Check, events: Option<&Ticket>) -> Self {
        let stream = events.map(|ticket| {
            Box::new(Stream {
                asked: ticket.intended,
                events: Events::default(),
                first: None,
                last: ticket.intended,
                tokens: 0,
                gaps: Vec::new(),
            })
        });
        let hash = check.reads_bodies().then(BodyHash::default);
        Self { check, fault: None, body_bytes: 0, hash, stream }
    }

    pub(super) fn status(&mut self, status: u16) {
        if !self.check.statuses.has(status) {
            self.fault = Some(Fault::Status(status));
        }
    }

    /// The value of the header that is checked, of an answer that has one.
    pub(super) fn header(&mut self, value: Option<&[u8]>) {
        if let Some(header) = &self.check.header
            && self.fault.is_none()
            && !value.is_some_and(|value| header.holds(value))
        {
            self.fault = Some(Fault::Header(header.name.clone()));
        }
    }

    pub(super) fn body_part(&mut self, part: &[u8]) {
        self.body_bytes += part.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.push(part);
        }
        if let Some(stream) = &mut self.stream {
            stream.push(part);
        }
    }

    /// The answer is complete. What is wrong with it, if anything is.
    pub(super) fn finish(self, core: &Core) -> Result<(), Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if self.check.body_bytes.is_some_and(|expected| expected != self.body_bytes) {
            return Err(Fault::BodyLength);
        }
        if let (Some(hash), Some(expected)) = (self.hash, &self.check.body_sha256)
            && !hash.is(expected)
        {
            return Err(Fault::BodyHash);
        }
        if let Some(stream) = self.stream {
            stream.finish(&mut core.book.borrow_mut().events);
        }
        Ok(())
    }
}

impl Sink for Exam<'_> {
    fn head(&mut self, status: u16, head: &[u8]) {
        self.status(status);
        if let Some(header) = &self.check.header {
            let value = field(head, &header.name);
            self.header(value);
        }
    }

    fn body(&mut self, part: &[u8]) {
        self.body_part(part);
    }
}

impl Stream {
    /// Events that come in one piece have no time between them: that is what a reader sees.
    fn push(&mut self, part: &[u8]) {
        let count = self.events.push(part);
        if count == 0 {
            return;
        }
        let now = Instant::now();
        if self.first.is_none() {
            self.first = Some(now);
        } else if self.gaps.len() < GAPS_MAX {
            self.gaps.push(now - self.last);
        }
        self.last = now;
        self.tokens += count;
    }

    fn finish(self, tally: &mut EventsTally) {
        let Some(first) = self.first else { return };
        let tokens = self.events.reported_tokens().unwrap_or(self.tokens);
        tally.tokens += tokens;
        record(&mut tally.first, first - self.asked);
        for gap in self.gaps {
            record(&mut tally.gap, gap);
        }
        let span = (self.last - first).as_secs_f64();
        if tokens > 1 && span > 0.0 {
            let milli_rate = (tokens - 1) as f64 / span * 1000.0;
            let _ = tally.milli_rate.record((milli_rate as u64).max(1));
        }
    }
}

/// Of one stream; more than any model says in one answer.
const GAPS_MAX: usize = 1 << 20;
