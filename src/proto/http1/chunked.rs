//! The chunked transfer coding, RFC 9112 section 7.1: relayed in place, or taken off.
//!
//! Only CRLF ends a line, extensions are checked and left out, trailers that would change how the
//! message is understood are left out. Owns the state of one body; the bytes are the caller's.

use super::ParseError;
use super::field::FieldName;
use super::section::line_ends;
use crate::limits::{CHUNK_EXTENSION_BYTES_MAX, CHUNK_LINE_BYTES_MAX, TRAILER_BYTES_MAX};
use crate::proto::scan;

mod extension;

/// What becomes of the framing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// Forwarded in normal form: no extensions, no leading zeros, no forbidden trailers.
    Keep,
    /// Only the bytes of the body are forwarded; trailers are dropped.
    Strip,
}

/// What one call did.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Relayed {
    /// `input[..forward]` is to be sent on.
    pub forward: usize,
    /// `input[consumed..]` has not been looked at for good: an unfinished line to be given again
    /// with more behind it, or, after `done`, what follows the message.
    pub consumed: usize,
    /// The message is complete.
    pub done: bool,
}

/// The decoder of one body.
#[derive(Clone, Copy, Debug)]
pub struct Chunked {
    output: Output,
    place: Place,
    extension_bytes: usize,
    trailer_bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Size,
    /// Bytes of the chunk still to come; never 0.
    Body(u64),
    BodyEnd,
    Trailers,
    Done,
}

/// How a piece of the input was read.
struct Piece {
    /// Bytes read; nothing is read of an unfinished line.
    read: usize,
    /// Which of them are forwarded: the last `kept`. What is left out stands before them.
    kept: usize,
    next: Place,
}

impl Chunked {
    pub const fn new(output: Output) -> Self {
        Self { output, place: Place::Size, extension_bytes: 0, trailer_bytes: 0 }
    }

    /// Relays what `input` has of the body, in place.
    ///
    /// Afterwards `input[..forward]` is to be sent, `input[consumed..]` is as it was, and what lies
    /// between has no meaning: `forward <= consumed`, so that sending and keeping never overlap.
    /// While nothing is left out no byte is moved, and `forward == consumed`. The caller sends the
    /// front, drops `input[..consumed]`, appends what it reads next to the rest, and calls again.
    ///
    /// An unfinished line is not consumed; it is shorter than `CHUNK_LINE_BYTES_MAX` (in the trailer
    /// section `TRAILER_BYTES_MAX`) or an error. Bytes behind the message are not touched.
    /// After an error the body cannot be continued: what was forwarded must not be ended cleanly.
    pub fn relay(&mut self, input: &mut [u8]) -> Result<Relayed, ParseError> {
        let mut forward = 0;
        let mut consumed = 0;
        while consumed < input.len() && self.place != Place::Done {
            let piece = self.piece(&mut input[consumed..])?;
            if piece.read == 0 {
                break;
            }
            consumed += piece.read;
            let kept = consumed - piece.kept..consumed;
            if kept.start != forward {
                input.copy_within(kept, forward);
            }
            forward += piece.kept;
            self.place = piece.next;
        }
        debug_assert!(forward <= consumed && consumed <= input.len(), "relaying only shrinks");
        Ok(Relayed { forward, consumed, done: self.place == Place::Done })
    }

    /// The message is complete.
    pub fn is_done(&self) -> bool {
        self.place == Place::Done
    }

    /// Bytes of the present chunk still to come: what can be passed on without a look at it.
    pub fn chunk_bytes_left(&self) -> u64 {
        if let Place::Body(left) = self.place { left } else { 0 }
    }

    fn piece(&mut self, input: &mut [u8]) -> Result<Piece, ParseError> {
        match self.place {
            Place::Size => self.size_line(input),
            Place::Body(left) => {
                let read = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let left = left - read as u64;
                let next = if left == 0 { Place::BodyEnd } else { Place::Body(left) };
                Ok(Piece { read, kept: read, next })
            }
            Place::BodyEnd => self.body_end(input),
            Place::Trailers => self.trailer(input),
            Place::Done => Ok(Piece { read: 0, kept: 0, next: Place::Done }),
        }
    }

