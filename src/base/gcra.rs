//! A token bucket on one word: the generic cell rate algorithm (ITU-T I.371). What is kept is the
//! time at which the bucket will be full again; a request moves it on by the time that one token
//! takes to come back, and is refused when that would lead further ahead than the bucket is deep.
//! So nothing has to refill anything, an idle bucket costs nothing, and a bucket that is full again
//! is the same as one that was never used.
//!
//! `Bucket` may be shared by all workers: the count is exact, whoever takes. That costs who is let
//! in one compare-and-swap, and who is refused a load. Owns that one word.
//!
//! Who takes many at a time may come to owe some: the bucket is full again so much later.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::clock::Instant;
use crate::limits::BUCKET_FILL_SECONDS_MAX;

/// How fast tokens come back, and how many there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What one token takes to come back, in `TICKS_PER_NANO`.
    token: u64,
    /// What all of them take.
    whole: u64,
}

/// What became of a request for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// So many are left.
    Yes { left: u64 },
    /// There will be one after so long.
    No { wait: Duration },
}

/// One bucket, full at first.
#[derive(Debug, Default)]
pub struct Bucket(AtomicU64);

/// Parts of a nanosecond: with three million tokens a second each takes 333.3 ns, and to forget the
/// third would be off by a thousandth. 64 bits of them are nine years.
const TICKS_PER_NANO: u64 = 64;

const _: () = assert!(BUCKET_FILL_SECONDS_MAX < u64::MAX / TICKS_PER_NANO / 1_000_000_000 / 4);

impl Rate {
    /// `tokens` come back every `interval`, one by one; `depth` of them can be there. None where
    /// that is no rate, is finer than the clock, or takes longer than `BUCKET_FILL_SECONDS_MAX`
    /// to fill the bucket.
    pub fn new(depth: u64, tokens: u64, interval: Duration) -> Option<Self> {
        let interval = interval.as_nanos().checked_mul(u128::from(TICKS_PER_NANO))?;
        let whole = interval.checked_mul(u128::from(depth))?.checked_div(u128::from(tokens))?;
        let longest = u128::from(BUCKET_FILL_SECONDS_MAX) * 1_000_000_000;
        if depth == 0 || whole > longest * u128::from(TICKS_PER_NANO) {
            return None;
        }
        let token = u64::try_from(interval / u128::from(tokens)).ok().filter(|token| *token > 0)?;
        // Whole tokens, or rounding would take the last one away.
        Some(Self { token, whole: token * depth })
    }

    /// How many tokens a full bucket has.
    pub const fn depth(self) -> u64 {
        self.whole / self.token
    }

    /// How long so many take to come back.
    pub fn refill(self, tokens: u64) -> Duration {
        Duration::from_nanos(self.ticks_of(tokens) / TICKS_PER_NANO)
    }

    const fn ticks_of(self, tokens: u64) -> u64 {
        self.token.saturating_mul(tokens)
    }

    /// When a bucket is full that would be at `full`, without so many. What it owes is bounded: who
    /// asked for more than a year's worth is forgiven the rest.
    fn later(self, full: u64, tokens: u64, now: u64) -> u64 {
        const MOST: u64 = 2 * BUCKET_FILL_SECONDS_MAX * 1_000_000_000 * TICKS_PER_NANO;
        full.saturating_add(self.ticks_of(tokens)).min(now.saturating_add(MOST))
    }

    /// Tokens that a bucket has which is full at `full`.
    const fn left(self, full: u64, now: u64) -> u64 {
        self.whole.saturating_sub(full.saturating_sub(now)) / self.token
    }
}

impl Bucket {
    /// Takes a token, if there is one.
    #[inline]
    pub fn take(&self, rate: Rate, now: Instant) -> Taken {
        take(&self.0, rate, now)
    }

    /// Gives back a token that was taken and not used.
    pub fn give(&self, rate: Rate) {
        give(&self.0, rate);
    }

