//! What this worker's buffers may hold, and memory given back while the process is short of it.
//! Looked at ten times a second, and whenever as much was taken as was allowed last: that is a part
//! of what was left, so that a storm of clients is met by a look before it has taken the rest.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::Worker;
use crate::base::clock::Instant;
use crate::snapshot::pressure::{self, Level};
use crate::telemetry::value::Gauge;

const EVERY: Duration = Duration::from_millis(100);
/// To give memory back takes some milliseconds: not at every look.
const RELEASE_EVERY: u32 = 5;
/// While nothing is left whoever asks would look: not more often than this.
const AGAIN_AFTER: Duration = Duration::from_millis(1);

pub async fn run(worker: Rc<Worker>) {
    let looking = Rc::downgrade(&worker);
    let refused = Cell::new(None);
    worker
        .resources
        .buffers
        .ask(move || looking.upgrade().map_or(usize::MAX, |worker| look_again(&worker, &refused)));
    let mut short = 0;
    loop {
        let resources = &worker.resources;
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

/// As much was taken as was allowed: looks whether more may be. `refused` is when the answer was no.
fn look_again(worker: &Worker, refused: &Cell<Option<Instant>>) -> usize {
    let resources = &worker.resources;
    let now = resources.clock.now();
    let just_now = |at: Instant| now.nanos_since(at) < AGAIN_AFTER.as_nanos() as u64;
    if refused.get().is_some_and(just_now) {
        return 0;
    }
    resources.shared.pressure.look();
    let allowed = allowed(worker);
    refused.set((resources.buffers.out_bytes() > allowed).then_some(now));
    allowed
}

/// What the other workers leave of the bytes that all buffers together may hold, and no more than
/// a step towards it, or all workers would take the same of it; and of the memory that is left
/// likewise.
fn allowed(worker: &Worker) -> usize {
    let resources = &worker.resources;
    let out = resources.buffers.out_bytes();
    resources.shard.gauge_set(Gauge::BuffersBytes, i64::try_from(out).unwrap_or(i64::MAX));
    let view = worker.view();
    let limits = view.snapshot.binds.iter().map(|bind| bind.settings.buffered_bytes_max);
    let Some(limit) = limits.min() else { return usize::MAX };
    let id = resources.worker;
    let shards = resources.shared.shards.all();
    let others = shards.iter().filter(|shard| shard.worker() != id);
    let held: i64 = others.map(|shard| shard.gauge(Gauge::BuffersBytes)).sum();
    let allowed = limit.saturating_sub(usize::try_from(held).unwrap_or(0));
    let step = pressure::step(allowed.saturating_sub(out), shards.len());
    let memory = &resources.shared.pressure;
    match (memory.level(), memory.step(shards.len())) {
        (Level::Full, _) => 0,
        (_, Some(left)) => allowed.min(out.saturating_add(step.min(left))),
        (_, None) => allowed.min(out.saturating_add(step)),
    }
}
