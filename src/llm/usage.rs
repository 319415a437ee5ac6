//! `Facts`: what answers of the known APIs tell of themselves: which model answered, what it used.
//! Of a stream, what is told last counts, field by field.
//!
//! Who includes what: OpenAI's input has what was read from and written to a cache in it,
//! Anthropic's has not. The fields have different names, so that the sum is right for both. What was
//! thought is among the output of both.

use super::translate::{self, Dialect};
use crate::http::exchange::Usage;
use crate::limits::JSON_TEXT_BYTES_MAX;
use crate::proto::json_scan::{Found, Kind, Path};

/// What was found so far.
#[derive(Clone, Debug)]
pub struct Facts {
    table: &'static Table,
    model: [u8; JSON_TEXT_BYTES_MAX],
    model_len: usize,
    input: Option<u64>,
    output: Option<u64>,
    /// Beside the output: Gemini's thoughts.
    thoughts: Option<u64>,
    /// Beside the input: what Gemini's own tools said.
    tools: Option<u64>,
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
    /// Where that stands, with its quotes, if it is a text.
    pub text: Option<(usize, usize)>,
    pub has_usage: bool,
    /// It has a list of choices, with nothing in it.
    pub has_no_choices: bool,
    /// It has something that a caller may wait for.
    pub is_needed: bool,
    /// Of a stream that is one array: something of the answer came.
    pub is_item: bool,
    /// A realtime response is complete.
    pub is_done: bool,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            table: &USUAL,
            model: [0; JSON_TEXT_BYTES_MAX],
            model_len: 0,
            input: None,
            output: None,
            thoughts: None,
            tools: None,
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
    /// Of answers in that dialect; `None`: in whichever a path has that we do not know.
    pub fn of(dialect: Option<Dialect>) -> Self {
        let table = match dialect {
            Some(Dialect::Gemini) => &GEMINI,
            Some(Dialect::Converse) => &CONVERSE,
            _ => &USUAL,
        };
        Self { table, ..Self::default() }
    }

    /// Of what a realtime provider says.
    pub fn of_realtime() -> Self {
        Self { table: &REALTIME, ..Self::default() }
    }

