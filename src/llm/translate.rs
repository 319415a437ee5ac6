//! `translate`: what one dialect says, in the words of another. Pure: bytes in, bytes out.
//!
//! There is no code for a pair. Each dialect reads what it is told into the words of this module,
//! `Prompt` for a request, `Generation` for an answer, `Event` for a piece of a streamed one and
//! `Fault` for an error, and each writes them: five readers and five writers are all the pairs.
//! A dialect has a directory: `prompt` (requests), `generation` (answers), `stream`, `fault`.
//!
//! What is lost on the way has a rule, which stands in the table of the dialect that cannot say it
//! (its module docs): it is dropped where the answer is the same in kind without it, and refused
//! with a text that names the field where it is not.

pub mod completions;
pub mod converse;
pub mod estimate;
pub mod event;
pub mod fault;
mod field;
mod fit;
pub mod gemini;
pub mod generation;
mod media;
pub mod messages;
pub mod pair;
pub mod prompt;
pub mod responses;
pub mod schema;

pub use event::{Block, Event};
pub use fault::{Fault, Trouble};
pub use generation::{Finish, Generation, Usage};
pub use prompt::{Part, Prompt};

mod call_id;
mod fields;
mod object;

use std::borrow::Cow;

/// The shape of an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's chat completions.
    Completions,
    /// Anthropic's Messages.
    Messages,
    /// OpenAI's Responses.
    Responses,
    /// Google's generateContent.
    Gemini,
    /// Bedrock's Converse.
    Converse,
}

/// What a request says that stands not in its body: Gemini and Converse have it in the path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line<'a> {
    pub model: &'a str,
    pub streams: bool,
}

/// Whom a request is written for.
#[derive(Clone, Copy, Debug)]
pub struct Provider<'a> {
    /// What the model is called there.
    pub model: &'a str,
    pub host: Host,
    /// Of a prompt that names no limit, where the dialect must have one.
    pub output_tokens: u64,
}

/// Who speaks a dialect with an accent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Host {
    /// The one whose dialect it is, or somebody who says the same.
    #[default]
    Own,
    /// Vertex AI: Messages without a model and with its own version; no ids in calls of Gemini.
    Vertex,
    /// Bedrock's InvokeModel: Messages without a model and with its own version.
    Bedrock,
    /// Somebody who speaks Completions as of 2024: `max_tokens`, system and no developer.
    Compatible,
}

/// Whom an answer is written for: what has to be kept of the request until then.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The model, as the caller named it.
    pub model: String,
    /// A stream of Completions has usage only where it was asked for.
    pub wants_usage: bool,
    /// Tokens of the prompt by estimate: for a head that must tell them before anybody knows.
    pub input_tokens: u64,
    /// Seconds since 1970.
    pub now: u64,
    /// What ids are made of, where the provider gave none.
    pub seed: u64,
    /// Names of tools that the provider could not be told as they are: what it was told, and what
    /// the caller calls it.
    pub renamed: Vec<(String, String)>,
}

impl Caller {
    /// What the caller calls a tool.
    pub fn tool<'a>(&'a self, name: &'a str) -> &'a str {
        let found = self.renamed.iter().find(|(told, _)| told == name);
        found.map_or(name, |(_, own)| own)
    }
}

/// Why a request cannot be told to a provider: 400 to the caller, in its own shape. The text names
/// the field, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub Cow<'static, str>);

/// What a provider said is nothing that its dialect has: 502 to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

#[cfg(test)]
mod case_tests;
#[cfg(test)]
mod chat_tests;
#[cfg(test)]
mod round_trip_tests;
