//! HTTP/1.1 messages, RFC 9112: the types its parts share.
//!
//! Strict: whatever two parsers may read differently is refused here, in responses as in requests.
//! Owns no state; heads and decoders belong to the connection that feeds them.

pub mod chunked;
pub mod encode;
pub mod error;
pub mod field;
pub mod framing;
pub mod head;
mod section;

use std::ops::Range;

pub use chunked::{Chunked, Output, Relayed};
pub use error::ParseError;
pub use field::{Field, FieldName};
pub use framing::BodyLength;
pub use head::{RequestHead, ResponseHead};

use crate::limits::{
    FIELDS_MAX, HEAD_BYTES_CEILING, HEAD_BYTES_MAX, READ_BUFFER_BYTES, TARGET_BYTES_MAX,
};

/// A range of a head's bytes, counted from the first byte that was given to `parse`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Span {
    pub start: u16,
    pub len: u16,
}

impl Span {
    /// `end` is within a head, and a head is within `HEAD_BYTES_CEILING`.
    #[inline]
    pub(crate) fn between(start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end <= HEAD_BYTES_CEILING, "a span lies inside its head");
        Self { start: start as u16, len: (end - start) as u16 }
    }

    #[inline]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.range()]
    }

    #[inline]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end()
    }

    #[inline]
    pub fn end(self) -> usize {
        self.start as usize + self.len as usize
    }

    #[inline]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Version {
    Http10,
    #[default]
    Http11,
}

impl Version {
    pub const fn is_1_1(self) -> bool {
        matches!(self, Self::Http11)
    }
}

/// A request method; `Other` is any further token, to be read from `RequestHead::method_name`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
    Other,
}

impl Method {
    /// Methods are case-sensitive, RFC 9110 section 9.1: `get` is not `GET`.
    #[inline]
    pub fn parse(name: &[u8]) -> Self {
        match name {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"CONNECT" => Self::Connect,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"PATCH" => Self::Patch,
            _ => Self::Other,
        }
    }

    /// RFC 9110 section 9.2.1.
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options | Self::Trace)
    }

    /// RFC 9110 section 9.2.2.
    pub const fn is_idempotent(self) -> bool {
        self.is_safe() || matches!(self, Self::Put | Self::Delete)
    }
}

/// The four forms of a request target, RFC 9112 section 3.2.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum TargetForm {
    #[default]
    Origin,
    Absolute,
    Authority,
    Asterisk,
}

/// The scheme of an absolute-form target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    Http,
    Https,
}

/// The bounds of one head. `head_bytes_max` counts up to `HEAD_BYTES_CEILING`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeadLimits {
    pub head_bytes_max: usize,
    pub fields_max: usize,
    pub target_bytes_max: usize,
}

impl HeadLimits {
    /// Bytes of a buffer for a head that has filled a smaller one: any head that is let through, and
    /// some of what comes behind it. No more: it is counted as what it is.
    pub fn room(&self, filled: usize) -> usize {
        (2 * READ_BUFFER_BYTES).max(self.head_bytes_max.max(filled) + READ_BUFFER_BYTES / 4)
    }
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            head_bytes_max: HEAD_BYTES_MAX,
            fields_max: FIELDS_MAX,
            target_bytes_max: TARGET_BYTES_MAX,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parsed {
    /// More bytes are needed.
    Partial,
    Complete,
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod timing_tests;
