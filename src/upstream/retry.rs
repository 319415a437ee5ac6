//! What is tried again, how often, and after how long. Plain values and arithmetic: `proxy` does
//! the trying.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::local::Local;
use crate::base::random::Random;

/// The retries of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts after the first.
    pub attempts: u32,
    /// Before the second attempt; twice as long before each further one.
    pub backoff: Duration,
    pub backoff_max: Duration,
    /// Statuses that count as failures; in order.
    pub codes: Box<[u16]>,
    /// Also when the endpoint may have acted on a request that does harm if it is done twice.
    pub any_method: bool,
    /// Of the requests under way to the cluster so many percent may be retries,
    pub budget_percent: u32,
    /// and so many in any case. Both of each worker.
    pub budget_min: u32,
    /// After so long without an answer an idempotent request is sent to another endpoint as well.
    pub hedge_after: Option<Duration>,
    /// What is kept of a request to be sent again.
    pub replay_bytes: usize,
}

impl Retry {
    pub fn is_code(&self, status: u16) -> bool {
        self.codes.binary_search(&status).is_ok()
    }

    /// Before attempt `retry`, counted from 1; between half of it and all, so that those who failed
    /// together do not come back together.
    pub fn wait(&self, retry: u32, random: &Random) -> Duration {
        let doubled = self.backoff.saturating_mul(1 << (retry - 1).min(16));
        doubled.min(self.backoff_max).mul_f64(0.5 + random.fraction() / 2.0)
    }

    /// The right to be one more retry among `active` requests.
    pub fn admit(&self, local: &Local, active: u64) -> Option<Retrying> {
        let share = active.saturating_mul(u64::from(self.budget_percent)) / 100;
        let most = share.max(u64::from(self.budget_min));
        let retries = &local.retries;
        (u64::from(retries.get()) < most).then(|| {
            retries.set(retries.get() + 1);
            Retrying(Rc::clone(retries))
        })
    }
}

/// A request that is being tried again, for as long as this lives.
pub struct Retrying(Rc<Cell<u32>>);

impl Drop for Retrying {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[cfg(test)]
mod tests;
