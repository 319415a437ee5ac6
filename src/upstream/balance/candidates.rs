//! `Candidates`: who can be chosen now. One worker's; made anew when the board of the cluster says
//! that something changed, or when a time has come at which it does by itself.

use std::rc::Rc;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::random::Random;
use crate::limits::SLOW_START_STEP;
use crate::upstream::cluster::{Cluster, Endpoint, Traffic};
use crate::upstream::local::Seat;

/// A weight of one, so that slow starts have shares of it.
const WHOLE: u64 = 100;
/// What an endpoint that came back begins with, of its weight.
const FIRST_SHARE: f64 = 0.1;

#[derive(Default)]
pub struct Candidates {
    /// Endpoints, with their weights as they are now.
    list: Vec<(u32, u64)>,
    /// The weights up to and with each.
    ends: Vec<u64>,
    equal: bool,
    /// By endpoint: its weight, 0 for those that are not to be chosen.
    weights: Vec<u64>,
    /// Where the tier stands among the cluster's.
    pub tier: usize,
    /// All are chosen from, since too few are well.
    pub panic: bool,
    epoch: u32,
    /// Until when it holds, unless the board says otherwise; `None` before the first time.
    until: Option<Instant>,
}

impl Candidates {
    /// Whether they are others than before.
    pub fn renew(&mut self, cluster: &Cluster, traffic: &Traffic, now: Instant) -> bool {
        let epoch = traffic.board.epoch();
        if self.epoch == epoch && self.until.is_some_and(|until| now < until) {
            return false;
        }
        self.make(cluster, traffic, epoch, now)
    }

    #[cold]
    fn make(&mut self, cluster: &Cluster, traffic: &Traffic, epoch: u32, now: Instant) -> bool {
        let settings = &cluster.settings.balancing;
        let endpoints = &cluster.endpoints;
        let usable = |place: &&u32| endpoints[**place as usize].health.is_usable(now);
        let is_enough = |usable: usize, of: usize| {
            usable > 0 && usable * 100 >= of * settings.panic_percent as usize
        };
        let mut tiers = traffic.tiers.iter().enumerate();
        let chosen = tiers.find(|(_, tier)| {
            is_enough(tier.members.iter().filter(usable).count(), tier.members.len())
        });
        self.panic = chosen.is_none() && settings.panic_percent > 0;
        let fallback = traffic.tiers.iter().next().filter(|_| self.panic);
        let (tier, members) = match (chosen, fallback) {
            (Some((place, tier)), _) => (place, &tier.members[..]),
            (None, Some(first)) => (0, &first.members[..]),
            (None, None) => (0, &[][..]),
        };
        self.tier = tier;
        self.epoch = epoch;
        self.until = Some(until(endpoints, settings.slow_start, now));
        let slow_start = settings.slow_start.filter(|_| !self.panic);
        let taken = members.iter().filter(|place| self.panic || usable(place));
        let weight = |place: &u32| (*place, weight(&endpoints[*place as usize], slow_start, now));
        let list: Vec<_> = taken.map(weight).collect();
        let changed = list != self.list;
        if changed {
            self.take(list, endpoints.len());
        }
        changed
    }

    fn take(&mut self, list: Vec<(u32, u64)>, endpoints: usize) {
        self.list = list;
        self.weights.clear();
        self.weights.resize(endpoints, 0);
        self.ends.clear();
        let mut end = 0;
        for (place, weight) in &self.list {
            self.weights[*place as usize] = *weight;
            end += weight;
            self.ends.push(end);
        }
        self.equal = self.list.windows(2).all(|pair| pair[0].1 == pair[1].1);
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn list(&self) -> &[(u32, u64)] {
        &self.list
    }

    pub fn takes(&self, endpoint: u32) -> bool {
        self.weights.get(endpoint as usize).is_some_and(|weight| *weight > 0)
    }

    /// One by chance and weight that `free` says can be had; if that is not to be found, any.
    pub fn draw(&self, random: &Random, free: impl Fn(u32) -> bool) -> u32 {
        let mut drawn = 0;
        for _ in 0..DRAWS {
            drawn = match self.equal {
                true => random.below(self.list.len() as u64) as usize,
                false => {
                    let at = random.below(self.ends.last().copied().unwrap_or_default());
                    self.ends.partition_point(|end| *end <= at)
                }
            };
            if free(self.list[drawn].0) {
                return self.list[drawn].0;
            }
        }
        let (before, behind) = self.list.split_at(drawn);
        let mut others = behind.iter().chain(before).map(|(place, _)| *place);
        others.find(|place| free(*place)).unwrap_or(self.list[drawn].0)
    }

    /// What an endpoint has to do, as if all had the same weight; of one that idles it is 1.
    pub fn load(&self, endpoint: u32, seats: &[Rc<Seat>]) -> f64 {
        let in_flight = f64::from(seats[endpoint as usize].in_flight.get());
        let total = self.ends.last().copied().unwrap_or_default() as f64;
        let mean = total / self.list.len().max(1) as f64;
        1.0 + in_flight * mean / self.weights[endpoint as usize].max(1) as f64
    }
}

/// Draws before the rest is gone through one by one.
const DRAWS: usize = 3;

fn weight(endpoint: &Endpoint, slow_start: Option<Duration>, now: Instant) -> u64 {
    let full = u64::from(endpoint.weight) * WHOLE;
    match ramp(endpoint, slow_start, now) {
        Some(share) => ((full as f64 * share) as u64).max(1),
        None => full,
    }
}

/// The share that an endpoint which came back has got to, while it is below its own.
fn ramp(endpoint: &Endpoint, slow_start: Option<Duration>, now: Instant) -> Option<f64> {
    let (length, since) = (slow_start?.as_secs_f64(), endpoint.health.up_since()?);
    let share = now.nanos_since(since) as f64 / 1e9 / length.max(1e-3);
    (share < 1.0).then_some(share.max(FIRST_SHARE))
}

/// When the candidates change by themselves: an ejection ends, or a slow start gets on.
fn until(endpoints: &[Endpoint], slow_start: Option<Duration>, now: Instant) -> Instant {
    let ends = endpoints.iter().map(|endpoint| endpoint.health.ejected_until());
    let next = ends.filter(|until| *until > now).min();
    let step = endpoints.iter().any(|endpoint| ramp(endpoint, slow_start, now).is_some());
    let step = step.then(|| now.plus(SLOW_START_STEP));
    next.into_iter().chain(step).min().unwrap_or(Instant::from_nanos(u64::MAX))
}

#[cfg(test)]
mod tests;
