//! Reads requests: all but what is said, which is `said`'s.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::said::{self, Block, Message};
use super::tools::{self, Forced, Tool};
use crate::llm::translate::field::{self, TextOr, refused};
use crate::llm::translate::prompt::{Effort, Format, Reasoning, Sampling};
use crate::llm::translate::{Line, Prompt, Refused};

/// Reads a request; of `count_tokens`, too, which has no limit.
///
/// # Errors
/// It is none, or says what no other dialect can.
pub fn read(body: &[u8], line: Line<'_>) -> Result<Prompt, Refused> {
    let body: Body = field::read(body)?;
    refuse(&body)?;
    let Some(messages) = body.messages else {
        return refused("messages: a list is needed");
    };
    let mut prompt = said::read(body.system, messages)?;
    prompt.tools = tools::read(body.tools.unwrap_or_default())?;
    if let Some(forced) = body.tool_choice {
        prompt.parallel = forced.disable_parallel_tool_use.map(|alone| !alone);
        prompt.choice = Some(tools::choice(forced)?);
    }
    let output = body.output_config.unwrap_or_default();
    prompt.reasoning = reasoning(body.thinking, output.effort.as_deref())?;
    prompt.format = format(output.format.or(body.output_format))?;
    prompt.sampling = Sampling {
        output_tokens: body.max_tokens,
        temperature: body.temperature,
        top_p: body.top_p,
        top_k: body.top_k,
        stop: body.stop_sequences.unwrap_or_default(),
        ..Sampling::default()
    };
    prompt.model = body.model.unwrap_or_else(|| line.model.to_owned());
    prompt.user = body.metadata.and_then(|metadata| metadata.user_id);
    prompt.service_tier = body.service_tier.map(|tier| match tier.as_str() {
        "standard_only" => "default".to_owned(),
        _ => tier,
    });
    prompt.stream = body.stream.unwrap_or(line.streams);
    // Its streams tell usage, asked or not.
    prompt.wants_usage = true;
    Ok(prompt)
}

/// What would be another answer without it.
fn refuse(body: &Body) -> Result<(), Refused> {
    if body.mcp_servers.as_ref().is_some_and(|servers| !servers.is_empty()) {
        return refused("mcp_servers: Anthropic alone calls them; give their tools");
    }
    if body.container.is_some() {
        return refused("container: Anthropic alone has it");
    }
    if body.inference_geo.is_some() {
        return refused("inference_geo: nobody but Anthropic promises it");
    }
    Ok(())
}

fn reasoning(
    thinking: Option<Thinking>,
    effort: Option<&str>,
) -> Result<Option<Reasoning>, Refused> {
    let effort = match effort {
        None => None,
        Some(word) => match Effort::parse(word) {
            None => return refused("output_config.effort: one of low, medium, high, xhigh, max"),
            found => found,
        },
    };
    let Some(thinking) = thinking else {
        return Ok(effort.map(|_| Reasoning { effort, budget: None, shown: false }));
    };
    let shown = thinking.display.as_deref() != Some("omitted");
    Ok(Some(match thinking.kind.as_str() {
        "enabled" => Reasoning { effort, budget: thinking.budget_tokens, shown },
        "disabled" => Reasoning { effort: Some(Effort::None), budget: None, shown: false },
        // As much as it likes, or only after tools: high is what Anthropic takes for unsaid.
        "adaptive" | "between_tools" => {
            Reasoning { effort: effort.or(Some(Effort::High)), budget: None, shown }
        }
        _ => return refused("thinking.type: one of enabled, adaptive, between_tools, disabled"),
    }))
}

fn format(raw: Option<OutputFormat>) -> Result<Option<Format>, Refused> {
    match raw {
        None => Ok(None),
        Some(OutputFormat { kind, schema: Some(schema) }) if kind == "json_schema" => {
            let schema = Value::Object(schema);
            Ok(Some(Format::Schema { name: None, description: None, schema, strict: None }))
        }
        Some(_) => refused("output_config.format: a json_schema with its schema is needed"),
    }
}

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    system: Option<TextOr<Vec<Block>>>,
    messages: Option<Vec<Message>>,
    max_tokens: Option<u64>,
    tools: Option<Vec<Tool>>,
    tool_choice: Option<Forced>,
    thinking: Option<Thinking>,
    output_config: Option<OutputConfig>,
    /// As it was called in 2025.
    output_format: Option<OutputFormat>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u64>,
    stop_sequences: Option<Vec<String>>,
    metadata: Option<Metadata>,
    service_tier: Option<String>,
    stream: Option<bool>,
    mcp_servers: Option<Vec<IgnoredAny>>,
    container: Option<IgnoredAny>,
    inference_geo: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Thinking {
    #[serde(rename = "type")]
    kind: String,
    budget_tokens: Option<u64>,
    display: Option<String>,
}

#[derive(Deserialize, Default)]
struct OutputConfig {
    effort: Option<String>,
    format: Option<OutputFormat>,
}

#[derive(Deserialize)]
struct OutputFormat {
    #[serde(rename = "type")]
    kind: String,
    schema: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Metadata {
    user_id: Option<String>,
}
