//! `config.ringway:`: what Ringway has and agentgateway does not: limits, what is said of the
//! client to the backend, where the access log goes, how workers run. A file without it behaves
//! as with agentgateway.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::admission::PerSource;
use super::budget::Budgets;
use super::dns::RingwayDns;
use super::process::LogFormat;
use super::reader::{Cursor, Table};
use super::scalar;
use crate::limits;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ringway {
    pub limits: Limits,
    pub forwarded: Forwarded,
    pub access_log: AccessLog,
    pub dns: RingwayDns,
    pub upgrade: Upgrade,
    /// What may be used of models, and where it is written down.
    #[serde(skip_serializing_if = "Budgets::is_default")]
    pub budgets: Budgets,
    pub driver: Driver,
    /// Whether each worker is bound to a core of its own.
    pub pin: bool,
}

/// The bounds that a user may move. `frontendPolicies.http` has two more: fields and idle time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    pub head_bytes: usize,
    pub target_bytes: usize,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub header_timeout: Duration,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub read_timeout: Duration,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub write_timeout: Duration,
    pub connections_per_worker: usize,
    pub connections: usize,
    pub pipelined_requests: u64,
    pub buffered_bytes: usize,
    /// What the process may take. None: all there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<usize>,
    /// Requests that are being answered. None: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_source: Option<PerSource>,
    /// Streams that a client may have open on one HTTP/2 connection.
    pub streams_per_connection: u32,
    /// TLS handshakes of clients under way.
    pub handshakes_per_worker: usize,
    /// A TCP connection on which nothing moves either way is closed after so long.
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub tcp_idle_timeout: Duration,
    /// Streams that we open on one HTTP/2 connection to an endpoint.
    pub upstream_streams_per_connection: u32,
    /// Requests of one worker that wait for such a stream, to one endpoint.
    pub upstream_streams_waiting: usize,
}

/// `X-Forwarded-*`, `X-Request-Id` and `Via` on requests to backends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forwarded {
    pub mode: ForwardedMode,
    /// Proxies in front of us that tell the truth: so many entries of `X-Forwarded-For`, from the
    /// right, are believed. Only with `append`.
    pub trusted_hops: u32,
    pub via: bool,
    pub request_id: RequestId,
    /// Whether `X-Forwarded-Client-Cert` says who the client is by its certificate.
    pub client_certificate: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ForwardedMode {
    /// What the client says of itself is dropped: right where clients connect directly.
    #[default]
    Replace,
    /// It is kept, and ours is added to it: right behind another proxy.
    Append,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RequestId {
    /// The client's, or one of ours if it sent none.
    #[default]
    Keep,
    Make,
    Off,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessLog {
    pub to: AccessLogTarget,
    pub format: LogFormat,
    /// What of the messages to models, and of their answers, is logged. 0: nothing.
    pub prompts: usize,
    pub completions: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccessLogTarget {
    #[default]
    Stdout,
    Off,
    /// Appended to, and opened anew on SIGHUP.
    File(PathBuf),
}

/// How a new process takes the place of this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// Where `ringway upgrade` finds the process. None: in the folder that systemd made for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
    /// The new process has so long until it serves.
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub timeout: Duration,
}

/// How a worker waits for sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Driver {
    /// io_uring where the kernel allows it.
    #[default]
    Auto,
    Uring,
    Epoll,
}

impl Ringway {
    pub fn read(cursor: &Cursor<'_>, format: LogFormat) -> Self {
        let default = Self::with_format(format);
        let mut table = cursor.table();
        let ringway = Self {
            limits: table.or("limits", default.limits, Limits::read),
            forwarded: table.or("forwarded", default.forwarded, Forwarded::read),
            access_log: table.or("accessLog", default.access_log, |c| AccessLog::read(c, format)),
            dns: table.or("dns", default.dns, RingwayDns::read),
            upgrade: table.or("upgrade", default.upgrade, Upgrade::read),
            budgets: table.or("budgets", default.budgets, Budgets::read),
            driver: table.or("driver", default.driver, |c| c.word(&Driver::WORDS, &[])),
            pin: table.or("pin", default.pin, Cursor::flag),
        };
        table.finish();
        ringway
    }

    /// The access log is written like the process log unless it says otherwise.
    pub fn with_format(format: LogFormat) -> Self {
        let access_log = AccessLog { format, ..AccessLog::default() };
        Self { access_log, ..Self::default() }
    }
}

impl Default for Ringway {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            forwarded: Forwarded::default(),
            access_log: AccessLog::default(),
            dns: RingwayDns::default(),
            upgrade: Upgrade::default(),
            budgets: Budgets::default(),
            driver: Driver::Auto,
            pin: true,
        }
    }
}

