//! The body of a request as a whole, for who has to see all of it before a byte goes on. A small one
//! that came with its head stays where it is; another is put together in a buffer, of its size where
//! that is told. Refuses more than it is allowed.

use super::Limits;
use super::body::Body;
use super::error::Broke;
use super::exchange::Exchange;
use super::server::h1::Connection;
use crate::base::buffer::{Buffer, Buffers, Held};
use crate::limits::{BULK_BUFFER_BYTES, READ_BUFFER_BYTES, TRANSFER_BULK_FROM_BYTES};
use crate::net::deadline::Action;
use crate::proto::http1::{BodyLength, Output};

/// A body, whole. What came behind it is the exchange's next input already.
pub struct Gathered<'a> {
    /// None: it is in the exchange's input, behind the head.
    own: Option<Buffer>,
    len: usize,
    buffers: &'a Buffers,
    /// Says that more is in use than a buffer of the usual size.
    held: Option<Held<'a>>,
}

impl Drop for Gathered<'_> {
    fn drop(&mut self) {
        if let Some(own) = self.own.take() {
            self.buffers.give(own);
        }
    }
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ungathered {
    TooLarge,
    Broke(Broke),
}

impl<'a> Gathered<'a> {
    pub fn bytes<'b>(&'b self, exchange: &'b Exchange) -> &'b [u8] {
        match &self.own {
            Some(own) => own.filled(),
            None => &exchange.head_bytes()[exchange.request.len..][..self.len],
        }
    }

    /// The buffer that it is in, unless that is the exchange's; and what says how large it is, for
    /// as long as anybody has it.
    pub fn take_own(&mut self) -> (Option<Buffer>, Option<Held<'a>>) {
        (self.own.take(), self.held.take())
    }
}

/// Reads the body of the request in the exchange, up to `bytes_max` of it. The exchange has no body
/// after that: what follows is the next request.
///
/// # Errors
/// It is larger, or it does not come; then it is still there to be thrown away.
pub async fn gather<'a>(
    connection: &Connection,
    exchange: &mut Exchange,
    buffers: &'a Buffers,
    limits: &Limits,
    bytes_max: usize,
) -> Result<Gathered<'a>, Ungathered> {
    let length = exchange.request.body;
    if matches!(length, BodyLength::Fixed(length) if length > bytes_max as u64) {
        return Err(Ungathered::TooLarge);
    }
    let mut body = Body::new(length, Output::Strip);
    let head = exchange.request.len;
    let Some(input) = exchange.input.as_mut() else {
        return Ok(Gathered { own: None, len: 0, buffers, held: None });
    };
    let behind = &mut input.filled_mut()[head..];
    let piece = body.take(behind).map_err(|error| Ungathered::Broke(Broke::Malformed(error)))?;
    if piece.forward > bytes_max {
        // Its framing is gone already.
        connection.closing.set(true);
        return Err(Ungathered::TooLarge);
    }
    exchange.outcome.request_bytes = piece.forward as u64;
    if piece.done {
        exchange.consumed = head + piece.consumed;
        exchange.request.body = BodyLength::None;
        return Ok(Gathered { own: None, len: piece.forward, buffers, held: None });
    }
    let expected = match length {
        BodyLength::Fixed(length) => usize::try_from(length).unwrap_or(bytes_max),
        _ => piece.forward,
    };
    let mut whole = Room::of(buffers, expected);
    whole.put(&behind[..piece.forward]);
    let large = expected >= TRANSFER_BULK_FROM_BYTES;
    let mut rest = if large { buffers.take_bulk() } else { buffers.take() };
    rest.put(&behind[piece.consumed..]);
    let reading = Reading { connection, exchange, buffers, limits, bytes_max };
    Box::pin(reading.run(body, whole, rest)).await
}

/// Where a body is put together.
struct Room<'a> {
    buffers: &'a Buffers,
    buffer: Buffer,
    held: Option<Held<'a>>,
}

