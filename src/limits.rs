//! Every bound in the product, in one place, units last. What a user may change is a key of the
//! configuration whose default stands here; what is full says no, and is counted. A room with many
//! has a file of its own beside this one.

mod admission;
mod endpoints;
mod http2;
mod keys;
mod llm;
mod policy;

use std::time::Duration;

pub use self::admission::*;
pub use self::endpoints::*;
pub use self::http2::*;
pub use self::keys::*;
pub use self::llm::*;
pub use self::policy::*;

pub const KIB: usize = 1024;
pub const MIB: usize = 1024 * KIB;

// --- buffers -------------------------------------------------------------------------------

/// Room in front of what is read, so that a rewritten head or a chunk-size line goes before body
/// bytes without moving them.
pub const BUFFER_HEADROOM_BYTES: usize = 512;
/// What one read of a head may bring.
///
/// With the headroom it fills whole pages, and a TLS record of the largest size fits.
pub const READ_BUFFER_BYTES: usize = 20 * KIB - BUFFER_HEADROOM_BYTES;
/// What one read of a large body may bring: a relay's CPU time goes with its number of reads.
pub const BULK_BUFFER_BYTES: usize = 256 * KIB;
/// Buffers a worker keeps for reuse, of each size, in bytes.
pub const READ_BUFFERS_KEPT_BYTES: usize = 16 * MIB;
/// Small buffers that are mapped at a time: 320 KiB of addresses, and memory as it is touched.
pub const READ_BUFFERS_MAPPED: usize = 16;
pub const BULK_BUFFERS_KEPT_BYTES: usize = 16 * MIB;
/// What is waited for with: an event of a model's stream, mostly. Half a page with the headroom.
pub const SMALL_BUFFER_BYTES: usize = 2 * KIB - BUFFER_HEADROOM_BYTES;
pub const SMALL_BUFFERS_KEPT_BYTES: usize = MIB;

// --- heads (proto) -------------------------------------------------------------------------

/// A head, request line included: 431 (or 502 from upstream) above it.
pub const HEAD_BYTES_MAX: usize = 32 * KIB;
/// What `head_bytes_max` may be raised to: field offsets are 16 bits wide.
pub const HEAD_BYTES_CEILING: usize = 60 * KIB;
/// Fields of a head: 431 above it.
pub const FIELDS_MAX: usize = 100;
pub const FIELDS_CEILING: usize = 1000;
/// A request target: 414 above it. RFC 9112 section 3 asks for 8000 at least.
pub const TARGET_BYTES_MAX: usize = 8 * KIB;
/// Empty lines skipped before a request line, RFC 9112 section 2.2.
pub const EMPTY_LINES_MAX: usize = 8;
/// Extensions of all chunks of one message; they are read, bounded and never forwarded.
pub const CHUNK_EXTENSION_BYTES_MAX: usize = 4 * KIB;
/// A method name. The longest that is registered has 17 bytes.
pub const METHOD_BYTES_MAX: usize = 32;
/// Options of all `Connection` fields of a head: each is looked for among the fields.
pub const CONNECTION_OPTIONS_MAX: usize = 32;
/// One chunk-size line with its extensions.
pub const CHUNK_LINE_BYTES_MAX: usize = 1024;
/// The trailer section of one message.
pub const TRAILER_BYTES_MAX: usize = 8 * KIB;
/// Interim (1xx) responses before a final one.
pub const INTERIM_RESPONSES_MAX: usize = 16;

const _: () = assert!(HEAD_BYTES_MAX <= HEAD_BYTES_CEILING && HEAD_BYTES_CEILING < 65536);
const _: () = assert!(READ_BUFFER_BYTES >= TARGET_BYTES_MAX);

// --- HTTP/2: header compression ------------------------------------------------------------

