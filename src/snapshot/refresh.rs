//! A snapshot in which some names have other addresses. Nothing is compiled: binds and routes are
//! those of the last one, and so are all clusters but the few that changed, which keep what is known
//! of the endpoints that stay.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Snapshot;
use crate::base::clock::Instant;
use crate::limits::ADDRESSES_PER_NAME_MAX;
use crate::net::connect::Address;
use crate::telemetry::labels::Registry;
use crate::upstream::cluster::{Cluster, Endpoint, Source};

/// The addresses of a name and port.
pub type Resolve<'a> = &'a dyn Fn(&str, u16) -> Vec<SocketAddr>;

/// None: nothing changed.
pub fn refresh(
    last: &Snapshot,
    resolve: Resolve<'_>,
    now: Instant,
    registry: &mut Registry,
) -> Option<Snapshot> {
    let mut changed = false;
    let mut renewed = |cluster: &Arc<Cluster>| match renew(cluster, resolve, now, registry) {
        Some(other) => {
            changed = true;
            Arc::new(other)
        }
        None => Arc::clone(cluster),
    };
    let clusters = last.clusters.iter().map(&mut renewed).collect();
    changed.then(|| Snapshot {
        version: last.version + 1,
        binds: last.binds.clone(),
        clusters,
        unhealthy: last.unhealthy.clone(),
        rate_limits: last.rate_limits.clone(),
        gradients: last.gradients.clone(),
        llms: last.llms.clone(),
        credentials: last.credentials.clone(),
        keys: Arc::clone(&last.keys),
        budgets: Arc::clone(&last.budgets),
        sources: last.sources.clone(),
        memory_bytes_max: last.memory_bytes_max,
    })
}

fn renew(
    last: &Cluster,
    resolve: Resolve<'_>,
    now: Instant,
    registry: &mut Registry,
) -> Option<Cluster> {
    if last.sources.is_empty() {
        return None;
    }
    let endpoints = endpoints(&last.sources, resolve);
    if endpoints == last.endpoints {
        return None;
    }
    let settings = last.settings.clone();
    let mut cluster = Cluster::new(last.name.clone(), endpoints, settings, last.labels);
    cluster.sources.clone_from(&last.sources);
    cluster.succeed(last, now);
    label(&mut cluster, registry);
    Some(cluster)
}

/// What the sources stand for. An address that two of them have counts once.
pub fn endpoints(sources: &[Source], resolve: Resolve<'_>) -> Vec<Endpoint> {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    let mut put = |endpoint: Endpoint| {
        if !endpoints.iter().any(|known| known.name == endpoint.name) {
            endpoints.push(endpoint);
        }
    };
    for source in sources {
        let Some((host, port)) = &source.name else {
            put(Endpoint { health: Arc::default(), ..source.pattern.clone() });
            continue;
        };
        for address in resolve(host, *port).into_iter().take(ADDRESSES_PER_NAME_MAX) {
            put(Endpoint {
                name: address.to_string(),
                address: Address::inet(address),
                health: Arc::default(),
                ..source.pattern.clone()
            });
        }
    }
    endpoints
}

/// Numbers for the metrics of endpoints, where there are some.
pub fn label(cluster: &mut Cluster, registry: &mut Registry) {
    if cluster.traffic.is_some() {
        for endpoint in &mut cluster.endpoints {
            endpoint.labels = registry.intern_endpoint(&cluster.name, &endpoint.name);
        }
    }
}

#[cfg(test)]
mod tests;
