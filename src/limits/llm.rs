//! Bounds of what the AI gateway reads.

use std::time::Duration;

use super::KIB;

/// What an event of a stream may have around its text, to be compared with the next one.
pub const EVENT_LIKENESS_BYTES_MAX: usize = KIB;
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
/// An event of a stream that is translated; one with a picture in it is the largest there is.
pub const TRANSLATED_EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Of a prompt that names no limit, told to a provider that must have one.
pub const TRANSLATED_OUTPUT_TOKENS: u64 = 4096;
/// A whole answer that is translated, or an error: it is held until then.
pub const TRANSLATED_ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What is kept of a streamed answer for a caller that is told all of it once more at its end.
pub const STREAMED_ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What is kept of blocks of a streamed answer that are told by turns, until theirs comes.
pub const EVENTS_KEPT_BYTES_MAX: usize = 1024 * 1024;
/// What is held back of an answer until its first token: it may be somebody else's in the end.
pub const ANSWER_HELD_BYTES_MAX: usize = 64 * KIB;
/// Combinations of provider, models and route that one worker counts tokens apart for.
pub const GEN_AI_SERIES_MAX: usize = 1_000;
/// The port of the block `llm`, as in agentgateway.
pub const LLM_PORT: u16 = 4000;
/// Models of one gateway, and aliases of one route.
pub const MODELS_MAX: usize = 10_000;
/// What a credential is made of: a file of keys, a token, what gives them out answers.
pub const CREDENTIAL_TEXT_BYTES_MAX: usize = 64 * KIB;
/// Credentials that one configuration has fetched, each by a thread of its own.
pub const CREDENTIALS_MAX: usize = 64;
/// One answer of who gives credentials out, from the name to the last byte.
pub const CREDENTIAL_FETCH_MAX: Duration = Duration::from_secs(10);
/// After a fetch that failed, and after many of them.
pub const CREDENTIAL_RETRY_MIN: Duration = Duration::from_secs(1);
pub const CREDENTIAL_RETRY_MAX: Duration = Duration::from_secs(60);
/// What lives long is renewed so long before its end, what lives shorter when four fifths are over.
pub const CREDENTIAL_AHEAD_MAX: Duration = Duration::from_secs(300);
/// What never says when it ends is looked at again so often.
pub const CREDENTIAL_LIFE_UNKNOWN: Duration = Duration::from_secs(900);
/// How long a request waits for a credential that was not brought yet.
pub const CREDENTIAL_WAIT: Duration = Duration::from_secs(5);
/// A clock that differs by so much is why a signature is refused.
pub const SKEW_SECONDS_MIN: u64 = 300;
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

/// What is no answer of a model that fails over, where the configuration does not say: it has too
/// much to do, or cannot. 529 is Anthropic's 503.
pub const LLM_RETRY_CODES: [u16; 6] = [429, 500, 502, 503, 504, 529];
/// Who asks to be left alone for longer is not asked again for the same request.
pub const LLM_WAIT_MAX: Duration = Duration::from_secs(5);
/// What of a prompt can say which endpoint is asked.
pub const PROMPT_PREFIX_MAX: usize = 64 * KIB;
/// Backends that one name may lead to: a word has a bit for each.
pub const CANDIDATES_MAX: usize = 64;

const _: () = assert!(CANDIDATES_MAX == u64::BITS as usize);
const _: () = assert!(JSON_DEPTH_MAX.is_multiple_of(64) && JSON_PATH_DEPTH_MAX < JSON_DEPTH_MAX);
