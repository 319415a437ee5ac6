//! An HTTP/1.1 connection to an endpoint: one exchange at a time, and a read armed all along, so
//! that a connection that idles notices its end, or bytes that nobody asked for.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::base::buffer::{Buffer, Buffers};
use crate::base::clock::Instant;
use crate::http::error::Broke;
use crate::net::stream::{ArmedRead, Stream};
use crate::proto::http1::head::ResponseHead;
use crate::proto::http1::{HeadLimits, ParseError, Parsed};

/// One connection to an endpoint.
pub struct Connection {
    pub stream: Stream,
    armed: ArmedRead,
    /// Exchanges that it carried before this one.
    pub served: u32,
    pub idle_since: Instant,
}

impl Connection {
    pub fn new(stream: Stream, buffers: &Buffers) -> Self {
        let armed = ArmedRead::new(&stream, buffers.take());
        Self { stream, armed, served: 0, idle_since: Instant::default() }
    }

    /// Whether an idle connection can carry another exchange: no byte and no end has come.
    /// What did come goes back to the worker.
    pub fn is_quiet(&mut self, buffers: &Buffers) -> bool {
        if !self.armed.is_armed() {
            return false;
        }
        match self.armed.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => true,
            Poll::Ready((_, buffer)) => {
                buffers.give(buffer);
                false
            }
        }
    }

    /// The socket, and the read of a response's first bytes: they are used at once.
    pub fn parts(&mut self) -> (&Stream, &mut ArmedRead) {
        (&self.stream, &mut self.armed)
    }

    /// Arms the read for the next exchange.
    pub fn rest(&mut self, buffer: Buffer, now: Instant) {
        self.served += 1;
        self.idle_since = now;
        self.armed.arm(&self.stream, buffer);
    }

    /// Ends the connection and waits for the armed read, which must not be dropped in flight.
    pub async fn close(mut self, buffers: &Buffers) {
        if self.armed.is_armed() {
            self.stream.shutdown(crate::net::socket::Side::Both);
            let (_, buffer) = self.armed.finish().await;
            buffers.give(buffer);
        }
    }

    /// Says that all was read and written, so that the read can be armed again.
    pub fn is_armed(&self) -> bool {
        self.armed.is_armed()
    }

    /// How long it has idled.
    pub fn idle_for(&self, now: Instant) -> Duration {
        Duration::from_nanos(now.nanos_since(self.idle_since))
    }
}

/// Reads on from `stream`, behind what `buffer` holds, until a head is there.
///
/// # Errors
/// The endpoint closed, was too slow, or sent what is no response.
pub async fn read_head(
    stream: &Stream,
    head: &mut ResponseHead,
    buffer: &mut Option<Buffer>,
    limits: &HeadLimits,
) -> Result<(), Broke> {
    head.reset();
    loop {
        let bytes = buffer.as_ref().map_or(&[][..], Buffer::filled);
        match head.parse(bytes, limits).map_err(Broke::Malformed)? {
            Parsed::Complete => return Ok(()),
            Parsed::Partial => more(stream, buffer, limits).await?,
        }
    }
}

async fn more(
    stream: &Stream,
    buffer: &mut Option<Buffer>,
    limits: &HeadLimits,
) -> Result<(), Broke> {
    let Some(mut room) = buffer.take() else { return Err(Broke::ReadClosed) };
    if room.spare() == 0 {
        room.compact();
    }
    if room.spare() == 0 {
        if room.len() > limits.head_bytes_max {
            return Err(Broke::Malformed(ParseError::HeadTooLarge));
        }
        room.enlarge(limits.room(room.len()));
    }
    let (result, room) = stream.recv(room).await;
    *buffer = Some(room);
    match result {
        Ok(count) if count > 0 => Ok(()),
        _ => Err(Broke::read(stream.deadline().fired())),
    }
}

#[cfg(test)]
mod tests;
