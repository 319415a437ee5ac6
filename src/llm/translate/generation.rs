//! `Generation`: a whole answer of a model, in no dialect's words.

use serde_json::Value;

use super::prompt::Part;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Generation {
    /// As the provider has it; empty where it tells none.
    pub id: String,
    /// The model that answered; empty where it is not told.
    pub model: String,
    /// Seconds since 1970.
    pub created: Option<u64>,
    /// Text, thinking, calls, a refusal.
    pub parts: Vec<Part>,
    pub finish: Finish,
    /// The stop sequence that was met.
    pub stop_sequence: Option<String>,
    pub usage: Usage,
    /// OpenAI's `logprobs` of the choice, as it is.
    pub logprobs: Option<Value>,
    pub service_tier: Option<String>,
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finish {
    #[default]
    Stop,
    StopSequence,
    /// As many tokens as it may say, or can.
    Length,
    /// It calls tools.
    Calls,
    /// A filter, of what was asked or what was said.
    Filtered,
    /// The model itself will not.
    Refused,
    /// It goes on when it is asked again (Anthropic's pause_turn).
    Paused,
}

/// What it used. What is unknown is `None`, never nought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// With all that was read from a cache or written to it.
    pub input: Option<u64>,
    /// With thoughts.
    pub output: Option<u64>,
    /// Of the input.
    pub cache_read: Option<u64>,
    /// Of the input.
    pub cache_written: Option<u64>,
    /// Of the output.
    pub reasoning: Option<u64>,
}

impl Usage {
    /// What is told later counts, field by field.
    pub fn update(&mut self, later: Self) {
        self.input = later.input.or(self.input);
        self.output = later.output.or(self.output);
        self.cache_read = later.cache_read.or(self.cache_read);
        self.cache_written = later.cache_written.or(self.cache_written);
        self.reasoning = later.reasoning.or(self.reasoning);
    }

    /// The input without what was in a cache: what Anthropic and Bedrock call input.
    pub fn input_alone(self) -> u64 {
        let cached = self.cache_read.unwrap_or(0).saturating_add(self.cache_written.unwrap_or(0));
        self.input.unwrap_or(0).saturating_sub(cached)
    }

    pub fn total(self) -> u64 {
        self.input.unwrap_or(0).saturating_add(self.output.unwrap_or(0))
    }
}
