//! `Account`: what was used of several things in the period that runs, and what is held for those
//! who are on their way to use some. Shared by all workers: a word for each number, which has the
//! period that it is of in its upper bits, so that a new period begins by itself, in one
//! compare-and-swap, and what comes late does not count twice. No lock.
//!
//! What is asked for is let in while there is anything left: the one that goes over is the last.
//! Those that are under way count as what was held for them, so that a thousand at once are not let
//! in by what one leaves.
//!
//! Owns its words. Refuses to know the time, and what is counted.

use std::sync::atomic::{
    AtomicI64, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed},
};

/// How many things are counted.
pub const KINDS: usize = 2;

/// An amount of each.
pub type Amounts = [u64; KINDS];

#[derive(Debug)]
pub struct Account {
    /// The period that runs: the greatest that anybody came in.
    latest: AtomicI64,
    meters: [Meter; KINDS],
}

#[derive(Debug, Default)]
struct Meter {
    /// Used or held.
    taken: AtomicU64,
    used: AtomicU64,
}

/// What was held, to be settled once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    index: i64,
    amounts: Amounts,
}

/// What an account is: of which period, and what was used in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    pub index: i64,
    pub used: Amounts,
}

impl Default for Account {
    fn default() -> Self {
        Self { latest: AtomicI64::new(i64::MIN), meters: Default::default() }
    }
}

impl Account {
    /// Holds these amounts. A kind without a limit is held all the same.
    ///
    /// # Errors
    /// The kind of which nothing is left.
    pub fn hold(
        &self,
        index: i64,
        amounts: Amounts,
        limits: [Option<u64>; KINDS],
    ) -> Result<Held, usize> {
        loop {
            let index = self.enter(index);
            match self.try_hold(index, amounts, limits) {
                Ok(()) => return Ok(Held { index, amounts }),
                Err(No::Nothing(kind)) => return Err(kind),
                Err(No::Late) => (),
            }
        }
    }

    fn try_hold(
        &self,
        index: i64,
        amounts: Amounts,
        limits: [Option<u64>; KINDS],
    ) -> Result<(), No> {
        for (kind, (amount, limit)) in amounts.into_iter().zip(limits).enumerate() {
            let free = |value| limit.is_none_or(|limit| value < limit);
            let more = |value: u64| free(value).then(|| value.saturating_add(amount));
            let no = match self.change(&self.meters[kind].taken, index, more) {
                Changed::From(_) => continue,
                Changed::Not => No::Nothing(kind),
                Changed::Late => No::Late,
            };
            for (meter, earlier) in self.meters.iter().zip(amounts).take(kind) {
                self.settle_one(meter, index, earlier, 0);
            }
            return Err(no);
        }
        Ok(())
    }

    /// What was held was used, as far as `used` says.
    pub fn settle(&self, held: Held, used: Amounts) {
        for ((meter, held_amount), used) in self.meters.iter().zip(held.amounts).zip(used) {
            self.settle_one(meter, held.index, held_amount, used);
        }
    }

    /// What was held in a period that is over is held no more; what is used counts in that which
    /// runs.
    fn settle_one(&self, meter: &Meter, index: i64, held: u64, used: u64) {
        let settled = |value: u64| Some(value.saturating_sub(held).saturating_add(used));
        let more = |value: u64| Some(value.saturating_add(used));
        let mut charged = index;
        let mut changed = self.change(&meter.taken, index, settled);
        while let Changed::Late = changed {
            charged = self.latest.load(Acquire);
            changed = self.change(&meter.taken, charged, more);
        }
        if used > 0 {
            // Of a period that has ended meanwhile nobody wants to know.
            self.change(&meter.used, charged, more);
        }
    }

    /// What was used in this period. To be asked for every second or so, whoever comes: it leaves
    /// no word in a period that is long over.
    pub fn balance(&self, index: i64) -> Balance {
        let index = self.enter(index);
        let mut used = [0; KINDS];
        for (meter, used) in self.meters.iter().zip(&mut used) {
            self.change(&meter.taken, index, Some);
            if let Changed::From(value) = self.change(&meter.used, index, Some) {
                *used = value;
            }
        }
        Balance { index, used }
    }

    /// What is used or held in this period.
    pub fn taken(&self, index: i64) -> Amounts {
        let period = period_of(self.enter(index));
        [0, 1]
            .map(|kind: usize| value_in(self.meters[kind].taken.load(Relaxed), period).unwrap_or(0))
    }

    /// More was used, or less, than is known here, if that period still runs.
    pub fn correct(&self, index: i64, by: [i64; KINDS]) {
        if self.enter(index) != index {
            return;
        }
        for (meter, by) in self.meters.iter().zip(by) {
            let other = |value: u64| Some(value.saturating_add_signed(by));
            self.change(&meter.taken, index, other);
            self.change(&meter.used, index, other);
        }
    }

    /// Nothing was used; what is held stays.
    pub fn reset(&self, index: i64) {
        let index = self.enter(index);
        for meter in &self.meters {
            if let Changed::From(used) = self.change(&meter.used, index, |_| Some(0)) {
                self.change(&meter.taken, index, |value| Some(value.saturating_sub(used)));
            }
        }
    }

    /// The period that counts. Who was late, or a clock that stepped back a little, does not bring
    /// back one that is over; a clock that was far ahead is believed when it is right again.
    fn enter(&self, index: i64) -> i64 {
        let mut latest = self.latest.load(Acquire);
        loop {
            let is_late = index < latest && latest.saturating_sub(index) <= LATE_MAX;
            if latest == index || is_late {
                return latest;
            }
            match self.latest.compare_exchange_weak(latest, index, AcqRel, Acquire) {
                Ok(_) => return index,
                Err(other) => latest = other,
            }
        }
    }

    /// Puts another value in the place of that of this period, which is 0 while the word is of one
    /// before. Who enters a period says so before he changes a word: a word that is of another
    /// period than the latest is of one that is over.
    fn change(&self, word: &AtomicU64, index: i64, next: impl Fn(u64) -> Option<u64>) -> Changed {
        let period = period_of(index);
        let mut was = word.load(Acquire);
        loop {
            let value = match value_in(was, period) {
                Some(value) => value,
                None if self.latest.load(Acquire) == index => 0,
                None => return Changed::Late,
            };
            let Some(next) = next(value) else { return Changed::Not };
            match word.compare_exchange_weak(was, word_of(period, next), AcqRel, Acquire) {
                Ok(_) => return Changed::From(value),
                Err(other) => was = other,
            }
        }
    }
}

enum No {
    Nothing(usize),
    /// Another period has begun meanwhile.
    Late,
}

enum Changed {
    From(u64),
    Not,
    Late,
}

/// What of a period's number is in a word. Those that meet are a few apart at most, so that ten
/// bits tell them apart.
const fn period_of(index: i64) -> u64 {
    (index as u64) & ((1 << PERIOD_BITS) - 1)
}

const fn value_in(word: u64, period: u64) -> Option<u64> {
    if word >> VALUE_BITS == period { Some(word & VALUE) } else { None }
}

fn word_of(period: u64, value: u64) -> u64 {
    (period << VALUE_BITS) | value.min(VALUE)
}

/// Periods that somebody may be late by.
const LATE_MAX: i64 = 16;
const PERIOD_BITS: u32 = 10;
const VALUE_BITS: u32 = u64::BITS - PERIOD_BITS;
const VALUE: u64 = (1 << VALUE_BITS) - 1;

#[cfg(test)]
mod tests;
