//! An HTTP/1.1 connection from a client: reads heads, writes replies, ends the connection so that
//! its last answer is not destroyed. What answers a request is the band above.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::base::buffer::{Buffer, Buffers};
use crate::base::clock::Instant;
use crate::base::id::Accepted;
use crate::http::error::Broke;
use crate::http::exchange::Exchange;
use crate::http::{Body, Limits};
use crate::limits::{LAST_SEND_LOOKED_AT_AFTER, PARK_AFTER};
use crate::net::deadline::{Action, Wheel};
use crate::net::socket::Side;
use crate::net::stream::{Done, LastSend, Stream};
use crate::net::tls::Identity;
use crate::proto::http1::chunked::Output;
use crate::proto::http1::{ParseError, Parsed};
use crate::telemetry::value::Work;

/// One client's connection, and how far it is.
pub struct Connection {
    pub stream: Stream,
    pub peer: Peer,
    pub carrier: Carrier,
    pub opened: Instant,
    /// Requests that arrived.
    pub requests: Cell<u32>,
    /// The next response says `Connection: close`, or said so.
    pub closing: Cell<bool>,
    /// A byte of the current response was sent: no other answer can be given.
    pub head_sent: Cell<bool>,
    pub received_bytes: Cell<u64>,
    pub sent_bytes: Cell<u64>,
    /// What came before the first request: the bytes behind a header of the PROXY protocol.
    pub early: Cell<Option<Buffer>>,
    /// What it is busy with, as whoever ends it sees it.
    pub work: Rc<Cell<Work>>,
    /// The response that was left to itself, until the next request comes.
    last: RefCell<LastSend>,
}

/// What carries the requests of a connection, when it is not a plain HTTP/1.1 one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carrier {
    /// TLS was terminated here.
    pub tls: bool,
    /// The connection is a lane of an HTTP/2 one.
    pub http2: bool,
    /// By which listener's certificate and policy the client was let in.
    pub accepted: Option<Accepted>,
    /// Who the client is by a certificate that was verified; shared by the lanes of a connection.
    pub identity: Option<Rc<Identity>>,
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: Option<SocketAddr>,
    /// Where it connected to: our address, or that of a balancer in front of us.
    pub destination: Option<SocketAddr>,
    /// The IP address as text, for `X-Forwarded-For`; made once a connection.
    text: [u8; 46],
    text_len: u8,
}

impl Peer {
    pub fn new(address: Option<SocketAddr>) -> Self {
        use std::io::Write;
        let mut text = [0; 46];
        let mut free = &mut text[..];
        let written = match address.map(|address| address.ip().to_canonical()) {
            Some(ip) => write!(free, "{ip}"),
            None => write!(free, "unknown"),
        };
        let left = free.len();
        debug_assert!(written.is_ok(), "46 bytes hold any IP address");
        Self { address, destination: None, text, text_len: (46 - left) as u8 }
    }

    pub fn ip_text(&self) -> &[u8] {
        &self.text[..self.text_len as usize]
    }
}

/// What came of waiting for a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A head is in the exchange.
    Head,
    /// Nothing yet, for so long that the connection should give its memory back and wait without.
    Idle,
    /// The client left, between requests or in the middle of one: there is nobody to answer.
    Gone,
    /// Not a byte for the whole idle limit.
    Expired,
    /// The head did not arrive in time: 408.
    Slow,
    /// Some of a head, at a time when there are no buffers to wait for the rest in: 503.
    Overloaded,
    /// What came is no request: 400 and its kin.
    Malformed(ParseError),
}

impl Connection {
    pub fn new(stream: Stream, peer: Peer) -> Self {
        Self::carried(stream, peer, Carrier::default())
    }

    pub fn carried(stream: Stream, peer: Peer, carrier: Carrier) -> Self {
        let opened = stream.deadline().wheel().clock().now();
        Self {
            stream,
            peer,
            carrier,
            opened,
            requests: Cell::new(0),
            closing: Cell::new(false),
            head_sent: Cell::new(false),
            received_bytes: Cell::new(0),
            sent_bytes: Cell::new(0),
            early: Cell::new(None),
            work: Rc::new(Cell::new(Work::Idle)),
            last: RefCell::default(),
        }
    }

    /// Who the client is by its certificate: for logs, routes and rules. None without TLS, where
    /// clients are not asked, and of a client that came without one.
    pub fn identity(&self) -> Option<&Identity> {
        self.carrier.identity.as_deref()
    }

    /// Waits for the next request. `park` asks to be told when the connection idles.
    pub async fn arrival(
        &self,
        exchange: &mut Exchange,
        buffers: &Buffers,
        limits: &Limits,
        park: bool,
    ) -> Arrival {
        let arrival = self.next(exchange, buffers, limits, park).await;
        self.settle(buffers, limits.write).await;
        arrival
    }

