//! One stream: its state, RFC 9113 section 5.1, and its two windows. Its place among the others is
//! that of `streams`; what a frame does to it is decided by the connection.

use super::flow::{ReceiveWindow, SendWindow};

/// What the peer still sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Receive {
    /// The final head of a response.
    Head,
    /// Body and trailers.
    Body,
    Ended,
}

/// Who reset the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reset {
    No,
    ByUs,
    ByPeer,
}

/// Has a body to send that did not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Waiting {
    No,
    /// For its own window.
    Window,
    /// In the queue for the window of the connection, or for room to write.
    Turn,
}

/// What exists from the first frame of a stream until the driver's work on it has ended, which may
/// be long after the stream is closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    /// 0 in a free slot.
    pub(super) id: u32,
    pub(super) receive: Receive,
    /// END_STREAM was sent.
    pub(super) sent: bool,
    pub(super) reset: Reset,
    pub(super) waiting: Waiting,
    pub(super) window_in: ReceiveWindow,
    pub(super) window_out: SendWindow,
    /// Bytes of its body that were received and not released.
    pub(super) held: u32,
    /// Neighbours in the queue of those that wait for their turn.
    pub(super) previous: u32,
    pub(super) next: u32,
}

impl Stream {
    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        self.reset != Reset::No || (self.sent && self.receive == Receive::Ended)
    }

    /// We may send a head or a body on it.
    #[inline]
    pub(super) fn sends(&self) -> bool {
        !self.sent && self.reset == Reset::No
    }

    /// The peer may still send a body, so that its window is worth opening.
    #[inline]
    pub(super) fn receives(&self) -> bool {
        self.receive != Receive::Ended && self.reset == Reset::No
    }
}
