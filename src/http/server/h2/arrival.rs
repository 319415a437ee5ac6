//! What the client's frames ask for.

use std::rc::Rc;

use super::seat::{Ending, Seat};
use super::{Driver, Service};
use crate::net::lane::Lane;
use crate::proto::http2::carry::Mismatch;
use crate::proto::http2::fields::{FieldLimits, Fields};
use crate::proto::http2::hpack::{Decoded, Decoder};
use crate::proto::http2::message::{self, Malformed, RequestKind};
use crate::proto::http2::{ErrorCode, Event, HeadKind, PeerSettings, StreamKey};
use crate::telemetry::shard::Shard;
use crate::telemetry::value::{Counter, Gauge, Limit, StreamReset};

/// What is left of an event once its bytes are where they belong.
pub(super) enum Note {
    Nothing,
    /// The field block cannot be decoded: the tables of both sides differ from here on.
    Undecodable,
    /// The fields of a request are decoded.
    Head {
        key: StreamKey,
        end: bool,
        whole: bool,
    },
    Trailers {
        key: StreamKey,
        end: bool,
        whole: bool,
    },
    /// A piece of a body is with its lane, or could not be put there.
    Body {
        key: StreamKey,
        bytes: usize,
        end: bool,
        put: Result<(), Mismatch>,
    },
    Reset {
        key: StreamKey,
        code: ErrorCode,
    },
    Settings(PeerSettings),
}

pub(super) fn note(
    event: Event<'_>,
    decoder: &mut Decoder,
    fields: &mut Fields,
    limits: &FieldLimits,
    seats: &mut [Option<Seat>],
    by_slot: &[u32],
) -> Note {
    match event {
        Event::Head { stream, kind, block, end } => {
            fields.clear();
            let Ok(decoded) = decoder.decode(block, fields, limits) else {
                return Note::Undecodable;
            };
            let whole = decoded == Decoded::Whole;
            match kind {
                HeadKind::Message => Note::Head { key: stream, end, whole },
                HeadKind::Trailers => Note::Trailers { key: stream, end, whole },
            }
        }
        Event::Discarded { block } => {
            fields.clear();
            match decoder.decode(block, fields, limits) {
                Ok(_) => Note::Nothing,
                Err(_) => Note::Undecodable,
            }
        }
        Event::Body { stream, bytes, end } => {
            let seat = by_slot
                .get(stream.slot as usize)
                .and_then(|&index| seats.get_mut(index as usize))
                .and_then(Option::as_mut);
            let put = seat.map_or(Ok(()), |seat| seat.put(stream, bytes));
            Note::Body { key: stream, bytes: bytes.len(), end, put }
        }
        Event::Reset { stream, code, .. } => Note::Reset { key: stream, code },
        Event::Unprocessed { stream } => {
            Note::Reset { key: stream, code: ErrorCode::REFUSED_STREAM }
        }
        Event::Settings(settings) => Note::Settings(settings),
        Event::SettingsTaken | Event::GoAway { .. } => Note::Nothing,
    }
}

