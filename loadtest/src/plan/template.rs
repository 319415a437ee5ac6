//! Text with holes, compiled once: what is filled in differs from request to request. A text
//! without holes is a constant, and costs as little as one.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Refusal;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    /// The number of the request, over all threads, from 0.
    Seq,
    /// A whole number in this range, both ends included.
    Random(u64, u64),
    /// So many letters and digits.
    Letters(usize),
    Uuid,
    /// Milliseconds since the epoch.
    Time,
    /// One of these, in turn.
    Cycle(Vec<String>),
}

/// What fills the holes: a thread's own, so that two threads never make the same.
#[derive(Clone, Debug)]
pub struct Filler {
    seq: u64,
    step: u64,
    state: u64,
}

impl Template {
    pub fn constant(text: impl Into<Vec<u8>>) -> Self {
        let text = text.into();
        Self { parts: if text.is_empty() { Vec::new() } else { vec![Part::Text(text)] } }
    }

    /// One of these in turn, from request to request.
    pub fn cycle(texts: Vec<String>) -> Self {
        match <[String; 1]>::try_from(texts) {
            Ok([one]) => Self::constant(one),
            Err(many) => Self { parts: vec![Part::Cycle(many)] },
        }
    }

    /// # Errors
    /// Which hole has a name that nobody knows.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        Self::parse_bytes(text.as_bytes())
    }

    /// # Errors
    /// Which hole has a name that nobody knows.
    pub fn parse_bytes(text: &[u8]) -> Result<Self, Refusal> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = memchr::memmem::find(rest, b"{{") {
            // JSON may close two objects at once, so that only what has an end is a hole.
            let Some(length) = memchr::memmem::find(&rest[open..], b"}}") else { break };
            let name = String::from_utf8_lossy(&rest[open + 2..open + length]);
            push_text(&mut parts, &rest[..open]);
            parts.push(Part::parse(name.trim())?);
            rest = &rest[open + length + 2..];
        }
        push_text(&mut parts, rest);
        Ok(Self { parts })
    }

    /// What it always is, when it has no hole.
    pub fn as_constant(&self) -> Option<&[u8]> {
        match &self.parts[..] {
            [] => Some(b""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The text before, this one, and the text after it, as one.
    pub fn between(self, before: &str, after: &str) -> Self {
        let mut parts = Vec::new();
        push_text(&mut parts, before.as_bytes());
        for part in self.parts {
            match part {
                Part::Text(text) => push_text(&mut parts, &text),
                other => parts.push(other),
            }
        }
        push_text(&mut parts, after.as_bytes());
        Self { parts }
    }

    pub fn fill(&self, filler: &mut Filler, out: &mut Vec<u8>) {
        for part in &self.parts {
            part.fill(filler, out);
        }
    }
}

fn push_text(parts: &mut Vec<Part>, text: &[u8]) {
    match parts.last_mut() {
        _ if text.is_empty() => (),
        Some(Part::Text(last)) => last.extend_from_slice(text),
        _ => parts.push(Part::Text(text.to_vec())),
    }
}

impl Part {
    fn parse(name: &str) -> Result<Self, Refusal> {
        let refuse = || {
            let known = "seq, random, random:1-100, letters:16, uuid, time, cycle:a|b, env:NAME";
            Refusal(format!("{{{{{name}}}}} is nothing to fill in: use {known}"))
        };
        let (word, rest) = name.split_once(':').unwrap_or((name, ""));
        Ok(match (word, rest) {
            ("seq", "") => Self::Seq,
            ("random", "") => Self::Random(0, u64::MAX),
            ("random", range) => {
                let (from, to) = range.split_once('-').ok_or_else(refuse)?;
                let end = |text: &str| text.trim().parse::<u64>().map_err(|_| refuse());
                let (from, to) = (end(from)?, end(to)?);
                if from > to {
                    return Err(refuse());
                }
                Self::Random(from, to)
            }
            ("letters", count) => match count.parse() {
                Ok(count @ 1..=LETTERS_MAX) => Self::Letters(count),
                _ => return Err(refuse()),
            },
            ("uuid", "") => Self::Uuid,
            ("time", "") => Self::Time,
            ("cycle", list) if !list.is_empty() => {
                Self::Cycle(list.split('|').map(str::to_owned).collect())
            }
            ("env", name) => match std::env::var(name) {
                Ok(value) => Self::Text(value.into_bytes()),
                Err(_) => return Err(Refusal(format!("{{{{env:{name}}}}}: it is not set"))),
            },
            _ => return Err(refuse()),
        })
    }

    fn fill(&self, filler: &mut Filler, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => out.extend_from_slice(text),
            Self::Seq => push(out, format_args!("{}", filler.seq)),
            Self::Random(from, to) => push(out, format_args!("{}", filler.between(*from, *to))),
            Self::Letters(count) => out.extend((0..*count).map(|_| filler.letter())),
            Self::Uuid => filler.uuid(out),
            Self::Time => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                push(out, format_args!("{}", since.as_millis()));
            }
            Self::Cycle(list) => {
                let index = (filler.seq % list.len() as u64) as usize;
                out.extend_from_slice(list[index].as_bytes());
            }
        }
    }
}

fn push(out: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = text.write_fmt(what);
    out.extend_from_slice(text.as_bytes());
}

impl Filler {
    /// That of thread `index` out of `threads`.
    pub fn new(index: usize, threads: usize) -> Self {
        let seed = 0x9E37_79B9_7F4A_7C15u64.wrapping_mul(index as u64 + 1);
        Self { seq: index as u64, step: threads.max(1) as u64, state: seed | 1 }
    }

    /// To be called once a request, after it was filled.
    pub fn advance(&mut self) {
        self.seq += self.step;
    }

    /// xorshift64*, which is random enough to tell requests apart.
    pub fn random(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        let random = self.random();
        match (to - from).checked_add(1) {
            Some(span) => from + random % span,
            None => random,
        }
    }

    fn letter(&mut self) -> u8 {
        const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        LETTERS[self.between(0, 35) as usize]
    }

    /// Version 4, RFC 9562.
    fn uuid(&mut self, out: &mut Vec<u8>) {
        let (high, low) = (self.random(), self.random());
        let high = (high & !0xF000) | 0x4000;
        let low = (low >> 2) | (1 << 63);
        let (a, b, c) = (high >> 32, (high >> 16) & 0xFFFF, high & 0xFFFF);
        let (d, e) = (low >> 48, low & 0xFFFF_FFFF_FFFF);
        push(out, format_args!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}"));
    }
}

const LETTERS_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests;
