//! What a user may ask of a string of bytes, compiled once. Knows nothing of what the bytes are;
//! owns no state. Letters count as written: who needs case folded, folds before.

use std::error::Error;
use std::fmt;

use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};

use crate::limits::PATTERN_BYTES_MAX;

/// A test of a whole string.
#[derive(Clone, Debug)]
pub enum Pattern {
    Exact(Box<[u8]>),
    Prefix(Box<[u8]>),
    Suffix(Box<[u8]>),
    Contains(Box<Finder<'static>>),
    Regex(Regex),
}

impl Pattern {
    pub fn exact(text: &str) -> Self {
        Self::Exact(text.as_bytes().into())
    }

    pub fn prefix(text: &str) -> Self {
        Self::Prefix(text.as_bytes().into())
    }

    pub fn suffix(text: &str) -> Self {
        Self::Suffix(text.as_bytes().into())
    }

    pub fn contains(text: &str) -> Self {
        Self::Contains(Box::new(Finder::new(text.as_bytes()).into_owned()))
    }

    /// An expression that must match the whole string.
    pub fn regex(expression: &str) -> Result<Self, PatternError> {
        whole_regex(expression).map(Self::Regex)
    }

    #[inline]
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Exact(wanted) => **wanted == *text,
            Self::Prefix(wanted) => text.starts_with(wanted),
            Self::Suffix(wanted) => text.ends_with(wanted),
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// Why an expression was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    Syntax,
    /// Compiled, it would take more than `PATTERN_BYTES_MAX`.
    TooLarge,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not a regular expression",
            Self::TooLarge => "a regular expression that is too large",
        })
    }
}

impl Error for PatternError {}

/// The expression, anchored at both ends. Leftmost-first search without anchors would take `a` of
/// `a|ab` in `ab` and then find that it does not span the whole.
pub fn whole_regex(expression: &str) -> Result<Regex, PatternError> {
    // On its own first: `a)|(b` is an expression only once it stands in parentheses.
    build(expression)?;
    build(&anchored(expression))
}

/// The text of `whole_regex`'s expression, for who builds a set of them.
pub fn anchored(expression: &str) -> String {
    format!(r"\A(?:{expression})\z")
}

fn build(expression: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(expression).size_limit(PATTERN_BYTES_MAX).build().map_err(|error| match error
    {
        regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
        _ => PatternError::Syntax,
    })
}

#[cfg(test)]
mod tests;
