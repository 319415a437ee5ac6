//! Heads into bytes: what a gateway writes itself is written by the functions here, what it
//! forwards is copied in as few pieces as it can be. Owns no state.

use super::{Field, Span};
use crate::base::buffer::Buffer;
use crate::proto::scan;

macro_rules! reasons {
    ($($status:literal $reason:literal,)*) => {
        /// The registered reason phrase of a status, or nothing.
        pub const fn reason(status: u16) -> &'static str {
            match status { $($status => $reason,)* _ => "" }
        }

        /// The whole line of a registered status.
        const fn known_line(status: u16) -> Option<&'static str> {
            match status {
                $($status => Some(concat!("HTTP/1.1 ", $status, " ", $reason, "\r\n")),)*
                _ => None,
            }
        }
    };
}

reasons! {
    100 "Continue",
    101 "Switching Protocols",
    102 "Processing",
    103 "Early Hints",
    200 "OK",
    201 "Created",
    202 "Accepted",
    203 "Non-Authoritative Information",
    204 "No Content",
    205 "Reset Content",
    206 "Partial Content",
    207 "Multi-Status",
    208 "Already Reported",
    226 "IM Used",
    300 "Multiple Choices",
    301 "Moved Permanently",
    302 "Found",
    303 "See Other",
    304 "Not Modified",
    305 "Use Proxy",
    307 "Temporary Redirect",
    308 "Permanent Redirect",
    400 "Bad Request",
    401 "Unauthorized",
    402 "Payment Required",
    403 "Forbidden",
    404 "Not Found",
    405 "Method Not Allowed",
    406 "Not Acceptable",
    407 "Proxy Authentication Required",
    408 "Request Timeout",
    409 "Conflict",
    410 "Gone",
    411 "Length Required",
    412 "Precondition Failed",
    413 "Content Too Large",
    414 "URI Too Long",
    415 "Unsupported Media Type",
    416 "Range Not Satisfiable",
    417 "Expectation Failed",
    421 "Misdirected Request",
    422 "Unprocessable Content",
    423 "Locked",
    424 "Failed Dependency",
    425 "Too Early",
    426 "Upgrade Required",
    428 "Precondition Required",
    429 "Too Many Requests",
    431 "Request Header Fields Too Large",
    451 "Unavailable For Legal Reasons",
    500 "Internal Server Error",
    501 "Not Implemented",
    502 "Bad Gateway",
    503 "Service Unavailable",
    504 "Gateway Timeout",
    505 "HTTP Version Not Supported",
    506 "Variant Also Negotiates",
    507 "Insufficient Storage",
    508 "Loop Detected",
    511 "Network Authentication Required",
}

/// `HTTP/1.1 status reason CRLF` with the registered reason; without one the phrase is empty.
#[inline]
pub fn status_line(out: &mut Buffer, status: u16) {
    match known_line(status) {
        Some(line) => out.put(line.as_bytes()),
        None => status_line_with(out, status, b""),
    }
}

/// The same with a reason that was received: checked by `ResponseHead::parse`.
pub fn status_line_with(out: &mut Buffer, status: u16, reason: &[u8]) {
    debug_assert!((100..1000).contains(&status), "a status has three digits");
    out.put(b"HTTP/1.1 ");
    decimal(out, u64::from(status));
    out.put(b" ");
    out.put(reason);
    out.put(b"\r\n");
}

/// `method SP target SP HTTP/1.1 CRLF`. A gateway speaks its own version, RFC 9110 section 2.5.
#[inline]
pub fn request_line(out: &mut Buffer, method: &[u8], target: &[u8]) {
    out.put(method);
    out.put(b" ");
    out.put(target);
    out.put(b" HTTP/1.1\r\n");
}

/// One field line. The caller vouches for its bytes.
#[inline]
pub fn field(out: &mut Buffer, name: &[u8], value: &[u8]) {
    debug_assert!(scan::is_token(name), "a field name is a token");
    debug_assert!(
        scan::value_end(value, 0) == value.len(),
        "a field value has no control characters"
    );
    out.put(name);
    out.put(b": ");
    out.put(value);
    out.put(b"\r\n");
}

#[inline]
pub fn content_length(out: &mut Buffer, length: u64) {
    out.put(b"Content-Length: ");
    decimal(out, length);
    out.put(b"\r\n");
}

pub const TRANSFER_ENCODING_CHUNKED: &[u8] = b"Transfer-Encoding: chunked\r\n";
pub const CONNECTION_CLOSE: &[u8] = b"Connection: close\r\n";
pub const CONNECTION_KEEP_ALIVE: &[u8] = b"Connection: keep-alive\r\n";
pub const CONNECTION_UPGRADE: &[u8] = b"Connection: upgrade\r\n";
/// Ends a head.
pub const END: &[u8] = b"\r\n";

/// Copies the lines of the fields that `keep` says yes to, as they were written; neighbours go as
/// one piece. `bytes` and `fields` are those of one head, in its order and without gaps.
#[inline]
pub fn copy_fields(
    out: &mut Buffer,
    bytes: &[u8],
    fields: &[Field],
    mut keep: impl FnMut(&Field) -> bool,
) {
    let mut run = None;
    for field in fields {
        let start = field.name.start as usize;
        match (keep(field), run) {
            (true, None) => run = Some(start),
            (false, Some(run_start)) => {
                out.put(&bytes[run_start..start]);
                run = None;
            }
            _ => {}
        }
    }
    if let (Some(run_start), Some(last)) = (run, fields.last()) {
        out.put(&bytes[run_start..line_end(bytes, last.value)]);
    }
}

#[inline]
pub fn decimal(out: &mut Buffer, number: u64) {
    out.put(digits(number, &mut [0; DIGITS_MAX]));
}

/// The digits of a number, in room of the caller's.
pub fn digits(number: u64, digits: &mut [u8; DIGITS_MAX]) -> &[u8] {
    let mut at = DIGITS_MAX;
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    &digits[at..]
}

const DIGITS_MAX: usize = u64::MAX.ilog10() as usize + 1;

/// Behind the CRLF of the line that `value` stands in: only white space lies between.
#[inline]
fn line_end(bytes: &[u8], value: Span) -> usize {
    let rest = &bytes[value.end()..];
    let blanks = rest.iter().take_while(|&&byte| scan::is_blank(byte)).count();
    debug_assert!(rest[blanks..].starts_with(b"\r\n"), "a field line ends in CRLF");
    value.end() + blanks + 2
}

#[cfg(test)]
mod tests;
