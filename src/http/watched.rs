//! A body on its way past somebody who looks at all of it, and may leave some of it out: what one
//! read brought is looked at and sent, then the next is read. Framing is taken off and put on again,
//! one chunk for each read, so that who looks sees the body alone; trailers are lost.

use std::cell::RefCell;

use super::body::Body;
use super::error::Broke;
use super::transfer::{Came, Transfer, put_chunk_prefix};
use crate::base::buffer::{Buffer, Buffers};
use crate::base::clock::Instant;
use crate::limits::{
    ANSWER_HELD_BYTES_MAX, BUFFER_HEADROOM_BYTES, READ_BUFFER_BYTES, SMALL_BUFFER_BYTES,
};

/// Who looks.
pub trait Watch {
    /// Sees what comes next of a body, whose `last` bytes these may be. What goes on is moved to
    /// the front; returns how many bytes that is.
    fn see(&mut self, bytes: &mut [u8], last: bool, now: Instant) -> usize;

    /// Appends what was kept back before, and goes on in front of what `see` told of. Who writes
    /// another body keeps all of the one that came, and has its own go on so.
    fn put_released(&mut self, out: &mut Buffer);

    /// The body broke off. Whether the receiver is to be told of that: it goes on like what was kept
    /// back.
    fn cut(&mut self) -> bool {
        false
    }

    /// What was seen so far may still be thrown away: nothing of it goes on yet, nor does the head.
    fn holds(&self) -> bool {
        false
    }
}

/// One body, and where it goes.
pub struct Watched<'a, W> {
    pub transfer: &'a Transfer<'a>,
    /// Borrowed for a look at a time: others may want to know what was seen.
    pub watch: &'a RefCell<W>,
    /// How long it may be held.
    pub held_until: Option<Instant>,
    /// What comes is little, and may take long: it is waited for with little memory.
    pub waits: bool,
}