impl Upgrade {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let default = Self::default();
        let mut table = cursor.table();
        let upgrade = Self {
            socket: table.maybe("socket", |c| c.parsed(scalar::unix_path)),
            timeout: table.or("timeout", default.timeout, scalar::read_timeout),
        };
        table.finish();
        Some(upgrade)
    }
}

impl Default for Upgrade {
    fn default() -> Self {
        Self { socket: None, timeout: Duration::from_secs(limits::UPGRADE_TIMEOUT_SECONDS) }
    }
}

impl Limits {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let default = Self::default();
        let mut table = cursor.table();
        let connections = |c: &Cursor<'_>| c.integer(1..=limits::CONNECTIONS_CEILING as i128);
        let streams =
            |c: &Cursor<'_>| c.integer(1..=i128::from(limits::STREAMS_PER_CONNECTION_CEILING));
        let (memory_bytes, buffered_bytes) = read_memory(&mut table, default.buffered_bytes);
        let limits = Self {
            head_bytes: table.or("headBytes", default.head_bytes, |c| {
                scalar::read_bytes(c, limits::HEAD_BYTES_FLOOR..=limits::HEAD_BYTES_CEILING)
            }),
            target_bytes: table.or("targetBytes", default.target_bytes, |c| {
                scalar::read_bytes(c, limits::TARGET_BYTES_FLOOR..=limits::HEAD_BYTES_CEILING)
            }),
            header_timeout: table.or("headerTimeout", default.header_timeout, scalar::read_timeout),
            read_timeout: table.or("readTimeout", default.read_timeout, scalar::read_timeout),
            write_timeout: table.or("writeTimeout", default.write_timeout, scalar::read_timeout),
            connections_per_worker: table.or(
                "connectionsPerWorker",
                default.connections_per_worker,
                connections,
            ),
            connections: table.or("connections", default.connections, connections),
            pipelined_requests: table.or("pipelinedRequests", default.pipelined_requests, |c| {
                c.integer(1..=i128::from(u32::MAX))
            }),
            memory_bytes,
            requests: table
                .maybe("requests", |c| c.integer(1..=limits::CONNECTIONS_CEILING as i128)),
            per_source: table.maybe("perSource", PerSource::read),
            buffered_bytes,
            streams_per_connection: table.or(
                "streamsPerConnection",
                default.streams_per_connection,
                streams,
            ),
            handshakes_per_worker: table.or(
                "handshakesPerWorker",
                default.handshakes_per_worker,
                connections,
            ),
            tcp_idle_timeout: table.or(
                "tcpIdleTimeout",
                default.tcp_idle_timeout,
                scalar::read_timeout,
            ),
            upstream_streams_per_connection: table.or(
                "upstreamStreamsPerConnection",
                default.upstream_streams_per_connection,
                streams,
            ),
            upstream_streams_waiting: table.or(
                "upstreamStreamsWaiting",
                default.upstream_streams_waiting,
                |c| c.integer(0..=limits::UPSTREAM_STREAMS_WAITING_CEILING as i128),
            ),
        };
        if limits.target_bytes > limits.head_bytes {
            table.fail("targetBytes is more than headBytes, which the target is part of");
        }
        table.elsewhere(&[
            ("fields", "frontendPolicies.http.http1MaxHeaders"),
            ("keepAliveTimeout", "frontendPolicies.http.http1IdleTimeout"),
            ("handshakeTimeout", "frontendPolicies.tls.handshakeTimeout"),
            ("requestTimeout", "policies.timeout.requestTimeout of a route"),
        ]);
        table.finish();
        Some(limits)
    }
}

