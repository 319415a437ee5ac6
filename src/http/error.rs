//! What can break while a message moves: which side, and what happened there.

use std::io;

use crate::proto::http1::ParseError;

/// Why a body did not get through. `Read` is the side it comes from, `Write` the side it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broke {
    /// The sender's bytes are not what they should be.
    Malformed(ParseError),
    /// The sender closed in the middle of the message, or its connection failed.
    ReadClosed,
    /// No byte came for too long.
    ReadSlow,
    /// The receiver closed or reset.
    WriteClosed,
    /// The receiver took no byte for too long.
    WriteSlow,
}

impl Broke {
    /// A write that failed with `error`, when the deadline had `fired` or not.
    pub fn write(_error: &io::Error, fired: bool) -> Self {
        if fired { Self::WriteSlow } else { Self::WriteClosed }
    }

    /// A read that ended, with an error or with the end of the stream.
    pub fn read(fired: bool) -> Self {
        if fired { Self::ReadSlow } else { Self::ReadClosed }
    }
}
