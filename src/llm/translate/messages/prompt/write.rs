//! Writes requests: all but what is said, which is `written`'s.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};

use super::format;
use super::model::Version;
use super::written::{Content, Message, Said};
use crate::llm::translate::messages::cache::{self, CacheControl};
use crate::llm::translate::prompt::{Choice, Effort, Format, Part, Role, Tool};
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
    let version = Version::of(provider.model);
    let has_schemas = version.has_schemas() && provider.host != Host::Vertex;
    let (form, words) = match &prompt.format {
        Some(Format::Schema { schema, .. }) if has_schemas => (Some(format::held(schema)), None),
        Some(format) => (None, Some(format::asked(format))),
        None => (None, None),
    };
    let takes_system = version >= Version::FIVE && provider.host == Host::Own;
    let said = Said::read(prompt, takes_system, provider.host, words)?;
    let max_tokens = prompt.sampling.output_tokens.unwrap_or(provider.output_tokens).max(1);
    let (thinking, effort) = thinking(prompt, version, max_tokens);
    let mode = Mode { version, thinks: thinking.as_ref().is_some_and(Thinking::is_on) };
    let is_own = provider.host == Host::Own;
    let is_bedrock = provider.host == Host::Bedrock;
    let has_output = form.is_some() || effort.is_some();
    let tools = declared(prompt, version.has_schemas() && is_own, caller);
    let body = Body {
        anthropic_version: version_of(provider.host),
        model: is_own.then_some(provider.model),
        max_tokens,
        system: said.system,
        messages: said.messages,
        tool_choice: choice(prompt, !tools.is_empty()),
        tools,
        thinking,
        output_config: has_output.then_some(OutputConfig { effort, format: form }),
        temperature: mode.temperature(prompt),
        top_p: mode.top_p(prompt),
        top_k: prompt.sampling.top_k.filter(|_| version.is_sampled() && !mode.thinks),
        stop_sequences: stops(prompt),
        metadata: prompt
            .user
            .as_deref()
            .filter(|_| !is_bedrock)
            .map(|user_id| Metadata { user_id }),
        service_tier: prompt.service_tier.as_deref().filter(|_| is_own).and_then(tier),
        stream: (prompt.stream && !is_bedrock).then_some(true),
    };
    serde_json::to_writer(out, &body).map_err(|_| Refused("the body: it cannot be written".into()))
}

/// How much it thinks. Where a tool is forced, it must not; nor may the older ones where they called
/// without a thought and are told the result.
fn thinking(
    prompt: &Prompt,
    version: Version,
    max_tokens: u64,
) -> (Option<Thinking>, Option<&'static str>) {
    let Some(reasoning) = prompt.reasoning else { return (None, None) };
    let forced = matches!(prompt.choice, Some(Choice::Any | Choice::Tool(_)));
    if version.is_adaptive() {
        let effort = reasoning.effort.or_else(|| reasoning.budget.map(Effort::of_budget));
        let shown = reasoning.shown && !version.is_sampled();
        return match effort {
            Some(Effort::None) => (Some(Thinking::DISABLED), None),
            _ if forced => (None, effort.map(|effort| word(effort, version))),
            _ => (Some(Thinking::adaptive(shown)), effort.map(|effort| word(effort, version))),
        };
    }
    let wanted = reasoning.budget.or_else(|| reasoning.effort.map(Effort::budget)).unwrap_or(0);
    let budget = if wanted < max_tokens { wanted } else { max_tokens / 2 };
    if budget < BUDGET_MIN || forced || called_without_thought(prompt) {
        return (None, None);
    }
    (Some(Thinking { kind: "enabled", budget_tokens: Some(budget), display: None }), None)
}

const fn word(effort: Effort, version: Version) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::XHigh if version.is_sampled() => "high",
        Effort::XHigh => "xhigh",
        Effort::Max => "max",
    }
}

fn called_without_thought(prompt: &Prompt) -> bool {
    let answers = prompt.turns.iter().rev().take_while(|turn| turn.role != Role::Assistant);
    let is_result = |part: &Part| matches!(part, Part::Result { .. });
    if !answers.flat_map(|turn| &turn.parts).any(is_result) {
        return false;
    }
    let last = prompt.turns.iter().rev().find(|turn| turn.role == Role::Assistant);
    let first = last.and_then(|turn| turn.parts.first());
    !matches!(first, Some(Part::Thinking(t)) if t.signature.is_some() || t.sealed.is_some())
}

struct Mode {
    version: Version,
    thinks: bool,
}

