//! `Pressure`: how much of the memory that the process may have is in use. Control looks ten times
//! a second and writes it here, workers read: the one thing of the process that they are told
//! without a letter, since a letter could come too late.
//!
//! When memory gets tight nobody new is let in; when it is used up requests are turned away. In
//! between two looks workers may take what was left, in equal shares, and no more.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

#[derive(Debug)]
pub struct Pressure {
    level: AtomicU8,
    /// Bytes to the limit.
    left: AtomicU64,
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
        Self { level: AtomicU8::new(0), left: AtomicU64::new(u64::MAX) }
    }
}

impl Pressure {
    /// Control's: `used` of `limit` bytes; without a limit all is calm.
    pub fn set(&self, used: u64, limit: Option<u64>) {
        let level = limit.map_or(Level::Calm, |limit| self.level().next(used, limit));
        self.left.store(limit.map_or(u64::MAX, |limit| limit.saturating_sub(used)), Relaxed);
        self.level.store(level as u8, Relaxed);
    }

    #[inline]
    pub fn level(&self) -> Level {
        match self.level.load(Relaxed) {
            0 => Level::Calm,
            1 => Level::Tight,
            _ => Level::Full,
        }
    }

    /// What one of so many workers may take before control has looked again. None: there is no
    /// limit.
    pub fn share(&self, workers: usize) -> Option<usize> {
        let left = self.left.load(Relaxed);
        (left != u64::MAX).then(|| usize::try_from(left).unwrap_or(usize::MAX) / workers.max(1))
    }
}

impl Level {
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
        assert_eq!((pressure.level(), pressure.share(2)), (Level::Calm, None));
    }

    #[test]
    fn workers_share_what_is_left() {
        let pressure = Pressure::default();
        assert_eq!(pressure.share(4), None);
        pressure.set(600, Some(1000));
        assert_eq!((pressure.share(4), pressure.share(0)), (Some(100), Some(400)));
        pressure.set(2000, Some(1000));
        assert_eq!(pressure.share(4), Some(0));
    }
}
