//! Bounds of what the AI gateway reads.

use super::KIB;

/// Levels of arrays and objects in a JSON text.
pub const JSON_DEPTH_MAX: usize = 128;
/// Levels that a field may be looked for in.
pub const JSON_PATH_DEPTH_MAX: usize = 8;
/// What is kept of one text or number of a JSON text: names of models and fields are shorter.
pub const JSON_TEXT_BYTES_MAX: usize = 256;
/// What is held back of an event until it is known whether the client is to have it.
pub const EVENT_HELD_BYTES_MAX: usize = 4096;
/// Combinations of provider, models and route that one worker counts tokens apart for.
pub const GEN_AI_SERIES_MAX: usize = 1_000;
/// The port of the block `llm`, as in agentgateway.
pub const LLM_PORT: u16 = 4000;
/// Models of one gateway, and aliases of one route.
pub const MODELS_MAX: usize = 10_000;
/// Models of one catalogue of prices, and rates of one of them by the length of the prompt.
pub const CATALOG_MODELS_MAX: usize = 65_536;
/// A file of prices: as much as is read of any file.
pub const CATALOG_BYTES_MAX: usize = super::TLS_PEM_BYTES_MAX;
pub const PRICE_TIERS_MAX: usize = 16;
/// For a million tokens: whatever is written, no sum of rates overflows while it is read.
pub const PRICE_DOLLARS_MAX: u64 = 1_000_000;

/// Fields that the configuration adds to each access record, and what all of them may have.
pub const LOG_FIELDS_MAX: usize = 64;
pub const LOG_FIELDS_BYTES_MAX: usize = 8 * KIB;
/// Messages that one policy puts before those of a request, or behind them.
pub const PROMPTS_MAX: usize = 64;
/// What is shorter no provider caches, as in agentgateway.
pub const CACHED_TOKENS_MIN: u32 = 1024;
/// What the access log may be told to have of a prompt, and of an answer.
pub const LOG_MESSAGES_BYTES_CEILING: usize = 16 * KIB;

const _: () = assert!(JSON_DEPTH_MAX.is_multiple_of(64) && JSON_PATH_DEPTH_MAX < JSON_DEPTH_MAX);
