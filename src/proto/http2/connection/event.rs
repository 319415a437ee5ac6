//! What the engine tells its driver, and the same before it borrows. Owns no state.

use std::ops::Range;

use crate::proto::http2::{ErrorCode, PeerSettings, StreamKey};

/// How far `advance` came.
#[derive(Debug)]
pub struct Advanced<'a> {
    /// Bytes of the input that are not to be given again.
    pub consumed: usize,
    /// What is to be told; nothing means that more input is needed.
    pub event: Option<Event<'a>>,
}

/// What the driver has to know. Field blocks are to be decoded in the order in which they come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// A head or trailers. The first one of a stream of a client's begins it: from then on the
    /// driver works on it, until it says `ended`.
    Head { stream: StreamKey, kind: HeadKind, block: &'a [u8], end: bool },
    /// A field block of a stream that is not served: decoded for the dynamic table alone.
    Discarded { block: &'a [u8] },
    /// A piece of a body, to be given back by `release` once it is consumed.
    Body { stream: StreamKey, bytes: &'a [u8], end: bool },
    /// Nothing more will come of the stream or may be sent on it. `by_peer`: it was the peer that
    /// reset it; otherwise we had to, for what the peer did.
    Reset { stream: StreamKey, code: ErrorCode, by_peer: bool },
    /// The server has not looked at the stream, and will not: to be tried elsewhere, section 8.7.
    Unprocessed { stream: StreamKey },
    /// The peer will open (as a client) or take (as a server) nothing above `last`.
    GoAway { last: u32, code: ErrorCode },
    /// The peer has changed its settings. They hold from now on.
    Settings(PeerSettings),
    /// The peer has taken ours.
    SettingsTaken,
}

/// What a field block is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeadKind {
    /// Of a request; of a response: an interim one, or the final one that `head_is_final` is told of.
    Message,
    Trailers,
}

/// An `Event` before it borrows; ranges count from where the step began.
#[derive(Debug)]
pub(super) enum Told {
    Head { stream: StreamKey, kind: HeadKind, block: Place, end: bool },
    Discarded { block: Place },
    Body { stream: StreamKey, bytes: Range<usize>, end: bool },
    Reset { stream: StreamKey, code: ErrorCode, by_peer: bool },
    Unprocessed { stream: StreamKey },
    GoAway { last: u32, code: ErrorCode },
    Settings,
    SettingsTaken,
}

/// Where a field block lies.
#[derive(Debug)]
pub(super) enum Place {
    Input(Range<usize>),
    Collected,
}

/// What one look at the input did; nothing at all when more is needed.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) consumed: usize,
    pub(super) told: Option<Told>,
}

impl Step {
    pub(super) const fn read(consumed: usize) -> Self {
        Self { consumed, told: None }
    }

    pub(super) fn told(consumed: usize, told: Told) -> Self {
        Self { consumed, told: Some(told) }
    }
}
