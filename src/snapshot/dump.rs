//! A configuration and what was compiled of it, for people to read: `/config_dump`. Secrets are
//! left out by the types that hold them.

use serde_json::{Value, json};

use super::Snapshot;
use crate::config::Config;

pub fn dump(config: &Config, snapshot: &Snapshot) -> Value {
    let clusters = snapshot.clusters.iter().map(|cluster| {
        let endpoints = cluster.endpoints.iter().map(|endpoint| endpoint.name.as_str());
        json!({
            "name": cluster.name,
            "endpoints": endpoints.collect::<Vec<_>>(),
            "connectTimeoutMs": cluster.settings.connect_timeout.as_millis() as u64,
            "idleTimeoutMs": cluster.settings.idle_timeout.as_millis() as u64,
            "idlePerWorkerMax": cluster.settings.idle_per_worker_max,
            "keepalive": cluster.settings.keepalive.map(|keepalive| json!({
                "retries": keepalive.retries,
                "timeSeconds": keepalive.time.as_secs(),
                "intervalSeconds": keepalive.interval.as_secs(),
            })),
        })
    });
    let binds = snapshot.binds.iter().map(|bind| {
        let listeners = bind.listeners.iter().map(|listener| {
            let routes = listener.routes.iter().map(|route| route.name.as_str());
            json!({"name": listener.name, "routes": routes.collect::<Vec<_>>()})
        });
        json!({
            "name": bind.name,
            "address": bind.address.to_string(),
            "listeners": listeners.collect::<Vec<_>>(),
        })
    });
    json!({
        "config": serde_json::to_value(config).unwrap_or(Value::Null),
        "compiled": {
            "version": snapshot.version,
            "binds": binds.collect::<Vec<_>>(),
            "clusters": clusters.collect::<Vec<_>>(),
        },
    })
}

#[cfg(test)]
mod tests;
