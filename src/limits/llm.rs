//! Bounds of what the AI gateway reads.

use std::time::Duration;

/// Levels of arrays and objects in a JSON text.
pub const JSON_DEPTH_MAX: usize = 128;
/// Levels that a field may be looked for in.
pub const JSON_PATH_DEPTH_MAX: usize = 8;
/// What is kept of one text or number of a JSON text: names of models and fields are shorter.
pub const JSON_TEXT_BYTES_MAX: usize = 256;
/// What is held back of an event until it is known whether the client is to have it.
pub const EVENT_HELD_BYTES_MAX: usize = 4096;
/// What is held back of an answer until its first token: it may be somebody else's in the end.
pub const ANSWER_HELD_BYTES_MAX: usize = 64 * super::KIB;
/// Combinations of provider, models and route that one worker counts tokens apart for.
pub const GEN_AI_SERIES_MAX: usize = 1_000;
/// The port of the block `llm`, as in agentgateway.
pub const LLM_PORT: u16 = 4000;
/// Models of one gateway, and aliases of one route.
pub const MODELS_MAX: usize = 10_000;

/// What is no answer of a model that fails over, where the configuration does not say: it has too
/// much to do, or cannot. 529 is Anthropic's 503.
pub const LLM_RETRY_CODES: [u16; 6] = [429, 500, 502, 503, 504, 529];
/// Who asks to be left alone for longer is not asked again for the same request.
pub const LLM_WAIT_MAX: Duration = Duration::from_secs(5);
/// What of a prompt can say which endpoint is asked.
pub const PROMPT_PREFIX_MAX: usize = 64 * super::KIB;
/// Backends that one name may lead to: a word has a bit for each.
pub const CANDIDATES_MAX: usize = 64;

const _: () = assert!(CANDIDATES_MAX == u64::BITS as usize);
const _: () = assert!(JSON_DEPTH_MAX.is_multiple_of(64) && JSON_PATH_DEPTH_MAX < JSON_DEPTH_MAX);
