//! `Event`: a piece of an answer that comes as a stream, in no dialect's words. Whatever a dialect
//! does, the pieces come in this order, and readers see to it:
//!
//! ```text
//! Start { Open { Delta } Close } [ Finish ] [ Usage ] End
//! ```
//!
//! `Start` comes once, first. Blocks never overlap: where a provider talks about two calls by
//! turns, its reader keeps what belongs to the later one until the first is closed. `Usage` may come
//! at any time after `Start`, any number of times: what is told last counts, field by field. `End`
//! comes once, when the provider said that this was all; a stream that breaks off has none, and
//! what writers put then is `Fault`. A `Fault` ends a stream, too.

use super::fault::Fault;
use super::generation::{Finish, Usage};

#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    Start {
        /// As the provider has it; empty where it tells none.
        id: &'a str,
        /// The model that answers; empty where it is not told.
        model: &'a str,
        /// What is known of the input by now.
        usage: Usage,
    },
    Open(Block<'a>),
    /// More of the block that is open: text, a thought, a refusal; of a call, text of its JSON.
    Delta(&'a str),
    /// Log probabilities of what the last delta said, as OpenAI has them.
    Logprobs(&'a serde_json::Value),
    /// The thought, or the call, that is open is signed.
    Signature(&'a str),
    Close,
    Finish {
        finish: Finish,
        stop_sequence: Option<&'a str>,
    },
    Usage(Usage),
    End,
    Fault(Fault),
}

/// What is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block<'a> {
    Text,
    Thinking,
    /// A thought that only the provider can read: all of it is here.
    Sealed(&'a str),
    Refusal,
    Call {
        id: &'a str,
        name: &'a str,
    },
}
