//! OpenAI's Responses.
//!
//! # What is lost
//!
//! Of a caller's request, told to another dialect:
//!
//! | field | what happens |
//! |---|---|
//! | `previous_response_id`, `conversation`, `prompt`, `background` | refused: OpenAI keeps them |
//! | `item_reference` | refused, too |
//! | `moderation`, `context_management` | refused: OpenAI does them |
//! | tools but `function` and `custom`, items of their calls | refused: OpenAI runs them |
//! | `custom` tools | a function with one field of text, mapped back |
//! | the grammar of a `custom` tool | goes into its description |
//! | `tool_choice.allowed_tools` | the other tools are left out |
//! | `truncation`, `include`, `prompt_cache_*`, `max_tool_calls`, `stream_options` | dropped |
//!
//! Of another caller's request, told to Responses:
//!
//! | what | what happens |
//! |---|---|
//! | stop sequences | refused: there are none, and the answer would go on |
//! | audio, video, media that the assistant said | refused |
//! | `top_k`, `seed`, penalties, cache marks | dropped |
//! | that a tool failed | dropped: what it said remains |
//! | thoughts that are not signed | dropped |
//! | a document that is text | text |
//! | signatures of calls | dropped: they are for who made them |
//! | ids of calls of more than 64 bytes | made shorter |
//! | whether the answer may be kept | it may not, unless the caller says so |
//!
//! Of an answer told to a caller: the stop sequence that was met, and what the request said, which
//! OpenAI repeats. A caller of this dialect has log probabilities when a text is done, not with its
//! deltas.

pub mod fault;
pub mod generation;
mod item;
pub mod prompt;
pub mod stream;

use serde_json::{Map, Value};

/// The end of the name of a function that is a custom tool.
const CUSTOM: &str = "__free_text";

/// The input of a call: of a text that is no object, none.
fn arguments(text: &str) -> Value {
    let object = serde_json::from_str(text).ok().filter(Value::is_object);
    object.unwrap_or_else(|| Value::Object(Map::new()))
}