/// The dynamic table of a decoder, unless a setting says otherwise, and the most an encoder uses of
/// what its peer allows: RFC 9113 section 6.5.2 has this as the initial value.
pub const HPACK_TABLE_BYTES: usize = 4 * KIB;
/// A field list as RFC 9113 section 6.5.2 accounts for it: names, values and 32 bytes a field.
pub const FIELD_LIST_BYTES_MAX: usize = HEAD_BYTES_MAX;
/// Lines of a field list. More than a head may have: cookies come in crumbs, and are one field once
/// they are joined.
pub const FIELD_LINES_MAX: usize = 2 * FIELDS_MAX;
/// What a cleared field list keeps of its room.
pub const FIELD_LIST_BYTES_KEPT: usize = 8 * KIB;
pub const FIELD_LINES_KEPT: usize = 64;
/// Strings up to here are not worth the time that a Huffman code takes.
pub const HUFFMAN_FROM_BYTES: usize = 5;
/// The same for a string that is sent once: a fifth fewer bytes are a bad bargain for some thousand
/// instructions, and as many with the peer.
pub const HUFFMAN_ONCE_FROM_BYTES: usize = 64;

// --- configuration -------------------------------------------------------------------------

/// A configuration file, as written and after its variables are filled in.
pub const CONFIG_BYTES_MAX: usize = 64 * MIB;
/// Values of a file, aliases resolved: a few lines of aliases of aliases must not fill the memory.
pub const CONFIG_VALUES_MAX: usize = 2_000_000;
/// The dialect is 12 deep at most; deeper is a mistake or an attack on the stack.
pub const CONFIG_DEPTH_MAX: usize = 48;
/// Problems told of one file: who has more than these starts with the first.
pub const CONFIG_PROBLEMS_MAX: usize = 100;
pub const BACKEND_HOSTS_MAX: usize = 1000;
/// The highest priority that a host of a backend may have: tiers are gone through one by one.
pub const PRIORITIES_MAX: u32 = 31;
pub const BACKEND_WEIGHT_MAX: u32 = 1_000_000;
pub const DIRECT_BODY_BYTES_MAX: usize = MIB;
/// No timer is longer than this: the deadline wheel counts in milliseconds.
pub const DURATION_SECONDS_MAX: u64 = 7 * 24 * 3600;

// Defaults of agentgateway.
pub const ADMIN_PORT: u16 = 15000;
pub const STATS_PORT: u16 = 15020;
pub const READINESS_PORT: u16 = 15021;
pub const MIN_TERMINATION_DEADLINE_SECONDS: u64 = 0;
pub const TERMINATION_DEADLINE_SECONDS: u64 = 5;
pub const CONNECT_TIMEOUT_SECONDS: u64 = 10;
pub const POOL_IDLE_TIMEOUT_SECONDS: u64 = 90;
pub const KEEPALIVE_TIME_SECONDS: u64 = 180;
pub const KEEPALIVE_INTERVAL_SECONDS: u64 = 180;
pub const KEEPALIVE_RETRIES: u32 = 9;
pub const HTTP1_IDLE_TIMEOUT_SECONDS: u64 = 600;
pub const BUFFERED_BODY_BYTES_MAX: usize = 2 * MIB;

// Defaults of ours, under `config.ringway`.
/// A whole head has to come in this time: what stops a slow-header attack.
pub const HEADER_TIMEOUT_SECONDS: u64 = 10;
/// A request body has to move on in this time.
pub const READ_TIMEOUT_SECONDS: u64 = 30;
/// A client has to take some bytes of a response in this time.
pub const WRITE_TIMEOUT_SECONDS: u64 = 30;
pub const CONNECTIONS_PER_WORKER_MAX: usize = 65_536;
pub const CONNECTIONS_MAX: usize = 262_144;
/// What either connection limit may be raised to.
pub const CONNECTIONS_CEILING: usize = 4_194_304;
/// Requests of one connection, pipelined or not, before it is asked to be made anew.
pub const REQUESTS_PER_CONNECTION_MAX: u64 = 100_000;
/// Bytes in the I/O buffers of all workers together.
pub const BUFFERED_BYTES_MAX: usize = 1024 * MIB;
/// The least that the process can be told to do with: what it takes without traffic, and some.
pub const MEMORY_BYTES_FLOOR: usize = 64 * MIB;
/// What a worker may take before it looks at the memory of the process again, at least: when little
/// is left it looks often, and not at every byte.
pub const MEMORY_STEP_BYTES_MIN: usize = 64 * KIB;
pub const BUFFERED_BYTES_FLOOR: usize = 16 * MIB;
pub const BUFFERED_BYTES_CEILING: usize = 1024 * 1024 * MIB;
pub const HEAD_BYTES_FLOOR: usize = KIB;
pub const TARGET_BYTES_FLOOR: usize = 256;
pub const TRUSTED_HOPS_MAX: u32 = 32;
// The kernel's own bounds of TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT.
pub const KEEPALIVE_SECONDS_MAX: u64 = 32_767;
pub const KEEPALIVE_RETRIES_MAX: u32 = 127;

