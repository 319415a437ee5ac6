//! Adaptive concurrency: how many requests a backend gets at a time is found out, not configured.
//! While its answers take about as long as they do when little is asked of it, it may get more;
//! when they take longer, requests are waiting somewhere behind us, and it gets fewer. What is
//! beyond is answered 503 at once: a queue that only grows helps nobody.
//!
//! The limit follows the gradient between the latency without load and that of the last window
//! (Netflix's concurrency-limits, "gradient2"), plus room for a short queue, the root of the limit.
//! The latency without load is the least that was measured. When nothing came near it for a while,
//! be it that the load does not end or that the backend became slower for good, it is measured anew:
//! for a moment the backend gets as few requests as it may.
//!
//! Shared by all workers, and so counted by atomic additions: only routes that use it pay for them.
//! Its state is kept over reloads like that of a rate limit.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::base::clock::Instant;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GradientSpec {
    pub limit_min: u32,
    pub limit_max: u32,
    pub limit_first: u32,
    /// How much longer than without load answers may take, in percent, before there are too many.
    pub tolerance_percent: u32,
}

#[derive(Debug)]
pub struct Gradient {
    /// Whose it is; with it the same one is found after a reload.
    pub name: String,
    pub spec: GradientSpec,
    active: AtomicU32,
    limit: AtomicU32,
    /// Latency without load; 0 while nothing was measured.
    base_nanos: AtomicU64,
    /// Windows since that was confirmed; from `UNCONFIRMED_MAX` on, how far measuring it anew is.
    unconfirmed: AtomicU32,
    /// The limit before that.
    held: AtomicU32,
    window: Window,
}

/// What was measured since the limit was set last.
#[derive(Debug, Default)]
struct Window {
    ends: AtomicU64,
    samples: AtomicU32,
    nanos: AtomicU64,
    active_most: AtomicU32,
}

/// A request among those that a backend has, until it is dropped.
#[derive(Debug)]
pub struct Permit<'a>(&'a Gradient);

impl Gradient {
    pub fn new(name: String, spec: GradientSpec) -> Self {
        Self {
            name,
            active: AtomicU32::new(0),
            limit: AtomicU32::new(spec.limit_first.clamp(spec.limit_min, spec.limit_max)),
            base_nanos: AtomicU64::new(0),
            unconfirmed: AtomicU32::new(0),
            held: AtomicU32::new(0),
            window: Window::default(),
            spec,
        }
    }

    /// One more request, if it is not one too many.
    pub fn admit(&self) -> Option<Permit<'_>> {
        // An addition that all workers share, on routes with such a limit alone: it holds for all
        // of them together, and two that come at once must not both be the last one let in.
        let active = self.active.fetch_add(1, Relaxed) + 1;
        let permit = Permit(self);
        if active > self.limit.load(Relaxed) {
            return None; // and the permit goes
        }
        self.window.active_most.fetch_max(active, Relaxed);
        Some(permit)
    }

    /// The endpoint took so long to answer.
    pub fn answered(&self, nanos: u64, now: Instant) {
        let window = &self.window;
        // What is lost to another worker that ends the window at this moment is lost.
        let _ = window.nanos.fetch_update(Relaxed, Relaxed, |sum| Some(sum.saturating_add(nanos)));
        let samples = window.samples.fetch_add(1, Relaxed) + 1;
        let ends = window.ends.load(Relaxed);
        if now.nanos() < ends || samples < WINDOW_SAMPLES_MIN {
            return;
        }
        let next = now.nanos() + WINDOW_NANOS;
        if window.ends.compare_exchange(ends, next, Relaxed, Relaxed).is_ok() {
            let samples = window.samples.swap(0, Relaxed).max(1);
            let mean = window.nanos.swap(0, Relaxed) / u64::from(samples);
            self.adapt(mean.max(1), window.active_most.swap(0, Relaxed));
        }
    }

    pub fn limit(&self) -> u32 {
        self.limit.load(Relaxed)
    }

    pub fn active(&self) -> u32 {
        self.active.load(Relaxed)
    }

    /// Latency without load, as far as it is known.
    pub fn base_nanos(&self) -> u64 {
        self.base_nanos.load(Relaxed)
    }

    /// Sets the limit by the mean latency of a window, and by how many requests there were at most.
    fn adapt(&self, mean_nanos: u64, active_most: u32) {
        if self.measures_anew(mean_nanos) {
            return;
        }
        let base = match self.base_nanos.load(Relaxed) {
            0 => mean_nanos,
            base => base.min(mean_nanos),
        };
        self.base_nanos.store(base, Relaxed);
        let confirmed = mean_nanos <= base + base / CONFIRMED_PART;
        let unconfirmed = if confirmed { 0 } else { self.unconfirmed.load(Relaxed) + 1 };
        self.unconfirmed.store(unconfirmed, Relaxed);
        if unconfirmed >= UNCONFIRMED_MAX {
            self.held.store(self.limit(), Relaxed);
            self.limit.store(self.spec.limit_min, Relaxed);
            return;
        }
        let limit = f64::from(self.limit());
        let tolerance = f64::from(self.spec.tolerance_percent) / 100.0;
        let gradient = (tolerance * base as f64 / mean_nanos as f64).clamp(0.5, 1.0);
        // A limit that nobody comes near says nothing of what the backend can do.
        if gradient >= 1.0 && f64::from(active_most) < limit / 2.0 {
            return;
        }
        let wanted = limit * gradient + limit.sqrt();
        let next = limit + (wanted - limit) * SMOOTHING;
        // Up by one at least, or a small limit would never grow.
        let next = if wanted > limit { next.max(limit + 1.0) } else { next };
        let next = (next as u32).clamp(self.spec.limit_min, self.spec.limit_max);
        self.limit.store(next, Relaxed);
    }

    /// Whether the window belongs to a measurement of the latency without load. The first one after
    /// the limit fell still has answers to those who came before.
    fn measures_anew(&self, mean_nanos: u64) -> bool {
        match self.unconfirmed.load(Relaxed) {
            UNCONFIRMED_MAX => self.unconfirmed.store(UNCONFIRMED_MAX + 1, Relaxed),
            0..UNCONFIRMED_MAX => return false,
            _ => {
                self.base_nanos.store(mean_nanos, Relaxed);
                self.limit.store(self.held.load(Relaxed), Relaxed);
                self.unconfirmed.store(0, Relaxed);
            }
        }
        true
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Relaxed);
    }
}

/// The limit is set so often, and by so many answers at least.
const WINDOW_NANOS: u64 = 100_000_000;
const WINDOW_SAMPLES_MIN: u32 = 10;
/// Answers that take no more than this part longer than without load confirm what that is.
const CONFIRMED_PART: u64 = 8;
/// Half a minute.
const UNCONFIRMED_MAX: u32 = 300;
/// How much of the way to the new limit is gone at once.
const SMOOTHING: f64 = 0.2;

#[cfg(test)]
mod tests;
