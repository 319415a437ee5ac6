//! DATA, RFC 9113 section 6.1: handed on in the pieces in which it comes, counted against both
//! windows as a whole when its head comes, padding included.
//!
//! No byte of the connection's window is lost: what is not handed on is given back at once, what is
//! handed on when it is released, and the rest when the stream's work ends.

use super::{
    Connection, ConnectionError, ErrorCode, FRAME_HEAD_BYTES, Flood, FrameHead, Inside, Past,
    Reason, Receive, Reset, Step, StreamKey, Told, frame,
};
use crate::limits::H2_SMALL_BODY_BYTES;

impl Connection {
    #[inline]
    pub(super) fn body(&mut self, head: &FrameHead, input: &[u8]) -> Result<Step, ConnectionError> {
        let padded = usize::from(head.has(frame::PADDED));
        let padding = if padded > 0 { input[FRAME_HEAD_BYTES] as usize } else { 0 };
        let Some(left) = head.length.checked_sub(padded + padding) else {
            return Err(ConnectionError::protocol(Reason::Padding));
        };
        let end = head.has(frame::END_STREAM);
        if left < H2_SMALL_BODY_BYTES && !end {
            self.spend(if left == 0 { Flood::EmptyBody } else { Flood::SmallBody })?;
        }
        let live = self.streams.find(head.stream);
        if live.is_none() {
            self.past(head.stream)?;
        }
        if !self.window_in.take(head.length as u32) {
            return Err(ConnectionError::flow_control());
        }
        let read = FRAME_HEAD_BYTES + padded;
        let taken = match live {
            Some(stream) if self.takes_body(stream, head.length as u32)? => stream,
            _ => return self.body_unwanted(head, live.is_none(), read),
        };
        self.release_both(taken, (padded + padding) as u32);
        self.hold(taken, left as u32);
        self.inside = Inside::Body { stream: taken, left, padding, end };
        Ok(self.body_goes_on(input, read))
    }

    /// Is the stream one that may have a body now, of this size? If not it is reset.
    fn takes_body(&mut self, key: StreamKey, length: u32) -> Result<bool, ConnectionError> {
        let Some(stream) = self.streams.stream(key) else { return Ok(false) };
        let code = match (stream.reset, stream.receive) {
            (Reset::ByUs, _) => {
                self.spend(Flood::Stray)?;
                return Ok(false);
            }
            // Nobody waits for anything of it: the driver is not told.
            _ if stream.is_closed() => {
                stream.reset = Reset::ByUs;
                self.reset_stream(key.id, ErrorCode::STREAM_CLOSED)?;
                return Ok(false);
            }
            (_, Receive::Ended) => ErrorCode::STREAM_CLOSED,
            // No body before the final head of a response: section 8.1.
            (_, Receive::Head) => ErrorCode::PROTOCOL_ERROR,
            (_, Receive::Body) if stream.window_in.take(length) => return Ok(true),
            (_, Receive::Body) => ErrorCode::FLOW_CONTROL_ERROR,
        };
        self.stream_error(key, code)?;
        Ok(false)
    }

    fn body_unwanted(
        &mut self,
        head: &FrameHead,
        gone: bool,
        read: usize,
    ) -> Result<Step, ConnectionError> {
        self.release_connection(head.length as u32);
        if gone {
            match self.past(head.stream)? {
                Past::Forgotten => self.spend(Flood::Stray)?,
                _ => self.reset_stream(head.stream, ErrorCode::STREAM_CLOSED)?,
            }
        }
        self.skip(FRAME_HEAD_BYTES + head.length - read);
        Ok(Step::read(read))
    }

    /// Always reads something where there is something: a step that reads nothing is a wait.
    fn skip_from(&mut self, input: &[u8], from: usize, left: usize) -> Step {
        let read = left.min(input.len() - from);
        self.skip(left - read);
        Step::read(from + read)
    }

    /// Hands on what `input` has of the body from `from` on.
    #[inline]
    pub(super) fn body_goes_on(&mut self, input: &[u8], from: usize) -> Step {
        let Inside::Body { stream: key, left, padding, end } = self.inside else {
            unreachable!("the caller is inside a body");
        };
        let Some(stream) = self.streams.stream(key) else {
            // Its work has ended, and what it held was given back with it.
            return self.skip_from(input, from, left + padding);
        };
        if stream.reset != Reset::No {
            self.release(key, left);
            return self.skip_from(input, from, left + padding);
        }
        let read = left.min(input.len() - from);
        if read < left {
            self.inside = Inside::Body { stream: key, left: left - read, padding, end };
            if read == 0 {
                return Step::read(from);
            }
        } else {
            if end {
                stream.receive = Receive::Ended;
            }
            self.skip(padding);
        }
        if read == 0 && !end {
            return Step::read(from);
        }
        let end = end && read == left;
        Step::told(from + read, Told::Body { stream: key, bytes: from..from + read, end })
    }
}
