//! `apiKey`, compiled: who asks is found out by the key that he shows. What a key is looked up by
//! is its SHA-256, so that nothing is compared letter by letter with a secret, and no secret is
//! kept.
//!
//! `Check` is the step; it says which key it was and where it stood, and whoever has the head in
//! his hands takes it out there. `ApiKey` is what is known of one, in a table of the snapshot;
//! expressions read it as `apiKey`. Refuses to know what a key may spend.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use aws_lc_rs::digest;
use serde_json::{Map, Value};

use super::attributes::Attributes;
use super::changes::Changes;
use super::verdict::{Refusal, Verdict};
use crate::base::id::KeyId;
use crate::limits::API_KEY_BYTES_MAX;
use crate::proto::http1::RequestHead;

/// What is known of a key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiKey {
    /// Empty where it has none.
    pub name: Box<str>,
    pub team: Option<Box<str>>,
    pub metadata: Map<String, Value>,
    /// None: all.
    pub models: Option<Patterns>,
    /// The first second since 1970 in which it is none any more.
    pub expires: Option<i64>,
}

/// Names with one `*` at the most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patterns(Box<[Pattern]>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    front: Box<[u8]>,
    /// Behind the `*`. None: there is none.
    back: Option<Box<[u8]>>,
}

/// By their SHA-256.
pub type Digests = HashMap<[u8; 32], KeyId>;

/// The step.
#[derive(Clone, Debug)]
pub struct Check {
    pub keys: Arc<Digests>,
    pub mode: Mode,
    /// In the order in which they are looked at.
    pub locations: Box<[Location]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Strict,
    Optional,
    Permissive,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In lower case, and what stands before the key; a scheme, in any case.
    Header {
        name: Box<[u8]>,
        prefix: Box<[u8]>,
    },
    Query(Box<[u8]>),
    Cookie(Box<[u8]>),
}

/// Where a key stands in a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// All of the field of this number.
    Field(usize),
    /// The cookie at these bytes, in the field of this number.
    Cookie(usize, Range<usize>),
    /// The parameter at these bytes.
    Query(Range<usize>),
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Missing,
    Unknown,
    Expired,
}

impl Location {
    /// agentgateway's.
    pub fn usual() -> Self {
        Self::Header { name: (*b"authorization").into(), prefix: (*b"Bearer ").into() }
    }

    /// Where the libraries of the providers put theirs: OpenAI, Anthropic, Azure, Google.
    pub fn of_models() -> [Self; 4] {
        let plain = |name: &[u8]| Self::Header { name: name.into(), prefix: Box::default() };
        [Self::usual(), plain(b"x-api-key"), plain(b"api-key"), plain(b"x-goog-api-key")]
    }

    /// The first that stands there, and all places of it.
    fn find<'a>(&self, head: &RequestHead, bytes: &'a [u8]) -> Option<(Place, &'a [u8])> {
        match self {
            Self::Header { name, prefix } => {
                head.fields.iter().enumerate().find_map(|(at, field)| {
                    let value = field.value.of(bytes);
                    let fits = field.name.of(bytes).eq_ignore_ascii_case(name);
                    let (front, key) = value.split_at_checked(prefix.len())?;
                    let shown = fits && front.eq_ignore_ascii_case(prefix);
                    shown.then_some((Place::Field(at), key))
                })
            }
            Self::Query(name) => {
                let query = head.query?;
                let range = parts(query.of(bytes), b'&').find_map(|range| {
                    value_of(&query.of(bytes)[range.clone()], name).map(|_| range)
                })?;
                let range = query.range().start + range.start..query.range().start + range.end;
                let key = value_of(&bytes[range.clone()], name)?;
                Some((Place::Query(range), key))
            }
            Self::Cookie(name) => head.fields.iter().enumerate().find_map(|(at, field)| {
                if !field.name.of(bytes).eq_ignore_ascii_case(b"cookie") {
                    return None;
                }
                let value = field.value;
                let range = parts(value.of(bytes), b';').find(|range| {
                    value_of(value.of(bytes)[range.clone()].trim_ascii(), name).is_some()
                })?;
                let range = value.range().start + range.start..value.range().start + range.end;
                let key = value_of(bytes[range.clone()].trim_ascii(), name)?;
                Some((Place::Cookie(at, range), key))
            }),
        }
    }
}

