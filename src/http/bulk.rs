//! The rest of a large body through a pipe: what the kernel received is handed on by reference.
//! On loopback that is half of the CPU time of copying (the crate's README has the table).
//!
//! Bytes are waited for in batches while they flow fast; a sender that turns slow is noticed within
//! `SPLICE_PATIENCE`, and what it sent goes on at once.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;

use super::body::Body;
use super::error::Broke;
use super::transfer::Transfer;
use crate::base::buffer::Buffer;
use crate::limits::{SPLICE_BATCH_BYTES, SPLICE_PATIENCE};
use crate::net::deadline::{Action, Deadline};
use crate::net::socket;
use crate::net::splice::Pipe;

/// One body on its way through a pipe.
pub struct Bulk<'a> {
    transfer: &'a Transfer<'a>,
    pipe: Pipe,
    /// What the receiving socket was told to wait for.
    batch: usize,
}

impl<'a> Bulk<'a> {
    pub fn new(transfer: &'a Transfer<'a>, pipe: Pipe) -> Self {
        Self { transfer, pipe, batch: 1 }
    }

    /// Moves all that is left of the body. The buffer, which is empty, comes back.
    ///
    /// # Errors
    /// Which side broke, and how.
    pub async fn run(mut self, body: &mut Body, buffer: Buffer) -> Result<Buffer, Broke> {
        debug_assert!(buffer.is_empty(), "bytes in a buffer come before those in the socket");
        let moved = Box::pin(self.move_all(body)).await;
        self.set_batch(1);
        let Self { transfer, pipe, .. } = self;
        transfer.pipes.give(pipe);
        match moved {
            Ok(()) => Ok(buffer),
            Err(broke) => {
                transfer.buffers.give(buffer);
                Err(broke)
            }
        }
    }

    async fn move_all(&mut self, body: &mut Body) -> Result<(), Broke> {
        while let Some(left @ 1..) = body.left() {
            let left = usize::try_from(left).unwrap_or(usize::MAX);
            match self.pipe.fill(self.transfer.from, left) {
                Ok(0) => return Err(Broke::ReadClosed),
                Ok(count) => {
                    body.pass(count);
                    self.pass(count, left - count).await?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait().await?,
                Err(_) => return Err(Broke::ReadClosed),
            }
        }
        Ok(())
    }

    /// Sends the `count` bytes that just came.
    async fn pass(&mut self, count: usize, left: usize) -> Result<(), Broke> {
        let fast = count >= SPLICE_BATCH_BYTES / 4;
        self.set_batch(if fast { SPLICE_BATCH_BYTES.min(left) } else { 1 });
        while self.pipe.held() > 0 {
            match self.pipe.empty(self.transfer.to, left > 0) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.room().await?,
                Err(_) => return Err(Broke::WriteClosed),
            }
        }
        self.transfer.moved.set(self.transfer.moved.get() + count as u64);
        Ok(())
    }

    /// Waits until the receiver takes bytes again.
    async fn room(&self) -> Result<(), Broke> {
        let Transfer { to, write_deadline, write_limit, .. } = self.transfer;
        let now = write_deadline.wheel().clock().now();
        write_deadline.set(now, self.transfer.within(*write_limit, now), Action::EndBoth);
        let ready = to.writable().await;
        let fired = write_deadline.fired();
        write_deadline.clear();
        match ready {
            Ok(()) if !fired => Ok(()),
            _ if fired => Err(Broke::WriteSlow),
            _ => Err(Broke::WriteClosed),
        }
    }

    /// Waits for bytes: for a batch of them at first, then for any.
    async fn wait(&mut self) -> Result<(), Broke> {
        let Transfer { from, read_deadline, read_limit, .. } = self.transfer;
        let now = read_deadline.wheel().clock().now();
        if self.batch > 1 {
            read_deadline.set(now, SPLICE_PATIENCE, Action::Wake);
            let came = or_fired(from.readable(), read_deadline).await;
            read_deadline.clear();
            if came.is_some() {
                return Ok(());
            }
            self.set_batch(1);
        }
        read_deadline.set(now, self.transfer.within(*read_limit, now), self.transfer.read_ends);
        let ready = from.readable().await;
        let fired = read_deadline.fired();
        read_deadline.clear();
        match ready {
            Ok(()) if !fired => Ok(()),
            _ => Err(Broke::read(fired)),
        }
    }

    fn set_batch(&mut self, bytes: usize) {
        let bytes = bytes.max(1);
        if std::mem::replace(&mut self.batch, bytes) != bytes {
            socket::set_receive_batch(self.transfer.from.fd(), bytes);
        }
    }
}

/// A poll may be dropped: it carries no bytes.
async fn or_fired<F: Future>(ready: F, deadline: &Deadline) -> Option<F::Output> {
    let mut ready = pin!(ready);
    poll_fn(|context| match ready.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => deadline.poll_fired(context).map(|()| None),
    })
    .await
}

#[cfg(test)]
mod tests;
