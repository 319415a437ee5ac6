//! `Connection`: the engine of one HTTP/2 connection, in either role.
//!
//! The driver gives it what it has read (`advance`), does what the events say, asks for streams that
//! may send (`next_ready`), and writes what has gathered in `out`. After an error a GOAWAY stands in
//! `out` and nothing more is taken. Refuses to buffer bodies; what it buffers is part of a field
//! block, which is bounded, and frames that wait to be written, which are too.

mod blocks;
mod bodies;
mod control;
mod event;
mod lifetime;
mod sending;

use super::error::{ConnectionError, ErrorCode, Reason};
use super::flood::{Budgets, Flood};
use super::flow::{ReceiveWindow, SendWindow, WINDOW_BYTES_INITIAL};
use super::frame::{self, FRAME_HEAD_BYTES, FrameHead, Kind};
use super::history::{History, Past};
use super::preface::PREFACE;
use super::settings::{PeerSettings, Settings};
use super::stream::{Receive, Reset, Stream, Waiting};
use super::streams::Streams;
use super::{Role, StreamKey};
use crate::base::clock::Instant;
use crate::limits::{H2_CONTROL_BYTES_MAX, H2_OUT_BYTES_STALLED};
use blocks::Collecting;
pub use event::{Advanced, Event, HeadKind};
use event::{Place, Step, Told};
use lifetime::{Drain, Pings};
pub use sending::Refused;

#[derive(Debug)]
pub struct Connection {
    role: Role,
    ours: Settings,
    peer: PeerSettings,
    now: Instant,
    inside: Inside,
    /// The field block whose end has not come.
    collecting: Option<Collecting>,
    /// Its fragments so far.
    block: Vec<u8>,
    streams: Streams,
    history: History,
    window_in: ReceiveWindow,
    window_out: SendWindow,
    /// Frames to be written.
    out: Vec<u8>,
    /// Answers to control frames among them.
    control_bytes: usize,
    budgets: Budgets,
    pings: Pings,
    drain: Drain,
    /// When our SETTINGS were sent; nothing once they are acknowledged.
    settings_sent_at: Option<Instant>,
    peer_settings_seen: bool,
    /// To be told before the next frame is looked at.
    reset_untold: Option<(StreamKey, ErrorCode)>,
    /// The peer's GOAWAY: streams above it, from this slot on, are to be told of.
    unprocessed: Option<Unprocessed>,
    /// The last id of the peer's GOAWAY.
    peer_last: Option<u32>,
    /// The highest stream of the peer's that was answered in any way.
    last_taken: u32,
    failure: Option<ConnectionError>,
}

/// Where in the bytes of the peer we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Inside {
    /// So many bytes of the client's preface have come.
    Preface(usize),
    /// Between two frames.
    Nothing,
    Body {
        stream: StreamKey,
        left: usize,
        padding: usize,
        end: bool,
    },
    Block {
        left: usize,
        padding: usize,
        last: bool,
    },
    /// Padding, or what does not matter.
    Skipped(usize),
}

#[derive(Clone, Copy, Debug)]
struct Unprocessed {
    above: u32,
    slot: u32,
}

impl Connection {
    /// Our preface stands in `out` afterwards.
    pub fn new(role: Role, settings: &Settings, now: Instant) -> Self {
        let ours = settings.clamped();
        let mut out = Vec::new();
        let inside = match role {
            Role::Server => Inside::Preface(0),
            Role::Client => {
                out.extend_from_slice(PREFACE);
                Inside::Nothing
            }
        };
        ours.put(role, &mut out);
        let window = ours.connection_window_bytes;
        if window > WINDOW_BYTES_INITIAL {
            frame::put_window_update(&mut out, 0, window - WINDOW_BYTES_INITIAL);
        }
        Self {
            role,
            ours,
            peer: PeerSettings::default(),
            now,
            inside,
            collecting: None,
            block: Vec::new(),
            streams: Streams::default(),
            history: History::default(),
            window_in: ReceiveWindow::new(window, ours.connection_window_bytes_max),
            window_out: SendWindow::new(WINDOW_BYTES_INITIAL),
            out,
            control_bytes: 0,
            budgets: Budgets::new(now),
            pings: Pings::new(now),
            drain: Drain::No,
            settings_sent_at: Some(now),
            peer_settings_seen: false,
            reset_untold: None,
            unprocessed: None,
            peer_last: None,
            last_taken: 0,
            failure: None,
        }
    }