impl<'a> Room<'a> {
    fn of(buffers: &'a Buffers, bytes: usize) -> Self {
        if bytes > BULK_BUFFER_BYTES {
            let (buffer, held) = buffers.take_large(bytes);
            return Self { buffers, buffer, held: Some(held) };
        }
        let is_small = bytes <= READ_BUFFER_BYTES;
        let buffer = if is_small { buffers.take() } else { buffers.take_bulk() };
        Self { buffers, buffer, held: None }
    }

    fn put(&mut self, bytes: &[u8]) {
        if bytes.len() > self.buffer.spare() {
            let wanted = self.buffer.len() + bytes.len();
            let mut larger = Self::of(self.buffers, wanted.max(2 * self.buffer.capacity()));
            larger.buffer.put(self.buffer.filled());
            let small = std::mem::replace(self, larger);
            small.buffers.give(small.buffer);
        }
        self.buffer.put(bytes);
    }
}

/// What it takes to read on.
struct Reading<'a, 'b> {
    connection: &'b Connection,
    exchange: &'b mut Exchange,
    buffers: &'a Buffers,
    limits: &'b Limits,
    bytes_max: usize,
}

impl<'a> Reading<'a, '_> {
    async fn run(
        self,
        body: Body,
        mut whole: Room<'a>,
        rest: Buffer,
    ) -> Result<Gathered<'a>, Ungathered> {
        let (ended, rest) = match self.go_ahead().await {
            Ok(()) => self.read(body, &mut whole, rest).await,
            Err(broke) => (Err(Ungathered::Broke(broke)), rest),
        };
        let Self { exchange, buffers, .. } = self;
        exchange.outcome.request_bytes = whole.buffer.len() as u64;
        match ended {
            Ok(()) => {
                exchange.request.body = BodyLength::None;
                exchange.consumed = exchange.head_bytes().len();
                // It waits for the next request, and may be a large one.
                let mut next = buffers.take();
                next.put(rest.filled());
                buffers.give(rest);
                exchange.rest = Some(next);
                let len = whole.buffer.len();
                Ok(Gathered { own: Some(whole.buffer), len, buffers, held: whole.held })
            }
            Err(ungathered) => {
                buffers.give(rest);
                buffers.give(whole.buffer);
                // Some of it is gone: nobody can tell where the next request begins.
                self.connection.closing.set(true);
                Err(ungathered)
            }
        }
    }

    /// Who waits for a word before the body gets it: RFC 9110 section 10.1.1.
    async fn go_ahead(&self) -> Result<(), Broke> {
        if !self.exchange.request.expect_continue || !self.exchange.request.version.is_1_1() {
            return Ok(());
        }
        let mut word = self.buffers.take();
        word.put(b"HTTP/1.1 100 Continue\r\n\r\n");
        let (result, word) = self.connection.send(word, self.limits).await;
        self.buffers.give(word);
        // A final answer can still be anything.
        self.connection.head_sent.set(false);
        result
    }

    async fn read(
        &self,
        mut body: Body,
        whole: &mut Room<'a>,
        mut rest: Buffer,
    ) -> (Result<(), Ungathered>, Buffer) {
        let (connection, deadline) = (self.connection, self.connection.stream.deadline());
        loop {
            rest.compact();
            deadline.set(connection.now(), self.limits.read, Action::EndRead);
            let (result, back) = connection.stream.recv(rest).await;
            rest = back;
            let came = result.unwrap_or(0);
            connection.received_bytes.set(connection.received_bytes.get() + came as u64);
            if came == 0 {
                return (Err(Ungathered::Broke(Broke::read(deadline.fired()))), rest);
            }
            let piece = match body.take(rest.filled_mut()) {
                Ok(piece) => piece,
                Err(error) => return (Err(Ungathered::Broke(Broke::Malformed(error))), rest),
            };
            if whole.buffer.len() + piece.forward > self.bytes_max {
                return (Err(Ungathered::TooLarge), rest);
            }
            whole.put(&rest.filled()[..piece.forward]);
            rest.consume(piece.consumed);
            if piece.done {
                deadline.clear();
                return (Ok(()), rest);
            }
        }
    }
}
