//! `Lane`: a connection in memory, between a task that reads and writes a `Stream` and a driver that
//! carries many lanes over one socket. To the task it is like a socket: bounded both ways, it can
//! end on either side, and it breaks.
//!
//! Owned by both ends; the driver is told by its `Bell` which lanes have something for it.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::socket::Side;
use crate::base::buffer::Buffer;
use crate::limits::{LANE_BYTES, LANE_BYTES_KEPT, LANE_OUT_BYTES_MAX};

/// See the module.
pub struct Lane {
    /// From the driver to the stream.
    inward: RefCell<Buffer>,
    /// From the stream to the driver.
    outward: RefCell<Buffer>,
    /// The driver will put no more.
    inward_ended: Cell<bool>,
    /// The stream reads, or writes, no more.
    read_shut: Cell<bool>,
    write_shut: Cell<bool>,
    /// The driver took the lane down.
    broken: Cell<bool>,
    /// What the stream sent was not looked at by the peer, and will not be.
    unprocessed: Cell<bool>,
    /// The stream was dropped, and whether what it had sent is to be taken for cut.
    gone: Cell<bool>,
    reset: Cell<bool>,
    reader: Cell<Option<Waker>>,
    writer: Cell<Option<Waker>>,
    bell: Rc<Bell>,
    index: u32,
    rung: Cell<bool>,
}

/// Which lanes of a driver want to be looked at.
#[derive(Default)]
pub struct Bell {
    lanes: RefCell<Vec<u32>>,
    waker: Cell<Option<Waker>>,
}

impl Bell {
    /// Takes the lanes that rang since the last call: appends their indices to `lanes`.
    pub fn answer(&self, lanes: &mut Vec<u32>) {
        lanes.append(&mut self.lanes.borrow_mut());
    }

    /// Ready when a lane has rung.
    pub fn poll_rung(&self, context: &Context<'_>) -> Poll<()> {
        if !self.lanes.borrow().is_empty() {
            return Poll::Ready(());
        }
        wait(&self.waker, context);
        Poll::Pending
    }

    /// Makes the driver look, at no lane of its own.
    pub fn call(&self) {
        self.ring(u32::MAX);
    }

    fn ring(&self, index: u32) {
        self.lanes.borrow_mut().push(index);
        wake(&self.waker);
    }
}

/// The driver's end.
impl Lane {
    /// A lane that rings `bell` with `index`.
    pub fn new(bell: Rc<Bell>, index: u32) -> Rc<Self> {
        Rc::new(Self {
            inward: RefCell::new(Buffer::with_capacity(LANE_BYTES)),
            outward: RefCell::new(Buffer::with_capacity(LANE_BYTES)),
            inward_ended: Cell::new(false),
            read_shut: Cell::new(false),
            write_shut: Cell::new(false),
            broken: Cell::new(false),
            unprocessed: Cell::new(false),
            gone: Cell::new(false),
            reset: Cell::new(false),
            reader: Cell::default(),
            writer: Cell::default(),
            bell,
            index,
            rung: Cell::new(false),
        })
    }

    /// Lets `write` append what the stream is to read. The bound is the caller's: a window.
    pub fn put<T>(&self, write: impl FnOnce(&mut Buffer) -> T) -> T {
        let mut inward = self.inward.borrow_mut();
        inward.compact();
        let result = write(&mut inward);
        let some = !inward.is_empty();
        drop(inward);
        if some {
            wake(&self.reader);
        }
        result
    }

    /// What was put and not read yet.
    pub fn unread(&self) -> usize {
        if self.read_shut.get() || self.gone.get() { 0 } else { self.inward.borrow().len() }
    }

    /// What is put will be read.
    pub fn is_read(&self) -> bool {
        !(self.read_shut.get() || self.gone.get() || self.broken.get())
    }

    /// Nothing more will be put.
    pub fn end(&self) {
        self.inward_ended.set(true);
        wake(&self.reader);
    }

    /// Takes the lane down: whoever reads or writes is told so. `unprocessed`: the peer did not
    /// look at what was sent.
    pub fn break_off(&self, unprocessed: bool) {
        self.broken.set(true);
        self.unprocessed.set(unprocessed);
        wake(&self.reader);
        wake(&self.writer);
    }

    /// Begins to look at the lane: from now on it rings again.
    pub fn look(&self) {
        self.rung.set(false);
    }

