//! The open loop: times of sending are fixed beforehand, whatever the proxy does, and a latency
//! counts from the time at which its request should have been sent. A stall therefore shows in
//! every request that it delayed, not in the few that were under way (coordinated omission).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::fleet::{Fleet, TURN_TIME_MAX};
use super::{ANSWER_TIME_MAX, Error, Job, Tally};

pub(crate) struct Paced {
    fleet: Fleet,
    schedule: Schedule,
    /// Times that have come and found no free connection yet. Bounded by the length of the run.
    due: VecDeque<Instant>,
    /// First in, first out: all connections are used in turn.
    free: VecDeque<usize>,
    /// The time at which the request under way should have been sent, per connection.
    intended: Vec<Instant>,
    latency: Histogram<u64>,
    lag: Histogram<u64>,
}

/// What a window of paced load saw.
pub(crate) struct Latencies {
    pub(crate) tally: Tally,
    pub(crate) latency: Histogram<u64>,
    /// How late the load itself noticed that a request was due. When this is not small against the
    /// latencies, the latencies are the load's own.
    pub(crate) lag: Histogram<u64>,
}

impl Paced {
    pub(crate) fn start(job: Job, connections: usize, per_second: f64) -> Result<Self, Error> {
        let now = Instant::now();
        Ok(Self {
            fleet: Fleet::new(job, connections)?,
            schedule: Schedule::new(now, per_second),
            due: VecDeque::new(),
            free: (0..connections).collect(),
            intended: vec![now; connections],
            latency: histogram(),
            lag: histogram(),
        })
    }

    /// Keeps to the schedule for `window`, then waits for what is still to be sent or answered:
    /// a request that was due in the window counts, however late it gets its answer.
    pub(crate) fn run(&mut self, window: Duration) -> Result<Latencies, Error> {
        let start = Instant::now();
        let end = start + window;
        self.schedule.next = self.schedule.next.max(start);
        let mut responses = 0;
        while self.schedule.next <= end || self.requests_open() > 0 {
            let now = Instant::now();
            if now > end + ANSWER_TIME_MAX {
                return Err(Error::Unanswered { requests: self.requests_open() });
            }
            self.send_what_is_due(now.min(end))?;
            let next =
                if self.schedule.next <= end { self.schedule.next } else { now + TURN_TIME_MAX };
            responses += self.receive(next)?;
        }
        let tally = Tally::of(responses, start.elapsed())?;
        let latency = std::mem::replace(&mut self.latency, histogram());
        let lag = std::mem::replace(&mut self.lag, histogram());
        Ok(Latencies { tally, latency, lag })
    }

    /// Requests that are due and not yet answered.
    fn requests_open(&self) -> usize {
        self.due.len() + self.fleet.len() - self.free.len()
    }

    fn send_what_is_due(&mut self, now: Instant) -> Result<(), Error> {
        while self.schedule.next <= now {
            record(&mut self.lag, now - self.schedule.next);
            self.due.push_back(self.schedule.next);
            self.schedule.advance();
        }
        while !self.due.is_empty() && !self.free.is_empty() {
            let index = self.free.pop_front().expect("not empty, just asked");
            self.intended[index] = self.due.pop_front().expect("not empty, just asked");
            self.fleet.begin(index)?;
        }
        Ok(())
    }

    /// Takes answers in, until `next` at most, and says how many came.
    fn receive(&mut self, next: Instant) -> Result<u64, Error> {
        let wait = next.saturating_duration_since(Instant::now());
        let finished = self.fleet.turn(wait.min(TURN_TIME_MAX))?;
        let now = Instant::now();
        for &index in finished {
            record(&mut self.latency, now.saturating_duration_since(self.intended[index]));
            self.free.push_back(index);
        }
        Ok(finished.len() as u64)
    }
}

/// Exponential gaps, as independent clients make them, from a fixed seed: every subject gets the
/// same times.
struct Schedule {
    next: Instant,
    gap_mean_ns: f64,
    state: u64,
}

impl Schedule {
    fn new(start: Instant, per_second: f64) -> Self {
        Self { next: start, gap_mean_ns: 1e9 / per_second, state: SEED }
    }

    fn advance(&mut self) {
        let gap_ns = -self.uniform().ln() * self.gap_mean_ns;
        self.next += Duration::from_nanos(gap_ns as u64);
    }

    /// In (0, 1], from the upper bits of an xorshift generator.
    fn uniform(&mut self) -> f64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        ((self.state >> 11) + 1) as f64 / (1u64 << 53) as f64
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).expect("the bounds are constants, and valid")
}

fn record(histogram: &mut Histogram<u64>, time: Duration) {
    histogram.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(LATENCY_NS_MAX));
}

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
const LATENCY_NS_MAX: u64 = 60_000_000_000;

#[cfg(test)]
mod tests;
