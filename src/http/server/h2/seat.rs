//! A lane and the stream that is served on it.

use std::rc::Rc;

use super::arrival::count_reset;
use super::{Driver, Service};
use crate::base::clock::Instant;
use crate::limits::{H2_USEFUL_BODY_BYTES, LANE_OUT_BYTES_MAX};
use crate::net::lane::Lane;
use crate::proto::http2::carry::{Mismatch, Piece, Unwrap, Wrap};
use crate::proto::http2::hpack::Encoder;
use crate::proto::http2::message::{self, Body, RequestShape};
use crate::proto::http2::{Connection, ErrorCode, StreamKey};
use crate::telemetry::value::{Gauge, Timeout};

pub(super) struct Seat {
    pub lane: Rc<Lane>,
    served: Option<Served>,
    /// Body bytes with the lane that the window has not got back.
    pub credit: usize,
    ending: Ending,
    /// Since when the response waits for a window, and what was sent since then.
    blocked_since: Option<Instant>,
    trickled: usize,
}

/// How a lane that is of no further use ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    No,
    /// The stream was reset; its slot is taken until the task has noticed.
    Reset,
    /// The stream has ended well and its number is free; the task is told that no more comes.
    Left,
}

/// One stream.
struct Served {
    key: StreamKey,
    shape: RequestShape,
    request: Wrap,
    request_ended: bool,
    /// The body of the final response, once its head was sent.
    response: Option<Unwrap>,
    response_ended: bool,
    /// The task serves nothing behind this response.
    closes: bool,
}

/// What a look at a seat's response came to.
enum Progress {
    /// It waits for the task,
    Waits,
    /// or for a window, and how much was sent before that.
    Blocked {
        moved: usize,
    },
    Ended,
    /// What came is no response, or it was cut.
    Broken,
}

impl Seat {
    pub(super) fn new(lane: Rc<Lane>) -> Self {
        Self { lane, served: None, credit: 0, ending: Ending::No, blocked_since: None, trickled: 0 }
    }

    pub(super) fn key(&self) -> Option<StreamKey> {
        self.served.as_ref().map(|served| served.key)
    }

    pub(super) fn begin(&mut self, key: StreamKey, shape: RequestShape) {
        debug_assert!(self.served.is_none(), "a lane serves one stream at a time");
        self.credit = 0;
        self.blocked_since = None;
        self.served = Some(Served {
            key,
            shape,
            request: Wrap::new(shape.body),
            request_ended: false,
            response: None,
            response_ended: false,
            closes: false,
        });
    }

