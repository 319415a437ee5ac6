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
        RequestsPerConnection = "requests_per_connection",
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
    }

    /// Counters that a worker has one of.
    Counter {
        DrainedConnections = "ringway_drained_connections_total",
        CutConnections = "ringway_cut_connections_total",
        AccessRecordsDropped = "ringway_access_records_dropped_total",
        Panics = "ringway_panics_total",
        AcceptErrors = "ringway_accept_errors_total",
    }

    /// Gauges that a worker has one of. All are summed over the workers, the busy share excepted.
    Gauge {
        ActiveRequests = "ringway_active_requests",
        AliveTasks = "ringway_num_alive_tasks",
        QueueDepth = "ringway_global_queue_depth",
        BuffersBytes = "ringway_buffers_bytes",
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