/// What the process may take, and what of it the buffers may hold.
fn read_memory(table: &mut Table<'_>, buffered_bytes: usize) -> (Option<usize>, usize) {
    let memory_bytes = table.maybe("memoryBytes", |c| {
        scalar::read_bytes(c, limits::MEMORY_BYTES_FLOOR..=limits::BUFFERED_BYTES_CEILING)
    });
    let default = memory_bytes.map_or(buffered_bytes, |all| buffered_bytes.min(all / 2));
    let buffered_bytes = table.or("bufferedBytes", default, |c| {
        scalar::read_bytes(c, limits::BUFFERED_BYTES_FLOOR..=limits::BUFFERED_BYTES_CEILING)
    });
    if memory_bytes.is_some_and(|all| buffered_bytes > all) {
        table.fail("bufferedBytes is more than memoryBytes, which the buffers are part of");
    }
    (memory_bytes, buffered_bytes)
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: limits::HEAD_BYTES_MAX,
            target_bytes: limits::TARGET_BYTES_MAX,
            header_timeout: Duration::from_secs(limits::HEADER_TIMEOUT_SECONDS),
            read_timeout: Duration::from_secs(limits::READ_TIMEOUT_SECONDS),
            write_timeout: Duration::from_secs(limits::WRITE_TIMEOUT_SECONDS),
            connections_per_worker: limits::CONNECTIONS_PER_WORKER_MAX,
            connections: limits::CONNECTIONS_MAX,
            pipelined_requests: limits::REQUESTS_PER_CONNECTION_MAX,
            buffered_bytes: limits::BUFFERED_BYTES_MAX,
            memory_bytes: None,
            requests: None,
            per_source: None,
            streams_per_connection: limits::STREAMS_PER_CONNECTION_MAX,
            handshakes_per_worker: limits::HANDSHAKES_PER_WORKER_MAX,
            tcp_idle_timeout: Duration::from_secs(limits::TCP_IDLE_TIMEOUT_SECONDS),
            upstream_streams_per_connection: limits::UPSTREAM_STREAMS_PER_CONNECTION_MAX,
            upstream_streams_waiting: limits::UPSTREAM_STREAMS_WAITING_MAX,
        }
    }
}

impl Forwarded {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let modes = [("replace", ForwardedMode::Replace), ("append", ForwardedMode::Append)];
        let ids = [("keep", RequestId::Keep), ("make", RequestId::Make), ("off", RequestId::Off)];
        let hops = |c: &Cursor<'_>| c.integer(0..=i128::from(limits::TRUSTED_HOPS_MAX));
        let trusted_hops = table.or("trustedHops", 0, hops);
        // Who trusts somebody wants to hear what he says.
        let implied = match trusted_hops {
            0 => ForwardedMode::Replace,
            _ => ForwardedMode::Append,
        };
        let forwarded = Self {
            mode: table.or("mode", implied, |c| c.word(&modes, &[])),
            trusted_hops,
            via: table.or("via", false, Cursor::flag),
            request_id: table.or("requestId", RequestId::Keep, |c| c.word(&ids, &[])),
            client_certificate: table.or("clientCertificate", false, Cursor::flag),
        };
        if trusted_hops > 0 && forwarded.mode == ForwardedMode::Replace {
            table.fail("trustedHops trusts what mode: replace drops");
        }
        table.finish();
        Some(forwarded)
    }
}

impl AccessLog {
    fn read(cursor: &Cursor<'_>, format: LogFormat) -> Option<Self> {
        let mut table = cursor.table();
        let messages =
            |c: &Cursor<'_>| scalar::read_bytes(c, 0..=limits::LOG_MESSAGES_BYTES_CEILING);
        let access_log = Self {
            to: table.or("to", AccessLogTarget::Stdout, AccessLogTarget::read),
            format: table.or("format", format, LogFormat::read),
            prompts: table.or("prompts", 0, messages),
            completions: table.or("completions", 0, messages),
        };
        table.finish();
        Some(access_log)
    }
}

impl AccessLogTarget {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        if cursor.is_text() {
            return cursor.word(&[("stdout", Self::Stdout), ("off", Self::Off)], &[]);
        }
        let mut table = cursor.table();
        let file = table.must("file", scalar::read_path);
        table.finish();
        file.map(Self::File)
    }
}

impl Serialize for AccessLogTarget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Stdout => serializer.serialize_str("stdout"),
            Self::Off => serializer.serialize_str("off"),
            Self::File(file) => serializer.collect_map([("file", file)]),
        }
    }
}

impl Driver {
    const WORDS: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("uring", Self::Uring), ("epoll", Self::Epoll)];

    /// For `RINGWAY_DRIVER`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let found = Self::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, driver)| *driver).ok_or_else(|| format!("`{text}` is no driver"))
    }
}
