//! What a model says, whole or a piece of it: a text, or Mistral's list of texts and thoughts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::llm::translate::Finish;
use crate::llm::translate::field::TextOr;

/// One may be empty.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub thought: String,
    pub text: Cow<'a, str>,
}

#[derive(serde::Deserialize)]
struct Piece {
    text: Option<String>,
    thinking: Option<TextOr<Vec<Text>>>,
}

#[derive(serde::Deserialize)]
struct Text {
    text: Option<String>,
}

impl Piece {
    fn add(self, thought: &mut String, text: &mut String) {
        match self.thinking {
            Some(TextOr::Text(more)) => thought.push_str(&more),
            Some(TextOr::Other(several)) => {
                thought.extend(several.into_iter().filter_map(|one| one.text));
            }
            None => text.push_str(&self.text.unwrap_or_default()),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Said<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shape)
    }
}

struct Shape;

impl<'de> Visitor<'de> for Shape {
    type Value = Said<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a text, or a list of them")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Said<'de>, E> {
        Ok(Said { thought: String::new(), text: Cow::Borrowed(text) })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Said<'de>, E> {
        Ok(Said { thought: String::new(), text: Cow::Owned(text.to_owned()) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Said<'de>, A::Error> {
        let (mut thought, mut text) = (String::new(), String::new());
        while let Some(piece) = seq.next_element::<Piece>()? {
            piece.add(&mut thought, &mut text);
        }
        Ok(Said { thought, text: Cow::Owned(text) })
    }
}

/// Why it stopped. Some who call tools say that they just stopped.
pub(super) fn finish(word: &str, has_calls: bool, has_refused: bool) -> Finish {
    match word {
        "length" | "max_tokens" | "model_length" => Finish::Length,
        "content_filter" => Finish::Filtered,
        "tool_calls" | "function_call" => Finish::Calls,
        _ if has_calls => Finish::Calls,
        _ if has_refused => Finish::Refused,
        _ => Finish::Stop,
    }
}

/// The word for it. `has_words`: the model said itself that it will not.
pub(super) const fn word(finish: Finish, has_words: bool) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence | Finish::Paused => "stop",
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
        Finish::Refused if has_words => "stop",
        Finish::Filtered | Finish::Refused => "content_filter",
    }
}
