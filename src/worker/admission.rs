//! Ten times a second: what this worker's buffers may hold until the next look, and memory given
//! back while the process is short of it.

use std::rc::Rc;
use std::time::Duration;

use super::Worker;
use crate::snapshot::pressure::Level;
use crate::telemetry::value::Gauge;

const EVERY: Duration = Duration::from_millis(100);
/// To give memory back takes some milliseconds: not at every look.
const RELEASE_EVERY: u32 = 5;

pub async fn run(worker: Rc<Worker>) {
    let mut short = 0;
    loop {
        let resources = &worker.resources;
        let bytes = i64::try_from(resources.buffers.out_bytes()).unwrap_or(i64::MAX);
        resources.shard.gauge_set(Gauge::BuffersBytes, bytes);
        resources.buffers.allow(allowed(&worker));
        if resources.shared.pressure.level() == Level::Calm {
            short = 0;
        } else {
            if short % RELEASE_EVERY == 0 {
                resources.buffers.trim();
                (worker.release_memory)();
            }
            short += 1;
        }
        resources.wheel.sleep(EVERY).await;
    }
}

/// What the other workers leave of the bytes that all buffers together may hold; and no more than
/// a fair share of the memory that is left, or all workers would take the same of it.
fn allowed(worker: &Worker) -> usize {
    let view = worker.view();
    let limits = view.snapshot.binds.iter().map(|bind| bind.settings.buffered_bytes_max);
    let Some(limit) = limits.min() else { return usize::MAX };
    let resources = &worker.resources;
    let id = resources.worker;
    let shards = resources.shared.shards.all();
    let others = shards.iter().filter(|shard| shard.worker() != id);
    let held: i64 = others.map(|shard| shard.gauge(Gauge::BuffersBytes)).sum();
    let allowed = limit.saturating_sub(usize::try_from(held).unwrap_or(0));
    let pressure = &resources.shared.pressure;
    match (pressure.level(), pressure.share(shards.len())) {
        (Level::Full, _) => 0,
        (_, Some(share)) => allowed.min(resources.buffers.out_bytes().saturating_add(share)),
        (_, None) => allowed,
    }
}