const _: () = assert!(CONNECTIONS_PER_WORKER_MAX <= CONNECTIONS_MAX);
const _: () = assert!(HEAD_BYTES_FLOOR <= HEAD_BYTES_MAX && TARGET_BYTES_FLOOR <= TARGET_BYTES_MAX);

// --- configuration of TLS, HTTP/2 and layer 4 ----------------------------------------------

/// Certificates of one listener, and names of one that we make.
pub const CERTIFICATES_PER_LISTENER_MAX: usize = 100;
pub const SELF_SIGNED_NAMES_MAX: usize = 100;
/// A protocol's name in ALPN, RFC 7301 section 3.1.
pub const ALPN_NAME_BYTES_MAX: usize = 255;
/// Names that a backend's certificate may have.
pub const SUBJECT_ALT_NAMES_MAX: usize = 100;

// Defaults of agentgateway.
pub const TLS_HANDSHAKE_TIMEOUT_SECONDS: u64 = 15;
pub const HTTP2_KEEPALIVE_TIMEOUT_SECONDS: u64 = 20;

// RFC 9113 section 6.5.2; a window of a stream holds a frame, that of a connection its first size.
pub const HTTP2_WINDOW_BYTES_FLOOR: usize = 16 * KIB;
pub const HTTP2_CONNECTION_WINDOW_BYTES_FLOOR: usize = 65_535;
pub const HTTP2_WINDOW_BYTES_CEILING: usize = (1 << 31) - 1;
pub const HTTP2_FRAME_BYTES_FLOOR: usize = 16 * KIB;
/// RFC 9113 allows 16 MiB; a frame has to fit in the buffers of a connection.
pub const HTTP2_FRAME_BYTES_CEILING: usize = MIB;

// Defaults of ours, under `config.ringway.limits`.
/// Streams that a client may have open on one HTTP/2 connection.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 100;
pub const STREAMS_PER_CONNECTION_CEILING: u32 = 10_000;
/// TLS handshakes of clients that one worker has under way.
pub const HANDSHAKES_PER_WORKER_MAX: usize = 1024;
/// A TCP connection on which nothing moves either way.
pub const TCP_IDLE_TIMEOUT_SECONDS: u64 = 3600;
/// Streams that we open on one HTTP/2 connection to an endpoint before we open another.
pub const UPSTREAM_STREAMS_PER_CONNECTION_MAX: u32 = 100;
/// Requests that wait for such a stream, of one worker and endpoint.
pub const UPSTREAM_STREAMS_WAITING_MAX: usize = 1024;
/// What that may be raised to.
pub const UPSTREAM_STREAMS_WAITING_CEILING: usize = 1 << 20;

const _: () = assert!(HTTP2_FRAME_BYTES_FLOOR <= HTTP2_WINDOW_BYTES_FLOOR);
const _: () = assert!(STREAMS_PER_CONNECTION_MAX <= STREAMS_PER_CONNECTION_CEILING);
const _: () = assert!(UPSTREAM_STREAMS_PER_CONNECTION_MAX <= STREAMS_PER_CONNECTION_CEILING);

// --- routes and policies -------------------------------------------------------------------

