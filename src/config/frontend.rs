//! `frontendPolicies:`: how clients' connections are treated, on every bind.

use std::time::Duration;

use serde::Serialize;

use super::access_log::AccessLogPolicy;
use super::process::Keepalives;
use super::reader::{Cursor, Table};
use super::scalar;
use super::tls::{CipherSuite, KeyExchangeGroup, Negotiation, TlsVersion};
use crate::limits;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontendPolicies {
    pub http: FrontendHttp,
    pub tls: FrontendTls,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<FrontendTcp>,
    /// None: only on binds whose `tunnelProtocol` is `proxy`, by the defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    pub connect: Connect,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_log: Option<AccessLogPolicy>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontendHttp {
    /// What a policy that has to see a whole body may hold of it.
    pub max_buffer_size: usize,
    pub http1_max_headers: usize,
    /// How long a connection may wait for its next request. A head that has begun has
    /// `config.ringway.limits.headerTimeout`.
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub http1_idle_timeout: Duration,
    pub http1_header_case: HeaderCase,
    #[serde(flatten)]
    pub http2: FrontendHttp2,
    /// After it a connection ends behind the response under way.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub max_connection_duration: Option<Duration>,
}

/// The keys of `http` that begin with `http2`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FrontendHttp2 {
    /// What a client may send on one stream before it has to wait. None: it grows with use.
    #[serde(rename = "http2WindowSize", skip_serializing_if = "Option::is_none")]
    pub window_bytes: Option<usize>,
    /// The same, of all streams of a connection.
    #[serde(rename = "http2ConnectionWindowSize", skip_serializing_if = "Option::is_none")]
    pub connection_window_bytes: Option<usize>,
    /// What one frame of a client may hold.
    #[serde(rename = "http2FrameSize", skip_serializing_if = "Option::is_none")]
    pub frame_bytes: Option<usize>,
    /// None: `config.ringway.limits.headBytes`, which holds in any case.
    #[serde(rename = "http2MaxHeaderSize", skip_serializing_if = "Option::is_none")]
    pub header_bytes: Option<usize>,
    /// How often a connection is asked for a sign of life. None: never.
    #[serde(
        rename = "http2KeepaliveInterval",
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub keepalive_interval: Option<Duration>,
    /// How long it has to give one.
    #[serde(
        rename = "http2KeepaliveTimeout",
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub keepalive_timeout: Option<Duration>,
}

/// What holds for TLS of every listener. What it says goes before what a listener says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontendTls {
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub handshake_timeout: Duration,
    /// Of listeners of protocol HTTPS, in the order of preference.
    pub alpn: Vec<Alpn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_version: Option<TlsVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_version: Option<TlsVersion>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<CipherSuite>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_exchange_groups: Vec<KeyExchangeGroup>,
}

/// Protocols that we speak behind TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Alpn {
    #[serde(rename = "h2")]
    H2,
    #[serde(rename = "http/1.1")]
    Http11,
}

/// In front of every connection, on every bind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProxyProtocol {
    pub version: ProxyVersion,
    pub mode: ProxyMode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ProxyVersion {
    V1,
    #[default]
    V2,
    All,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ProxyMode {
    /// A connection without the header is closed.
    #[default]
    Strict,
    Optional,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Connect {
    pub mode: ConnectMode,
}

/// What becomes of a CONNECT request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ConnectMode {
    #[default]
    Deny,
    /// It is routed as others are.
    Route,
    /// It ends here, and what is in it is served.
    Tunnel,
}

/// Names go through as they were written; agentgateway's `lowercase` is not served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum HeaderCase {
    #[default]
    Preserve,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontendTcp {
    pub keepalives: Keepalives,
}

impl FrontendPolicies {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let policies = Self {
            http: table.or("http", FrontendHttp::default(), FrontendHttp::read),
            tls: table.or("tls", FrontendTls::default(), FrontendTls::read),
            tcp: table.maybe("tcp", FrontendTcp::read),
            proxy_protocol: table.renamed("proxyProtocol", "proxy", ProxyProtocol::read),
            connect: table.or("connect", Connect::default(), Connect::read),
            access_log: table.maybe("accessLog", AccessLogPolicy::read),
        };
        table.unsupported(&["networkAuthorization", "networkExtAuthz", "tracing"]);
        table.unsupported(&["logging"]);
        table.finish();
        Some(policies)
    }
}

impl FrontendHttp {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let default = Self::default();
        let mut table = cursor.table();
        let http = Self {
            max_buffer_size: table.or("maxBufferSize", default.max_buffer_size, |c| {
                scalar::read_bytes(c, 0..=limits::GATHERED_BYTES_CEILING)
            }),
            http1_max_headers: table.or("http1MaxHeaders", default.http1_max_headers, |c| {
                c.integer(1..=limits::FIELDS_CEILING as i128)
            }),
            http1_idle_timeout: table.or(
                "http1IdleTimeout",
                default.http1_idle_timeout,
                scalar::read_timeout,
            ),
            http1_header_case: table.or("http1HeaderCase", default.http1_header_case, |c| {
                c.word(&[("preserve", HeaderCase::Preserve)], &["lowercase"])
            }),
            http2: FrontendHttp2::of(&mut table),
            max_connection_duration: table.maybe("maxConnectionDuration", scalar::read_timeout),
        };
        table.finish();
        Some(http)
    }
}

