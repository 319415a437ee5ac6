//! How long is this message. RFC 9112 section 6, and nothing more lenient: a message has one
//! framing, told once, or it is refused. Owns no state beyond one head.

use super::{Method, ParseError, Version};
use crate::proto::scan;

/// How the end of a body is found.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum BodyLength {
    /// There is no body, or it is empty.
    #[default]
    None,
    /// More than zero bytes.
    Fixed(u64),
    Chunked,
    /// A response without a length: only the end of the connection ends it.
    UntilClose,
}

/// What the `Content-Length` and `Transfer-Encoding` fields of one head said.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Framing {
    length: Option<u64>,
    chunked: bool,
}

impl Framing {
    /// Takes a `Content-Length` value. A second one is refused even when it is equal: who sends
    /// two has been written to twice, and the next parser may take the other.
    pub fn content_length(&mut self, value: &[u8]) -> Result<(), ParseError> {
        if self.length.is_some() {
            return Err(ParseError::TwoLengths);
        }
        self.length = Some(decimal(value)?);
        Ok(())
    }

    /// Takes a `Transfer-Encoding` value. The fields of a head together must be the one word
    /// `chunked`: a list can end in it and still be read differently by somebody.
    pub fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), ParseError> {
        if self.chunked {
            return Err(ParseError::BadTransferEncoding);
        }
        if value.eq_ignore_ascii_case(b"chunked") {
            self.chunked = true;
            return Ok(());
        }
        Err(coding_error(value))
    }

    /// The length a request's body has, RFC 9112 section 6.3 rules 3 to 7.
    pub fn of_request(self, version: Version) -> Result<BodyLength, ParseError> {
        self.check(version)?;
        Ok(if self.chunked { BodyLength::Chunked } else { fixed(self.length.unwrap_or(0)) })
    }

    /// The length a response's body has; `check` has passed. RFC 9112 section 6.3: what the
    /// request was and what the status is come before any field.
    pub fn of_response(self, status: u16, request: Method) -> BodyLength {
        let bodiless = request == Method::Head || matches!(status, 100..200 | 204 | 304);
        let tunnel = request == Method::Connect && matches!(status, 200..300);
        match self.length {
            _ if bodiless || tunnel => BodyLength::None,
            _ if self.chunked => BodyLength::Chunked,
            Some(length) => fixed(length),
            None => BodyLength::UntilClose,
        }
    }

    /// Whether the fields of a head go together. HTTP/1.0 knows no transfer codings, and whoever
    /// forwards one has not understood the message, RFC 9112 section 6.1.
    pub fn check(self, version: Version) -> Result<(), ParseError> {
        match self {
            Self { chunked: true, length: Some(_) } => Err(ParseError::LengthAndChunked),
            Self { chunked: true, .. } if version == Version::Http10 => {
                Err(ParseError::ChunkedOn10)
            }
            _ => Ok(()),
        }
    }

    /// What `Content-Length` said: of a HEAD or 304 response, the length the body would have had.
    pub const fn declared_length(self) -> Option<u64> {
        self.length
    }
}

fn fixed(length: u64) -> BodyLength {
    if length == 0 { BodyLength::None } else { BodyLength::Fixed(length) }
}

/// `1*DIGIT` up to 2^63 - 1: no sign, no list, nothing empty (CVE-2023-40225), and no number that a
/// signed counter would take for a negative one.
fn decimal(digits: &[u8]) -> Result<u64, ParseError> {
    if digits.is_empty() {
        return Err(ParseError::BadContentLength);
    }
    let mut value: u64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return Err(ParseError::BadContentLength);
        }
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(u64::from(digit - b'0')))
            .filter(|&value| value <= i64::MAX as u64)
            .ok_or(ParseError::BadContentLength)?;
    }
    Ok(value)
}

/// 501 when every coding of the list is a clean word and `chunked`, if there, stands last and once:
/// then the message is right and we are the ones who lack something.
#[cold]
fn coding_error(value: &[u8]) -> ParseError {
    let mut codings = value.split(|&byte| byte == b',').map(scan::trim).peekable();
    while let Some(coding) = codings.next() {
        let chunked = coding.eq_ignore_ascii_case(b"chunked");
        if !scan::is_token(coding) || (chunked && codings.peek().is_some()) {
            return ParseError::BadTransferEncoding;
        }
    }
    ParseError::UnknownTransferCoding
}

#[cfg(test)]
mod tests;
