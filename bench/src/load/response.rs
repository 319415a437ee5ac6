//! The head of a response, as far as the load needs it: status and length. Owns no state.

use super::Error;

/// What the load must know of a response head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) head_bytes: usize,
    pub(super) status: u16,
    /// None are announced of one that is chunked.
    pub(super) body_bytes: u64,
    pub(super) is_chunked: bool,
}

/// Why a response is not one that the load can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    StatusLine,
    Field,
    Length,
    /// Neither `Content-Length` nor chunks: until the close.
    NoLength,
    TooLong,
}

/// The head at the start of `input`, or `None` while it is incomplete.
pub(super) fn parse(input: &[u8]) -> Result<Option<Head>, Malformed> {
    let mut lines = Lines { input, at: 0 };
    let Some(line) = lines.next() else { return incomplete(input) };
    let status = status_of(line)?;
    let (mut body_bytes, mut is_chunked) = (None, false);
    while let Some(line) = lines.next() {
        if line.is_empty() {
            let body_bytes = match body_bytes {
                None if is_chunked => 0,
                body_bytes => body_bytes.ok_or(Malformed::NoLength)?,
            };
            return Ok(Some(Head { head_bytes: lines.at, status, body_bytes, is_chunked }));
        }
        let colon = line.iter().position(|&byte| byte == b':').ok_or(Malformed::Field)?;
        if line[..colon].eq_ignore_ascii_case(b"content-length") {
            body_bytes = Some(length_of(&line[colon + 1..])?);
        }
        is_chunked |= line.eq_ignore_ascii_case(b"transfer-encoding: chunked");
    }
    incomplete(input)
}

/// The body of a whole response: a head with status 200 and as many bytes as it announces.
pub(super) fn whole(mut answer: Vec<u8>) -> Result<Vec<u8>, Error> {
    let head = parse(&answer).map_err(Error::Response)?.ok_or(Error::ClosedEarly)?;
    if head.status != 200 {
        return Err(Error::Status(head.status));
    }
    let body = answer.split_off(head.head_bytes);
    if body.len() as u64 != head.body_bytes {
        return Err(Error::BodyBytes { expected: head.body_bytes, announced: body.len() as u64 });
    }
    Ok(body)
}

/// Lines that end in CRLF; a last one without is not a line yet.
struct Lines<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = &self.input[self.at..];
        let end = rest.iter().position(|&byte| byte == b'\n')?;
        self.at += end + 1;
        Some(rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]))
    }
}

fn incomplete(input: &[u8]) -> Result<Option<Head>, Malformed> {
    if input.len() > HEAD_BYTES_MAX { Err(Malformed::TooLong) } else { Ok(None) }
}

fn status_of(line: &[u8]) -> Result<u16, Malformed> {
    let rest = line.strip_prefix(b"HTTP/1.1 ").ok_or(Malformed::StatusLine)?;
    let digits = rest.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.parse().ok()).ok_or(Malformed::StatusLine)
}

fn length_of(value: &[u8]) -> Result<u64, Malformed> {
    let text = std::str::from_utf8(value.trim_ascii()).map_err(|_| Malformed::Length)?;
    text.parse().map_err(|_| Malformed::Length)
}

const HEAD_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests;
