//! A TLS session over a socket. Ciphertext that came waits in a buffer only while it is not whole;
//! what is to be sent is sealed into one of the worker's buffers, and gone when the operation ends.
//!
//! One read and one write may be under way at once. Records leave in the order in which they were
//! sealed: what the reader has to say (an answer to a change of keys) goes before the next write,
//! or at once when nothing is being written.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use super::Done;
use super::plain::Plain;
use crate::base::buffer::{Buffer, Buffers};
use crate::base::clock::Instant;
use crate::limits::{TLS_BURST_PAUSE, TLS_SEND_SMALL_BYTES_MAX};
use crate::net::Wheel;
use crate::net::socket::{self, Side};
use crate::net::tls::{HandshakeFailure, Session, Step, TlsError};

pub(super) struct Secure {
    plain: Plain,
    session: RefCell<Session>,
    buffers: Rc<Buffers>,
    /// Ciphertext that came and is not decrypted.
    input: RefCell<Option<Buffer>>,
    /// Plaintext for which the reader had no room.
    surplus: RefCell<Option<Buffer>>,
    /// Sealed by the reader, and not sent.
    unsent: RefCell<Option<Buffer>>,
    is_sending: Cell<bool>,
    wheel: Rc<Wheel>,
    /// When something was last sent: after a pause a burst begins, in small records.
    sent_at: Cell<Instant>,
}

/// Does the handshake. What came behind it is given back.
pub(super) async fn handshake(
    plain: &Plain,
    session: &mut Session,
    first: Option<Buffer>,
    buffers: &Buffers,
) -> Result<Buffer, TlsError> {
    let mut input = first.unwrap_or_else(|| buffers.take());
    let mut out = buffers.take();
    let result = loop {
        let step = session.advance(&mut input, &mut out, None);
        if !out.is_empty() {
            let (sent, back) = send_all(plain, out).await;
            out = back;
            out.clear();
            if sent.is_err() && step.is_ok() {
                break Err(closed(session));
            }
        }
        match step {
            Ok(Step::Established) => break Ok(()),
            Ok(Step::PeerClosed) => break Err(closed(session)),
            Ok(Step::NeedRead | Step::NeedRoom | Step::Plain(_)) => {}
            Err(error) => break Err(error),
        }
        let (result, back) = plain.recv(input).await;
        input = back;
        if !matches!(result, Ok(1..)) {
            break Err(closed(session));
        }
    };
    buffers.give(out);
    match result {
        Ok(()) => Ok(input),
        Err(error) => {
            buffers.give(input);
            Err(error)
        }
    }
}

impl Secure {
    /// `input` is ciphertext that came behind the handshake.
    pub(super) fn new(
        plain: Plain,
        session: Session,
        input: Buffer,
        buffers: Rc<Buffers>,
        wheel: Rc<Wheel>,
    ) -> Self {
        let this = Self {
            plain,
            session: RefCell::new(session),
            buffers,
            input: RefCell::default(),
            surplus: RefCell::default(),
            unsent: RefCell::default(),
            is_sending: Cell::new(false),
            sent_at: Cell::new(wheel.clock().now()),
            wheel,
        };
        this.keep_input(input);
        this
    }

    pub(super) fn plain(&self) -> &Plain {
        &self.plain
    }

    pub(super) fn ask<T>(&self, ask: impl FnOnce(&Session) -> T) -> T {
        ask(&self.session.borrow())
    }

    /// Appends plaintext to `buffer`.
    pub(super) async fn recv(self: Rc<Self>, mut buffer: Buffer) -> Done {
        loop {
            match self.opened(&mut buffer) {
                Ok(Some(count)) => return (Ok(count), buffer),
                Ok(None) => {}
                Err(error) => return (Err(error), buffer),
            }
            let input = self.input.take().unwrap_or_else(|| self.buffers.take());
            let (result, input) = self.plain.recv(input).await;
            let error = match result {
                Ok(1..) => {
                    *self.input.borrow_mut() = Some(input);
                    continue;
                }
                // A connection that ends without a word of TLS was cut.
                Ok(_) => io::ErrorKind::UnexpectedEof.into(),
                Err(error) => error,
            };
            self.buffers.give(input);
            return (Err(error), buffer);
        }
    }

