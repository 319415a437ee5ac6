//! Frames that carry no part of a message: PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY and
//! WINDOW_UPDATE, RFC 9113 sections 6.3 to 6.9. Each costs some of a budget.

use super::{
    Connection, ConnectionError, ErrorCode, FRAME_HEAD_BYTES, Flood, FrameHead, PRIORITY_BYTES,
    Reason, Receive, Reset, Role, Told, Unprocessed, Waiting, blocks, frame,
};
use crate::proto::http2::flow::WINDOW_BYTES_INITIAL;
use crate::proto::http2::frame::{Kind, STREAM_ID_MAX, u32_at};

impl Connection {
    pub(super) fn priority(
        &mut self,
        head: &FrameHead,
        payload: &[u8],
    ) -> Result<Option<Told>, ConnectionError> {
        if head.stream == 0 {
            return Err(ConnectionError::protocol(Reason::StreamId));
        }
        self.spend(Flood::Ignored)?;
        if head.length == PRIORITY_BYTES {
            blocks::check_priority(head.stream, u32_at(payload, 0))?;
            return Ok(None);
        }
        let code = ErrorCode::FRAME_SIZE_ERROR;
        match self.streams.find(head.stream) {
            Some(key) if self.streams.peek(key).is_some_and(|live| !live.is_closed()) => {
                self.stream_error(key, code)?;
            }
            Some(_) => {}
            // An idle stream cannot be reset: section 6.4.
            None if self.past(head.stream).is_err() => return Err(ConnectionError::frame_size()),
            None => self.reset_stream(head.stream, code)?,
        }
        Ok(None)
    }

    pub(super) fn peer_reset(
        &mut self,
        head: &FrameHead,
        payload: &[u8],
    ) -> Result<Option<Told>, ConnectionError> {
        let live = self.streams.find(head.stream);
        let open = live.filter(|&key| self.streams.peek(key).is_some_and(|live| !live.is_closed()));
        let Some(key) = open else {
            if live.is_none() {
                self.past(head.stream)?;
            }
            self.spend(Flood::Stray)?;
            return Ok(None);
        };
        if self.role == Role::Server {
            self.spend(Flood::Reset)?;
        }
        self.streams.leave(key);
        if let Some(stream) = self.streams.stream(key) {
            stream.reset = Reset::ByPeer;
        }
        let code = ErrorCode(u32_at(payload, 0));
        Ok(Some(Told::Reset { stream: key, code, by_peer: true }))
    }

    pub(super) fn settings(
        &mut self,
        head: &FrameHead,
        payload: &[u8],
    ) -> Result<Option<Told>, ConnectionError> {
        of_all_streams(head)?;
        if head.has(frame::ACK) {
            return self.settings_taken();
        }
        self.spend(Flood::Settings)?;
        if !self.peer_settings_seen {
            self.peer_settings_seen = true;
            // What it does not limit is not limited; before, we went by a guess.
            self.peer.streams_max = u32::MAX;
        }
        let before = self.peer.window_bytes;
        self.peer = self.peer.after(self.role, payload)?;
        frame::put_head(self.answer(FRAME_HEAD_BYTES)?, 0, Kind::Settings, frame::ACK, 0);
        let change = i64::from(self.peer.window_bytes) - i64::from(before);
        if change != 0 {
            self.shift_windows(change)?;
        }
        Ok(Some(Told::Settings))
    }

    /// Streams that are open get the difference: section 6.9.2.
    fn shift_windows(&mut self, change: i64) -> Result<(), ConnectionError> {
        let mut slot = 0;
        while let Some(key) = self.streams.next_from(slot) {
            slot = key.slot + 1;
            let Some(stream) = self.streams.stream(key) else { continue };
            if !stream.window_out.shift(change) {
                return Err(ConnectionError::flow_control());
            }
            if stream.waiting == Waiting::Window && stream.window_out.available() > 0 {
                self.streams.enqueue(key);
            }
        }
        Ok(())
    }