/// What one compiled regular expression may take, so that a file cannot ask for gigabytes.
pub const PATTERN_BYTES_MAX: usize = 2 * MIB;
/// Path expressions behind one gate: a gate is one expression that says whether any of them can
/// match, so that most requests try none.
pub const GATE_PATTERNS_MAX: usize = 16;
/// Matches of one route table, each counted once for each of its hostnames.
pub const ROUTE_MATCHES_MAX: usize = 1 << 20;
/// A hostname, RFC 1035 section 2.3.4: no longer one is looked up.
pub const HOSTNAME_BYTES_MAX: usize = 253;
/// A percent-encoded query value, or a path with its query, that a regular expression is to match
/// is put together on the stack: longer ones do not match.
pub const MATCHED_TEXT_BYTES_MAX: usize = 8 * KIB;
/// Header fields that the modifiers of one route add to a head, all of them together.
pub const EDIT_BYTES_MAX: usize = 8 * KIB;
/// The body of a direct response.
pub const REPLY_BODY_BYTES_MAX: usize = MIB;

const _: () = assert!(MATCHED_TEXT_BYTES_MAX >= TARGET_BYTES_MAX);

// --- telemetry -----------------------------------------------------------------------------

/// Combinations of labels, method, status and reason that one worker counts apart; what comes after
/// is counted by status class and reason alone.
pub const EXCHANGE_SERIES_MAX: usize = 10_000;
/// Routes, listeners and backends that one worker counts apart; the rest share one series each.
pub const ROUTE_SERIES_MAX: usize = 10_000;
pub const LISTENER_SERIES_MAX: usize = 1_000;
pub const CLUSTER_SERIES_MAX: usize = 10_000;
pub const ENDPOINT_SERIES_MAX: usize = 4_000;
/// Label sets that were ever interned, over all reloads, of each kind.
pub const LABEL_SETS_MAX: usize = 65_536;
/// One label value; what is longer is cut.
pub const LABEL_VALUE_BYTES_MAX: usize = 256;
/// Kinds of malformed request that are counted apart.
pub const MALFORMED_ERRORS_MAX: usize = 128;
/// Access records of one worker that wait to be written; what does not fit is dropped and counted.
pub const LOG_RING_BYTES: usize = MIB;
/// A path in an access record; what is longer is cut and marked. Other texts have half of it.
pub const LOG_PATH_BYTES_MAX: usize = 2 * KIB;
pub const LOG_TEXT_BYTES_MAX: usize = KIB;
/// What one write to the access log brings.
pub const LOG_BLOCK_BYTES: usize = 64 * KIB;
/// How long an access record may wait for the writer, and how long when much comes in.
pub const LOG_POLL_MS: u64 = 25;
pub const LOG_POLL_BUSY_MS: u64 = 2;
/// Requests to the log writer (reopen, flush, stop) that wait.
pub const LOG_ORDERS_MAX: usize = 16;
/// Least time between two warnings that the access log cannot be written.
pub const LOG_WARNING_SECONDS: u64 = 60;

const _: () = assert!(LOG_RING_BYTES.is_power_of_two());
const _: () = assert!(LOG_PATH_BYTES_MAX + 10 * LOG_TEXT_BYTES_MAX <= LOG_RING_BYTES / 4);

// --- network, connections, workers ---------------------------------------------------------

pub const WORKERS_MAX: usize = 256;
/// A body that is known to have, or already had, so many bytes is read with a bulk buffer.
pub const TRANSFER_BULK_FROM_BYTES: usize = 32 * KIB;
/// A connection that idles for so long gives its buffers back, where many are open.
pub const PARK_AFTER: Duration = Duration::from_millis(250);
/// Up to so many connections of a worker keep their buffers while they idle: to be able to call a
/// read back costs a little on every request.
pub const PARK_FROM_CONNECTIONS: u32 = 128;
/// How often a client whose request is with an endpoint is looked at: is it still there?
pub const CLIENT_WATCH_EVERY: Duration = Duration::from_secs(1);
/// Endpoints that are tried when connections are refused.
pub const CONNECT_ATTEMPTS_MAX: usize = 3;
/// A body of which so much is left goes through a pipe, without being copied. Measured: below it
/// the pipe gains nothing.
pub const SPLICE_FROM_BYTES: usize = 192 * KIB;
/// The size asked for a pipe, and how many a worker keeps. The kernel gives an unprivileged user
/// 64 MiB of large pipes in all, and small ones after that.
pub const PIPE_BYTES: usize = MIB;
pub const PIPES_KEPT_MAX: usize = 16;
/// A body that flows fast is waited for until so much of it is there: fewer, larger moves.
pub const SPLICE_BATCH_BYTES: usize = 256 * KIB;
/// How long such a wait lasts before what is there is taken.
pub const SPLICE_PATIENCE: Duration = Duration::from_millis(20);
/// Idle connections that a worker keeps to one endpoint, unless `poolMaxSize` says otherwise.
pub const IDLE_PER_WORKER_MAX: usize = 1024;
/// How long, and for how many bytes, a connection that we close is listened to.
pub const LINGER: Duration = Duration::from_secs(2);
pub const LINGER_BYTES_MAX: usize = 64 * KIB;
/// A tunnel through which nothing goes is closed after so long.
pub const TUNNEL_IDLE: Duration = Duration::from_secs(3600);
/// A write of so much leaves at once on a connection that has nothing else to send: the smallest
/// send buffer that Linux gives a socket holds it.
pub const SEND_QUIETLY_BYTES_MAX: usize = 4 * KIB;
/// When a response that nobody waited for is looked at, if no request came before.
pub const LAST_SEND_LOOKED_AT_AFTER: Duration = Duration::from_millis(100);
/// Connections accepted in one turn of the loop, so that those that are there are served too.
pub const ACCEPTS_PER_TURN_MAX: usize = 64;

