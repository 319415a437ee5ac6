//! What is known of endpoints, for people and for metrics: names, health, what is open to them.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};

use crate::base::clock::{Clock, Instant};
use crate::control::health::{At, Checked, Secured, Way};
use crate::net::tls;
use crate::snapshot::Snapshot;
use crate::telemetry::merge::{CircuitMetric, EndpointMetric};
use crate::upstream::circuit::Gate;
use crate::upstream::cluster::{Cluster, Endpoint, UpstreamTls, Wish};
use crate::upstream::probe::Kind;

/// `/clusters`.
pub(super) fn list(snapshot: &Snapshot, now: Instant) -> Value {
    let clusters: Vec<_> =
        snapshot.clusters.iter().map(|cluster| of_cluster(cluster, now)).collect();
    json!({ "version": snapshot.version, "clusters": clusters })
}

fn of_cluster(cluster: &Cluster, now: Instant) -> Value {
    let endpoints: Vec<_> = cluster.endpoints.iter().map(|one| of_endpoint(one, now)).collect();
    let names = cluster.sources.iter().filter_map(|source| source.name.as_ref());
    json!({
        "name": cluster.name,
        "algorithm": format!("{:?}", cluster.settings.balancing.algorithm),
        "names": names.map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>(),
        "endpoints": endpoints,
        "circuit": circuits(cluster).into_iter().map(|one| json!({
            "limit": one.limit,
            "taken": one.taken,
            "most": one.most,
        })).collect::<Vec<_>>(),
    })
}

fn of_endpoint(endpoint: &Endpoint, now: Instant) -> Value {
    let health = &endpoint.health;
    let left = health.ejected_until().nanos_since(now) / 1_000_000;
    json!({
        "address": endpoint.name,
        "weight": endpoint.weight,
        "priority": endpoint.tier,
        "state": match (health.is_down(), health.is_ejected(now)) {
            (true, _) => "failing checks",
            (false, true) => "ejected",
            (false, false) => "healthy",
        },
        "ejectedForMs": left,
        "ejections": health.ejections(),
        "checksPassed": health.checks_passed.load(Relaxed),
        "checksFailed": health.checks_failed.load(Relaxed),
    })
}

/// Those that are to be checked.
pub(super) fn probes(snapshot: &Snapshot, clock: &Clock) -> Vec<Checked> {
    let mut all = Vec::new();
    for cluster in &snapshot.clusters {
        let (Some(probe), Some(traffic)) = (&cluster.settings.probe, &cluster.traffic) else {
            continue;
        };
        let secure = |tls: &UpstreamTls| {
            let wish = match probe.kind {
                Kind::Http(_) => Wish::Http1,
                Kind::Grpc(_) => Wish::Http2,
                // Nothing is said: what is offered is what connections of requests offer.
                Kind::Tcp => Wish::Either,
            };
            tls::without_sessions(tls.config(wish))
        };
        let secure = cluster.settings.tls.as_ref().map(|tls| (tls, secure(tls)));
        let secured = |endpoint: &Endpoint| {
            let (tls, config) = secure.as_ref()?;
            let (settings, config) = (Arc::clone(&tls.settings), Arc::clone(config));
            Some(Secured { settings, config, name: endpoint.server_name.clone()? })
        };
        let checked = |endpoint: &Endpoint| {
            let way = Way {
                at: At::parse(&endpoint.name)?,
                header: cluster.settings.proxy_header,
                tls: secured(endpoint),
            };
            Some(Checked {
                backend: cluster.name.clone(),
                endpoint: endpoint.name.clone(),
                way,
                probe: probe.clone(),
                health: Arc::clone(&endpoint.health),
                board: Arc::clone(&traffic.board),
                clock: clock.clone(),
            })
        };
        all.extend(cluster.endpoints.iter().filter_map(checked));
    }
    all
}

pub(super) fn metrics(snapshot: &Snapshot, now: Instant) -> Vec<EndpointMetric> {
    // Where there is nothing to choose, there is nothing to tell.
    let clusters = snapshot.clusters.iter().filter(|cluster| cluster.traffic.is_some());
    let metric = |cluster: &Cluster, endpoint: &Endpoint| {
        let health = &endpoint.health;
        let checks = || {
            let load = |count: &AtomicU32| u64::from(count.load(Relaxed));
            (load(&health.checks_passed), load(&health.checks_failed))
        };
        EndpointMetric {
            backend: cluster.name.clone(),
            endpoint: endpoint.name.clone(),
            is_healthy: health.is_usable(now),
            ejections: u64::from(health.ejections()),
            spared: u64::from(health.spared()),
            checks: cluster.settings.probe.is_some().then(checks),
        }
    };
    clusters
        .flat_map(|cluster| cluster.endpoints.iter().map(move |one| metric(cluster, one)))
        .collect()
}

pub(super) fn circuit_metrics(snapshot: &Snapshot) -> Vec<CircuitMetric> {
    snapshot.clusters.iter().flat_map(|cluster| circuits(cluster)).collect()
}

fn circuits(cluster: &Cluster) -> Vec<CircuitMetric> {
    let (Some(limits), Some(traffic)) = (&cluster.settings.circuit, &cluster.traffic) else {
        return Vec::new();
    };
    let board = &traffic.board;
    let rows = [
        ("connections", &board.connections, limits.connections_max),
        ("requests", &board.requests, limits.requests_max),
        ("waiting", &board.waiting, Some(limits.waiting_max)),
    ];
    let row = |(place, (limit, gate, most)): (usize, (_, &Gate, Option<u32>))| {
        Some(CircuitMetric {
            backend: cluster.name.clone(),
            limit,
            taken: u64::from(gate.taken()),
            most: u64::from(most?),
            // Counted once for the backend.
            rejected: if place == 2 { u64::from(board.rejected.load(Relaxed)) } else { 0 },
        })
    };
    rows.into_iter().enumerate().filter_map(row).collect()
}