    /// Gives a piece of the request's body to the lane.
    pub(super) fn put(&mut self, key: StreamKey, bytes: &[u8]) -> Result<(), Mismatch> {
        match &mut self.served {
            Some(served) if served.key == key && self.ending == Ending::No => {
                self.lane.put(|text| served.request.put(bytes, text))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn end_request(&mut self, trailers: &[u8]) -> Result<(), Mismatch> {
        let Some(served) = &mut self.served else { return Ok(()) };
        served.request_ended = true;
        self.lane.put(|text| served.request.end(trailers, text))?;
        if served.shape.body == Body::Tunnel {
            self.lane.end();
        }
        Ok(())
    }

    /// Since when the response waits for a window in earnest: one that is opened by a few bytes at
    /// a time is as good as closed.
    fn wait_for_window(&mut self, moved: usize, now: Instant) -> Instant {
        self.trickled += moved;
        if self.blocked_since.is_none() || self.trickled >= H2_USEFUL_BODY_BYTES {
            self.blocked_since = Some(now);
            self.trickled = 0;
        }
        self.blocked_since.unwrap_or(now)
    }

    /// The response was cut before its end: what the client is told of it does not hang on whether
    /// its window let the last bytes pass. A task that left with its lane full was waiting for that
    /// window too: what it left is no fault of the endpoint.
    fn is_cut(&self) -> bool {
        let response = self.served.as_ref().and_then(|served| served.response);
        let Some(mut unwrap) = response.filter(|_| self.lane.write_ended()) else { return false };
        self.lane
            .take(|text| text.len() < LANE_OUT_BYTES_MAX && !is_whole(&mut unwrap, text.filled()))
    }

    /// The stream is over, and the lane with it.
    pub(super) fn cut(&mut self, ending: Ending) {
        self.ending = ending;
        self.blocked_since = None;
        match ending {
            Ending::No => {}
            Ending::Reset => self.lane.break_off(false),
            Ending::Left => self.lane.end(),
        }
    }
}

impl<S: Service> Driver<'_, S> {
    /// Does for a lane what there is to do.
    pub(super) fn look(&mut self, index: u32) {
        let Some(Some(seat)) = self.seats.get_mut(index as usize) else { return };
        seat.lane.look();
        let Some(served) = &mut seat.served else {
            if seat.lane.is_gone() {
                self.vacate(index);
            }
            return;
        };
        let key = served.key;
        let unread = seat.lane.unread();
        if seat.credit > unread {
            self.engine.release(key, seat.credit - unread);
            seat.credit = unread;
        }
        if seat.ending == Ending::Reset {
            if seat.lane.is_gone() {
                self.finish(index);
                self.vacate(index);
            }
            return;
        }
        let progress =
            respond(&mut self.engine, &mut self.encoder, &mut self.block, served, &seat.lane);
        match progress {
            Progress::Waits => seat.blocked_since = None,
            Progress::Blocked { moved } => {
                let now = self.stream.deadline().wheel().clock().now();
                let since = seat.wait_for_window(moved, now);
                let until = since.plus(self.terms.write);
                self.blocked_until.get_or_insert(until);
            }
            Progress::Ended => self.answered(index),
            Progress::Broken => {
                count_reset(self.terms.shard, ErrorCode::INTERNAL_ERROR);
                self.engine.reset(key, ErrorCode::INTERNAL_ERROR);
                seat.cut(Ending::Reset);
                if seat.lane.is_gone() {
                    self.finish(index);
                    self.vacate(index);
                }
            }
        }
    }

    /// The response is complete. What is left of the request is not wanted: section 8.1.
    fn answered(&mut self, index: u32) {
        let seat = self.seats[index as usize].as_mut().expect("it was looked at");
        let request_ended = seat.served.as_ref().is_some_and(|served| served.request_ended);
        let is_last =
            seat.served.as_ref().is_some_and(|s| s.closes || s.shape.body == Body::Tunnel);
        self.finish(index);
        let seat = self.seats[index as usize].as_mut().expect("as above");
        if seat.lane.is_gone() {
            self.vacate(index);
        } else if request_ended && !is_last && seat.lane.unread() == 0 {
            self.free.push(index);
        } else {
            seat.cut(Ending::Left);
        }
    }

    /// The stream's number and slot are free again.
    fn finish(&mut self, index: u32) {
        let seat = self.seats[index as usize].as_mut().expect("a stream has a seat");
        if let Some(served) = seat.served.take() {
            self.engine.ended(served.key);
            self.by_slot[served.key.slot as usize] = u32::MAX;
            self.streams -= 1;
            self.terms.shard.gauge_add(Gauge::Http2Streams, -1);
            self.idle_since = self.stream.deadline().wheel().clock().now();
        }
    }

    fn vacate(&mut self, index: u32) {
        self.seats[index as usize] = None;
        self.free.retain(|&free| free != index);
        self.vacant.push(index);
    }

    /// Ends the streams whose client has not opened its window for the time of a write. What else
    /// the connection carries does not put that off.
    pub(super) fn end_blocked(&mut self, now: Instant) {
        if self.blocked_until.is_none_or(|until| now < until) {
            return;
        }
        self.blocked_until = None;
        for index in 0..self.seats.len() {
            let Some(seat) = &self.seats[index] else { continue };
            let (Some(since), Some(key)) = (seat.blocked_since, seat.key()) else { continue };
            let until = since.plus(self.terms.write);
            if now >= until && seat.is_cut() {
                self.break_stream(key, ErrorCode::INTERNAL_ERROR);
            } else if now >= until {
                self.terms.shard.timed_out(Timeout::Write);
                self.break_stream(key, ErrorCode::CANCEL);
            } else if self.blocked_until.is_none_or(|first| until < first) {
                self.blocked_until = Some(until);
            }
        }
    }
}

/// Makes frames of what the task wrote.
fn respond(
    engine: &mut Connection,
    encoder: &mut Encoder,
    block: &mut Vec<u8>,
    served: &mut Served,
    lane: &Lane,
) -> Progress {
    let mut moved = 0;
    loop {
        let step = lane.take(|text| match served.response {
            None => head(engine, encoder, block, served, text.filled()).map(|used| {
                text.consume(used);
                true
            }),
            Some(ref mut unwrap) => {
                let (used, result) =
                    body(engine, encoder, block, served.key, unwrap, text.filled());
                text.consume(used);
                moved += used;
                result.map(|ended| {
                    served.response_ended = ended;
                    !ended
                })
            }
        });
        match step {
            Ok(true) if !served.response_ended => {}
            Ok(_) => return Progress::Ended,
            // The task has said all that it will say, and that was not enough.
            Err(Progress::Waits) if lane.write_ended() => {
                return match served.response {
                    Some(_) if served.shape.body == Body::Tunnel && !lane.is_reset() => {
                        engine.send_body(served.key, b"", true);
                        served.response_ended = true;
                        Progress::Ended
                    }
                    _ => Progress::Broken,
                };
            }
            Err(Progress::Blocked { .. }) => return Progress::Blocked { moved },
            Err(progress) => return progress,
        }
    }
}

/// Whether the text goes to the end of its body.
fn is_whole(unwrap: &mut Unwrap, text: &[u8]) -> bool {
    let mut used = 0;
    loop {
        match unwrap.next(&text[used..]) {
            Piece::Nothing | Piece::Broken => return false,
            Piece::Bytes { last: true, .. } | Piece::End { .. } => return true,
            Piece::Bytes { bytes, last: false } => {
                used += unwrap.used(&bytes, &text[used..], bytes.len());
            }
        }
    }
}

/// Sends a head, interim or final: how much of the text it was.
fn head(
    engine: &mut Connection,
    encoder: &mut Encoder,
    block: &mut Vec<u8>,
    served: &mut Served,
    text: &[u8],
) -> Result<usize, Progress> {
    let Some(end) = message::head_end(text) else { return Err(Progress::Waits) };
    if !engine.can_send(served.key) {
        return Err(Progress::Broken);
    }
    block.clear();
    let shape = message::response_fields(&text[..end], &served.shape, encoder, block)
        .map_err(|_| Progress::Broken)?;
    let ends = !shape.interim && matches!(shape.body, Body::None | Body::Length(0));
    engine.send_head(served.key, block, ends);
    if !shape.interim {
        served.response = Some(Unwrap::new(shape.body));
        served.response_ended = ends;
        served.closes = shape.closes;
    }
    Ok(end)
}

/// Sends what there is of a body: how much of the text was used, and whether that was the end.
fn body(
    engine: &mut Connection,
    encoder: &mut Encoder,
    block: &mut Vec<u8>,
    key: StreamKey,
    unwrap: &mut Unwrap,
    text: &[u8],
) -> (usize, Result<bool, Progress>) {
    let mut used = 0;
    loop {
        match unwrap.next(&text[used..]) {
            Piece::Nothing => return (used, Err(Progress::Waits)),
            Piece::Broken => return (used, Err(Progress::Broken)),
            Piece::Bytes { bytes, last } => {
                let piece = &text[used..][bytes.clone()];
                let taken = engine.send_body(key, piece, last);
                if taken > 0 {
                    used += unwrap.used(&bytes, &text[used..], taken);
                }
                match (taken == piece.len(), last) {
                    (false, _) => return (used, Err(Progress::Blocked { moved: 0 })),
                    (true, true) => return (used, Ok(true)),
                    (true, false) => {}
                }
            }
            Piece::End { consumed, trailers } => {
                if trailers.is_empty() {
                    engine.send_body(key, b"", true);
                } else if engine.can_send(key) {
                    block.clear();
                    message::trailer_fields(&text[used..][trailers], encoder, block);
                    engine.send_head(key, block, true);
                }
                return (used + consumed, Ok(true));
            }
        }
    }
}