    /// What the scan looks for.
    pub const fn paths(&self) -> &'static [Path] {
        self.table.paths
    }

    /// Takes what a translation found out.
    pub fn tell(&mut self, model: &str, usage: translate::Usage) {
        if !model.is_empty() && model.len() <= JSON_TEXT_BYTES_MAX {
            self.model[..model.len()].copy_from_slice(model.as_bytes());
            self.model_len = model.len();
        }
        self.input = usage.input.or(self.input);
        self.output = usage.output.or(self.output);
        self.cached = usage.cache_read.or(self.cached);
        self.cache_written = usage.cache_written.or(self.cache_written);
    }

    pub fn take(&mut self, found: &Found<'_>) {
        let count = found.count();
        match self.table.wanted[found.path].1 {
            What::Model if found.kind == Kind::Text && is_name(found) => {
                self.model[..found.text.len()].copy_from_slice(found.text);
                self.model_len = found.text.len();
            }
            What::Model => (),
            What::Input => self.input = count.or(self.input),
            What::Output => self.output = count.or(self.output),
            What::Thoughts => self.thoughts = count.or(self.thoughts),
            What::Tools => self.tools = count.or(self.tools),
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
                let is_text = found.kind == Kind::Text && !found.text.is_empty();
                self.event.has_token |= is_text;
                if is_text && !found.cut {
                    self.event.text = Some((found.start, found.end));
                }
            }
            What::Calls => self.event.has_token |= found.kind == Kind::Array(false),
            What::Piece => self.event.has_token |= found.kind == Kind::Object(false),
            What::Item => {
                let is_text = found.kind == Kind::Text && !found.text.is_empty();
                self.event.is_item |= is_text || found.kind == Kind::Object(false);
            }
            What::Type => {
                self.event.has_token |= is_token(found.text);
                self.event.is_done |= found.text == b"response.done";
            }
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
        let apart = apart.saturating_add(self.tools.unwrap_or(0));
        let output = match (self.output, self.thoughts) {
            (None, None) => None,
            (said, thought) => Some(said.unwrap_or(0).saturating_add(thought.unwrap_or(0))),
        };
        Usage {
            input: self.input.map(|input| input.saturating_add(apart)),
            output,
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
    Thoughts,
    Tools,
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
    /// An object that is a piece of an answer.
    Piece,
    /// The same in an item of a stream that is an array.
    Item,
    Type,
}

/// What is looked for, and what it means.
#[derive(Debug)]
struct Table {
    paths: &'static [Path],
    wanted: &'static [(Path, What)],
}

static USUAL: Table = Table { paths: &paths(&WANTED), wanted: &WANTED };
static GEMINI: Table = Table { paths: &paths(&OF_GEMINI), wanted: &OF_GEMINI };
static REALTIME: Table = Table { paths: &paths(&OF_REALTIME), wanted: &OF_REALTIME };
static CONVERSE: Table = Table { paths: &paths(&OF_CONVERSE), wanted: &OF_CONVERSE };

/// Where it stands, in Completions and Embeddings, in Messages, in Responses, in rerank.
const WANTED: [(Path, What); 38] = [
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
    (&["delta", "text"], What::Text),
    (&["delta", "thinking"], What::Text),
    (&["delta", "partial_json"], What::Text),
    (&["type"], What::Type),
    (&["meta", "billed_units", "input_tokens"], What::Input),
    (&["meta", "billed_units", "output_tokens"], What::Output),
];

/// The same in Gemini's, whole or an item of an array.
const OF_GEMINI: [(Path, What); 20] = [
    (&["modelVersion"], What::Model),
    (&["usageMetadata", "promptTokenCount"], What::Input),
    (&["usageMetadata", "candidatesTokenCount"], What::Output),
    (&["usageMetadata", "thoughtsTokenCount"], What::Thoughts),
    (&["usageMetadata", "toolUsePromptTokenCount"], What::Tools),
    (&["usageMetadata", "cachedContentTokenCount"], What::Cached),
    (&["candidates", "[]", "content", "parts", "[]", "text"], What::Text),
    (&["candidates", "[]", "content", "parts", "[]", "functionCall"], What::Piece),
    (&["error"], What::Error),
    (&["totalTokens"], What::Counted),
    (&["[]", "modelVersion"], What::Model),
    (&["[]", "usageMetadata", "promptTokenCount"], What::Input),
    (&["[]", "usageMetadata", "candidatesTokenCount"], What::Output),
    (&["[]", "usageMetadata", "thoughtsTokenCount"], What::Thoughts),
    (&["[]", "usageMetadata", "toolUsePromptTokenCount"], What::Tools),
    (&["[]", "usageMetadata", "cachedContentTokenCount"], What::Cached),
    (&["[]", "candidates", "[]", "content", "parts", "[]", "text"], What::Item),
    (&["[]", "candidates", "[]", "content", "parts", "[]", "functionCall"], What::Item),
    (&["[]", "error"], What::Error),
    (&["[]", "totalTokens"], What::Counted),
];
/// And in Converse's, whole or a frame of a stream. No model is told.
const OF_CONVERSE: [(Path, What); 6] = [
    (&["usage", "inputTokens"], What::Input),
    (&["usage", "outputTokens"], What::Output),
    (&["usage", "cacheReadInputTokens"], What::CacheReadApart),
    (&["usage", "cacheWriteInputTokens"], What::CacheWrittenApart),
    (&["delta"], What::Piece),
    (&["inputTokens"], What::Counted),
];

/// And in what is said over a WebSocket.
const OF_REALTIME: [(Path, What); 6] = [
    (&["type"], What::Type),
    (&["session", "model"], What::Model),
    (&["response", "usage", "input_tokens"], What::Input),
    (&["response", "usage", "output_tokens"], What::Output),
    (&["response", "usage", "input_token_details", "cached_tokens"], What::Cached),
    (&["response", "usage", "input_tokens_details", "cached_tokens"], What::Cached),
];

/// For the scan.
const fn paths<const N: usize>(wanted: &[(Path, What); N]) -> [Path; N] {
    let mut paths: [Path; N] = [&[]; N];
    let mut place = 0;
    while place < N {
        paths[place] = wanted[place].0;
        place += 1;
    }
    paths
}
