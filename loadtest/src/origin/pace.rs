//! How fast an origin is: how long it thinks, how slowly it reads and writes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::args::scalar;
use crate::plan::Refusal;

/// A duration, or any between two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    pub least: Duration,
    pub most: Duration,
}

/// Of every connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// From the whole request to the first byte of its answer.
    pub delay: Spread,
    /// Requests that each thread works on at a time; the others wait in line. None: all of them.
    pub slots: Option<usize>,
    /// Bytes of a request taken in a second. None: as they come.
    pub read_rate: Option<u64>,
    /// Bytes of an answer given in a second. None: as they are taken.
    pub write_rate: Option<u64>,
    /// The most bytes that one write has: 1 sends every byte by itself.
    pub write_bytes: Option<usize>,
}

/// Who is next: requests take the slot that is free first, for as long as they need it, whether or
/// not somebody still waits for the answer.
#[derive(Debug)]
pub(super) struct Slots(BinaryHeap<Reverse<Instant>>);

impl Slots {
    pub(super) fn new(slots: usize, now: Instant) -> Self {
        Self(std::iter::repeat_n(Reverse(now), slots).collect())
    }

    /// When a request that comes now and takes `work` is done.
    pub(super) fn done_at(&mut self, now: Instant, work: Duration) -> Instant {
        let Some(mut free) = self.0.peek_mut() else { return now + work };
        free.0 = free.0.max(now) + work;
        free.0
    }
}

impl Spread {
    pub const fn exactly(duration: Duration) -> Self {
        Self { least: duration, most: duration }
    }

    pub(super) fn pick(self, random: &mut Random) -> Duration {
        let width = self.most.saturating_sub(self.least);
        if width.is_zero() { self.least } else { self.least + width.mul_f64(random.unit()) }
    }
}

/// `5ms`, or `5ms..20ms`.
impl FromStr for Spread {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let (least, most) = text.split_once("..").unwrap_or((text, text));
        let (least, most) = (scalar::duration(least)?, scalar::duration(most)?);
        if most < least {
            return Err(Refusal(format!("{text:?}: the second is less than the first")));
        }
        Ok(Self { least, most })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.least)?;
        if self.most > self.least { write!(f, "..{:?}", self.most) } else { Ok(()) }
    }
}

/// `0.01`, `1%`: a part of all, 0 to 1.
///
/// # Errors
/// That it is none.
pub(super) fn part(text: &str) -> Result<f64, Refusal> {
    let text = text.trim();
    let (number, unit) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 0.01));
    match number.trim().parse::<f64>().map(|number| number * unit) {
        Ok(part) if (0.0..=1.0).contains(&part) => Ok(part),
        _ => Err(Refusal(format!("{text:?} is no part of all: write 0.01 or 1%"))),
    }
}

/// xorshift64*: the same seed gives the same run.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        // One step of splitmix64, so that neighbouring seeds are far apart, and none is zero.
        let mut state = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self((state ^ (state >> 31)) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Of [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests;
