//! Once a second: the time of day, old idle connections, the worker's gauges, a beat for control.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::Worker;
use super::mishap::Mishaps;
use crate::base::clock::Instant;
use crate::base::id::WorkerId;
use crate::bus::Pulse;
use crate::net::runtime;
use crate::proxy::lease;
use crate::snapshot::resources::Resources;
use crate::telemetry::labels::ClusterLabelsId;
use crate::telemetry::value::Gauge;
use crate::upstream::Local;

const EVERY: Duration = Duration::from_secs(1);

pub async fn run(worker: Rc<Worker>, id: WorkerId, pulse: Arc<Pulse>) {
    let mishaps = Mishaps::of(id);
    let mut idle_by_name = Vec::new();
    let at = worker.resources.clock.now();
    let mut last = Last { at, cpu_nanos: runtime::thread_cpu_nanos(), polls: worker.polls.get() };
    loop {
        pulse.beat();
        let resources = &worker.resources;
        resources.renew_time();
        worker.events.flush();
        reap(&worker, &mut idle_by_name);
        resources.wheel.sleep(EVERY).await;
        mishaps.look(&worker);
        measure(&worker, &mut last);
        if worker.parked.replace(0) >= RELEASE_FROM_PARKED {
            resources.buffers.trim();
            (worker.release_memory)();
        }
    }
}

/// The clocks and counts of the second before.
struct Last {
    at: Instant,
    cpu_nanos: u64,
    polls: u64,
}

/// How busy the worker was in the last second, and what waited for it.
///
/// Nothing counts what lies in the ring until the loop looks; but by Little's law it is as many
/// completions as come in the time by which the loop was late.
fn measure(worker: &Worker, last: &mut Last) {
    let resources = &worker.resources;
    let now = resources.clock.now();
    let (cpu_nanos, polls) = (runtime::thread_cpu_nanos(), worker.polls.get());
    let nanos = now.nanos_since(last.at).max(1);
    let busy = cpu_nanos.saturating_sub(last.cpu_nanos);
    let ppm = u128::from(busy) * 1_000_000 / u128::from(nanos);
    resources.shard.gauge_set(Gauge::BusyPpm, i64::try_from(ppm.min(1_000_000)).unwrap_or(0));
    let late = worker.late_nanos.replace(0).saturating_sub(LATE_NANOS_MIN);
    let waiting = u128::from(polls - last.polls) * u128::from(late) / u128::from(nanos);
    resources.shard.gauge_set(Gauge::QueueDepth, i64::try_from(waiting).unwrap_or(i64::MAX));
    *last = Last { at: now, cpu_nanos, polls };
}

/// So many connections that began to idle within a second freed memory worth giving back.
const RELEASE_FROM_PARKED: u32 = 64;

/// A loop that looks within so long is not late: a timer of the kernel is no more exact.
const LATE_NANOS_MIN: u64 = 1_000_000;

/// Closes upstream connections that idled for too long, or that the endpoint closed; counts those
/// that are left.
/// Clusters may share a name, such as two providers of one kind: `idle_by_name` is kept for that.
fn reap(worker: &Rc<Worker>, idle_by_name: &mut Vec<(u32, i64)>) {
    let view = worker.view();
    let resources = &view.resources;
    let now = resources.clock.now();
    idle_by_name.clear();
    for local in view.locals() {
        let mut idle = 0_i64;
        let idle_timeout = local.cluster.settings.idle_timeout;
        let lanes = local.shared.iter().map(|shared| &shared.idle);
        for pool in local.pools.iter().map(|pool| &**pool).chain(lanes) {
            let old = pool.reap(now, idle_timeout, &resources.buffers);
            if !old.is_empty() {
                lease::close_all(&view, old);
            }
            idle += pool.len() as i64;
        }
        local.shared.iter().for_each(|shared| shared.reap(now, idle_timeout));
        idle_by_name.push((local.cluster.labels.0, idle));
        tell_of_endpoints(local, resources);
    }
    idle_by_name.sort_unstable();
    for same in idle_by_name.chunk_by(|(one, _), (other, _)| one == other) {
        let labels = ClusterLabelsId(same[0].0);
        let idle = same.iter().map(|(_, idle)| idle).sum();
        resources.shard.cluster(labels).idle_connections.set(idle);
    }
}

/// What went to each endpoint in the last second, where there is a choice of them.
fn tell_of_endpoints(local: &Local, resources: &Resources) {
    if local.turns.is_none() {
        return;
    }
    for (endpoint, seat) in local.cluster.endpoints.iter().zip(&local.seats) {
        let series = resources.shard.endpoint(endpoint.labels);
        series.requests.add(seat.requests.take());
        series.failures.add(seat.failures.take());
        series.active_requests.set(i64::from(seat.in_flight.get()));
    }
}
