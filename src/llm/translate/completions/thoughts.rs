//! Thoughts, for which OpenAI's chat completions have no place. Others speak of them as
//! `reasoning_content`; where one is signed, it goes as LiteLLM's `thinking_blocks`, too, so that
//! it can be given back.

use serde::{Deserialize, Serialize};

use super::super::Part;
use super::super::prompt::Thinking;

#[derive(Deserialize, Serialize, Debug, Default)]
pub(super) struct Thought {
    /// Of a stream: OpenAI's library takes no list in a delta without it.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// Blocks tell all; of a stream, their text is told apart.
pub(super) fn read(text: Option<String>, blocks: Option<Vec<Thought>>) -> Vec<Part> {
    let mut text = text.filter(|text| !text.is_empty());
    let blocks = blocks.unwrap_or_default();
    let is_alone = blocks.iter().filter(|block| block.kind == "thinking").count() == 1;
    let mut parts = Vec::with_capacity(blocks.len() + 1);
    for block in blocks {
        let signature = block.signature.filter(|signature| !signature.is_empty());
        let own = block.thinking.filter(|own| !own.is_empty());
        let thought = match block.data {
            Some(data) => Thinking { sealed: Some(data), ..Thinking::default() },
            None => {
                let apart = if is_alone { text.take() } else { None };
                Thinking { text: own.or(apart).unwrap_or_default(), signature, sealed: None }
            }
        };
        parts.push(Part::Thinking(thought));
    }
    if let Some(text) = text.filter(|_| parts.is_empty()) {
        parts.push(Part::Thinking(Thinking { text, ..Thinking::default() }));
    }
    parts
}

/// Of all thoughts, the text; and of those that are signed or sealed, blocks.
pub(super) fn write(parts: &[Part]) -> (Option<String>, Option<Vec<Thought>>) {
    let (mut text, mut blocks) = (String::new(), Vec::new());
    for part in parts {
        let Part::Thinking(thinking) = part else { continue };
        text.push_str(&thinking.text);
        if let Some(data) = &thinking.sealed {
            blocks.push(sealed(data));
        } else if let Some(signature) = &thinking.signature {
            blocks.push(signed(&thinking.text, signature));
        }
    }
    (Some(text).filter(|text| !text.is_empty()), Some(blocks).filter(|blocks| !blocks.is_empty()))
}

pub(super) fn sealed(data: &str) -> Thought {
    let data = Some(data.to_owned());
    Thought { kind: "redacted_thinking".to_owned(), data, ..Thought::default() }
}

pub(super) fn signed(text: &str, signature: &str) -> Thought {
    let (thinking, signature) = (Some(text.to_owned()), Some(signature.to_owned()));
    Thought { kind: "thinking".to_owned(), thinking, signature, ..Thought::default() }
}