impl<W: Watch> Watched<'_, W> {
    /// Sends `front` (a head), what `buffer` holds of the body, and the rest as it arrives. Returns
    /// the buffer, with a byte in it if anything came behind the body.
    ///
    /// # Errors
    /// Which side broke, and how. The buffer goes back to the worker then.
    pub async fn run(
        &self,
        front: &mut Buffer,
        body: &mut Body,
        buffer: Buffer,
    ) -> Result<Buffer, Broke> {
        let mut buffer = self.pass(front, body, buffer).await?;
        if self.waits && buffer.is_empty() && buffer.capacity() < READ_BUFFER_BYTES {
            // What comes next on the connection is no event.
            self.transfer.buffers.give(buffer);
            buffer = self.transfer.buffers.take();
        }
        Ok(buffer)
    }

    async fn pass(
        &self,
        front: &mut Buffer,
        body: &mut Body,
        mut buffer: Buffer,
    ) -> Result<Buffer, Broke> {
        let transfer = self.transfer;
        let mut chunks = 0_u32;
        loop {
            let piece = match body.take(buffer.filled_mut()) {
                Ok(piece) => piece,
                Err(error) => {
                    transfer.buffers.give(buffer);
                    return Err(Broke::Malformed(error));
                }
            };
            let kept =
                self.look(front, &mut buffer.filled_mut()[..piece.forward], false, &mut chunks);
            if piece.done {
                return self.end(front, buffer, kept, piece.consumed, chunks).await;
            }
            let holds = self.watch.borrow().holds() && front.len() < ANSWER_HELD_BYTES_MAX;
            if holds {
                front.put(&buffer.filled()[..kept]);
                buffer.consume(piece.consumed);
            } else if kept > 0 || !front.is_empty() {
                buffer = transfer.send(front, buffer, kept, piece.consumed).await?;
            } else {
                buffer.consume(piece.consumed);
            }
            let came;
            let until = self.held_until.filter(|_| holds);
            let until = transfer.until.into_iter().chain(until).min();
            let read = Transfer { until, ..*transfer };
            if self.waits {
                buffer = self.fit(front, buffer, piece.consumed);
            }
            (came, buffer) = match self.waits && buffer.is_empty() {
                true => read.receive(buffer).await,
                false => read.read(body, buffer).await,
            };
            if front.is_vacant() {
                *front = transfer.buffers.take();
            }
            let broke = match came {
                Ok(Came::Bytes) => continue,
                Ok(Came::End) if body.ends_by_close() => {
                    return self.end(front, buffer, 0, 0, chunks).await;
                }
                Ok(Came::End) => Broke::ReadClosed,
                Err(broke) => broke,
            };
            self.cut(front, buffer, broke, chunks).await;
            return Err(broke);
        }
    }

    /// The memory for the next wait, by how much of it the last read took; and none for a head that
    /// went.
    fn fit(&self, front: &mut Buffer, buffer: Buffer, came: usize) -> Buffer {
        let buffers = self.transfer.buffers;
        if front.is_empty() {
            buffers.give(std::mem::replace(front, Buffer::vacant()));
        }
        let capacity = buffer.capacity();
        let is_full = came + BUFFER_HEADROOM_BYTES >= capacity;
        let (small, bulk) = (capacity < READ_BUFFER_BYTES, capacity > 2 * READ_BUFFER_BYTES);
        match is_full {
            // Half a line of a chunk, or trailers, which may be longer.
            _ if small && !buffer.is_empty() => swap(buffers, buffer, Buffers::take),
            _ if !buffer.is_empty() => buffer,
            true if small => swap(buffers, buffer, Buffers::take),
            true if !bulk && !buffers.is_full() => swap(buffers, buffer, Buffers::take_bulk),
            false if !small && came <= SMALL_BUFFER_BYTES => {
                swap(buffers, buffer, Buffers::take_small)
            }
            _ => buffer,
        }
    }

    /// The body broke off: the receiver is told, if it is there and there is something to tell. That
    /// this is not the end the caller has to say with the connection.
    async fn cut(&self, front: &mut Buffer, mut buffer: Buffer, broke: Broke, mut chunks: u32) {
        let transfer = self.transfer;
        buffer.clear();
        let is_there = front.is_empty() && matches!(broke, Broke::ReadClosed | Broke::ReadSlow);
        if is_there && self.watch.borrow_mut().cut() {
            self.look(front, &mut [], false, &mut chunks);
            // A write that fails has nobody to tell.
            let Ok(sent) = transfer.send(front, buffer, 0, 0).await else { return };
            buffer = sent;
        }
        transfer.buffers.give(buffer);
    }

    /// Has bytes looked at; what goes on of them is at their front, and what goes on before them,
    /// with the size of the chunk, is in `front`.
    fn look(&self, front: &mut Buffer, bytes: &mut [u8], last: bool, chunks: &mut u32) -> usize {
        let transfer = self.transfer;
        let now = transfer.read_deadline.wheel().clock().now();
        let mut released = transfer.buffers.take();
        let mut watch = self.watch.borrow_mut();
        let kept = watch.see(bytes, last, now);
        watch.put_released(&mut released);
        let len = released.len() + kept;
        if len > 0 {
            if transfer.chunk {
                put_chunk_prefix(front, len, *chunks);
            }
            *chunks += 1;
            transfer.moved.set(transfer.moved.get() + len as u64);
        }
        front.put(released.filled());
        transfer.buffers.give(released);
        kept
    }

    /// The body is over: what was kept back goes, and with it that this is all.
    async fn end(
        &self,
        front: &mut Buffer,
        mut buffer: Buffer,
        kept: usize,
        consumed: usize,
        mut chunks: u32,
    ) -> Result<Buffer, Broke> {
        let transfer = self.transfer;
        let is_more = buffer.len() > consumed;
        buffer.truncate(kept);
        let mut rest = transfer.buffers.take();
        self.look(&mut rest, &mut [], true, &mut chunks);
        buffer.put(rest.filled());
        transfer.buffers.give(rest);
        if transfer.chunk {
            let end: &[u8] = if chunks > 0 { b"\r\n0\r\n\r\n" } else { b"0\r\n\r\n" };
            buffer.put(end);
        }
        if !buffer.is_empty() || !front.is_empty() {
            let len = buffer.len();
            buffer = transfer.send(front, buffer, len, len).await?;
        }
        if is_more {
            // Nobody reads it: it says that the connection is not clean.
            buffer.put(b"\0");
        }
        Ok(buffer)
    }
}

/// What `buffer` holds, in another.
fn swap(buffers: &Buffers, buffer: Buffer, take: impl Fn(&Buffers) -> Buffer) -> Buffer {
    let mut other = take(buffers);
    other.put(buffer.filled());
    buffers.give(buffer);
    other
}

#[cfg(test)]
mod tests;
