//! A bind as workers need it: its listeners by host, their routes, what holds for all of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::tls::BindTls;
use crate::base::id::{Accepted, BindId, ClusterId, LabelsId};
use crate::http::Limits;
use crate::net::socket::Keepalive;
use crate::policy::Pipeline;
use crate::policy::log_fields::LogFields;
use crate::proto::{http2, proxy_protocol};
use crate::route::Table;
use crate::route::host::HostMap;
use crate::route::target::Target;
use crate::telemetry::labels::ListenerLabelsId;
use crate::upstream::credential::Auth;
use crate::upstream::retry::Retry;

use super::tcp::Passage;

pub struct Bind {
    pub id: BindId,
    /// `bind/8080`, as in the metrics. Unique: a reload finds the bind again by it.
    pub name: String,
    /// As configured; with port 0 the kernel picks one.
    pub address: SocketAddr,
    /// Listeners by host: an index into `listeners`.
    pub hosts: HostMap<u32>,
    pub listeners: Vec<Listener>,
    /// Of a bind that looks into nothing: then it has no `listeners`.
    pub passage: Option<Passage>,
    /// Clients begin with a handshake.
    pub tls: Option<Arc<BindTls>>,
    pub settings: Settings,
    /// Labels of connections, and of requests that no listener took.
    pub connection_labels: ListenerLabelsId,
    pub labels: LabelsId,
}

impl Bind {
    /// Whether a request for the listener at `place` may come by a connection that was accepted
    /// like this; see `BindTls::serves`. Without TLS there is nothing to get past.
    pub fn serves(&self, accepted: Option<Accepted>, place: u32) -> bool {
        match (&self.tls, accepted) {
            (Some(tls), Some(accepted)) => tls.serves(accepted, place),
            (None, None) => true,
            // The bind was another one when the connection came.
            _ => false,
        }
    }
}

pub struct Listener {
    pub name: String,
    pub table: Table,
    /// By `RouteId`.
    pub routes: Vec<Route>,
    /// Labels of requests that no route took.
    pub labels: LabelsId,
    /// What is done with them; those that a route takes have it in the route's own.
    pub pipeline: Pipeline,
}

pub struct Route {
    pub name: String,
    pub pipeline: Pipeline,
    pub target: Target,
    pub retry: Option<Box<Retry>>,
    /// By the backend's place: what is done once it is chosen.
    pub backends: Vec<Backend>,
    /// Routes that decide further, in the place of a target.
    pub group: Option<Box<Group>>,
    /// Where a share of the requests goes as well.
    pub mirror: Option<Mirror>,
    /// Labels with each backend of the target, in their order; then those without a backend.
    pub labels: Vec<LabelsId>,
}

/// Routes that another leads to. What that one does is resolved into each of them.
pub struct Group {
    pub table: Table,
    pub routes: Vec<Route>,
}

/// See `Route::mirror`.
pub struct Mirror {
    pub cluster: ClusterId,
    pub backend: Backend,
    /// Of all numbers that a random one may be: it is mirrored when it is none above this.
    pub share: u64,
}

/// One backend of a route.
pub struct Backend {
    /// Its own policies, if it has any; its edits of heads contain the route's.
    pub pipeline: Option<Pipeline>,
    /// A credential that is fetched, or signed with.
    pub auth: Option<Box<Auth>>,
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
    /// Of HTTP/2 connections.
    pub http2: http2::Settings,
    pub forwarded: Forwarded,
    /// Of downstream connections; none unless configured.
    pub keepalive: Option<Keepalive>,
    pub connections_per_worker_max: u32,
    /// Of all workers together.
    pub connections_max: u32,
    pub buffered_bytes_max: usize,
    /// Of all workers, being answered.
    pub requests_max: Option<u32>,
    pub access_log: bool,
    /// Which requests it has, and with what besides.
    pub log_fields: Option<Arc<LogFields>>,
    /// What the log has of a prompt, and of an answer of a model.
    pub prompt_bytes_logged: usize,
    pub completion_bytes_logged: usize,
    /// From the first byte of a connection to the end of its handshake.
    pub handshake_timeout: Duration,
    /// Handshakes under way.
    pub handshakes_per_worker_max: u32,
    /// The header of the PROXY protocol that connections begin with.
    pub proxy_header: Option<ProxyHeader>,
    pub connect: Connect,
}

/// See `Settings::proxy_header`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyHeader {
    pub accepted: proxy_protocol::Accepted,
    /// A connection without one is served too.
    pub optional: bool,
}

/// What becomes of a CONNECT request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connect {
    Deny,
    /// Its route's backend is at the other end of the tunnel.
    Route,
    /// The tunnel ends here, and the requests that come through it are the connection's next.
    Serve,
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
    /// `X-Forwarded-Client-Cert` is ours alone: nobody else's goes through.
    pub client_certificate: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestId {
    /// Keep the client's, make one when it has none.
    Keep,
    /// Always make one.
    Make,
    Off,
}
