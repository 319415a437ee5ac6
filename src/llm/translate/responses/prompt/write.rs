//! Writes a request.

use std::borrow::Cow;

use serde_json::Value;

use super::super::super::object::{List, Object, object};
use super::super::super::prompt::{
    Call, Effort, Format, Media, MediaKind, Role, Source, Thinking, Turn,
};
use super::super::super::{Caller, Part, Prompt, Provider, Refused, call_id};
use super::super::CUSTOM;
use super::tools;

/// Appends the body of a request. What `caller` has to know of it is put down there.
///
/// # Errors
/// The dialect cannot say it.
pub fn write(
    prompt: &Prompt,
    provider: &Provider<'_>,
    _caller: &mut Caller,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    if !prompt.sampling.stop.is_empty() {
        let text = "stop: the provider's API, Responses, has no stop sequences; leave them out";
        return Err(Refused(text.into()));
    }
    object(out, |body| {
        body.text("model", provider.model);
        body.list("input", |list| prompt.turns.iter().try_for_each(|turn| items(turn, list)))?;
        if let Some(text) = joined(&prompt.system) {
            body.text("instructions", &text);
        }
        tools::write(prompt, body);
        settings(prompt, body);
        Ok(())
    })
}

fn settings(prompt: &Prompt, body: &mut Object<'_>) {
    if let Some(tokens) = prompt.sampling.output_tokens {
        // It refuses less than 16.
        body.count("max_output_tokens", tokens.max(OUTPUT_TOKENS_MIN));
    }
    if let Some(temperature) = prompt.sampling.temperature {
        body.number("temperature", temperature);
    }
    if let Some(top_p) = prompt.sampling.top_p {
        body.number("top_p", top_p);
    }
    let effort = prompt
        .reasoning
        .and_then(|reasoning| reasoning.effort.or_else(|| reasoning.budget.map(Effort::of_budget)));
    if let Some(reasoning) = prompt.reasoning {
        body.object("reasoning", |object| {
            if let Some(effort) = effort {
                object.text("effort", effort.word());
            }
            if reasoning.shown {
                object.text("summary", "auto");
            }
        });
    }
    let thinks = prompt.reasoning.is_some() && effort != Some(Effort::None);
    if thinks || prompt.sampling.logprobs.is_some() {
        body.list("include", |list| {
            if thinks {
                list.text("reasoning.encrypted_content");
            }
            if prompt.sampling.logprobs.is_some() {
                list.text("message.output_text.logprobs");
            }
        });
    }
    if let Some(count) = prompt.sampling.logprobs.filter(|count| *count > 0) {
        body.count("top_logprobs", count);
    }
    if prompt.format.is_some() || prompt.verbosity.is_some() {
        body.object("text", |text| {
            if let Some(format) = &prompt.format {
                text.object("format", |object| write_format(format, object));
            }
            if let Some(verbosity) = &prompt.verbosity {
                text.text("verbosity", verbosity);
            }
        });
    }
    if let Some(user) = &prompt.user {
        body.text("user", user);
    }
    if prompt.metadata.values().any(Value::is_string) {
        body.object("metadata", |object| {
            let texts =
                prompt.metadata.iter().filter_map(|(key, value)| Some((key, value.as_str()?)));
            texts.for_each(|(key, value)| object.entry(key, value));
        });
    }
    if let Some(tier) = prompt.service_tier.as_deref().filter(|tier| TIERS.contains(tier)) {
        body.text("service_tier", tier);
    }
    // Who keeps its conversation itself does not want it kept, unless it says so.
    body.flag("store", prompt.store.unwrap_or(false));
    if prompt.stream {
        body.flag("stream", true);
    }
}

fn write_format(format: &Format, object: &mut Object<'_>) {
    let Format::Schema { name, description, schema, strict } = format else {
        object.text("type", "json_object");
        return;
    };
    object.text("type", "json_schema");
    object.text("name", name.as_deref().unwrap_or("structured_output"));
    if let Some(description) = description {
        object.text("description", description);
    }
    object.value("schema", schema);
    if let Some(strict) = strict {
        object.flag("strict", *strict);
    }
}

/// Texts of the system, if there are any.
fn joined(parts: &[Part]) -> Option<String> {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let texts: Vec<_> = texts.collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// A turn is messages, with items of other kinds between them.
fn items(turn: &Turn, list: &mut List<'_>) -> Result<(), Refused> {
    let mut rest = turn.parts.as_slice();
    let is_assistant = turn.role == Role::Assistant;
    while let Some(part) = rest.first() {
        let said = match is_assistant {
            true => 1,
            false => rest.iter().take_while(|part| is_said(part)).count(),
        };
        let (front, behind) = rest.split_at(said.max(1));
        rest = behind;
        match part {
            Part::Call(call) => list.object(|item| write_call(call, item)),
            Part::Thinking(thinking) => {
                if thinking.signature.is_some() || thinking.sealed.is_some() {
                    list.object(|item| write_thinking(thinking, item));
                }
            }
            Part::Result { id, name, parts, .. } => list.object(|item| {
                let is_custom = name.as_deref().is_some_and(|name| name.ends_with(CUSTOM));
                let kind =
                    if is_custom { "custom_tool_call_output" } else { "function_call_output" };
                item.text("type", kind);
                item.text("call_id", &fit(id));
                write_output(parts, item)
            })?,
            _ => list.object(|item| message(turn.role, front, item))?,
        }
    }
    Ok(())
}

fn is_said(part: &Part) -> bool {
    matches!(part, Part::Text { .. } | Part::Media { .. } | Part::Refusal(_))
}

fn fit(id: &str) -> Cow<'_, str> {
    call_id::fit(id, CALL_ID_BYTES_MAX, |symbol| symbol.is_ascii_graphic())
}

