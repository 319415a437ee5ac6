//! `Cluster`: a set of interchangeable endpoints with their settings. Immutable, shared by all
//! workers, the same `Arc` over reloads that do not change it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::balance::{Balancing, Tiers};
use super::circuit;
use super::health::{Board, Health};
use super::outlier::Outlier;
use super::probe::Probe;
use crate::base::clock::Instant;
use crate::net::connect::Address;
use crate::net::socket::Keepalive;
use crate::net::tls::{self, Alpn, ClientConfig, ClientSettings, ServerName, SettingsError};
use crate::proto::{http2, proxy_protocol};
use crate::telemetry::labels::{ClusterLabelsId, EndpointLabelsId};

pub struct Cluster {
    /// As in the configuration; the `backend` label of the metrics.
    pub name: String,
    pub endpoints: Vec<Endpoint>,
    pub settings: Settings,
    /// Labels of the cluster's own metrics.
    pub labels: ClusterLabelsId,
    /// None where there is nothing to choose, to judge or to bound: a request pays nothing then.
    pub traffic: Option<Box<Traffic>>,
    /// Where the endpoints come from, of those that have names: they can come and go.
    pub sources: Vec<Source>,
}

/// What choosing and judging endpoints takes, beside the endpoints.
pub struct Traffic {
    pub board: Arc<Board>,
    pub tiers: Tiers,
}

/// One host of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A name with its port, that may stand for several addresses; `None` for one address.
    pub name: Option<(String, u16)>,
    /// The endpoint, or what all of the name's have in common.
    pub pattern: Endpoint,
}

impl Cluster {
    pub fn new(
        name: String,
        endpoints: Vec<Endpoint>,
        settings: Settings,
        labels: ClusterLabelsId,
    ) -> Self {
        let mut cluster =
            Self { name, endpoints, settings, labels, traffic: None, sources: Vec::new() };
        cluster.renew(Arc::default());
        cluster
    }

    /// Nothing that a connection depends on differs: connections can be kept.
    pub fn is_same(&self, other: &Self) -> bool {
        self.is_kin(other) && self.endpoints == other.endpoints && self.sources == other.sources
    }

    /// The same but for its endpoints.
    pub fn is_kin(&self, other: &Self) -> bool {
        self.name == other.name && self.settings == other.settings && self.labels == other.labels
    }

    /// Takes over what is known of the endpoints that `last` had too. Those that it had not begin
    /// slowly.
    pub fn succeed(&mut self, last: &Self, now: Instant) {
        for endpoint in &mut self.endpoints {
            match last.endpoints.iter().find(|known| known.name == endpoint.name) {
                Some(known) => endpoint.health = Arc::clone(&known.health),
                None => endpoint.health.joined(now),
            }
        }
        let board = last.traffic.as_ref().map(|traffic| Arc::clone(&traffic.board));
        self.renew(board.unwrap_or_default());
    }

    fn renew(&mut self, board: Arc<Board>) {
        let settings = &self.settings;
        let wanted = self.endpoints.len() > 1
            || settings.outlier.is_some()
            || settings.probe.is_some()
            || settings.circuit.is_some();
        self.traffic = wanted.then(|| {
            let tiers = Tiers::compile(&self.endpoints, settings.balancing.algorithm);
            Box::new(Traffic { board, tiers })
        });
    }
}

/// One address of a cluster.
#[derive(Clone)]
pub struct Endpoint {
    /// The address as text: `127.0.0.1:8080`, `unix:/run/app.sock`.
    pub name: String,
    pub address: Address,
    /// Whom a handshake asks for; there wherever the cluster has TLS.
    pub server_name: Option<ServerName<'static>>,
    /// Its share among the others of its tier; 0 takes no requests.
    pub weight: u32,
    /// Tiers of a higher number are for when the lower ones cannot.
    pub tier: u32,
    /// Labels of its metrics.
    pub labels: EndpointLabelsId,
    pub health: Arc<Health>,
}

impl Endpoint {
    pub fn new(name: String, address: Address) -> Self {
        Self {
            name,
            address,
            server_name: None,
            weight: 1,
            tier: 0,
            labels: EndpointLabelsId(0),
            health: Arc::default(),
        }
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.server_name == other.server_name
            && self.weight == other.weight
            && self.tier == other.tier
    }
}