    fn settings_taken(&mut self) -> Result<Option<Told>, ConnectionError> {
        if self.settings_sent_at.take().is_none() {
            self.spend(Flood::Stray)?;
            return Ok(None);
        }
        let surplus = WINDOW_BYTES_INITIAL.saturating_sub(self.ours.window_bytes);
        if surplus > 0 {
            self.streams.each().for_each(|(_, stream)| stream.window_in.shrink(surplus));
        }
        Ok(Some(Told::SettingsTaken))
    }

    pub(super) fn ping(
        &mut self,
        head: &FrameHead,
        payload: &[u8],
    ) -> Result<Option<Told>, ConnectionError> {
        of_all_streams(head)?;
        let mut opaque = [0; 8];
        opaque.copy_from_slice(payload);
        if head.has(frame::ACK) {
            if !self.ping_answered(opaque) {
                self.spend(Flood::Stray)?;
            }
            return Ok(None);
        }
        self.spend(Flood::Ping)?;
        frame::put_ping(self.answer(FRAME_HEAD_BYTES + opaque.len())?, frame::ACK, opaque);
        Ok(None)
    }

    pub(super) fn go_away(
        &mut self,
        head: &FrameHead,
        payload: &[u8],
    ) -> Result<Option<Told>, ConnectionError> {
        of_all_streams(head)?;
        self.spend(Flood::Stray)?;
        let last = u32_at(payload, 0) & STREAM_ID_MAX;
        if self.peer_last.is_some_and(|earlier| last > earlier) {
            return Err(ConnectionError::protocol(Reason::GoAway));
        }
        self.peer_last = Some(last);
        if self.role == Role::Client {
            self.unprocessed = Some(Unprocessed { above: last, slot: 0 });
        }
        Ok(Some(Told::GoAway { last, code: ErrorCode(u32_at(payload, 4)) }))
    }

    /// The next stream that the peer's GOAWAY says it never looked at.
    pub(super) fn next_unprocessed(&mut self, rest: Unprocessed) -> Option<Told> {
        let mut slot = rest.slot;
        while let Some(key) = self.streams.next_from(slot) {
            slot = key.slot + 1;
            let Some(stream) = self.streams.stream(key) else { continue };
            // One that was answered was processed, whatever the peer says.
            let unseen = key.id > rest.above && stream.receive == Receive::Head;
            if unseen && !stream.is_closed() {
                stream.reset = Reset::ByPeer;
                self.streams.leave(key);
                self.unprocessed = Some(Unprocessed { slot, ..rest });
                return Some(Told::Unprocessed { stream: key });
            }
        }
        self.unprocessed = None;
        None
    }

    #[inline]
    pub(super) fn window_update(
        &mut self,
        head: &FrameHead,
        payload: &[u8],
    ) -> Result<Option<Told>, ConnectionError> {
        self.spend(Flood::WindowUpdate)?;
        let increment = u32_at(payload, 0) & STREAM_ID_MAX;
        if head.stream == 0 {
            if increment == 0 {
                return Err(ConnectionError::protocol(Reason::Window));
            }
            let opened = self.window_out.open(increment);
            return if opened { Ok(None) } else { Err(ConnectionError::flow_control()) };
        }
        let Some(key) = self.streams.find(head.stream) else {
            self.past(head.stream)?;
            self.spend(Flood::Stray)?;
            return Ok(None);
        };
        let Some(stream) = self.streams.stream(key).filter(|stream| !stream.is_closed()) else {
            self.spend(Flood::Stray)?;
            return Ok(None);
        };
        if increment == 0 {
            self.stream_error(key, ErrorCode::PROTOCOL_ERROR)?;
        } else if !stream.window_out.open(increment) {
            self.stream_error(key, ErrorCode::FLOW_CONTROL_ERROR)?;
        } else if stream.waiting == Waiting::Window && stream.window_out.available() > 0 {
            self.streams.enqueue(key);
        }
        Ok(None)
    }
}

/// SETTINGS, PING and GOAWAY are no stream's.
fn of_all_streams(head: &FrameHead) -> Result<(), ConnectionError> {
    match head.stream {
        0 => Ok(()),
        _ => Err(ConnectionError::protocol(Reason::StreamId)),
    }
}