    /// Plaintext that can be had without waiting; nothing when more has to be read first.
    fn opened(&self, buffer: &mut Buffer) -> io::Result<Option<usize>> {
        loop {
            if let Some(count) = self.surplus_into(buffer) {
                return Ok(Some(count));
            }
            let mut input = self.input.take().unwrap_or_else(|| self.buffers.take());
            let step = self.advance(&mut input, buffer);
            match step {
                Ok(Step::Plain(count)) => {
                    self.keep_input(input);
                    return Ok(Some(count));
                }
                Ok(Step::PeerClosed) => {
                    self.buffers.give(input);
                    return Ok(Some(0));
                }
                Ok(Step::NeedRoom) => {
                    self.keep_input(input);
                    self.open_aside()?;
                }
                // With room for the rest of a record, which is as large as it says.
                Ok(Step::NeedRead | Step::Established) => {
                    *self.input.borrow_mut() = Some(input);
                    return Ok(None);
                }
                Err(_) => {
                    self.buffers.give(input);
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
        }
    }

    fn advance(&self, input: &mut Buffer, plain: &mut Buffer) -> Result<Step, TlsError> {
        let mut out = self.unsent.take().unwrap_or_else(|| Buffer::with_capacity(0));
        let step = self.session.borrow_mut().advance(input, &mut out, Some(plain));
        if !out.is_empty() {
            *self.unsent.borrow_mut() = Some(out);
            self.send_unsent();
        }
        step
    }

    /// A whole record waits that is larger than the reader's room: it is decrypted aside.
    fn open_aside(&self) -> io::Result<()> {
        let mut input = self.input.take().unwrap_or_else(|| self.buffers.take());
        let mut aside = self.buffers.take();
        let step = self.advance(&mut input, &mut aside);
        self.keep_input(input);
        if aside.is_empty() {
            self.buffers.give(aside);
        } else {
            *self.surplus.borrow_mut() = Some(aside);
        }
        match step {
            Ok(_) => Ok(()),
            Err(_) => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    fn surplus_into(&self, buffer: &mut Buffer) -> Option<usize> {
        let mut aside = self.surplus.take()?;
        let count = aside.len().min(buffer.spare());
        buffer.put(&aside.filled()[..count]);
        aside.consume(count);
        if aside.is_empty() {
            self.buffers.give(aside);
        } else {
            *self.surplus.borrow_mut() = Some(aside);
        }
        Some(count)
    }

    fn keep_input(&self, input: Buffer) {
        if input.is_empty() {
            self.buffers.give(input);
        } else {
            *self.input.borrow_mut() = Some(input);
        }
    }

    /// Sends all of `buffer`.
    pub(super) async fn send(self: Rc<Self>, buffer: Buffer) -> Done {
        debug_assert!(!self.is_sending.get(), "one write at a time");
        self.is_sending.set(true);
        let now = self.wheel.clock().now();
        if now >= self.sent_at.replace(now).plus(TLS_BURST_PAUSE) {
            self.session.borrow_mut().rest();
        }
        let mut sealed = 0;
        let result = loop {
            let small = buffer.len() - sealed <= TLS_SEND_SMALL_BYTES_MAX;
            let mut out = match small || self.buffers.is_full() {
                true => self.buffers.take(),
                false => self.buffers.take_bulk(),
            };
            if let Some(unsent) = self.unsent.take() {
                out.put(unsent.filled());
            }
            let count = self.session.borrow_mut().seal(&buffer.filled()[sealed..], &mut out);
            let Ok(count) = count else {
                self.buffers.give(out);
                break Err(io::ErrorKind::BrokenPipe.into());
            };
            sealed += count;
            if out.is_empty() {
                self.buffers.give(out);
                // Nothing was sealed: the session has said its goodbye.
                break Err(io::ErrorKind::BrokenPipe.into());
            }
            let (sent, out) = send_all(&self.plain, out).await;
            self.buffers.give(out);
            if let Err(error) = sent {
                break Err(error);
            }
            if sealed == buffer.len() {
                break Ok(sealed);
            }
        };
        self.is_sending.set(false);
        self.send_unsent();
        (result, buffer)
    }

    /// Gives the kernel what is left unsent, if nothing is being written: what it does not take
    /// goes with the next write.
    fn send_unsent(&self) {
        if self.is_sending.get() {
            return;
        }
        let Some(mut out) = self.unsent.take() else { return };
        out.consume(socket::send_now(self.plain.fd(), out.filled()));
        if !out.is_empty() {
            *self.unsent.borrow_mut() = Some(out);
        }
    }

    /// Waits until a read will find something.
    pub(super) async fn readable(&self) -> io::Result<()> {
        if self.surplus.borrow().is_some() || self.has_record() {
            return Ok(());
        }
        self.plain.readable().await
    }

    /// A whole record waits.
    fn has_record(&self) -> bool {
        let input = self.input.borrow();
        let waiting = input.as_ref().map_or(&[][..], Buffer::filled);
        match waiting {
            [_, _, _, high, low, rest @ ..] => {
                rest.len() >= usize::from(u16::from_be_bytes([*high, *low]))
            }
            _ => false,
        }
    }

    pub(super) fn shutdown(&self, side: Side) {
        if side != Side::Read {
            self.say_goodbye();
        }
        socket::shutdown(self.plain.fd(), side);
    }

    /// Says that nothing more will be sent, if that can be said now.
    pub(super) fn say_goodbye(&self) {
        if self.is_sending.get() {
            return;
        }
        let mut out = self.unsent.take().unwrap_or_else(|| Buffer::with_capacity(0));
        self.session.borrow_mut().close(&mut out);
        if !out.is_empty() {
            socket::send_now(self.plain.fd(), out.filled());
        }
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.say_goodbye();
        // Whoever leaves in the middle of a record must not make the count of bytes drift.
        let left = [self.input.take(), self.surplus.take()];
        left.into_iter().flatten().for_each(|buffer| self.buffers.give(buffer));
    }
}

fn closed(session: &Session) -> TlsError {
    session.ended().err().unwrap_or(TlsError::Handshake(HandshakeFailure::Closed))
}

async fn send_all(plain: &Plain, mut out: Buffer) -> (io::Result<()>, Buffer) {
    while !out.is_empty() {
        let (result, back) = plain.send(out).await;
        out = back;
        match result {
            Ok(count @ 1..) => out.consume(count),
            Ok(_) => return (Err(io::ErrorKind::WriteZero.into()), out),
            Err(error) => return (Err(error), out),
        }
    }
    (Ok(()), out)
}

#[cfg(test)]
mod tests;
