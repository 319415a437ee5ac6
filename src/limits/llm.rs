//! Bounds of what the AI gateway reads.

/// Levels of arrays and objects in a JSON text.
pub const JSON_DEPTH_MAX: usize = 128;
/// Levels that a field may be looked for in.
pub const JSON_PATH_DEPTH_MAX: usize = 8;
/// What is kept of one text or number of a JSON text: names of models and fields are shorter.
pub const JSON_TEXT_BYTES_MAX: usize = 256;
/// What is held back of an event until it is known whether the client is to have it.
pub const EVENT_HELD_BYTES_MAX: usize = 4096;
/// A frame of an AWS event stream. Services send deltas of some hundred bytes.
pub const AWS_FRAME_BYTES_MAX: usize = 1024 * 1024;
/// What is kept of a streamed answer for a caller that is told all of it once more at its end.
pub const STREAMED_ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What is kept of blocks of a streamed answer that are told by turns, until theirs comes.
pub const EVENTS_KEPT_BYTES_MAX: usize = 1024 * 1024;
/// Combinations of provider, models and route that one worker counts tokens apart for.
pub const GEN_AI_SERIES_MAX: usize = 1_000;
/// The port of the block `llm`, as in agentgateway.
pub const LLM_PORT: u16 = 4000;
/// Models of one gateway, and aliases of one route.
pub const MODELS_MAX: usize = 10_000;

const _: () = assert!(JSON_DEPTH_MAX.is_multiple_of(64) && JSON_PATH_DEPTH_MAX < JSON_DEPTH_MAX);
