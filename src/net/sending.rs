//! `Sending`: a small write that nobody waits for. It is on the ring, where it is done by the time
//! that its answer comes; to be woken for it would cost a turn of the loop and tell nothing.
//!
//! It is looked at in the end, and now and then: a part of it may be left, when the kernel was short
//! of memory. What does not go on by itself is waited for at once: a large write, and any write on
//! epoll, where an operation is done by whoever polls it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::deadline::Action;
use super::stream::{Done, Stream};
use crate::base::buffer::Buffer;
use crate::limits::SEND_QUIETLY_BYTES_MAX;

/// A write under way.
pub struct Sending<F> {
    write: Option<F>,
    /// It has to be waited for.
    waits: bool,
    done: Option<(io::Result<()>, Buffer)>,
    /// The kernel took some of it.
    begun: bool,
}

/// How a write ended. The message is as it was given.
pub struct Sent {
    pub result: io::Result<()>,
    pub message: Buffer,
    /// The peer may have seen some of it. Without that it saw nothing.
    pub begun: bool,
}

impl<F: Future<Output = Done>> Sending<F> {
    pub(super) fn new(write: F, bytes: usize, on_ring: bool) -> Self {
        let waits = !on_ring || bytes > SEND_QUIETLY_BYTES_MAX;
        Self { write: Some(write), waits, done: None, begun: false }
    }

    /// Waits for it, if that has to be.
    pub async fn start(self: Pin<&mut Self>, stream: &Stream) {
        if self.waits {
            self.complete(stream).await;
        }
    }

    /// Looks whether it is done, and sends what was left of it.
    pub async fn look(mut self: Pin<&mut Self>, stream: &Stream) {
        let done = poll_fn(|context| Poll::Ready(self.as_mut().poll_write(context))).await;
        if let Poll::Ready(Some(done)) = done {
            self.keep(stream, done).await;
        }
    }

    /// Waits for its end, for `limit` at the most.
    pub async fn finish(mut self: Pin<&mut Self>, stream: &Stream, limit: Duration) -> Sent {
        if self.done.is_none() {
            let first = poll_fn(|context| Poll::Ready(self.as_mut().poll_write(context))).await;
            match first {
                Poll::Ready(Some(done)) => self.as_mut().keep(stream, done).await,
                _ => {
                    let now = stream.deadline().wheel().clock().now();
                    stream.deadline().set(now, limit, Action::EndBoth);
                    self.as_mut().complete(stream).await;
                }
            }
        }
        // SAFETY: `done` is not pinned; nothing is moved out of `write`.
        let this = unsafe { self.get_unchecked_mut() };
        let (result, message) = this.done.take().expect("a write is finished once");
        Sent { result, message, begun: this.begun }
    }

    async fn complete(mut self: Pin<&mut Self>, stream: &Stream) {
        if let Some(done) = poll_fn(|context| self.as_mut().poll_write(context)).await {
            self.keep(stream, done).await;
        }
    }

    async fn keep(self: Pin<&mut Self>, stream: &Stream, (result, buffer): Done) {
        let begun = result.is_ok();
        let done = match result {
            Ok(count) if count == buffer.len() => (Ok(()), buffer),
            Ok(count) => stream.send_rest(count, buffer).await,
            Err(error) => (Err(error), buffer),
        };
        // SAFETY: `done` is not pinned; nothing is moved out of `write`.
        let this = unsafe { self.get_unchecked_mut() };
        (this.done, this.begun) = (Some(done), begun);
    }

    /// Ready with what the write gave back, or with nothing when it was finished before.
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Done>> {
        // SAFETY: `write` is pinned with `self`: it is polled in place, and dropped in place by the
        // assignment of `None`.
        let this = unsafe { self.get_unchecked_mut() };
        let Some(write) = this.write.as_mut() else { return Poll::Ready(None) };
        // SAFETY: as above.
        let polled = unsafe { Pin::new_unchecked(write) }.poll(context);
        if polled.is_ready() {
            this.write = None;
        }
        polled.map(Some)
    }
}

impl Sending<std::future::Ready<Done>> {
    /// Nothing is under way: what there was has been sent.
    pub const fn nothing() -> Self {
        Self { write: None, waits: false, done: None, begun: true }
    }
}
