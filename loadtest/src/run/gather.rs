//! Gathers what the threads report: seconds of all threads into one line of the timeline, tallies
//! into one, and beside them what the measured server used.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::Hooks;
use super::thread::{End, Report};
use crate::os;
use crate::outcome::{Outcome, Second, Tally};
use crate::plan::{Plan, Refusal};
use crate::sample::Sampler;

pub(super) struct Gathering {
    plan: Plan,
    total: Tally,
    /// Seconds that not all threads have reported yet, and how many have.
    partial: BTreeMap<u64, (Tally, usize)>,
    timeline: Vec<Second>,
    sampler: Option<Sampler>,
    ends: Vec<End>,
    failed: usize,
    begun: Option<Instant>,
    notes: Vec<String>,
}

impl Gathering {
    pub(super) fn new(plan: &Plan, notes: Vec<String>) -> Result<Self, Refusal> {
        let sampler =
            match plan.server_pid {
                None => None,
                Some(pid) => Some(Sampler::start(pid).map_err(|error| {
                    Refusal(format!("process {pid} cannot be measured: {error}"))
                })?),
            };
        Ok(Self {
            plan: plan.clone(),
            total: Tally::default(),
            partial: BTreeMap::new(),
            timeline: Vec::new(),
            sampler,
            ends: Vec::new(),
            failed: 0,
            begun: None,
            notes,
        })
    }

    /// Until the last thread has said that it is done. (That all have hung up would not do: tasks
    /// that a runtime still has at its end are never dropped.)
    pub(super) fn gather(&mut self, reports: &Receiver<Report>, hooks: &mut Hooks<'_>) {
        let mut sample_at = Instant::now() + SAMPLE_PERIOD;
        while self.ends.len() + self.failed < self.plan.threads {
            match reports.recv_timeout(sample_at.saturating_duration_since(Instant::now())) {
                Ok(report) => self.take(report, hooks),
                Err(RecvTimeoutError::Timeout) => {
                    sample_at += SAMPLE_PERIOD;
                    self.sample();
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn take(&mut self, report: Report, hooks: &mut Hooks<'_>) {
        match report {
            Report::Begun(start) => {
                if self.begun.is_none()
                    && let Some(sampler) = &mut self.sampler
                {
                    sampler.begin();
                }
                self.begun = Some(start);
            }
            Report::Interval { at, tally } => {
                self.total.merge(&tally);
                let (partial, threads) = self.partial.entry(at).or_default();
                partial.merge(&tally);
                *threads += 1;
                if *threads == self.plan.threads {
                    self.close_seconds(at, hooks);
                }
            }
            Report::Done(end) => {
                self.ends.push(end);
                if self.ends.len() == self.plan.threads
                    && let Some(sampler) = &mut self.sampler
                {
                    sampler.end();
                }
            }
            Report::Failed(why) => {
                self.failed += 1;
                self.notes.push(why);
            }
        }
    }

    /// All seconds up to this one become lines of the timeline.
    fn close_seconds(&mut self, last: u64, hooks: &mut Hooks<'_>) {
        while let Some(entry) = self.partial.first_entry()
            && *entry.key() <= last
        {
            let (at, (tally, _)) = entry.remove_entry();
            let second = summarize(at, &tally);
            if let Some(progress) = &mut hooks.progress {
                progress(&second);
            }
            self.timeline.push(second);
        }
    }

    fn sample(&mut self) {
        if self.begun.is_some()
            && let Some(sampler) = &mut self.sampler
        {
            sampler.sample();
        }
    }

    pub(super) fn finish(mut self, interrupted: bool) -> Outcome {
        let mut silent = Hooks::default();
        self.close_seconds(u64::MAX, &mut silent);
        let elapsed = self.ends.iter().map(|end| end.elapsed).max().unwrap_or_default();
        let own_busy = self.ends.iter().map(|end| end.busy).fold(0.0, f64::max);
        if own_busy > BUSY_MAX {
            let percent = own_busy * 100.0;
            self.notes.push(format!(
                "a thread of the load was {percent:.0} % busy: the load, not the server, may be \
                 the limit (-t for more threads)"
            ));
        }
        if self.ends.len() < self.plan.threads {
            self.notes.push("not all threads of the load came to their end".to_owned());
        }
        let server = self.sampler.and_then(|sampler| match sampler.finish() {
            Ok(usage) => Some(usage),
            Err(why) => {
                self.notes.push(why);
                None
            }
        });
        Outcome {
            open_loop: self.plan.open_loop(),
            elapsed,
            connections: self.plan.connections,
            tally: self.total,
            timeline: self.timeline,
            own_cpu: self.ends.iter().map(|end| end.cpu).sum(),
            own_busy,
            own_resident_bytes_max: os::resident_bytes_max(),
            server,
            notes: self.notes,
            interrupted,
        }
    }
}

fn summarize(at: u64, tally: &Tally) -> Second {
    Second {
        at,
        answers: tally.answers,
        errors: tally.faults.total(),
        p50_ns: tally.latency.value_at_percentile(50.0),
        p99_ns: tally.latency.value_at_percentile(99.0),
        max_ns: tally.latency.max(),
        received_bytes: tally.received_bytes,
    }
}

const SAMPLE_PERIOD: Duration = Duration::from_millis(500);
const BUSY_MAX: f64 = 0.9;