    /// `chunk-size [ chunk-ext ] CRLF`. A size that is not in normal form is written again at the
    /// end of its line, where what precedes it is left out.
    fn size_line(&mut self, input: &mut [u8]) -> Result<Piece, ParseError> {
        let wait = Piece { read: 0, kept: 0, next: Place::Size };
        let full = input.len() >= CHUNK_LINE_BYTES_MAX;
        let seen = input.len().min(CHUNK_LINE_BYTES_MAX);
        let input = &mut input[..seen];
        let digits = scan::hex_end(input, 0);
        let size = chunk_size(&input[..digits])?;
        match input.get(digits) {
            None => return Ok(wait),
            Some(_) if digits == 0 => return Err(ParseError::BadChunkSize),
            Some(b'\r' | b'\n' | b';' | b' ' | b'\t') => {}
            Some(_) => return Err(ParseError::BadChunkSize),
        }
        let Some(end) = extension::end(input, digits)? else {
            return if full { Err(ParseError::ChunkExtensionTooLong) } else { Ok(wait) };
        };
        self.extension_bytes += end - digits;
        if self.extension_bytes > CHUNK_EXTENSION_BYTES_MAX {
            return Err(ParseError::ChunkExtensionTooLong);
        }
        let read = end + CRLF_BYTES;
        let next = if size == 0 { Place::Trailers } else { Place::Body(size) };
        if self.output == Output::Strip {
            return Ok(Piece { read, kept: 0, next });
        }
        let zeros = input[..digits - 1].iter().take_while(|&&digit| digit == b'0').count();
        let kept = digits - zeros + CRLF_BYTES;
        if kept < read {
            input.copy_within(zeros..digits, read - kept);
        }
        Ok(Piece { read, kept, next })
    }

    fn body_end(&self, input: &[u8]) -> Result<Piece, ParseError> {
        match input {
            [b'\r', b'\n', ..] => {
                let kept = if self.output == Output::Keep { CRLF_BYTES } else { 0 };
                Ok(Piece { read: CRLF_BYTES, kept, next: Place::Size })
            }
            [] | [b'\r'] => Ok(Piece { read: 0, kept: 0, next: Place::BodyEnd }),
            _ => Err(ParseError::BadChunkEnd),
        }
    }

    /// One line of the trailer section, or the empty one that ends the message.
    fn trailer(&mut self, input: &[u8]) -> Result<Piece, ParseError> {
        let room = TRAILER_BYTES_MAX - self.trailer_bytes;
        let full = input.len() >= room;
        let Some(line) = trailer_line(&input[..input.len().min(room)])? else {
            let wait = Piece { read: 0, kept: 0, next: Place::Trailers };
            return if full { Err(ParseError::TrailerTooLarge) } else { Ok(wait) };
        };
        self.trailer_bytes += line.read;
        let keep = self.output == Output::Keep && !line.forbidden;
        let next = if line.last { Place::Done } else { Place::Trailers };
        Ok(Piece { read: line.read, kept: if keep { line.read } else { 0 }, next })
    }
}

/// Writes the size line of a chunk: `len` in hexadecimal and CRLF.
pub fn chunk_prefix(len: usize, out: &mut [u8; CHUNK_PREFIX_BYTES_MAX]) -> &[u8] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut at = CHUNK_PREFIX_BYTES_MAX - CRLF_BYTES;
    out[at..].copy_from_slice(b"\r\n");
    let mut rest = len;
    loop {
        at -= 1;
        out[at] = DIGITS[rest % 16];
        rest /= 16;
        if rest == 0 {
            return &out[at..];
        }
    }
}

/// Sixteen digits and CRLF.
pub const CHUNK_PREFIX_BYTES_MAX: usize = 18;
/// Ends a body that has no trailers, after the CRLF of its last chunk.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

const CRLF_BYTES: usize = 2;
const SIZE_DIGITS_MAX: usize = 16;

/// Up to 2^63 - 1: the next counter on the way may be signed (CVE-2013-2028).
fn chunk_size(digits: &[u8]) -> Result<u64, ParseError> {
    if digits.len() > SIZE_DIGITS_MAX {
        return Err(ParseError::ChunkSizeOverflow);
    }
    let value = |digit: &u8| u64::from(scan::hex_value(*digit).unwrap_or(0));
    let size = digits.iter().fold(0, |size, digit| size << 4 | value(digit));
    if size > i64::MAX as u64 { Err(ParseError::ChunkSizeOverflow) } else { Ok(size) }
}

struct TrailerLine {
    read: usize,
    forbidden: bool,
    last: bool,
}

/// The line at the start of `bytes`; `None` when it is not complete.
fn trailer_line(bytes: &[u8]) -> Result<Option<TrailerLine>, ParseError> {
    let colon = scan::token_end(bytes, 0);
    match bytes.get(colon) {
        None => return Ok(None),
        Some(b':') if colon > 0 => {}
        Some(b'\r') if colon == 0 => {
            let ends = line_ends(bytes, 0, ParseError::BareCr)?;
            let line = TrailerLine { read: CRLF_BYTES, forbidden: false, last: true };
            return Ok(ends.then_some(line));
        }
        Some(b'\n') => return Err(ParseError::BareLf),
        Some(b' ' | b'\t') if colon == 0 => return Err(ParseError::ObsFold),
        Some(b' ' | b'\t') => return Err(ParseError::SpaceBeforeColon),
        Some(_) => return Err(ParseError::BadFieldName),
    }
    let end = scan::value_end(bytes, colon + 1);
    if !line_ends(bytes, end, ParseError::BadFieldValue)? {
        return Ok(None);
    }
    let forbidden = FieldName::parse(&bytes[..colon]).is_forbidden_in_trailers();
    Ok(Some(TrailerLine { read: end + CRLF_BYTES, forbidden, last: false }))
}

#[cfg(test)]
mod tests;
