//! Names that are known beforehand: the static table, RFC 7541 appendix A, and how fields of a name
//! are compressed unless the caller knows better. Owns no state.

use super::Indexing::{self, Add, Never, Plain, Repeated, UnlessShort};
use crate::proto::http1::FieldName;

/// A name that has a place in the static table, or a rule, or both.
pub(super) struct Known {
    /// In lower case.
    pub name: &'static str,
    /// Its first index in the static table; 0: it is not there.
    pub index: u8,
    /// The static table has it with values.
    pub valued: bool,
    pub indexing: Indexing,
    pub hash: u64,
}

/// A pseudo-header field, RFC 9113 section 8.3.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PseudoName {
    Method,
    Scheme,
    Authority,
    Path,
    Protocol,
    Status,
}

/// A name that has been looked up.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    /// As it was given.
    pub written: &'a [u8],
    /// Which regular field it is, as far as we know it.
    pub id: FieldName,
    pub(super) known: Option<&'static Known>,
}

impl<'a> Name<'a> {
    /// The name in any case.
    #[inline]
    pub fn of(written: &'a [u8]) -> Self {
        let id = FieldName::parse(written);
        if id == FieldName::Other { Self::rare(written) } else { Self::with_id(written, id) }
    }

    /// The same when it is known which one it is.
    #[inline]
    pub(in crate::proto::http2) fn with_id(written: &'a [u8], id: FieldName) -> Self {
        debug_assert!(id != FieldName::Other, "only a known name has a number");
        Self { written, id, known: Some(&FIELDS[id as usize]) }
    }

    #[inline]
    pub(super) fn pseudo(pseudo: PseudoName) -> Self {
        let known = &PSEUDO[pseudo as usize];
        Self { written: known.name.as_bytes(), id: FieldName::Other, known: Some(known) }
    }

    /// None that HTTP/1.1 knows by number: one of the other names that are here, or of nobody's.
    #[cold]
    fn rare(written: &'a [u8]) -> Self {
        let mut rare = PSEUDO.iter().chain(&LONG);
        let known = rare.find(|known| known.name.as_bytes().eq_ignore_ascii_case(written));
        Self { written, id: FieldName::Other, known }
    }

    /// Whether it is this one, in any case.
    #[inline]
    pub fn is(self, lower: &[u8]) -> bool {
        self.written.eq_ignore_ascii_case(lower)
    }
}

/// The index of a whole field of the static table.
#[inline]
pub(super) fn static_field(known: &Known, value: &[u8]) -> Option<usize> {
    if !known.valued {
        return None;
    }
    let first = usize::from(known.index).checked_sub(1)?;
    // Those of one name stand together.
    let same = STATIC[first..].iter().take_while(|(name, _)| *name == known.name);
    let place = same.map(|(_, value)| value.as_bytes()).position(|found| found == value)?;
    (!value.is_empty()).then_some(first + place + 1)
}

pub(super) const STATIC_LEN: usize = 61;

pub(super) static STATIC: [(&str, &str); STATIC_LEN] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// Which regular field an entry of the static table is.
pub(super) static STATIC_IDS: [FieldName; STATIC_LEN] = static_ids();

/// By the number of the name; the first, which is none, is not used.
static FIELDS: [Known; FieldName::ALL.len()] = fields();

static PSEUDO: [Known; 6] = [
    known(":method", Add),
    known(":scheme", Add),
    known(":authority", Add),
    known(":path", Plain),
    known(":protocol", Add),
    known(":status", Add),
];

/// Too long for the words in which HTTP/1.1 looks names up.
static LONG: [Known; 2] =
    [known("strict-transport-security", Add), known("access-control-allow-origin", Add)];

/// Secrets never enter a table, neither ours nor that of a proxy behind us: RFC 7541 section 7.1.
/// What differs from message to message would only drive out what does not. A date is the same for
/// a second: it is worth its place where many are sent in one, which `Repeated` finds out.
const fn indexing(id: FieldName) -> Indexing {
    use FieldName as F;
    match id {
        F::Authorization | F::ProxyAuthorization | F::XApiKey => Never,
        F::Cookie | F::SetCookie => UnlessShort,
        F::ContentDisposition
        | F::ContentLength
        | F::Date
        | F::Expect
        | F::From
        | F::ProxyAuthenticate
        | F::Via
        | F::WwwAuthenticate
        | F::XForwardedFor
        | F::XForwardedPort
        | F::XRealIp => Repeated,
        F::Age
        | F::ContentLocation
        | F::ContentRange
        | F::Etag
        | F::Expires
        | F::GrpcMessage
        | F::GrpcTimeout
        | F::IfMatch
        | F::IfModifiedSince
        | F::IfNoneMatch
        | F::IfRange
        | F::IfUnmodifiedSince
        | F::LastModified
        | F::Link
        | F::Location
        | F::MaxForwards
        | F::Range
        | F::Referer
        | F::Refresh
        | F::RetryAfter
        | F::Traceparent
        | F::XRequestId => Plain,
        F::EarlyData | F::Forwarded | F::Origin | F::Tracestate | F::Trailer => Repeated,
        _ => Add,
    }
}

const fn known(name: &'static str, indexing: Indexing) -> Known {
    let index = first_index(name);
    let valued = index > 0 && {
        let place = index as usize - 1;
        !STATIC[place].1.is_empty() || (place + 1 < STATIC_LEN && same(STATIC[place + 1].0, name))
    };
    Known { name, index, valued, indexing, hash: hash(name.as_bytes()) }
}

const fn fields() -> [Known; FieldName::ALL.len()] {
    let mut fields = [const { known("", Plain) }; FieldName::ALL.len()];
    let mut number = 1;
    while number < fields.len() {
        let id = FieldName::ALL[number];
        fields[number] = known(id.as_str(), indexing(id));
        number += 1;
    }
    fields
}

const fn static_ids() -> [FieldName; STATIC_LEN] {
    let mut ids = [FieldName::Other; STATIC_LEN];
    let mut place = 0;
    while place < STATIC_LEN {
        let mut number = 1;
        while number < FieldName::ALL.len() {
            if same(FieldName::ALL[number].as_str(), STATIC[place].0) {
                ids[place] = FieldName::ALL[number];
            }
            number += 1;
        }
        place += 1;
    }
    ids
}

const fn first_index(name: &str) -> u8 {
    let mut place = 0;
    while place < STATIC_LEN {
        if same(STATIC[place].0, name) {
            return place as u8 + 1;
        }
        place += 1;
    }
    0
}

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// FNV-1a, by the compiler.
const fn hash(name: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < name.len() {
        hash = (hash ^ name[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests;
