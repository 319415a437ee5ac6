//! Reads a request: all but the blocks of its messages.

use serde_json::{Map, Value, json};

use super::super::super::fields::Fields;
use super::super::super::prompt::{Choice, Format, Role, Tool};
use super::super::super::{Line, Part, Prompt, Refused};
use super::blocks::{cache_point, read_blocks};
use super::extras;

/// Reads a request.
///
/// # Errors
/// It is none, or says what no other dialect can.
pub fn read(body: &[u8], line: Line<'_>) -> Result<Prompt, Refused> {
    let mut fields = Fields::parse(body)?;
    for name in ["guardrailConfig", "promptVariables"] {
        if fields.has(name) {
            let why = "is known to Bedrock alone, and the model is of another provider";
            return Err(fields.refuse(name, why));
        }
    }
    let mut prompt = Prompt {
        model: line.model.to_owned(),
        stream: line.streams,
        wants_usage: line.streams,
        metadata: fields.map("requestMetadata")?.unwrap_or_default(),
        ..Prompt::default()
    };
    prompt.service_tier = fields.object("serviceTier", |mut tier| tier.text("type"))?.flatten();
    fields.object("inferenceConfig", |mut config| {
        prompt.sampling.output_tokens = config.count("maxTokens")?;
        prompt.sampling.temperature = config.number("temperature")?;
        prompt.sampling.top_p = config.number("topP")?;
        prompt.sampling.stop = config.texts("stopSequences")?;
        Ok(())
    })?;
    extras::read(&mut fields, &mut prompt)?;
    fields.object("toolConfig", |config| tools(config, &mut prompt))?;
    prompt.system = system(&mut fields)?;
    let mut any = false;
    fields.objects("messages", |message| {
        any = true;
        read_message(message, &mut prompt)
    })?;
    match any {
        true => Ok(prompt),
        false => Err(fields.refuse("messages", "is missing")),
    }
}

fn system(fields: &mut Fields<'_>) -> Result<Vec<Part>, Refused> {
    let mut parts = Vec::new();
    fields.objects("system", |block| read_blocks(block, &mut parts, None))?;
    match parts.iter().all(|part| matches!(part, Part::Text { .. })) {
        true => Ok(parts),
        false => Err(fields.refuse("system", "must be text")),
    }
}

fn read_message(mut message: Fields<'_>, prompt: &mut Prompt) -> Result<(), Refused> {
    let role = match message.needs_text("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => return Err(message.refuse("role", "must be user, assistant or system")),
    };
    let mut parts = Vec::new();
    message.objects("content", |block| read_blocks(block, &mut parts, Some(prompt)))?;
    parts.into_iter().for_each(|part| prompt.say(role, part));
    Ok(())
}

fn tools(mut config: Fields<'_>, prompt: &mut Prompt) -> Result<(), Refused> {
    config.objects("tools", |mut tool| {
        if let Some(cache) = tool.object("cachePoint", cache_point)? {
            if let Some(last) = prompt.tools.last_mut() {
                last.cache = Some(cache);
            }
            return Ok(());
        }
        if tool.has("systemTool") {
            let why = "is run by Bedrock alone, and the model is of another provider";
            return Err(tool.refuse("systemTool", why));
        }
        prompt.tools.push(tool.needs_object("toolSpec", read_tool)?);
        Ok(())
    })?;
    let choice = config.object("toolChoice", |mut choice| {
        let by_name = choice.object("tool", |mut tool| tool.needs_text("name"))?;
        Ok(match by_name {
            Some(name) => Some(Choice::Tool(name)),
            None if choice.has("any") => Some(Choice::Any),
            None if choice.has("auto") => Some(Choice::Auto),
            None => None,
        })
    })?;
    prompt.choice = choice.flatten();
    Ok(())
}

fn read_tool(mut spec: Fields<'_>) -> Result<Tool, Refused> {
    Ok(Tool {
        name: spec.needs_text("name")?,
        description: spec.text("description")?,
        schema: spec.needs_object("inputSchema", |mut schema| {
            let json = schema.map("json")?;
            Ok(json.map_or_else(|| json!({"type": "object"}), Value::Object))
        })?,
        strict: spec.flag("strict")?,
        cache: None,
    })
}

/// The schema of `outputConfig.textFormat`, which is a text.
pub(super) fn format(mut format: Fields<'_>) -> Result<Option<Format>, Refused> {
    let schema = format.object("structure", |mut structure| {
        structure.object("jsonSchema", |mut schema| {
            let text = schema.needs_text("schema")?;
            let Ok(object) = serde_json::from_str::<Map<String, Value>>(&text) else {
                return Err(schema.refuse("schema", "must be the text of a JSON object"));
            };
            Ok(Format::Schema {
                name: schema.text("name")?,
                description: schema.text("description")?,
                schema: Value::Object(object),
                strict: None,
            })
        })
    })?;
    Ok(schema.flatten())
}
