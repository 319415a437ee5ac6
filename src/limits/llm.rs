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
/// Combinations of provider, models and route that one worker counts tokens apart for.
pub const GEN_AI_SERIES_MAX: usize = 1_000;
/// The port of the block `llm`, as in agentgateway.
pub const LLM_PORT: u16 = 4000;
/// Models of one gateway, and aliases of one route.
pub const MODELS_MAX: usize = 10_000;
/// What a credential is made of: a file of keys, a token, what gives them out answers.
pub const CREDENTIAL_TEXT_BYTES_MAX: usize = 64 * super::KIB;
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

const _: () = assert!(JSON_DEPTH_MAX.is_multiple_of(64) && JSON_PATH_DEPTH_MAX < JSON_DEPTH_MAX);
