//! What the driver does with streams: opens, sends, gives back, resets, ends them.
//!
//! A body that does not fit waits: for its own window apart, for that of the connection or for room
//! to write in a queue, from which `next_ready` takes in turn. While others wait a stream sends a
//! quantum at a time, so that a long body does not keep short ones waiting.

use super::{Connection, Drain, ErrorCode, Receive, Reset, Role, StreamKey, Waiting, frame};
use crate::limits::{
    H2_FRAME_BYTES_SENT_MAX, H2_OUT_BYTES_MAX, H2_QUANTUM_BYTES, H2_USEFUL_BODY_BYTES,
};
use crate::proto::http2::frame::{END_STREAM, FRAME_HEAD_BYTES, Kind, STREAM_ID_MAX};

/// Why a client cannot open a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// As many are at work as either side allows.
    Full,
    /// Either side drains the connection.
    Draining,
    /// The ids of the connection are used up: section 5.1.1.
    IdsUsedUp,
    Failed,
}

impl Connection {
    /// Could a client open a stream now? To be asked before the head is encoded: a block that was
    /// encoded has to be sent, or the peer's table differs from ours.
    pub fn check_vacancy(&self) -> Result<(), Refused> {
        debug_assert!(self.role == Role::Client, "servers open no streams");
        if self.failure.is_some() {
            return Err(Refused::Failed);
        }
        if self.peer_last.is_some() || self.drain != Drain::No {
            return Err(Refused::Draining);
        }
        if self.history.highest() >= STREAM_ID_MAX {
            return Err(Refused::IdsUsedUp);
        }
        let streams_max = self.ours.streams_max.min(self.peer.streams_max);
        if self.streams.live() >= streams_max as usize {
            return Err(Refused::Full);
        }
        Ok(())
    }

    /// Opens a stream with the head of a request.
    pub fn open(&mut self, block: &[u8], end: bool) -> Result<StreamKey, Refused> {
        self.check_vacancy()?;
        let highest = self.history.highest();
        let id = if highest == 0 { 1 } else { highest + 2 };
        self.history.open(id);
        let key = self.insert(id, Receive::Head);
        self.send_head(key, block, end);
        Ok(key)
    }

    /// May something still be sent on the stream? To be asked before a head is encoded for it.
    #[inline]
    pub fn can_send(&self, key: StreamKey) -> bool {
        self.failure.is_none() && self.streams.peek(key).is_some_and(|stream| stream.sends())
    }

    /// Sends a head or trailers; false, and nothing sent, where `can_send` says no.
    #[inline]
    pub fn send_head(&mut self, key: StreamKey, block: &[u8], end: bool) -> bool {
        if !self.can_send(key) {
            return false;
        }
        let frame_bytes = self.peer.frame_bytes_max as usize;
        frame::put_block(&mut self.out, key.id, block, end, frame_bytes);
        if end {
            self.sent(key);
        }
        true
    }

    /// Sends as much of a body as windows and room allow, and says how much; `end` goes with the
    /// last byte. The stream of what is left turns up in `next_ready` when it may go on. Where
    /// `can_send` says no all is taken and thrown away: the driver hears of the reset by an event.
    #[inline]
    pub fn send_body(&mut self, key: StreamKey, bytes: &[u8], end: bool) -> usize {
        if !self.can_send(key) {
            return bytes.len();
        }
        let allowed = self.send_capacity(key).min(bytes.len());
        let frame_bytes = (self.peer.frame_bytes_max as usize).min(H2_FRAME_BYTES_SENT_MAX);
        let all = allowed == bytes.len();
        // One that a window cuts was as long as the peer wanted it: below some length that is no
        // use to anybody.
        if (all && (allowed > 0 || end)) || allowed >= H2_USEFUL_BODY_BYTES {
            self.budgets.frame_out();
        }
        let mut rest = &bytes[..allowed];
        while rest.len() > frame_bytes {
            let (piece, others) = rest.split_at(frame_bytes);
            self.put_body(key.id, piece, 0);
            rest = others;
        }
        let ends = all && end;
        if !rest.is_empty() || ends {
            self.put_body(key.id, rest, if ends { END_STREAM } else { 0 });
        }
        self.window_out.take(allowed);
        if let Some(stream) = self.streams.stream(key) {
            stream.window_out.take(allowed);
        }
        if ends {
            self.sent(key);
        } else if all {
            self.streams.leave(key);
        } else {
            self.await_turn(key);
        }
        allowed
    }

    /// What `send_body` would take now.
    #[inline]
    pub fn send_capacity(&self, key: StreamKey) -> usize {
        let Some(stream) = self.streams.peek(key).filter(|stream| stream.sends()) else {
            return 0;
        };
        let room = H2_OUT_BYTES_MAX.saturating_sub(self.out.len());
        let most = stream.window_out.available().min(self.window_out.available()).min(room);
        if self.streams.first().is_none() { most } else { most.min(H2_QUANTUM_BYTES) }
    }

