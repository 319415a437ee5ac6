//! Usage: the prompt has all that was read from a cache or written to it, the completion has the
//! thoughts.

use serde::{Deserialize, Serialize};

use crate::llm::translate::Usage;
use crate::llm::translate::field::count;

#[derive(Deserialize, Debug, Default)]
pub(super) struct Told {
    #[serde(default, deserialize_with = "count")]
    prompt_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    completion_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<Prompt>,
    completion_tokens_details: Option<Completion>,
    /// DeepSeek's.
    #[serde(default, deserialize_with = "count")]
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Deserialize, Serialize, Debug, Default)]
struct Prompt {
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    cached_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    cache_write_tokens: Option<u64>,
}

#[derive(Deserialize, Serialize, Debug, Default)]
struct Completion {
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    reasoning_tokens: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct Telling {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<Prompt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<Completion>,
}

impl From<Told> for Usage {
    fn from(told: Told) -> Self {
        let prompt = told.prompt_tokens_details.unwrap_or_default();
        let reasoning = told.completion_tokens_details.unwrap_or_default().reasoning_tokens;
        let mut output = told.completion_tokens;
        // xAI has the thoughts beside the completion; the total tells.
        if let (Some(prompt), Some(said), Some(thought), Some(total)) =
            (told.prompt_tokens, output, reasoning, told.total_tokens)
        {
            let both = said.saturating_add(thought);
            if thought > 0 && prompt.saturating_add(both) == total {
                output = Some(both);
            }
        }
        Self {
            input: told.prompt_tokens,
            output,
            cache_read: prompt.cached_tokens.or(told.prompt_cache_hit_tokens),
            cache_written: prompt.cache_write_tokens,
            reasoning,
        }
    }
}

/// Nothing, where nothing is known.
pub(super) fn write(usage: Usage) -> Option<Telling> {
    let (cached_tokens, cache_write_tokens) = (usage.cache_read, usage.cache_written);
    let has_prompt = cached_tokens.is_some() || cache_write_tokens.is_some();
    let reasoning_tokens = usage.reasoning;
    (usage.input.is_some() || usage.output.is_some()).then(|| Telling {
        prompt_tokens: usage.input.unwrap_or(0),
        completion_tokens: usage.output.unwrap_or(0),
        total_tokens: usage.total(),
        prompt_tokens_details: has_prompt.then_some(Prompt { cached_tokens, cache_write_tokens }),
        completion_tokens_details: reasoning_tokens
            .is_some()
            .then_some(Completion { reasoning_tokens }),
    })
}
