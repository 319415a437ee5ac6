//! `Body`: where the body of one message ends, told piece by piece as its bytes arrive.

use crate::proto::http1::chunked::{Chunked, Output};
use crate::proto::http1::{BodyLength, ParseError};

/// What may be sent on of the bytes that were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// A prefix of the bytes (after the look), to send.
    pub forward: usize,
    /// How many of the bytes belong to the message; what follows is kept.
    pub consumed: usize,
    /// The message ends here.
    pub done: bool,
}

pub struct Body {
    kind: Kind,
}

enum Kind {
    Fixed { left: u64 },
    Chunked(Chunked),
    UntilClose,
}

impl Body {
    /// `output` says what becomes of a chunked body's framing.
    pub fn new(length: BodyLength, output: Output) -> Self {
        let kind = match length {
            BodyLength::None => Kind::Fixed { left: 0 },
            BodyLength::Fixed(left) => Kind::Fixed { left },
            BodyLength::Chunked => Kind::Chunked(Chunked::new(output)),
            BodyLength::UntilClose => Kind::UntilClose,
        };
        Self { kind }
    }

    pub const fn empty() -> Self {
        Self { kind: Kind::Fixed { left: 0 } }
    }

    /// Nothing more is to come. (A chunked body says so with its last piece.)
    pub const fn is_empty(&self) -> bool {
        matches!(self.kind, Kind::Fixed { left: 0 })
    }

    /// Looks at the bytes that arrived, and may move them within `bytes` to drop framing.
    ///
    /// # Errors
    /// The framing is not what RFC 9112 section 7.1 allows.
    pub fn take(&mut self, bytes: &mut [u8]) -> Result<Piece, ParseError> {
        match &mut self.kind {
            Kind::Fixed { left } => {
                let count = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= count as u64;
                Ok(Piece { forward: count, consumed: count, done: *left == 0 })
            }
            Kind::Chunked(chunked) => {
                let relayed = chunked.relay(bytes)?;
                let piece = Piece {
                    forward: relayed.forward,
                    consumed: relayed.consumed,
                    done: relayed.done,
                };
                if piece.done {
                    self.kind = Kind::Fixed { left: 0 };
                }
                Ok(piece)
            }
            Kind::UntilClose => {
                Ok(Piece { forward: bytes.len(), consumed: bytes.len(), done: false })
            }
        }
    }

    /// Counts bytes that were moved without being looked at; the length is known.
    pub fn pass(&mut self, count: usize) {
        match &mut self.kind {
            Kind::Fixed { left } => *left -= count as u64,
            _ => debug_assert!(false, "only a body of known length is passed unseen"),
        }
    }

    /// Whether the sender may end the message by closing.
    pub const fn ends_by_close(&self) -> bool {
        matches!(self.kind, Kind::UntilClose)
    }

    /// How many more bytes are known to come.
    pub const fn left(&self) -> Option<u64> {
        match self.kind {
            Kind::Fixed { left } => Some(left),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
