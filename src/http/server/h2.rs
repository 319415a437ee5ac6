//! An HTTP/2 connection from a client. Each stream is served over a lane by whoever serves
//! HTTP/1.1: its head and body are written to the lane as text, and the text that comes back
//! becomes HEADERS and DATA. A lane serves one stream after the other, so that a stream that comes
//! when another has ended costs no task.
//!
//! What one turn of the loop brings leaves in one write. Owns the engine, both header tables and
//! the lanes of its connection; a lane's task owns the exchange.

mod arrival;
mod seat;

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use crate::base::buffer::{Buffer, Buffers};
use crate::base::clock::Instant;
use crate::limits::{BULK_BUFFER_BYTES, H2_LINGER_BYTES, READ_BUFFER_BYTES};
use crate::net::Deadline;
use crate::net::deadline::Action;
use crate::net::lane::{Bell, Lane};
use crate::net::socket::Side;
use crate::net::stream::{ArmedRead, Done, Stream};
use crate::proto::http2::fields::{FieldLimits, Fields};
use crate::proto::http2::hpack::{Decoder, Encoder};
use crate::proto::http2::{Connection, ConnectionError, Reason, Role, Settings};
use crate::telemetry::shard::Shard;
use crate::telemetry::value::{Counter, Gauge, Timeout};
use seat::Seat;

/// What a connection is run by.
pub struct Terms<'a> {
    pub settings: Settings,
    pub fields: FieldLimits,
    /// Without the first frames; without a stream; without a byte taken by the client.
    pub header: Duration,
    pub idle: Duration,
    pub write: Duration,
    /// When it takes no more streams.
    pub until: Option<Instant>,
    pub buffers: &'a Buffers,
    pub shard: &'a Shard,
}

/// What the band above does for a connection.
pub trait Service {
    /// Serves the requests that come on a lane, in a task of its own.
    fn open(&self, lane: Stream);

    /// No more streams are to be opened: the process ends.
    fn is_draining(&self) -> bool;

    /// Whether streams are under way; bytes that went in and out since the last call.
    fn told(&self, busy: bool, received: u64, sent: u64);
}

/// Serves a connection until it ends. `first` is what was read of it already. `bell` is rung by
/// lanes, and by whoever wants the connection to look whether it drains.
pub async fn serve<S: Service>(
    stream: &Stream,
    first: Buffer,
    terms: &Terms<'_>,
    bell: Rc<Bell>,
    service: &S,
) {
    let now = stream.deadline().wheel().clock().now();
    let mut driver = Driver {
        stream,
        terms,
        service,
        bell,
        writing: stream.another_deadline(),
        engine: Connection::new(Role::Server, &terms.settings, now),
        decoder: Decoder::new(terms.settings.header_table_bytes as usize),
        encoder: Encoder::new(),
        fields: Fields::new(),
        block: Vec::new(),
        out: Vec::new(),
        seats: Vec::new(),
        free: Vec::new(),
        vacant: Vec::new(),
        by_slot: Vec::new(),
        rung: Vec::new(),
        announced: false,
        drains: false,
        idle_since: now,
        streams: 0,
        blocked_until: None,
    };
    driver.run(first).await;
}

struct Driver<'a, S> {
    stream: &'a Stream,
    terms: &'a Terms<'a>,
    service: &'a S,
    bell: Rc<Bell>,
    /// Ends a write that the client does not take.
    writing: Deadline,
    engine: Connection,
    decoder: Decoder,
    encoder: Encoder,
    fields: Fields,
    /// A field block on its way out.
    block: Vec<u8>,
    /// Frames being written.
    out: Vec<u8>,
    /// By the index with which a lane rings.
    seats: Vec<Option<Seat>>,
    /// Seats whose lane waits for a stream, and indices without a seat.
    free: Vec<u32>,
    vacant: Vec<u32>,
    /// The seat of an engine's slot.
    by_slot: Vec<u32>,
    rung: Vec<u32>,
    /// The client's SETTINGS have come.
    announced: bool,
    drains: bool,
    idle_since: Instant,
    /// Streams under way.
    streams: i64,
    /// No stream that waits for a window has waited for too long before.
    blocked_until: Option<Instant>,
}

/// Why the loop goes round.
enum Turn {
    Read(Done),
    Rung,
    Due,
}

