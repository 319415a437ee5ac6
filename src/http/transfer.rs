//! Moves a body from one connection to another with one buffer: a read, then a write of all that
//! came, then the next read. So a slow receiver holds back the sender, and memory is constant.
//!
//! What is left of a large body whose length is known goes through a pipe instead (`bulk`).
//!
//! The buffer starts at the size of a head; a body whose reads fill it gets a bulk buffer, since
//! the CPU time of a large body goes with its number of reads. The bulk buffer goes back to the
//! worker with the end of the body.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::time::Duration;

use super::body::Body;
use super::bulk::Bulk;
use super::error::Broke;
use super::tee::Tee;
use crate::base::buffer::{Buffer, Buffers};
use crate::base::clock::Instant;
use crate::limits::{READ_BUFFER_BYTES, SPLICE_FROM_BYTES, TRANSFER_BULK_FROM_BYTES};
use crate::net::deadline::{Action, Deadline};
use crate::net::socket::Side;
use crate::net::splice::Pipes;
use crate::net::stream::Stream;
use crate::proto::http1::chunked::chunk_prefix;

/// One direction between two connections.
pub struct Transfer<'a> {
    pub from: &'a Stream,
    pub to: &'a Stream,
    /// Each direction of a connection has a deadline of its own while both are in use.
    pub read_deadline: &'a Deadline,
    pub write_deadline: &'a Deadline,
    pub read_limit: Duration,
    /// What becomes of a read that takes longer: it ends, or whoever runs this is woken, and ends
    /// it or not.
    pub read_ends: Action,
    pub write_limit: Duration,
    /// When all of it must have gone through, whatever each step may take.
    pub until: Option<Instant>,
    pub buffers: &'a Buffers,
    pub pipes: &'a Pipes,
    /// Nobody else wants what is read: when the receiver leaves, the sender is shut down, as far as
    /// that is told at once (`Stream::poll_dead`).
    pub ends_with_receiver: bool,
    /// Wrap what comes in chunks: a body that ends by close, for a client that must be told.
    pub chunk: bool,
    /// Bytes of the body that were sent.
    pub moved: &'a Cell<u64>,
    /// Gets a copy of the body.
    pub tee: Option<&'a Tee>,
}

