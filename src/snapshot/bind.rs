//! A bind as workers need it: its listeners by host, their routes, what holds for all of them.

use std::net::SocketAddr;

use crate::base::id::{BindId, LabelsId};
use crate::http::Limits;
use crate::net::socket::Keepalive;
use crate::policy::Pipeline;
use crate::route::Table;
use crate::route::host::HostMap;
use crate::route::target::Target;
use crate::telemetry::labels::ListenerLabelsId;

pub struct Bind {
    pub id: BindId,
    /// `bind/8080`, as in the metrics. Unique: a reload finds the bind again by it.
    pub name: String,
    /// As configured; with port 0 the kernel picks one.
    pub address: SocketAddr,
    /// Listeners by host: an index into `listeners`.
    pub hosts: HostMap<u32>,
    pub listeners: Vec<Listener>,
    pub settings: Settings,
    /// Labels of connections, and of requests that no listener took.
    pub connection_labels: ListenerLabelsId,
    pub labels: LabelsId,
}

pub struct Listener {
    pub name: String,
    pub table: Table,
    /// By `RouteId`.
    pub routes: Vec<Route>,
    /// Labels of requests that no route took.
    pub labels: LabelsId,
}

pub struct Route {
    pub name: String,
    pub pipeline: Pipeline,
    pub target: Target,
    /// By the backend's place: what is done once it is chosen.
    pub backends: Vec<Backend>,
    /// Labels with each backend of the target, in their order; then those without a backend.
    pub labels: Vec<LabelsId>,
}

/// One backend of a route.
pub struct Backend {
    /// Its own policies, if it has any; its edits of heads contain the route's.
    pub pipeline: Option<Pipeline>,
    /// What it is called when the client names no host at all.
    pub name: Box<[u8]>,
    /// What Host it is asked for, where the client's is not kept: the backend's own name.
    pub authority: Option<Box<[u8]>>,
}

impl Route {
    /// Labels of a request that went to backend `index`, or to none.
    pub fn labels(&self, index: Option<usize>) -> LabelsId {
        let none = self.labels.len() - 1;
        self.labels[index.map_or(none, |index| index.min(none))]
    }
}

/// What holds for every connection of a bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub limits: Limits,
    pub forwarded: Forwarded,
    /// Of downstream connections; none unless configured.
    pub keepalive: Option<Keepalive>,
    pub connections_per_worker_max: u32,
    /// Of all workers together.
    pub connections_max: u32,
    pub buffered_bytes_max: usize,
    pub access_log: bool,
}

/// What an upstream is told of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// Keep what the client says of who is behind it, and append; else replace it.
    pub append: bool,
    /// With `append`: how many entries of the client's `X-Forwarded-For` are believed, from the
    /// right. 0 believes all.
    pub trusted_hops: u32,
    pub request_id: RequestId,
    pub via: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestId {
    /// Keep the client's, make one when it has none.
    Keep,
    /// Always make one.
    Make,
    Off,
}
