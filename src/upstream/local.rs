//! `Local`: one worker's half of a cluster: its pools, what is in flight, where its turns stand.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::balance::State;
use super::cluster::Cluster;
use super::pool::Pool;
use super::shared::Shared;
use crate::base::clock::Instant;
use crate::base::ewma::PeakEwma;
use crate::http::client::waiters::Waiters;
use crate::limits::LATENCY_DECAY;

pub struct Local {
    pub cluster: Arc<Cluster>,
    /// Idle HTTP/1.1 connections, by endpoint.
    pub pools: Box<[Rc<Pool>]>,
    /// HTTP/2 connections, by endpoint.
    pub shared: Box<[Rc<Shared>]>,
    /// What else there is of an endpoint.
    pub seats: Box<[Rc<Seat>]>,
    /// How the cluster's endpoints take turns; `None` where there is nothing to choose.
    pub turns: Option<RefCell<State>>,
    /// Requests that wait for the circuit to let them in.
    pub waiters: Rc<Waiters>,
    /// Requests under way that are retries.
    pub retries: Rc<Cell<u32>>,
}

/// What one worker knows of one endpoint.
#[derive(Default)]
pub struct Seat {
    /// No view has it any more: connections that come back are closed.
    pub retired: Cell<bool>,
    /// The version of the last view that has it.
    pub version: Cell<u64>,
    pub in_flight: Cell<u32>,
    /// From a request to the first byte of its answer.
    pub latency: PeakEwma,
    /// Since they were taken for the metrics.
    pub requests: Cell<u64>,
    pub failures: Cell<u64>,
}

impl Local {
    /// `start` sets the turns off from another endpoint on each worker, so that few requests do not
    /// all go to the first. What `last` has of the same endpoints goes on being used.
    pub fn new(cluster: Arc<Cluster>, start: u32, last: Option<&Self>) -> Self {
        let place = |index: usize| {
            let (wanted, last) = (&cluster.endpoints[index], last?);
            let same = last.cluster.endpoints.iter().position(|known| {
                known.name == wanted.name && known.server_name == wanted.server_name
            })?;
            Some((last, same))
        };
        let places: Vec<_> = (0..cluster.endpoints.len()).map(place).collect();
        let pool = |place: &Option<(&Self, usize)>| match place {
            Some((last, at)) => Rc::clone(&last.pools[*at]),
            None => Rc::default(),
        };
        let shared = |place: &Option<(&Self, usize)>| match place {
            Some((last, at)) => Rc::clone(&last.shared[*at]),
            None => Rc::default(),
        };
        let seat = |place: &Option<(&Self, usize)>| match place {
            Some((last, at)) => Rc::clone(&last.seats[*at]),
            None => Rc::default(),
        };
        Self {
            pools: places.iter().map(pool).collect(),
            shared: places.iter().map(shared).collect(),
            seats: places.iter().map(seat).collect(),
            turns: cluster.traffic.is_some().then(|| RefCell::new(State::new(start))),
            waiters: last.map_or_else(Rc::default, |last| Rc::clone(&last.waiters)),
            retries: last.map_or_else(Rc::default, |last| Rc::clone(&last.retries)),
            cluster,
        }
    }

    pub fn is_retired(&self, endpoint: usize) -> bool {
        self.seats[endpoint].retired.get()
    }

    /// Counts what goes to the endpoint, where that matters to anybody.
    pub fn begin(&self, endpoint: usize) -> Option<Turn> {
        self.turns.as_ref().map(|_| Turn::begin(&self.seats[endpoint]))
    }
}

impl Seat {
    /// An attempt was answered, or failed, after so long.
    pub fn observe(&self, now: Instant, took: Duration, failed: bool) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.latency.observe(now, nanos, LATENCY_DECAY);
        if failed {
            self.failures.set(self.failures.get() + 1);
        }
    }
}

/// Something under way to an endpoint, for as long as this lives.
pub struct Turn(Rc<Seat>);

impl Turn {
    fn begin(seat: &Rc<Seat>) -> Self {
        seat.in_flight.set(seat.in_flight.get() + 1);
        seat.requests.set(seat.requests.get() + 1);
        Self(Rc::clone(seat))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
    }
}
