//! `Pressure`: how much of the memory that the process may have is in use. The one thing of the
//! process that workers are told without a letter, since a letter could come too late. Control
//! looks ten times a second; a worker looks itself as soon as it has taken, by its own count, a
//! part of what was left when somebody looked last (`step`). So it does not matter how fast clients
//! come, nor how late control is.
//!
//! When memory gets tight nobody new is let in; when it is used up requests are turned away.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

use crate::limits::MEMORY_STEP_BYTES_MIN;
use crate::telemetry::process::Resident;

#[derive(Debug)]
pub struct Pressure {
    level: AtomicU8,
    /// The level that was told last: see `news`.
    told: AtomicU8,
    /// None: `u64::MAX`.
    limit: AtomicU64,
    /// Bytes to where requests are turned away.
    left: AtomicU64,
    resident: OnceLock<Option<Resident>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    #[default]
    Calm,
    /// No connection is accepted, memory that was freed is given back to the system.
    Tight,
    /// Requests are answered 503.
    Full,
}

impl Default for Pressure {
    fn default() -> Self {
        Self {
            level: AtomicU8::new(0),
            told: AtomicU8::new(0),
            limit: AtomicU64::new(u64::MAX),
            left: AtomicU64::new(u64::MAX),
            resident: OnceLock::new(),
        }
    }
}

impl Pressure {
    /// Control's: what the process may have from now on, and a look.
    pub fn bound(&self, limit: Option<u64>) {
        self.limit.store(limit.unwrap_or(u64::MAX), Relaxed);
        self.look();
    }

    /// Finds out how much is in use. One system call, where there is a limit.
    pub fn look(&self) {
        let limit = self.limit.load(Relaxed);
        if limit == u64::MAX {
            return self.set(0, None);
        }
        let resident = self.resident.get_or_init(Resident::open).as_ref();
        // Where the kernel does not tell nothing can be held to.
        self.set(resident.and_then(Resident::bytes).unwrap_or(0), Some(limit));
    }

    /// `used` of `limit` bytes; without a limit all is calm.
    fn set(&self, used: u64, limit: Option<u64>) {
        let level = limit.map_or(Level::Calm, |limit| self.level().next(used, limit));
        let full = |limit: u64| (u128::from(limit) * u128::from(FULL_PERCENT) / 100) as u64;
        self.left.store(limit.map_or(u64::MAX, |limit| full(limit).saturating_sub(used)), Relaxed);
        self.level.store(level as u8, Relaxed);
    }

    /// The level before and now, if that was not told yet.
    pub fn news(&self) -> Option<(Level, Level)> {
        let level = self.level.load(Relaxed);
        let told = self.told.swap(level, Relaxed);
        (told != level).then(|| (Level::of(told), Level::of(level)))
    }

    #[inline]
    pub fn level(&self) -> Level {
        Level::of(self.level.load(Relaxed))
    }

    /// What one of so many workers may take, by its own count, before it looks itself. All together
    /// that is a part of what was left: a connection takes more than the buffers that are counted
    /// of it, and the handshake of TLS a multiple. None: there is no limit.
    pub fn step(&self, workers: usize) -> Option<usize> {
        let left = self.left.load(Relaxed);
        (left != u64::MAX).then(|| step(usize::try_from(left).unwrap_or(usize::MAX), workers))
    }
}

/// See `Pressure::step`.
pub fn step(left: usize, workers: usize) -> usize {
    (left / STEP_PART / workers.max(1)).max(MEMORY_STEP_BYTES_MIN)
}

impl Level {
    const fn of(number: u8) -> Self {
        match number {
            0 => Self::Calm,
            1 => Self::Tight,
            _ => Self::Full,
        }
    }

    pub const fn text(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Tight => "tight",
            Self::Full => "full",
        }
    }

    /// A level is left when a good deal less is in use than what it began with: else it would come
    /// and go with every connection.
    fn next(self, used: u64, limit: u64) -> Self {
        let above =
            |percent: u64| u128::from(used) * 100 >= u128::from(limit) * u128::from(percent);
        match self {
            _ if above(FULL_PERCENT) => Self::Full,
            Self::Full if above(FULL_PERCENT - LEAVES_PERCENT) => Self::Full,
            _ if above(TIGHT_PERCENT) => Self::Tight,
            Self::Tight | Self::Full if above(TIGHT_PERCENT - LEAVES_PERCENT) => Self::Tight,
            _ => Self::Calm,
        }
    }
}

const TIGHT_PERCENT: u64 = 85;
const FULL_PERCENT: u64 = 95;
const LEAVES_PERCENT: u64 = 5;
/// See `Pressure::step`.
const STEP_PART: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_come_and_go() {
        let pressure = Pressure::default();
        for (used, expected) in [
            (0, Level::Calm),
            (84, Level::Calm),
            (85, Level::Tight),
            (81, Level::Tight),
            (79, Level::Calm),
            (95, Level::Full),
            (91, Level::Full),
            (89, Level::Tight),
            (94, Level::Tight),
            (1000, Level::Full),
            (10, Level::Calm),
        ] {
            pressure.set(used, Some(100));
            assert_eq!(pressure.level(), expected, "{used}");
        }
        pressure.set(1000, None);
        assert_eq!((pressure.level(), pressure.step(2)), (Level::Calm, None));
    }

    #[test]
    fn workers_look_again_when_they_took_a_part_of_what_is_left() {
        const MIB: u64 = 1024 * 1024;
        let pressure = Pressure::default();
        assert_eq!(pressure.step(4), None);
        pressure.set(15 * MIB, Some(100 * MIB));
        assert_eq!((pressure.step(4), pressure.step(0)), (Some(5 << 20), Some(20 << 20)));
        for nearly in [95 * MIB - 1, 200 * MIB] {
            pressure.set(nearly, Some(100 * MIB));
            assert_eq!(pressure.step(4), Some(MEMORY_STEP_BYTES_MIN), "and not at every byte");
        }
    }

    #[test]
    fn a_look_finds_what_the_process_has_and_is_told_once() {
        let pressure = Pressure::default();
        pressure.look();
        assert_eq!((pressure.step(1), pressure.news()), (None, None), "without a limit");
        pressure.bound(Some(1));
        assert_eq!(pressure.level(), Level::Full, "a test has more than a byte");
        assert_eq!(pressure.news(), Some((Level::Calm, Level::Full)));
        assert_eq!(pressure.news(), None);
        pressure.bound(Some(u64::MAX / 2));
        assert_eq!(pressure.level(), Level::Calm);
        assert_eq!(pressure.news(), Some((Level::Full, Level::Calm)));
    }
}
