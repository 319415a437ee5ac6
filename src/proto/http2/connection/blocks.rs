//! HEADERS and CONTINUATION: field blocks put together, and what stream they are for, RFC 9113
//! sections 4.3, 5.1, 6.2 and 6.10.
//!
//! A block in one frame that is all there is handed on where it lies. Any other is collected, within
//! bounds that hold before anything is decoded.

use super::{
    Connection, ConnectionError, ErrorCode, FRAME_HEAD_BYTES, Flood, FrameHead, HeadKind, Inside,
    PRIORITY_BYTES, Past, Place, Reason, Receive, Reset, Role, Step, StreamKey, Told, frame,
};
use crate::limits::{H2_BLOCK_BYTES_KEPT, H2_BLOCK_BYTES_MAX, H2_CONTINUATIONS_MAX};
use crate::proto::http2::frame::{STREAM_ID_MAX, u32_at};

/// A field block whose end has not come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Collecting {
    pub(super) stream: u32,
    /// The HEADERS frame had END_STREAM.
    end: bool,
    continuations: u32,
}

impl Connection {
    #[inline]
    pub(super) fn headers(
        &mut self,
        head: &FrameHead,
        input: &[u8],
    ) -> Result<Step, ConnectionError> {
        let padded = usize::from(head.has(frame::PADDED));
        let padding = if padded > 0 { input[FRAME_HEAD_BYTES] as usize } else { 0 };
        let priority = if head.has(frame::PRIORITY) { PRIORITY_BYTES } else { 0 };
        let Some(fragment) = head.length.checked_sub(padded + priority + padding) else {
            return Err(ConnectionError::protocol(Reason::Padding));
        };
        if priority > 0 {
            check_priority(head.stream, u32_at(input, FRAME_HEAD_BYTES + padded))?;
        }
        self.check_head(head.stream)?;
        let end = head.has(frame::END_STREAM);
        let start = FRAME_HEAD_BYTES + padded + priority;
        let last = head.has(frame::END_HEADERS);
        if last && input.len() >= start + fragment {
            self.skip(padding);
            let block = Place::Input(start..start + fragment);
            let told = self.block_complete(head.stream, end, block)?;
            return Ok(Step::told(start + fragment, told));
        }
        self.block.clear();
        self.block.shrink_to(H2_BLOCK_BYTES_KEPT);
        self.collecting = Some(Collecting { stream: head.stream, end, continuations: 0 });
        self.collect(fragment, padding, last)?;
        self.block_goes_on(input, start)
    }

    pub(super) fn continuation(
        &mut self,
        head: &FrameHead,
        input: &[u8],
    ) -> Result<Step, ConnectionError> {
        let block = self.collecting.as_mut().expect("checked: a block is being collected");
        block.continuations += 1;
        if block.continuations > H2_CONTINUATIONS_MAX {
            return Err(ConnectionError::calm(Reason::BlockTooLarge));
        }
        self.collect(head.length, 0, head.has(frame::END_HEADERS))?;
        self.block_goes_on(input, FRAME_HEAD_BYTES)
    }

    /// The bound is that of the whole block, and holds before any of the fragment is taken in.
    fn collect(&mut self, left: usize, padding: usize, last: bool) -> Result<(), ConnectionError> {
        if self.block.len() + left > H2_BLOCK_BYTES_MAX {
            return Err(ConnectionError::calm(Reason::BlockTooLarge));
        }
        self.inside = Inside::Block { left, padding, last };
        Ok(())
    }

    /// Takes in what `input` has of the fragment from `from` on.
    pub(super) fn block_goes_on(
        &mut self,
        input: &[u8],
        from: usize,
    ) -> Result<Step, ConnectionError> {
        let Inside::Block { left, padding, last } = self.inside else {
            unreachable!("the caller is inside a field block");
        };
        let read = left.min(input.len() - from);
        self.block.extend_from_slice(&input[from..from + read]);
        if read < left {
            self.inside = Inside::Block { left: left - read, padding, last };
            return Ok(Step::read(from + read));
        }
        self.skip(padding);
        if !last {
            return Ok(Step::read(from + read));
        }
        let block = self.collecting.take().expect("a fragment belongs to a block");
        let told = self.block_complete(block.stream, block.end, Place::Collected)?;
        Ok(Step::told(from + read, told))
    }

