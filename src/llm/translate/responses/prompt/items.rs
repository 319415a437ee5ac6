//! The conversation of a request: items, which are messages, calls, what they brought, thoughts.

use serde_json::{Value, json};

use super::super::super::fields::{At, Fields};
use super::super::super::prompt::{Call, Media, MediaKind, Role, Source, Thinking};
use super::super::super::{Part, Prompt, Refused, call_id};
use super::super::{CUSTOM, arguments};

pub(super) fn read(fields: &mut Fields<'_>, prompt: &mut Prompt) -> Result<(), Refused> {
    match fields.value("input") {
        None => Err(fields.refuse("input", "is missing")),
        Some(Value::String(text)) => {
            prompt.say(Role::User, Part::text(text));
            Ok(())
        }
        Some(Value::Array(items)) => {
            let at = At::Field(&fields.at, "input");
            let mut items = items.into_iter().enumerate();
            items.try_for_each(|(index, item)| {
                read_item(Fields::of(item, At::Item(&at, index))?, prompt)
            })
        }
        Some(_) => Err(fields.refuse("input", "must be a text or a list")),
    }
}

fn read_item(mut item: Fields<'_>, prompt: &mut Prompt) -> Result<(), Refused> {
    let kind = item.text("type")?;
    match kind.as_deref().unwrap_or("message") {
        "message" => message(item, prompt),
        "function_call" => {
            let (id, signature) = call_id::split(item.needs_text("call_id")?);
            let name = item.needs_text("name")?;
            let input = arguments(&item.needs_text("arguments")?);
            let call = Call { id, name, input, signature, cache: None };
            prompt.say(Role::Assistant, Part::Call(call));
            Ok(())
        }
        "custom_tool_call" => {
            let (id, signature) = call_id::split(item.needs_text("call_id")?);
            let name = item.needs_text("name")? + CUSTOM;
            let input = json!({ "input": item.needs_text("input")? });
            let call = Call { id, name, input, signature, cache: None };
            prompt.say(Role::Assistant, Part::Call(call));
            Ok(())
        }
        "function_call_output" | "custom_tool_call_output" => result(item, prompt),
        "reasoning" => {
            if let Some(thinking) = thinking(item)? {
                prompt.say(Role::Assistant, Part::Thinking(thinking));
            }
            Ok(())
        }
        "item_reference" => Err(item.refuse("id", "is kept by OpenAI alone; send the item itself")),
        other => Err(item.refuse(
            "type",
            &format!("{other} is known to OpenAI alone, and the model is of another provider"),
        )),
    }
}

fn message(mut item: Fields<'_>, prompt: &mut Prompt) -> Result<(), Refused> {
    let role = match item.needs_text("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" | "developer" => Role::System,
        _ => return Err(item.refuse("role", "must be user, assistant, system or developer")),
    };
    let parts = content(&mut item, "content")?;
    if role == Role::System && parts.iter().any(|part| !matches!(part, Part::Text { .. })) {
        return Err(item.refuse("content", "of system and developer must be text"));
    }
    if role == Role::System && prompt.turns.is_empty() {
        prompt.system.extend(parts);
        return Ok(());
    }
    parts.into_iter().for_each(|part| prompt.say(role, part));
    Ok(())
}

fn result(mut item: Fields<'_>, prompt: &mut Prompt) -> Result<(), Refused> {
    let (id, _) = call_id::split(item.needs_text("call_id")?);
    let name = prompt.called(&id).map(str::to_owned);
    let parts = content(&mut item, "output")?;
    prompt.say(Role::User, Part::Result { id, name, parts, is_error: false, cache: None });
    Ok(())
}

/// A text, or a list of parts.
fn content(item: &mut Fields<'_>, name: &str) -> Result<Vec<Part>, Refused> {
    let mut parts = Vec::new();
    match item.value(name) {
        None => return Err(item.refuse(name, "is missing")),
        Some(Value::String(text)) => parts.push(Part::text(text)),
        Some(Value::Array(list)) => {
            let at = At::Field(&item.at, name);
            for (index, part) in list.into_iter().enumerate() {
                parts.push(read_part(Fields::of(part, At::Item(&at, index))?)?);
            }
        }
        Some(_) => return Err(item.refuse(name, "must be a text or a list")),
    }
    Ok(parts)
}

fn read_part(mut part: Fields<'_>) -> Result<Part, Refused> {
    let kind = part.needs_text("type")?;
    let media = match kind.as_str() {
        "input_text" | "output_text" | "text" => return Ok(Part::text(part.needs_text("text")?)),
        "refusal" => return Ok(Part::Refusal(part.needs_text("refusal")?)),
        "input_image" => {
            let detail = part.text("detail")?.filter(|detail| detail != "auto");
            let (mime, source) = match part.text("file_id")? {
                Some(id) => (String::new(), Source::File(id)),
                None => source_of(part.needs_text("image_url")?),
            };
            Media { kind: MediaKind::Image, mime, source, name: None, detail }
        }
        "input_file" => {
            let name = part.text("filename")?;
            let (mime, source) = match (part.text("file_id")?, part.text("file_url")?) {
                (Some(id), _) => (String::new(), Source::File(id)),
                (_, Some(url)) => (String::new(), Source::Url(url)),
                _ => file(part.needs_text("file_data")?, name.as_deref()),
            };
            Media { kind: MediaKind::Document, mime, source, name, detail: None }
        }
        other => return Err(part.refuse("type", &format!("{other} is no kind of content"))),
    };
    Ok(Part::Media { media, cache: None })
}

/// A data URL says what is in it; any other stays what it is.
fn source_of(url: String) -> (String, Source) {
    let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match data {
        Some((mime, data)) => {
            let mime = mime.split(';').next().unwrap_or_default();
            (mime.to_owned(), Source::Data(data.to_owned()))
        }
        None => (String::new(), Source::Url(url)),
    }
}

/// A file may come as bare base64: its name tells the rest.
fn file(data: String, name: Option<&str>) -> (String, Source) {
    if data.starts_with("data:") {
        return source_of(data);
    }
    let end = name.and_then(|name| name.rsplit_once('.')).map_or("pdf", |(_, end)| end);
    let mime = match end {
        "txt" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" => "text/html",
        _ => "application/pdf",
    };
    (mime.to_owned(), Source::Data(data))
}

/// A thought. Whoever has no summary was told none: its text is sealed.
pub(in super::super) fn thinking(mut item: Fields<'_>) -> Result<Option<Thinking>, Refused> {
    let sealed = item.text("encrypted_content")?.filter(|sealed| !sealed.is_empty());
    let mut texts = Vec::new();
    let mut push = |mut part: Fields<'_>| {
        texts.push(part.needs_text("text")?);
        Ok(())
    };
    item.objects("summary", &mut push)?;
    item.objects("content", &mut push)?;
    Ok(match (texts.is_empty(), sealed) {
        (true, None) => None,
        (true, sealed) => Some(Thinking { sealed, ..Thinking::default() }),
        (false, signature) => Some(Thinking { text: texts.join("\n\n"), signature, sealed: None }),
    })
}