fn message(role: Role, parts: &[Part], item: &mut Object<'_>) -> Result<(), Refused> {
    item.text("type", "message");
    item.text(
        "role",
        match role {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::System => "developer",
        },
    );
    // What was answered is told as a text: in parts it would have to have ids.
    if let (Role::Assistant, [Part::Text { text, .. }]) = (role, parts) {
        item.text("content", text);
        return Ok(());
    }
    item.list("content", |list| {
        parts.iter().try_for_each(|part| list.object(|object| write_part(role, part, object)))
    })
}

fn write_part(role: Role, part: &Part, object: &mut Object<'_>) -> Result<(), Refused> {
    match part {
        Part::Text { text, .. } => {
            object.text("type", if role == Role::Assistant { "output_text" } else { "input_text" });
            object.text("text", text);
        }
        Part::Refusal(text) if role == Role::Assistant => {
            object.text("type", "refusal");
            object.text("refusal", text);
        }
        Part::Refusal(text) => {
            object.text("type", "input_text");
            object.text("text", text);
        }
        Part::Media { .. } if role == Role::Assistant => {
            let text = "messages: an answer of the assistant cannot have media in Responses";
            return Err(Refused(text.into()));
        }
        Part::Media { media, .. } => return write_media(media, object),
        Part::Thinking(_) | Part::Call(_) | Part::Result { .. } => (),
    }
    Ok(())
}

fn write_media(media: &Media, object: &mut Object<'_>) -> Result<(), Refused> {
    let url = || match &media.source {
        Source::Data(data) => Cow::Owned(format!("data:{};base64,{data}", media.mime)),
        Source::Url(text) | Source::File(text) | Source::Text(text) => Cow::Borrowed(text.as_str()),
    };
    match (media.kind, &media.source) {
        (MediaKind::Image | MediaKind::Document, Source::Text(text)) => {
            object.text("type", "input_text");
            object.text("text", text);
        }
        (MediaKind::Image, source) => {
            object.text("type", "input_image");
            let is_file = matches!(source, Source::File(_));
            object.text(if is_file { "file_id" } else { "image_url" }, &url());
            object.text("detail", media.detail.as_deref().unwrap_or("auto"));
        }
        (MediaKind::Document, source) => {
            object.text("type", "input_file");
            match source {
                Source::File(id) => object.text("file_id", id),
                Source::Url(url) => object.text("file_url", url),
                _ => {
                    object.text("filename", media.name.as_deref().unwrap_or("document.pdf"));
                    object.text("file_data", &url());
                }
            }
        }
        (MediaKind::Audio | MediaKind::Video, _) => {
            let text = "messages: audio and video cannot be told to the provider's API, Responses";
            return Err(Refused(text.into()));
        }
    }
    Ok(())
}

fn write_call(call: &Call, item: &mut Object<'_>) {
    let custom = call.name.strip_suffix(CUSTOM);
    item.text("type", if custom.is_some() { "custom_tool_call" } else { "function_call" });
    item.text("call_id", &fit(&call.id));
    item.text("name", custom.unwrap_or(&call.name));
    match custom {
        Some(_) => item.text("input", call.input["input"].as_str().unwrap_or_default()),
        None => item.text("arguments", &call.input.to_string()),
    }
}

fn write_thinking(thinking: &Thinking, item: &mut Object<'_>) {
    item.text("type", "reasoning");
    item.list("summary", |list| {
        if thinking.sealed.is_none() {
            list.object(|part| {
                part.text("type", "summary_text");
                part.text("text", &thinking.text);
            });
        }
    });
    if let Some(sealed) = thinking.sealed.as_ref().or(thinking.signature.as_ref()) {
        item.text("encrypted_content", sealed);
    }
}

fn write_output(parts: &[Part], item: &mut Object<'_>) -> Result<(), Refused> {
    if let [Part::Text { text, .. }] = parts {
        item.text("output", text);
        return Ok(());
    }
    item.list("output", |list| {
        let mut parts = parts.iter().filter(|part| is_said(part));
        parts.try_for_each(|part| list.object(|object| write_part(Role::User, part, object)))
    })
}

const OUTPUT_TOKENS_MIN: u64 = 16;
const CALL_ID_BYTES_MAX: usize = 64;
const TIERS: [&str; 5] = ["auto", "default", "flex", "priority", "scale"];
