//! Frames of AWS's event streams (`application/vnd.amazon.eventstream`), read out of bytes in
//! whatever pieces they come, and written. A frame is
//!
//! ```text
//! u32 length | u32 length of headers | u32 crc of these 8 bytes | headers | payload | u32 crc
//! ```
//!
//! all big-endian; the last CRC is of all that stands before it. Both are checked. A frame longer
//! than `AWS_FRAME_BYTES_MAX` is refused when its length is known, so a peer cannot make us hold
//! more. A frame that comes in one piece is not copied.

mod crc;

use crate::limits::AWS_FRAME_BYTES_MAX;

/// A frame, as far as clients of AWS look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub kind: Kind,
    /// The type of an event or exception, the code of an error; empty where it has none.
    pub name: &'a [u8],
    /// The payload; of an error, which has none, its message.
    pub data: &'a [u8],
}

/// What `:message-type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Event,
    /// One that the API declares. It ends the stream.
    Exception,
    /// Any other. It ends the stream.
    Error,
}

/// Why bytes are no frame. What comes behind is none either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The lengths do not fit each other, or our bound.
    Length,
    Checksum,
    Headers,
}

/// Finds the frames of one stream.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Of a frame that came in several pieces.
    held: Vec<u8>,
    /// The frame that is held was given out.
    given: bool,
}

impl Decoder {
    /// The next frame, and takes its bytes off. `None`: more bytes are needed, these are kept.
    ///
    /// # Errors
    /// They are no frame; nothing that follows is to be given.
    pub fn next<'a, 'b: 'a>(
        &'a mut self,
        bytes: &mut &'b [u8],
    ) -> Result<Option<Frame<'a>>, Error> {
        if std::mem::take(&mut self.given) {
            self.held.clear();
            self.held.shrink_to(HELD_BYTES_KEPT);
        }
        if self.held.is_empty() && bytes.len() >= PRELUDE {
            let (len, headers) = prelude(bytes)?;
            if let Some((frame, rest)) = bytes.split_at_checked(len) {
                *bytes = rest;
                return parse(frame, headers).map(Some);
            }
        }
        if !self.hold(bytes, PRELUDE) {
            return Ok(None);
        }
        let (len, headers) = prelude(&self.held)?;
        if !self.hold(bytes, len) {
            return Ok(None);
        }
        self.given = true;
        parse(&self.held, headers).map(Some)
    }

    /// Nothing of a frame has come since the last one: a stream may end here.
    pub fn is_between(&self) -> bool {
        self.given || self.held.is_empty()
    }

    /// Moves bytes over until so many are held. Returns whether they are.
    fn hold(&mut self, bytes: &mut &[u8], len: usize) -> bool {
        let lacking = len.saturating_sub(self.held.len()).min(bytes.len());
        let (taken, rest) = bytes.split_at(lacking);
        self.held.extend_from_slice(taken);
        *bytes = rest;
        self.held.len() >= len
    }
}

/// Appends a frame whose payload, JSON, is what `payload` appends.
///
/// # Panics
/// A name of more than 64 KiB, which no API has.
pub fn write(out: &mut Vec<u8>, kind: Kind, name: &str, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; PRELUDE]);
    let (type_header, message_type) = match kind {
        Kind::Event => (":event-type", "event"),
        Kind::Exception => (":exception-type", "exception"),
        Kind::Error => (":error-code", "error"),
    };
    header(out, type_header, name);
    header(out, ":content-type", "application/json");
    header(out, ":message-type", message_type);
    let headers = out.len() - start - PRELUDE;
    payload(out);
    let len = out.len() - start + CHECKSUM;
    put(out, start, len as u32);
    put(out, start + 4, headers as u32);
    let checksum = crc::crc32(&out[start..start + 8]);
    put(out, start + 8, checksum);
    let checksum = crc::crc32(&out[start..]);
    out.extend_from_slice(&checksum.to_be_bytes());
}

fn header(out: &mut Vec<u8>, name: &str, value: &str) {
    let (name_len, len) = (u8::try_from(name.len()), u16::try_from(value.len()));
    out.push(name_len.expect("names of headers are ours"));
    out.extend_from_slice(name.as_bytes());
    out.push(TEXT);
    out.extend_from_slice(&len.expect("a type or a code is short").to_be_bytes());
    out.extend_from_slice(value.as_bytes());
}

fn put(out: &mut [u8], at: usize, number: u32) {
    out[at..at + 4].copy_from_slice(&number.to_be_bytes());
}

/// The lengths of a frame and of its headers, where at least a prelude is there.
fn prelude(bytes: &[u8]) -> Result<(usize, usize), Error> {
    let (len, headers) = (number(bytes, 0) as usize, number(bytes, 4) as usize);
    if number(bytes, 8) != crc::crc32(&bytes[..8]) {
        return Err(Error::Checksum);
    }
    let room = len.checked_sub(PRELUDE + CHECKSUM).ok_or(Error::Length)?;
    match headers <= room && len <= AWS_FRAME_BYTES_MAX {
        true => Ok((len, headers)),
        false => Err(Error::Length),
    }
}

/// Reads a frame that is there as a whole, and whose lengths were looked at.
fn parse(frame: &[u8], headers: usize) -> Result<Frame<'_>, Error> {
    let (covered, checksum) = frame.split_at(frame.len() - CHECKSUM);
    if number(checksum, 0) != crc::crc32(covered) {
        return Err(Error::Checksum);
    }
    let (mut headers, payload) = covered[PRELUDE..].split_at(headers);
    let (mut kind, mut name, mut message) = (Kind::Event, &[][..], &[][..]);
    while !headers.is_empty() {
        let (key, value, rest) = next_header(headers).ok_or(Error::Headers)?;
        headers = rest;
        match key {
            b":message-type" => {
                kind = match value {
                    b"event" => Kind::Event,
                    b"exception" => Kind::Exception,
                    b"error" => Kind::Error,
                    _ => return Err(Error::Headers),
                }
            }
            b":event-type" | b":exception-type" | b":error-code" => name = value,
            b":error-message" => message = value,
            _ => (),
        }
    }
    let data = if kind == Kind::Error && payload.is_empty() { message } else { payload };
    Ok(Frame { kind, name, data })
}

/// Name and value of the first header, and what follows.
fn next_header(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name_len, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*name_len))?;
    let (kind, rest) = rest.split_first()?;
    let (len, rest) = match *kind {
        // True and false.
        0 | 1 => (0, rest),
        // Numbers of one to eight bytes, a time, a UUID.
        2 => (1, rest),
        3 => (2, rest),
        4 => (4, rest),
        5 | 8 => (8, rest),
        9 => (16, rest),
        BYTES | TEXT => {
            let (len, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(len)?;
    Some((name, value, rest))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Lengths and their checksum.
const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;
/// Types of header values.
const BYTES: u8 = 6;
const TEXT: u8 = 7;
/// What a decoder keeps of the room that it once needed.
const HELD_BYTES_KEPT: usize = 4096;

#[cfg(test)]
mod tests;
