//! Tools of a request, and which of them may be called.
//!
//! A custom tool takes free text. Elsewhere it is a function with one field of text, and its name
//! ends in `CUSTOM`, so that a call of it is known for what it is when it comes back.

use serde_json::{Map, Value, json};

use super::super::super::fields::Fields;
use super::super::super::object::Object;
use super::super::super::prompt::{Choice, Tool};
use super::super::super::{Prompt, Refused};
use super::super::CUSTOM;

pub(super) fn read(fields: &mut Fields<'_>, prompt: &mut Prompt) -> Result<(), Refused> {
    fields.objects("tools", |tool| {
        prompt.tools.push(read_tool(tool)?);
        Ok(())
    })?;
    let Some(choice) = fields.value("tool_choice") else { return Ok(()) };
    if let Value::String(word) = &choice {
        prompt.choice = Some(match word.as_str() {
            "auto" => Choice::Auto,
            "required" => Choice::Any,
            "none" => Choice::None,
            _ => return Err(fields.refuse("tool_choice", "must be auto, none or required")),
        });
        return Ok(());
    }
    let at = super::super::super::fields::At::Field(&fields.at, "tool_choice");
    read_choice(Fields::of(choice, at)?, prompt)
}

fn read_tool(mut fields: Fields<'_>) -> Result<Tool, Refused> {
    match fields.needs_text("type")?.as_str() {
        "function" => Ok(Tool {
            name: fields.needs_text("name")?,
            description: fields.text("description")?,
            schema: Value::Object(fields.map("parameters")?.unwrap_or_else(no_fields)),
            strict: fields.flag("strict")?,
            cache: None,
        }),
        "custom" => custom(fields),
        kind => Err(fields.refuse(
            "type",
            &format!("{kind} is run by OpenAI alone, and the model is of another provider"),
        )),
    }
}

fn no_fields() -> Map<String, Value> {
    let schema = [("type", json!("object")), ("properties", json!({}))];
    schema.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn custom(mut fields: Fields<'_>) -> Result<Tool, Refused> {
    let mut description = fields.text("description")?.unwrap_or_default();
    let grammar = fields.object("format", |mut format| {
        let is_grammar = format.needs_text("type")? == "grammar";
        Ok((is_grammar, format.text("syntax")?, format.text("definition")?))
    })?;
    if let Some((true, syntax, Some(definition))) = grammar {
        let syntax = syntax.unwrap_or_default();
        description += &format!("\n\nThe input follows this {syntax} grammar:\n{definition}");
    }
    Ok(Tool {
        name: fields.needs_text("name")? + CUSTOM,
        description: Some(description).filter(|text| !text.is_empty()),
        schema: json!({
            "type": "object",
            "properties": {"input": {"type": "string"}},
            "required": ["input"],
            "additionalProperties": false,
        }),
        strict: None,
        cache: None,
    })
}

fn read_choice(mut fields: Fields<'_>, prompt: &mut Prompt) -> Result<(), Refused> {
    match fields.needs_text("type")?.as_str() {
        "function" => prompt.choice = Some(Choice::Tool(fields.needs_text("name")?)),
        "custom" => prompt.choice = Some(Choice::Tool(fields.needs_text("name")? + CUSTOM)),
        "allowed_tools" => {
            let mode = fields.needs_text("mode")?;
            let mut allowed = Vec::new();
            fields.objects("tools", |mut tool| {
                let is_custom = tool.needs_text("type")? == "custom";
                let name = tool.needs_text("name")?;
                allowed.push(if is_custom { name + CUSTOM } else { name });
                Ok(())
            })?;
            prompt.tools.retain(|tool| allowed.contains(&tool.name));
            prompt.choice = Some(if mode == "required" { Choice::Any } else { Choice::Auto });
        }
        _ => return Err(fields.refuse("type", "must be function, custom or allowed_tools")),
    }
    Ok(())
}

pub(super) fn write(prompt: &Prompt, body: &mut Object<'_>) {
    if prompt.tools.is_empty() {
        return;
    }
    body.list("tools", |list| {
        for tool in &prompt.tools {
            list.object(|object| write_tool(tool, object));
        }
    });
    match &prompt.choice {
        None => (),
        Some(Choice::Auto) => body.text("tool_choice", "auto"),
        Some(Choice::Any) => body.text("tool_choice", "required"),
        Some(Choice::None) => body.text("tool_choice", "none"),
        Some(Choice::Tool(name)) => body.object("tool_choice", |choice| {
            choice.text("type", if name.ends_with(CUSTOM) { "custom" } else { "function" });
            choice.text("name", name.strip_suffix(CUSTOM).unwrap_or(name));
        }),
    }
    if let Some(parallel) = prompt.parallel {
        body.flag("parallel_tool_calls", parallel);
    }
}

fn write_tool(tool: &Tool, object: &mut Object<'_>) {
    let custom = tool.name.strip_suffix(CUSTOM);
    object.text("type", if custom.is_some() { "custom" } else { "function" });
    object.text("name", custom.unwrap_or(&tool.name));
    if let Some(description) = &tool.description {
        object.text("description", description);
    }
    if custom.is_none() {
        object.value("parameters", &tool.schema);
        // Here alone it is true where it is not told.
        object.flag("strict", tool.strict.unwrap_or(false));
    }
}
