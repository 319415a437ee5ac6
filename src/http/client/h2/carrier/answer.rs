//! What the endpoint sends, on its way into the lanes.

use std::rc::Rc;

use super::{Carrier, Exchange, Phase};
use crate::base::buffer::Buffer;
use crate::base::clock::Instant;
use crate::http::client::h2::lanes::Stage;
use crate::limits::INTERIM_RESPONSES_MAX;
use crate::net::lane::Lane;
use crate::proto::http2::carry::{Mismatch, Wrap};
use crate::proto::http2::fields::{FieldLimits, Fields};
use crate::proto::http2::hpack::{Decoded, Decoder};
use crate::proto::http2::message::{response_text, trailer_text};
use crate::proto::http2::{ErrorCode, Event, HeadKind, PeerSettings, StreamKey};

/// An event without what it borrows.
enum Told {
    Head { stream: StreamKey, kind: HeadKind, end: bool, decoded: Option<Decoded> },
    Discarded { decoded: Option<Decoded> },
    Body { stream: StreamKey, end: bool, put: Option<Result<(), Mismatch>> },
    Reset { stream: StreamKey, code: ErrorCode, by_peer: bool },
    Unprocessed { stream: StreamKey },
    GoAway,
    Settings(PeerSettings),
    Nothing,
}

impl Carrier {
    /// Takes in what can be taken of `input`, and says how much that was.
    pub(in crate::http::client::h2) fn advance(&mut self, input: &[u8], now: Instant) -> usize {
        self.now = now;
        let mut consumed = 0;
        loop {
            let Ok(advanced) = self.engine.advance(&input[consumed..], now) else {
                return consumed;
            };
            consumed += advanced.consumed;
            let Some(event) = advanced.event else { return consumed };
            let told = match event {
                Event::Head { stream, kind, block, end } => {
                    let decoded = decode(&mut self.decoder, &mut self.fields, block);
                    Told::Head { stream, kind, end, decoded }
                }
                Event::Discarded { block } => {
                    Told::Discarded { decoded: decode(&mut self.decoder, &mut self.fields, block) }
                }
                Event::Body { stream, bytes, end } => {
                    let index = self.carried.get(stream.slot as usize).copied();
                    let phase = index.and_then(|index| self.phases.get_mut(index as usize));
                    let lane = index.and_then(|index| self.lanes.of(index));
                    Told::Body { stream, end, put: put_body(phase, lane, stream, bytes) }
                }
                Event::Reset { stream, code, by_peer } => Told::Reset { stream, code, by_peer },
                Event::Unprocessed { stream } => Told::Unprocessed { stream },
                Event::GoAway { .. } => Told::GoAway,
                Event::Settings(peer) => Told::Settings(peer),
                Event::SettingsTaken => Told::Nothing,
            };
            self.obey(told);
        }
    }

    fn obey(&mut self, told: Told) {
        match told {
            Told::Head { decoded: None, .. } | Told::Discarded { decoded: None } => {
                self.engine.abort(ErrorCode::COMPRESSION_ERROR);
            }
            Told::Head { stream, kind, end, decoded: Some(decoded) } => {
                self.head(stream, kind, end, decoded);
            }
            Told::Body { stream, end, put } => self.body(stream, end, put),
            Told::Reset { stream, code, by_peer } => self.reset(stream, code, by_peer),
            Told::Unprocessed { stream } => {
                if let Some((index, lane)) = self.lane_of(stream) {
                    self.close(stream);
                    self.break_off(index, &lane, true);
                }
            }
            Told::GoAway => self.go_away(),
            Told::Settings(peer) => self.settings(&peer),
            Told::Discarded { decoded: Some(_) } | Told::Nothing => {}
        }
    }

    fn head(&mut self, stream: StreamKey, kind: HeadKind, end: bool, decoded: Decoded) {
        let Some((index, lane)) = self.lane_of(stream) else { return };
        if decoded == Decoded::TooLarge {
            return self.fail(index, &lane, stream, ErrorCode::ENHANCE_YOUR_CALM);
        }
        let Phase::Open(exchange) = &mut self.phases[index as usize] else { return };
        let (fields, trailers) = (&self.fields, &mut self.trailers);
        let taken = match kind {
            HeadKind::Message => put_head(exchange, &lane, fields, end),
            HeadKind::Trailers => put_trailers(exchange, &lane, fields, trailers),
        };
        match taken {
            Err(code) => self.fail(index, &lane, stream, code),
            Ok(Taken::Interim) => {}
            Ok(Taken::Final) => {
                self.engine.head_is_final(stream);
                if end {
                    self.answered(index, &lane, stream);
                }
            }
            Ok(Taken::End) => self.ended(index, stream),
        }
    }

