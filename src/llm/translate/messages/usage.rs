//! Usage: what was read from a cache, and written to it, stands beside the input.

use serde::{Deserialize, Serialize};

use crate::llm::translate::field::count;
use crate::llm::translate::{Caller, Usage};

/// What was told so far.
#[derive(Deserialize, Debug, Default)]
pub(super) struct Told {
    #[serde(default, deserialize_with = "count")]
    input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    cache_read_input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    output_tokens: Option<u64>,
    output_tokens_details: Option<Details>,
    pub service_tier: Option<String>,
}

#[derive(Deserialize, Serialize, Debug, Clone, Copy)]
struct Details {
    #[serde(default, deserialize_with = "count")]
    thinking_tokens: Option<u64>,
}

impl Told {
    /// What is told later counts, field by field.
    pub(super) fn update(&mut self, later: Self) {
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.cache_creation_input_tokens =
            later.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens =
            later.cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.output_tokens_details = later.output_tokens_details.or(self.output_tokens_details);
    }

    pub(super) fn usage(&self) -> Usage {
        let (read, written) = (self.cache_read_input_tokens, self.cache_creation_input_tokens);
        let apart = read.unwrap_or(0).saturating_add(written.unwrap_or(0));
        Usage {
            input: self.input_tokens.map(|alone| alone.saturating_add(apart)),
            output: self.output_tokens,
            cache_read: read,
            cache_written: written,
            reasoning: self.output_tokens_details.and_then(|details| details.thinking_tokens),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Telling {
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_read_input_tokens: Option<u64>,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<Details>,
}

impl Telling {
    /// As far as it is known.
    pub(super) fn of(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input.map(|_| usage.input_alone()),
            cache_creation_input_tokens: usage.cache_written,
            cache_read_input_tokens: usage.cache_read,
            output_tokens: usage.output.unwrap_or(0),
            output_tokens_details: usage
                .reasoning
                .map(|tokens| Details { thinking_tokens: Some(tokens) }),
        }
    }

    /// Where input has to be told: by estimate, if nobody knows.
    pub(super) fn whole(usage: Usage, caller: &Caller) -> Self {
        let known = Self::of(usage);
        let input_tokens = known.input_tokens.or(Some(caller.input_tokens));
        Self {
            input_tokens,
            cache_creation_input_tokens: known.cache_creation_input_tokens.or(Some(0)),
            cache_read_input_tokens: known.cache_read_input_tokens.or(Some(0)),
            ..known
        }
    }
}
