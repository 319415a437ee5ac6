//! Whole answers of Google's generateContent.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::prompt::{Call, Thinking};
use super::super::{Broken, Caller, Finish, Generation, Part, Usage};
use super::prompt::media;
use super::seal::{self, Kind};
use super::usage::Metadata;
use super::{finish, logprobs, wire};

/// An answer, or a piece of a streamed one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub(super) candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow, alias = "prompt_feedback")]
    pub(super) prompt_feedback: Option<Feedback<'a>>,
    #[serde(alias = "usage_metadata")]
    pub(super) usage_metadata: Option<Metadata>,
    #[serde(borrow, alias = "model_version")]
    pub(super) model_version: Option<wire::Text<'a>>,
    #[serde(borrow, alias = "response_id")]
    pub(super) response_id: Option<wire::Text<'a>>,
    pub(super) error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Candidate<'a> {
    #[serde(borrow)]
    pub(super) content: Option<wire::Content<'a>>,
    #[serde(borrow, alias = "finish_reason")]
    pub(super) finish_reason: Option<wire::Text<'a>>,
    #[serde(deserialize_with = "wire::whole")]
    index: Option<i64>,
    #[serde(alias = "logprobs_result")]
    pub(super) logprobs_result: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Feedback<'a> {
    #[serde(borrow, alias = "block_reason")]
    block_reason: Option<wire::Text<'a>>,
}

impl<'a> Response<'a> {
    /// The first candidate: nobody could have asked for another.
    pub(super) fn candidate(&mut self) -> Option<Candidate<'a>> {
        let candidates = self.candidates.take().unwrap_or_default();
        candidates.into_iter().find(|candidate| candidate.index.unwrap_or(0) == 0)
    }

    /// The prompt was not let through.
    pub(super) fn is_blocked(&self) -> bool {
        let feedback = self.prompt_feedback.as_ref();
        let reason = feedback.and_then(|feedback| feedback.block_reason.as_ref());
        reason.is_some_and(|reason| !reason.0.is_empty())
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage_metadata.map(Metadata::read).unwrap_or_default()
    }
}

/// Reads an answer.
///
/// # Errors
/// It is none.
pub fn read(body: &[u8]) -> Result<Generation, Broken> {
    let mut response: Response<'_> = serde_json::from_slice(body).map_err(|_| Broken)?;
    let usage = response.usage();
    let candidate = match response.candidate() {
        Some(candidate) => candidate,
        None if response.is_blocked() => {
            let finish_reason = Some(wire::Text::of("SAFETY"));
            Candidate { finish_reason, ..Candidate::default() }
        }
        None => return Err(Broken),
    };
    let id = response.response_id.map(wire::Text::owned).unwrap_or_default();
    let (mut parts, mut calls) = (Vec::new(), 0);
    for part in candidate.content.and_then(|content| content.parts).unwrap_or_default() {
        if part.function_call.is_some() {
            calls += 1;
        }
        parts.extend(self::part(part, &id, calls)?);
    }
    let reason = candidate.finish_reason.map(wire::Text::owned).unwrap_or_default();
    Ok(Generation {
        id,
        model: response.model_version.map(wire::Text::owned).unwrap_or_default(),
        created: None,
        parts,
        finish: finish::read(&reason, calls > 0),
        stop_sequence: None,
        usage,
        logprobs: candidate.logprobs_result.as_ref().map(logprobs::read),
        service_tier: None,
    })
}

/// What is in a part; what Google's own tools say of themselves is nothing.
fn part(part: wire::Part<'_>, id: &str, calls: usize) -> Result<Option<Part>, Broken> {
    let signature = part.thought_signature.map(wire::Text::owned);
    if let Some(call) = part.function_call {
        let call_id = call_id(&call, id, calls);
        let input = arguments(call.args)?;
        let name = call.name.owned();
        let call = Call { id: call_id, name, input: input.into_owned(), signature, cache: None };
        return Ok(Some(Part::Call(call)));
    }
    if let Some(blob) = part.inline_data {
        return media(blob).map(Some).map_err(|_| Broken);
    }
    let Some(text) = part.text else { return Ok(None) };
    if part.thought == Some(true) {
        let thinking = Thinking { text: text.owned(), signature, sealed: None };
        return Ok(Some(Part::Thinking(thinking)));
    }
    Ok(Some(text.owned()).filter(|text| !text.is_empty()).map(Part::text))
}

