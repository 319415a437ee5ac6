//! Reads requests: all but what is said, which is `said`'s.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::said::{Message, Said};
use super::tools::{self, Forced, Function, Tool};
use crate::llm::translate::field::{self, TextOr, refused};
use crate::llm::translate::prompt::{Effort, Format, Reasoning, Sampling};
use crate::llm::translate::{Line, Prompt, Refused};

/// Reads a request.
///
/// # Errors
/// It is none, or says what no other dialect can.
pub fn read(body: &[u8], line: Line<'_>) -> Result<Prompt, Refused> {
    let mut body: Body = field::read(body)?;
    refuse(&body)?;
    let Some(messages) = body.messages.take() else {
        return refused("messages: a list is needed");
    };
    let mut said = Said::default();
    for (at, message) in messages.into_iter().enumerate() {
        said.message(at, message)?;
    }
    let mut prompt = said.end();
    prompt.tools = tools::read(body.tools.take(), body.functions.take())?;
    prompt.choice = match (body.tool_choice.take(), body.function_call.take()) {
        (Some(forced), _) | (None, Some(forced)) => tools::choice(forced, &mut prompt.tools)?,
        (None, None) => None,
    };
    prompt.sampling = sampling(&mut body);
    prompt.reasoning = reasoning(&body)?;
    prompt.format = format(body.response_format.take())?;
    prompt.model = body.model.unwrap_or_else(|| line.model.to_owned());
    prompt.parallel = body.parallel_tool_calls;
    prompt.user = body.user.or(body.safety_identifier);
    prompt.metadata = body.metadata.unwrap_or_default();
    prompt.service_tier = body.service_tier;
    prompt.verbosity = body.verbosity;
    prompt.store = body.store;
    prompt.stream = body.stream.unwrap_or(line.streams);
    prompt.wants_usage =
        body.stream_options.and_then(|options| options.include_usage) == Some(true);
    Ok(prompt)
}

/// What would be another answer without it.
fn refuse(body: &Body) -> Result<(), Refused> {
    if body.n.is_some_and(|n| n != 1) {
        return refused("n: this model gives one answer at a time");
    }
    let speaks = body.modalities.as_ref().is_some_and(|list| list.iter().any(|m| m != "text"));
    if speaks || body.audio.is_some() {
        return refused("modalities: this model answers in text alone");
    }
    if body.web_search_options.is_some() {
        return refused("web_search_options: OpenAI alone searches; give a tool that does");
    }
    if body.moderation.is_some() {
        return refused("moderation: OpenAI alone has it");
    }
    Ok(())
}

fn sampling(body: &mut Body) -> Sampling {
    let stop = match body.stop.take() {
        None => Vec::new(),
        Some(TextOr::Text(stop)) => vec![stop],
        Some(TextOr::Other(stops)) => stops,
    };
    let wants_logprobs = body.logprobs == Some(true);
    Sampling {
        output_tokens: body.max_completion_tokens.or(body.max_tokens),
        temperature: body.temperature,
        top_p: body.top_p,
        top_k: body.top_k,
        stop,
        seed: body.seed,
        presence_penalty: body.presence_penalty,
        frequency_penalty: body.frequency_penalty,
        logprobs: wants_logprobs.then(|| body.top_logprobs.unwrap_or(0)),
    }
}

/// OpenAI's effort, or what LiteLLM passes to Anthropic.
fn reasoning(body: &Body) -> Result<Option<Reasoning>, Refused> {
    let mut reasoning = Reasoning { shown: true, ..Reasoning::default() };
    if let Some(word) = &body.reasoning_effort {
        let Some(effort) = Effort::parse(word) else {
            return refused(
                "reasoning_effort: one of none, minimal, low, medium, high, xhigh, max",
            );
        };
        reasoning.effort = Some(effort);
    }
    match &body.thinking {
        Some(thinking) if thinking.kind == "disabled" => reasoning.effort = Some(Effort::None),
        Some(thinking) => reasoning.budget = thinking.budget_tokens,
        None if reasoning.effort.is_none() => return Ok(None),
        None => (),
    }
    Ok(Some(reasoning))
}

fn format(raw: Option<ResponseFormat>) -> Result<Option<Format>, Refused> {
    let Some(raw) = raw else { return Ok(None) };
    match (raw.kind.as_str(), raw.json_schema) {
        ("text", _) => Ok(None),
        ("json_object", _) => Ok(Some(Format::Json)),
        ("json_schema", Some(JsonSchema { name, description, schema: Some(schema), strict })) => {
            Ok(Some(Format::Schema { name, description, schema: Value::Object(schema), strict }))
        }
        ("json_schema", _) => refused("response_format.json_schema.schema: an object is needed"),
        _ => refused("response_format.type: one of text, json_object, json_schema"),
    }
}

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    messages: Option<Vec<Message>>,
    tools: Option<Vec<Tool>>,
    functions: Option<Vec<Function>>,
    tool_choice: Option<TextOr<Forced>>,
    function_call: Option<TextOr<Forced>>,
    parallel_tool_calls: Option<bool>,
    max_completion_tokens: Option<u64>,
    max_tokens: Option<u64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u64>,
    stop: Option<TextOr<Vec<String>>>,
    seed: Option<i64>,
    presence_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
    logprobs: Option<bool>,
    top_logprobs: Option<u64>,
    n: Option<u64>,
    reasoning_effort: Option<String>,
    thinking: Option<Thinking>,
    response_format: Option<ResponseFormat>,
    user: Option<String>,
    safety_identifier: Option<String>,
    metadata: Option<Map<String, Value>>,
    service_tier: Option<String>,
    verbosity: Option<String>,
    store: Option<bool>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    modalities: Option<Vec<String>>,
    audio: Option<IgnoredAny>,
    web_search_options: Option<IgnoredAny>,
    moderation: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Thinking {
    #[serde(rename = "type", default)]
    kind: String,
    budget_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
struct ResponseFormat {
    #[serde(rename = "type")]
    kind: String,
    json_schema: Option<JsonSchema>,
}

#[derive(Deserialize)]
struct JsonSchema {
    name: Option<String>,
    description: Option<String>,
    schema: Option<Map<String, Value>>,
    strict: Option<bool>,
}