impl Mode {
    /// Anthropic's ends at 1.
    fn temperature(&self, prompt: &Prompt) -> Option<f64> {
        let takes = self.version.is_sampled() && !self.thinks;
        prompt.sampling.temperature.filter(|_| takes).map(|warm| warm.clamp(0.0, 1.0))
    }

    fn top_p(&self, prompt: &Prompt) -> Option<f64> {
        let is_one = self.version.takes_one() && self.temperature(prompt).is_some();
        let takes = |top_p: &f64| !self.thinks || *top_p >= TOP_P_OF_THOUGHT_MIN;
        prompt.sampling.top_p.filter(|_| self.version.is_sampled() && !is_one).filter(takes)
    }
}

/// Tools; and where none are told but some were called, those.
fn declared<'a>(prompt: &'a Prompt, takes_strict: bool, caller: &mut Caller) -> Vec<Declared<'a>> {
    if prompt.tools.is_empty() {
        return called(prompt);
    }
    let declare = |tool: &'a Tool| Declared {
        name: fit::tool(&tool.name, NAME_LEN_MAX, caller),
        description: tool.description.as_deref(),
        input_schema: typed(&tool.schema),
        strict: tool.strict.filter(|strict| *strict && takes_strict),
        cache_control: cache::write(tool.cache),
    };
    prompt.tools.iter().map(declare).collect()
}

fn called<'a>(prompt: &'a Prompt) -> Vec<Declared<'a>> {
    let mut seen = std::collections::HashSet::new();
    let parts = prompt.turns.iter().flat_map(|turn| &turn.parts);
    let calls = parts.filter_map(|part| match part {
        Part::Call(call) => seen.insert(call.name.as_str()).then_some(&call.name),
        _ => None,
    });
    let declare = |name: &'a String| Declared {
        name: fit::name(name, NAME_LEN_MAX),
        description: None,
        input_schema: Cow::Owned(json!({"type": "object"})),
        strict: None,
        cache_control: None,
    };
    calls.map(declare).collect()
}

/// Anthropic wants the type said.
fn typed(schema: &Value) -> Cow<'_, Value> {
    match schema {
        Value::Object(map) if !map.contains_key("type") => {
            let mut map = map.clone();
            map.insert("type".to_owned(), "object".into());
            Cow::Owned(Value::Object(map))
        }
        schema => Cow::Borrowed(schema),
    }
}

fn choice(prompt: &Prompt, has_tools: bool) -> Option<Forced<'_>> {
    if !has_tools {
        return None;
    }
    let alone = prompt.parallel.map(|parallel| !parallel);
    let (kind, name) = match &prompt.choice {
        // They were called before; now there are none.
        _ if prompt.tools.is_empty() => ("none", None),
        None if alone != Some(true) => return None,
        None | Some(Choice::Auto) => ("auto", None),
        Some(Choice::Any) => ("any", None),
        Some(Choice::None) => ("none", None),
        Some(Choice::Tool(name)) => ("tool", Some(fit::name(name, NAME_LEN_MAX))),
    };
    let disable_parallel_tool_use = alone.filter(|alone| *alone && kind != "none");
    Some(Forced { kind, name, disable_parallel_tool_use })
}

/// Blank ones are refused there.
fn stops(prompt: &Prompt) -> Vec<&str> {
    let stops = prompt.sampling.stop.iter().map(String::as_str);
    stops.filter(|stop| !stop.trim().is_empty()).collect()
}

fn tier(tier: &str) -> Option<&'static str> {
    match tier {
        "auto" | "priority" | "fast" => Some("auto"),
        "default" | "flex" => Some("standard_only"),
        _ => None,
    }
}

const fn version_of(host: Host) -> Option<&'static str> {
    match host {
        Host::Vertex => Some("vertex-2023-10-16"),
        Host::Bedrock => Some("bedrock-2023-05-31"),
        Host::Own | Host::Compatible => None,
    }
}

impl Thinking {
    const DISABLED: Self = Self { kind: "disabled", budget_tokens: None, display: None };

    fn adaptive(shown: bool) -> Self {
        let display = shown.then_some("summarized");
        Self { kind: "adaptive", budget_tokens: None, display }
    }

    fn is_on(&self) -> bool {
        self.kind != "disabled"
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    anthropic_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<Content<'a>>,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Declared<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Forced<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
}

#[derive(Serialize)]
struct Declared<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    input_schema: Cow<'a, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Serialize)]
struct Forced<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Serialize)]
struct Thinking {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<&'static str>,
}

#[derive(Serialize)]
struct OutputConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Value>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    user_id: &'a str,
}

/// Anthropic's.
pub(super) const NAME_LEN_MAX: usize = 128;
const BUDGET_MIN: u64 = 1024;
const TOP_P_OF_THOUGHT_MIN: f64 = 0.95;
