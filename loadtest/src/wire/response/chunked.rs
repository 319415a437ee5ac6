//! The chunked coding, RFC 9112 section 7.1: only the bytes of the chunks reach the sink.

use super::{Sink, Step};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chunked {
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// In a size line, with the size so far and how many digits it had.
    Size(u64, u8),
    Extension(u64),
    /// After the carriage return of a size line.
    SizeEnd(u64),
    Data(u64),
    DataReturn,
    DataEnd,
    /// At the start of a line of trailers; an empty one is the end.
    Trailer,
    InTrailer,
    TrailerEnd,
}

impl Default for Stage {
    fn default() -> Self {
        Self::Size(0, 0)
    }
}

impl Chunked {
    pub(super) fn push(
        &mut self,
        input: &[u8],
        sink: &mut impl Sink,
    ) -> Result<Step, &'static str> {
        let mut at = 0;
        while at < input.len() {
            if let Stage::Data(left) = self.stage {
                let used = (input.len() - at).min(usize::try_from(left).unwrap_or(usize::MAX));
                sink.body(&input[at..at + used]);
                at += used;
                self.stage = Stage::data(left - used as u64);
                continue;
            }
            let byte = input[at];
            at += 1;
            if self.stage == Stage::TrailerEnd && byte == b'\n' {
                return Ok(Step { used: at, done: true });
            }
            self.stage = self.stage.after(byte)?;
        }
        Ok(Step { used: at, done: false })
    }
}

impl Stage {
    fn after(self, byte: u8) -> Result<Self, &'static str> {
        Ok(match (self, byte) {
            (Self::Size(_, 1..), b'\r') => Self::SizeEnd(self.size()),
            (Self::Size(_, 1..), b';' | b' ' | b'\t') => Self::Extension(self.size()),
            (Self::Size(size, digits @ 0..=15), _) => match (byte as char).to_digit(16) {
                Some(digit) => Self::Size(size << 4 | u64::from(digit), digits + 1),
                None => return Err("bad chunk size"),
            },
            (Self::Extension(size), b'\r') => Self::SizeEnd(size),
            (Self::Extension(size), _) => Self::Extension(size),
            (Self::SizeEnd(0), b'\n') => Self::Trailer,
            (Self::SizeEnd(size), b'\n') => Self::Data(size),
            (Self::DataReturn, b'\r') => Self::DataEnd,
            (Self::DataEnd, b'\n') => Self::default(),
            (Self::Trailer, b'\r') => Self::TrailerEnd,
            (Self::InTrailer, b'\n') => Self::Trailer,
            (Self::Trailer | Self::InTrailer, _) => Self::InTrailer,
            _ => return Err("bad chunk"),
        })
    }

    fn data(left: u64) -> Self {
        if left == 0 { Self::DataReturn } else { Self::Data(left) }
    }

    fn size(self) -> u64 {
        if let Self::Size(size, _) = self { size } else { 0 }
    }
}
