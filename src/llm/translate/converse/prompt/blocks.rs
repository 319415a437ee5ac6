//! Reads blocks of content. A block is an object with one field, whose name says what it is.

use serde_json::Value;

use super::super::super::fields::{At, Fields};
use super::super::super::prompt::{Cache, Call, MediaKind, Thinking};
use super::super::super::{Part, Prompt, Refused, call_id};
use super::super::{blob, media};

/// Appends the part that a block is; a cache point goes to the one before it. `prompt`: what was
/// said before.
pub(in super::super) fn read_blocks(
    mut block: Fields<'_>,
    parts: &mut Vec<Part>,
    prompt: Option<&Prompt>,
) -> Result<(), Refused> {
    let at = block.at;
    let Some((kind, value)) = block.first() else { return Err(at.refuse("has nothing in it")) };
    let at = At::Field(&at, &kind);
    if kind == "text" {
        let Value::String(text) = value else { return Err(at.refuse("must be a text")) };
        parts.push(Part::text(text));
        return Ok(());
    }
    let mut fields = Fields::of(value, at)?;
    match kind.as_str() {
        "image" => parts.push(media_part(MediaKind::Image, fields)?),
        "document" => parts.push(media_part(MediaKind::Document, fields)?),
        "video" => parts.push(media_part(MediaKind::Video, fields)?),
        "audio" => parts.push(media_part(MediaKind::Audio, fields)?),
        "cachePoint" => {
            let cache = cache_point(fields)?;
            if let Some(last) = parts.last_mut() {
                mark(last, cache);
            }
        }
        "toolUse" => parts.push(Part::Call(call(fields)?)),
        "toolResult" => parts.push(result(fields, prompt)?),
        "reasoningContent" => parts.push(Part::Thinking(thinking(fields)?)),
        "guardContent" => {
            let text = fields.object("text", |mut text| text.needs_text("text"))?;
            match text {
                Some(text) => parts.push(Part::text(text)),
                None => return Err(fields.refuse("text", "is missing")),
            }
        }
        "citationsContent" => fields.objects("content", |mut said| {
            parts.push(Part::text(said.needs_text("text")?));
            Ok(())
        })?,
        _ => {
            let why = "is known to Bedrock alone, and the model is of another provider";
            return Err(at.refuse(why));
        }
    }
    Ok(())
}

fn media_part(kind: MediaKind, fields: Fields<'_>) -> Result<Part, Refused> {
    Ok(Part::Media { media: media::read(kind, fields)?, cache: None })
}

pub(super) fn cache_point(mut point: Fields<'_>) -> Result<Cache, Refused> {
    Ok(match point.text("ttl")?.as_deref() {
        Some("1h") => Cache::Hour,
        _ => Cache::FiveMinutes,
    })
}

fn mark(part: &mut Part, mark: Cache) {
    match part {
        Part::Text { cache, .. } | Part::Media { cache, .. } | Part::Result { cache, .. } => {
            *cache = Some(mark);
        }
        Part::Call(call) => call.cache = Some(mark),
        Part::Thinking(_) | Part::Refusal(_) => (),
    }
}

fn call(mut fields: Fields<'_>) -> Result<Call, Refused> {
    let (id, signature) = call_id::split(fields.needs_text("toolUseId")?);
    Ok(Call {
        id,
        name: fields.needs_text("name")?,
        input: Value::Object(fields.map("input")?.unwrap_or_default()),
        signature,
        cache: None,
    })
}

fn result(mut fields: Fields<'_>, prompt: Option<&Prompt>) -> Result<Part, Refused> {
    let (id, _) = call_id::split(fields.needs_text("toolUseId")?);
    let name = prompt.and_then(|prompt| prompt.called(&id)).map(str::to_owned);
    let is_error = fields.text("status")?.as_deref() == Some("error");
    let mut parts = Vec::new();
    fields.objects("content", |mut block| {
        if let Some(json) = block.value("json") {
            parts.push(Part::text(json.to_string()));
            return Ok(());
        }
        read_blocks(block, &mut parts, None)
    })?;
    let said = |part: &Part| matches!(part, Part::Text { .. } | Part::Media { .. });
    if !parts.iter().all(said) {
        return Err(fields.refuse("content", "must be text, json or media"));
    }
    Ok(Part::Result { id, name, parts, is_error, cache: None })
}

fn thinking(mut fields: Fields<'_>) -> Result<Thinking, Refused> {
    if let Some(sealed) = fields.text("redactedContent")? {
        return Ok(Thinking { sealed: Some(blob::read(&sealed)), ..Thinking::default() });
    }
    fields.needs_object("reasoningText", |mut text| {
        let signature = text.text("signature")?.filter(|signature| !signature.is_empty());
        Ok(Thinking { text: text.needs_text("text")?, signature, sealed: None })
    })
}