    /// Ticks until it is full.
    pub fn ahead(&self, now: Instant) -> u64 {
        self.0.load(Relaxed).saturating_sub(ticks(now))
    }

    /// It will be full after so many ticks. To be called before its first token is taken.
    pub fn set_ahead(&self, ahead: u64, now: Instant) {
        self.0.store(ticks(now).saturating_add(ahead), Relaxed);
    }

    /// Takes many, if so many are there; or all that there can be, for more than that: then the
    /// bucket owes the rest.
    pub fn take_many(&self, rate: Rate, tokens: u64, now: Instant) -> Taken {
        take_many(&self.0, rate, tokens, now)
    }

    /// Takes them whether they are there or not: what was used was used.
    pub fn charge(&self, rate: Rate, tokens: u64, now: Instant) {
        charge(&self.0, rate, tokens, now);
    }

    /// Gives back many that were taken and not used.
    pub fn give_many(&self, rate: Rate, tokens: u64) {
        give_many(&self.0, rate, tokens);
    }

    /// Tokens that are there.
    pub fn left(&self, rate: Rate, now: Instant) -> u64 {
        rate.left(self.0.load(Relaxed), ticks(now))
    }
}

/// As `Bucket::take`, of a word that is kept elsewhere.
#[inline]
pub(super) fn take(word: &AtomicU64, rate: Rate, now: Instant) -> Taken {
    let now = ticks(now);
    let mut full = word.load(Relaxed);
    loop {
        let next = full.max(now) + rate.token;
        let ahead = next - now;
        if ahead > rate.whole {
            let wait = (ahead - rate.whole).div_ceil(TICKS_PER_NANO);
            return Taken::No { wait: Duration::from_nanos(wait) };
        }
        // Nothing but the count hangs on the order: relaxed.
        match word.compare_exchange_weak(full, next, Relaxed, Relaxed) {
            Ok(_) => return Taken::Yes { left: rate.left(next, now) },
            Err(other) => full = other,
        }
    }
}

/// As `Bucket::give`, of a word that is kept elsewhere.
pub(super) fn give(word: &AtomicU64, rate: Rate) {
    // At the start of the process there is no time before 0 to go back to.
    let _ = word.fetch_update(Relaxed, Relaxed, |full| Some(full.saturating_sub(rate.token)));
}

/// As `Bucket::take_many`, of a word that is kept elsewhere.
pub(super) fn take_many(word: &AtomicU64, rate: Rate, tokens: u64, now: Instant) -> Taken {
    let now = ticks(now);
    let needed = rate.ticks_of(tokens).min(rate.whole);
    let taken = word.fetch_update(Relaxed, Relaxed, |full| {
        let begin = full.max(now);
        (begin - now + needed <= rate.whole).then(|| rate.later(begin, tokens, now))
    });
    match taken {
        Ok(full) => Taken::Yes { left: rate.left(rate.later(full.max(now), tokens, now), now) },
        Err(full) => {
            let wait = (full.max(now) - now + needed - rate.whole).div_ceil(TICKS_PER_NANO);
            Taken::No { wait: Duration::from_nanos(wait) }
        }
    }
}

/// As `Bucket::charge`, of a word that is kept elsewhere.
pub(super) fn charge(word: &AtomicU64, rate: Rate, tokens: u64, now: Instant) {
    let now = ticks(now);
    let later = |full: u64| Some(rate.later(full.max(now), tokens, now));
    // It is never refused.
    let _ = word.fetch_update(Relaxed, Relaxed, later);
}

/// As `Bucket::give_many`, of a word that is kept elsewhere.
pub(super) fn give_many(word: &AtomicU64, rate: Rate, tokens: u64) {
    let back = rate.ticks_of(tokens);
    let _ = word.fetch_update(Relaxed, Relaxed, |full| Some(full.saturating_sub(back)));
}

/// As a bucket counts time.
#[inline]
pub const fn ticks(now: Instant) -> u64 {
    now.nanos().saturating_mul(TICKS_PER_NANO)
}

#[cfg(test)]
mod tests;
