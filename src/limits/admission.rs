//! The bounds of rate limits, adaptive concurrency and compression.

use super::{KIB, MIB};

// --- rate limits ---------------------------------------------------------------------------

/// Tokens of a bucket, and those that come back in an interval.
pub const BUCKET_TOKENS_MAX: u32 = 1_000_000_000;
/// What an empty bucket may take to fill.
pub const BUCKET_FILL_SECONDS_MAX: u64 = 365 * 24 * 3600;
/// Buckets of one policy.
pub const BUCKETS_PER_POLICY_MAX: usize = 16;
/// Keys that one bucket is divided by, unless `maxKeys` says otherwise, and what that may be raised
/// to. A key takes 32 bytes.
pub const BUCKET_KEYS_MAX: usize = 65_536;
pub const BUCKET_KEYS_CEILING: usize = 4 * MIB;
/// Sources that are told apart, unless `maxSources` says otherwise.
pub const SOURCES_MAX: usize = 65_536;
/// Prefixes of addresses that count as one source: a host, and what a customer is given.
pub const SOURCE_PREFIX_IPV4: u8 = 32;
pub const SOURCE_PREFIX_IPV6: u8 = 64;

// --- adaptive concurrency ------------------------------------------------------------------

/// Requests that a backend gets at a time, at least, at most and at first, unless the policy says
/// otherwise; and what that may say.
pub const CONCURRENCY_MIN: u32 = 5;
pub const CONCURRENCY_MAX: u32 = 1000;
pub const CONCURRENCY_FIRST: u32 = 50;
pub const CONCURRENCY_CEILING: u32 = 1_000_000;
/// Answers may take twice as long as without load.
pub const CONCURRENCY_TOLERANCE_PERCENT: u32 = 200;

// --- compression ---------------------------------------------------------------------------

/// Bodies that a worker codes at a time: each encoder holds a megabyte or two. One more is sent as
/// it is.
pub const CODERS_PER_WORKER_MAX: usize = 64;
/// Encoders that a worker keeps for the next body.
pub const CODERS_KEPT_MAX: usize = 8;
/// How far back br and zstd look: 256 KiB. What is farther costs more memory than it saves bytes.
pub const CODING_WINDOW_LOG: u32 = 18;
/// The same of gzip: all that its format has.
pub const GZIP_WINDOW_LOG: u8 = 15;
/// A body of fewer bytes is not worth it, unless `minBytes` says otherwise.
pub const COMPRESS_FROM_BYTES: usize = KIB;
/// What `minBytes` may be raised to.
pub const COMPRESS_FROM_BYTES_CEILING: usize = 1024 * MIB;
/// Effort: what costs about as much CPU time as gzip at its usual level, and what still codes a
/// buffer within a few milliseconds.
pub const BROTLI_LEVEL: u8 = 4;
pub const BROTLI_LEVEL_MAX: u8 = 6;
pub const ZSTD_LEVEL: u8 = 3;
pub const ZSTD_LEVEL_MAX: u8 = 9;
pub const GZIP_LEVEL: u8 = 5;
pub const GZIP_LEVEL_MAX: u8 = 9;
/// Types of one policy.
pub const COMPRESS_TYPES_MAX: usize = 100;
