//! Every metric family: its name, type, help, labels and unit. The names, labels and buckets that
//! agentgateway has are kept to the letter, so that its alerts and dashboards work; additions start
//! with `ringway_`. What is not here cannot be printed. Owns no state.

mod family;
mod labels;

pub use family::Family;
pub(crate) use family::counter;
use family::{gauge, histogram, info};
use labels::{COST_LOOKUP, E, G, GEN_AI_TOKENS, H, M, T};

/// What a family's samples mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
    /// A gauge of 1 that carries its text in labels.
    Info,
}

macro_rules! families {
    ($($id:ident = $family:expr;)+) => {
        $(pub const $id: Family = $family;)+

        /// All of them.
        pub const FAMILIES: &[Family] = &[$($id),+];
    };
}

families! {
    BUILD_INFO = info("agentgateway_build_info", &["tag"], "Agentgateway build information.");
    REQUESTS = counter("agentgateway_requests_total", H, "The total number of HTTP requests sent.");
    REQUEST_DURATION = histogram(
        "agentgateway_request_duration_seconds",
        H,
        "Duration of HTTP requests (seconds).",
    ).in_unit("seconds");
    REQUEST_PROCESSING = histogram(
        "agentgateway_request_processing_seconds",
        M,
        "Duration from receiving an HTTP request to sending the primary outbound call (seconds).",
    ).in_unit("seconds");
    RESPONSE_PROCESSING = histogram(
        "agentgateway_response_processing_seconds",
        M,
        "Duration from receiving the primary outbound response to sending the HTTP response \
         (seconds).",
    ).in_unit("seconds");
    RESPONSE_BYTES = counter(
        "agentgateway_response_bytes_total",
        H,
        "Total HTTP response bytes received.",
    ).in_unit("bytes");
    RETRIES = counter("agentgateway_retries_total", H, "The total number of request retries.");
    UPSTREAM_CONNECT = histogram(
        "agentgateway_upstream_connect_duration_seconds",
        &["transport"],
        "Duration to establish upstream connection (seconds).",
    ).in_unit("seconds");
    TLS_HANDSHAKE = histogram(
        "agentgateway_tls_handshake_duration_seconds",
        T,
        "Duration to complete inbound TLS/HTTPS handshake (seconds).",
    ).in_unit("seconds");
    TLS_RESUMED = counter(
        "ringway_tls_resumed_handshakes_total",
        T,
        "Handshakes of clients that resumed a session.",
    );
    TLS_FAULTS = counter(
        "ringway_tls_handshake_failures_total",
        &["reason"],
        "Handshakes of clients that failed.",
    );
    DOWNSTREAM_CONNECTIONS = counter(
        "agentgateway_downstream_connections_total",
        T,
        "The total number of downstream connections established.",
    );
    DOWNSTREAM_RECEIVED_BYTES = counter(
        "agentgateway_downstream_received_bytes_total",
        T,
        "Total TCP bytes received per connection labels.",
    ).in_unit("bytes");
    DOWNSTREAM_SENT_BYTES = counter(
        "agentgateway_downstream_sent_bytes_total",
        T,
        "Total TCP bytes transmitted per connection labels.",
    ).in_unit("bytes");
    GEN_AI_TOKEN_USAGE = histogram(
        "agentgateway_gen_ai_client_token_usage",
        GEN_AI_TOKENS,
        "Number of tokens used per request.",
    );
    GEN_AI_REQUEST_DURATION = histogram(
        "agentgateway_gen_ai_server_request_duration",
        G,
        "Duration of generative AI request.",
    );
    GEN_AI_FIRST_TOKEN = histogram(
        "agentgateway_gen_ai_server_time_to_first_token",
        G,
        "Time to generate the first token for a given request.",
    );
    GEN_AI_EACH_TOKEN = histogram(
        "agentgateway_gen_ai_server_time_per_output_token",
        G,
        "Time to generate each output token for a given request.",
    );
    GEN_AI_COST = counter(
        "agentgateway_gen_ai_client_cost_usd_total",
        G,
        "Cumulative USD cost of generative AI requests.",
    ).in_unit("usd");
    COST_LOOKUPS = counter(
        "agentgateway_cost_catalog_lookups_total",
        COST_LOOKUP,
        "Total number of model cost catalog lookups by resolution status.",
    );
    CONFIG_SYNCHRONIZED = gauge(
        "agentgateway_config_synchronized",
        &[],
        "Whether the last configuration load or reload was successful (1) or not (0).",
    );
    TOKIO_NUM_WORKERS = gauge(
        "agentgateway_tokio_num_workers",
        &[],
        "The number of worker threads used by the runtime.",
    );
    TOKIO_NUM_ALIVE_TASKS = gauge(
        "agentgateway_tokio_num_alive_tasks",
        &[],
        "The current number of alive tasks in the runtime: connections and what serves them.",
    );
    TOKIO_GLOBAL_QUEUE_DEPTH = gauge(
        "agentgateway_tokio_global_queue_depth",
        &[],
        "The number of completions that wait for the runtime, over all workers.",
    );
    NUM_WORKERS = gauge("ringway_num_workers", &[], "Workers that carry traffic.");
    NUM_ALIVE_TASKS = gauge("ringway_num_alive_tasks", &[], "Tasks alive on all workers.");
    GLOBAL_QUEUE_DEPTH = gauge(
        "ringway_global_queue_depth",
        &[],
        "Completions that wait in the rings of all workers.",
    );
    ACTIVE_CONNECTIONS = gauge(
        "ringway_active_connections",
        T,
        "Downstream connections that are open.",
    );
    ACTIVE_REQUESTS = gauge("ringway_active_requests", &[], "Requests that are being answered.");
    BACKEND_ACTIVE_REQUESTS = gauge(
        "ringway_backend_active_requests",
        &["backend"],
        "Requests that a backend is answering.",
    );
    POOL_IDLE_CONNECTIONS = gauge(
        "ringway_pool_idle_connections",
        &["backend"],
        "Upstream connections that wait for a request.",
    );
    POOL_HITS = counter(
        "ringway_pool_hits_total",
        &["backend"],
        "Requests that took an upstream connection from the pool.",
    );
    POOL_MISSES = counter(
        "ringway_pool_misses_total",
        &["backend"],
        "Requests that had to open an upstream connection.",
    );
    UPSTREAM_STREAMS = gauge(
        "ringway_upstream_streams_active",
        &["backend"],
        "HTTP/2 streams that are open to a backend.",
    );
    UPSTREAM_H2_CONNECTIONS = gauge(
        "ringway_upstream_http2_connections",
        &["backend"],
        "HTTP/2 connections that are open to a backend.",
    );
    UPSTREAM_STREAMS_RESET = counter(
        "ringway_upstream_streams_reset_total",
        &["cause"],
        "HTTP/2 streams to backends that either side reset, by error code.",
    );
    RETRIES_REFUSED = counter(
        "ringway_retry_budget_exhausted_total",
        &["backend"],
        "Retries that were not made, since too many requests were retries already.",
    );
    CIRCUIT_TAKEN = gauge(
        "ringway_circuit_taken",
        &["backend", "limit"],
        "What is taken of the limits of a backend: connections, requests, waiting requests.",
    );
    CIRCUIT_LIMIT = gauge(
        "ringway_circuit_limit",
        &["backend", "limit"],
        "The limits of a backend.",
    );
    CIRCUIT_REJECTED = counter(
        "ringway_circuit_rejected_total",
        &["backend"],
        "Requests that were refused because a limit of the backend was reached.",
    );
    ENDPOINT_REQUESTS = counter(
        "ringway_endpoint_requests_total",
        E,
        "Requests and connections that were sent to an endpoint, told once a second.",
    );
    ENDPOINT_FAILURES = counter(
        "ringway_endpoint_failures_total",
        E,
        "Those of them that failed: no answer, or one of 500 and above.",
    );
    ENDPOINT_ACTIVE = gauge(
        "ringway_endpoint_active_requests",
        E,
        "Requests and connections under way to an endpoint, told once a second.",
    );
    ENDPOINT_HEALTHY = gauge(
        "ringway_endpoint_healthy",
        E,
        "Whether an endpoint is neither ejected nor failing its checks.",
    );
    ENDPOINT_EJECTIONS = counter(
        "ringway_endpoint_ejections_total",
        E,
        "Times that an endpoint was ejected for its failures.",
    );
    ENDPOINT_SPARED = counter(
        "ringway_endpoint_ejections_spared_total",
        E,
        "Times that it was not, since too many were ejected already.",
    );
    ENDPOINT_CHECKS = counter(
        "ringway_endpoint_checks_total",
        &["backend", "endpoint", "result"],
        "Active checks of an endpoint.",
    );
    DNS_LOOKUPS = counter(
        "ringway_dns_lookups_total",
        &["result"],
        "Look-ups of names of backends.",
    );
    UPGRADES_FAILED = counter(
        "ringway_upgrades_failed_total",
        &[],
        "New processes that did not come up, so that this one goes on.",
    );
    RATE_LIMIT_ADMITTED = counter(
        "ringway_rate_limit_admitted_total",
        &[],
        "Requests that the rate limits of their route let in.",
    );
    RATE_LIMIT_REFUSED = counter(
        "ringway_rate_limit_refused_total",
        &[],
        "Requests that a rate limit of their route refused.",
    );
    RATE_LIMIT_EVICTIONS = counter(
        "ringway_rate_limit_evictions_total",
        &[],
        "Keys of rate limits that were in use and gave way to others.",
    );
    COMPRESSED_RESPONSES = counter(
        "ringway_compressed_responses_total",
        &["coding"],
        "Responses whose body was compressed here.",
    );
    COMPRESSION_BYTES = counter(
        "ringway_compression_bytes_total",
        &["coding"],
        "Bytes of bodies that were compressed.",
    ).in_unit("bytes");
    COMPRESSION_SENT_BYTES = counter(
        "ringway_compression_sent_bytes_total",
        &["coding"],
        "Bytes that these bodies were sent in.",
    ).in_unit("bytes");
    CONCURRENCY_LIMIT = gauge(
        "ringway_concurrency_limit",
        &["of"],
        "Requests that a route or a backend gets at a time, as it was found out.",
    );
    CONCURRENCY_ACTIVE = gauge(
        "ringway_concurrency_active",
        &["of"],
        "Requests that it has.",
    );
    MEMORY_LIMIT = gauge(
        "ringway_memory_limit_bytes",
        &[],
        "Bytes that the process may take; 0 where that is not bounded.",
    ).in_unit("bytes");
    MEMORY_PRESSURE = gauge(
        "ringway_memory_pressure",
        &[],
        "Whether memory is short: 1 while no connection is accepted, 2 while requests are refused.",
    );
    WORKER_BUSY_RATIO = gauge(
        "ringway_worker_busy_ratio",
        &["worker"],
        "Share of its time that a worker was not waiting, over the last second.",
    ).in_unit("ratio");
    WORKER_LOOP_LATENCY = histogram(
        "ringway_worker_loop_latency_seconds",
        &["worker"],
        "Duration of one turn of a worker's loop (seconds).",
    ).in_unit("seconds");
    DRAINED_CONNECTIONS = counter(
        "ringway_drained_connections_total",
        &[],
        "Connections that ended by themselves during a drain.",
    );
    CUT_CONNECTIONS = counter(
        "ringway_cut_connections_total",
        &["kind"],
        "Connections that were cut when a drain ran out of time, by what they were busy with.",
    );
    ACCESS_RECORDS_DROPPED = counter(
        "ringway_access_records_dropped_total",
        &[],
        "Access records that were not written: the ring was full, or the log could not be written.",
    );
    ACCESS_LOG_ERRORS = counter(
        "ringway_access_log_errors_total",
        &[],
        "Writes to the access log that failed.",
    );
    PANICS = counter("ringway_panics_total", &[], "Connections that ended in a panic.");
    MALFORMED_REQUESTS = counter(
        "ringway_malformed_requests_total",
        &["error"],
        "Requests that were refused for what they look like.",
    );
    LIMIT_HITS = counter(
        "ringway_limit_hits_total",
        &["limit"],
        "Times that a bound was reached and said no.",
    );
    TIMEOUTS = counter("ringway_timeouts_total", &["kind"], "Deadlines that passed.");
    REFUSED_CONNECTIONS = counter(
        "ringway_refused_connections_total",
        &["reason"],
        "Connections that were closed before anything was served on them.",
    );
    ACCEPT_ERRORS = counter(
        "ringway_accept_errors_total",
        &[],
        "Connections that could not be accepted.",
    );
    HTTP2_STREAMS_RESET = counter(
        "ringway_http2_streams_reset_total",
        &["cause"],
        "HTTP/2 streams of clients that either side reset before they ended, by error code.",
    );
    HTTP2_MALFORMED = counter(
        "ringway_http2_malformed_requests_total",
        &[],
        "Streams of clients that were refused for what their fields look like.",
    );
    HTTP2_CONNECTION_ERRORS = counter(
        "ringway_http2_connection_errors_total",
        &[],
        "HTTP/2 connections of clients that were ended for a breach of the protocol.",
    );
    HTTP2_FLOODS = counter(
        "ringway_http2_floods_total",
        &[],
        "HTTP/2 connections of clients that were ended for more of something than any client needs.",
    );
    HTTP2_STREAMS_ACTIVE = gauge(
        "ringway_http2_streams_active",
        &[],
        "Streams of clients that are under way.",
    );
    MIRRORED_REQUESTS = counter(
        "ringway_mirrored_requests_total",
        &[],
        "Requests that were sent to a mirror as well, and answered there.",
    );
    MIRROR_DROPS = counter(
        "ringway_mirror_drops_total",
        &[],
        "Mirrors of requests that were given up: the backend was slow or down, or too many were \
         under way.",
    );
    HEDGES = counter("ringway_hedges_total", &[], "Requests that a second endpoint was asked for.");
    HEDGES_WON = counter("ringway_hedges_won_total", &[], "Hedges that answered first.");
    EXPRESSION_FAILURES = counter(
        "ringway_expression_failures_total",
        &[],
        "Expressions that gave nothing of use for a request: a header that is not there, a type that \
         does not fit, a value that no header can have.",
    );
    BUDGET_USED = gauge(
        "ringway_budget_used",
        &["budget", "unit"],
        "What was used of a budget in the period that runs: tokens, or dollars.",
    );
    BUDGET_LIMIT = gauge("ringway_budget_limit", &["budget", "unit"], "What a budget may use.");
    BUDGET_DENIALS = counter(
        "ringway_budget_denials_total",
        &["budget"],
        "Requests that were refused since a budget is used up.",
    );
    BUDGET_STORE_ERRORS = counter(
        "ringway_budget_store_errors_total",
        &[],
        "Times that what budgets used could not be written down, or read.",
    );
    CONFIG_RELOADS = counter(
        "ringway_config_reloads_total",
        &["result"],
        "Configuration loads and reloads, by how they ended.",
    );
    CONFIG_VERSION = gauge(
        "ringway_config_version",
        &[],
        "The version of the configuration that the workers run, counted from 1.",
    );
    CERTIFICATE_EXPIRY = gauge(
        "ringway_certificate_expiry_timestamp_seconds",
        &["bind", "listener", "certificate"],
        "When a certificate that is shown to clients expires, in seconds since 1970.",
    ).in_unit("seconds");
    CREDENTIAL_FETCHES = counter(
        "ringway_credential_fetches_total",
        &["credential", "result"],
        "Times that a credential of a cloud was asked for, by whether it was given out.",
    );
    CREDENTIAL_EXPIRY = gauge(
        "ringway_credential_expiry_timestamp_seconds",
        &["credential"],
        "When a credential of a cloud ends that backends are shown, in seconds since 1970.",
    ).in_unit("seconds");
    BUFFERS_BYTES = gauge(
        "ringway_buffers_bytes",
        &[],
        "Bytes of I/O buffers in use on all workers.",
    ).in_unit("bytes");
    SERIES_OVERFLOW = counter(
        "ringway_series_overflow_total",
        &[],
        "Recordings that were counted under an overflow series since a table of series is full.",
    );
    PROCESS_CPU = counter(
        "process_cpu_seconds_total",
        &[],
        "Total user and system CPU time spent in seconds.",
    ).in_unit("seconds");
    PROCESS_OPEN_FDS = gauge("process_open_fds", &[], "Number of open file descriptors.");
    PROCESS_MAX_FDS = gauge("process_max_fds", &[], "Maximum number of open file descriptors.");
    PROCESS_VIRTUAL_MEMORY = gauge(
        "process_virtual_memory_bytes",
        &[],
        "Virtual memory size in bytes.",
    ).in_unit("bytes");
    PROCESS_RESIDENT_MEMORY = gauge(
        "process_resident_memory_bytes",
        &[],
        "Resident memory size in bytes.",
    ).in_unit("bytes");
    PROCESS_START_TIME = gauge(
        "process_start_time_seconds",
        &[],
        "Start time of the process since unix epoch in seconds.",
    ).in_unit("seconds");
    PROCESS_THREADS = gauge("process_threads", &[], "Number of threads of the process.");
}

#[cfg(test)]
mod tests;