impl<S: Service> Driver<'_, S> {
    async fn run(&mut self, first: Buffer) {
        let mut received = first.len() as u64;
        let mut held = Some(first);
        let mut armed = None;
        let mut ends = false;
        let mut sent = 0;
        loop {
            if let Some(mut input) = held.take() {
                ends = self.take_in(&mut input).is_err();
                held = self.read_on(&mut armed, input, ends);
            }
            self.answer_bell();
            self.go_on();
            self.end_blocked(self.now());
            match self.flush().await {
                Ok(bytes) => sent += bytes,
                Err(()) => break,
            }
            self.service.told(self.streams > 0, std::mem::take(&mut received), sent);
            sent = 0;
            if ends || self.is_over() {
                break;
            }
            let Some(armed) = armed.as_mut().filter(|_| held.is_none()) else { continue };
            match self.turn(armed).await {
                Turn::Rung => {}
                Turn::Due => ends = self.due().is_err(),
                Turn::Read((Ok(count @ 1..), input)) => {
                    received += count as u64;
                    held = Some(input);
                }
                Turn::Read((_, input)) => {
                    self.terms.buffers.give(input);
                    return;
                }
            }
        }
        if let Some(input) = held {
            self.terms.buffers.give(input);
        }
        if let Some(armed) = armed {
            self.linger(armed).await;
        }
    }

    /// Reads more behind what is left of the input. The input of a peer that has to read first is
    /// kept until all is written: it may have no room.
    fn read_on(
        &self,
        armed: &mut Option<ArmedRead>,
        mut input: Buffer,
        ends: bool,
    ) -> Option<Buffer> {
        if ends {
            // Nobody looks at it, and it may be full.
            input.clear();
        } else if !self.engine.takes_input() {
            return Some(input);
        }
        input.compact();
        match armed {
            Some(armed) => armed.arm(self.stream, input),
            None => *armed = Some(ArmedRead::new(self.stream, input)),
        }
        None
    }

    /// Waits for bytes, for a lane, or for a time that has come.
    async fn turn(&self, armed: &mut ArmedRead) -> Turn {
        let now = self.now();
        let deadline = self.stream.deadline();
        deadline.set(now, self.wake_after(now), Action::Wake);
        let bell = &self.bell;
        poll_fn(|context| {
            if bell.poll_rung(context).is_ready() {
                return Poll::Ready(Turn::Rung);
            }
            if let Poll::Ready(done) = armed.poll(context) {
                return Poll::Ready(Turn::Read(done));
            }
            deadline.poll_fired(context).map(|()| Turn::Due)
        })
        .await
    }

    /// When something is due if nothing comes.
    fn wake_after(&self, now: Instant) -> Duration {
        let until = |then: Instant| Duration::from_nanos(then.nanos_since(now));
        let engine = self.engine.next_deadline().map_or(Duration::MAX, until);
        let own = match (self.streams > 0, self.announced) {
            (true, _) => self.terms.write,
            (false, true) => until(self.idle_since.plus(self.terms.idle)),
            (false, false) => until(self.idle_since.plus(self.terms.header)),
        };
        let end = self.terms.until.filter(|_| !self.drains).map_or(Duration::MAX, until);
        engine.min(own).min(end).min(self.blocked_until.map_or(Duration::MAX, until))
    }

    fn due(&mut self) -> Result<(), ()> {
        let now = self.now();
        if let Err(error) = self.engine.tick(now) {
            self.failed(error);
            return Err(());
        }
        let limit = if self.announced { self.terms.idle } else { self.terms.header };
        if self.streams == 0 && now >= self.idle_since.plus(limit) {
            self.terms.shard.timed_out(Timeout::Idle);
            self.engine.drain_end();
            return Err(());
        }
        Ok(())
    }

    /// Takes in what came. What is left of the input stays in it.
    fn take_in(&mut self, input: &mut Buffer) -> Result<(), ()> {
        let now = self.now();
        loop {
            // The event borrows the engine, and what it asks for changes the engine: what has to
            // be kept of it is small, but for a body, which goes to its lane at once.
            let advanced = match self.engine.advance(input.filled(), now) {
                Ok(advanced) => advanced,
                Err(error) => {
                    self.failed(error);
                    return Err(());
                }
            };
            let consumed = advanced.consumed;
            let Some(event) = advanced.event else {
                input.consume(consumed);
                return Ok(());
            };
            let note = arrival::note(
                event,
                &mut self.decoder,
                &mut self.fields,
                &self.terms.fields,
                &mut self.seats,
                &self.by_slot,
            );
            input.consume(consumed);
            self.act(note);
            if let Some(error) = self.engine.failure() {
                self.failed(error);
                return Err(());
            }
        }
    }

    /// Looks at the lanes that rang.
    fn answer_bell(&mut self) {
        let is_old = self.terms.until.is_some_and(|until| self.now() >= until);
        if (is_old || self.service.is_draining()) && !self.drains {
            self.drains = true;
            self.engine.drain_begin(self.now());
        }
        let mut rung = std::mem::take(&mut self.rung);
        self.bell.answer(&mut rung);
        for index in rung.drain(..) {
            self.look(index);
        }
        self.rung = rung;
    }

    /// Streams whose window has opened go on.
    fn go_on(&mut self) {
        while let Some(key) = self.engine.next_ready() {
            let Some(&index) = self.by_slot.get(key.slot as usize) else { continue };
            self.look(index);
        }
    }

    /// Writes all that has gathered, and says how much that was.
    async fn flush(&mut self) -> Result<u64, ()> {
        let mut sent = 0;
        while !self.engine.out().is_empty() {
            self.engine.swap_out(&mut self.out);
            for piece in self.out.chunks(BULK_BUFFER_BYTES) {
                self.write(piece).await?;
                sent += piece.len() as u64;
            }
            // What waited for room to write has it now.
            self.go_on();
        }
        Ok(sent)
    }

    async fn write(&self, piece: &[u8]) -> Result<(), ()> {
        let Terms { buffers, shard, write, .. } = self.terms;
        let small = piece.len() < READ_BUFFER_BYTES;
        let mut buffer = if small { buffers.take() } else { buffers.take_bulk() };
        buffer.put(piece);
        self.writing.set(self.now(), *write, Action::EndBoth);
        let (result, buffer) = self.stream.send_all(buffer).await;
        buffers.give(buffer);
        if result.is_err() && self.writing.fired() {
            shard.timed_out(Timeout::Write);
        }
        self.writing.clear();
        result.map_err(drop)
    }

    fn is_over(&self) -> bool {
        self.engine.failure().is_some() || (self.drains && self.engine.is_drained())
    }

    fn failed(&self, error: ConnectionError) {
        let counter = match error.reason {
            Reason::Flood(_) => Counter::Http2Floods,
            _ => Counter::Http2ConnectionErrors,
        };
        self.terms.shard.add(counter, 1);
        tracing::debug!(code = error.code.name(), reason = error.reason.name(), "HTTP/2 ends");
    }

    /// Ends the connection so that the last frames are read: to close a socket with unread bytes
    /// would reset it.
    async fn linger(&self, mut armed: ArmedRead) {
        self.stream.shutdown(Side::Write);
        let deadline = self.stream.deadline();
        deadline.set(self.now(), LINGER, Action::EndBoth);
        let mut left = H2_LINGER_BYTES;
        while armed.is_armed() {
            let (result, mut input) = armed.finish().await;
            match result {
                Ok(count @ 1..) if count <= left => {
                    left -= count;
                    input.clear();
                    armed.arm(self.stream, input);
                }
                _ => self.terms.buffers.give(input),
            }
        }
    }

    fn new_lane(&mut self) -> (u32, Rc<Lane>) {
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.seats.push(None);
            self.seats.len() as u32 - 1
        });
        let lane = Lane::new(Rc::clone(&self.bell), index);
        self.seats[index as usize] = Some(Seat::new(Rc::clone(&lane)));
        self.service.open(Stream::of_lane(Rc::clone(&lane), self.stream.deadline().wheel()));
        (index, lane)
    }

    fn now(&self) -> Instant {
        self.stream.deadline().wheel().clock().now()
    }
}

impl<S> Drop for Driver<'_, S> {
    /// The connection is over: whoever is still at work for it is told, also when we panic.
    fn drop(&mut self) {
        for seat in self.seats.iter().flatten() {
            seat.lane.break_off(false);
        }
        self.terms.shard.gauge_add(Gauge::Http2Streams, -self.streams);
    }
}

const LINGER: Duration = Duration::from_secs(2);
