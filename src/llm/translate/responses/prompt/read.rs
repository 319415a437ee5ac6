//! Reads a request: all but its items and its tools.

use serde_json::Value;

use super::super::super::fields::Fields;
use super::super::super::prompt::{Effort, Format, Reasoning};
use super::super::super::{Line, Part, Prompt, Refused};
use super::{items, tools};

/// Reads a request.
///
/// # Errors
/// It is none, or says what no other dialect can.
pub fn read(body: &[u8], _line: Line<'_>) -> Result<Prompt, Refused> {
    let mut fields = Fields::parse(body)?;
    refuse_what_only_openai_keeps(&mut fields)?;
    let mut prompt = Prompt {
        model: fields.needs_text("model")?,
        stream: fields.flag("stream")?.unwrap_or(false),
        store: fields.flag("store")?,
        parallel: fields.flag("parallel_tool_calls")?,
        service_tier: fields.text("service_tier")?,
        metadata: fields.map("metadata")?.unwrap_or_default(),
        user: fields.text("safety_identifier")?,
        ..Prompt::default()
    };
    if prompt.user.is_none() {
        prompt.user = fields.text("user")?;
    }
    prompt.sampling.output_tokens = fields.count("max_output_tokens")?;
    prompt.sampling.temperature = fields.number("temperature")?;
    prompt.sampling.top_p = fields.number("top_p")?;
    prompt.sampling.logprobs = fields.count("top_logprobs")?;
    let include = fields.texts("include")?;
    if include.iter().any(|what| what == "message.output_text.logprobs") {
        prompt.sampling.logprobs.get_or_insert(0);
    }
    prompt.reasoning = fields.object("reasoning", reasoning)?;
    let text = fields.object("text", |mut text| {
        Ok((text.object("format", format)?.flatten(), text.text("verbosity")?))
    })?;
    (prompt.format, prompt.verbosity) = text.unwrap_or_default();
    prompt.system = fields.text("instructions")?.map(Part::text).into_iter().collect();
    tools::read(&mut fields, &mut prompt)?;
    items::read(&mut fields, &mut prompt)?;
    Ok(prompt)
}

/// What an answer would be made of that no other provider has.
fn refuse_what_only_openai_keeps(fields: &mut Fields<'_>) -> Result<(), Refused> {
    for name in ["previous_response_id", "conversation", "prompt"] {
        if fields.has(name) {
            return Err(fields.refuse(
                name,
                "is kept by OpenAI alone, and the model is of another provider; send all of it as \
                 input",
            ));
        }
    }
    if fields.flag("background")?.unwrap_or(false) {
        return Err(fields.refuse("background", "the model is of a provider that has no such runs"));
    }
    for name in ["moderation", "context_management"] {
        let is_empty = |value| value == Value::Array(Vec::new());
        if fields.value(name).is_some_and(|value| !is_empty(value)) {
            return Err(fields.refuse(name, "is done by OpenAI alone; leave it out"));
        }
    }
    Ok(())
}

fn reasoning(mut fields: Fields<'_>) -> Result<Reasoning, Refused> {
    let effort = match fields.text("effort")? {
        None => None,
        Some(word) => match Effort::parse(&word) {
            None => return Err(fields.refuse("effort", "is none that is known")),
            effort => effort,
        },
    };
    let summary = fields.text("summary")?;
    let shown = summary.is_some() || fields.text("generate_summary")?.is_some();
    Ok(Reasoning { effort, budget: None, shown })
}

fn format(mut fields: Fields<'_>) -> Result<Option<Format>, Refused> {
    match fields.needs_text("type")?.as_str() {
        "text" => Ok(None),
        "json_object" => Ok(Some(Format::Json)),
        "json_schema" => Ok(Some(Format::Schema {
            name: fields.text("name")?,
            description: fields.text("description")?,
            schema: match fields.map("schema")? {
                Some(schema) => Value::Object(schema),
                None => return Err(fields.refuse("schema", "is missing")),
            },
            strict: fields.flag("strict")?,
        })),
        _ => Err(fields.refuse("type", "must be text, json_object or json_schema")),
    }
}