impl<S: Service> Driver<'_, S> {
    pub(super) fn act(&mut self, note: Note) {
        match note {
            Note::Nothing => {}
            Note::Undecodable => self.engine.abort(ErrorCode::COMPRESSION_ERROR),
            Note::Head { key, end, whole } => self.head(key, end, whole),
            Note::Trailers { key, end, whole } => self.trailers(key, end, whole),
            Note::Body { key, bytes, end, put } => self.body(key, bytes, end, put),
            Note::Reset { key, code } => self.reset_by_peer(key, code),
            Note::Settings(settings) => {
                self.announced = true;
                self.encoder.set_table_max(settings.header_table_bytes_min as usize);
                self.encoder.set_table_max(settings.header_table_bytes as usize);
            }
        }
    }

    /// A stream begins: its head goes to a lane.
    fn head(&mut self, key: StreamKey, end: bool, whole: bool) {
        if !whole {
            self.terms.shard.limit_hit(Limit::HeadBytes);
            self.refuse(key, 431);
            return;
        }
        let (index, lane) = self.free_lane().unwrap_or_else(|| self.new_lane());
        let websocket_key = self.terms.settings.connect_protocol.then_some(WEBSOCKET_KEY);
        let fields = &self.fields;
        let shape = lane.put(|text| message::request_text(fields, end, websocket_key, text));
        match shape {
            Ok(shape) if shape.kind == RequestKind::UnknownProtocol => {
                self.free.push(index);
                self.refuse(key, 501);
            }
            Ok(shape) => self.begin(key, index, shape, end),
            Err(malformed) => {
                self.free.push(index);
                self.malformed(key, malformed);
            }
        }
    }

    /// A lane whose task waits for a stream. One that was just told to end leaves by itself.
    fn free_lane(&mut self) -> Option<(u32, Rc<Lane>)> {
        while let Some(index) = self.free.pop() {
            let seat = self.seats[index as usize].as_ref().expect("a free seat has a lane");
            if seat.lane.is_read() {
                return Some((index, Rc::clone(&seat.lane)));
            }
        }
        None
    }

    fn malformed(&mut self, key: StreamKey, malformed: Malformed) {
        tracing::debug!(reason = malformed.name(), "a malformed HTTP/2 request");
        self.terms.shard.add(Counter::Http2Malformed, 1);
        self.engine.reset(key, ErrorCode::PROTOCOL_ERROR);
        self.engine.ended(key);
    }

    /// Answers without a lane.
    fn refuse(&mut self, key: StreamKey, status: u16) {
        if self.engine.can_send(key) {
            self.block.clear();
            self.encoder.begin(&mut self.block);
            self.encoder.status(status, &mut self.block);
            self.engine.send_head(key, &self.block, true);
        }
        self.engine.ended(key);
    }

    fn begin(&mut self, key: StreamKey, index: u32, shape: message::RequestShape, end: bool) {
        let slot = key.slot as usize;
        if self.by_slot.len() <= slot {
            self.by_slot.resize(slot + 1, u32::MAX);
        }
        self.by_slot[slot] = index;
        self.streams += 1;
        self.terms.shard.gauge_add(Gauge::Http2Streams, 1);
        let seat = self.seats[index as usize].as_mut().expect("a stream has a seat");
        seat.begin(key, shape);
        if end {
            let ended = seat.end_request(b"");
            debug_assert!(ended.is_ok(), "a head that ends its stream has no body to come");
        }
    }

    fn trailers(&mut self, key: StreamKey, end: bool, whole: bool) {
        // Section 8.1: trailers end the stream.
        if !end || !whole {
            self.break_stream(key, ErrorCode::PROTOCOL_ERROR);
            return;
        }
        let mut text = self.terms.buffers.take();
        let written = message::trailer_text(&self.fields, &mut text);
        let ended = match (written, self.seat_of(key)) {
            (Ok(()), Some(seat)) => seat.end_request(text.filled()).map_err(|Mismatch| ()),
            (Ok(()), None) => Ok(()),
            (Err(_), _) => Err(()),
        };
        self.terms.buffers.give(text);
        match ended {
            Ok(()) => self.look_at(key),
            Err(()) => self.break_stream(key, ErrorCode::PROTOCOL_ERROR),
        }
    }

    fn body(&mut self, key: StreamKey, bytes: usize, end: bool, put: Result<(), Mismatch>) {
        let Some(seat) = self.seat_of(key) else {
            self.engine.release(key, bytes);
            return;
        };
        let mut result = put;
        seat.credit += bytes;
        if end && result.is_ok() {
            result = seat.end_request(b"");
        }
        match result {
            Ok(()) => self.look_at(key),
            Err(Mismatch) => self.break_stream(key, ErrorCode::PROTOCOL_ERROR),
        }
    }

    fn reset_by_peer(&mut self, key: StreamKey, code: ErrorCode) {
        count_reset(self.terms.shard, code);
        if let Some(seat) = self.seat_of(key) {
            seat.cut(Ending::Reset);
            self.look_at(key);
        }
    }

    /// The stream ends for what the client did.
    pub(super) fn break_stream(&mut self, key: StreamKey, code: ErrorCode) {
        count_reset(self.terms.shard, code);
        self.engine.reset(key, code);
        if let Some(seat) = self.seat_of(key) {
            seat.cut(Ending::Reset);
            self.look_at(key);
        }
    }

    pub(super) fn seat_of(&mut self, key: StreamKey) -> Option<&mut Seat> {
        let index = *self.by_slot.get(key.slot as usize)?;
        self.seats.get_mut(index as usize)?.as_mut().filter(|seat| seat.key() == Some(key))
    }

    fn look_at(&mut self, key: StreamKey) {
        if let Some(&index) = self.by_slot.get(key.slot as usize) {
            self.look(index);
        }
    }
}

pub(super) fn count_reset(shard: &Shard, code: ErrorCode) {
    let cause = StreamReset::from_index(code.0 as usize).unwrap_or(StreamReset::Unknown);
    shard.client_reset(cause);
}

/// RFC 6455 wants a nonce so that an answer is not taken from a cache; ours is taken from a
/// connection. What it is hashed to is not part of HTTP/2, and left out of the answer.
const WEBSOCKET_KEY: &[u8] = b"cmluZ3dheSBsYW5lIGtleQ==";
