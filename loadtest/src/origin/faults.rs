//! What goes wrong, on purpose: by a list for the first requests, by chance, or because a request
//! asks for it (`X-Fault: reset`).

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use super::answer::{Answer, Step};
use super::pace::{self, Random};
use crate::plan::Refusal;

/// One way in which an answer goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error of this status, in the shape that the caller knows. 429 and 503 say Retry-After.
    Status(u16),
    /// Closed before a byte is sent.
    Close,
    /// Reset before a byte is sent.
    Reset,
    /// Closed in the middle: of an event, after this many; else of the body.
    Truncate(usize),
    /// Reset in the middle, in the same way.
    Cut(usize),
    /// Nothing is sent, and nothing is closed.
    Hang,
    /// Bytes that are no answer.
    Garbage,
    /// An error inside a stream, after this many events; in the shape of its dialect.
    ErrorEvent(usize),
    /// Streams of frames: one whose checksum is wrong, after this many.
    BadCrc(usize),
    /// A page for people where a program expects JSON, with status 200.
    Html,
}

/// When something goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// What happens to the first requests of the origin, in their order.
    pub first: Vec<Option<Fault>>,
    /// What happens by chance, each with its part of all requests.
    pub chances: Vec<(f64, Fault)>,
    pub retry_after_seconds: u32,
}

impl Default for Faults {
    fn default() -> Self {
        Self { first: Vec::new(), chances: Vec::new(), retry_after_seconds: 1 }
    }
}

impl Faults {
    /// Of the request with this number, counted from 0.
    pub(super) fn pick(&self, number: u64, random: &mut Random) -> Option<Fault> {
        let listed = usize::try_from(number).ok().and_then(|number| self.first.get(number));
        if let Some(listed) = listed {
            return *listed;
        }
        if self.chances.is_empty() {
            return None;
        }
        let mut drawn = random.unit();
        let hit = self.chances.iter().find(|(part, _)| {
            drawn -= part;
            drawn < 0.0
        });
        hit.map(|(_, fault)| *fault)
    }
}

impl Fault {
    /// Makes it of a good answer. What only the kind of the origin can do is not done here.
    pub(super) fn spoil(self, mut answer: Answer) -> Answer {
        match self {
            Self::Status(_) | Self::ErrorEvent(_) | Self::BadCrc(_) => return answer,
            Self::Close => answer.steps.clear(),
            Self::Reset => answer.steps = vec![Step::Reset],
            Self::Hang => answer.steps = vec![Step::Hang],
            Self::Truncate(events) => answer.cut_after(events),
            Self::Cut(events) => {
                answer.cut_after(events);
                answer.steps.push(Step::Reset);
            }
            Self::Garbage => answer.steps = vec![Step::Send(Bytes::from_static(GARBAGE))],
            Self::Html => return Answer::full(200, &[("content-type", "text/html")], HTML),
        }
        answer.keep = false;
        answer
    }
}

/// `503`, `close`, `reset`, `truncate`, `truncate=3`, `cut=3`, `hang`, `garbage`, `error=2`,
/// `bad-crc=1`, `html`.
impl FromStr for Fault {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let wrong = || Refusal(format!("{text:?} is no fault: {FAULTS}"));
        let text = text.trim();
        if let Ok(status) = text.parse::<u16>() {
            let error = (400..600).contains(&status);
            return if error { Ok(Self::Status(status)) } else { Err(wrong()) };
        }
        let (name, count) = text.split_once('=').map_or((text, None), |(n, c)| (n, Some(c)));
        let count = count.map(|count| count.parse::<usize>().map_err(|_| wrong())).transpose()?;
        let events = count.unwrap_or(1);
        Ok(match (name, count) {
            ("truncate", _) => Self::Truncate(events),
            ("cut", _) => Self::Cut(events),
            ("error", _) => Self::ErrorEvent(events),
            ("bad-crc", _) => Self::BadCrc(events),
            ("close", None) => Self::Close,
            ("reset", None) => Self::Reset,
            ("hang", None) => Self::Hang,
            ("garbage", None) => Self::Garbage,
            ("html", None) => Self::Html,
            _ => return Err(wrong()),
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Truncate(events) => write!(f, "truncate={events}"),
            Self::Cut(events) => write!(f, "cut={events}"),
            Self::ErrorEvent(events) => write!(f, "error={events}"),
            Self::BadCrc(events) => write!(f, "bad-crc={events}"),
            Self::Close => f.write_str("close"),
            Self::Reset => f.write_str("reset"),
            Self::Hang => f.write_str("hang"),
            Self::Garbage => f.write_str("garbage"),
            Self::Html => f.write_str("html"),
        }
    }
}

/// `ok`, or a fault: an item of the list for the first requests.
pub(super) fn listed(text: &str) -> Result<Option<Fault>, Refusal> {
    if text.trim() == "ok" { Ok(None) } else { text.parse().map(Some) }
}

/// `1%:reset`: a part of all requests, and what becomes of them.
pub(super) fn chance(text: &str) -> Result<(f64, Fault), Refusal> {
    let refuse = || Refusal(format!("{text:?} is no chance: write 1%:reset"));
    let (part, fault) = text.split_once(':').ok_or_else(refuse)?;
    Ok((pace::part(part)?, fault.parse()?))
}

const FAULTS: &str = "a status of 400 to 599, close, reset, hang, garbage, html, or truncate, cut, \
                      error, bad-crc with =EVENTS";
const GARBAGE: &[u8] = b"\x00\x01\x02 this is no answer \xff\xfe\r\n\r\n";
const HTML: &[u8] = b"<!doctype html><title>502 Bad Gateway</title><h1>Bad Gateway</h1>\n";

#[cfg(test)]
mod tests;
