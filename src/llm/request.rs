//! `Asked`: what a body asks for, found in one scan, and the edits that it takes. All else of the
//! body stays as it was written, to the byte.

use std::ops::Range;

use super::error::Error;
use super::model::Sent;
use crate::proto::json_scan::{self, Found, Kind, Path, Scan};

/// What is known of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Where its name stands, quotes included.
    pub model: Option<Range<usize>>,
    pub stream: bool,
    has_stream: bool,
    /// Behind the brace that opens the body.
    inside: usize,
    is_empty: bool,
    options: Option<Options>,
    usage: Option<(Kind, Range<usize>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Options {
    kind: Kind,
    at: Range<usize>,
}

/// What is written in the place of some bytes of a body.
#[derive(Debug, Default)]
pub struct Edits<'a> {
    /// In the order of the body.
    edits: [Option<(Range<usize>, Text<'a>)>; 2],
    /// The caller did not ask for usage: the event that tells it is not for him.
    pub hides_usage: bool,
}

#[derive(Clone, Copy, Debug)]
enum Text<'a> {
    Bytes(&'a [u8]),
    /// Put into quotes.
    Name(&'a [u8]),
}

impl Asked {
    /// Reads a body; `model` gets the name that it has.
    ///
    /// # Errors
    /// What is wrong with it. That it names no model is none.
    pub fn read(body: &[u8], model: &mut Vec<u8>) -> Result<Self, Error> {
        model.clear();
        if str::from_utf8(body).is_err() {
            return Err(Error::NotJson);
        }
        let mut asked = Self::default();
        let mut wrong = None;
        let mut scan = Scan::new(PATHS);
        let mut take = |found: &Found<'_>| {
            if let Err(error) = asked.take(found, model) {
                wrong = wrong.or(Some(error));
            }
        };
        let read = scan.push(body, &mut take).and_then(|()| scan.end(&mut take));
        match (read, wrong) {
            (Err(json_scan::Error::Malformed), _) => Err(Error::NotJson),
            (Err(json_scan::Error::TooDeep), _) => Err(Error::TooDeep),
            (Ok(()), Some(error)) => Err(error),
            (Ok(()), None) => Ok(asked),
        }
    }

    fn take(&mut self, found: &Found<'_>, model: &mut Vec<u8>) -> Result<(), Error> {
        let at = found.start..found.end;
        match (found.path, found.kind) {
            (ROOT, Kind::Object(is_empty)) => {
                (self.inside, self.is_empty) = (found.start + 1, is_empty);
            }
            (ROOT, _) => return Err(Error::NotAnObject),
            (MODEL, _) if self.model.is_some() => return Err(Error::Duplicate),
            (MODEL, Kind::Text) if !found.cut && !found.text.is_empty() => {
                model.extend_from_slice(found.text);
                self.model = Some(at);
            }
            (MODEL, _) => return Err(Error::BadModel),
            (STREAM, Kind::True | Kind::False | Kind::Null) => {
                self.stream = found.kind == Kind::True;
                return once(std::mem::replace(&mut self.has_stream, true));
            }
            (STREAM, _) => return Err(Error::BadStream),
            (OPTIONS, kind) => {
                return once(self.options.replace(Options { kind, at }).is_some());
            }
            (USAGE, kind) => return once(self.usage.replace((kind, at)).is_some()),
            _ => (),
        }
        Ok(())
    }

    /// The edits that make a provider's request of it. `streams_usage`: its API tells usage at the
    /// end of a stream only if that is asked for.
    pub fn edits<'a>(&self, sent: &'a Sent, name: &'a [u8], streams_usage: bool) -> Edits<'a> {
        let model = self.model.clone().and_then(|at| match sent {
            Sent::Same => None,
            Sent::Name(_, quoted) => Some((at, Text::Bytes(quoted))),
            Sent::Without(prefix) => {
                let rest = name.strip_prefix(&**prefix)?;
                Some((at, Text::Name(rest)))
            }
        });
        let options = (streams_usage && self.stream).then(|| self.usage_edit()).flatten();
        let hides_usage = options.is_some();
        let options = options.map(|(at, text)| (at, Text::Bytes(text)));
        let mut edits = [model, options];
        if let [Some((first, _)), Some((second, _))] = &edits
            && first.start > second.start
        {
            edits.swap(0, 1);
        }
        Edits { edits, hides_usage }
    }

    /// `None`: the caller asks for usage, or says something that the provider has to judge.
    fn usage_edit(&self) -> Option<(Range<usize>, &'static [u8])> {
        match (&self.options, &self.usage) {
            (None, _) if self.is_empty => None,
            (None, _) => Some((self.inside..self.inside, OPTIONS_FIRST)),
            (Some(Options { kind: Kind::Null, at }), _) => Some((at.clone(), OPTIONS_WHOLE)),
            (Some(_), Some((Kind::False | Kind::Null, at))) => Some((at.clone(), b"true")),
            (Some(Options { kind: Kind::Object(true), at }), None) => {
                Some((at.clone(), OPTIONS_WHOLE))
            }
            (Some(Options { kind: Kind::Object(false), at }), None) => {
                Some((at.start + 1..at.start + 1, USAGE_FIRST))
            }
            _ => None,
        }
    }
}

impl Edits<'_> {
    /// `body` with the edits.
    pub fn of(&self, body: &[u8]) -> Vec<u8> {
        let edits = self.edits.iter().flatten();
        let len = edits.fold(body.len(), |len, (at, text)| len - at.len() + text.len());
        let mut out = Vec::with_capacity(len);
        let mut from = 0;
        for (at, text) in self.edits.iter().flatten() {
            out.extend_from_slice(&body[from..at.start]);
            text.write(&mut out);
            from = at.end;
        }
        out.extend_from_slice(&body[from..]);
        out
    }

    /// Nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.edits.iter().all(Option::is_none)
    }
}

impl Text<'_> {
    fn len(self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Name(name) => name.iter().map(|byte| escaped(*byte).1).sum::<usize>() + 2,
        }
    }

    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Bytes(bytes) => out.extend_from_slice(bytes),
            Self::Name(name) => {
                out.push(b'"');
                for byte in name {
                    let (escaped, len) = escaped(*byte);
                    out.extend_from_slice(&escaped[..len]);
                }
                out.push(b'"');
            }
        }
    }
}

fn once(was_there: bool) -> Result<(), Error> {
    if was_there { Err(Error::Duplicate) } else { Ok(()) }
}

/// A byte of a text as JSON has it, RFC 8259 section 7.
fn escaped(byte: u8) -> ([u8; 6], usize) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' | b'\\' => ([b'\\', byte, 0, 0, 0, 0], 2),
        0..0x20 => {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            ([b'\\', b'u', b'0', b'0', high, low], 6)
        }
        _ => ([byte, 0, 0, 0, 0, 0], 1),
    }
}

const PATHS: &[Path] =
    &[&[], &["model"], &["stream"], &["stream_options"], &["stream_options", "include_usage"]];
const ROOT: usize = 0;
const MODEL: usize = 1;
const STREAM: usize = 2;
const OPTIONS: usize = 3;
const USAGE: usize = 4;
const OPTIONS_FIRST: &[u8] = b"\"stream_options\":{\"include_usage\":true},";
const OPTIONS_WHOLE: &[u8] = b"{\"include_usage\":true}";
const USAGE_FIRST: &[u8] = b"\"include_usage\":true,";

#[cfg(test)]
mod tests;
