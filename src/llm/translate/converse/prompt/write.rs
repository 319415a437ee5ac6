//! Writes a request: all but the blocks of its messages.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::super::object::{List, Object, object};
use super::super::super::prompt::{Cache, Choice, Format, Tool};
use super::super::super::{Caller, Part, Prompt, Provider, Refused, call_id};
use super::extras::{self, Thinks, thinks};
use super::turns;

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
    let thinks = thinks(prompt, provider.model);
    object(out, |body| {
        turns::write(prompt, caller, body)?;
        system(prompt, body);
        inference(prompt, thinks, body);
        tools(prompt, caller, body);
        extras::write(prompt, provider.model, thinks, body);
        output(prompt, thinks, body);
        if !prompt.sampling.stop.is_empty() && provider.model.contains("anthropic") {
            // Which one it was is told only where it is asked for.
            body.list("additionalModelResponseFieldPaths", |list| list.text(STOP_PATH));
        }
        let texts =
            prompt.metadata.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
        let texts: Vec<_> = texts.take(METADATA_MAX).collect();
        if !texts.is_empty() {
            body.object("requestMetadata", |object| {
                texts.iter().for_each(|(name, value)| object.entry(name, value));
            });
        }
        if let Some(tier) = prompt.service_tier.as_deref().filter(|tier| TIERS.contains(tier)) {
            body.object("serviceTier", |object| object.text("type", tier));
        }
        Ok(())
    })
}

/// A tool's name as Bedrock takes it; the caller gets its own back.
pub(super) fn tool_name<'a>(name: &'a str, caller: &mut Caller) -> std::borrow::Cow<'a, str> {
    let fits = |symbol: char| symbol.is_ascii_alphanumeric() || symbol == '_' || symbol == '-';
    let told = call_id::fit(name, NAME_BYTES_MAX, fits);
    let is_known = caller.renamed.iter().any(|(known, _)| *known == *told);
    if *told != *name && !is_known {
        caller.renamed.push((told.clone().into_owned(), name.to_owned()));
    }
    told
}

pub(super) fn cache_point(cache: Option<Cache>, list: &mut List<'_>) {
    let Some(cache) = cache else { return };
    list.object(|block| {
        block.object("cachePoint", |point| {
            point.text("type", "default");
            if cache == Cache::Hour {
                point.text("ttl", "1h");
            }
        });
    });
}

fn system(prompt: &Prompt, body: &mut Object<'_>) {
    let amid = prompt.turns.iter().filter(|turn| turns::is_system(turn));
    let parts = prompt.system.iter().chain(amid.flat_map(|turn| &turn.parts));
    let texts = parts.filter_map(|part| match part {
        Part::Text { text, cache } if !text.trim().is_empty() => Some((text, *cache)),
        _ => None,
    });
    let texts: Vec<_> = texts.collect();
    if texts.is_empty() {
        return;
    }
    body.list("system", |list| {
        for (text, cache) in texts {
            list.object(|block| block.text("text", text));
            cache_point(cache, list);
        }
    });
}

fn inference(prompt: &Prompt, thinks: Thinks, body: &mut Object<'_>) {
    let sampling = &prompt.sampling;
    // Anthropic's models take none of them while they think.
    let thinks_freely = matches!(thinks, Thinks::Budget(_) | Thinks::Adaptive(_));
    let temperature = sampling.temperature.filter(|_| !thinks_freely);
    let top_p = sampling.top_p.filter(|_| !thinks_freely);
    let is_empty = sampling.output_tokens.is_none()
        && temperature.is_none()
        && top_p.is_none()
        && sampling.stop.is_empty();
    if is_empty {
        return;
    }
    body.object("inferenceConfig", |config| {
        if let Some(tokens) = sampling.output_tokens {
            config.count("maxTokens", tokens);
        }
        if let Some(temperature) = temperature {
            config.number("temperature", temperature.clamp(0.0, 1.0));
        }
        if let Some(top_p) = top_p {
            config.number("topP", top_p);
        }
        if !sampling.stop.is_empty() {
            config.texts("stopSequences", &sampling.stop);
        }
    });
}