// --- hot restart ---------------------------------------------------------------------------

/// A new process has so long to serve, unless `config.ringway.upgrade.timeout` says otherwise.
pub const UPGRADE_TIMEOUT_SECONDS: u64 = 60;
/// Who connects to the upgrade socket has so long to say what it wants.
pub const UPGRADE_HELLO_MS_MAX: u64 = 5000;
/// Those who did, and wait for the control loop.
pub const UPGRADE_ARRIVALS_MAX: usize = 4;
/// How long after the end of a conversation the end of a process may be heard of: its rings take a
/// while on a busy machine.
pub const UPGRADE_REAP_MS: u64 = 8000;
/// How long a process that was succeeded waits for requests of who its servers had let in.
pub const SERVERS_ANSWER_MS_MAX: u64 = 5000;
/// How long a new process waits for the next of the sockets: a reload of the old one comes first.
pub const TAKE_OVER_S_MAX: u64 = 120;
/// Listening sockets that are taken from another process.
pub const GIVEN_SOCKETS_MAX: usize = 65_536;
/// Keys of one rate limit that the next process is told of: those that are held back most.
pub const HANDED_KEYS_MAX: usize = 100_000;
/// What a process is told of the state of the one before it: some 40 bytes a key.
pub const HANDED_BYTES_MAX: u64 = 256 * 1024 * 1024;

// --- TLS -----------------------------------------------------------------------------------

/// The longest record that may come: RFC 8446 section 5.2 and, for TLS 1.2, RFC 5246 section
/// 6.2.3 with the header. A buffer that ciphertext is read into has room for one.
pub const TLS_RECORD_BYTES_MAX: usize = 5 + 16 * KIB + 2 * KIB;
/// The plaintext of one record.
pub const TLS_PLAIN_BYTES_MAX: usize = 16 * KIB;
/// What a record adds to its plaintext: header, explicit nonce, tag, inner type.
pub const TLS_OVERHEAD_BYTES_MAX: usize = 5 + 8 + 16 + 1;
/// The buffer that ciphertext is read into: a smaller one would grow whenever a full record comes.
pub const TLS_READ_BYTES: usize = 20 * KIB;
/// How long the rest of a record may take where an idle connection has begun to send one.
pub const TLS_RECORD_PATIENCE: Duration = Duration::from_secs(10);
/// Who sends after such a pause starts with small records again: the first bytes of an answer can
/// be read before the rest has come.
pub const TLS_BURST_PAUSE: Duration = Duration::from_secs(1);
/// Plaintext that fits into a small buffer once it is sealed in small records; more goes by way of
/// a bulk buffer.
pub const TLS_SEND_SMALL_BYTES_MAX: usize = 16 * KIB;
/// The ciphertext that one handshake may bring in.
pub const TLS_HANDSHAKE_BYTES_MAX: usize = 64 * KIB;
/// Records of a burst are so small at first: three segments hold one, so that the client can use
/// the first bytes while the congestion window is still small.
pub const TLS_SMALL_RECORD_BYTES: usize = 4 * KIB;
/// A burst of more than this is sent in full records.
pub const TLS_SMALL_RECORDS_BYTES: usize = 64 * KIB;
/// A handshake takes no longer than this.
pub const TLS_HANDSHAKE_SECONDS: u64 = 15;
/// Tickets for each TLS 1.3 handshake.
pub const TLS_TICKETS_PER_HANDSHAKE: usize = 1;
/// Policies of client authentication whose ticket keys are kept apart, and kept over reloads.
pub const TLS_TICKET_POLICIES_MAX: usize = 64;
/// Endpoints whose sessions one upstream configuration remembers.
pub const TLS_SESSIONS_KEPT_MAX: usize = 256;
/// Names in a peer's certificate that are read; the rest is not looked at.
pub const TLS_IDENTITY_NAMES_MAX: usize = 64;
/// One of these names, or a distinguished name: a longer one is not looked at either. It goes into
/// logs as a whole, and into header fields.
pub const TLS_IDENTITY_TEXT_BYTES_MAX: usize = KIB;
/// A serial number has 20 bytes at most, RFC 5280 section 4.1.2.2.
pub const TLS_IDENTITY_SERIAL_BYTES_MAX: usize = 32;
/// A file of certificates or keys, and the certificates of one.
pub const TLS_PEM_BYTES_MAX: usize = 4 * MIB;
pub const TLS_CHAIN_CERTIFICATES_MAX: usize = 16;

