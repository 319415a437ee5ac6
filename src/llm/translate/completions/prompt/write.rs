//! Writes requests: all but what is said, which is `written`'s.

use serde::Serialize;
use serde_json::{Map, Value};

use super::written::{Message, messages};
use crate::llm::translate::field::refused;
use crate::llm::translate::prompt::{Choice, Effort, Format, Reasoning, Tool};
use crate::llm::translate::{Caller, Host, Prompt, Provider, Refused, fit};

/// Appends the body of a request. What `caller` has to know of it is put down there.
///
/// # Errors
/// The dialect cannot say it.
pub fn write(
    prompt: &Prompt,
    provider: &Provider<'_>,
    caller: &mut Caller,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    let own = provider.host != Host::Compatible;
    let sampling = &prompt.sampling;
    if own && sampling.stop.len() > STOPS_MAX {
        return refused("stop: this model takes 4 stop sequences at most");
    }
    let has_tools = !prompt.tools.is_empty();
    let limit = sampling.output_tokens;
    let effort = prompt.reasoning.and_then(|reasoning| effort(reasoning, provider));
    let is_sampled = !own || is_sampled(provider.model, effort);
    let body = Body {
        model: provider.model,
        messages: messages(prompt, provider)?,
        max_completion_tokens: limit.filter(|_| own),
        max_tokens: limit.filter(|_| !own),
        temperature: sampling.temperature.filter(|_| is_sampled),
        top_p: sampling.top_p.filter(|_| is_sampled),
        stop: &sampling.stop,
        seed: sampling.seed,
        presence_penalty: sampling.presence_penalty.filter(|_| is_sampled),
        frequency_penalty: sampling.frequency_penalty.filter(|_| is_sampled),
        logprobs: sampling.logprobs.map(|_| true),
        top_logprobs: sampling.logprobs.filter(|count| *count > 0),
        reasoning_effort: effort,
        tools: prompt.tools.iter().map(|tool| declared(tool, caller)).collect(),
        tool_choice: prompt.choice.as_ref().filter(|_| has_tools).map(choice),
        parallel_tool_calls: prompt.parallel.filter(|_| has_tools),
        response_format: prompt.format.as_ref().map(format),
        user: prompt.user.as_deref().map(user),
        metadata: Some(&prompt.metadata).filter(|_| own && prompt.store == Some(true)),
        service_tier: prompt.service_tier.as_deref().filter(|_| own),
        verbosity: prompt.verbosity.as_deref().filter(|_| own),
        store: prompt.store.filter(|_| own),
        stream: prompt.stream.then_some(true),
        stream_options: prompt.stream.then_some(StreamOptions { include_usage: true }),
    };
    serde_json::to_writer(out, &body).map_err(|_| Refused("the body: it cannot be written".into()))
}

/// The word for how much it thinks; none where the model is known not to know it.
fn effort(reasoning: Reasoning, provider: &Provider<'_>) -> Option<&'static str> {
    let effort = reasoning.effort.or_else(|| reasoning.budget.map(Effort::of_budget))?;
    let model = provider.model;
    if provider.host == Host::Compatible {
        return match effort {
            Effort::None => None,
            Effort::Minimal | Effort::Low => Some("low"),
            Effort::Medium => Some("medium"),
            Effort::High | Effort::XHigh | Effort::Max => Some("high"),
        };
    }
    if ["gpt-4", "gpt-3.5"].iter().any(|old| model.contains(old)) {
        return None;
    }
    match effort {
        Effort::None if model.contains("gpt-5.") => Some("none"),
        Effort::None if model.contains("gpt-5") => Some("minimal"),
        Effort::None => Some("low"),
        Effort::Minimal if !model.contains("gpt-5") || model.contains("gpt-5.") => Some("low"),
        Effort::XHigh | Effort::Max if !model.contains("gpt-5.") => Some("high"),
        Effort::Max => Some("xhigh"),
        effort => Some(effort.word()),
    }
}

/// Whether OpenAI's model takes a temperature and its like: those that think take none.
fn is_sampled(model: &str, effort: Option<&str>) -> bool {
    let model = model.rsplit('/').next().unwrap_or_default();
    if model.starts_with("gpt-5.") {
        return matches!(effort, None | Some("none"));
    }
    let is_early = ["o1", "o3", "o4"].iter().any(|name| model.starts_with(name));
    !is_early && (!model.starts_with("gpt-5") || model.contains("chat"))
}

fn declared<'a>(tool: &'a Tool, caller: &mut Caller) -> Declared<'a> {
    let name = fit::tool(&tool.name, NAME_LEN_MAX, caller);
    let function = Function {
        name: name.into_owned(),
        description: tool.description.as_deref(),
        parameters: Some(&tool.schema),
        strict: tool.strict,
    };
    Declared { kind: "function", function }
}

fn choice(choice: &Choice) -> Forced<'_> {
    Forced::Word(match choice {
        Choice::Auto => "auto",
        Choice::Any => "required",
        Choice::None => "none",
        Choice::Tool(name) => {
            let name = fit::name(name, NAME_LEN_MAX).into_owned();
            let function = Function { name, description: None, parameters: None, strict: None };
            return Forced::Function(Declared { kind: "function", function });
        }
    })
}

fn format(format: &Format) -> ResponseFormat<'_> {
    match format {
        Format::Json => ResponseFormat { kind: "json_object", json_schema: None },
        Format::Schema { name, description, schema, strict } => {
            let name = fit::name(name.as_deref().unwrap_or(SCHEMA_NAME), NAME_LEN_MAX).into_owned();
            let description = description.as_deref();
            let schema = JsonSchema { name, description, schema, strict: *strict };
            ResponseFormat { kind: "json_schema", json_schema: Some(schema) }
        }
    }
}

/// OpenAI takes 64 characters; Claude Code says more.
fn user(user: &str) -> String {
    if user.len() <= USER_LEN_MAX { user.to_owned() } else { fit::digest(user) }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Declared<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Forced<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Declared<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Forced<'a> {
    Word(&'static str),
    Function(Declared<'a>),
}

#[derive(Serialize)]
struct ResponseFormat<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<JsonSchema<'a>>,
}

#[derive(Serialize)]
struct JsonSchema<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    schema: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// OpenAI's.
const STOPS_MAX: usize = 4;
const USER_LEN_MAX: usize = 64;
pub(super) const NAME_LEN_MAX: usize = 64;
const SCHEMA_NAME: &str = "structured_output";