    /// A head on a stream that can have none.
    #[inline]
    fn check_head(&self, id: u32) -> Result<(), ConnectionError> {
        let begins = self.role == Role::Server && id % 2 == 1 && id > self.history.highest();
        if begins {
            return Ok(());
        }
        match self.streams.find(id).and_then(|key| self.streams.peek(key)) {
            // What we reset may have more under way; what both sides ended may not.
            Some(stream) if stream.is_closed() && stream.reset != Reset::ByUs => {
                Err(ConnectionError::closed())
            }
            Some(_) => Ok(()),
            None => match self.past(id)? {
                Past::Forgotten => Ok(()),
                Past::Closed => Err(ConnectionError::closed()),
                Past::Idle | Past::Skipped => Err(ConnectionError::protocol(Reason::StreamId)),
            },
        }
    }

    #[inline]
    fn block_complete(
        &mut self,
        id: u32,
        end: bool,
        block: Place,
    ) -> Result<Told, ConnectionError> {
        match self.streams.find(id) {
            Some(key) => self.another_head(key, end, block),
            None if id > self.history.highest() => self.first_head(id, end, block),
            None => {
                self.spend(Flood::Stray)?;
                Ok(Told::Discarded { block })
            }
        }
    }

    /// The client begins a stream.
    #[inline]
    fn first_head(&mut self, id: u32, end: bool, block: Place) -> Result<Told, ConnectionError> {
        self.history.open(id);
        if self.drain.is_past(id) {
            // The client is told by GOAWAY that it may try elsewhere: section 6.8.
            self.history.reset(id);
            self.spend(Flood::Stray)?;
            return Ok(Told::Discarded { block });
        }
        self.last_taken = id;
        if self.streams.live() >= self.ours.streams_max as usize {
            self.reset_stream(id, ErrorCode::REFUSED_STREAM)?;
            return Ok(Told::Discarded { block });
        }
        let receive = if end { Receive::Ended } else { Receive::Body };
        let stream = self.insert(id, receive);
        Ok(Told::Head { stream, kind: HeadKind::Message, block, end })
    }

    /// Trailers; of a server also interim heads and the final one.
    fn another_head(
        &mut self,
        key: StreamKey,
        end: bool,
        block: Place,
    ) -> Result<Told, ConnectionError> {
        let Some(stream) = self.streams.stream(key).filter(|stream| stream.reset == Reset::No)
        else {
            self.spend(Flood::Stray)?;
            return Ok(Told::Discarded { block });
        };
        let kind = match stream.receive {
            Receive::Ended => {
                self.stream_error(key, ErrorCode::STREAM_CLOSED)?;
                return Ok(Told::Discarded { block });
            }
            // Trailers end the stream: section 8.1.
            Receive::Body if !end => {
                self.stream_error(key, ErrorCode::PROTOCOL_ERROR)?;
                return Ok(Told::Discarded { block });
            }
            Receive::Body => HeadKind::Trailers,
            Receive::Head => HeadKind::Message,
        };
        if end {
            stream.receive = Receive::Ended;
        }
        Ok(Told::Head { stream: key, kind, block, end })
    }
}

/// Priorities are ignored, RFC 9113 section 5.3; but a stream that depends on itself is an error of
/// RFC 7540 section 5.3.1, and one that a peer could have us reset streams with.
pub(super) fn check_priority(stream: u32, dependency: u32) -> Result<(), ConnectionError> {
    if dependency & STREAM_ID_MAX == stream {
        return Err(ConnectionError::protocol(Reason::Priority));
    }
    Ok(())
}
