//! One direction of a relay: a read is waited for, what it brought is written, and so on to the
//! end of the stream.
//!
//! A small write is left to itself (`net::stream::LastSend` tells why): while it is on the ring the
//! next read is there too, and a message costs one turn of the loop. It is looked at when the next
//! message comes, so that one at most is under way and bytes keep their order; or a little later,
//! when none does.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use super::{Flow, Watch};
use crate::base::buffer::{Buffer, Buffers};
use crate::limits::{
    BULK_BUFFER_BYTES, READ_BUFFER_BYTES, RELAY_BULK_UNTIL_BYTES, RELAY_PARK_FROM_BYTES,
    RELAY_PATIENCE,
};
use crate::net::deadline::Action;
use crate::net::socket::Side;
use crate::net::stream::{Done, LastSend, Stream};

pub(super) struct Way<'a> {
    pub(super) from: &'a Stream,
    pub(super) to: &'a Stream,
    pub(super) buffers: &'a Buffers,
    pub(super) flow: &'a Flow,
    /// The other direction.
    pub(super) back: &'a Flow,
    pub(super) watch: &'a Watch<'a>,
}

impl Way<'_> {
    /// True when the sender ended it, false when something broke. `see` is shown all of it.
    pub(super) async fn run(&self, first: Buffer, see: impl Fn(&[u8])) -> bool {
        let mut left = pin!(None);
        let mut buffer = first;
        let clean = loop {
            if !self.settle(left.as_mut()).await {
                break false;
            }
            see(buffer.filled());
            let passed;
            if self.may_leave(buffer.len()) {
                left.set(Some(self.to.send(buffer)));
                self.flow.left.set(true);
                self.watch.look_soon(self.flow.last.get());
                (passed, buffer) = (true, self.buffers.take());
            } else {
                (passed, buffer) = self.pass(buffer).await;
            }
            if !passed {
                break false;
            }
            let result;
            (result, buffer) = self.receive(buffer, left.as_mut()).await;
            match result {
                _ if self.flow.failed.get() => break false,
                Ok(0) => break self.is_whole().await,
                Ok(_) => self.moved(),
                Err(_) => break false,
            }
        };
        self.buffers.give(buffer);
        if clean && self.settle(left.as_mut()).await {
            self.to.shutdown(Side::Write);
            return true;
        }
        self.cut();
        self.abandon(left).await;
        false
    }

    /// Sends what is waited for, if there is any, and makes room for the next read.
    async fn pass(&self, buffer: Buffer) -> (bool, Buffer) {
        let (count, full) = (buffer.len(), buffer.spare() == 0);
        if count == 0 {
            return (true, buffer);
        }
        let (sent, buffer) = self.send(buffer).await;
        if !sent {
            return (false, buffer);
        }
        (true, next_room(buffer, count, full, self.buffers))
    }

    /// Where many buffers are out none is left with a write.
    fn may_leave(&self, bytes: usize) -> bool {
        bytes > 0
            && LastSend::takes(self.to, bytes)
            && self.buffers.out_bytes() < RELAY_PARK_FROM_BYTES
    }

    /// Waits for the next bytes. Beside that it looks at the write that was left to itself, when it
    /// is told to.
    async fn receive<F>(&self, buffer: Buffer, mut left: Pin<&mut Option<F>>) -> Done
    where
        F: Future<Output = Done>,
    {
        let mut reading = pin!(read(self.from, buffer, self.buffers));
        loop {
            let came = poll_fn(|context| match reading.as_mut().poll(context) {
                Poll::Ready(done) => Poll::Ready(Came::Bytes(done)),
                Poll::Pending if !self.flow.look.get() => Poll::Pending,
                Poll::Pending => poll_left(left.as_mut(), context).map(Came::Sent),
            });
            match came.await {
                Came::Bytes(done) => return done,
                Came::Sent(None) => self.flow.look.set(false),
                Came::Sent(Some(done)) => self.sent_or_cut(done).await,
            }
        }
    }

    /// Waits for the end of the write that was left to itself: almost always it is done. False when
    /// it failed.
    async fn settle<F>(&self, mut left: Pin<&mut Option<F>>) -> bool
    where
        F: Future<Output = Done>,
    {
        if !self.flow.left.get() {
            return true;
        }
        self.flow.sending.set(true);
        let done = poll_fn(|context| poll_left(left.as_mut(), context)).await;
        self.flow.sending.set(false);
        match done {
            Some(done) => self.sent(done).await,
            None => true,
        }
    }

    /// What became of a write that was left to itself.
    async fn sent(&self, (result, buffer): Done) -> bool {
        self.flow.left.set(false);
        self.flow.look.set(false);
        let count = buffer.len();
        let (result, buffer) = match result {
            Ok(taken) if taken == count => (Ok(()), buffer),
            Ok(taken) => {
                self.flow.sending.set(true);
                let rest = self.to.send_rest(taken, buffer).await;
                self.flow.sending.set(false);
                rest
            }
            Err(error) => (Err(error), buffer),
        };
        self.buffers.give(buffer);
        self.count(count, result)
    }

    /// The read beside a write that failed ends by it too.
    async fn sent_or_cut(&self, done: Done) {
        if !self.sent(done).await {
            self.cut();
        }
    }

    /// Sends what is waited for.
    async fn send(&self, buffer: Buffer) -> (bool, Buffer) {
        let count = buffer.len();
        self.flow.sending.set(true);
        let (result, buffer) = self.to.send_all(buffer).await;
        self.flow.sending.set(false);
        self.moved();
        (self.count(count, result), buffer)
    }

    /// Bytes went through just now.
    fn moved(&self) {
        self.flow.last.set(self.from.deadline().wheel().clock().now());
    }

    /// Notes what became of a write. True when it is done.
    fn count(&self, bytes: usize, result: io::Result<()>) -> bool {
        let Err(error) = result else {
            self.flow.bytes.set(self.flow.bytes.get() + bytes as u64);
            return true;
        };
        self.flow.failed.set(true);
        // Who has ended what it sends, and is gone since, shows as a broken pipe. Everything else
        // means that there was no end.
        self.flow.refused.set(error.kind() != io::ErrorKind::BrokenPipe);
        false
    }

    /// Whether the end of the stream that was read is the sender's. The error of a connection that
    /// was reset goes to whoever asks first: where that is a write of the other direction, a read
    /// finds nothing but an end. So the other direction has its turn before this one goes on.
    async fn is_whole(&self) -> bool {
        self.back.look.set(self.back.left.get());
        self.watch.again.set(true);
        let mut asked = false;
        poll_fn(
            |_| {
                if std::mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending }
            },
        )
        .await;
        !self.back.refused.get()
    }

    /// What broke on one side is not ended cleanly on the other: both are reset when they are
    /// closed. Until then only what the other direction waits for is ended; to end more would send
    /// a FIN.
    fn cut(&self) {
        for stream in [self.from, self.to] {
            // A socket that is gone already needs no reset.
            stream.reset_on_close();
        }
        self.to.shutdown(Side::Read);
        self.from.shutdown(if self.back.sending.get() { Side::Both } else { Side::Read });
    }

    /// Ends the write that was left to itself, if it is still under way.
    async fn abandon<F>(&self, mut left: Pin<&mut Option<F>>)
    where
        F: Future<Output = Done>,
    {
        let mut is_shut = false;
        let done = poll_fn(|context| {
            let polled = poll_left(left.as_mut(), context);
            if polled.is_pending() && !std::mem::replace(&mut is_shut, true) {
                self.to.shutdown(Side::Both);
            }
            polled
        })
        .await;
        self.flow.left.set(false);
        if let Some((result, buffer)) = done {
            let taken = result.unwrap_or(0);
            self.flow.bytes.set(self.flow.bytes.get() + taken as u64);
            self.buffers.give(buffer);
        }
    }
}

