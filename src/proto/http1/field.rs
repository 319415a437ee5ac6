//! Fields and their names: the names a gateway looks at are known by number. Owns no state.

use super::Span;

macro_rules! field_names {
    ($($variant:ident = $name:literal,)*) => {
        /// The name of a field, as far as anything here looks at it. The order has a meaning: see
        /// `is_hop_by_hop` and `is_noted`.
        #[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum FieldName { #[default] Other, $($variant,)* }

        const NAMES: &[&str] = &[$($name,)*];

        impl FieldName {
            /// Every variant, each at its own number.
            pub const ALL: &[Self] = &[Self::Other, $(Self::$variant,)*];
        }
    };
}

field_names! {
    // These say something about the message itself: `is_noted`. From `TransferEncoding` to
    // `Http2Settings` they concern one connection only: `is_hop_by_hop`.
    Host = "host",
    ContentLength = "content-length",
    Expect = "expect",
    TransferEncoding = "transfer-encoding",
    Connection = "connection",
    Upgrade = "upgrade",
    Te = "te",
    KeepAlive = "keep-alive",
    ProxyConnection = "proxy-connection",
    Http2Settings = "http2-settings",
    Accept = "accept",
    AcceptCharset = "accept-charset",
    AcceptEncoding = "accept-encoding",
    AcceptLanguage = "accept-language",
    AcceptRanges = "accept-ranges",
    Age = "age",
    Allow = "allow",
    Authorization = "authorization",
    CacheControl = "cache-control",
    ContentDisposition = "content-disposition",
    ContentEncoding = "content-encoding",
    ContentLanguage = "content-language",
    ContentLocation = "content-location",
    ContentRange = "content-range",
    ContentType = "content-type",
    Cookie = "cookie",
    Date = "date",
    EarlyData = "early-data",
    Etag = "etag",
    Expires = "expires",
    Forwarded = "forwarded",
    From = "from",
    GrpcMessage = "grpc-message",
    GrpcStatus = "grpc-status",
    GrpcTimeout = "grpc-timeout",
    IfMatch = "if-match",
    IfModifiedSince = "if-modified-since",
    IfNoneMatch = "if-none-match",
    IfRange = "if-range",
    IfUnmodifiedSince = "if-unmodified-since",
    LastModified = "last-modified",
    Link = "link",
    Location = "location",
    MaxForwards = "max-forwards",
    Origin = "origin",
    ProxyAuthenticate = "proxy-authenticate",
    ProxyAuthorization = "proxy-authorization",
    Range = "range",
    Referer = "referer",
    Refresh = "refresh",
    RetryAfter = "retry-after",
    Server = "server",
    SetCookie = "set-cookie",
    Traceparent = "traceparent",
    Tracestate = "tracestate",
    Trailer = "trailer",
    UserAgent = "user-agent",
    Vary = "vary",
    Via = "via",
    WwwAuthenticate = "www-authenticate",
    XApiKey = "x-api-key",
    XForwardedFor = "x-forwarded-for",
    XForwardedHost = "x-forwarded-host",
    XForwardedPort = "x-forwarded-port",
    XForwardedProto = "x-forwarded-proto",
    XRealIp = "x-real-ip",
    XRequestId = "x-request-id",
}

/// One field line of a head.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Field {
    pub name: Span,
    /// Without the white space around it.
    pub value: Span,
    pub id: FieldName,
    /// Must not be forwarded: it is hop-by-hop by its name, was listed by `Connection`, or has no
    /// meaning in this message (see `RequestHead::parse`, `ResponseHead::parse`). A gateway writes
    /// its own framing: `Transfer-Encoding` is always one of these, `Content-Length` was validated
    /// and may be copied.
    pub hop: bool,
}

impl FieldName {
    /// The name written in any case; `Other` when it is none of ours.
    pub fn parse(name: &[u8]) -> Self {
        let Some(slot) = slot(name) else { return Self::Other };
        let index = SLOTS[slot] as usize;
        let mut window = [0; NAME_WINDOW_BYTES];
        window[..name.len()].copy_from_slice(name);
        let pattern = &PATTERNS[index];
        let found = pattern.len == name.len() && pattern.matches(&window);
        if found { Self::ALL[index] } else { Self::Other }
    }

    /// The name of the line at the start of `line`, and how long it is: a known name with a colon
    /// behind it is recognised as words, without a look at its bytes one by one. `None` for every
    /// other line, bad ones among them.
    #[inline]
    pub(in crate::proto) fn recognise(line: &[u8]) -> Option<(Self, usize)> {
        let window = line.first_chunk::<NAME_WINDOW_BYTES>()?;
        let length = colon(window)?;
        let index = SLOTS[slot(&window[..length])?] as usize;
        let pattern = &PATTERNS[index];
        let found = pattern.len == length && pattern.matches(window);
        found.then(|| (Self::ALL[index], length))
    }

