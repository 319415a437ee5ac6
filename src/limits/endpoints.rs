//! Bounds on how endpoints are found, chosen, judged and tried again.

use std::time::Duration;

use super::KIB;

/// After so long a measured latency counts for a third of what it was.
pub const LATENCY_DECAY: Duration = Duration::from_secs(10);
/// What an attempt that failed counts as at least, for those who choose by latency: an endpoint
/// that refuses at once is not a fast one.
pub const FAILURE_COST: Duration = Duration::from_secs(1);
/// How often the weight of an endpoint that starts slowly grows.
pub const SLOW_START_STEP: Duration = Duration::from_millis(100);
/// Endpoints that are passed by because they failed the same request.
pub const AVOIDED_MAX: usize = 4;
/// Points on the ring of a cluster, and those of one endpoint where there is room.
pub const RING_POINTS_MAX: usize = 65_536;
pub const RING_POINTS_PER_ENDPOINT: usize = 256;
/// Slots of a Maglev table: a prime, and a hundred times the endpoints that are usual.
pub const MAGLEV_SLOTS: usize = 65_537;
/// What thresholds that count failures may be set to.
pub const FAILURES_IN_A_ROW_MAX: u32 = 1_000_000;
/// An active check comes at most so often.
pub const PROBE_INTERVAL_MIN: Duration = Duration::from_millis(10);
/// What the limits of a circuit may be set to.
pub const CIRCUIT_CEILING: u32 = 4_194_304;
/// How often what another worker gave back of a circuit is looked for.
pub const CIRCUIT_LOOK_EVERY: Duration = Duration::from_millis(5);
/// Attempts after the first that a route may ask for.
pub const RETRY_ATTEMPTS_MAX: u32 = 20;
/// The most that `backoff` grows to, where nothing is said.
pub const RETRY_BACKOFF_GROWTH: u32 = 10;
/// Of the requests under way, so many percent may be retries, and so many in any case.
pub const RETRY_BUDGET_PERCENT: u32 = 20;
pub const RETRY_BUDGET_MIN: u32 = 10;
/// What is kept of a body to be sent again, and what that may be raised to.
pub const REPLAY_BYTES: usize = 64 * KIB;
pub const REPLAY_BYTES_MAX: usize = 128 * KIB;
/// Addresses of one name that are used.
pub const ADDRESSES_PER_NAME_MAX: usize = 256;

/// Bounds on the time to live of an answer, unless the configuration has others.
pub const DNS_TTL_MIN: Duration = Duration::from_secs(5);
pub const DNS_TTL_MAX: Duration = Duration::from_secs(300);
/// A name that could not be looked up is tried again after the first, and later at most after the
/// second.
pub const DNS_RETRY_MIN: Duration = Duration::from_secs(1);
pub const DNS_RETRY_MAX: Duration = Duration::from_secs(30);
/// What an answer of the system's own resolver is taken for: it does not tell.
pub const DNS_TTL_UNKNOWN: Duration = Duration::from_secs(30);
pub const DNS_SERVERS_MAX: usize = 16;
/// Active checks under way at a time; the others wait their turn.
pub const PROBES_AT_ONCE_MAX: usize = 256;
/// What is read of the answer to an active check.
pub const PROBE_BYTES_MAX: usize = 64 * KIB;

const _: () = assert!(RING_POINTS_PER_ENDPOINT <= RING_POINTS_MAX);
const _: () = assert!(DNS_TTL_MIN.as_nanos() <= DNS_TTL_MAX.as_nanos());
