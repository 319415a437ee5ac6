//! Label values that form closed sets: enums, so that a worker counts by index and a wrong word
//! cannot be written.

macro_rules! values {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            pub const COUNT: usize = Self::ALL.len();

            /// As it stands in a label or a log line.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            pub const fn index(self) -> usize {
                self as usize
            }

            pub fn from_index(index: usize) -> Option<Self> {
                Self::ALL.get(index).copied()
            }
        }
    )+};
}

values! {
    /// A request method: the standard ones by name; the rest share a word, as a client may invent
    /// any number of them.
    MethodLabel {
        Get = "GET",
        Head = "HEAD",
        Post = "POST",
        Put = "PUT",
        Delete = "DELETE",
        Connect = "CONNECT",
        Options = "OPTIONS",
        Trace = "TRACE",
        Patch = "PATCH",
        Other = "other",
        // A TCP connection has none.
        None = "unknown",
    }

    /// Who decided how the request ends.
    Reason {
        Upstream = "Upstream",
        DirectResponse = "DirectResponse",
        NotFound = "NotFound",
        NoHealthyBackend = "NoHealthyBackend",
        Internal = "Internal",
        InvalidRequest = "InvalidRequest",
        JwtAuth = "JwtAuth",
        Oidc = "Oidc",
        BasicAuth = "BasicAuth",
        ApiKeyAuth = "APIKeyAuth",
        ExtAuth = "ExtAuth",
        Authorization = "Authorization",
        Timeout = "Timeout",
        ExtProc = "ExtProc",
        RateLimit = "RateLimit",
        Guardrail = "Guardrail",
        Mcp = "MCP",
        UpstreamFailure = "UpstreamFailure",
    }

    /// What a request line said; nothing for what has none.
    HttpVersion {
        None = "",
        Http10 = "HTTP/1.0",
        Http11 = "HTTP/1.1",
        Http2 = "HTTP/2.0",
    }

    /// What an upstream connection is made of.
    Transport {
        Plaintext = "plaintext",
        Tls = "tls",
    }

    /// A bound that was reached, and said no.
    Limit {
        HeadBytes = "head_bytes",
        Fields = "fields",
        TargetBytes = "target_bytes",
        BodyBytes = "body_bytes",
        TrailerBytes = "trailer_bytes",
        ConnectionsWorker = "connections_worker",
        Connections = "connections",
        PipelinedRequests = "pipelined_requests",
        BufferedBytes = "buffered_bytes",
        UpstreamConnections = "upstream_connections",
        UpstreamStreamsWaiting = "upstream_streams_waiting",
        // Of a backend: connections, requests, requests that wait.
        Circuit = "circuit",
        RequestsPerConnection = "requests_per_connection",
        Coders = "coders",
        Memory = "memory",
        Requests = "requests",
        SourceRequests = "source_requests",
        Concurrency = "concurrency",
    }

    /// What a body was coded in.
    ContentCoding {
        Brotli = "br",
        Zstd = "zstd",
        Gzip = "gzip",
    }

    /// Why a stream was reset, by either side: the codes of RFC 9113 section 7, in
    /// their order.
    StreamReset {
        NoError = "no_error",
        ProtocolError = "protocol_error",
        InternalError = "internal_error",
        FlowControlError = "flow_control_error",
        SettingsTimeout = "settings_timeout",
        StreamClosed = "stream_closed",
        FrameSizeError = "frame_size_error",
        RefusedStream = "refused_stream",
        Cancel = "cancel",
        CompressionError = "compression_error",
        ConnectError = "connect_error",
        EnhanceYourCalm = "enhance_your_calm",
        InadequateSecurity = "inadequate_security",
        Http11Required = "http_1_1_required",
        Unknown = "unknown",
    }

    /// A deadline that passed.
    Timeout {
        Head = "head",
        Body = "body",
        Idle = "idle",
        Request = "request",
        Attempt = "attempt",
        Connect = "connect",
        Write = "write",
        TlsHandshake = "tls_handshake",
        Tunnel = "tunnel",
        Drain = "drain",
        ProxyHeader = "proxy_header",
        TcpIdle = "tcp_idle",
    }

    /// What a connection is busy with; to cut one that idles is no loss.
    Work {
        Idle = "idle",
        Request = "request",
        // Behind a CONNECT or an upgrade.
        Tunnel = "tunnel",
        Tcp = "tcp",
    }

    /// Why a connection was closed before anything was served on it.
    Refusal {
        ProxyHeaderMissing = "proxy_header_missing",
        ProxyHeaderMalformed = "proxy_header_malformed",
        ProxyHeaderCut = "proxy_header_cut",
        ProxyHeaderSlow = "proxy_header_slow",
        HelloNotTls = "hello_not_tls",
        HelloMalformed = "hello_malformed",
        HelloOversized = "hello_oversized",
        HelloCut = "hello_cut",
        HelloSlow = "hello_slow",
        // No listener and no route has the name that the client asks for.
        UnknownName = "unknown_name",
        // As many as may be under way on a worker.
        Handshakes = "handshakes",
        SourceConnections = "source_connections",
        SourceRate = "source_rate",
    }

    /// Why a TLS handshake with a client failed.
    HandshakeFault {
        NotTls = "not_tls",
        Malformed = "malformed",
        NoSharedVersion = "no_shared_version",
        NoSharedCipher = "no_shared_cipher",
        NoSharedProtocol = "no_shared_protocol",
        CertificateMissing = "certificate_missing",
        CertificateExpired = "certificate_expired",
        CertificateNotYetValid = "certificate_not_yet_valid",
        CertificateUnknownIssuer = "certificate_unknown_issuer",
        CertificateWrongName = "certificate_wrong_name",
        CertificateWrongPurpose = "certificate_wrong_purpose",
        CertificateRevoked = "certificate_revoked",
        CertificateBadSignature = "certificate_bad_signature",
        CertificateMalformed = "certificate_malformed",
        UnknownName = "unknown_name",
        Alert = "alert",
        Oversized = "oversized",
        Closed = "closed",
        Slow = "slow",
        Internal = "internal",
    }

    /// Counters that a worker has one of.
    Counter {
        DrainedConnections = "ringway_drained_connections_total",
        AccessRecordsDropped = "ringway_access_records_dropped_total",
        Panics = "ringway_panics_total",
        AcceptErrors = "ringway_accept_errors_total",
        Http2Malformed = "ringway_http2_malformed_requests_total",
        Http2ConnectionErrors = "ringway_http2_connection_errors_total",
        Http2Floods = "ringway_http2_floods_total",
        RateLimitAdmitted = "ringway_rate_limit_admitted_total",
        RateLimitRefused = "ringway_rate_limit_refused_total",
        RateLimitEvictions = "ringway_rate_limit_evictions_total",
        Mirrored = "ringway_mirrored_requests_total",
        MirrorsDropped = "ringway_mirror_drops_total",
        Hedges = "ringway_hedges_total",
        HedgesWon = "ringway_hedges_won_total",
        ExpressionFailures = "ringway_expression_failures_total",
    }

    /// Gauges that a worker has one of. All are summed over the workers, the busy share excepted.
    Gauge {
        ActiveRequests = "ringway_active_requests",
        AliveTasks = "ringway_num_alive_tasks",
        QueueDepth = "ringway_global_queue_depth",
        BuffersBytes = "ringway_buffers_bytes",
        Http2Streams = "ringway_http2_streams_active",
        // In parts per million, as gauges are whole numbers.
        BusyPpm = "ringway_worker_busy_ratio",
    }

    /// Histograms that a worker has one of.
    WorkerHistogram {
        LoopLatency = "ringway_worker_loop_latency_seconds",
    }
}

/// A status as a label: the code itself, or its class alone when a table is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusLabel(u16);

impl StatusLabel {
    /// Fits the ten bits that the status has in a series' key.
    pub const MAX: u16 = 1023;

    pub const fn code(status: u16) -> Self {
        Self(if status < CLASS_BASE { status } else { 0 })
    }

    /// `5xx` for 503, which `status=~"5.."` still finds.
    pub const fn class_of(status: u16) -> Self {
        let class = status / 100;
        Self(CLASS_BASE + if class < CLASSES { class } else { 0 })
    }

    pub(crate) const fn from_raw(raw: u16) -> Self {
        Self(raw)
    }

    pub const fn raw(self) -> u16 {
        self.0
    }

    pub fn text(self) -> String {
        match self.0.checked_sub(CLASS_BASE) {
            Some(class) => format!("{class}xx"),
            None => self.0.to_string(),
        }
    }
}

/// Classes 0xx (no status at all) to 9xx.
pub(crate) const CLASSES: u16 = 10;
const CLASS_BASE: u16 = 1000;
const _: () = assert!(CLASS_BASE + CLASSES <= StatusLabel::MAX);

#[cfg(test)]
mod tests;
