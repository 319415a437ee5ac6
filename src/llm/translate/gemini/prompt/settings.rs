//! `generationConfig`, read and written.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::super::prompt::{Effort, Format, Reasoning, Sampling};
use super::super::super::{Prompt, Refused, schema};
use super::super::model::{self, Age};
use super::super::wire::whole;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Config {
    #[serde(alias = "candidate_count", deserialize_with = "whole")]
    candidate_count: Option<i64>,
    #[serde(alias = "max_output_tokens", deserialize_with = "whole")]
    max_output_tokens: Option<i64>,
    temperature: Option<f64>,
    #[serde(alias = "top_p")]
    top_p: Option<f64>,
    #[serde(alias = "top_k", deserialize_with = "whole")]
    top_k: Option<i64>,
    #[serde(alias = "stop_sequences")]
    stop_sequences: Option<Vec<String>>,
    #[serde(deserialize_with = "whole")]
    seed: Option<i64>,
    #[serde(alias = "presence_penalty")]
    presence_penalty: Option<f64>,
    #[serde(alias = "frequency_penalty")]
    frequency_penalty: Option<f64>,
    #[serde(alias = "response_logprobs")]
    response_logprobs: Option<bool>,
    #[serde(deserialize_with = "whole")]
    logprobs: Option<i64>,
    #[serde(alias = "response_mime_type")]
    response_mime_type: Option<String>,
    #[serde(alias = "response_schema")]
    response_schema: Option<Value>,
    #[serde(alias = "response_json_schema", alias = "_responseJsonSchema")]
    response_json_schema: Option<Value>,
    #[serde(alias = "response_modalities")]
    response_modalities: Option<Vec<String>>,
    #[serde(alias = "thinking_config")]
    thinking_config: Option<Thinking>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Thinking {
    #[serde(alias = "include_thoughts")]
    include_thoughts: Option<bool>,
    /// -1: as many as it likes.
    #[serde(alias = "thinking_budget", deserialize_with = "whole")]
    thinking_budget: Option<i64>,
    #[serde(alias = "thinking_level")]
    thinking_level: Option<String>,
}

pub(super) fn read(config: Config, prompt: &mut Prompt) -> Result<(), Refused> {
    if config.candidate_count.is_some_and(|count| count > 1) {
        return Err(Refused(CANDIDATES.into()));
    }
    let is_text = |modality: &String| modality.eq_ignore_ascii_case("text");
    if !config.response_modalities.iter().flatten().all(is_text) {
        return Err(Refused(MODALITIES.into()));
    }
    prompt.sampling = Sampling {
        output_tokens: count(config.max_output_tokens, "maxOutputTokens")?,
        temperature: config.temperature,
        top_p: config.top_p,
        top_k: count(config.top_k, "topK")?,
        stop: config.stop_sequences.unwrap_or_default(),
        seed: config.seed,
        presence_penalty: config.presence_penalty,
        frequency_penalty: config.frequency_penalty,
        logprobs: match config.response_logprobs {
            Some(true) => Some(count(config.logprobs, "logprobs")?.unwrap_or(0)),
            _ => None,
        },
    };
    prompt.format = match (config.response_json_schema, config.response_schema) {
        (Some(schema), _) if !schema.is_null() => Some(format(schema)),
        (_, Some(schema)) if !schema.is_null() => Some(format(schema::widen(schema))),
        _ => match config.response_mime_type.as_deref() {
            None | Some("" | "text/plain") => None,
            Some("application/json") => Some(Format::Json),
            Some(_) => return Err(Refused(MIME.into())),
        },
    };
    prompt.reasoning = config.thinking_config.map(thinking).transpose()?;
    Ok(())
}

fn format(schema: Value) -> Format {
    Format::Schema { name: None, description: None, schema, strict: None }
}

fn count(told: Option<i64>, name: &str) -> Result<Option<u64>, Refused> {
    let refuse = |_| Refused(format!("generationConfig.{name}: it is below nought").into());
    told.map(u64::try_from).transpose().map_err(refuse)
}

fn thinking(config: Thinking) -> Result<Reasoning, Refused> {
    let level = config.thinking_level.unwrap_or_default().to_ascii_lowercase();
    let effort = match level.as_str() {
        "" | "thinking_level_unspecified" => None,
        word => Some(Effort::parse(word).ok_or_else(|| Refused(LEVEL.into()))?),
    };
    Ok(Reasoning {
        effort: effort.or_else(|| (config.thinking_budget == Some(0)).then_some(Effort::None)),
        budget: config.thinking_budget.and_then(|tokens| u64::try_from(tokens).ok()),
        shown: config.include_thoughts.unwrap_or(false),
    })
}

/// What is written of it.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Thoughts>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Thoughts {
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    include_thoughts: Option<bool>,
}

