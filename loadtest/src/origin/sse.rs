//! An upstream that streams events: so many, so often, of a set size.

use std::time::Duration;

use super::answer::{Answer, pattern};
use super::faults::Fault;
use super::http;
use super::request::Request;

#[derive(Clone, Debug)]
pub struct Sse {
    pub events: u64,
    pub interval: Duration,
    /// Of the data of one event.
    pub bytes: usize,
}

impl Default for Sse {
    fn default() -> Self {
        Self { events: 50, interval: Duration::from_millis(10), bytes: 64 }
    }
}

impl Sse {
    pub(super) fn answer(
        &self,
        _request: Request<'_>,
        fault: Option<Fault>,
        retry_after: u32,
    ) -> Answer {
        match fault {
            Some(Fault::Status(status)) => http::refusal(status, retry_after),
            Some(Fault::ErrorEvent(after)) => {
                let events = (after as u64).min(self.events);
                let last = b"event: error\ndata: {\"error\":\"as asked\"}\n\n";
                stream(events, self.interval, self.bytes, last)
            }
            _ => stream(self.events, self.interval, self.bytes, b"event: end\ndata: end\n\n"),
        }
    }
}

/// Events with their number, then `last`, which may be nothing.
pub(super) fn stream(events: u64, interval: Duration, bytes: usize, last: &[u8]) -> Answer {
    let padding: String = (0..bytes).map(|at| char::from(pattern(at))).collect();
    let at = |number: u64| Duration::from_secs_f64(interval.as_secs_f64() * number as f64);
    let event = |number: u64| format!("id: {number}\ndata: {number} {padding}\n\n").into_bytes();
    let pieces = (0..events).map(|number| (at(number), event(number)));
    let end = (!last.is_empty()).then(|| (at(events), last.to_vec()));
    Answer::stream(&EVENT_STREAM, pieces.chain(end))
}

pub(super) const EVENT_STREAM: [(&str, &str); 2] =
    [("content-type", "text/event-stream"), ("cache-control", "no-store")];
