//! Whole answers of Anthropic's Messages.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::stop;
use super::usage::{Telling, Told};
use crate::llm::translate::prompt::{Call, Part, Thinking};
use crate::llm::translate::{Broken, Caller, Finish, Generation, fit};

/// Reads an answer. What Anthropic's own tools did is left out, as are citations.
///
/// # Errors
/// It is none.
pub fn read(body: &[u8]) -> Result<Generation, Broken> {
    let body: Body = serde_json::from_slice(body).map_err(|_| Broken)?;
    if body.kind != "message" {
        return Err(Broken);
    }
    let mut parts = Vec::with_capacity(body.content.len());
    for block in body.content {
        parts.extend(block.into_part()?);
    }
    let told = body.usage.unwrap_or_default();
    Ok(Generation {
        id: body.id.unwrap_or_default(),
        model: body.model.unwrap_or_default(),
        created: None,
        parts,
        finish: body.stop_reason.as_deref().map(stop::read).unwrap_or_default(),
        stop_sequence: body.stop_sequence,
        usage: told.usage(),
        logprobs: None,
        service_tier: told.service_tier.as_deref().and_then(tier),
    })
}

/// OpenAI's word for it.
fn tier(word: &str) -> Option<String> {
    match word {
        "standard" => Some("default".to_owned()),
        "priority" => Some("priority".to_owned()),
        _ => None,
    }
}

impl Block {
    fn into_part(self) -> Result<Option<Part>, Broken> {
        Ok(match self.kind.as_str() {
            "text" => self.text.filter(|text| !text.is_empty()).map(Part::text),
            "thinking" => {
                let signature = self.signature.filter(|signature| !signature.is_empty());
                let text = self.thinking.unwrap_or_default();
                Some(Part::Thinking(Thinking { text, signature, sealed: None }))
            }
            "redacted_thinking" => {
                Some(Part::Thinking(Thinking { sealed: self.data, ..Thinking::default() }))
            }
            "tool_use" => {
                let (id, signature) = fit::unsigned(self.id.unwrap_or_default());
                let input = Value::Object(self.input.unwrap_or_default());
                let name = self.name.ok_or(Broken)?;
                Some(Part::Call(Call { id, name, input, signature, cache: None }))
            }
            _ => None,
        })
    }
}

/// Appends an answer.
pub fn write(generation: &Generation, caller: &Caller, out: &mut Vec<u8>) {
    let parts = generation.parts.iter().enumerate();
    let content = parts.filter_map(|(place, part)| written(part, place, caller)).collect();
    let has_stop = generation.finish == Finish::StopSequence;
    let answer = Answer {
        id: id(&generation.id, caller),
        kind: "message",
        role: "assistant",
        model: if generation.model.is_empty() { &caller.model } else { &generation.model },
        content,
        stop_reason: stop::word(generation.finish),
        stop_sequence: generation.stop_sequence.as_deref().filter(|_| has_stop),
        usage: Telling::whole(generation.usage, caller),
    };
    // A vector takes it all, and no key of a map is anything but a text.
    let _ = serde_json::to_writer(out, &answer);
}

/// The id of an answer.
pub(super) fn id<'a>(told: &'a str, caller: &Caller) -> Cow<'a, str> {
    if told.is_empty() {
        return Cow::Owned(fit::made("msg_", caller.seed, 0));
    }
    Cow::Borrowed(told)
}

/// The id of a call.
pub(super) fn call_id<'a>(
    told: &'a str,
    signature: Option<&str>,
    place: usize,
    caller: &Caller,
) -> Cow<'a, str> {
    if !told.is_empty() {
        return fit::signed(told, signature);
    }
    let made = fit::made("toolu_", caller.seed, place);
    Cow::Owned(fit::signed(&made, signature).into_owned())
}

fn written<'a>(part: &'a Part, place: usize, caller: &'a Caller) -> Option<Written<'a>> {
    Some(match part {
        Part::Text { text, .. } | Part::Refusal(text) => {
            Written { kind: "text", text: Some(text), ..Written::default() }
        }
        Part::Thinking(Thinking { sealed: Some(data), .. }) => {
            Written { kind: "redacted_thinking", data: Some(data), ..Written::default() }
        }
        Part::Thinking(Thinking { text, signature, .. }) => Written {
            kind: "thinking",
            thinking: Some(text),
            signature: Some(signature.as_deref().unwrap_or_default()),
            ..Written::default()
        },
        Part::Call(call) => Written {
            kind: "tool_use",
            id: Some(call_id(&call.id, call.signature.as_deref(), place, caller)),
            name: Some(caller.tool(&call.name)),
            input: Some(&call.input),
            ..Written::default()
        },
        Part::Media { .. } | Part::Result { .. } => return None,
    })
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    model: Option<String>,
    content: Vec<Block>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    usage: Option<Told>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Map<String, Value>>,
}

#[derive(Serialize)]
struct Answer<'a> {
    id: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Written<'a>>,
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
    usage: Telling,
}

#[derive(Serialize, Default)]
struct Written<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a Value>,
}
