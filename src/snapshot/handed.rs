//! What the process that takes the place of this one is told of a snapshot's state: how full its
//! rate limits are, and what sources did lately. As JSON, in a file of memory; found again by names,
//! so that a new configuration goes on with what it shares with the old one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Snapshot, sources};
use crate::base::clock::Instant;
use crate::base::gcra;
use crate::policy::rate_limit;

#[derive(Serialize, Deserialize)]
struct Handed {
    rate_limits: Vec<rate_limit::Saved>,
    sources: Option<sources::Saved>,
}

/// Reads the state.
///
/// # Errors
/// It cannot be written, which is a fault of ours.
pub fn save(snapshot: &Snapshot, now: Instant) -> Result<Vec<u8>, String> {
    let handed = Handed {
        rate_limits: snapshot.rate_limits.iter().map(|limit| limit.save(now)).collect(),
        sources: snapshot.sources.as_ref().map(|sources| sources.save(now)),
    };
    serde_json::to_vec(&handed).map_err(|error| error.to_string())
}

/// Goes on with a state that is `age` old. To be called before the snapshot is used.
///
/// # Errors
/// It is not understood: another version's. Everything begins anew then.
pub fn restore(
    snapshot: &Snapshot,
    state: &[u8],
    age: Duration,
    now: Instant,
) -> Result<(), String> {
    let handed: Handed = serde_json::from_slice(state).map_err(|error| error.to_string())?;
    let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
    let age = gcra::ticks(Instant::from_nanos(age));
    for limit in &snapshot.rate_limits {
        if let Some(saved) = handed.rate_limits.iter().find(|saved| saved.name == limit.name) {
            limit.restore(saved, age, now);
        }
    }
    if let (Some(sources), Some(saved)) = (&snapshot.sources, &handed.sources) {
        sources.restore(saved, age, now);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
