//! Every bound in the product, in one place, units last. What a user may change is a key of the
//! configuration whose default stands here; what is full says no, and is counted.

pub const KIB: usize = 1024;
pub const MIB: usize = 1024 * KIB;

// --- buffers -------------------------------------------------------------------------------

/// Room in front of what is read, so that a rewritten head or a chunk-size line goes before body
/// bytes without moving them.
pub const BUFFER_HEADROOM_BYTES: usize = 512;
/// What one read of a head may bring.
pub const READ_BUFFER_BYTES: usize = 16 * KIB;
/// What one read of a large body may bring: a relay's CPU time goes with its number of reads.
pub const BULK_BUFFER_BYTES: usize = 256 * KIB;
/// Buffers a worker keeps for reuse, of each size, in bytes.
pub const READ_BUFFERS_KEPT_BYTES: usize = 16 * MIB;
pub const BULK_BUFFERS_KEPT_BYTES: usize = 16 * MIB;

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
/// One chunk-size line with its extensions.
pub const CHUNK_LINE_BYTES_MAX: usize = 1024;
/// The trailer section of one message.
pub const TRAILER_BYTES_MAX: usize = 8 * KIB;
/// Interim (1xx) responses before a final one.
pub const INTERIM_RESPONSES_MAX: usize = 16;

const _: () = assert!(HEAD_BYTES_MAX <= HEAD_BYTES_CEILING && HEAD_BYTES_CEILING < 65536);
const _: () = assert!(READ_BUFFER_BYTES >= TARGET_BYTES_MAX);

// --- configuration -------------------------------------------------------------------------

// --- routes and policies -------------------------------------------------------------------

// --- telemetry -----------------------------------------------------------------------------

// --- network, connections, workers ---------------------------------------------------------

pub const WORKERS_MAX: usize = 256;

// --- control -------------------------------------------------------------------------------
