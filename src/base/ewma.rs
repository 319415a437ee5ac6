//! A decaying average of times: it jumps up to a peak at once, comes down slowly, and comes down by
//! itself while nothing is measured: what was slow once is tried again. Owned by one worker.

use std::cell::Cell;
use std::time::Duration;

use super::clock::Instant;

/// See the module. Nothing was measured while it is 0.
#[derive(Debug, Default)]
pub struct PeakEwma {
    nanos: Cell<f64>,
    at: Cell<Instant>,
}

impl PeakEwma {
    /// What is expected now, in nanoseconds; 0 before the first measurement.
    #[inline]
    pub fn at(&self, now: Instant, decay: Duration) -> f64 {
        let nanos = self.nanos.get();
        let age = now.nanos_since(self.at.get());
        // Within a thousandth of the decay it is what it was.
        if age < decay.as_nanos() as u64 >> 10 {
            return nanos;
        }
        nanos * (-(age as f64) / decay.as_nanos() as f64).exp()
    }

    /// Takes in a measurement.
    pub fn observe(&self, now: Instant, nanos: u64, decay: Duration) {
        let measured = (nanos as f64).max(1.0);
        let old = self.nanos.get();
        let age = now.nanos_since(self.at.get()) as f64;
        let kept = (-age / decay.as_nanos() as f64).exp();
        let new = match measured >= old {
            true => measured,
            false => old * kept + measured * (1.0 - kept),
        };
        self.nanos.set(new);
        self.at.set(now);
    }
}

#[cfg(test)]
mod tests;
