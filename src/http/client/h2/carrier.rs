//! `Carrier`: the lanes and streams of one connection, without its socket. This half looks at what
//! the lanes have for the endpoint; `answer` takes what the endpoint has for the lanes.

mod answer;

use std::collections::VecDeque;
use std::rc::Rc;

use super::lanes::{Lanes, Stage};
use super::{Meter, Options};
use crate::base::buffer::Buffer;
use crate::base::clock::Instant;
use crate::limits::{LANE_BYTES, LANE_OUT_BYTES_MAX};
use crate::net::lane::Lane;
use crate::proto::http1::Scheme;
use crate::proto::http2::carry::{Piece, Unwrap, Wrap};
use crate::proto::http2::fields::Fields;
use crate::proto::http2::hpack::{Decoder, Encoder};
use crate::proto::http2::message::{Body, RequestShape, head_end, request_fields, trailer_fields};
use crate::proto::http2::settings::HEADER_TABLE_BYTES;
use crate::proto::http2::{
    Connection, ConnectionError, ErrorCode, Refused, Role, Settings, StreamKey,
};

pub(super) struct Carrier {
    pub(super) engine: Connection,
    decoder: Decoder,
    encoder: Encoder,
    fields: Fields,
    /// The block that is being encoded, and the text of trailers.
    block: Vec<u8>,
    trailers: Buffer,
    pub(super) lanes: Rc<Lanes>,
    /// Of each lane, by its index.
    phases: Vec<Phase>,
    /// The lane of each stream, by its slot.
    carried: Vec<u32>,
    rang: Vec<u32>,
    /// Lanes whose request waits for a stream.
    waiting: VecDeque<u32>,
    /// Lanes that were answered before their request was complete.
    early: Vec<u32>,
    scheme: Scheme,
    /// The highest stream that was opened, and that may have reached the endpoint.
    opened: u32,
    written: u32,
    now: Instant,
    meter: Meter,
    over: bool,
}

/// How far a lane is.
#[derive(Clone, Copy)]
enum Phase {
    /// Between two exchanges.
    Idle,
    /// The head of a request is there, and no stream to be had for it.
    Waiting,
    Open(Exchange),
    /// Answered; the rest of the request is thrown away.
    Drains(Unwrap),
    /// Broken off, or left by its task.
    Dead,
}

#[derive(Clone, Copy)]
struct Exchange {
    stream: StreamKey,
    asked: RequestShape,
    /// Nothing once the request was sent to its end.
    upload: Option<Unwrap>,
    /// Nothing before the final head.
    wrap: Option<Wrap>,
    answered: bool,
    interims: u8,
    /// Bytes of the response's body that were not given back to the window.
    held: usize,
}

impl Carrier {
    pub(super) fn new(lanes: Rc<Lanes>, options: &Options, now: Instant) -> Self {
        let settings = Settings {
            header_table_bytes: HEADER_TABLE_BYTES,
            connect_protocol: false,
            ..options.settings
        };
        options.meter.series().h2_connections.add(1);
        Self {
            engine: Connection::new(Role::Client, &settings, now),
            decoder: Decoder::new(HEADER_TABLE_BYTES as usize),
            encoder: Encoder::new(),
            fields: Fields::new(),
            block: Vec::new(),
            trailers: Buffer::with_capacity(LANE_BYTES),
            lanes,
            phases: Vec::new(),
            carried: Vec::new(),
            rang: Vec::new(),
            waiting: VecDeque::new(),
            early: Vec::new(),
            scheme: options.scheme,
            opened: 0,
            written: 0,
            now,
            meter: options.meter.clone(),
            over: false,
        }
    }

    /// Looks at every lane that rang.
    pub(super) fn look(&mut self, now: Instant) {
        self.now = now;
        let mut rang = std::mem::take(&mut self.rang);
        self.lanes.bell.answer(&mut rang);
        for index in rang.drain(..) {
            if let Some(lane) = self.lanes.of(index) {
                self.look_at(index, &lane);
            }
        }
        self.rang = rang;
    }

