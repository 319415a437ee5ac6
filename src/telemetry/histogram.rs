//! Histograms of durations over fixed buckets, in nanoseconds. The buckets are the reference's, to
//! the digit, so that existing queries read the same. A count of all is the sum of the buckets, so
//! it cannot contradict them. Owned by the series it stands in: one writer.

use std::marker::PhantomData;

use crate::telemetry::tally::Tally;

/// The buckets of a family: upper bounds, and how they are printed.
pub trait Scale {
    const BOUNDS_NANOS: &'static [u64];
    const LE: &'static [&'static str];
    /// What is counted are things, not nanoseconds.
    const COUNTS: bool = false;
}

/// `SLOTS` is the number of bounds and one, for what lies above the last.
#[derive(Debug)]
pub struct Histogram<S, const SLOTS: usize> {
    slots: [Tally; SLOTS],
    sum_nanos: Tally,
    scale: PhantomData<S>,
}

/// Whole requests.
pub type RequestHistogram = Histogram<B1, 15>;
/// Our own part of a request.
pub type ProcessingHistogram = Histogram<B2, 11>;
/// Connects and handshakes.
pub type ConnectHistogram = Histogram<B3, 11>;
/// Tokens of one request.
pub type TokenHistogram = Histogram<TokenScale, 15>;
/// Requests for a model.
pub type GenAiHistogram = Histogram<B5, 15>;
/// To the first token of a stream.
pub type FirstTokenHistogram = Histogram<B6, 23>;
/// For each token behind it.
pub type EachTokenHistogram = Histogram<B7, 15>;
/// Turns of a worker's loop.
pub type LoopHistogram = Histogram<LoopScale, 11>;

impl<S: Scale, const SLOTS: usize> Histogram<S, SLOTS> {
    #[inline]
    pub fn observe(&self, nanos: u64) {
        const { assert!(S::BOUNDS_NANOS.len() + 1 == SLOTS && S::LE.len() + 1 == SLOTS) };
        // A bucket holds what is less than or equal to its bound.
        let slot = S::BOUNDS_NANOS.partition_point(|bound| *bound < nanos);
        self.slots[slot].add(1);
        self.sum_nanos.add(nanos);
    }

    /// Observations of each bucket alone, not cumulative.
    pub fn counts(&self) -> [u64; SLOTS] {
        std::array::from_fn(|slot| self.slots[slot].value())
    }

    pub fn count(&self) -> u64 {
        self.slots.iter().map(Tally::value).sum()
    }

    pub fn sum_nanos(&self) -> u64 {
        self.sum_nanos.value()
    }

    /// Adds what `other` counted.
    pub fn absorb(&self, other: &Self) {
        for (ours, theirs) in self.slots.iter().zip(&other.slots) {
            ours.add(theirs.value());
        }
        self.sum_nanos.add(other.sum_nanos.value());
    }
}

impl<S, const SLOTS: usize> Default for Histogram<S, SLOTS> {
    fn default() -> Self {
        let slots = std::array::from_fn(|_| Tally::default());
        Self { slots, sum_nanos: Tally::default(), scale: PhantomData }
    }
}

macro_rules! scale {
    ($(#[$doc:meta])* $name:ident: $($micros:literal => $le:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl Scale for $name {
            const BOUNDS_NANOS: &'static [u64] = &[$($micros * 1_000),+];
            const LE: &'static [&'static str] = &[$($le),+];
        }
    };
}

scale! {
    /// Requests, 1 ms to 80 s.
    B1: 1_000 => "0.001", 5_000 => "0.005", 10_000 => "0.01", 25_000 => "0.025", 50_000 => "0.05",
    100_000 => "0.1", 250_000 => "0.25", 500_000 => "0.5", 1_000_000 => "1.0",
    2_500_000 => "2.5", 5_000_000 => "5.0", 10_000_000 => "10.0", 30_000_000 => "30.0",
    80_000_000 => "80.0",
}
scale! {
    /// Processing, 50 us to 250 ms.
    B2: 50 => "0.00005", 100 => "0.0001", 250 => "0.00025", 500 => "0.0005", 1_000 => "0.001",
    2_500 => "0.0025", 5_000 => "0.005", 10_000 => "0.01", 50_000 => "0.05", 250_000 => "0.25",
}
scale! {
    /// Connects, 500 us to 8 s.
    B3: 500 => "0.0005", 1_500 => "0.0015", 4_300 => "0.0043", 12_600 => "0.0126",
    36_800 => "0.0368", 108_000 => "0.108", 316_000 => "0.316", 924_000 => "0.924",
    2_710_000 => "2.71", 8_000_000 => "8.0",
}
scale! {
    /// Requests for a model, 10 ms to 82 s.
    B5: 10_000 => "0.01", 20_000 => "0.02", 40_000 => "0.04", 80_000 => "0.08",
    160_000 => "0.16", 320_000 => "0.32", 640_000 => "0.64", 1_280_000 => "1.28",
    2_560_000 => "2.56", 5_120_000 => "5.12", 10_240_000 => "10.24", 20_480_000 => "20.48",
    40_960_000 => "40.96", 81_920_000 => "81.92",
}
scale! {
    /// To the first token, 1 ms to 2 min. The six above 10 s are ours: a rule that asks for 30 s, as
    /// agentgateway's own guide has it, can say nothing with a last bound of 10 s.
    B6: 1_000 => "0.001", 5_000 => "0.005", 10_000 => "0.01", 20_000 => "0.02",
    40_000 => "0.04", 60_000 => "0.06", 80_000 => "0.08", 100_000 => "0.1", 250_000 => "0.25",
    500_000 => "0.5", 750_000 => "0.75", 1_000_000 => "1.0", 2_500_000 => "2.5",
    5_000_000 => "5.0", 7_500_000 => "7.5", 10_000_000 => "10.0", 15_000_000 => "15.0",
    20_000_000 => "20.0", 30_000_000 => "30.0", 45_000_000 => "45.0", 60_000_000 => "60.0",
    120_000_000 => "120.0",
}
scale! {
    /// For each token, 1 ms to 2.5 s.
    B7: 1_000 => "0.001", 10_000 => "0.01", 25_000 => "0.025", 50_000 => "0.05",
    75_000 => "0.075", 100_000 => "0.1", 150_000 => "0.15", 200_000 => "0.2", 300_000 => "0.3",
    400_000 => "0.4", 500_000 => "0.5", 750_000 => "0.75", 1_000_000 => "1.0",
    2_500_000 => "2.5",
}

/// Tokens, 1 to 67,108,864, by powers of four.
#[derive(Debug)]
pub struct TokenScale;

impl Scale for TokenScale {
    const BOUNDS_NANOS: &'static [u64] = &[
        1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262_144, 1_048_576, 4_194_304, 16_777_216,
        67_108_864,
    ];
    const LE: &'static [&'static str] = &[
        "1.0",
        "4.0",
        "16.0",
        "64.0",
        "256.0",
        "1024.0",
        "4096.0",
        "16384.0",
        "65536.0",
        "262144.0",
        "1048576.0",
        "4194304.0",
        "16777216.0",
        "67108864.0",
    ];
    const COUNTS: bool = true;
}

scale! {
    /// Loop turns, 10 us to 1 s; there is no such family in the reference.
    LoopScale: 10 => "0.00001", 50 => "0.00005", 100 => "0.0001", 500 => "0.0005",
    1_000 => "0.001", 5_000 => "0.005", 10_000 => "0.01", 50_000 => "0.05", 100_000 => "0.1",
    1_000_000 => "1.0",
}

#[cfg(test)]
mod tests;