/// What stands between the separators.
fn parts(text: &[u8], separator: u8) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    text.split(move |byte| *byte == separator).map(move |part| {
        let range = from..from + part.len();
        from = range.end + 1;
        range
    })
}

/// Of `name=value`.
fn value_of<'a>(part: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    part.strip_prefix(name)?.strip_prefix(b"=")
}

impl Check {
    /// Tells the attributes who asks, and the changes where his key stands.
    pub fn run(&self, attributes: &Attributes<'_>, changes: &mut Changes) -> Verdict<'static> {
        let request = attributes.request();
        let mut fault = Fault::Missing;
        for location in &self.locations {
            let Some((_, shown)) = location.find(request.head, request.bytes) else { continue };
            match self.look_up(shown, location, attributes) {
                Ok(key) => {
                    attributes.identify(key);
                    self.note(shown, attributes, changes);
                    return Verdict::Continue;
                }
                Err(other) => fault = other,
            }
        }
        let refused = match self.mode {
            Mode::Strict => true,
            Mode::Optional => fault != Fault::Missing,
            Mode::Permissive => false,
        };
        if refused { Verdict::Refuse(Refusal::ApiKey(fault)) } else { Verdict::Continue }
    }

    fn look_up(
        &self,
        shown: &[u8],
        location: &Location,
        attributes: &Attributes<'_>,
    ) -> Result<KeyId, Fault> {
        if shown.len() > API_KEY_BYTES_MAX {
            return Err(Fault::Unknown);
        }
        let decoded = matches!(location, Location::Query(_)).then(|| decoded(shown)).flatten();
        let hash = digest::digest(&digest::SHA256, decoded.as_deref().unwrap_or(shown));
        let key = *self.keys.get(hash.as_ref()).ok_or(Fault::Unknown)?;
        let (known, now) = attributes.keys();
        let known = known.get(key.index()).ok_or(Fault::Unknown)?;
        match known.expires {
            Some(end) if now >= end => Err(Fault::Expired),
            _ => Ok(key),
        }
    }

    /// Wherever the same key stands: who is asked next must not see it, however often it was shown.
    fn note(&self, shown: &[u8], attributes: &Attributes<'_>, changes: &mut Changes) {
        let request = attributes.request();
        for location in &self.locations {
            if let Some((place, other)) = location.find(request.head, request.bytes)
                && other == shown
            {
                changes.key_stands(place);
            }
        }
    }
}

/// Without its percent signs. None: it has none.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b'%', text)?;
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = &after[2..];
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    Some(out)
}

impl ApiKey {
    /// Whether a model of that name may be asked.
    pub fn may_ask(&self, model: &[u8]) -> bool {
        self.models.as_ref().is_none_or(|models| models.fit(model))
    }
}

impl Patterns {
    pub fn compile<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(Pattern::compile).collect())
    }

    pub fn fit(&self, name: &[u8]) -> bool {
        self.0.iter().any(|pattern| pattern.fits(name))
    }

    /// Those that stand for one name.
    pub fn exact(&self) -> impl Iterator<Item = &str> {
        let exact = self.0.iter().filter(|pattern| pattern.back.is_none());
        exact.filter_map(|pattern| str::from_utf8(&pattern.front).ok())
    }
}

impl Pattern {
    pub fn compile(name: &str) -> Self {
        let (front, back) = match name.split_once('*') {
            Some((front, back)) => (front, Some(back.as_bytes().into())),
            None => (name, None),
        };
        Self { front: front.as_bytes().into(), back }
    }

    pub fn fits(&self, name: &[u8]) -> bool {
        match &self.back {
            None => name == &*self.front,
            Some(back) => {
                name.len() >= self.front.len() + back.len()
                    && name.starts_with(&self.front)
                    && name.ends_with(back)
            }
        }
    }
}

#[cfg(test)]
mod tests;
