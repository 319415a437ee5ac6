//! `Cluster`: a set of interchangeable endpoints with their settings. Immutable, shared by all
//! workers, the same `Arc` over reloads that do not change it.

use std::time::Duration;

use crate::net::connect::Address;
use crate::net::socket::Keepalive;
use crate::telemetry::labels::ClusterLabelsId;

pub struct Cluster {
    /// As in the configuration; the `backend` label of the metrics.
    pub name: String,
    pub endpoints: Vec<Endpoint>,
    pub settings: Settings,
    /// Labels of the cluster's own metrics.
    pub labels: ClusterLabelsId,
}

impl Cluster {
    /// Nothing that a connection depends on differs: connections can be kept.
    pub fn is_same(&self, other: &Self) -> bool {
        let names = |cluster: &Self| -> Vec<String> {
            cluster.endpoints.iter().map(|endpoint| endpoint.name.clone()).collect()
        };
        self.name == other.name
            && self.settings == other.settings
            && self.labels == other.labels
            && names(self) == names(other)
    }
}

/// One address of a cluster.
pub struct Endpoint {
    /// The address as text: `127.0.0.1:8080`, `unix:/run/app.sock`.
    pub name: String,
    pub address: Address,
}

/// How connections to the endpoints are opened and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub connect_timeout: Duration,
    pub keepalive: Option<Keepalive>,
    /// An idle connection is closed after so long.
    pub idle_timeout: Duration,
    /// Idle connections kept to each endpoint, by each worker.
    pub idle_per_worker_max: usize,
}
