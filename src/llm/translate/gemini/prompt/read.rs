//! A request of Gemini's, read.

use serde::Deserialize;

use super::super::super::{Line, Part, Prompt, Refused};
use super::super::{place, wire};
use super::turns::Turns;
use super::{settings, tools};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct Request<'a> {
    #[serde(borrow)]
    contents: Option<Vec<wire::Content<'a>>>,
    #[serde(borrow, alias = "system_instruction")]
    system_instruction: Option<wire::Content<'a>>,
    tools: Option<Vec<tools::Given>>,
    #[serde(alias = "tool_config")]
    tool_config: Option<tools::Config>,
    #[serde(alias = "generation_config")]
    generation_config: Option<settings::Config>,
    #[serde(alias = "cached_content")]
    cached_content: Option<String>,
    #[serde(alias = "service_tier")]
    service_tier: Option<String>,
    store: Option<bool>,
}

/// Reads a request.
///
/// # Errors
/// It is none, or says what no other dialect can.
pub fn read(body: &[u8], line: Line<'_>) -> Result<Prompt, Refused> {
    let request = serde_json::from_slice(body).map_err(|error| place::refuse(body, &error))?;
    take(request, line)
}

/// Takes what a request says.
pub(in super::super) fn take(request: Request<'_>, line: Line<'_>) -> Result<Prompt, Refused> {
    if request.cached_content.is_some_and(|name| !name.is_empty()) {
        return Err(Refused(CACHED.into()));
    }
    let mut prompt = Prompt {
        model: line.model.to_owned(),
        stream: line.streams,
        // Streams of Gemini always tell it.
        wants_usage: true,
        service_tier: request.service_tier.filter(|tier| !tier.is_empty()),
        store: request.store,
        ..Prompt::default()
    };
    for part in request.system_instruction.and_then(|said| said.parts).unwrap_or_default() {
        let text = part.text.ok_or_else(|| Refused(SYSTEM.into()))?.owned();
        if !text.is_empty() {
            prompt.system.push(Part::text(text));
        }
    }
    let contents = request.contents.filter(|contents| !contents.is_empty());
    let mut turns = Turns::default();
    for (at, content) in contents.ok_or_else(|| Refused(EMPTY.into()))?.into_iter().enumerate() {
        turns.take(at, content)?;
    }
    prompt.turns = turns.turns;
    tools::read(request.tools.unwrap_or_default(), request.tool_config, &mut prompt)?;
    if let Some(config) = request.generation_config {
        settings::read(config, &mut prompt)?;
    }
    Ok(prompt)
}

const CACHED: &str =
    "cachedContent: only the provider that keeps it has it; send the content itself";
const SYSTEM: &str = "systemInstruction.parts: a system instruction is text";
const EMPTY: &str = "contents: nothing is said";
