//! HTTP/1.1: one task a connection, which writes a request, or several at once, and reads the
//! answers in their order.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::core::{Core, LARGE_BUFFER_BYTES, Ticket};
use super::dial::dial;
use super::exam::Exam;
use super::slow;
use super::stream::Stream;
use super::watch::SlotId;
use crate::outcome::Fault;
use crate::plan::Protocol;
use crate::wire::response::{Familiar, Reader};

pub(super) struct Lane {
    pub(super) core: Rc<Core>,
    slot: SlotId,
    /// By place.
    connections: Vec<Option<Connection>>,
    buffer: Vec<u8>,
    familiar: Familiar,
    tickets: Vec<Ticket>,
    pipeline: usize,
    events: bool,
    /// The last read brought the end of the connection.
    ended: bool,
    failures: u32,
}

struct Connection {
    stream: Stream,
    served: u64,
}

/// The task of one connection, to the end of the run.
pub(super) async fn run(core: Rc<Core>) {
    let mut lane = Lane::new(core);
    if lane.opens_early() {
        for place in 0..lane.connections.len() {
            lane.open_before_the_start(place).await;
        }
    }
    lane.core.ready().await;
    while let Some(ticket) = lane.core.next().await {
        lane.gather(ticket);
        let answered = lane.exchange().await;
        lane.settle(answered).await;
    }
}

impl Lane {
    fn new(core: Rc<Core>) -> Self {
        let plan = &core.site.plan;
        let pipeline = match plan.protocol {
            Protocol::Http1 { pipeline } => pipeline,
            _ => 1,
        };
        let places = core.site.places.len();
        Self {
            slot: core.watch.slot(),
            connections: (0..places).map(|_| None).collect(),
            buffer: Vec::with_capacity(SMALL_BUFFER_BYTES),
            familiar: Familiar::default(),
            tickets: Vec::with_capacity(pipeline),
            pipeline,
            events: matches!(plan.protocol, Protocol::Events { .. }),
            ended: false,
            failures: 0,
            core,
        }
    }

    /// Connections of one request are a part of that request, and opened with it.
    fn opens_early(&self) -> bool {
        self.core.site.plan.requests_per_connection.is_none()
    }

    async fn open_before_the_start(&mut self, place: usize) {
        match dial(&self.core, self.slot, &self.core.site.places[place]).await {
            Ok(stream) => self.connections[place] = Some(Connection { stream, served: 0 }),
            // The first request will see for itself.
            Err(_) => self.connections[place] = None,
        }
    }

    fn gather(&mut self, first: Ticket) {
        self.tickets.clear();
        self.tickets.push(first);
        while self.tickets.len() < self.pipeline
            && let Some(more) = self.core.next_with(&first)
        {
            self.tickets.push(more);
        }
    }

    /// All that was gathered is sent, and answered. On failure, how many were answered before.
    async fn exchange(&mut self) -> Result<(), (usize, Fault)> {
        let place = self.core.ask(&self.tickets[0]).place;
        if self.connections[place].is_none() {
            let stream = Box::pin(dial(&self.core, self.slot, &self.core.site.places[place])).await;
            let stream = stream.map_err(|fault| (0, fault))?;
            self.connections[place] = Some(Connection { stream, served: 0 });
            self.restart_clocks();
        }
        let mut connection = self.connections[place].take().expect("it was opened just above");
        let mut answered = 0;
        let result = self.converse(&mut connection, &mut answered).await;
        let result = match result {
            Ok(closes) => {
                self.core.watch.disarm(self.slot);
                connection.served += answered as u64;
                let worn = self.core.site.plan.requests_per_connection;
                if !closes && worn.is_none_or(|most| connection.served < most) {
                    self.connections[place] = Some(connection);
                }
                Ok(())
            }
            Err(fault) => Err((answered, self.core.judge(self.slot, fault))),
        };
        self.shrink();
        result
    }

    /// The deadline of a request counts from when it could be sent; in a closed loop its time,
    /// too, unless opening its connection is a part of what is measured.
    fn restart_clocks(&mut self) {
        let now = Instant::now();
        let closed = !self.core.site.plan.open_loop() && self.opens_early();
        for ticket in &mut self.tickets {
            ticket.begun = now;
            if closed {
                ticket.intended = now;
            }
        }
    }

