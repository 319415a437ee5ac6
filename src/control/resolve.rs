//! Names of backends to addresses, off the workers.
//!
//! Names are looked up when a configuration is loaded and when it is reloaded; between the two the
//! answers stand. (Refreshing them by their time to live is not done here.) A name that cannot be
//! resolved does not refuse a configuration: DNS may be down for a moment, and all else should be
//! served. It keeps its last good answer, or has no address, and is reported.
//!
//! `Resolver` is owned by the control loop and remembers the last good answers; the look-ups run
//! beside it in a task of their own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::limits::{LOOKUP_MS_MAX, LOOKUPS_AT_ONCE_MAX};

/// A host by name, as a configuration gives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    pub host: String,
    pub port: u16,
}

/// The addresses of each name, in the order the resolver gave them; empty when it has none.
pub type Addresses = HashMap<Name, Vec<SocketAddr>>;

/// What the look-ups brought.
pub type Answers = Vec<(Name, Result<Vec<SocketAddr>, String>)>;

/// Last good answers, of the names in use.
#[derive(Debug, Default)]
pub struct Resolver {
    known: Addresses,
}

/// A name without a new answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    pub name: Name,
    pub why: String,
    /// It keeps the addresses it had.
    pub kept: bool,
}

impl Resolver {
    /// Takes new answers in; names that are not among them are forgotten.
    pub fn learn(&mut self, answers: Answers) -> (&Addresses, Vec<Unresolved>) {
        let mut old = std::mem::take(&mut self.known);
        let mut unresolved = Vec::new();
        for (name, answer) in answers {
            let addresses = match answer {
                Ok(addresses) => addresses,
                Err(why) => {
                    let kept = old.remove(&name).unwrap_or_default();
                    let (name, kept_any) = (name.clone(), !kept.is_empty());
                    unresolved.push(Unresolved { name, why, kept: kept_any });
                    kept
                }
            };
            self.known.insert(name, addresses);
        }
        (&self.known, unresolved)
    }
}

/// Looks all names up, some at a time, by the system's resolver (`/etc/hosts`, `resolv.conf`).
pub async fn look_up(names: Vec<Name>) -> Answers {
    let turns = Arc::new(Semaphore::new(LOOKUPS_AT_ONCE_MAX));
    let mut lookups = JoinSet::new();
    for name in names {
        let turns = Arc::clone(&turns);
        lookups.spawn(async move {
            let _turn = turns.acquire_owned().await;
            let answer = look_up_one(&name).await;
            (name, answer)
        });
    }
    lookups.join_all().await
}

async fn look_up_one(name: &Name) -> Result<Vec<SocketAddr>, String> {
    let limit = Duration::from_millis(LOOKUP_MS_MAX);
    let asked = tokio::net::lookup_host((name.host.as_str(), name.port));
    let mut addresses: Vec<SocketAddr> = match timeout(limit, asked).await {
        Err(_) => return Err(format!("no answer in {LOOKUP_MS_MAX} ms")),
        Ok(Err(error)) => return Err(error.to_string()),
        Ok(Ok(addresses)) => addresses.collect(),
    };
    // The system may give an address once per socket type.
    let mut seen = Vec::with_capacity(addresses.len());
    addresses.retain(|address| {
        let new = !seen.contains(address);
        seen.push(*address);
        new
    });
    if addresses.is_empty() { Err("it has no address".to_owned()) } else { Ok(addresses) }
}

#[cfg(test)]
mod tests;
