//! `Facts`: what answers of the known APIs tell of themselves: which model answered, what it used.
//! Of a stream, what is told last counts, field by field.
//!
//! Who includes what: OpenAI's input has what was read from and written to a cache in it,
//! Anthropic's has not. The fields have different names, so that the sum is right for both. What was
//! thought is among the output of both.

use crate::http::exchange::Usage;
use crate::limits::JSON_TEXT_BYTES_MAX;
use crate::proto::json_scan::{Found, Kind, Path};

/// What was found so far.
#[derive(Clone, Debug)]
pub struct Facts {
    model: [u8; JSON_TEXT_BYTES_MAX],
    model_len: usize,
    input: Option<u64>,
    output: Option<u64>,
    /// In the input.
    cached: Option<u64>,
    cache_written: Option<u64>,
    /// Beside the input.
    cache_read_apart: Option<u64>,
    cache_written_apart: Option<u64>,
    reasoning: Option<u64>,
    input_audio: Option<u64>,
    output_audio: Option<u64>,
    /// Of an answer to `count_tokens`.
    pub counted: Option<u64>,
    /// Of the event under way.
    pub event: Event,
}

/// What one event of a stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// It carries something of the answer.
    pub has_token: bool,
    pub has_usage: bool,
    /// It has a list of choices, with nothing in it.
    pub has_no_choices: bool,
    /// It has something that a caller may wait for.
    pub is_needed: bool,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            model: [0; JSON_TEXT_BYTES_MAX],
            model_len: 0,
            input: None,
            output: None,
            cached: None,
            cache_written: None,
            cache_read_apart: None,
            cache_written_apart: None,
            reasoning: None,
            input_audio: None,
            output_audio: None,
            counted: None,
            event: Event::default(),
        }
    }
}

impl Facts {
    pub fn take(&mut self, found: &Found<'_>) {
        let count = found.count();
        match WANTED[found.path].1 {
            What::Model if found.kind == Kind::Text && is_name(found) => {
                self.model[..found.text.len()].copy_from_slice(found.text);
                self.model_len = found.text.len();
            }
            What::Model => (),
            What::Input => self.input = count.or(self.input),
            What::Output => self.output = count.or(self.output),
            What::Cached => self.cached = count.or(self.cached),
            What::CacheWritten => self.cache_written = count.or(self.cache_written),
            What::CacheReadApart => self.cache_read_apart = count.or(self.cache_read_apart),
            What::CacheWrittenApart => {
                self.cache_written_apart = count.or(self.cache_written_apart);
            }
            What::Reasoning => self.reasoning = count.or(self.reasoning),
            What::InputAudio => self.input_audio = count.or(self.input_audio),
            What::OutputAudio => self.output_audio = count.or(self.output_audio),
            What::Counted => self.counted = count.or(self.counted),
            What::Usage => self.event.has_usage |= matches!(found.kind, Kind::Object(false)),
            What::Choices => self.choices(found.kind),
            What::Error => self.event.is_needed |= found.kind != Kind::Null,
            What::Text => {
                self.event.has_token |= found.kind == Kind::Text && !found.text.is_empty()
            }
            What::Calls => self.event.has_token |= found.kind == Kind::Array(false),
            What::Type => self.event.has_token |= is_token(found.text),
        }
    }

    fn choices(&mut self, kind: Kind) {
        match kind {
            Kind::Array(true) => self.event.has_no_choices = true,
            _ => self.event.is_needed = true,
        }
    }

    pub fn model(&self) -> &[u8] {
        &self.model[..self.model_len]
    }

    /// The bill, as far as it was told.
    pub fn usage(&self) -> Usage {
        let (read, written) = (self.cache_read_apart, self.cache_written_apart);
        let apart = read.unwrap_or(0).saturating_add(written.unwrap_or(0));
        Usage {
            input: self.input.map(|input| input.saturating_add(apart)),
            output: self.output,
            cache_read: self.cached.or(read),
            cache_written: self.cache_written.or(written),
            reasoning: self.reasoning,
            input_audio: self.input_audio,
            output_audio: self.output_audio,
        }
    }
}

impl Event {
    /// It tells usage and nothing else.
    pub const fn is_usage_alone(self) -> bool {
        self.has_usage && self.has_no_choices && !self.is_needed
    }
}

/// What could not be printed whole is no name.
fn is_name(found: &Found<'_>) -> bool {
    !found.cut && str::from_utf8(found.text).is_ok()
}

/// Types of events that carry something of an answer, of Messages and Responses.
fn is_token(kind: &[u8]) -> bool {
    kind == b"content_block_delta" || (kind.starts_with(b"response.") && kind.ends_with(b".delta"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Model,
    Input,
    Output,
    Cached,
    CacheWritten,
    CacheReadApart,
    CacheWrittenApart,
    Reasoning,
    InputAudio,
    OutputAudio,
    Counted,
    Usage,
    Choices,
    Error,
    Text,
    Calls,
    Type,
}

/// Where it stands, in Completions and Embeddings, in Messages, in Responses.
const WANTED: [(Path, What); 33] = [
    (&["model"], What::Model),
    (&["message", "model"], What::Model),
    (&["response", "model"], What::Model),
    (&["usage", "prompt_tokens"], What::Input),
    (&["usage", "input_tokens"], What::Input),
    (&["message", "usage", "input_tokens"], What::Input),
    (&["response", "usage", "input_tokens"], What::Input),
    (&["usage", "completion_tokens"], What::Output),
    (&["usage", "output_tokens"], What::Output),
    (&["message", "usage", "output_tokens"], What::Output),
    (&["response", "usage", "output_tokens"], What::Output),
    (&["usage", "prompt_tokens_details", "cached_tokens"], What::Cached),
    (&["usage", "input_tokens_details", "cached_tokens"], What::Cached),
    (&["response", "usage", "input_tokens_details", "cached_tokens"], What::Cached),
    (&["usage", "prompt_tokens_details", "cache_write_tokens"], What::CacheWritten),
    (&["usage", "cache_read_input_tokens"], What::CacheReadApart),
    (&["message", "usage", "cache_read_input_tokens"], What::CacheReadApart),
    (&["usage", "cache_creation_input_tokens"], What::CacheWrittenApart),
    (&["message", "usage", "cache_creation_input_tokens"], What::CacheWrittenApart),
    (&["usage", "completion_tokens_details", "reasoning_tokens"], What::Reasoning),
    (&["usage", "output_tokens_details", "reasoning_tokens"], What::Reasoning),
    (&["response", "usage", "output_tokens_details", "reasoning_tokens"], What::Reasoning),
    (&["usage", "prompt_tokens_details", "audio_tokens"], What::InputAudio),
    (&["usage", "completion_tokens_details", "audio_tokens"], What::OutputAudio),
    (&["input_tokens"], What::Counted),
    (&["usage"], What::Usage),
    (&["choices"], What::Choices),
    (&["error"], What::Error),
    (&["choices", "[]", "delta", "content"], What::Text),
    (&["choices", "[]", "delta", "reasoning_content"], What::Text),
    (&["choices", "[]", "delta", "refusal"], What::Text),
    (&["choices", "[]", "delta", "tool_calls"], What::Calls),
    (&["type"], What::Type),
];

/// For the scan.
pub const PATHS: &[Path] = &{
    let mut paths: [Path; WANTED.len()] = [&[]; WANTED.len()];
    let mut place = 0;
    while place < WANTED.len() {
        paths[place] = WANTED[place].0;
        place += 1;
    }
    paths
};
