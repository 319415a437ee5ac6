//! Bounds of API keys and budgets.

use super::KIB;

/// Keys of one policy, those of its file included.
pub const API_KEYS_MAX: usize = 100_000;
/// A credential as it is sent: what is longer is no key of anybody.
pub const API_KEY_BYTES_MAX: usize = 4 * KIB;
/// Names of models that one key may have.
pub const KEY_MODELS_MAX: usize = 1_000;
/// What is known of one key beside its name: levels, and bytes as JSON.
pub const METADATA_DEPTH_MAX: usize = 8;
pub const METADATA_BYTES_MAX: usize = 16 * KIB;
/// Budgets of the process, those of keys included.
pub const BUDGETS_MAX: usize = 100_000;
/// Those that are of no key: each may have to be looked at for a request.
pub const BUDGET_LIMITS_MAX: usize = 1_000;
/// Budgets that have samples of their own in the metrics; `/budgets` has all.
pub const BUDGET_SERIES_MAX: usize = 1_000;
/// What a budget may be: ten million dollars, and so many tokens, fit what is counted in.
pub const BUDGET_USD_MAX: f64 = 10_000_000.0;
pub const BUDGET_TOKENS_MAX: u64 = 1 << 53;
/// The shortest and the longest period of a budget.
pub const BUDGET_PERIOD_SECONDS_MIN: u64 = 1;
pub const BUDGET_PERIOD_SECONDS_MAX: u64 = 3660 * 24 * 3600;
/// What is held for an answer whose length nobody bounded, and for a token whose price is not known
/// yet: ten dollars a million.
pub const BUDGET_ANSWER_TOKENS: u64 = 1024;
pub const BUDGET_NANOS_PER_TOKEN: u64 = 10_000;
/// Bytes of a request that are held to be one token: few languages have more tokens to a byte.
pub const BUDGET_BYTES_PER_TOKEN: u64 = 3;
/// What is used is on the disk after so long.
pub const BUDGET_FLUSH_MS: u64 = 1_000;
pub const BUDGET_FLUSH_MS_MIN: u64 = 10;
/// What the thread that writes has to answer: a look at a store at the start, the last write.
pub const BUDGET_STORE_ANSWER_MS_MAX: u64 = 5_000;
/// How long it waits for another process to be done with the store, and how often it looks.
pub const BUDGET_STORE_BUSY_MS_MAX: u64 = 500;
pub const BUDGET_STORE_BUSY_MS: u64 = 5;
/// Orders to the thread that writes which wait.
pub const BUDGET_ORDERS_MAX: usize = 16;
/// What a budget has used is known for so long after it went from the configuration.
pub const BUDGET_KEPT_SECONDS: u64 = 30 * 24 * 3600;
/// How often those that are kept are looked through.
pub const BUDGET_SWEEP_SECONDS: u64 = 3600;

const _: () = assert!(BUDGET_TOKENS_MAX as u128 <= u64::MAX as u128 >> 10);
const _: () = assert!(BUDGET_USD_MAX * 1e9 < (u64::MAX >> 10) as f64);
