//! Bytes into a content coding, step by step. What an encoder holds back can be asked for, so that
//! a reader of events gets each event when it comes.

use std::io;

use brotli::enc::StandardAlloc;
use brotli::enc::encode::{
    BrotliEncoderOperation, BrotliEncoderParameter, BrotliEncoderStateStruct,
};
use flate2::{Compress, Compression, FlushCompress, Status};
use zstd::stream::raw::{CParameter, Encoder as Zstd, InBuffer, Operation, OutBuffer};

use super::Coding;
use crate::limits::{CODING_WINDOW_LOG, GZIP_WINDOW_LOG};

pub struct Encoder {
    kind: Kind,
    coding: Coding,
    level: u8,
}

enum Kind {
    Brotli(Box<BrotliEncoderStateStruct<StandardAlloc>>),
    Zstd(Zstd<'static>),
    Gzip(Compress),
}

/// In less room zlib would mark the same flush again and again.
pub const ROOM_BYTES_MIN: usize = 16;

/// What comes behind the bytes that are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// More of them: some may be held back.
    More,
    /// Nothing for a while: all of them are to be readable.
    Flush,
    /// Nothing.
    End,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub read: usize,
    pub written: usize,
    /// All is read, and all is written that was asked for: else there was not enough room.
    pub done: bool,
}

/// The encoder broke, for want of memory or in itself: what it coded so far cannot be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncoderBroke;

impl Encoder {
    /// # Errors
    /// There is no memory for it, or it knows no such level.
    pub fn new(coding: Coding, level: u8) -> Result<Self, EncoderBroke> {
        let kind = match coding {
            Coding::Brotli => Kind::Brotli(Box::new(brotli(level))),
            Coding::Zstd => Kind::Zstd(zstd(level).map_err(|_| EncoderBroke)?),
            Coding::Gzip => {
                let level = Compression::new(level.into());
                Kind::Gzip(Compress::new_gzip(level, GZIP_WINDOW_LOG))
            }
        };
        Ok(Self { kind, coding, level })
    }

    pub const fn coding(&self) -> Coding {
        self.coding
    }

    pub const fn level(&self) -> u8 {
        self.level
    }

    /// Codes some of `input` into `out`, which has `ROOM_BYTES_MIN` at least. With the same `then`
    /// and the rest of the input it is to be called until it is done.
    ///
    /// # Errors
    /// The encoder broke.
    pub fn step(&mut self, input: &[u8], out: &mut [u8], then: Then) -> Result<Step, EncoderBroke> {
        debug_assert!(out.len() >= ROOM_BYTES_MIN, "a flush would never end");
        match &mut self.kind {
            Kind::Brotli(state) => step_brotli(state, input, out, then),
            Kind::Zstd(encoder) => step_zstd(encoder, input, out, then).map_err(|_| EncoderBroke),
            Kind::Gzip(encoder) => step_gzip(encoder, input, out, then),
        }
    }

    /// The same encoder for another message, once it is done with one. None of a kind that cannot
    /// begin anew.
    pub fn again(mut self) -> Option<Self> {
        match &mut self.kind {
            Kind::Brotli(_) => return None,
            Kind::Zstd(encoder) => encoder.reinit().ok()?,
            Kind::Gzip(encoder) => encoder.reset(),
        }
        Some(self)
    }
}

fn brotli(level: u8) -> BrotliEncoderStateStruct<StandardAlloc> {
    let mut state = BrotliEncoderStateStruct::new(StandardAlloc::default());
    state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_QUALITY, level.into());
    state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_LGWIN, CODING_WINDOW_LOG);
    state
}

fn zstd(level: u8) -> io::Result<Zstd<'static>> {
    let mut encoder = Zstd::new(level.into())?;
    encoder.set_parameter(CParameter::WindowLog(CODING_WINDOW_LOG))?;
    Ok(encoder)
}

fn step_brotli(
    state: &mut BrotliEncoderStateStruct<StandardAlloc>,
    input: &[u8],
    out: &mut [u8],
    then: Then,
) -> Result<Step, EncoderBroke> {
    let operation = match then {
        Then::More => BrotliEncoderOperation::BROTLI_OPERATION_PROCESS,
        Then::Flush => BrotliEncoderOperation::BROTLI_OPERATION_FLUSH,
        Then::End => BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
    };
    let (mut unread, mut room) = (input.len(), out.len());
    let (mut read, mut written) = (0, 0);
    let went = state.compress_stream(
        operation,
        &mut unread,
        input,
        &mut read,
        &mut room,
        out,
        &mut written,
        &mut None,
        &mut |_, _, _, _| (),
    );
    if !went {
        return Err(EncoderBroke);
    }
    let all_out = match then {
        Then::End => state.is_finished(),
        Then::More | Then::Flush => !state.has_more_output(),
    };
    Ok(Step { read, written, done: unread == 0 && all_out })
}

fn step_zstd(encoder: &mut Zstd<'_>, input: &[u8], out: &mut [u8], then: Then) -> io::Result<Step> {
    let mut from = InBuffer::around(input);
    let mut to = OutBuffer::around(out);
    if !input.is_empty() {
        encoder.run(&mut from, &mut to)?;
    }
    let read = from.pos();
    let mut done = read == input.len();
    if done {
        done = match then {
            Then::More => true,
            Then::Flush => encoder.flush(&mut to)? == 0,
            Then::End => encoder.finish(&mut to, true)? == 0,
        };
    }
    Ok(Step { read, written: to.pos(), done })
}

fn step_gzip(
    encoder: &mut Compress,
    input: &[u8],
    out: &mut [u8],
    then: Then,
) -> Result<Step, EncoderBroke> {
    let flush = match then {
        Then::More => FlushCompress::None,
        Then::Flush => FlushCompress::Sync,
        Then::End => FlushCompress::Finish,
    };
    let (read, written) = (encoder.total_in(), encoder.total_out());
    let status = encoder.compress(input, out, flush).map_err(|_| EncoderBroke)?;
    let read = (encoder.total_in() - read) as usize;
    let written = (encoder.total_out() - written) as usize;
    let done = match then {
        Then::More => read == input.len(),
        // Where it filled the room to the last byte it may have more.
        Then::Flush => read == input.len() && written < out.len(),
        Then::End => status == Status::StreamEnd,
    };
    Ok(Step { read, written, done })
}

#[cfg(test)]
pub(super) mod tests;