    /// Looks at the front of `input` and takes it in, until something is to be told or no more can
    /// be taken. What is left, at most `H2_INPUT_BYTES_KEPT_MAX` unless the peer has to read first
    /// (`takes_input`), is to be given again with more behind it.
    #[inline]
    pub fn advance<'a>(
        &'a mut self,
        input: &'a [u8],
        now: Instant,
    ) -> Result<Advanced<'a>, ConnectionError> {
        self.now = now;
        if let Some(error) = self.failure {
            return Err(error);
        }
        if !input.is_empty() {
            self.pings.heard(now);
        }
        let mut consumed = 0;
        loop {
            let from = consumed;
            let step = match self.untold() {
                Some(told) => Step::told(0, told),
                None => match self.step(&input[from..]) {
                    Ok(step) => step,
                    Err(error) => return Err(self.fail(error)),
                },
            };
            consumed += step.consumed;
            if let Some(told) = step.told {
                let event = Some(self.event(told, &input[from..]));
                return Ok(Advanced { consumed, event });
            }
            if step.consumed == 0 {
                return Ok(Advanced { consumed, event: None });
            }
        }
    }

    /// False while so much waits to be written that `advance` takes nothing in: the peer has to
    /// read first.
    pub fn takes_input(&self) -> bool {
        self.out.len() < H2_OUT_BYTES_STALLED
    }

    /// Frames to be written.
    pub fn out(&self) -> &[u8] {
        &self.out
    }

    /// Hands over the frames to be written in exchange for a buffer that was written. The driver
    /// does so when nothing of it is being written: what waits here is what the bounds are on.
    #[inline]
    pub fn swap_out(&mut self, written: &mut Vec<u8>) {
        written.clear();
        std::mem::swap(&mut self.out, written);
        self.control_bytes = 0;
    }

    /// What ended the connection, also where it was found outside of `advance`.
    pub const fn failure(&self) -> Option<ConnectionError> {
        self.failure
    }

    pub const fn peer(&self) -> &PeerSettings {
        &self.peer
    }

    /// Streams that the driver works on.
    pub fn live(&self) -> usize {
        self.streams.live()
    }

    /// The driver gives up: a field block that cannot be decoded (`COMPRESSION_ERROR`), or a reason
    /// of its own.
    pub fn abort(&mut self, code: ErrorCode) {
        let compression = code == ErrorCode::COMPRESSION_ERROR;
        let reason = if compression { Reason::Compression } else { Reason::Driver };
        self.fail(ConnectionError::new(code, reason));
    }

    /// The first error ends the connection; later ones change nothing.
    fn fail(&mut self, error: ConnectionError) -> ConnectionError {
        if let Some(first) = self.failure {
            return first;
        }
        frame::put_go_away(&mut self.out, self.last_taken, error.code);
        self.failure = Some(error);
        error
    }

    fn untold(&mut self) -> Option<Told> {
        if let Some((stream, code)) = self.reset_untold.take()
            && self.streams.peek(stream).is_some()
        {
            return Some(Told::Reset { stream, code, by_peer: false });
        }
        self.unprocessed.and_then(|rest| self.next_unprocessed(rest))
    }

    fn event<'a>(&'a self, told: Told, input: &'a [u8]) -> Event<'a> {
        let bytes_of = |place| match place {
            Place::Input(range) => &input[range],
            Place::Collected => &self.block[..],
        };
        match told {
            Told::Head { stream, kind, block, end } => {
                Event::Head { stream, kind, block: bytes_of(block), end }
            }
            Told::Discarded { block } => Event::Discarded { block: bytes_of(block) },
            Told::Body { stream, bytes, end } => Event::Body { stream, bytes: &input[bytes], end },
            Told::Reset { stream, code, by_peer } => Event::Reset { stream, code, by_peer },
            Told::Unprocessed { stream } => Event::Unprocessed { stream },
            Told::GoAway { last, code } => Event::GoAway { last, code },
            Told::Settings => Event::Settings(self.peer),
            Told::SettingsTaken => Event::SettingsTaken,
        }
    }

    #[inline]
    fn step(&mut self, input: &[u8]) -> Result<Step, ConnectionError> {
        if input.is_empty() || !self.takes_input() {
            return Ok(Step::default());
        }
        match self.inside {
            Inside::Preface(seen) => self.preface(input, seen),
            Inside::Nothing => self.frame(input),
            Inside::Body { .. } => Ok(self.body_goes_on(input, 0)),
            Inside::Block { .. } => self.block_goes_on(input, 0),
            Inside::Skipped(left) => {
                let read = left.min(input.len());
                self.skip(left - read);
                Ok(Step::read(read))
            }
        }
    }

    fn preface(&mut self, input: &[u8], seen: usize) -> Result<Step, ConnectionError> {
        let rest = &PREFACE[seen..];
        let read = rest.len().min(input.len());
        if input[..read] != rest[..read] {
            return Err(ConnectionError::protocol(Reason::Preface));
        }
        let seen = seen + read;
        self.inside = if seen < PREFACE.len() { Inside::Preface(seen) } else { Inside::Nothing };
        Ok(Step::read(read))
    }

    /// A frame whose head, and of whose payload as much as has to be read at once, is there.
    #[inline]
    fn frame(&mut self, input: &[u8]) -> Result<Step, ConnectionError> {
        let Some(head) = FrameHead::parse(input) else { return Ok(Step::default()) };
        self.check_order(&head)?;
        let fixed = fixed_bytes(&head)?;
        let Some(payload) = input.get(FRAME_HEAD_BYTES..FRAME_HEAD_BYTES + fixed) else {
            return Ok(Step::default());
        };
        let read = FRAME_HEAD_BYTES + fixed;
        let told = match head.kind {
            Kind::Body => return self.body(&head, input),
            Kind::Headers => return self.headers(&head, input),
            Kind::Continuation => return self.continuation(&head, input),
            Kind::Priority => self.priority(&head, payload)?,
            Kind::Reset => self.peer_reset(&head, payload)?,
            Kind::Settings => self.settings(&head, payload)?,
            Kind::PushPromise => return Err(ConnectionError::protocol(Reason::Push)),
            Kind::Ping => self.ping(&head, payload)?,
            Kind::GoAway => self.go_away(&head, payload)?,
            Kind::WindowUpdate => self.window_update(&head, payload)?,
            Kind::Unknown => {
                self.spend(Flood::Ignored)?;
                None
            }
        };
        self.skip(head.length - fixed);
        Ok(Step { consumed: read, told })
    }

    /// What holds of a frame by its place among the others: sections 3.4, 4.2 and 6.10.
    #[inline]
    fn check_order(&self, head: &FrameHead) -> Result<(), ConnectionError> {
        if head.length > self.ours.frame_bytes_max as usize {
            return Err(ConnectionError::frame_size());
        }
        let announces = head.kind == Kind::Settings && !head.has(frame::ACK);
        if !self.peer_settings_seen && !announces {
            return Err(ConnectionError::protocol(Reason::NoSettings));
        }
        let goes_on = self
            .collecting
            .is_some_and(|block| head.kind == Kind::Continuation && block.stream == head.stream);
        let may_begin = self.collecting.is_none() && head.kind != Kind::Continuation;
        if goes_on || may_begin {
            Ok(())
        } else {
            Err(ConnectionError::protocol(Reason::Interleaved))
        }
    }

    fn skip(&mut self, left: usize) {
        self.inside = if left == 0 { Inside::Nothing } else { Inside::Skipped(left) };
    }

    #[inline]
    fn spend(&mut self, kind: Flood) -> Result<(), ConnectionError> {
        Ok(self.budgets.spend(kind, self.now)?)
    }

    /// Room for an answer that the peer made us give. One who asks and never reads is cut off.
    fn answer(&mut self, bytes: usize) -> Result<&mut Vec<u8>, ConnectionError> {
        self.control_bytes += bytes;
        if self.control_bytes > H2_CONTROL_BYTES_MAX {
            return Err(Flood::Unread.into());
        }
        Ok(&mut self.out)
    }

    /// Ends a stream for what the peer did to it. The driver is told by `reset_untold`.
    fn stream_error(&mut self, key: StreamKey, code: ErrorCode) -> Result<(), ConnectionError> {
        debug_assert!(self.reset_untold.is_none(), "told before the next frame is looked at");
        self.reset_stream(key.id, code)?;
        self.streams.leave(key);
        if let Some(stream) = self.streams.stream(key) {
            stream.reset = Reset::ByUs;
            self.reset_untold = Some((key, code));
        }
        Ok(())
    }

    /// RST_STREAM for what the peer did, against its budget.
    fn reset_stream(&mut self, id: u32, code: ErrorCode) -> Result<(), ConnectionError> {
        let refused = code == ErrorCode::REFUSED_STREAM;
        self.spend(if refused { Flood::Refused } else { Flood::Fault })?;
        self.history.reset(id);
        frame::put_reset(self.answer(RESET_BYTES)?, id, code);
        Ok(())
    }

    /// Bytes for the connection's window that were consumed or thrown away.
    #[inline]
    fn release_connection(&mut self, bytes: u32) {
        let increment = self.window_in.release(bytes);
        if increment > 0 {
            frame::put_window_update(&mut self.out, 0, increment);
        }
    }

    /// A stream with fresh windows.
    #[inline]
    fn insert(&mut self, id: u32, receive: Receive) -> StreamKey {
        self.budgets.opened();
        // Until the peer acknowledges a smaller window it may rightly send into the initial one.
        let pending = self.settings_sent_at.is_some();
        let least = if pending { WINDOW_BYTES_INITIAL } else { 0 };
        let size = self.ours.window_bytes.max(least);
        self.streams.insert(Stream {
            id,
            receive,
            sent: false,
            reset: Reset::No,
            waiting: Waiting::No,
            window_in: ReceiveWindow::new(size, self.ours.window_bytes_max),
            window_out: SendWindow::new(self.peer.window_bytes),
            held: 0,
            previous: 0,
            next: 0,
        })
    }

    /// What is known of a stream that is not live; idle ones may have no frame but HEADERS.
    fn past(&self, id: u32) -> Result<Past, ConnectionError> {
        match self.history.past(id) {
            Past::Idle => Err(ConnectionError::protocol(Reason::StreamId)),
            past => Ok(past),
        }
    }
}

