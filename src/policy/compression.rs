//! Which responses are coded, and how: by the type of the body, its length, and what the client
//! takes. Immutable; the coding itself is `http::coded`.
//!
//! Refuses whatever a coding would break: a part of a body, a body that is coded already, one that
//! nobody may transform, one whose digest is told, and one with trailers.

use crate::proto::coding::{Coding, quality};
use crate::proto::header;
use crate::proto::http1::{BodyLength, Field, FieldName, Method, RequestHead, ResponseHead};
use crate::proto::scan;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compression {
    /// In the order of preference, each with its level.
    pub codings: Vec<(Coding, u8)>,
    pub bytes_min: u64,
    pub types: Vec<MediaRange>,
}

/// Which media types: in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaRange {
    Exact(Box<[u8]>),
    /// `text/`
    Under(Box<[u8]>),
    /// `+json`
    EndingIn(Box<[u8]>),
}

/// A response as a policy sees it, with the request that it answers.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    pub request: &'a RequestHead,
    pub request_bytes: &'a [u8],
    pub response: &'a ResponseHead,
    pub response_bytes: &'a [u8],
}

/// What becomes of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Treatment {
    /// It would have been another one for another client.
    pub varies: bool,
    /// Its entity tag stands for bodies of several codings.
    pub weakened: bool,
    pub coding: Option<(Coding, u8)>,
}

impl Compression {
    pub fn treat(&self, answer: Answer<'_>) -> Treatment {
        let response = answer.response;
        if response.status == 304 {
            // The body that the client has may have been coded: RFC 9110 section 15.4.5.
            return Treatment { varies: true, weakened: true, coding: None };
        }
        if !self.may_code(answer) {
            return Treatment::default();
        }
        let coding = answer.request.version.is_1_1().then(|| self.choose(answer)).flatten();
        Treatment { varies: true, weakened: coding.is_some(), coding }
    }

    /// Whether there is a body that some client would get coded.
    fn may_code(&self, answer: Answer<'_>) -> bool {
        let Answer { response, response_bytes: bytes, .. } = answer;
        let says = |id| response.field(id).is_some();
        let length = match answer.request.method {
            // As to a GET, RFC 9110 section 9.3.2.
            Method::Head => response.body_length(Method::Get),
            method => response.body_length(method),
        };
        let long = match length {
            BodyLength::None => false,
            BodyLength::Fixed(bytes) => bytes >= self.bytes_min.max(1),
            BodyLength::Chunked | BodyLength::UntilClose => true,
        };
        long && response.status != 206
            && self.takes_type(response.value(bytes, FieldName::ContentType).unwrap_or_default())
            && !says(FieldName::ContentEncoding)
            && !says(FieldName::ContentRange)
            && !says(FieldName::Trailer)
            && !DIGESTS.iter().any(|name| response.find(bytes, name).is_some())
            && !forbids(response.values(bytes, FieldName::CacheControl))
            && !forbids(answer.request.values(answer.request_bytes, FieldName::CacheControl))
    }

    fn takes_type(&self, value: &[u8]) -> bool {
        let name = value.split(|byte| *byte == b';').next().unwrap_or_default();
        let name = scan::trim(name);
        self.types.iter().any(|range| range.has(name))
    }

    /// What the client wants most, and of several the first. A client that wants a body as it is
    /// more than it wants any coding gets it so.
    fn choose(&self, answer: Answer<'_>) -> Option<(Coding, u8)> {
        let values = || answer.request.values(answer.request_bytes, FieldName::AcceptEncoding);
        values().next()?;
        let any = quality(values(), b"*");
        let wanted = |coding: Coding| {
            let named = quality(values(), coding.name().as_bytes());
            let old = || quality(values(), b"x-gzip").filter(|_| coding == Coding::Gzip);
            named.or_else(old).or(any).unwrap_or(0)
        };
        // Not named, it is taken, and less gladly than anything that is.
        let plain = quality(values(), b"identity").unwrap_or(0);
        let mut best = None;
        for (coding, level) in &self.codings {
            let quality = wanted(*coding);
            let better = best.is_none_or(|(most, _)| quality > most);
            if quality > 0 && quality >= plain && better {
                best = Some((quality, (*coding, *level)));
            }
        }
        best.map(|(_, coding)| coding)
    }
}

impl Treatment {
    /// Whether this field of the response's head is not true of the body that goes on.
    pub fn replaces(self, field: &Field, bytes: &[u8]) -> bool {
        if !self.weakened {
            return false;
        }
        let coded = self.coding.is_some();
        match field.id {
            FieldName::Etag => !field.value.of(bytes).starts_with(b"W/"),
            FieldName::ContentLength => coded,
            // Ranges would be of the body as it is, and the client has another.
            _ => coded && field.name.of(bytes).eq_ignore_ascii_case(b"accept-ranges"),
        }
    }
}

impl MediaRange {
    fn has(&self, name: &[u8]) -> bool {
        let starts = |with: &[u8]| {
            name.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
        };
        let ends = |with: &[u8]| {
            let start = name.len().checked_sub(with.len());
            start.is_some_and(|start| name[start..].eq_ignore_ascii_case(with))
        };
        match self {
            Self::Exact(exact) => name.eq_ignore_ascii_case(exact),
            Self::Under(kind) => starts(kind),
            Self::EndingIn(suffix) => ends(suffix),
        }
    }
}

/// RFC 9111 sections 5.2.1.6 and 5.2.2.6: whoever is in between leaves the content as it is.
fn forbids<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> bool {
    values.any(|value| header::lists(value, b"no-transform"))
}

/// Of the content or of the representation, coding included: RFC 9530, RFC 3230 and RFC 1864.
const DIGESTS: [&[u8]; 4] = [b"content-digest", b"repr-digest", b"digest", b"content-md5"];

#[cfg(test)]
mod tests;
