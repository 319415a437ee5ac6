//! What a match asks of a request beside its host and path: method, header fields, query
//! parameters, the client's certificate. A field that comes more than once is matched by its first line, a query parameter
//! by its first value, percent-decoded with `+` for a space.

use super::query::{self, Decoded};
use super::{SourcePart, Subject};
use crate::base::pattern::Pattern;
use crate::limits::MATCHED_TEXT_BYTES_MAX;
use crate::net::tls::Identity;

/// One condition; all of a match must hold.
#[derive(Debug)]
pub(super) enum Predicate {
    Method(Box<[u8]>),
    /// A field by its lower-case name.
    Header(Box<[u8]>, Pattern),
    Pseudo(Pseudo, Pattern),
    /// A parameter by its decoded name.
    Query(Box<[u8]>, Pattern),
    Source(SourcePart, Pattern),
}

/// Parts of a request that may be asked for like a header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pseudo {
    Method,
    /// The path with its query.
    Path,
    Authority,
}

impl Pseudo {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            ":method" => Some(Self::Method),
            ":path" => Some(Self::Path),
            ":authority" => Some(Self::Authority),
            _ => None,
        }
    }
}

impl Predicate {
    #[inline]
    pub(super) fn holds<S: Subject>(&self, subject: &S) -> bool {
        match self {
            Self::Method(method) => subject.method() == &**method,
            Self::Header(name, pattern) => {
                subject.header(name).is_some_and(|value| pattern.matches(value))
            }
            Self::Pseudo(Pseudo::Method, pattern) => pattern.matches(subject.method()),
            Self::Pseudo(Pseudo::Authority, pattern) => pattern.matches(subject.authority()),
            Self::Pseudo(Pseudo::Path, pattern) => {
                target_matches(subject.path(), subject.query(), pattern)
            }
            Self::Query(name, pattern) => subject
                .query()
                .and_then(|query| query::value(query, name))
                .is_some_and(|value| value_matches(value, pattern)),
            Self::Source(part, pattern) => {
                subject.identity().is_some_and(|identity| source_matches(identity, *part, pattern))
            }
        }
    }
}

#[inline(never)]
fn source_matches(identity: &Identity, part: SourcePart, pattern: &Pattern) -> bool {
    let is = |text: &str| pattern.matches(text.as_bytes());
    match part {
        SourcePart::Identity => identity.spiffe_id().is_some_and(is),
        SourcePart::Subject => is(&identity.subject),
        SourcePart::SubjectCn => identity.common_name.as_deref().is_some_and(is),
        SourcePart::Issuer => is(&identity.issuer),
        SourcePart::SubjectAltName => identity.alternative_names().any(is),
    }
}

fn target_matches(path: &[u8], query: Option<&[u8]>, pattern: &Pattern) -> bool {
    match query {
        None => pattern.matches(path),
        Some(query) => joined_matches(
            path.iter().chain(b"?").chain(query).copied(),
            path.len() + 1 + query.len(),
            pattern,
        ),
    }
}

fn value_matches(encoded: &[u8], pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Exact(wanted) => query::equals(encoded, wanted),
        _ if query::is_plain(encoded) => pattern.matches(encoded),
        _ => joined_matches(Decoded(encoded), encoded.len(), pattern),
    }
}

/// Matches bytes that stand nowhere in one piece. Out of line, so that only who needs the room on
/// the stack pays for it.
#[inline(never)]
fn joined_matches(bytes: impl Iterator<Item = u8>, len_max: usize, pattern: &Pattern) -> bool {
    let mut text = [0; MATCHED_TEXT_BYTES_MAX];
    if len_max > text.len() {
        return false;
    }
    let mut len = 0;
    for byte in bytes {
        text[len] = byte;
        len += 1;
    }
    pattern.matches(&text[..len])
}
