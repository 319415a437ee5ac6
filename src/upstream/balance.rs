//! Which endpoint of a cluster an attempt goes to. Each worker decides by what it sees itself, and
//! by the health that all share: nothing is asked of anybody on the way of a request.
//!
//! `candidates` is who can be chosen now: one tier, its usable endpoints, their weights. The
//! algorithms choose among them: `round_robin`, two choices (below), `ring_hash`, `maglev`.

pub mod candidates;
pub mod maglev;
pub mod ring_hash;
pub mod round_robin;

use std::time::Duration;

use self::candidates::Candidates;
use self::round_robin::Schedule;
use super::cluster::Endpoint;
use super::local::{Local, Seat};
use crate::base::clock::Instant;
use crate::base::hash::hash;
use crate::base::random::Random;
use crate::limits::{AVOIDED_MAX, LATENCY_DECAY};

/// How endpoints are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balancing {
    pub algorithm: Algorithm,
    /// What tells who belongs to whom, for algorithms that hash.
    pub by: Option<By>,
    pub affinity: Option<Affinity>,
    /// Over so long an endpoint that comes back gets to its full share.
    pub slow_start: Option<Duration>,
    /// With less than so many percent usable a tier is no longer chosen from; when no tier is left,
    /// the first is chosen from as if all were well. 0: nobody is chosen then.
    pub panic_percent: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// Of two by chance, the one that is expected to answer sooner.
    #[default]
    PeakEwma,
    RoundRobin,
    /// Of two by chance, the one with less to do.
    LeastRequest,
    Random,
    RingHash,
    Maglev,
}

/// What of a request is hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    Header(Box<[u8]>),
    Cookie(Box<[u8]>),
    /// The client's address, without its port.
    Source,
    /// What the prompt for a model begins with, from so many bytes of it.
    Prompt(usize),
    /// What an expression makes of it, which the policies of the backend hold: nothing here knows
    /// what a request is.
    Expression,
}

/// A cookie of ours that says which endpoint a client had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affinity {
    pub cookie: Box<[u8]>,
    /// What stands behind the value: `; Path=/; ...`
    pub attributes: Box<[u8]>,
}

impl Default for Balancing {
    fn default() -> Self {
        let (algorithm, by, affinity) = (Algorithm::default(), None, None);
        Self { algorithm, by, affinity, slow_start: None, panic_percent: 1 }
    }
}

/// What is asked of the balancer.
pub struct Wanted<'a> {
    pub now: Instant,
    pub random: &'a Random,
    /// Of what the client is told apart by; `None` if it brought nothing of it.
    pub hash: Option<u64>,
    /// The endpoint that a cookie names.
    pub tag: Option<u64>,
    pub avoid: Avoid,
}

/// Endpoints that failed this request, the last ones: others are asked first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Avoid {
    endpoints: [u32; AVOIDED_MAX],
    count: u32,
}

/// Why there is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nobody {
    /// The cluster has none.
    Empty,
    /// None is well.
    Unhealthy,
}

/// One worker's turns.
#[derive(Default)]
pub struct State {
    candidates: Candidates,
    schedule: Schedule,
}

impl State {
    pub fn new(start: u32) -> Self {
        Self { schedule: Schedule::new(start), ..Self::default() }
    }

    /// Whether ill endpoints are chosen too, since too few are well.
    pub fn is_panicking(&self) -> bool {
        self.candidates.panic
    }
}

/// # Errors
/// There is nobody to be asked.
pub fn pick(local: &Local, wanted: &Wanted<'_>) -> Result<usize, Nobody> {
    match &local.turns {
        Some(turns) => choose(local, &mut turns.borrow_mut(), wanted),
        None if local.cluster.endpoints.is_empty() => Err(Nobody::Empty),
        None => Ok(0),
    }
}

fn choose(local: &Local, state: &mut State, wanted: &Wanted<'_>) -> Result<usize, Nobody> {
    let cluster = &*local.cluster;
    let traffic = cluster.traffic.as_ref().expect("a cluster with turns has what they take");
    let State { candidates, schedule } = state;
    if candidates.renew(cluster, traffic, wanted.now) {
        schedule.renew(candidates);
    }
    if candidates.is_empty() {
        let empty = cluster.endpoints.is_empty();
        return Err(if empty { Nobody::Empty } else { Nobody::Unhealthy });
    }
    let free = |endpoint: u32| candidates.takes(endpoint) && !wanted.avoid.has(endpoint);
    if let Some(kept) = wanted.tag.and_then(|tag| traffic.tiers.tagged(tag))
        && free(kept)
    {
        return Ok(kept as usize);
    }
    let tier = traffic.tiers.tier(candidates.tier);
    let hashed = || tier.and_then(|tier| tier.find(wanted.hash?, free));
    let chosen = match cluster.settings.balancing.algorithm {
        Algorithm::RoundRobin => schedule.next(free),
        Algorithm::Random => None,
        Algorithm::RingHash | Algorithm::Maglev => hashed(),
        Algorithm::PeakEwma => two(candidates, wanted, free, |endpoint| {
            expected(&local.seats[endpoint as usize], wanted.now)
                * candidates.load(endpoint, &local.seats)
        }),
        Algorithm::LeastRequest => {
            two(candidates, wanted, free, |endpoint| candidates.load(endpoint, &local.seats))
        }
    };
    Ok(chosen.unwrap_or_else(|| candidates.draw(wanted.random, free)) as usize)
}