    /// In lower case; empty for `Other`.
    pub const fn as_str(self) -> &'static str {
        match (self as usize).checked_sub(1) {
            Some(index) => NAMES[index],
            None => "",
        }
    }

    /// Concerns one connection only, RFC 9110 section 7.6.1: removed whether `Connection` lists it
    /// or not.
    #[inline]
    pub const fn is_hop_by_hop(self) -> bool {
        self as u8 >= Self::TransferEncoding as u8 && self as u8 <= Self::Http2Settings as u8
    }

    /// Stays although `Connection` lists it. A sender that could have these removed would take its
    /// credentials, its address or the message's identity out of our sight (CVE-2022-31813).
    pub const fn is_protected(self) -> bool {
        matches!(
            self,
            Self::Host
                | Self::ContentLength
                | Self::Expect
                | Self::Authorization
                | Self::CacheControl
                | Self::ContentEncoding
                | Self::ContentRange
                | Self::ContentType
                | Self::Cookie
                | Self::Date
                | Self::EarlyData
                | Self::Forwarded
                | Self::Location
                | Self::MaxForwards
                | Self::Origin
                | Self::ProxyAuthorization
                | Self::SetCookie
                | Self::Traceparent
                | Self::Tracestate
                | Self::Via
                | Self::WwwAuthenticate
                | Self::XApiKey
                | Self::XForwardedFor
                | Self::XForwardedHost
                | Self::XForwardedPort
                | Self::XForwardedProto
                | Self::XRealIp
                | Self::XRequestId
        )
    }

    /// Has no place in a trailer section: framing, routing, authentication, request modifiers and
    /// how to read the content, RFC 9110 section 6.5.1.
    pub const fn is_forbidden_in_trailers(self) -> bool {
        self.is_hop_by_hop()
            || (self.is_protected() && !matches!(self, Self::Date))
            || matches!(
                self,
                Self::Age
                    | Self::Accept
                    | Self::AcceptEncoding
                    | Self::IfMatch
                    | Self::IfNoneMatch
                    | Self::ProxyAuthenticate
                    | Self::Range
                    | Self::RetryAfter
                    | Self::Trailer
                    | Self::Vary
            )
    }

    /// Says something about the message itself.
    #[inline]
    pub(super) const fn is_noted(self) -> bool {
        self as u8 >= Self::Host as u8 && self as u8 <= Self::Te as u8
    }
}

const WORDS: usize = 3;
/// Room for the longest of `NAMES` and its colon.
const NAME_WINDOW_BYTES: usize = 8 * WORDS;
const SLOT_BITS: u32 = 9;

type Window = [u8; NAME_WINDOW_BYTES];

/// One name as words. In the masks a letter lacks bit 5, its case; every other byte counts whole.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Pattern {
    words: [u64; WORDS],
    masks: [u64; WORDS],
    len: usize,
}

impl Pattern {
    #[inline]
    fn matches(&self, window: &Window) -> bool {
        let words = words(window);
        let differ = |index: usize| (words[index] ^ self.words[index]) & self.masks[index];
        differ(0) | differ(1) | differ(2) == 0
    }
}

#[inline]
fn words(window: &Window) -> [u64; WORDS] {
    let (words, _) = window.as_chunks::<8>();
    [words[0], words[1], words[2]].map(u64::from_le_bytes)
}

/// Where the first colon is.
#[inline]
fn colon(window: &Window) -> Option<usize> {
    const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const COLONS: u64 = u64::from_ne_bytes([b':'; 8]);
    let mut at = 0;
    for word in words(window) {
        // The lowest mark is exact: a borrow comes from a true one below.
        let zeros = word ^ COLONS;
        let marks = zeros.wrapping_sub(LOW) & !zeros & HIGH;
        if marks != 0 {
            return Some(at + (marks.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    None
}

/// Found by the compiler: the first multiplier under which no two names share a slot.
const MULTIPLIER: u64 = multiplier();
/// Slot to place in `FieldName::ALL`; 0 where no name is.
static SLOTS: [u8; 1 << SLOT_BITS] = match slots(MULTIPLIER) {
    Some(slots) => slots,
    None => panic!("the multiplier was chosen so that slots are found"),
};
static PATTERNS: [Pattern; NAMES.len() + 1] = patterns();

#[inline]
fn slot(name: &[u8]) -> Option<usize> {
    if name.len() < 2 || name.len() >= NAME_WINDOW_BYTES {
        return None;
    }
    Some(slot_under(name, MULTIPLIER))
}

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
    let mut index = 0;
    while index < NAMES.len() {
        let slot = slot_under(NAMES[index].as_bytes(), multiplier);
        if slots[slot] != 0 {
            return None;
        }
        slots[slot] = index as u8 + 1;
        index += 1;
    }
    Some(slots)
}

const fn patterns() -> [Pattern; NAMES.len() + 1] {
    let none = Pattern { words: [0; WORDS], masks: [0; WORDS], len: 0 };
    let mut patterns = [none; NAMES.len() + 1];
    let mut index = 0;
    while index < NAMES.len() {
        let name = NAMES[index].as_bytes();
        assert!(name.len() < NAME_WINDOW_BYTES);
        let mut at = 0;
        while at < name.len() {
            let shift = (at % 8 * 8) as u32;
            patterns[index + 1].words[at / 8] |= (name[at] as u64) << shift;
            let mask = if name[at].is_ascii_alphabetic() { 0xff & !0x20 } else { 0xff };
            patterns[index + 1].masks[at / 8] |= mask << shift;
            at += 1;
        }
        patterns[index + 1].len = name.len();
        index += 1;
    }
    patterns
}

#[cfg(test)]
mod tests;