/// Vertex gives calls no ids, and who asked has to have some: of the answer's id and the number of
/// the call. Empty, where there is none either.
pub(super) fn call_id(call: &wire::Call<'_>, id: &str, number: usize) -> String {
    match &call.id {
        Some(own) if !own.0.is_empty() => own.0.as_ref().to_owned(),
        _ if id.is_empty() => String::new(),
        _ => format!("call_{id}_{number}"),
    }
}

pub(super) fn arguments(args: Option<Cow<'_, Value>>) -> Result<Cow<'_, Value>, Broken> {
    match args {
        Some(args) if args.is_object() => Ok(args),
        Some(args) if !args.is_null() => Err(Broken),
        _ => Ok(Cow::Owned(Value::Object(Map::new()))),
    }
}

/// What is written of an answer, or of a piece of one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written<'a> {
    pub(super) candidates: [Said<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage_metadata: Option<Metadata>,
    pub(super) model_version: &'a str,
    pub(super) response_id: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Said<'a> {
    pub(super) content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finish_reason: Option<&'static str>,
    pub(super) index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs_result: Option<Value>,
}

#[derive(Debug, Serialize)]
pub(super) struct Content<'a> {
    pub(super) parts: Vec<wire::Part<'a>>,
    pub(super) role: &'static str,
}

/// Appends an answer.
pub fn write(generation: &Generation, caller: &Caller, out: &mut Vec<u8>) {
    let mut parts: Vec<wire::Part<'_>> = Vec::with_capacity(generation.parts.len());
    for part in &generation.parts {
        let number = parts.len();
        parts.extend(said(part, caller, number));
    }
    if parts.is_empty() && !matches!(generation.finish, Finish::Filtered) {
        parts.push(wire::Part::of_text(""));
    }
    let made = made_id(caller);
    let response = Written {
        candidates: [Said {
            content: Content { parts, role: "model" },
            finish_reason: Some(finish::word(generation.finish)),
            index: 0,
            logprobs_result: generation.logprobs.as_ref().map(logprobs::write),
        }],
        usage_metadata: Some(Metadata::of(generation.usage)),
        model_version: either(&generation.model, &caller.model),
        response_id: either(&generation.id, &made),
    };
    append(&response, out);
}

fn said<'a>(part: &'a Part, caller: &'a Caller, number: usize) -> Option<wire::Part<'a>> {
    let empty = wire::Part::default();
    Some(match part {
        Part::Text { text, .. } | Part::Refusal(text) => wire::Part::of_text(text),
        Part::Media { media, .. } => {
            let super::super::prompt::Source::Data(data) = &media.source else { return None };
            let mime_type = wire::Text::of(&media.mime);
            let blob = wire::Blob { mime_type, data: wire::Text::of(data), display_name: None };
            wire::Part { inline_data: Some(blob), ..empty }
        }
        Part::Thinking(thinking) => {
            let signature = thinking.signature.as_deref().map(|text| (Kind::Signature, text));
            let secret =
                signature.or_else(|| thinking.sealed.as_deref().map(|text| (Kind::Sealed, text)));
            let wrapped = secret.map(|(kind, text)| wire::Text(seal::wrap(kind, text).into()));
            let text = Some(wire::Text::of(&thinking.text));
            wire::Part { text, thought: Some(true), thought_signature: wrapped, ..empty }
        }
        Part::Call(call) => {
            let (id, carried) = seal::split(&call.id);
            let signature = call.signature.as_deref().or(carried);
            let id = match id {
                "" => wire::Text(format!("call_{:016x}_{number}", caller.seed).into()),
                id => wire::Text::of(id),
            };
            let name = wire::Text::of(caller.tool(&call.name));
            let args = Some(Cow::Borrowed(&call.input));
            wire::Part {
                function_call: Some(wire::Call { id: Some(id), name, args }),
                thought_signature: signature.map(wire::Text::of),
                ..empty
            }
        }
        Part::Result { .. } => return None,
    })
}

pub(super) fn made_id(caller: &Caller) -> String {
    format!("{:016x}", caller.seed)
}

pub(super) fn either<'a>(own: &'a str, made: &'a str) -> &'a str {
    if own.is_empty() { made } else { own }
}

pub(super) fn append(value: &impl Serialize, out: &mut Vec<u8>) {
    // Writing to memory fails for keys that are no texts alone, and there are none.
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok());
}
