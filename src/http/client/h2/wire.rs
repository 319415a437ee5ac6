//! The socket of a connection: a read that is armed all along, and one write at a time, beside it.
//! No operation is ever dropped.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::base::buffer::{Buffer, Buffers};
use crate::limits::{
    H2_INPUT_BYTES_KEPT_MAX, H2_WRITTEN_BYTES_KEPT, LAST_SEND_LOOKED_AT_AFTER, READ_BUFFER_BYTES,
};
use crate::net::deadline::{Action, Deadline, Ends};
use crate::net::socket::Side;
use crate::net::stream::{ArmedRead, LastSend, Stream};

pub(super) struct Wire {
    // Before the stream: no operation outlives it.
    armed: ArmedRead,
    sending: LastSend,
    /// When the write is looked at that nobody waits for.
    look: Deadline,
    /// A write that is left to itself until there is another.
    quiet: bool,
    stream: Stream,
    buffers: Rc<Buffers>,
    write: Duration,
    /// What was read and not taken in; nothing while the read is armed.
    input: Option<Buffer>,
    /// It leaves room for more: the next read is to be armed.
    rests: bool,
    /// What is being written, and how much of it was handed to the socket.
    written: Vec<u8>,
    handed: usize,
    /// The endpoint closed, or the connection broke.
    closed: bool,
}

impl Wire {
    pub(super) fn new(stream: Stream, buffers: Rc<Buffers>, write: Duration) -> Self {
        let armed = ArmedRead::new(&stream, buffers.take());
        let look = stream.deadline().wheel().register(Ends::Nothing);
        Self {
            armed,
            sending: LastSend::default(),
            look,
            quiet: false,
            stream,
            buffers,
            write,
            input: None,
            rests: false,
            written: Vec::new(),
            handed: 0,
            closed: false,
        }
    }

    pub(super) fn deadline(&self) -> &Deadline {
        self.stream.deadline()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// All that was handed over is with the kernel.
    pub(super) fn is_written(&self) -> bool {
        !self.sending.is_under_way() && self.handed == self.written.len()
    }

    /// Ready when something was read or written. `more`: there is more to be written, so that a
    /// write that was left to itself is in the way.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, more: bool) -> Poll<()> {
        let mut polled = Poll::Pending;
        if self.armed.is_armed()
            && let Poll::Ready((result, buffer)) = self.armed.poll(context)
        {
            self.read(result.unwrap_or(0), buffer);
            polled = Poll::Ready(());
        }
        let fired = self.quiet && self.look.poll_fired(context).is_ready();
        if self.sending.is_under_way()
            && (!self.quiet || more || fired)
            && let Poll::Ready((result, buffer)) = self.sending.poll(context)
        {
            self.sent(result.unwrap_or(0), buffer);
            polled = Poll::Ready(());
        } else if fired {
            // Not done after so long: from now on it is waited for.
            self.wait_for_write();
        }
        polled
    }

    /// Lets `take` have what was read. If that leaves room for more, the wire rests until `arm`.
    pub(super) fn take(&mut self, take: impl FnOnce(&[u8]) -> usize) {
        let Some(mut input) = self.input.take() else { return };
        let consumed = take(input.filled());
        input.consume(consumed);
        self.rests = !self.closed && input.len() <= H2_INPUT_BYTES_KEPT_MAX;
        self.input = Some(input);
    }

    /// All that was read is taken in, and no read is armed.
    pub(super) fn rests(&self) -> bool {
        self.rests
    }

    /// Arms the next read of a wire that rests.
    pub(super) fn arm(&mut self) {
        if !std::mem::take(&mut self.rests) {
            return;
        }
        let Some(mut input) = self.input.take() else { return };
        if input.spare() < READ_BUFFER_BYTES / 2 {
            input.compact();
        }
        self.armed.arm(&self.stream, input);
    }

    /// Writes what `swap` hands over, unless the last is not written yet.
    pub(super) fn write(&mut self, swap: impl FnOnce(&mut Vec<u8>)) {
        if self.sending.is_under_way() {
            return;
        }
        if self.handed == self.written.len() {
            if self.written.capacity() > H2_WRITTEN_BYTES_KEPT {
                self.written = Vec::new();
            }
            swap(&mut self.written);
            self.handed = 0;
        }
        let rest = &self.written[self.handed..];
        if rest.is_empty() {
            return;
        }
        let small = rest.len() <= READ_BUFFER_BYTES || self.buffers.is_full();
        let mut buffer = if small { self.buffers.take() } else { self.buffers.take_bulk() };
        let count = rest.len().min(buffer.spare());
        buffer.put(&rest[..count]);
        self.handed += count;
        self.send(buffer);
    }

    /// Ends the connection and waits for what is under way.
    pub(super) async fn close(&mut self) {
        self.stream.shutdown(Side::Both);
        if self.armed.is_armed() {
            let (_, buffer) = self.armed.finish().await;
            self.buffers.give(buffer);
        }
        if self.sending.is_under_way() {
            let (_, buffer) = std::future::poll_fn(|context| self.sending.poll(context)).await;
            self.buffers.give(buffer);
        }
        if let Some(input) = self.input.take() {
            self.buffers.give(input);
        }
    }

    fn send(&mut self, buffer: Buffer) {
        self.quiet = LastSend::takes(&self.stream, buffer.len());
        self.sending.start(&self.stream, buffer);
        if self.quiet {
            let now = self.look.wheel().clock().now();
            self.look.set(now, LAST_SEND_LOOKED_AT_AFTER, Action::Wake);
        } else {
            self.wait_for_write();
        }
    }

    fn wait_for_write(&mut self) {
        self.quiet = false;
        let deadline = self.stream.deadline();
        deadline.set(deadline.wheel().clock().now(), self.write, Action::EndBoth);
    }

    fn sent(&mut self, count: usize, mut buffer: Buffer) {
        self.stream.deadline().clear();
        self.look.clear();
        self.quiet = false;
        buffer.consume(count);
        if count == 0 {
            self.closed = true;
        } else if !buffer.is_empty() {
            return self.send(buffer);
        }
        self.buffers.give(buffer);
    }

    fn read(&mut self, count: usize, buffer: Buffer) {
        self.closed |= count == 0;
        let full = buffer.spare() == 0;
        let bulk = buffer.capacity() >= 2 * READ_BUFFER_BYTES;
        // A read that fills its buffer is followed by a larger one, and back when they get small.
        let other = match (full, bulk) {
            (true, false) if !self.buffers.is_full() => Some(self.buffers.take_bulk()),
            (_, true) if buffer.len() < READ_BUFFER_BYTES / 2 => Some(self.buffers.take()),
            _ => None,
        };
        self.input = Some(match other {
            Some(mut other) => {
                other.put(buffer.filled());
                self.buffers.give(buffer);
                other
            }
            None => buffer,
        });
    }
}