impl Default for FrontendHttp {
    fn default() -> Self {
        Self {
            max_buffer_size: limits::BUFFERED_BODY_BYTES_MAX,
            http1_max_headers: limits::FIELDS_MAX,
            http1_idle_timeout: Duration::from_secs(limits::HTTP1_IDLE_TIMEOUT_SECONDS),
            http1_header_case: HeaderCase::Preserve,
            http2: FrontendHttp2::default(),
            max_connection_duration: None,
        }
    }
}

impl FrontendHttp2 {
    fn of(table: &mut Table<'_>) -> Self {
        let bytes = |range: std::ops::RangeInclusive<usize>| {
            move |c: &Cursor<'_>| scalar::read_bytes(c, range)
        };
        let most = limits::HTTP2_WINDOW_BYTES_CEILING;
        let http2 = Self {
            window_bytes: table
                .maybe("http2WindowSize", bytes(limits::HTTP2_WINDOW_BYTES_FLOOR..=most)),
            connection_window_bytes: table.maybe(
                "http2ConnectionWindowSize",
                bytes(limits::HTTP2_CONNECTION_WINDOW_BYTES_FLOOR..=most),
            ),
            frame_bytes: table.maybe(
                "http2FrameSize",
                bytes(limits::HTTP2_FRAME_BYTES_FLOOR..=limits::HTTP2_FRAME_BYTES_CEILING),
            ),
            header_bytes: table.maybe(
                "http2MaxHeaderSize",
                bytes(limits::HEAD_BYTES_FLOOR..=limits::HEAD_BYTES_CEILING),
            ),
            keepalive_interval: table.maybe("http2KeepaliveInterval", scalar::read_timeout),
            keepalive_timeout: table.maybe("http2KeepaliveTimeout", scalar::read_timeout),
        };
        if !table.has("http2KeepaliveInterval") {
            let message = "nothing is asked: http2KeepaliveInterval is not written";
            table.refuse("http2KeepaliveTimeout", message, None);
        }
        http2
    }

    /// How often a client is asked for a sign of life, and how long it has to give one.
    pub fn keepalive(&self) -> Option<(Duration, Duration)> {
        let timeout = Duration::from_secs(limits::HTTP2_KEEPALIVE_TIMEOUT_SECONDS);
        Some((self.keepalive_interval?, self.keepalive_timeout.unwrap_or(timeout)))
    }
}

impl FrontendTls {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let default = Self::default();
        let mut table = cursor.table();
        let tls = Self {
            handshake_timeout: table.or(
                "handshakeTimeout",
                default.handshake_timeout,
                scalar::read_timeout,
            ),
            alpn: table.list("alpn", Alpn::read).unwrap_or(default.alpn),
            min_version: table.maybe("minVersion", TlsVersion::read),
            max_version: table.maybe("maxVersion", TlsVersion::read),
            cipher_suites: table.list("cipherSuites", CipherSuite::read).unwrap_or_default(),
            key_exchange_groups: table
                .list("keyExchangeGroups", KeyExchangeGroup::read)
                .unwrap_or_default(),
        };
        table.finish();
        let noted = (tls.negotiation(), cursor.mark());
        cursor.session().note(|ledger| ledger.frontend_negotiation = Some(noted));
        Some(tls)
    }

    /// For `Negotiation::under`.
    pub fn negotiation(&self) -> Negotiation {
        Negotiation {
            min_version: self.min_version,
            max_version: self.max_version,
            cipher_suites: self.cipher_suites.clone(),
            key_exchange_groups: self.key_exchange_groups.clone(),
        }
    }
}

impl Default for FrontendTls {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(limits::TLS_HANDSHAKE_TIMEOUT_SECONDS),
            alpn: vec![Alpn::H2, Alpn::Http11],
            min_version: None,
            max_version: None,
            cipher_suites: Vec::new(),
            key_exchange_groups: Vec::new(),
        }
    }
}

impl Alpn {
    /// agentgateway writes them as lists of bytes.
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        if !cursor.is_list() {
            return cursor.word(&[("h2", Self::H2), ("http/1.1", Self::Http11)], &[]);
        }
        let bytes: Vec<u8> = cursor.list().iter().filter_map(|c| c.integer(0..=255)).collect();
        match bytes.as_slice() {
            b"h2" => Some(Self::H2),
            b"http/1.1" => Some(Self::Http11),
            _ => {
                cursor.fail_hint("not a protocol that is served", "one of h2, http/1.1");
                None
            }
        }
    }
}

impl ProxyProtocol {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let versions =
            [("v1", ProxyVersion::V1), ("v2", ProxyVersion::V2), ("all", ProxyVersion::All)];
        let modes = [("strict", ProxyMode::Strict), ("optional", ProxyMode::Optional)];
        let mut table = cursor.table();
        let proxy = Self {
            version: table.or("version", ProxyVersion::V2, |c| c.word(&versions, &[])),
            mode: table.or("mode", ProxyMode::Strict, |c| c.word(&modes, &[])),
        };
        table.finish();
        Some(proxy)
    }
}

impl Connect {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let modes = [
            ("deny", ConnectMode::Deny),
            ("route", ConnectMode::Route),
            ("tunnel", ConnectMode::Tunnel),
        ];
        let mut table = cursor.table();
        let mode = table.must("mode", |c| c.word(&modes, &[]));
        table.finish();
        Some(Self { mode: mode? })
    }
}

impl FrontendTcp {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let keepalives = table.must("keepalives", Keepalives::read);
        table.finish();
        Some(Self { keepalives: keepalives? })
    }
}
