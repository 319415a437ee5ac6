//! Bodies between their two forms: DATA frames and trailers of a stream, and the text behind a
//! HTTP/1.1 head. `Wrap` makes text of frames, `Unwrap` finds the pieces in a text that our own
//! encoders wrote: chunks in normal form, without extensions. Each owns the state of one body.

use std::ops::Range;

use super::message::Body;
use crate::base::buffer::Buffer;
use crate::limits::{CHUNK_LINE_BYTES_MAX, TRAILER_BYTES_MAX};
use crate::proto::http1::chunked::chunk_prefix;

/// A body that does not fit its head: more or less than was said. RFC 9113 section 8.1.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mismatch;

/// Frames into text.
#[derive(Clone, Copy, Debug)]
pub struct Wrap {
    body: Body,
    /// Bytes of a known length still to come.
    left: u64,
}

impl Wrap {
    pub const fn new(body: Body) -> Self {
        let left = if let Body::Length(bytes) = body { bytes } else { 0 };
        Self { body, left }
    }

    /// Appends a piece.
    ///
    /// # Errors
    /// There are more bytes than the head said.
    #[inline]
    pub fn put(&mut self, bytes: &[u8], out: &mut Buffer) -> Result<(), Mismatch> {
        if bytes.is_empty() {
            return Ok(());
        }
        match self.body {
            Body::None => return Err(Mismatch),
            Body::Length(_) => {
                self.left = self.left.checked_sub(bytes.len() as u64).ok_or(Mismatch)?;
                out.put(bytes);
            }
            Body::Chunked => {
                out.put(chunk_prefix(bytes.len(), &mut [0; 18]));
                out.put(bytes);
                out.put(b"\r\n");
            }
            Body::Tunnel | Body::UntilClose => out.put(bytes),
        }
        Ok(())
    }

    /// Appends the end. `trailers` are lines with their ends; only chunks have a place for them.
    ///
    /// # Errors
    /// There are fewer bytes than the head said.
    pub fn end(&mut self, trailers: &[u8], out: &mut Buffer) -> Result<(), Mismatch> {
        if self.left > 0 {
            return Err(Mismatch);
        }
        if self.body == Body::Chunked {
            out.put(b"0\r\n");
            out.put(trailers);
            out.put(b"\r\n");
        }
        Ok(())
    }
}

/// What is at the front of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// Nothing yet: more has to be written first.
    Nothing,
    /// Bytes of the body, at `bytes`; what lies before them is framing. `last`: the message ends
    /// with them.
    Bytes { bytes: Range<usize>, last: bool },
    /// The end, with `consumed` bytes of framing; trailers, if there are any, are at `trailers`.
    End { consumed: usize, trailers: Range<usize> },
    /// This is no text of ours.
    Broken,
}

/// Text into pieces.
#[derive(Clone, Copy, Debug)]
pub struct Unwrap {
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// So many bytes as they are; at 0 the message has ended.
    Plain(u64),
    /// Before a size line; `first` is false where a line end of the last chunk stands before it.
    Size { first: bool },
    /// So many bytes of a chunk.
    Chunk(u64),
    /// Whatever comes.
    Open,
}

impl Unwrap {
    pub const fn new(body: Body) -> Self {
        let place = match body {
            Body::None => Place::Plain(0),
            Body::Length(bytes) => Place::Plain(bytes),
            Body::Chunked => Place::Size { first: true },
            Body::Tunnel | Body::UntilClose => Place::Open,
        };
        Self { place }
    }

    /// Looks at the front of `input`. What is used of it is said to `used`.
    #[inline]
    pub fn next(&self, input: &[u8]) -> Piece {
        match self.place {
            Place::Plain(0) => Piece::End { consumed: 0, trailers: 0..0 },
            Place::Open if input.is_empty() => Piece::Nothing,
            Place::Open => Piece::Bytes { bytes: 0..input.len(), last: false },
            Place::Plain(left) => bytes(input, 0, left, true),
            Place::Chunk(left) => bytes(input, 0, left, false),
            Place::Size { first } => size(input, first),
        }
    }

    /// Says that `count` bytes of a piece's `bytes` were used, with the framing before them when
    /// they are its first; `of` is the piece.
    #[inline]
    pub fn used(&mut self, of: &Range<usize>, input: &[u8], count: usize) -> usize {
        match &mut self.place {
            Place::Open => count,
            Place::Plain(left) => {
                *left -= count as u64;
                count
            }
            Place::Chunk(left) => {
                *left -= count as u64;
                if *left == 0 {
                    self.place = Place::Size { first: false };
                }
                count
            }
            Place::Size { .. } => {
                let Some((chunk, _)) = size_line(line_at(input)) else { return 0 };
                let left = chunk - count as u64;
                self.place =
                    if left == 0 { Place::Size { first: false } } else { Place::Chunk(left) };
                of.start + count
            }
        }
    }
}

fn bytes(input: &[u8], start: usize, left: u64, ends: bool) -> Piece {
    let there = (input.len() - start) as u64;
    let count = there.min(left) as usize;
    if count == 0 {
        return Piece::Nothing;
    }
    Piece::Bytes { bytes: start..start + count, last: ends && count as u64 == left }
}

fn size(input: &[u8], first: bool) -> Piece {
    let skip = if first { 0 } else { 2 };
    if input.len() < skip {
        return Piece::Nothing;
    }
    if !first && &input[..2] != b"\r\n" {
        return Piece::Broken;
    }
    let rest = &input[skip..];
    let Some(line_end) = memchr::memchr(b'\n', rest) else {
        return if rest.len() > CHUNK_LINE_BYTES_MAX { Piece::Broken } else { Piece::Nothing };
    };
    match size_line(rest) {
        None => Piece::Broken,
        Some((0, _)) => trailers(input, skip + line_end + 1),
        Some((left, _)) => bytes(input, skip + line_end + 1, left, false),
    }
}

/// The size line may have the line end of the last chunk before it.
fn line_at(input: &[u8]) -> &[u8] {
    input.strip_prefix(b"\r\n").unwrap_or(input)
}

/// The size that a line begins with, and the length of the line.
fn size_line(line: &[u8]) -> Option<(u64, usize)> {
    let mut size = 0_u64;
    for (at, &byte) in line.iter().enumerate() {
        match (byte as char).to_digit(16) {
            Some(digit) if size >> 60 == 0 => size = size << 4 | u64::from(digit),
            None if at > 0 && line[at..].starts_with(b"\r\n") => return Some((size, at + 2)),
            _ => return None,
        }
    }
    None
}

/// The section behind the last chunk's line, which begins at `start`: it ends with an empty line.
fn trailers(input: &[u8], start: usize) -> Piece {
    let section = &input[start..];
    if section.starts_with(b"\r\n") {
        return Piece::End { consumed: start + 2, trailers: start..start };
    }
    match memchr::memmem::find(section, b"\r\n\r\n") {
        Some(at) => Piece::End { consumed: start + at + 4, trailers: start..start + at + 2 },
        None if section.len() > TRAILER_BYTES_MAX => Piece::Broken,
        None => Piece::Nothing,
    }
}

#[cfg(test)]
mod tests;