/// The bytes at the front of a payload that are read at once; an error when the frame cannot have
/// that size.
#[inline]
fn fixed_bytes(head: &FrameHead) -> Result<usize, ConnectionError> {
    let padding = usize::from(head.has(frame::PADDED));
    let (least, most) = match head.kind {
        Kind::Body => (padding, usize::MAX),
        Kind::Headers => {
            let priority = if head.has(frame::PRIORITY) { PRIORITY_BYTES } else { 0 };
            (padding + priority, usize::MAX)
        }
        Kind::Reset | Kind::WindowUpdate => (4, 4),
        // Its size may be wrong: section 6.3 makes that an error of the stream.
        Kind::Priority => (head.length.min(PRIORITY_BYTES), usize::MAX),
        Kind::Settings => return settings_bytes(head),
        Kind::Ping => (8, 8),
        Kind::GoAway => (8, usize::MAX),
        Kind::PushPromise | Kind::Continuation | Kind::Unknown => (0, usize::MAX),
    };
    if head.length < least || head.length > most {
        return Err(ConnectionError::frame_size());
    }
    Ok(least)
}

fn settings_bytes(head: &FrameHead) -> Result<usize, ConnectionError> {
    use super::settings::SETTING_BYTES;
    use crate::limits::H2_SETTINGS_BYTES_MAX;

    let most = if head.has(frame::ACK) { 0 } else { usize::MAX };
    if head.length > most || !head.length.is_multiple_of(SETTING_BYTES) {
        return Err(ConnectionError::frame_size());
    }
    if head.length > H2_SETTINGS_BYTES_MAX {
        return Err(Flood::Settings.into());
    }
    Ok(head.length)
}

const PRIORITY_BYTES: usize = 5;
const RESET_BYTES: usize = FRAME_HEAD_BYTES + 4;

#[cfg(test)]
mod flood_tests;
#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod lifetime_tests;
#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod tests;
