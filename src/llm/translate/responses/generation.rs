//! Whole answers of OpenAI's Responses.

use serde_json::{Value, json};

use super::super::fields::Fields;
use super::super::generation::Finish;
use super::super::object::{List, Object, object};
use super::super::prompt::Call;
use super::super::{Broken, Caller, Generation, Part, Refused, Usage, call_id};
use super::item::{self, Item};
use super::prompt::thinking;
use super::{CUSTOM, arguments};

/// Reads an answer.
///
/// # Errors
/// It is none.
pub fn read(body: &[u8]) -> Result<Generation, Broken> {
    let mut fields = Fields::parse(body)?;
    if fields.has("error") || fields.text("status")?.as_deref() == Some("failed") {
        return Err(Broken);
    }
    let mut generation = Generation {
        id: fields.text("id")?.unwrap_or_default(),
        model: fields.text("model")?.unwrap_or_default(),
        created: fields.number("created_at")?.map(|seconds| seconds as u64),
        service_tier: fields.text("service_tier")?,
        ..Generation::default()
    };
    if !fields.has("output") {
        return Err(Broken);
    }
    fields.objects("output", |item| read_item(item, &mut generation))?;
    let reason = fields.object("incomplete_details", |mut details| details.text("reason"))?;
    generation.finish = match reason.flatten().as_deref() {
        Some(reason) => cut_by(reason),
        None => finish(&generation.parts),
    };
    generation.usage = fields.object("usage", usage)?.unwrap_or_default();
    Ok(generation)
}

fn finish(parts: &[Part]) -> Finish {
    match () {
        () if parts.iter().any(|part| matches!(part, Part::Call(_))) => Finish::Calls,
        () if parts.iter().any(|part| matches!(part, Part::Refusal(_))) => Finish::Refused,
        () => Finish::Stop,
    }
}

/// Why an answer is incomplete.
pub(super) fn cut_by(reason: &str) -> Finish {
    match reason {
        "content_filter" => Finish::Filtered,
        _ => Finish::Length,
    }
}

fn read_item(mut item: Fields<'_>, generation: &mut Generation) -> Result<(), Refused> {
    match item.needs_text("type")?.as_str() {
        "message" => item.objects("content", |mut part| {
            match part.needs_text("type")?.as_str() {
                "output_text" => {
                    generation.parts.push(Part::text(part.needs_text("text")?));
                    let logprobs = part.list("logprobs")?;
                    add_logprobs(&mut generation.logprobs, logprobs);
                }
                "refusal" => generation.parts.push(Part::Refusal(part.needs_text("refusal")?)),
                _ => (),
            }
            Ok(())
        })?,
        "reasoning" => generation.parts.extend(thinking(item)?.map(Part::Thinking)),
        "function_call" => {
            let (id, name) = (item.needs_text("call_id")?, item.needs_text("name")?);
            let input = arguments(&item.needs_text("arguments")?);
            generation.parts.push(Part::Call(Call { id, name, input, ..Call::default() }));
        }
        "custom_tool_call" => {
            let (id, name) = (item.needs_text("call_id")?, item.needs_text("name")? + CUSTOM);
            let input = json!({ "input": item.needs_text("input")? });
            generation.parts.push(Part::Call(Call { id, name, input, ..Call::default() }));
        }
        _ => (),
    }
    Ok(())
}

fn add_logprobs(all: &mut Option<Value>, more: Vec<Value>) {
    if more.is_empty() {
        return;
    }
    match all.as_mut().and_then(|all| all["content"].as_array_mut()) {
        Some(list) => list.extend(more),
        None => *all = Some(json!({ "content": more, "refusal": null })),
    }
}

fn usage(mut fields: Fields<'_>) -> Result<Usage, Refused> {
    let input = fields.object("input_tokens_details", |mut details| {
        Ok((details.count("cached_tokens")?, details.count("cache_write_tokens")?))
    })?;
    let output =
        fields.object("output_tokens_details", |mut details| details.count("reasoning_tokens"))?;
    let (cache_read, cache_written) = input.unwrap_or_default();
    Ok(Usage {
        input: fields.count("input_tokens")?,
        output: fields.count("output_tokens")?,
        cache_read,
        cache_written,
        reasoning: output.flatten(),
    })
}