/// The first of two by chance, unless the other is clearly better: by a hair it should not win, or
/// weights would count for nothing among equals.
fn two(
    candidates: &Candidates,
    wanted: &Wanted<'_>,
    free: impl Fn(u32) -> bool,
    cost: impl Fn(u32) -> f64,
) -> Option<u32> {
    let first = candidates.draw(wanted.random, &free);
    let other = candidates.draw(wanted.random, |endpoint| endpoint != first && free(endpoint));
    let better = other != first && free(other) && cost(other) < CLEARLY * cost(first);
    Some(if better { other } else { first })
}

/// How long an endpoint may take; one that nothing is known of is tried, by one request at a time.
fn expected(seat: &Seat, now: Instant) -> f64 {
    let known = seat.latency.at(now, LATENCY_DECAY);
    match known > 0.0 {
        true => known,
        false if seat.in_flight.get() == 0 => 0.0,
        false => UNKNOWN_NANOS,
    }
}

/// See `two`.
const CLEARLY: f64 = 0.8;
/// What an endpoint may take that has not answered its first request yet.
const UNKNOWN_NANOS: f64 = 1e9;

impl Avoid {
    pub fn add(&mut self, endpoint: usize) {
        self.endpoints[self.count as usize % AVOIDED_MAX] = endpoint as u32;
        self.count += 1;
    }

    pub fn has(&self, endpoint: u32) -> bool {
        self.endpoints[..(self.count as usize).min(AVOIDED_MAX)].contains(&endpoint)
    }
}

/// The tiers of a cluster, and where hashes lead in each.
#[derive(Debug, Default)]
pub struct Tiers {
    tiers: Box<[Tier]>,
    /// Endpoints by what a cookie calls them.
    tags: Box<[(u64, u32)]>,
}

#[derive(Debug)]
pub struct Tier {
    pub members: Box<[u32]>,
    places: Places,
}

#[derive(Debug)]
enum Places {
    None,
    Ring(ring_hash::Ring),
    Maglev(maglev::Table),
}

impl Tiers {
    pub fn compile(endpoints: &[Endpoint], algorithm: Algorithm) -> Self {
        let mut numbers: Vec<u32> = endpoints.iter().map(|endpoint| endpoint.tier).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let tier = |number: &u32| {
            let placed = (0u32..)
                .zip(endpoints)
                .filter(|(_, endpoint)| endpoint.tier == *number && endpoint.weight > 0);
            let members: Box<[u32]> = placed.map(|(place, _)| place).collect();
            let places = match algorithm {
                Algorithm::RingHash => Places::Ring(ring_hash::Ring::new(endpoints, &members)),
                Algorithm::Maglev => Places::Maglev(maglev::Table::new(endpoints, &members)),
                _ => Places::None,
            };
            Tier { members, places }
        };
        let tiers = numbers.iter().map(tier).filter(|tier| !tier.members.is_empty()).collect();
        let tags = (0u32..).zip(endpoints).map(|(place, endpoint)| (tag(endpoint), place));
        let mut tags: Box<[_]> = tags.collect();
        tags.sort_unstable();
        Self { tiers, tags }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Tier> {
        self.tiers.iter()
    }

    fn tier(&self, place: usize) -> Option<&Tier> {
        self.tiers.get(place)
    }

    fn tagged(&self, tag: u64) -> Option<u32> {
        let found = self.tags.binary_search_by_key(&tag, |(tag, _)| *tag);
        found.ok().map(|at| self.tags[at].1)
    }
}

impl Tier {
    /// Where a hash leads, past those that are not free.
    fn find(&self, hash: u64, free: impl Fn(u32) -> bool) -> Option<u32> {
        match &self.places {
            Places::None => None,
            Places::Ring(ring) => ring.find(hash, free),
            Places::Maglev(table) => table.find(hash, free),
        }
    }
}

/// What a cookie calls an endpoint: nothing that tells a client its address.
pub fn tag(endpoint: &Endpoint) -> u64 {
    hash(endpoint.name.as_bytes())
}

#[cfg(test)]
pub(crate) mod tests;