const _: () = assert!(TLS_RECORD_BYTES_MAX <= TLS_READ_BYTES);
const _: () = assert!(TLS_SMALL_RECORD_BYTES <= TLS_PLAIN_BYTES_MAX);
const _: () = assert!(TLS_PLAIN_BYTES_MAX <= READ_BUFFER_BYTES);

// --- layer 4 -------------------------------------------------------------------------------

/// A ClientHello with the headers of its records: larger ones are refused.
pub const CLIENT_HELLO_BYTES_MAX: usize = 16 * KIB;
/// A PROXY header of version 1, its line end included (HAProxy's specification, section 2.1).
pub const PROXY_V1_BYTES_MAX: usize = 107;
/// A PROXY header of version 2 as a whole: addresses and the extensions behind them.
pub const PROXY_V2_BYTES_MAX: usize = 4 * KIB;
/// How often the bytes of a TCP connection are counted while it lasts.
pub const TCP_COUNTED_EVERY: Duration = Duration::from_secs(10);
/// How long a relay on which nothing moves keeps a buffer that it may have to give back:
pub const RELAY_PATIENCE: Duration = Duration::from_millis(250);
/// a large one always, a small one when so many bytes of buffers are out on the worker.
pub const RELAY_PARK_FROM_BYTES: usize = 4 * MIB;
/// When so many are out no relay takes a large one.
pub const RELAY_BULK_UNTIL_BYTES: usize = 64 * MIB;
/// A PROXY header has to come in this time.
pub const PROXY_HEADER_SECONDS: u64 = 5;

const _: () = assert!(CLIENT_HELLO_BYTES_MAX <= READ_BUFFER_BYTES);
const _: () = assert!(PROXY_V1_BYTES_MAX < PROXY_V2_BYTES_MAX);
const _: () = assert!(PROXY_V2_BYTES_MAX <= READ_BUFFER_BYTES);

/// What is still read of a connection that has sent its last frame.
pub const H2_LINGER_BYTES: usize = MIB;

// --- lanes: connections in memory ----------------------------------------------------------

/// What a lane has room for at first, each way.
pub const LANE_BYTES: usize = 2 * KIB;
/// What it keeps of the room that it once needed.
pub const LANE_BYTES_KEPT: usize = 32 * KIB;
/// What a stream may have written that its driver did not take: as a socket's send buffer.
pub const LANE_OUT_BYTES_MAX: usize = 64 * KIB;

// --- HTTP/2 towards endpoints --------------------------------------------------------------

