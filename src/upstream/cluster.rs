//! `Cluster`: a set of interchangeable endpoints with their settings. Immutable, shared by all
//! workers, the same `Arc` over reloads that do not change it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::net::connect::Address;
use crate::net::socket::Keepalive;
use crate::net::tls::{self, Alpn, ClientConfig, ClientSettings, ServerName, SettingsError};
use crate::proto::{http2, proxy_protocol};
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
        let same = |(one, other): (&Endpoint, &Endpoint)| {
            one.name == other.name && one.server_name == other.server_name
        };
        self.name == other.name
            && self.settings == other.settings
            && self.labels == other.labels
            && self.endpoints.len() == other.endpoints.len()
            && self.endpoints.iter().zip(&other.endpoints).all(same)
    }
}

/// One address of a cluster.
pub struct Endpoint {
    /// The address as text: `127.0.0.1:8080`, `unix:/run/app.sock`.
    pub name: String,
    pub address: Address,
    /// Whom a handshake asks for; there wherever the cluster has TLS.
    pub server_name: Option<ServerName<'static>>,
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
