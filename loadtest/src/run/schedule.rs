//! When the next request is due, of one thread's share of them. No clock and no queue: what is
//! overdue is simply what comes next, so that nothing piles up in memory when a server stalls.

use std::sync::Arc;
use std::time::Duration;

use crate::plan::template::Filler;
use crate::plan::{Arrivals, Pacing, Profile};

#[derive(Debug)]
pub(super) enum Schedule {
    /// Whenever a connection is free.
    Closed,
    Open {
        profile: Profile,
        count: f64,
        step: Step,
    },
    Replay {
        records: Arc<[(Duration, usize)]>,
        next: usize,
        step: usize,
    },
}

#[derive(Debug)]
pub(super) enum Step {
    Even(f64),
    /// Exponential gaps with this mean.
    Poisson(f64, Filler),
}

/// A request that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Since the start of the run.
    pub(super) at: Duration,
    /// Of a replay; to be drawn by weight otherwise.
    pub(super) target: Option<usize>,
}

impl Schedule {
    /// The share of thread `index` out of `threads`.
    pub(super) fn new(pacing: &Pacing, index: usize, threads: usize) -> Self {
        match pacing {
            Pacing::Closed => Self::Closed,
            Pacing::Open { profile, arrivals } => {
                let mean = threads as f64;
                let mut schedule = Self::Open {
                    profile: profile.clone(),
                    count: index as f64,
                    step: match arrivals {
                        Arrivals::Even => Step::Even(mean),
                        Arrivals::Poisson => Step::Poisson(mean, Filler::new(index, threads)),
                    },
                };
                if *arrivals == Arrivals::Poisson {
                    schedule.next();
                }
                schedule
            }
            Pacing::Replay(records) => {
                Self::Replay { records: records.as_slice().into(), next: index, step: threads }
            }
        }
    }

    /// `None` when there is no more, or when times are not planned at all.
    pub(super) fn next(&mut self) -> Option<Due> {
        match self {
            Self::Closed => None,
            Self::Open { profile, count, step } => {
                let at = profile.time_of(*count)?;
                *count += step.draw();
                Some(Due { at, target: None })
            }
            Self::Replay { records, next, step } => {
                let (at, target) = *records.get(*next)?;
                *next += *step;
                Some(Due { at, target: Some(target) })
            }
        }
    }

    /// Roughly how many are due before then.
    pub(super) fn left_before(&self, at: Duration) -> u64 {
        match self {
            Self::Closed => 0,
            Self::Open { profile, count, step } => {
                ((profile.due_by(at) - count) / step.mean()).max(0.0) as u64
            }
            Self::Replay { records, next, step } => {
                let due = records.partition_point(|(time, _)| *time < at);
                (due.saturating_sub(*next) / step) as u64
            }
        }
    }

    /// Leaves so many out.
    pub(super) fn skip(&mut self, many: u64) {
        match self {
            Self::Closed => (),
            Self::Open { count, step, .. } => *count += step.mean() * many as f64,
            Self::Replay { next, step, .. } => *next += *step * many as usize,
        }
    }

    /// The next one if it is wanted; else it stays the next one.
    pub(super) fn next_if(&mut self, wanted: impl Fn(&Due) -> bool) -> Option<Due> {
        let due = match self {
            Self::Closed => None,
            Self::Open { profile, count, .. } => {
                profile.time_of(*count).map(|at| Due { at, target: None })
            }
            Self::Replay { records, next, .. } => {
                records.get(*next).map(|&(at, target)| Due { at, target: Some(target) })
            }
        };
        due.filter(wanted).and_then(|_| self.next())
    }
}

impl Step {
    fn mean(&self) -> f64 {
        match self {
            Self::Even(gap) => *gap,
            Self::Poisson(mean, _) => *mean,
        }
    }

    fn draw(&mut self) -> f64 {
        match self {
            Self::Even(gap) => *gap,
            Self::Poisson(mean, random) => {
                // In (0, 1], so that the logarithm is finite.
                let uniform = ((random.random() >> 11) + 1) as f64 / (1u64 << 53) as f64;
                -uniform.ln() * *mean
            }
        }
    }
}

#[cfg(test)]
mod tests;
