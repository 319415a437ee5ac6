//! A body on its way through an encoder: what one read brought is coded and sent as chunks, then
//! the next is read. So a turn of the loop codes one small buffer at the most, and memory is that
//! and the encoder's.
//!
//! Of a body whose length is not known each read is flushed: it may be all there is for a while, an
//! event that somebody waits for.

use super::body::Body;
use super::coders::Coder;
use super::error::Broke;
use super::transfer::{Came, Transfer};
use crate::base::buffer::Buffer;
use crate::limits::READ_BUFFER_BYTES;
use crate::proto::coding::Then;
use crate::proto::http1::chunked::chunk_prefix;

/// One body, and where it goes.
pub struct Coded<'a> {
    pub transfer: &'a Transfer<'a>,
    pub coder: Coder<'a>,
    /// Bytes that were coded; `transfer.moved` counts what came of them.
    pub coded: u64,
}

impl Coded<'_> {
    /// Sends `front` (a head), what `buffer` holds of the body, and the rest as it arrives.
    /// Returns the buffer with what came behind the body, and how many bytes the body had.
    ///
    /// # Errors
    /// Which side broke, and how. The buffer goes back to the worker then.
    pub async fn run(
        mut self,
        front: &mut Buffer,
        body: &mut Body,
        buffer: Buffer,
    ) -> Result<(Buffer, u64), Broke> {
        let mut input = Some(buffer);
        let moved = self.move_all(front, body, &mut input).await;
        let buffer = input.expect("a read gives its buffer back");
        match moved {
            Ok(()) => {
                self.coder.give_back();
                Ok((buffer, self.coded))
            }
            Err(broke) => {
                self.transfer.buffers.give(buffer);
                Err(broke)
            }
        }
    }

    async fn move_all(
        &mut self,
        front: &mut Buffer,
        body: &mut Body,
        input: &mut Option<Buffer>,
    ) -> Result<(), Broke> {
        let between = if body.left().is_some() { Then::More } else { Then::Flush };
        loop {
            let Some(buffer) = input else { return Err(Broke::ReadClosed) };
            let piece = body.take(buffer.filled_mut()).map_err(Broke::Malformed)?;
            let then = if piece.done { Then::End } else { between };
            if piece.forward > 0 || piece.done || !front.is_empty() {
                self.push(front, &buffer.filled()[..piece.forward], then).await?;
            }
            buffer.consume(piece.consumed);
            if piece.done {
                return Ok(());
            }
            match self.read(input).await? {
                Came::Bytes => {}
                Came::End if body.ends_by_close() => {
                    return self.push(front, b"", Then::End).await;
                }
                Came::End => return Err(Broke::ReadClosed),
            }
        }
    }

    async fn read(&self, input: &mut Option<Buffer>) -> Result<Came, Broke> {
        let Some(mut buffer) = input.take() else { return Err(Broke::ReadClosed) };
        if buffer.spare() < READ_BUFFER_BYTES / 4 {
            buffer.compact();
        }
        let (came, buffer) = self.transfer.receive(buffer).await;
        *input = Some(buffer);
        came
    }

    /// Codes and sends `input`, as much at a time as a buffer holds.
    async fn push(
        &mut self,
        front: &mut Buffer,
        mut input: &[u8],
        then: Then,
    ) -> Result<(), Broke> {
        self.coded += input.len() as u64;
        loop {
            let mut out = self.transfer.buffers.take();
            let room = out.spare() - CHUNK_END.len() - LAST_CHUNK.len();
            let step = self.coder.encoder().step(input, &mut out.spare_mut()[..room], then);
            let Ok(step) = step else {
                self.transfer.buffers.give(out);
                // As where the sender leaves: the message cannot be ended, and so is cut.
                return Err(Broke::ReadClosed);
            };
            out.wrote(step.written);
            input = &input[step.read..];
            let out = self.send(front, out, step.done && then == Then::End).await?;
            self.transfer.buffers.give(out);
            if step.done {
                return Ok(());
            }
        }
    }

    /// Sends `front` and a chunk of all that is in `out`; the `last` one ends the message.
    async fn send(&self, front: &mut Buffer, mut out: Buffer, last: bool) -> Result<Buffer, Broke> {
        let written = out.len();
        if written > 0 {
            let framed = out.put_front(chunk_prefix(written, &mut [0; 18]));
            debug_assert!(framed, "there is room for the size of a chunk");
            out.put(CHUNK_END);
        }
        if last {
            out.put(LAST_CHUNK);
        }
        if !front.is_empty() && out.put_front(front.filled()) {
            front.clear();
        }
        if !front.is_empty()
            && let Err(broke) = self.send_head(front).await
        {
            self.transfer.buffers.give(out);
            return Err(broke);
        }
        if out.is_empty() {
            return Ok(out);
        }
        let out = self.transfer.write(out).await?;
        self.transfer.moved.set(self.transfer.moved.get() + written as u64);
        Ok(out)
    }

    /// A head too large for the headroom goes by itself.
    async fn send_head(&self, front: &mut Buffer) -> Result<(), Broke> {
        let head = std::mem::replace(front, self.transfer.buffers.take());
        let head = self.transfer.write(head).await?;
        self.transfer.buffers.give(head);
        Ok(())
    }
}

const CHUNK_END: &[u8] = b"\r\n";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests;