    async fn next(
        &self,
        exchange: &mut Exchange,
        buffers: &Buffers,
        limits: &Limits,
        park: bool,
    ) -> Arrival {
        exchange.request.reset();
        self.head_sent.set(false);
        // When a head that has begun has to be whole.
        let mut until = match &exchange.input {
            Some(input) if !input.is_empty() => match parse(exchange, limits) {
                Ok(Parsed::Complete) => return Arrival::Head,
                Ok(Parsed::Partial) => Some(self.now().plus(limits.header)),
                Err(error) => return Arrival::Malformed(error),
            },
            _ => None,
        };
        self.set_idle_deadline(limits, park);
        loop {
            let input = exchange.input.take().unwrap_or_else(|| buffers.take());
            let input = room_for_head(input, buffers, limits);
            let (result, input) = if let Some(until) = until {
                self.settle(buffers, limits.write).await;
                self.recv_rest(input, until).await
            } else if park {
                self.stream.recv_or_fired(input).await
            } else if self.last.borrow().is_under_way() {
                self.recv_beside_last(input, buffers, limits).await
            } else {
                self.stream.recv(input).await
            };
            let empty = input.is_empty();
            exchange.input = Some(input);
            match result {
                Ok(count) if count > 0 => {
                    self.received_bytes.set(self.received_bytes.get() + count as u64);
                }
                Err(_) if empty && park && self.stream.deadline().fired() => {
                    give_back(exchange, buffers);
                    return Arrival::Idle;
                }
                _ => {
                    give_back(exchange, buffers);
                    return match (self.stream.deadline().fired(), until) {
                        (true, Some(_)) => Arrival::Slow,
                        (true, None) => Arrival::Expired,
                        (false, _) => Arrival::Gone,
                    };
                }
            }
            match parse(exchange, limits) {
                Ok(Parsed::Complete) => {
                    // It was for the head: what comes of the request has limits of its own.
                    self.stream.deadline().clear();
                    return Arrival::Head;
                }
                Ok(Parsed::Partial) if buffers.is_full() => return Arrival::Overloaded,
                Ok(Parsed::Partial) if until.is_some() => {}
                Ok(Parsed::Partial) => until = Some(self.now().plus(limits.header)),
                Err(error) => return Arrival::Malformed(error),
            }
        }
    }

    /// Waits without a buffer until something comes, for the idle limit at the most.
    pub async fn parked(&self, idle: Duration) -> bool {
        // Its box goes too.
        *self.last.borrow_mut() = LastSend::default();
        let deadline = self.stream.deadline();
        deadline.set(self.now(), idle, Action::EndRead);
        let ready = self.stream.readable().await;
        let expired = deadline.fired();
        deadline.clear();
        ready.is_ok() && !expired
    }

    /// Sends a whole message of our own.
    ///
    /// # Errors
    /// The client is gone, or takes nothing.
    pub async fn send(&self, message: Buffer, limits: &Limits) -> (Result<(), Broke>, Buffer) {
        self.head_sent.set(true);
        let deadline = self.stream.deadline();
        deadline.set(self.now(), limits.write, Action::EndBoth);
        let bytes = message.len() as u64;
        let (result, message) = self.stream.send_all(message).await;
        match result {
            Ok(()) => {
                deadline.clear();
                self.sent_bytes.set(self.sent_bytes.get() + bytes);
                (Ok(()), message)
            }
            Err(error) => (Err(Broke::write(&error, deadline.fired())), message),
        }
    }

    /// Whether a response of `bytes` may be left to itself: see `send_last`.
    pub fn may_leave(&self, bytes: usize) -> bool {
        !self.closing.get() && LastSend::takes(&self.stream, bytes)
    }

    /// Sends the end of a response, after which the next request is waited for. Nobody waits for
    /// the write: it is looked at when that request comes, or a little later if none does.
    pub fn send_last(&self, message: Buffer) {
        self.head_sent.set(true);
        self.sent_bytes.set(self.sent_bytes.get() + message.len() as u64);
        self.last.borrow_mut().start(&self.stream, message);
    }

    /// Ends the write that was left to itself: almost always it is done. To be called before the
    /// connection is dropped, if no arrival was waited for behind it.
    pub async fn settle(&self, buffers: &Buffers, limit: Duration) {
        if !self.last.borrow().is_under_way() {
            return;
        }
        match self.poll_last(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready((Ok(count), buffer)) if count == buffer.len() => buffers.give(buffer),
            polled => Box::pin(self.settle_slowly(polled, buffers, limit)).await,
        }
    }

    /// The client does not take what it is sent, or not all at once: it has the time of a write.
    async fn settle_slowly(&self, polled: Poll<Done>, buffers: &Buffers, limit: Duration) {
        let deadline = self.stream.deadline();
        deadline.set(self.now(), limit, Action::EndBoth);
        let (result, buffer) = match polled {
            Poll::Ready(done) => done,
            Poll::Pending => poll_fn(|context| self.poll_last(context)).await,
        };
        let (result, buffer) = match result {
            Ok(count) if count == buffer.len() => (Ok(()), buffer),
            Ok(count) => self.stream.send_rest(count, buffer).await,
            Err(error) => (Err(error), buffer),
        };
        buffers.give(buffer);
        match result {
            Ok(()) => deadline.clear(),
            // What was promised cannot be told: there will be no next request.
            Err(_) => self.stream.shutdown(Side::Both),
        }
    }