    fn body(&mut self, stream: StreamKey, end: bool, put: Option<Result<(), Mismatch>>) {
        let Some((index, lane)) = self.lane_of(stream) else { return };
        match put {
            Some(Ok(())) if end => self.answered(index, &lane, stream),
            Some(Ok(())) => self.credit(index, &lane),
            _ => self.fail(index, &lane, stream, ErrorCode::PROTOCOL_ERROR),
        }
    }

    /// The response ends without trailers.
    fn answered(&mut self, index: u32, lane: &Lane, stream: StreamKey) {
        let Phase::Open(exchange) = &mut self.phases[index as usize] else { return };
        let wrap = exchange.wrap.as_mut();
        let end = wrap.map(|wrap| lane.put(|inward| wrap.end(b"", inward)));
        match end {
            Some(Ok(())) => self.ended(index, stream),
            _ => self.fail(index, lane, stream, ErrorCode::PROTOCOL_ERROR),
        }
    }

    /// All of the response is in the lane.
    fn ended(&mut self, index: u32, stream: StreamKey) {
        let Phase::Open(exchange) = &mut self.phases[index as usize] else { return };
        exchange.answered = true;
        match exchange.upload {
            None => self.finish(index, stream),
            Some(_) => self.early.push(index),
        }
    }

    fn reset(&mut self, stream: StreamKey, code: ErrorCode, by_peer: bool) {
        self.meter.reset(code);
        let Some((index, lane)) = self.lane_of(stream) else { return };
        let Phase::Open(exchange) = self.phase(index) else { return };
        self.close(stream);
        match exchange.upload {
            // The answer is there, and no more of the request is wanted: section 8.1.
            Some(upload) if exchange.answered => {
                self.set(index, Phase::Drains(upload));
                self.drain(index, &lane);
            }
            _ => {
                let refused = by_peer && code == ErrorCode::REFUSED_STREAM;
                self.break_off(index, &lane, refused && exchange.wrap.is_none());
            }
        }
    }

    /// The endpoint takes no more streams. Those that it has are served to their end.
    fn go_away(&mut self) {
        self.lanes.leave(Stage::Draining);
        for index in 0..self.lanes.places() {
            if let (Phase::Idle | Phase::Waiting, Some(lane)) =
                (self.phase(index), self.lanes.of(index))
            {
                self.break_off(index, &lane, true);
            }
        }
    }

    fn settings(&mut self, peer: &PeerSettings) {
        self.encoder.set_table_max(peer.header_table_bytes_min as usize);
        self.encoder.set_table_max(peer.header_table_bytes as usize);
        self.lanes.settle(peer.streams_max);
    }
}

/// What became of a field list.
enum Taken {
    Interim,
    Final,
    End,
}

fn put_head(
    exchange: &mut Exchange,
    lane: &Rc<Lane>,
    fields: &Fields,
    end: bool,
) -> Result<Taken, ErrorCode> {
    let text = |inward: &mut Buffer| response_text(fields, end, &exchange.asked, b"", inward);
    let shape = lane.put(text).map_err(|_| ErrorCode::PROTOCOL_ERROR)?;
    if shape.interim {
        exchange.interims += 1;
        let many = usize::from(exchange.interims) > INTERIM_RESPONSES_MAX;
        return if many { Err(ErrorCode::ENHANCE_YOUR_CALM) } else { Ok(Taken::Interim) };
    }
    exchange.wrap = Some(Wrap::new(shape.body));
    Ok(Taken::Final)
}

/// Trailers end the stream.
fn put_trailers(
    exchange: &mut Exchange,
    lane: &Rc<Lane>,
    fields: &Fields,
    text: &mut Buffer,
) -> Result<Taken, ErrorCode> {
    text.clear();
    let wrap = exchange.wrap.as_mut().ok_or(ErrorCode::PROTOCOL_ERROR)?;
    trailer_text(fields, text).map_err(|_| ErrorCode::PROTOCOL_ERROR)?;
    let end = lane.put(|inward| wrap.end(text.filled(), inward));
    end.map(|()| Taken::End).map_err(|_| ErrorCode::PROTOCOL_ERROR)
}

/// Puts a piece of a body into the lane of `stream`; nothing when the stream has none.
fn put_body(
    phase: Option<&mut Phase>,
    lane: Option<Rc<Lane>>,
    stream: StreamKey,
    bytes: &[u8],
) -> Option<Result<(), Mismatch>> {
    let (Some(Phase::Open(exchange)), Some(lane)) = (phase, lane) else { return None };
    if exchange.stream != stream {
        return None;
    }
    exchange.held += bytes.len();
    let wrap = exchange.wrap.as_mut()?;
    Some(lane.put(|inward| wrap.put(bytes, inward)))
}

/// Every block goes through the decoder; nothing when it cannot be decoded.
fn decode(decoder: &mut Decoder, fields: &mut Fields, block: &[u8]) -> Option<Decoded> {
    fields.clear();
    decoder.decode(block, fields, &FieldLimits::default()).ok()
}