impl Transfer<'_> {
    /// Sends `front` (a head), what `buffer` holds of the body, and the rest as it arrives.
    /// Returns the buffer with what came behind the body.
    ///
    /// # Errors
    /// Which side broke, and how. The buffer goes back to the worker then.
    pub async fn run(
        &self,
        front: &mut Buffer,
        body: &mut Body,
        buffer: Buffer,
    ) -> Result<Buffer, Broke> {
        let mut buffer = buffer;
        let mut chunks = 0_u32;
        loop {
            let piece = match body.take(buffer.filled_mut()) {
                Ok(piece) => piece,
                Err(error) => {
                    self.buffers.give(buffer);
                    return Err(Broke::Malformed(error));
                }
            };
            if self.chunk && piece.forward > 0 {
                put_chunk_prefix(front, piece.forward, chunks);
                chunks += 1;
            }
            if let Some(tee) = self.tee {
                tee.push(&buffer.filled()[..piece.forward]);
            }
            if piece.forward > 0 || !front.is_empty() {
                buffer = self.send(front, buffer, piece.forward, piece.consumed).await?;
                self.moved.set(self.moved.get() + piece.forward as u64);
            } else {
                buffer.consume(piece.consumed);
            }
            if piece.done {
                self.tee.inspect(|tee| tee.end());
                return Ok(buffer);
            }
            if self.is_for_a_pipe(body, &buffer)
                && let Some(pipe) = self.pipes.take()
            {
                return Bulk::new(self, pipe).run(body, buffer).await;
            }
            let came;
            (came, buffer) = self.read(body, buffer).await;
            let broke = match came {
                Ok(Came::Bytes) => continue,
                Ok(Came::End) if body.ends_by_close() => {
                    return self.end(front, chunks, buffer).await;
                }
                Ok(Came::End) => Broke::ReadClosed,
                Err(broke) => broke,
            };
            self.buffers.give(buffer);
            return Err(broke);
        }
    }

    /// Sends `front` and the first `forward` bytes in one write, and drops `consumed` of them.
    pub(super) async fn send(
        &self,
        front: &mut Buffer,
        mut buffer: Buffer,
        forward: usize,
        consumed: usize,
    ) -> Result<Buffer, Broke> {
        if !front.is_empty() && !buffer.put_front(front.filled()) {
            // A head too large for the headroom goes by itself.
            let head = std::mem::replace(front, self.buffers.take());
            let result = self.write(head).await;
            match result {
                Ok(head) => self.buffers.give(head),
                Err(broke) => {
                    self.buffers.give(buffer);
                    return Err(broke);
                }
            }
            if forward == 0 {
                buffer.consume(consumed);
                return Ok(buffer);
            }
        }
        let whole = buffer.window();
        let ahead = front.len();
        front.clear();
        buffer.truncate(ahead + forward);
        let mut buffer = self.write(buffer).await?;
        buffer.restore(whole);
        buffer.consume(ahead + consumed);
        Ok(buffer)
    }

    pub(super) async fn write(&self, buffer: Buffer) -> Result<Buffer, Broke> {
        let now = self.write_deadline.wheel().clock().now();
        self.write_deadline.set(now, self.within(self.write_limit, now), Action::EndBoth);
        let (result, buffer) = self.to.send_all(buffer).await;
        match result {
            Ok(()) => {
                self.write_deadline.clear();
                Ok(buffer)
            }
            Err(error) => {
                self.buffers.give(buffer);
                Err(Broke::write(&error, self.write_deadline.fired()))
            }
        }
    }

    pub(super) async fn read(&self, body: &Body, buffer: Buffer) -> (Result<Came, Broke>, Buffer) {
        let buffer = self.room(body, buffer);
        self.receive(buffer).await
    }

    /// Reads into the room that is left in `buffer`.
    pub(super) async fn receive(&self, buffer: Buffer) -> (Result<Came, Broke>, Buffer) {
        let now = self.read_deadline.wheel().clock().now();
        self.read_deadline.set(now, self.within(self.read_limit, now), self.read_ends);
        let (result, buffer, gone) = self.recv(buffer).await;
        match result {
            _ if gone => (Err(Broke::WriteClosed), buffer),
            Ok(1..) => {
                self.read_deadline.clear();
                (Ok(Came::Bytes), buffer)
            }
            Ok(_) if !self.read_deadline.fired() => (Ok(Came::End), buffer),
            _ => (Err(Broke::read(self.read_deadline.fired())), buffer),
        }
    }

    /// Reads, unless whoever the bytes are for leaves meanwhile: then the read is ended, and true
    /// is returned with what came of it.
    async fn recv(&self, buffer: Buffer) -> (io::Result<usize>, Buffer, bool) {
        let mut recv = pin!(self.from.recv(buffer));
        let mut gone = false;
        poll_fn(|context| {
            if self.ends_with_receiver && !gone && self.to.poll_dead(context).is_ready() {
                gone = true;
                self.from.shutdown(Side::Both);
            }
            recv.as_mut().poll(context).map(|(result, buffer)| (result, buffer, gone))
        })
        .await
    }

    /// Enough of it is left, its length is known, and nothing of it waits in the buffer.
    fn is_for_a_pipe(&self, body: &Body, buffer: &Buffer) -> bool {
        !self.chunk
            && self.tee.is_none()
            && self.from.is_plain()
            && self.to.is_plain()
            && buffer.is_empty()
            && body.left().is_some_and(|left| left >= SPLICE_FROM_BYTES as u64)
    }

    /// How long a step may take that begins now.
    pub(super) fn within(&self, limit: Duration, now: Instant) -> Duration {
        let left = |until: Instant| Duration::from_nanos(until.nanos_since(now));
        self.until.map_or(limit, |until| limit.min(left(until)))
    }

    /// A buffer to read into: the same one, or a bulk buffer for a body that is worth it.
    fn room(&self, body: &Body, mut buffer: Buffer) -> Buffer {
        let large = body.left().unwrap_or_else(|| self.moved.get());
        if large >= TRANSFER_BULK_FROM_BYTES as u64
            && buffer.capacity() < 2 * READ_BUFFER_BYTES
            && !self.buffers.is_full()
        {
            let mut bulk = self.buffers.take_bulk();
            bulk.put(buffer.filled());
            self.buffers.give(buffer);
            return bulk;
        }
        if buffer.spare() < READ_BUFFER_BYTES / 4 {
            buffer.compact();
        }
        buffer
    }

    /// The sender ended the message by closing.
    async fn end(
        &self,
        front: &mut Buffer,
        chunks: u32,
        mut buffer: Buffer,
    ) -> Result<Buffer, Broke> {
        debug_assert!(buffer.is_empty(), "all of a body that ends by close is sent as it comes");
        if self.chunk {
            if chunks > 0 {
                front.put(b"\r\n");
            }
            front.put(b"0\r\n\r\n");
        }
        if !front.is_empty() {
            buffer = self.send(front, buffer, 0, 0).await?;
        }
        Ok(buffer)
    }
}

/// What a read came to. An end is a clean one: a reset, or TLS that is cut off, may have lost bytes,
/// and so ends no message.
pub(super) enum Came {
    Bytes,
    End,
}

/// Each chunk but the first also ends the one before it, so that no byte is put behind a body.
pub(super) fn put_chunk_prefix(front: &mut Buffer, bytes: usize, chunks: u32) {
    if chunks > 0 {
        front.put(b"\r\n");
    }
    front.put(chunk_prefix(bytes, &mut [0; 18]));
}

#[cfg(test)]
pub(crate) mod tests;
