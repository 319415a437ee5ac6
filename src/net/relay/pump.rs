//! A direction while it is a stream: bytes go through a pipe, without being copied, for as long as
//! there are many of them. Nothing is waited for beyond what is there, so that the last bytes of a
//! message are not late.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;

use super::way::Way;
use crate::limits::{
    RELAY_PATIENCE, RELAY_PIPE_TURN_BYTES, RELAY_PIPE_UNTIL_BYTES, SPLICE_BATCH_BYTES,
};
use crate::net::deadline::Action;
use crate::net::splice::Pipe;

/// Why bytes go through the pipe no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pumped {
    /// Few of them come, or none for a while.
    Slow,
    /// The sender ended the stream.
    Ended,
    Broken,
}

impl Way<'_> {
    /// Whether the kernel may move the bytes by itself.
    pub(super) fn is_for_a_pipe(&self) -> bool {
        self.from.is_plain() && self.to.is_plain()
    }

    /// Moves bytes for as long as many come. Without a pipe to be had it moves none.
    pub(super) async fn pump(&self) -> Pumped {
        let Some(mut pipe) = self.pipes.lend() else { return Pumped::Slow };
        let mut turn_bytes = 0;
        loop {
            match pipe.fill(self.from, SPLICE_BATCH_BYTES) {
                Ok(0) => return Pumped::Ended,
                Ok(count) => {
                    self.moved();
                    if !self.empty(&mut pipe).await {
                        return Pumped::Broken;
                    }
                    self.moved();
                    if count < RELAY_PIPE_UNTIL_BYTES {
                        return Pumped::Slow;
                    }
                    turn_bytes += count;
                    // What is there may be there for ever: others want their turn.
                    if turn_bytes < RELAY_PIPE_TURN_BYTES {
                        continue;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Pumped::Broken,
            }
            turn_bytes = 0;
            if !self.more().await {
                return Pumped::Slow;
            }
        }
    }

    /// Sends what is in the pipe.
    async fn empty(&self, pipe: &mut Pipe) -> bool {
        while pipe.held() > 0 {
            match pipe.empty(self.to, false) {
                Ok(count) => self.flow.bytes.set(self.flow.bytes.get() + count as u64),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.flow.sending.set(true);
                    // Whatever the poll says, the next write says more.
                    let _ = self.to.writable().await;
                    self.flow.sending.set(false);
                }
                Err(error) => return self.count(0, Err(error)),
            }
        }
        true
    }

    /// Waits for more bytes, or the end of them, for a while.
    async fn more(&self) -> bool {
        let deadline = self.from.deadline();
        deadline.set(deadline.wheel().clock().now(), RELAY_PATIENCE, Action::Wake);
        // A poll may be dropped: it carries no bytes.
        let mut readable = pin!(self.from.readable());
        let came = poll_fn(|context| match readable.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending => deadline.poll_fired(context).map(|()| false),
        })
        .await;
        deadline.clear();
        came
    }
}
