//! Active checks: each endpoint that has one is asked now and then whether it is well. What comes of
//! it goes into the endpoint's `Health`, where all workers see it.
//!
//! `Prober` is owned by the control loop and knows the tasks that ask, one for each endpoint. They
//! go on over reloads that change nothing for them. Refuses to keep connections: that an endpoint
//! accepts one is part of what is asked.

mod ask;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::base::clock::Clock;
use crate::base::random::Random;
use crate::limits::PROBES_AT_ONCE_MAX;
use crate::net::tls::{ClientConfig, ClientSettings, ServerName};
use crate::proto::proxy_protocol::Version;
use crate::upstream::health::{Board, Health};
use crate::upstream::probe::Probe;

/// An endpoint that is to be checked.
#[derive(Clone, Debug)]
pub struct Checked {
    pub backend: String,
    pub endpoint: String,
    pub way: Way,
    pub probe: Probe,
    pub health: Arc<Health>,
    pub board: Arc<Board>,
    pub clock: Clock,
}

/// How an endpoint is reached: as requests reach it.
#[derive(Clone, Debug)]
pub struct Way {
    pub at: At,
    /// A header of the PROXY protocol goes first, which names nobody.
    pub header: Option<Version>,
    pub tls: Option<Secured>,
}

/// TLS to an endpoint.
#[derive(Clone)]
pub struct Secured {
    /// What `config` is made of: the same over reloads that change nothing.
    pub settings: Arc<ClientSettings>,
    pub config: Arc<ClientConfig>,
    pub name: ServerName<'static>,
}

impl fmt::Debug for Secured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secured").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Way {
    /// All that tells it from another, but for its place.
    fn key(&self) -> String {
        let settings = self.tls.as_ref().map(|tls| Arc::as_ptr(&tls.settings));
        format!("{:?} {settings:?} {:?}", self.header, self.tls)
    }
}

/// Where an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    Inet(SocketAddr),
    Unix(PathBuf),
}

impl At {
    /// From the name of an endpoint.
    pub fn parse(endpoint: &str) -> Option<Self> {
        match endpoint.strip_prefix("unix:") {
            Some(path) => Some(Self::Unix(PathBuf::from(path))),
            None => endpoint.parse().ok().map(Self::Inet),
        }
    }
}

#[derive(Debug)]
pub struct Prober {
    tasks: HashMap<Key, Task>,
    turns: Arc<Semaphore>,
}

/// The place of its health in memory, and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key(usize, String);

/// Asks until it is dropped.
#[derive(Debug)]
struct Task {
    asking: JoinHandle<()>,
    checked: Checked,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.asking.abort();
        self.checked.health.unchecked(&self.checked.board);
    }
}

impl Default for Prober {
    fn default() -> Self {
        Self { tasks: HashMap::new(), turns: Arc::new(Semaphore::new(PROBES_AT_ONCE_MAX)) }
    }
}

impl Prober {
    /// Checks these from now on, and no others.
    pub fn follow(&mut self, all: Vec<Checked>) {
        let mut last = std::mem::take(&mut self.tasks);
        for checked in all {
            let place = Arc::as_ptr(&checked.health) as usize;
            let key = Key(place, format!("{:?} {}", checked.probe, checked.way.key()));
            let task = last.remove(&key).unwrap_or_else(|| {
                let asking = ask_for_ever(checked.clone(), Arc::clone(&self.turns));
                Task { asking: tokio::spawn(asking), checked }
            });
            self.tasks.insert(key, task);
        }
    }

    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
}

async fn ask_for_ever(checked: Checked, turns: Arc<Semaphore>) {
    let random = Random::from_entropy();
    let probe = &checked.probe;
    let mut opinion = Opinion::default();
    // Not all at once, when many begin.
    sleep(share(probe.interval, probe.jitter_percent, &random)).await;
    loop {
        let turn = turns.acquire().await;
        let asked = timeout(probe.timeout, ask::ask(&checked.way, &probe.kind)).await;
        drop(turn);
        let result = asked.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        note(&checked, &mut opinion, result);
        sleep(probe.interval + share(probe.interval, probe.jitter_percent, &random)).await;
    }
}

/// Up to so many percent of a time, by chance.
fn share(of: Duration, percent: u32, random: &Random) -> Duration {
    of.mul_f64(f64::from(percent) / 100.0 * random.fraction())
}

fn note(checked: &Checked, opinion: &mut Opinion, result: Result<(), String>) {
    let (health, probe) = (&checked.health, &checked.probe);
    let count = if result.is_ok() { &health.checks_passed } else { &health.checks_failed };
    count.fetch_add(1, Relaxed);
    let news = opinion.after(result.is_ok(), probe.failures_needed, probe.passes_needed);
    let Some(is_up) = news else { return };
    if !health.checked(&checked.board, is_up, checked.clock.now()) {
        return;
    }
    let (backend, endpoint) = (&checked.backend, &checked.endpoint);
    match result {
        Ok(()) => tracing::info!(%backend, %endpoint, "the endpoint is well again"),
        Err(why) => tracing::warn!(%backend, %endpoint, "the endpoint fails its checks: {why}"),
    }
}

/// Results in a row.
#[derive(Debug, Default)]
struct Opinion {
    passes: u32,
    failures: u32,
}

impl Opinion {
    /// What is to be believed after one more result; `None` as long as that is not enough.
    fn after(&mut self, passed: bool, failures_needed: u32, passes_needed: u32) -> Option<bool> {
        if passed {
            (self.passes, self.failures) = (self.passes.saturating_add(1), 0);
            return (self.passes >= passes_needed).then_some(true);
        }
        (self.passes, self.failures) = (0, self.failures.saturating_add(1));
        (self.failures >= failures_needed).then_some(false)
    }
}

#[cfg(test)]
mod tests;