impl Eq for Endpoint {}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, tier {})", self.name, self.weight, self.tier)
    }
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
    pub tls: Option<UpstreamTls>,
    pub http: HttpVersion,
    /// Of connections that speak HTTP/2.
    pub http2: http2::Settings,
    /// Requests of one worker that wait for a stream to one endpoint.
    pub streams_waiting_max: usize,
    /// What a connection begins with, in front of TLS: it says who the client is. So a connection
    /// is one client's, and is never pooled.
    pub proxy_header: Option<proxy_protocol::Version>,
    pub balancing: Balancing,
    pub outlier: Option<Outlier>,
    pub probe: Option<Probe>,
    pub circuit: Option<circuit::Limits>,
}

impl Settings {
    /// For tests, and as a place to begin: one second to connect, nothing else that is special.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self {
            connect_timeout: Duration::from_secs(1),
            keepalive: None,
            idle_timeout: Duration::from_secs(1),
            idle_per_worker_max: 1,
            tls: None,
            http: HttpVersion::Auto,
            http2: http2::Settings::default(),
            streams_waiting_max: 1,
            proxy_header: None,
            balancing: Balancing::default(),
            outlier: None,
            probe: None,
            circuit: None,
        }
    }
}

/// What is spoken with the endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    Http11,
    /// Without TLS by prior knowledge, RFC 9113 section 3.3.
    Http2,
    /// HTTP/2 for gRPC, which has no other; else what TLS settles, and HTTP/1.1 without.
    Auto,
}

/// What a connection is to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Http1,
    Http2,
    /// What the endpoint chooses of what is offered (ALPN).
    Either,
}

impl Settings {
    /// Configured, else gRPC means HTTP/2, else ALPN, else HTTP/1.1.
    pub fn wish(&self, is_upgrade: bool, is_grpc: impl FnOnce() -> bool) -> Wish {
        match self.http {
            // A connection that begins with who the client is has one client.
            _ if self.proxy_header.is_some() => Wish::Http1,
            HttpVersion::Http11 => Wish::Http1,
            HttpVersion::Http2 => Wish::Http2,
            HttpVersion::Auto if is_grpc() => Wish::Http2,
            HttpVersion::Auto => match &self.tls {
                // HTTP/2 has no upgrades: RFC 9113 section 8.6.
                Some(tls) if tls.offers_both && !is_upgrade => Wish::Either,
                _ => Wish::Http1,
            },
        }
    }
}

/// TLS to the endpoints. Equal if nothing in the settings differs.
#[derive(Clone)]
pub struct UpstreamTls {
    /// With the sessions that can be resumed: the same over reloads.
    config: Arc<ClientConfig>,
    /// The same for connections that are to speak HTTP/1.1, and HTTP/2.
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    /// An endpoint may choose between the two.
    offers_both: bool,
    /// What `config` was made of.
    pub settings: Arc<ClientSettings>,
}

impl UpstreamTls {
    /// # Errors
    /// What the settings ask for and cannot be had.
    pub fn new(settings: ClientSettings) -> Result<Self, SettingsError> {
        let config = tls::client_config(&settings)?;
        let offers = |alpn: Alpn| settings.alpn.iter().any(|name| **name == *alpn.name());
        let http1 = match offers(Alpn::H2) {
            true => tls::with_alpn(&config, Alpn::Http1),
            false => Arc::clone(&config),
        };
        let http2 = tls::with_alpn(&config, Alpn::H2);
        let offers_both = offers(Alpn::H2) && offers(Alpn::Http1);
        Ok(Self { config, http1, http2, offers_both, settings: Arc::new(settings) })
    }

    pub fn config(&self, wish: Wish) -> &Arc<ClientConfig> {
        match wish {
            Wish::Http1 => &self.http1,
            Wish::Http2 => &self.http2,
            Wish::Either => &self.config,
        }
    }
}

impl PartialEq for UpstreamTls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.settings, &other.settings) || self.settings == other.settings
    }
}

impl Eq for UpstreamTls {}

impl fmt::Debug for UpstreamTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamTls").finish_non_exhaustive()
    }
}