fn tools(prompt: &Prompt, caller: &mut Caller, body: &mut Object<'_>) {
    let called = if prompt.tools.is_empty() { called(prompt) } else { BTreeSet::new() };
    if prompt.tools.is_empty() && called.is_empty() {
        return;
    }
    body.object("toolConfig", |config| {
        config.list("tools", |list| {
            for tool in &prompt.tools {
                let name = tool_name(&tool.name, caller);
                list.object(|object| spec(&name, tool, object));
                cache_point(tool.cache, list);
            }
            // A history with calls makes no sense to Bedrock without tools.
            for name in called {
                let name = tool_name(name, caller);
                list.object(|object| bare_spec(&name, object));
            }
        });
        let name = match &prompt.choice {
            Some(Choice::Tool(name)) => Some(tool_name(name, caller)),
            _ => None,
        };
        match &prompt.choice {
            None | Some(Choice::None) => (),
            Some(Choice::Auto) => config.object("toolChoice", |choice| choice.raw("auto", "{}")),
            Some(Choice::Any) => config.object("toolChoice", |choice| choice.raw("any", "{}")),
            Some(Choice::Tool(_)) => config.object("toolChoice", |choice| {
                choice.object("tool", |tool| tool.text("name", &name.unwrap_or_default()));
            }),
        }
    });
}

fn called(prompt: &Prompt) -> BTreeSet<&str> {
    let parts = prompt.turns.iter().flat_map(|turn| &turn.parts);
    let names = parts.filter_map(|part| match part {
        Part::Call(call) => Some(call.name.as_str()),
        _ => None,
    });
    names.collect()
}

fn spec(name: &str, tool: &Tool, object: &mut Object<'_>) {
    object.object("toolSpec", |spec| {
        spec.text("name", name);
        if let Some(description) = tool.description.as_deref().filter(|text| !text.is_empty()) {
            spec.text("description", description);
        }
        schema(&tool.schema, spec);
        if let Some(strict) = tool.strict {
            spec.flag("strict", strict);
        }
    });
}

/// Of a tool that nothing is known of but that it was called.
fn bare_spec(name: &str, object: &mut Object<'_>) {
    object.object("toolSpec", |spec| {
        spec.text("name", name);
        schema(&json!({"type": "object"}), spec);
    });
}

fn schema(json: &serde_json::Value, spec: &mut Object<'_>) {
    spec.object("inputSchema", |schema| schema.value("json", json));
}

fn output(prompt: &Prompt, thinks: Thinks, body: &mut Object<'_>) {
    let effort = match thinks {
        Thinks::Adaptive(effort) => effort,
        _ => None,
    };
    if prompt.format.is_none() && effort.is_none() {
        return;
    }
    body.object("outputConfig", |config| {
        if let Some(format) = &prompt.format {
            config.object("textFormat", |object| write_format(format, object));
        }
        if let Some(effort) = effort {
            config.text("effort", effort.word());
        }
    });
}

fn write_format(format: &Format, object: &mut Object<'_>) {
    object.text("type", "json_schema");
    object.object("structure", |structure| {
        structure.object("jsonSchema", |json| match format {
            Format::Json => json.text("schema", r#"{"type":"object"}"#),
            Format::Schema { name, description, schema, .. } => {
                json.text("schema", &schema.to_string());
                if let Some(name) = name {
                    json.text("name", name);
                }
                if let Some(description) = description {
                    json.text("description", description);
                }
            }
        });
    });
}

const NAME_BYTES_MAX: usize = 64;
const METADATA_MAX: usize = 16;
const TIERS: [&str; 4] = ["priority", "default", "flex", "reserved"];
/// Where Anthropic's models tell it.
const STOP_PATH: &str = "/stop_sequence";