    fn poll_last(&self, context: &mut Context<'_>) -> Poll<Done> {
        self.last.borrow_mut().poll(context)
    }

    /// Reads more of a head. When its time is over the read is called back, and the stream stays
    /// open: a client that sends on behind its 408 has to be listened to, or its bytes would reset
    /// the connection.
    async fn recv_rest(&self, input: Buffer, until: Instant) -> Done {
        let now = self.now();
        let left = Duration::from_nanos(until.nanos_since(now));
        self.stream.deadline().set(now, left, Action::Wake);
        self.stream.recv_with_patience(input, left).await
    }

    /// Waits for a request, and after a while looks at the write that was left to itself: a client
    /// that waits for the rest of its answer will not ask again.
    async fn recv_beside_last(&self, input: Buffer, buffers: &Buffers, limits: &Limits) -> Done {
        let deadline = self.stream.deadline();
        let look_after = LAST_SEND_LOOKED_AT_AFTER.min(limits.idle);
        deadline.set(self.now(), look_after, Action::Wake);
        let mut read = pin!(self.stream.recv(input));
        let came = poll_fn(|context| match read.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => deadline.poll_fired(context).map(|()| None),
        });
        if let Some(done) = came.await {
            return done;
        }
        self.settle(buffers, limits.write).await;
        deadline.set(self.now(), limits.idle.saturating_sub(look_after), Action::EndRead);
        read.await
    }

    /// Throws away what is left of the request's body, within the linger limits. True when the
    /// next request starts where the input now starts.
    pub async fn drain_body(
        &self,
        exchange: &mut Exchange,
        body: &mut Body,
        buffers: &Buffers,
        limits: &Limits,
    ) -> bool {
        let mut left = limits.linger_bytes_max;
        self.stream.deadline().set(self.now(), limits.linger, Action::EndRead);
        loop {
            let mut input = exchange.input.take().unwrap_or_else(|| buffers.take());
            let taken = body.take(input.filled_mut());
            let Ok(piece) = taken else {
                buffers.give(input);
                return false;
            };
            input.consume(piece.consumed);
            left = left.saturating_sub(piece.consumed);
            if piece.done || left == 0 {
                self.stream.deadline().clear();
                exchange.input = Some(input);
                return piece.done;
            }
            input.compact();
            let (result, input) = self.stream.recv(input).await;
            let came = result.unwrap_or(0);
            self.received_bytes.set(self.received_bytes.get() + came as u64);
            exchange.input = Some(input);
            if came == 0 {
                return false;
            }
        }
    }

    /// Ends the connection: says that nothing more will be sent, and listens until the client has
    /// closed too, for a while. To close at once while the client still sends would reset the
    /// connection and destroy an answer that the client has not read (RFC 9112 section 9.6).
    pub async fn linger(&self, exchange: &mut Exchange, buffers: &Buffers, limits: &Limits) {
        self.stream.shutdown(Side::Write);
        let deadline = self.stream.deadline();
        deadline.set(self.now(), limits.linger, Action::EndBoth);
        let mut left = limits.linger_bytes_max;
        let mut buffer = exchange.input.take().unwrap_or_else(|| buffers.take());
        loop {
            buffer.clear();
            let (result, back) = self.stream.recv(buffer).await;
            buffer = back;
            match result {
                Ok(count) if count > 0 && count <= left => left -= count,
                _ => break,
            }
        }
        deadline.clear();
        buffers.give(buffer);
    }

    pub fn wheel(&self) -> &Rc<Wheel> {
        self.stream.deadline().wheel()
    }

    pub fn now(&self) -> Instant {
        self.wheel().clock().now()
    }

    fn set_idle_deadline(&self, limits: &Limits, park: bool) {
        let (after, action) = match park {
            true => (PARK_AFTER.min(limits.idle), Action::Wake),
            false => (limits.idle, Action::EndRead),
        };
        self.stream.deadline().set(self.now(), after, action);
    }
}

/// The body of the request whose head is in the exchange.
pub fn request_body(exchange: &Exchange) -> Body {
    Body::new(exchange.request.body, Output::Keep)
}

fn parse(exchange: &mut Exchange, limits: &Limits) -> Result<Parsed, ParseError> {
    let input = exchange.input.as_ref().map_or(&[][..], Buffer::filled);
    exchange.request.parse(input, &limits.head)
}

/// A head may be larger than what one read brings.
fn room_for_head(mut input: Buffer, buffers: &Buffers, limits: &Limits) -> Buffer {
    if input.spare() > 0 {
        return input;
    }
    input.compact();
    if input.spare() > 0 {
        return input;
    }
    input.enlarge(limits.head.room(input.len()));
    buffers.count(&mut input);
    input
}

fn give_back(exchange: &mut Exchange, buffers: &Buffers) {
    if let Some(input) = exchange.input.take() {
        buffers.give(input);
    }
}

#[cfg(test)]
mod tests;