/// HTTP/2 connections of one worker to one endpoint.
pub const H2_CONNECTIONS_PER_ENDPOINT_MAX: usize = 16;
/// How often one request is sent again because an endpoint said that it did not look at it.
pub const UNPROCESSED_RETRIES_MAX: u32 = 4;
/// What a connection keeps of the room that its writes once needed.
pub const H2_WRITTEN_BYTES_KEPT: usize = 512 * KIB;

// --- control -------------------------------------------------------------------------------

/// Letters to one worker that it has not read.
pub const COMMANDS_QUEUED_MAX: usize = 64;
/// Room that a mailbox must have before a new version is prepared, so that what must follow
/// (commit or abort, two steps of a drain, a cut) always fits.
pub const COMMANDS_ROOM_MIN: usize = 8;
/// Letters to control from all workers.
pub const EVENTS_QUEUED_MAX: usize = 16 * WORKERS_MAX;
/// Questions from the admin servers that control has not answered.
pub const ASKS_QUEUED_MAX: usize = 64;
/// What workers may take to build their view of a new version; above it the version is aborted.
pub const PREPARE_MS_MAX: u64 = 10_000;
/// What they may take to switch to it; above it they are named in the log.
pub const COMMIT_MS_MAX: u64 = 5_000;
/// What a drain may be given: a week.
pub const DRAIN_S_MAX: u64 = 7 * 24 * 3_600;
/// How long a worker may take to answer a cut before the process ends without it.
pub const CUT_ANSWER_MS_MAX: u64 = 1_000;
/// A worker that shows no sign of life for so long is called stalled.
pub const STALL_MS_MAX: u64 = 5_000;
/// How often control looks after its workers, and at the memory of the process.
pub const CONTROL_TICK_MS: u64 = 100;
/// Snapshots out of use that long exchanges still hold; above it a reload is refused.
pub const RETIRED_SNAPSHOTS_MAX: usize = 1_000;
/// A configuration file.
pub const CONFIG_FILE_BYTES_MAX: u64 = 64 * MIB as u64;
/// A file is read again once nothing happened to it for so long,
pub const FILE_QUIET_MS: u64 = 100;
/// or so long after the first event when it never gets quiet.
pub const FILE_BUSY_MS_MAX: u64 = 1_000;
/// Symbolic links followed to find what must be watched: the kernel's own bound.
pub const SYMLINKS_MAX: usize = 40;
/// Names of one configuration that are looked up at a time, and what one may take.
pub const LOOKUPS_AT_ONCE_MAX: usize = 16;
pub const LOOKUP_MS_MAX: u64 = 5_000;
/// Connections to each of the admin, metrics and readiness servers. The next one waits.
pub const ADMIN_CONNECTIONS_MAX: usize = 512;
/// A connection to them on which nothing was read for so long is closed: longer than the scrape
/// intervals in use, so that Prometheus keeps its connection.
pub const ADMIN_IDLE_MS_MAX: u64 = 150_000;
/// How long such a connection may live at all, so that one that drips bytes ends too.
pub const ADMIN_LIFE_MS_MAX: u64 = 3_600_000;
/// What they get to finish their answers when the process ends.
pub const ADMIN_STOP_MS_MAX: u64 = 500;
/// Connections to the built-in origin.
pub const ORIGIN_CONNECTIONS_MAX: usize = 4_096;
/// What the built-in origin shows of a body; the rest is counted.
pub const ORIGIN_TEXT_BYTES_MAX: usize = 64 * KIB;

/// How long the process waits for worker threads that have said that they are done.
pub const JOIN_MS_MAX: u64 = 1_000;

const _: () = assert!(COMMANDS_ROOM_MIN < COMMANDS_QUEUED_MAX);
const _: () = assert!(FILE_QUIET_MS < FILE_BUSY_MS_MAX);
const _: () = assert!(CONTROL_TICK_MS * 4 <= STALL_MS_MAX);

// --- certificates as they are loaded -------------------------------------------------------

/// How long a certificate of our own making is good, and how old it says that it is.
pub const SELF_SIGNED_DAYS: u64 = 3650;
pub const SELF_SIGNED_AGE_DAYS: u64 = 1;
/// A certificate that ends within so many days is told of when it is loaded.
pub const CERTIFICATE_WARNING_DAYS: i64 = 14;