    /// Lets `read` take what the stream wrote, and makes room for more.
    pub fn take<T>(&self, read: impl FnOnce(&mut Buffer) -> T) -> T {
        let mut outward = self.outward.borrow_mut();
        let result = read(&mut outward);
        if outward.is_empty() && outward.capacity() > LANE_BYTES_KEPT {
            *outward = Buffer::with_capacity(LANE_BYTES);
        }
        let room = outward.len() < LANE_OUT_BYTES_MAX;
        drop(outward);
        if room {
            wake(&self.writer);
        }
        result
    }

    /// Nothing more will be written.
    pub fn write_ended(&self) -> bool {
        self.write_shut.get() || self.gone.get()
    }

    /// The stream was dropped.
    pub fn is_gone(&self) -> bool {
        self.gone.get()
    }

    /// The stream ended in a way that is not to be taken for the end of a message.
    pub fn is_reset(&self) -> bool {
        self.reset.get()
    }
}

/// The stream's end.
impl Lane {
    pub(super) fn poll_recv(
        &self,
        context: &Context<'_>,
        buffer: &mut Buffer,
    ) -> Poll<io::Result<usize>> {
        if self.read_shut.get() {
            return Poll::Ready(Ok(0));
        }
        let mut inward = self.inward.borrow_mut();
        if !inward.is_empty() {
            let count = inward.len().min(buffer.spare());
            buffer.put(&inward.filled()[..count]);
            inward.consume(count);
            if inward.is_empty() && inward.capacity() > LANE_BYTES_KEPT {
                *inward = Buffer::with_capacity(LANE_BYTES);
            }
            drop(inward);
            // What was read makes room in a window.
            self.ring();
            return Poll::Ready(Ok(count));
        }
        match (self.broken.get(), self.inward_ended.get()) {
            (true, _) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            (false, true) => Poll::Ready(Ok(0)),
            (false, false) => {
                wait(&self.reader, context);
                Poll::Pending
            }
        }
    }

    pub(super) fn poll_send(
        &self,
        context: &Context<'_>,
        buffer: &Buffer,
    ) -> Poll<io::Result<usize>> {
        if self.broken.get() || self.write_shut.get() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut outward = self.outward.borrow_mut();
        let count = LANE_OUT_BYTES_MAX.saturating_sub(outward.len()).min(buffer.len());
        if count == 0 && !buffer.is_empty() {
            wait(&self.writer, context);
            return Poll::Pending;
        }
        outward.compact();
        outward.put(&buffer.filled()[..count]);
        drop(outward);
        self.ring();
        Poll::Ready(Ok(count))
    }

    /// Ready when there is something to read, or the end.
    pub(super) fn poll_readable(&self, context: &Context<'_>) -> Poll<()> {
        let some = !self.inward.borrow().is_empty();
        if some || self.read_shut.get() || self.broken.get() || self.inward_ended.get() {
            return Poll::Ready(());
        }
        wait(&self.reader, context);
        Poll::Pending
    }

    /// Ready when the driver took the lane down.
    pub(super) fn poll_broken(&self, context: &Context<'_>) -> Poll<()> {
        if self.broken.get() {
            return Poll::Ready(());
        }
        wait(&self.writer, context);
        Poll::Pending
    }

    pub(super) fn shutdown(&self, side: Side) {
        if side != Side::Write {
            self.read_shut.set(true);
            wake(&self.reader);
        }
        if side != Side::Read {
            self.write_shut.set(true);
            wake(&self.writer);
        }
        self.ring();
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.get()
    }

    pub(super) fn is_unprocessed(&self) -> bool {
        self.unprocessed.get()
    }

    pub(super) fn set_reset(&self) {
        self.reset.set(true);
    }

    /// The stream is dropped.
    pub(super) fn leave(&self) {
        self.gone.set(true);
        self.ring();
    }

    fn ring(&self) {
        if !self.rung.replace(true) {
            self.bell.ring(self.index);
        }
    }
}

fn wake(waker: &Cell<Option<Waker>>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

fn wait(place: &Cell<Option<Waker>>, context: &Context<'_>) {
    let kept = match place.take() {
        Some(waker) if waker.will_wake(context.waker()) => waker,
        _ => context.waker().clone(),
    };
    place.set(Some(kept));
}

#[cfg(test)]
mod tests;