enum Came {
    Bytes(Done),
    Sent(Option<Done>),
}

/// Ready with what the write gave back, or with nothing when there is none.
fn poll_left<F: Future<Output = Done>>(
    mut left: Pin<&mut Option<F>>,
    context: &mut Context<'_>,
) -> Poll<Option<Done>> {
    let Some(write) = left.as_mut().as_pin_mut() else { return Poll::Ready(None) };
    let polled = write.poll(context);
    if polled.is_ready() {
        left.set(None);
    }
    polled.map(Some)
}

/// An empty buffer for the next read: a large one behind a read that filled its buffer, and a small
/// one again behind a read that would have fit in it.
pub(super) fn next_room(mut buffer: Buffer, count: usize, full: bool, buffers: &Buffers) -> Buffer {
    let is_bulk = buffer.capacity() > BULK_BUFFER_BYTES;
    let few = buffers.out_bytes() < RELAY_BULK_UNTIL_BYTES;
    if full && !is_bulk && few && !buffers.is_full() {
        buffers.give(buffer);
        return buffers.take_bulk();
    }
    if is_bulk && count <= READ_BUFFER_BYTES {
        buffers.give(buffer);
        return buffers.take();
    }
    buffer.clear();
    buffer
}

/// Reads what comes. A large buffer is given back when nothing does for a while; where many are out
/// a small one too, and what comes is waited for without. To be able to call a read back costs a
/// little on each, so that few quiet connections keep their small buffers.
async fn read(from: &Stream, buffer: Buffer, buffers: &Buffers) -> Done {
    let is_bulk = buffer.capacity() > BULK_BUFFER_BYTES;
    if !is_bulk && buffers.out_bytes() < RELAY_PARK_FROM_BYTES {
        return from.recv(buffer).await;
    }
    let deadline = from.deadline();
    deadline.set(deadline.wheel().clock().now(), RELAY_PATIENCE, Action::Wake);
    let (result, buffer) = from.recv_or_fired(buffer).await;
    deadline.clear();
    match result {
        Err(error) if error.raw_os_error() == Some(libc::ECANCELED) => {
            buffers.give(buffer);
            if buffers.out_bytes() >= RELAY_PARK_FROM_BYTES {
                // Whatever the poll says, the read says more.
                let _ = from.readable().await;
            }
            from.recv(buffers.take()).await
        }
        result => (result, buffer),
    }
}