    /// Whether the connection is to be closed, when all went well.
    async fn converse(
        &mut self,
        connection: &mut Connection,
        answered: &mut usize,
    ) -> Result<bool, Fault> {
        let core = Rc::clone(&self.core);
        let stream = &mut connection.stream;
        let deadline = self.tickets[0].begun + core.site.plan.timeout;
        core.watch.arm(self.slot, stream.fd(), deadline);
        let request = self.render();
        core.book.borrow_mut().sent_bytes += request.len() as u64;
        self.buffer.clear();
        let buffer = std::mem::take(&mut self.buffer);
        let slow = core.site.plan.slow;
        let (result, buffer) = if let Some(rate) = slow.write_bytes_per_second {
            Box::pin(slow::ask(&core, stream, request, buffer, rate)).await
        } else {
            stream.ask(request, buffer, core.site.driver.is_uring()).await
        };
        self.buffer = buffer;
        self.take_in(result)?;
        let mut closes = false;
        for index in 0..self.tickets.len() {
            let ticket = self.tickets[index];
            let ask = core.ask(&ticket);
            let mut exam = Exam::new(&ask.check, self.events.then_some(&ticket));
            let mut reader = Reader::new(ask.bodiless());
            closes = self.read_answer(stream, &mut reader, &mut exam).await?;
            // A wrong answer leaves the connection as good as it was.
            match exam.finish(&core) {
                Ok(()) => {
                    core.answered(&ticket);
                    self.failures = 0;
                }
                Err(fault) => core.failed(&ticket, fault),
            }
            *answered += 1;
            if closes && index + 1 < self.tickets.len() {
                return Err(Fault::ClosedUnanswered);
            }
        }
        if !closes && !self.buffer.is_empty() {
            return Err(Fault::Unasked);
        }
        Ok(closes)
    }

    /// Reads one answer, and leaves in the buffer what came after it. Whether the connection is
    /// over with it.
    async fn read_answer(
        &mut self,
        stream: &mut Stream,
        reader: &mut Reader,
        exam: &mut Exam<'_>,
    ) -> Result<bool, Fault> {
        let mut any_byte = false;
        loop {
            any_byte |= !self.buffer.is_empty();
            let step = reader.push(&self.buffer, &mut self.familiar, exam)?;
            self.consume(step.used);
            if step.done {
                return Ok(reader.closes());
            }
            if self.ended {
                reader.finish(any_byte)?;
                return Ok(true);
            }
            self.read_more(stream, reader.in_body()).await?;
        }
    }

    async fn read_more(&mut self, stream: &mut Stream, in_body: bool) -> Result<(), Fault> {
        self.core.forget_clock();
        if let Some(rate) = self.core.site.plan.slow.read_bytes_per_second {
            Box::pin(slow::pause_reading(&self.core, self.buffer.capacity(), rate)).await;
        } else if in_body && self.buffer.is_empty() && self.buffer.capacity() < LARGE_BUFFER_BYTES {
            // More of a body is coming than fitted: worth a large read, and memory for it.
            self.buffer = self.core.take_large();
        }
        let buffer = std::mem::take(&mut self.buffer);
        let (result, buffer) = stream.receive(buffer).await;
        self.buffer = buffer;
        self.take_in(result)
    }

    fn consume(&mut self, bytes: usize) {
        if bytes == self.buffer.len() {
            self.buffer.clear();
        } else {
            self.buffer.drain(..bytes);
        }
    }

    fn take_in(&mut self, result: std::io::Result<usize>) -> Result<(), Fault> {
        let came = result.map_err(|error| Fault::io(&error))?;
        self.ended = came == 0;
        self.core.book.borrow_mut().received_bytes += came as u64;
        Ok(())
    }

    /// Gives memory for large reads back, for those who need it now.
    fn shrink(&mut self) {
        if self.buffer.capacity() > SMALL_BUFFER_BYTES {
            let large = std::mem::replace(&mut self.buffer, Vec::with_capacity(SMALL_BUFFER_BYTES));
            if large.capacity() == LARGE_BUFFER_BYTES {
                self.core.give_large(large);
            }
        }
    }

    fn render(&self) -> Bytes {
        let one = |ticket: &Ticket| {
            let ask = self.core.ask(ticket);
            match &ask.constant {
                Some(constant) => constant.clone(),
                None => self.core.fill(|filler| ask.http1(filler)),
            }
        };
        if let [ticket] = &self.tickets[..] {
            return one(ticket);
        }
        let mut all = BytesMut::new();
        self.tickets.iter().for_each(|ticket| all.extend_from_slice(&one(ticket)));
        all.freeze()
    }

    /// Books what failed, and lets a target that is down some peace.
    async fn settle(&mut self, result: Result<(), (usize, Fault)>) {
        let Err((answered, fault)) = result else { return };
        self.core.forget_clock();
        if answered == self.tickets.len() {
            // All were answered, and then came more: the server's fault, and no request's.
            self.core.book.borrow_mut().faults.add(fault.clone());
        }
        for ticket in &self.tickets[answered..] {
            self.core.failed(ticket, fault.clone());
        }
        if !self.core.site.plan.open_loop() {
            let time = REST_MIN * 2u32.pow(self.failures.min(6));
            self.failures += 1;
            Box::pin(self.core.rest(time)).await;
        }
    }
}

/// A small answer fits, and ten thousand connections have theirs.
const SMALL_BUFFER_BYTES: usize = 4096;
const REST_MIN: Duration = Duration::from_millis(10);