/// Appends an answer.
pub fn write(generation: &Generation, caller: &Caller, out: &mut Vec<u8>) {
    let head = Head {
        id: &response_id(&generation.id, caller),
        model: told_model(&generation.model, caller),
        created: generation.created.unwrap_or(caller.now),
    };
    object(out, |response| {
        write_head(&head, Status::of(generation.finish), response);
        response.list("output", |list| write_output(generation, caller, list));
        write_usage(generation.usage, caller, response);
        if let Some(tier) = &generation.service_tier {
            response.text("service_tier", tier);
        }
    });
}

fn write_output(generation: &Generation, caller: &Caller, list: &mut List<'_>) {
    // Nobody tells which text they belong to where there are several.
    let mut logprobs = generation.logprobs.as_ref();
    for (index, part) in generation.parts.iter().enumerate() {
        let Some(mut item) = item_of(part, index, caller) else { continue };
        if let Item::Text { logprobs: own, .. } = &mut item {
            *own = logprobs.take();
        }
        list.object(|object| item::write(&item, index, "completed", caller, object));
    }
}

fn item_of<'a>(part: &'a Part, index: usize, caller: &'a Caller) -> Option<Item<'a>> {
    Some(match part {
        Part::Text { text, .. } => Item::Text { text, logprobs: None },
        Part::Refusal(text) => Item::Refusal { text },
        Part::Thinking(thinking) => match &thinking.sealed {
            Some(sealed) => Item::Sealed { sealed },
            None => {
                let signature = thinking.signature.as_deref();
                Item::Thinking { text: &thinking.text, signature }
            }
        },
        Part::Call(call) => Item::Call {
            id: {
                let id = call_id::or_made(&call.id, index, caller.seed);
                call_id::join(&id, call.signature.as_deref()).into_owned().into()
            },
            name: caller.tool(&call.name),
            arguments: call.input.to_string().into(),
        },
        Part::Media { .. } | Part::Result { .. } => return None,
    })
}

/// What all forms of a response begin with.
pub(super) struct Head<'a> {
    pub(super) id: &'a str,
    pub(super) model: &'a str,
    pub(super) created: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    InProgress,
    Completed,
    /// With the reason.
    Incomplete(&'static str),
    Failed,
}

impl Status {
    pub(super) fn of(finish: Finish) -> Self {
        match finish {
            Finish::Length => Self::Incomplete("max_output_tokens"),
            Finish::Filtered => Self::Incomplete("content_filter"),
            Finish::Stop
            | Finish::StopSequence
            | Finish::Calls
            | Finish::Refused
            | Finish::Paused => Self::Completed,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed => "failed",
        }
    }
}

pub(super) fn response_id(id: &str, caller: &Caller) -> String {
    match id {
        "" => format!("resp_{:016x}", caller.seed),
        id if id.starts_with("resp_") => id.to_owned(),
        id => format!("resp_{id}"),
    }
}

/// The model that answered; where the provider does not tell it, the one that was asked for.
pub(super) fn told_model<'a>(model: &'a str, caller: &'a Caller) -> &'a str {
    if model.is_empty() { &caller.model } else { model }
}

/// Of what the request said nothing is known any more: these fields are there because they must.
pub(super) fn write_head(head: &Head<'_>, status: Status, response: &mut Object<'_>) {
    response.text("id", head.id);
    response.text("object", "response");
    response.count("created_at", head.created);
    response.text("status", status.word());
    response.flag("background", false);
    if status != Status::Failed {
        response.null("error");
    }
    match status {
        Status::Incomplete(reason) => {
            response.object("incomplete_details", |details| details.text("reason", reason));
        }
        _ => response.null("incomplete_details"),
    }
    response.null("instructions");
    response.raw("metadata", "{}");
    response.text("model", head.model);
    response.flag("parallel_tool_calls", true);
    response.null("previous_response_id");
    response.null("temperature");
    response.text("tool_choice", "auto");
    response.raw("tools", "[]");
    response.null("top_p");
}

pub(super) fn write_usage(usage: Usage, caller: &Caller, response: &mut Object<'_>) {
    if usage == Usage::default() {
        response.null("usage");
        return;
    }
    let input = usage.input.unwrap_or(caller.input_tokens);
    let output = usage.output.unwrap_or(0);
    response.object("usage", |object| {
        object.count("input_tokens", input);
        object.object("input_tokens_details", |details| {
            details.count("cached_tokens", usage.cache_read.unwrap_or(0));
            details.count("cache_write_tokens", usage.cache_written.unwrap_or(0));
        });
        object.count("output_tokens", output);
        object.object("output_tokens_details", |details| {
            details.count("reasoning_tokens", usage.reasoning.unwrap_or(0));
        });
        object.count("total_tokens", input.saturating_add(output));
    });
}
