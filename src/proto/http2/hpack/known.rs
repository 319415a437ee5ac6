//! Names that are known beforehand: the static table, RFC 7541 appendix A, and how fields of a name
//! are compressed unless the caller knows better. Owns no state.

use super::Indexing::{self, Add, Never, Plain, Repeated, UnlessShort};

/// A name that has a place in the static table, or a rule, or both.
pub(super) struct Known {
    /// In lower case.
    pub name: &'static str,
    /// Its first index in the static table; 0: it is not there.
    pub index: u8,
    pub indexing: Indexing,
    /// What it says about the message itself, where it does.
    pub says: Says,
    pub hash: u64,
}

/// What a head of HTTP/1.1 says in a field, as far as it is not copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Says {
    Nothing,
    Host,
    Length,
    Coding,
    Connection,
    Te,
    /// Hop-by-hop without a word for anybody else.
    Hop,
}

/// A name that has been looked up.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    pub(super) written: &'a [u8],
    pub(super) known: Option<&'static Known>,
}

impl<'a> Name<'a> {
    /// The name in any case.
    #[inline]
    pub fn of(written: &'a [u8]) -> Self {
        Self { written, known: known(written) }
    }

    /// Whether it is this one, in any case.
    #[inline]
    pub fn is(self, lower: &[u8]) -> bool {
        self.written.eq_ignore_ascii_case(lower)
    }

    #[inline]
    pub fn says(self) -> Says {
        self.known.map_or(Says::Nothing, |known| known.says)
    }
}

/// The name written in any case.
#[inline]
fn known(name: &[u8]) -> Option<&'static Known> {
    if name.len() < 2 {
        return None;
    }
    let place = SLOTS[slot_under(name, MULTIPLIER)].checked_sub(1)?;
    let known = &KNOWN[place as usize];
    let expected = known.name.as_bytes();
    (expected == name || expected.eq_ignore_ascii_case(name)).then_some(known)
}

/// The index of a whole field of the static table; `first` is that of its name.
#[inline]
pub(super) fn static_field(first: u8, value: &[u8]) -> Option<usize> {
    let first = usize::from(first).checked_sub(1)?;
    let name = STATIC[first].0;
    // Few names have a value at all; those that have several stand together.
    let mut place = first;
    while place < STATIC_LEN && STATIC[place].0.len() == name.len() && STATIC[place].0 == name {
        if STATIC[place].1.as_bytes() == value {
            return (!value.is_empty()).then_some(place + 1);
        }
        place += 1;
    }
    None
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

/// Secrets never enter a table, neither ours nor that of a proxy behind us: RFC 7541 section 7.1.
/// What differs from message to message would only drive out what does not.
static KNOWN: [Known; KNOWN_LEN] = [
    is(":authority", 1, Add),
    is(":method", 2, Add),
    is(":path", 4, Plain),
    is(":scheme", 6, Add),
    is(":status", 8, Add),
    is("accept-charset", 15, Add),
    is("accept-encoding", 16, Add),
    is("accept-language", 17, Add),
    is("accept-ranges", 18, Add),
    is("accept", 19, Add),
    is("access-control-allow-origin", 20, Add),
    is("age", 21, Plain),
    is("allow", 22, Add),
    is("authorization", 23, Never),
    is("cache-control", 24, Add),
    is("content-disposition", 25, Repeated),
    is("content-encoding", 26, Add),
    is("content-language", 27, Add),
    says("content-length", 28, Says::Length),
    is("content-location", 29, Plain),
    is("content-range", 30, Plain),
    is("content-type", 31, Add),
    is("cookie", 32, UnlessShort),
    is("date", 33, Plain),
    is("etag", 34, Plain),
    is("expect", 35, Repeated),
    is("expires", 36, Plain),
    is("from", 37, Repeated),
    says("host", 38, Says::Host),
    is("if-match", 39, Plain),
    is("if-modified-since", 40, Plain),
    is("if-none-match", 41, Plain),
    is("if-range", 42, Plain),
    is("if-unmodified-since", 43, Plain),
    is("last-modified", 44, Plain),
    is("link", 45, Plain),
    is("location", 46, Plain),
    is("max-forwards", 47, Plain),
    is("proxy-authenticate", 48, Repeated),
    is("proxy-authorization", 49, Never),
    is("range", 50, Plain),
    is("referer", 51, Plain),
    is("refresh", 52, Plain),
    is("retry-after", 53, Plain),
    is("server", 54, Add),
    is("set-cookie", 55, UnlessShort),
    is("strict-transport-security", 56, Add),
    says("transfer-encoding", 57, Says::Coding),
    is("user-agent", 58, Add),
    is("vary", 59, Add),
    is("via", 60, Repeated),
    is("www-authenticate", 61, Repeated),
    is(":protocol", 0, Add),
    is("x-request-id", 0, Plain),
    is("traceparent", 0, Plain),
    is("x-api-key", 0, Never),
    is("grpc-message", 0, Plain),
    is("grpc-timeout", 0, Plain),
    is("x-forwarded-for", 0, Repeated),
    is("grpc-status", 0, Add),
    says("te", 0, Says::Te),
    says("connection", 0, Says::Connection),
    says("keep-alive", 0, Says::Hop),
    says("proxy-connection", 0, Says::Hop),
    says("upgrade", 0, Says::Hop),
    says("http2-settings", 0, Says::Hop),
    is("x-forwarded-proto", 0, Add),
    is("x-forwarded-host", 0, Add),
];
const KNOWN_LEN: usize = 68;

const fn is(name: &'static str, index: u8, indexing: Indexing) -> Known {
    Known { name, index, indexing, says: Says::Nothing, hash: hash(name.as_bytes()) }
}

const fn says(name: &'static str, index: u8, says: Says) -> Known {
    // Of these only a length is different each time.
    let indexing = if matches!(says, Says::Length) { Plain } else { Add };
    Known { says, ..is(name, index, indexing) }
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

const SLOT_BITS: u32 = 9;
/// Found by the compiler: the first multiplier under which no two names share a slot.
const MULTIPLIER: u64 = multiplier();
/// One above the place in `KNOWN`; 0 where no name is.
static SLOTS: [u8; 1 << SLOT_BITS] = match slots(MULTIPLIER) {
    Some(slots) => slots,
    None => panic!("the multiplier was chosen so that slots are found"),
};

/// Four letters and the length tell our names apart.
#[inline]
const fn slot_under(name: &[u8], multiplier: u64) -> usize {
    let length = name.len();
    let letters =
        u32::from_le_bytes([name[0], name[length / 2], name[length - 2], name[length - 1]])
            | 0x2020_2020;
    let key = letters as u64 | (length as u64) << 32;
    (key.wrapping_mul(multiplier) >> (64 - SLOT_BITS)) as usize
}

const fn multiplier() -> u64 {
    let mut candidate: u64 = 0x9e37_79b9_7f4a_7c15;
    while slots(candidate).is_none() {
        candidate = candidate.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(2) | 1;
    }
    candidate
}

const fn slots(multiplier: u64) -> Option<[u8; 1 << SLOT_BITS]> {
    let mut slots = [0; 1 << SLOT_BITS];
    let mut place = 0;
    while place < KNOWN_LEN {
        let slot = slot_under(KNOWN[place].name.as_bytes(), multiplier);
        if slots[slot] != 0 {
            return None;
        }
        slots[slot] = place as u8 + 1;
        place += 1;
    }
    Some(slots)
}

#[cfg(test)]
mod tests;
