//! Writes the messages of a request. Roles take turns; a block of text with nothing in it is
//! refused by Bedrock, and so is a message without blocks: they are left out.

use std::borrow::Cow;

use super::super::super::object::{List, Object};
use super::super::super::prompt::{Call, Role, Thinking, Turn};
use super::super::super::{Caller, Part, Prompt, Refused, call_id};
use super::super::{blob, media};
use super::write::{cache_point, tool_name};

pub(super) fn is_system(turn: &Turn) -> bool {
    turn.role == Role::System
}

pub(super) fn write(
    prompt: &Prompt,
    caller: &mut Caller,
    body: &mut Object<'_>,
) -> Result<(), Refused> {
    let turns: Vec<_> = prompt.turns.iter().filter(|turn| !is_system(turn) && says(turn)).collect();
    body.list("messages", |list| {
        let groups = turns.chunk_by(|one, next| one.role == next.role);
        for turns in groups {
            list.object(|message| write_message(turns, caller, message))?;
        }
        Ok(())
    })
}

fn says(turn: &Turn) -> bool {
    turn.parts.iter().any(is_told)
}

fn is_told(part: &Part) -> bool {
    match part {
        Part::Text { text, .. } | Part::Refusal(text) => !text.trim().is_empty(),
        Part::Thinking(thinking) => thinking.signature.is_some() || thinking.sealed.is_some(),
        Part::Media { .. } | Part::Call(_) | Part::Result { .. } => true,
    }
}

fn write_message(
    turns: &[&Turn],
    caller: &mut Caller,
    message: &mut Object<'_>,
) -> Result<(), Refused> {
    let role = turns.first().map_or(Role::User, |turn| turn.role);
    message.text("role", if role == Role::Assistant { "assistant" } else { "user" });
    message.list("content", |list| {
        let parts = turns.iter().flat_map(|turn| &turn.parts).filter(|part| is_told(part));
        for part in parts {
            list.object(|block| write_block(part, caller, block))?;
            cache_point(cache_of(part), list);
        }
        Ok(())
    })
}

fn cache_of(part: &Part) -> Option<super::super::super::prompt::Cache> {
    match part {
        Part::Text { cache, .. } | Part::Media { cache, .. } | Part::Result { cache, .. } => *cache,
        Part::Call(call) => call.cache,
        Part::Thinking(_) | Part::Refusal(_) => None,
    }
}

fn write_block(part: &Part, caller: &mut Caller, block: &mut Object<'_>) -> Result<(), Refused> {
    match part {
        Part::Text { text, .. } | Part::Refusal(text) => block.text("text", text),
        Part::Media { media, .. } => return media::write(media, block),
        Part::Thinking(thinking) => write_thinking(thinking, block),
        Part::Call(call) => write_call(call, &fit(&call.id), &tool_name(&call.name, caller), block),
        Part::Result { id, parts, is_error, .. } => {
            return block.object("toolResult", |result| {
                result.text("toolUseId", &fit(id));
                result.list("content", |list| results(parts, list))?;
                if *is_error {
                    result.text("status", "error");
                }
                Ok(())
            });
        }
    }
    Ok(())
}

fn results(parts: &[Part], list: &mut List<'_>) -> Result<(), Refused> {
    for part in parts {
        match part {
            Part::Text { text, .. } => list.object(|block| block.text("text", text)),
            Part::Media { media, .. } => list.object(|block| media::write(media, block))?,
            _ => (),
        }
    }
    Ok(())
}

pub(in super::super) fn write_call(call: &Call, id: &str, name: &str, block: &mut Object<'_>) {
    block.object("toolUse", |object| {
        object.text("toolUseId", id);
        object.text("name", name);
        object.value("input", &call.input);
    });
}

pub(in super::super) fn write_thinking(thinking: &Thinking, block: &mut Object<'_>) {
    block.object("reasoningContent", |object| match &thinking.sealed {
        Some(sealed) => object.text("redactedContent", &blob::write(sealed)),
        None => object.object("reasoningText", |text| {
            text.text("text", &thinking.text);
            if let Some(signature) = &thinking.signature {
                text.text("signature", signature);
            }
        }),
    });
}

fn fit(id: &str) -> Cow<'_, str> {
    let fits = |symbol: char| symbol.is_ascii_alphanumeric() || "_-.:".contains(symbol);
    call_id::fit(id, ID_BYTES_MAX, fits)
}

const ID_BYTES_MAX: usize = 64;
