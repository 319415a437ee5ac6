//! Time as the data path needs it: nanoseconds of a monotonic clock by the processor's counter,
//! about 10 ns a reading. Wall-clock time is for logs and the control thread.

use std::time::Duration;

/// A point of monotonic time, in nanoseconds since the process began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Instant(u64);

impl Instant {
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Nanoseconds since `earlier`, 0 if that is not earlier.
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Reads the time. One a worker; cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock {
    counter: quanta::Clock,
    start: u64,
}

impl Clock {
    /// Calibrates the processor's counter the first time it is called in a process (about 200 ms
    /// at the most); falls back to `clock_gettime` where the counter is not reliable.
    pub fn new() -> Self {
        let counter = quanta::Clock::new();
        Self { start: counter.raw(), counter }
    }

    #[inline]
    pub fn now(&self) -> Instant {
        Instant(self.counter.delta_as_nanos(self.start, self.counter.raw()))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
