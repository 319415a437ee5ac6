//! `Gathered`: a whole body in memory, for who has to see all of it before any of it goes on. Bounded,
//! and in the books of the worker's buffers for as long as it is there.
//!
//! Framing is left out: it goes on with its length. Trailers are dropped, RFC 9110 section 6.5.1.

use std::rc::Rc;
use std::time::Duration;

use super::body::Body;
use super::error::Broke;
use crate::base::buffer::{Buffer, Buffers};
use crate::base::clock::Instant;
use crate::limits::KIB;
use crate::net::deadline::Action;
use crate::net::stream::Stream;

/// See the module.
pub struct Gathered {
    /// What goes on; none once it went.
    pub bytes: Option<Buffer>,
    /// How many those are.
    pub length: u64,
    /// What expressions see: out of its coding.
    pub text: Option<Vec<u8>>,
    /// Bytes that were read for it.
    pub received: u64,
    books: Rc<Buffers>,
    charged: usize,
}

/// Why a body is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwhole {
    Broke(Broke),
    /// It has more than may be held.
    TooLarge,
    /// There are no buffers left.
    Full,
}

/// Reads a body to its end.
pub struct Gather<'a> {
    pub from: &'a Stream,
    pub bytes_max: usize,
    /// Without a byte of it.
    pub read_limit: Duration,
    /// When all of it must be there.
    pub until: Option<Instant>,
    pub buffers: &'a Rc<Buffers>,
}

impl Gathered {
    /// Nothing yet, behind `front` (a head).
    pub fn new(books: &Rc<Buffers>, front: &[u8]) -> Self {
        let books = Rc::clone(books);
        let bytes = Some(books.take());
        let mut gathered = Self { bytes, length: 0, text: None, received: 0, books, charged: 0 };
        gathered.put(front);
        gathered
    }

    pub fn append(&mut self, bytes: &[u8]) {
        self.put(bytes);
        self.length += bytes.len() as u64;
    }

    /// The body; nothing of it once it went.
    pub fn body(&self) -> &[u8] {
        let bytes = self.bytes.as_ref().map_or(&[][..], Buffer::filled);
        &bytes[bytes.len().saturating_sub(self.length as usize)..]
    }

    /// Puts another body in the place of this one.
    pub fn replace(&mut self, by: &[u8]) {
        if let Some(bytes) = &mut self.bytes {
            bytes.truncate(bytes.len() - self.length as usize);
        }
        self.length = 0;
        self.append(by);
    }

    fn put(&mut self, more: &[u8]) {
        let Some(bytes) = &mut self.bytes else { return };
        let before = bytes.capacity();
        if bytes.spare() < more.len() {
            // Never the size of a bulk buffer, which it is not.
            bytes.enlarge((bytes.len() + more.len()).next_power_of_two() + 4 * KIB);
        }
        bytes.put(more);
        let grown = bytes.capacity() - before;
        self.charge(grown);
    }

    pub fn show(&mut self, text: Vec<u8>) {
        self.charge(text.capacity());
        self.text = Some(text);
    }

    fn charge(&mut self, bytes: usize) {
        self.charged += bytes;
        self.books.charge(bytes);
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        self.books.discharge(self.charged);
        if let Some(bytes) = self.bytes.take() {
            self.books.give(bytes);
        }
    }
}

impl Gather<'_> {
    /// Appends the body to `into`. `came` holds what was read of it so far; what came behind it is
    /// in the buffer that is returned.
    ///
    /// # Errors
    /// Why it is not whole. `came` goes back to the worker then.
    pub async fn run(
        &self,
        body: &mut Body,
        came: Buffer,
        into: &mut Gathered,
    ) -> Result<Buffer, Unwhole> {
        let mut came = Some(came);
        let result = self.read_all(body, &mut came, into).await;
        self.from.deadline().clear();
        let came = came.expect("a read gives its buffer back");
        match result {
            Ok(()) => Ok(came),
            Err(unwhole) => {
                self.buffers.give(came);
                Err(unwhole)
            }
        }
    }

    async fn read_all(
        &self,
        body: &mut Body,
        came: &mut Option<Buffer>,
        into: &mut Gathered,
    ) -> Result<(), Unwhole> {
        loop {
            let Some(buffer) = came else { return Err(Unwhole::Broke(Broke::ReadClosed)) };
            let piece = body.take(buffer.filled_mut());
            let piece = piece.map_err(|error| Unwhole::Broke(Broke::Malformed(error)))?;
            if into.length as usize + piece.forward > self.bytes_max {
                return Err(Unwhole::TooLarge);
            }
            into.append(&buffer.filled()[..piece.forward]);
            buffer.consume(piece.consumed);
            if piece.done {
                return Ok(());
            }
            if self.buffers.is_full() {
                return Err(Unwhole::Full);
            }
            match self.read(came).await? {
                0 if body.ends_by_close() => return Ok(()),
                0 => return Err(Unwhole::Broke(Broke::ReadClosed)),
                count => into.received += count as u64,
            }
        }
    }

    /// How many bytes came; none at the end.
    async fn read(&self, came: &mut Option<Buffer>) -> Result<usize, Unwhole> {
        let Some(mut buffer) = came.take() else { return Ok(0) };
        buffer.compact();
        let deadline = self.from.deadline();
        let now = deadline.wheel().clock().now();
        let left = |until: Instant| Duration::from_nanos(until.nanos_since(now));
        let limit = self.until.map_or(self.read_limit, |until| self.read_limit.min(left(until)));
        deadline.set(now, limit, Action::EndRead);
        let (result, buffer) = self.from.recv(buffer).await;
        *came = Some(buffer);
        match result {
            Ok(count) if count > 0 => Ok(count),
            Ok(_) if !deadline.fired() => Ok(0),
            _ => Err(Unwhole::Broke(Broke::read(deadline.fired()))),
        }
    }
}

#[cfg(test)]
mod tests;
