//! `Prompt`: a request for a generation, in no dialect's words.

use serde_json::{Map, Value};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    /// As the caller names it.
    pub model: String,
    /// What is said before the conversation. Only `Part::Text` (with its cache mark).
    pub system: Vec<Part>,
    /// Turns of one role that follow each other are one turn: readers see to it.
    pub turns: Vec<Turn>,
    pub tools: Vec<Tool>,
    pub choice: Option<Choice>,
    /// Whether several tools may be called at once; `None`: what the provider does by itself.
    pub parallel: Option<bool>,
    pub sampling: Sampling,
    pub reasoning: Option<Reasoning>,
    /// `None`: text.
    pub format: Option<Format>,
    /// Who asks, for the provider's watch on abuse.
    pub user: Option<String>,
    /// Flat, of texts.
    pub metadata: Map<String, Value>,
    pub service_tier: Option<String>,
    /// OpenAI's `verbosity`: low, medium, high.
    pub verbosity: Option<String>,
    /// Whether the provider may keep the answer (Responses).
    pub store: Option<bool>,
    pub stream: bool,
    /// The caller asked for usage in a stream of Completions.
    pub wants_usage: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// All that is generated, thoughts too.
    pub output_tokens: Option<u64>,
    /// As the caller has it; OpenAI's and Gemini's goes to 2, Anthropic's to 1.
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub stop: Vec<String>,
    pub seed: Option<i64>,
    pub presence_penalty: Option<f64>,
    pub frequency_penalty: Option<f64>,
    /// Log probabilities are asked for, with so many alternatives.
    pub logprobs: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    User,
    Assistant,
    /// System words amid the conversation.
    System,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    pub role: Role,
    pub parts: Vec<Part>,
}

/// A piece of what somebody says.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text {
        text: String,
        cache: Option<Cache>,
    },
    Media {
        media: Media,
        cache: Option<Cache>,
    },
    Thinking(Thinking),
    Call(Call),
    /// What a tool said: in a turn of the user, before what the user says.
    Result {
        id: String,
        /// Where the dialect tells it, or a call before has the id.
        name: Option<String>,
        /// Text and media.
        parts: Vec<Self>,
        is_error: bool,
        cache: Option<Cache>,
    },
    /// The model said that it will not.
    Refusal(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    pub id: String,
    pub name: String,
    /// An object. Of a text that is none: empty.
    pub input: Value,
    /// Gemini's thoughtSignature. To dialects without a place for it, it goes as the end of the id
    /// (`<id>__thought__<signature>`), which readers take off again.
    pub signature: Option<String>,
    pub cache: Option<Cache>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thinking {
    pub text: String,
    /// Without it most providers do not take it back.
    pub signature: Option<String>,
    /// Anthropic's redacted data, Responses' encrypted content: opaque, instead of a text.
    pub sealed: Option<String>,
}

/// Up to here a provider should remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    FiveMinutes,
    Hour,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    pub kind: MediaKind,
    /// Such as image/png. Empty where it is not told (an address of an image).
    pub mime: String,
    pub source: Source,
    /// Of a document.
    pub name: Option<String>,
    /// OpenAI's `detail` of an image.
    pub detail: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    Image,
    Document,
    Audio,
    Video,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Base64, as every dialect has it.
    Data(String),
    Url(String),
    /// Kept by the provider under an id; no other provider has it.
    File(String),
    /// A document that is plain text.
    Text(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// JSON Schema of its input.
    pub schema: Value,
    pub strict: Option<bool>,
    pub cache: Option<Cache>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    Auto,
    /// One at least, whichever.
    Any,
    None,
    Tool(String),
}

/// How much the model thinks before it speaks. What is not said is derived from what is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    pub effort: Option<Effort>,
    /// Tokens.
    pub budget: Option<u64>,
    /// The caller wants to see the thoughts, or a summary of them.
    pub shown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// It does not think.
    None,
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// Any object.
    Json,
    Schema {
        name: Option<String>,
        description: Option<String>,
        schema: Value,
        strict: Option<bool>,
    },
}

impl Effort {
    pub const WORDS: [(&'static str, Self); 7] = [
        ("none", Self::None),
        ("minimal", Self::Minimal),
        ("low", Self::Low),
        ("medium", Self::Medium),
        ("high", Self::High),
        ("xhigh", Self::XHigh),
        ("max", Self::Max),
    ];

    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, effort)| *effort)
    }

    pub fn word(self) -> &'static str {
        Self::WORDS[self as usize].0
    }

    /// Tokens, for those who count thoughts: agentgateway's scale.
    pub const fn budget(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal | Self::Low => 1024,
            Self::Medium => 2048,
            Self::High => 4096,
            Self::XHigh => 8192,
            Self::Max => 16384,
        }
    }

    /// The same scale read backwards.
    pub const fn of_budget(tokens: u64) -> Self {
        match tokens {
            0 => Self::None,
            1..=1024 => Self::Low,
            1025..=2048 => Self::Medium,
            2049..=4096 => Self::High,
            4097..=8192 => Self::XHigh,
            _ => Self::Max,
        }
    }
}

impl Part {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), cache: None }
    }
}

impl Prompt {
    /// Says something more; to the last turn, if that has the same role.
    pub fn say(&mut self, role: Role, part: Part) {
        match self.turns.last_mut() {
            Some(last) if last.role == role => last.parts.push(part),
            _ => self.turns.push(Turn { role, parts: vec![part] }),
        }
    }

    /// The name of the tool that was called by that id.
    pub fn called(&self, id: &str) -> Option<&str> {
        let parts = self.turns.iter().rev().flat_map(|turn| &turn.parts);
        parts.into_iter().find_map(|part| match part {
            Part::Call(call) if call.id == id => Some(call.name.as_str()),
            _ => None,
        })
    }
}
