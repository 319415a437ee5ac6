//! What a generation cost, as Gemini tells it.

use serde::{Deserialize, Serialize};

use super::super::Usage;
use super::wire::whole;

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    #[serde(alias = "prompt_token_count", deserialize_with = "whole")]
    prompt_token_count: Option<i64>,
    #[serde(alias = "candidates_token_count", deserialize_with = "whole")]
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates_token_count: Option<i64>,
    #[serde(alias = "total_token_count", deserialize_with = "whole")]
    total_token_count: Option<i64>,
    #[serde(alias = "thoughts_token_count", deserialize_with = "whole")]
    #[serde(skip_serializing_if = "Option::is_none")]
    thoughts_token_count: Option<i64>,
    #[serde(alias = "cached_content_token_count", deserialize_with = "whole")]
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_content_token_count: Option<i64>,
    #[serde(alias = "tool_use_prompt_token_count", deserialize_with = "whole")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_use_prompt_token_count: Option<i64>,
}

impl Metadata {
    pub(super) fn read(self) -> Usage {
        let count = |told: Option<i64>| told.and_then(|told| u64::try_from(told).ok());
        let thoughts = count(self.thoughts_token_count);
        let input = match (count(self.prompt_token_count), count(self.tool_use_prompt_token_count))
        {
            (None, None) => None,
            (prompt, tools) => Some(prompt.unwrap_or(0).saturating_add(tools.unwrap_or(0))),
        };
        // A count of nought is left out on the wire; then the sum tells that it was one.
        let output = match (count(self.candidates_token_count), count(self.total_token_count)) {
            (Some(candidates), _) => Some(candidates.saturating_add(thoughts.unwrap_or(0))),
            (None, Some(total)) => Some(total.saturating_sub(input.unwrap_or(0))),
            (None, None) => thoughts,
        };
        Usage {
            input,
            output,
            cache_read: count(self.cached_content_token_count),
            cache_written: None,
            reasoning: thoughts,
        }
    }

    pub(super) fn of(usage: Usage) -> Self {
        let count = |tokens: u64| i64::try_from(tokens).ok();
        let thoughts = usage.reasoning.filter(|thoughts| *thoughts > 0);
        let spoken = |output: u64| output.saturating_sub(usage.reasoning.unwrap_or(0));
        Self {
            prompt_token_count: count(usage.input.unwrap_or(0)),
            candidates_token_count: usage.output.map(spoken).and_then(count),
            total_token_count: count(usage.total()),
            thoughts_token_count: thoughts.and_then(count),
            cached_content_token_count: usage.cache_read.filter(|read| *read > 0).and_then(count),
            tool_use_prompt_token_count: None,
        }
    }
}