    /// What other lanes made possible: bodies that waited for a window or for room, requests that
    /// waited for a stream. To be called at the end of a turn.
    pub(super) fn settle(&mut self) {
        let mut early = std::mem::take(&mut self.early);
        for index in early.drain(..) {
            self.cut_upload(index);
        }
        self.early = early;
        while let Some(stream) = self.engine.next_ready() {
            if let Some((index, lane)) = self.lane_of(stream) {
                self.send(index, &lane);
            }
        }
        while !self.waiting.is_empty() && self.engine.check_vacancy() != Err(Refused::Full) {
            let Some(index) = self.waiting.pop_front() else { return };
            if let (Phase::Waiting, Some(lane)) = (self.phase(index), self.lanes.of(index)) {
                self.set(index, Phase::Idle);
                self.begin(index, &lane);
            }
        }
    }

    /// What is in the engine's `out` is on its way from now on.
    pub(super) fn swap_out(&mut self, written: &mut Vec<u8>) {
        self.engine.swap_out(written);
        self.written = self.opened;
    }

    /// The connection has ended: every lane is told, and whether its request may be sent again.
    pub(super) fn end(&mut self) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let settled = self.lanes.settled.get();
        for index in 0..self.lanes.places() {
            let Some(lane) = self.lanes.of(index) else { continue };
            let unprocessed = match self.phase(index) {
                Phase::Open(exchange) => {
                    self.meter.series().streams.add(-1);
                    // An endpoint that did not tell its settings does not speak HTTP/2.
                    exchange.wrap.is_none() && (!settled || exchange.stream.id > self.written)
                }
                _ => true,
            };
            lane.break_off(unprocessed);
            self.set(index, Phase::Dead);
        }
        self.meter.series().h2_connections.add(-1);
        self.lanes.leave(Stage::Closed);
    }

    /// The endpoint broke the rules, or does not answer any more.
    pub(super) fn fail_all(&mut self, error: ConnectionError) {
        if !self.over {
            let (reason, code) = (error.reason.name(), error.code.name());
            tracing::info!(reason, code, "an HTTP/2 connection to an endpoint is given up");
        }
        self.end();
    }

    fn look_at(&mut self, index: u32, lane: &Lane) {
        lane.look();
        if lane.write_ended() {
            return self.abandon(index, lane);
        }
        match self.phase(index) {
            Phase::Idle => self.begin(index, lane),
            Phase::Waiting => {}
            Phase::Open(_) => {
                self.send(index, lane);
                self.credit(index, lane);
            }
            Phase::Drains(_) => self.drain(index, lane),
            Phase::Dead => lane.take(Buffer::clear),
        }
    }

    /// The task of the lane wants no more of it.
    fn abandon(&mut self, index: u32, lane: &Lane) {
        if let Phase::Open(exchange) = self.phase(index) {
            self.engine.reset(exchange.stream, ErrorCode::CANCEL);
            self.meter.reset(ErrorCode::CANCEL);
            self.close(exchange.stream);
        }
        self.set(index, Phase::Dead);
        if lane.is_gone() {
            self.set(index, Phase::Idle);
            self.lanes.release(index);
        }
    }

    /// Opens a stream when a whole head is there.
    fn begin(&mut self, index: u32, lane: &Lane) {
        let begun = lane.take(|text| self.open(text));
        match begun {
            Begun::Nothing => {}
            Begun::Full => {
                self.set(index, Phase::Waiting);
                self.waiting.push_back(index);
            }
            Begun::Never { unprocessed } => self.break_off(index, lane, unprocessed),
            Begun::Opened(exchange) => {
                let slot = exchange.stream.slot as usize;
                if self.carried.len() <= slot {
                    self.carried.resize(slot + 1, u32::MAX);
                }
                self.carried[slot] = index;
                self.opened = exchange.stream.id;
                self.meter.series().streams.add(1);
                self.set(index, Phase::Open(exchange));
                self.send(index, lane);
            }
        }
    }

    fn open(&mut self, text: &mut Buffer) -> Begun {
        let Some(end) = head_end(text.filled()) else {
            // What fills its lane and is no head will never be one.
            let full = text.len() >= LANE_OUT_BYTES_MAX;
            return if full { Begun::Never { unprocessed: false } } else { Begun::Nothing };
        };
        match self.engine.check_vacancy() {
            Ok(()) => {}
            Err(Refused::Full) => return Begun::Full,
            Err(Refused::IdsUsedUp) => {
                self.lanes.leave(Stage::Draining);
                return Begun::Never { unprocessed: true };
            }
            Err(_) => return Begun::Never { unprocessed: true },
        }
        self.block.clear();
        let head = &text.filled()[..end];
        let encoder = &mut self.encoder;
        let Ok(asked) = request_fields(head, self.scheme, false, encoder, &mut self.block) else {
            return Begun::Never { unprocessed: false };
        };
        let bare = matches!(asked.body, Body::None | Body::Length(0));
        let stream = self.engine.open(&self.block, bare).expect("there is a vacancy");
        text.consume(end);
        Begun::Opened(Exchange {
            stream,
            asked,
            upload: (!bare).then(|| Unwrap::new(asked.body)),
            wrap: None,
            answered: false,
            interims: 0,
            held: 0,
        })
    }

    /// Sends what there is of a body, as far as the windows go.
    fn send(&mut self, index: u32, lane: &Lane) {
        let Some(Phase::Open(exchange)) = self.phases.get_mut(index as usize) else { return };
        let Some(upload) = exchange.upload.as_mut() else { return };
        let stream = exchange.stream;
        let (engine, encoder, block) = (&mut self.engine, &mut self.encoder, &mut self.block);
        let sent = lane.take(|text| send_body(text, upload, stream, engine, encoder, block));
        match sent {
            Sent::Some => {}
            Sent::Broken => self.fail(index, lane, stream, ErrorCode::INTERNAL_ERROR),
            Sent::All => {
                exchange.upload = None;
                if exchange.answered {
                    self.finish(index, stream);
                }
            }
        }
    }

    /// Gives back what the lane's reader has read.
    fn credit(&mut self, index: u32, lane: &Lane) {
        let Some(Phase::Open(exchange)) = self.phases.get_mut(index as usize) else { return };
        let unread = exchange.held.min(lane.unread());
        if exchange.held > unread {
            self.engine.release(exchange.stream, exchange.held - unread);
            exchange.held = unread;
        }
    }

    /// An answer that needed no more of the request: nobody wants the rest, RFC 9113 section 8.1.
    /// The endpoint had the rest of this turn to say so itself.
    fn cut_upload(&mut self, index: u32) {
        let (Phase::Open(exchange), Some(lane)) = (self.phase(index), self.lanes.of(index)) else {
            return;
        };
        let (true, Some(upload)) = (exchange.answered, exchange.upload) else { return };
        self.close(exchange.stream);
        self.set(index, Phase::Drains(upload));
        self.drain(index, &lane);
    }

    /// Throws away what is left of a request, and goes on with the next.
    fn drain(&mut self, index: u32, lane: &Lane) {
        let Phase::Drains(mut upload) = self.phase(index) else { return };
        match lane.take(|text| pass_over(text, &mut upload)) {
            Sent::Some => self.set(index, Phase::Drains(upload)),
            Sent::Broken => self.break_off(index, lane, false),
            Sent::All => {
                self.rest(index);
                if let Phase::Idle = self.phase(index) {
                    self.begin(index, lane);
                }
            }
        }
    }

    /// Both messages are complete.
    fn finish(&mut self, index: u32, stream: StreamKey) {
        self.close(stream);
        self.lanes.proven.set(true);
        self.rest(index);
    }

    /// The lane can have another exchange, where the connection can.
    fn rest(&mut self, index: u32) {
        self.set(index, Phase::Idle);
        if self.lanes.stage.get() != Stage::Open
            && let Some(lane) = self.lanes.of(index)
        {
            self.break_off(index, &lane, true);
        }
    }

    /// The work on the stream is over. What is not complete is reset.
    fn close(&mut self, stream: StreamKey) {
        self.engine.ended(stream);
        self.meter.series().streams.add(-1);
        self.lanes.used_at.set(self.now);
    }

    /// Ends a stream that went wrong, and its lane with it.
    fn fail(&mut self, index: u32, lane: &Lane, stream: StreamKey, code: ErrorCode) {
        self.engine.reset(stream, code);
        self.meter.reset(code);
        self.close(stream);
        self.break_off(index, lane, false);
    }

    fn break_off(&mut self, index: u32, lane: &Lane, unprocessed: bool) {
        lane.break_off(unprocessed);
        lane.take(Buffer::clear);
        self.set(index, Phase::Dead);
    }

    /// The lane of a stream that is at work.
    fn lane_of(&self, stream: StreamKey) -> Option<(u32, Rc<Lane>)> {
        let index = *self.carried.get(stream.slot as usize)?;
        match self.phase(index) {
            Phase::Open(exchange) if exchange.stream == stream => {
                Some((index, self.lanes.of(index)?))
            }
            _ => None,
        }
    }

    #[inline]
    fn phase(&self, index: u32) -> Phase {
        self.phases.get(index as usize).copied().unwrap_or(Phase::Idle)
    }

    #[inline]
    fn set(&mut self, index: u32, phase: Phase) {
        let index = index as usize;
        if self.phases.len() <= index {
            self.phases.resize(index + 1, Phase::Idle);
        }
        self.phases[index] = phase;
    }
}