/// `None`: there is nothing to set.
pub(super) fn write<'a>(prompt: &'a Prompt, model: &str) -> Result<Option<Settings<'a>>, Refused> {
    let sampling = &prompt.sampling;
    if sampling.stop.len() > STOPS_MAX {
        return Err(Refused(STOPS.into()));
    }
    let (response_mime_type, response_schema) = match &prompt.format {
        None => (None, None),
        Some(Format::Json) => (Some(JSON), None),
        Some(Format::Schema { schema, .. }) => (Some(JSON), Some(schema::reduce(schema)?)),
    };
    let settings = Settings {
        max_output_tokens: sampling.output_tokens,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        stop_sequences: &sampling.stop,
        // A seed only has to be the same for the same: it is folded into what Google takes.
        seed: sampling.seed.map(|seed| (seed ^ (seed >> 32)) as i32),
        presence_penalty: sampling.presence_penalty,
        frequency_penalty: sampling.frequency_penalty,
        response_logprobs: sampling.logprobs.map(|_| true),
        logprobs: sampling.logprobs.filter(|alternatives| *alternatives > 0),
        response_mime_type,
        response_schema,
        thinking_config: prompt.reasoning.and_then(|reasoning| thoughts(reasoning, model)),
    };
    Ok((settings != Settings::default()).then_some(settings))
}

fn thoughts(reasoning: Reasoning, model: &str) -> Option<Thoughts> {
    let Reasoning { effort, budget, shown } = reasoning;
    let include_thoughts = shown.then_some(true);
    let thoughts = match model::age(model) {
        Age::Old => return None,
        Age::Counting => {
            let budget = budget.or_else(|| effort.map(Effort::budget));
            let least = if model::always_thinks(model) { PRO_THOUGHTS_MIN } else { 0 };
            let thinking_budget = budget.map(|budget| budget.max(least));
            Thoughts { thinking_level: None, thinking_budget, include_thoughts }
        }
        Age::Signing => {
            let effort = effort.or_else(|| budget.map(Effort::of_budget));
            let thinking_level = effort.map(|effort| level(effort, model));
            Thoughts { thinking_level, thinking_budget: None, include_thoughts }
        }
    };
    let Thoughts { thinking_level: None, thinking_budget: None, include_thoughts: None } = thoughts
    else {
        return Some(thoughts);
    };
    None
}

/// Google's own word; without thoughts none of these models can do.
fn level(effort: Effort, model: &str) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal if model::always_thinks(model) => "LOW",
        Effort::None | Effort::Minimal => "MINIMAL",
        Effort::Low => "LOW",
        Effort::Medium => "MEDIUM",
        Effort::High | Effort::XHigh | Effort::Max => "HIGH",
    }
}

const JSON: &str = "application/json";
const STOPS_MAX: usize = 5;
/// Tokens: fewer the pro models of 2.5 refuse.
const PRO_THOUGHTS_MIN: u64 = 128;
const CANDIDATES: &str = "generationConfig.candidateCount: only one is generated";
const MODALITIES: &str = "generationConfig.responseModalities: only TEXT is generated";
const MIME: &str = "generationConfig.responseMimeType: it is text/plain or application/json";
const LEVEL: &str =
    "generationConfig.thinkingConfig.thinkingLevel: it is MINIMAL, LOW, MEDIUM or HIGH";
const STOPS: &str = "the model takes five stop sequences at most: send fewer";
