//! What a run came to. Filled in per thread without sharing, merged at the end.

use std::collections::BTreeMap;
use std::time::Duration;

pub use self::fault::Fault;
use hdrhistogram::Histogram;

mod fault;

#[derive(Clone, Debug)]
pub struct Outcome {
    pub open_loop: bool,
    /// How long requests were begun.
    pub elapsed: Duration,
    /// Connections at most at a time, after any cap.
    pub connections: usize,
    pub tally: Tally,
    /// One entry for each second of the run.
    pub timeline: Vec<Second>,
    /// CPU time of the load itself, of all its threads.
    pub own_cpu: Duration,
    /// Of the busiest thread of the load, the part of the time that it was busy.
    pub own_busy: f64,
    /// The most memory that this process has had, in bytes.
    pub own_resident_bytes_max: u64,
    /// Of the process that was to be measured.
    pub server: Option<ServerUsage>,
    /// What a reader must know to judge the figures: caps, a load that was itself the limit.
    pub notes: Vec<String>,
    pub interrupted: bool,
}

/// Counts and times; of one thread, or of all.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Requests that ended, rightly or not.
    pub requests: u64,
    /// Those that were answered rightly.
    pub answers: u64,
    /// Those that were answered before the load ended.
    pub answers_in_time: u64,
    pub faults: Faults,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub connections_opened: u64,
    pub tls_resumed: u64,
    /// In nanoseconds. Of right answers, and of requests that got none in time, with the time
    /// that they waited: to leave those out would flatter the server.
    pub latency: Histogram<u64>,
    pub connect: Histogram<u64>,
    pub tls: Histogram<u64>,
    /// Of an open loop: how late the load itself was, when a connection was free.
    pub lag: Histogram<u64>,
    pub events: EventsTally,
}

/// What was seen of streams of events.
#[derive(Clone, Debug)]
pub struct EventsTally {
    pub tokens: u64,
    /// From the request to its first event.
    pub first: Histogram<u64>,
    /// From an event to the next one.
    pub gap: Histogram<u64>,
    /// Tokens a second of each stream, in thousandths.
    pub milli_rate: Histogram<u64>,
}

/// Lines of the error table, with how often each came up.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    counts: BTreeMap<Fault, u64>,
    total: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Second {
    /// Since the start, in whole seconds.
    pub at: u64,
    pub answers: u64,
    pub errors: u64,
    pub p50_ns: u64,
    pub p99_ns: u64,
    pub max_ns: u64,
    pub received_bytes: u64,
}

/// What the measured process tree used, and had.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerUsage {
    pub cpu: Duration,
    pub voluntary_switches: u64,
    pub involuntary_switches: u64,
    pub before: Holding,
    pub peak: Holding,
    pub after: Holding,
    /// One entry for each second or so.
    pub timeline: Vec<UsageSample>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    pub resident_bytes: u64,
    pub descriptors: u64,
    pub threads: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UsageSample {
    pub at: Duration,
    /// Since the sample before.
    pub cpu: Duration,
    pub holding: Holding,
}

impl Outcome {
    pub fn errors(&self) -> u64 {
        self.tally.faults.total()
    }

    /// Right answers a second, of those that came before the load ended.
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.tally.answers_in_time as f64 / seconds } else { 0.0 }
    }

    /// Requests that were sent: what a server's CPU time is divided by.
    pub fn sent(&self) -> u64 {
        (self.tally.requests - self.tally.faults.of(&Fault::Unsent)).max(1)
    }

    pub fn error_ratio(&self) -> f64 {
        self.errors() as f64 / (self.tally.answers + self.errors()).max(1) as f64
    }

    /// The latency that `percent` of the requests stay below, as a time.
    pub fn percentile(&self, percent: f64) -> Duration {
        Duration::from_nanos(self.tally.latency.value_at_percentile(percent))
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            requests: 0,
            answers: 0,
            answers_in_time: 0,
            faults: Faults::default(),
            sent_bytes: 0,
            received_bytes: 0,
            connections_opened: 0,
            tls_resumed: 0,
            latency: histogram(),
            connect: histogram(),
            tls: histogram(),
            lag: histogram(),
            events: EventsTally::default(),
        }
    }
}

impl Default for EventsTally {
    fn default() -> Self {
        Self { tokens: 0, first: histogram(), gap: histogram(), milli_rate: histogram() }
    }
}

impl Tally {
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.answers += other.answers;
        self.answers_in_time += other.answers_in_time;
        self.faults.merge(&other.faults);
        self.sent_bytes += other.sent_bytes;
        self.received_bytes += other.received_bytes;
        self.connections_opened += other.connections_opened;
        self.tls_resumed += other.tls_resumed;
        self.events.tokens += other.events.tokens;
        let pairs = [
            (&mut self.latency, &other.latency),
            (&mut self.connect, &other.connect),
            (&mut self.tls, &other.tls),
            (&mut self.lag, &other.lag),
            (&mut self.events.first, &other.events.first),
            (&mut self.events.gap, &other.events.gap),
            (&mut self.events.milli_rate, &other.events.milli_rate),
        ];
        for (own, others) in pairs {
            own.add(others).expect("all histograms grow as they must");
        }
    }
}

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.add_many(fault, 1);
    }

    pub fn add_many(&mut self, fault: Fault, count: u64) {
        let full = self.counts.len() >= LINES_MAX && !self.counts.contains_key(&fault);
        let fault = if full { Fault::Others } else { fault };
        *self.counts.entry(fault).or_default() += count;
        self.total += count;
    }

    fn merge(&mut self, other: &Self) {
        for (fault, count) in &other.counts {
            self.add_many(fault.clone(), *count);
        }
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub fn of(&self, fault: &Fault) -> u64 {
        self.counts.get(fault).copied().unwrap_or(0)
    }

    /// The most frequent first.
    pub fn lines(&self) -> Vec<(&Fault, u64)> {
        let mut lines: Vec<_> = self.counts.iter().map(|(fault, count)| (fault, *count)).collect();
        lines.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        lines
    }
}

/// Nanoseconds, to three digits. It grows by itself, and is small until it has to.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, 3).map_or_else(
        |_| unreachable!("the bounds are constants, and valid"),
        |mut histogram| {
            histogram.auto(true);
            histogram
        },
    )
}

/// Saturates at the histogram's ends.
pub fn record(histogram: &mut Histogram<u64>, time: Duration) {
    record_many(histogram, time, 1);
}

pub fn record_many(histogram: &mut Histogram<u64>, time: Duration, count: u64) {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    // It grows up to a point that no run reaches; what is beyond that is not worth a panic.
    let _ = histogram.record_n(nanos.clamp(LOWEST_NS, BEYOND_NS), count);
}

/// One kind of error may have many details, made up by the server; they do not fill our memory.
const LINES_MAX: usize = 64;
const LOWEST_NS: u64 = 64;
const HIGHEST_NS: u64 = 1_000_000_000;
const BEYOND_NS: u64 = 86_400_000_000_000;

#[cfg(test)]
mod tests;
