//! What a report is about, in words: what was asked, how, and of whom.

use crate::plan::{Arrivals, Pacing, Plan};

#[derive(Clone, Debug)]
pub struct About {
    pub target: String,
    pub protocol: &'static str,
    /// How requests came: the loop or the rate.
    pub pacing: String,
    /// The planned mean rate, of an open loop.
    pub planned_rate: Option<f64>,
    pub threads: usize,
    pub lanes: usize,
    pub asks: bool,
}

impl About {
    pub fn of(plan: &Plan) -> Self {
        let mut target = plan.targets.first().map_or_else(String::new, |t| t.url.to_string());
        if plan.targets.len() > 1 {
            target = format!("{target} and {} more", plan.targets.len() - 1);
        }
        let seconds = plan.duration.as_secs_f64().max(1e-9);
        let (pacing, planned_rate) = match &plan.pacing {
            Pacing::Closed => ("closed loop".to_owned(), None),
            Pacing::Open { profile, arrivals } => {
                let rate = profile.due_by(plan.duration) / seconds;
                let how = match arrivals {
                    Arrivals::Even => "evenly spaced",
                    Arrivals::Poisson => "as independent clients",
                };
                (format!("open loop, {rate:.0} a second {how}"), Some(rate))
            }
            Pacing::Replay(records) => {
                let due = records.partition_point(|(at, _)| *at < plan.duration);
                (format!("open loop, replay of {due} requests"), Some(due as f64 / seconds))
            }
        };
        Self {
            target,
            protocol: plan.protocol.word(),
            pacing,
            planned_rate,
            threads: plan.threads,
            lanes: plan.protocol.lanes(),
            asks: plan.protocol.asks(),
        }
    }
}