impl Drop for Carrier {
    /// Also when the driver panics: nobody is left waiting.
    fn drop(&mut self) {
        self.end();
    }
}

/// What came of looking for a head.
enum Begun {
    Nothing,
    /// As many streams are open as may be.
    Full,
    Never {
        unprocessed: bool,
    },
    Opened(Exchange),
}

/// How far a body came.
enum Sent {
    Some,
    All,
    Broken,
}

fn send_body(
    text: &mut Buffer,
    upload: &mut Unwrap,
    stream: StreamKey,
    engine: &mut Connection,
    encoder: &mut Encoder,
    block: &mut Vec<u8>,
) -> Sent {
    loop {
        match upload.next(text.filled()) {
            Piece::Nothing => return Sent::Some,
            Piece::Broken => return Sent::Broken,
            Piece::Bytes { bytes, last } => {
                let taken = engine.send_body(stream, &text.filled()[bytes.clone()], last);
                let used = upload.used(&bytes, text.filled(), taken);
                text.consume(used);
                if taken < bytes.len() {
                    return Sent::Some;
                }
                if last {
                    return Sent::All;
                }
            }
            Piece::End { consumed, trailers } => {
                block.clear();
                // A block that is encoded has to be sent.
                if !trailers.is_empty() && engine.can_send(stream) {
                    trailer_fields(&text.filled()[trailers], encoder, block);
                }
                if block.is_empty() {
                    engine.send_body(stream, &[], true);
                } else {
                    engine.send_head(stream, block, true);
                }
                text.consume(consumed);
                return Sent::All;
            }
        }
    }
}

fn pass_over(text: &mut Buffer, upload: &mut Unwrap) -> Sent {
    loop {
        match upload.next(text.filled()) {
            Piece::Nothing => return Sent::Some,
            Piece::Broken => return Sent::Broken,
            Piece::Bytes { bytes, last } => {
                let used = upload.used(&bytes, text.filled(), bytes.len());
                text.consume(used);
                if last {
                    return Sent::All;
                }
            }
            Piece::End { consumed, .. } => {
                text.consume(consumed);
                return Sent::All;
            }
        }
    }
}