    /// The stream has something to send: it turns up in `next_ready` when it may. `send_body` does
    /// so itself for what it does not take.
    pub fn await_turn(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.stream(key).filter(|stream| stream.sends()) else { return };
        if stream.window_out.available() > 0 {
            self.streams.enqueue(key);
        } else {
            self.streams.leave(key);
            if let Some(stream) = self.streams.stream(key) {
                stream.waiting = Waiting::Window;
            }
        }
    }

    /// The next stream that waited and may send, each in its turn. To be asked until it says
    /// nothing: after every input, and when what was in `out` is written.
    #[inline]
    pub fn next_ready(&mut self) -> Option<StreamKey> {
        if self.window_out.available() == 0 || self.out.len() >= H2_OUT_BYTES_MAX {
            return None;
        }
        while let Some(key) = self.streams.first() {
            self.streams.leave(key);
            let stream = self.streams.stream(key).expect("streams in the queue are live");
            if stream.window_out.available() > 0 {
                return Some(key);
            }
            // Taken back by SETTINGS while it waited.
            stream.waiting = Waiting::Window;
        }
        None
    }

    /// A client's driver has seen the final head of a response: body and trailers may follow.
    pub fn head_is_final(&mut self, key: StreamKey) {
        let stream = self.streams.stream(key);
        if let Some(stream) = stream.filter(|stream| stream.receive == Receive::Head) {
            stream.receive = Receive::Body;
        }
    }

    /// Bytes of a body were consumed, so that the peer may send as many again.
    #[inline]
    pub fn release(&mut self, key: StreamKey, bytes: usize) {
        let Some(stream) = self.streams.stream(key) else { return };
        debug_assert!(bytes <= stream.held as usize, "no more is released than was received");
        let bytes = stream.held.min(bytes as u32);
        stream.held -= bytes;
        self.budgets.bytes_in(bytes);
        self.release_both(key, bytes);
    }

    /// Resets the stream. Codes that blame the peer are budgeted. `ended` is still to be said.
    pub fn reset(&mut self, key: StreamKey, code: ErrorCode) {
        let open = self.streams.peek(key).is_some_and(|stream| !stream.is_closed());
        if !open || self.failure.is_some() {
            return;
        }
        if code.blames_the_peer() {
            if let Err(error) = self.reset_stream(key.id, code) {
                self.fail(error);
            }
        } else {
            self.history.reset(key.id);
            frame::put_reset(&mut self.out, key.id, code);
        }
        self.streams.leave(key);
        if let Some(stream) = self.streams.stream(key) {
            stream.reset = Reset::ByUs;
        }
    }

    /// The driver's work on the stream is over: only now another may take its place. What is not
    /// finished is reset, and what was not released is.
    #[inline]
    pub fn ended(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.peek(key) else { return };
        if stream.is_closed() {
            if stream.reset == Reset::No {
                self.budgets.completed();
            }
        } else {
            // A response that needed no more of the request: section 8.1.
            let answered = self.role == Role::Server && stream.sent;
            self.reset(key, if answered { ErrorCode::NO_ERROR } else { ErrorCode::CANCEL });
        }
        if let Some(stream) = self.streams.stream(key) {
            let held = std::mem::take(&mut stream.held);
            self.release_both(key, held);
        }
        self.streams.remove(key);
    }

    fn sent(&mut self, key: StreamKey) {
        self.streams.leave(key);
        if let Some(stream) = self.streams.stream(key) {
            stream.sent = true;
        }
    }

    #[inline]
    fn put_body(&mut self, id: u32, bytes: &[u8], flags: u8) {
        self.out.reserve(FRAME_HEAD_BYTES + bytes.len());
        frame::put_head(&mut self.out, bytes.len(), Kind::Body, flags, id);
        self.out.extend_from_slice(bytes);
    }

    #[inline]
    pub(super) fn hold(&mut self, key: StreamKey, bytes: u32) {
        if let Some(stream) = self.streams.stream(key) {
            stream.held += bytes;
        }
    }

    /// Gives bytes back to both windows; a stream that receives nothing more needs none.
    #[inline]
    pub(super) fn release_both(&mut self, key: StreamKey, bytes: u32) {
        if bytes == 0 {
            return;
        }
        if let Some(stream) = self.streams.stream(key).filter(|stream| stream.receives()) {
            let increment = stream.window_in.release(bytes);
            if increment > 0 && self.failure.is_none() {
                frame::put_window_update(&mut self.out, key.id, increment);
            }
        }
        self.release_connection(bytes);
    }
}
