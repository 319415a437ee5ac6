//! Messages.

use serde_json::Value;

use super::super::Refused;
use super::check::{self, wrong};
use super::{Heard, MODEL, USER};

pub(super) fn read(body: &Value) -> Result<Heard, Refused> {
    check::object("", body, &FIELDS)?;
    let mut heard = Heard::default();
    match &body["system"] {
        Value::String(text) => heard.system(text),
        blocks => {
            for block in check::list("system", blocks)? {
                check::object("system", block, &["type", "text", "cache_control", "citations"])?;
                heard.system(check::text("system", &block["text"])?);
            }
        }
    }
    for (at, message) in check::list("messages", &body["messages"])?.iter().enumerate() {
        let path = format!("messages.{at}");
        check::object(&path, message, &["role", "content"])?;
        let role = match check::name(&format!("{path}.role"), &message["role"])? {
            "user" => USER,
            "assistant" => MODEL,
            _ => return Err(wrong(&format!("{path}.role"), "it is user or assistant")),
        };
        content(&format!("{path}.content"), &message["content"], role, &mut heard)?;
    }
    for (at, tool) in check::list("tools", &body["tools"])?.iter().enumerate() {
        let path = format!("tools.{at}");
        if tool["type"].as_str().is_some_and(|kind| kind != "custom") {
            continue;
        }
        check::object(&path, tool, &TOOL)?;
        check::schema(&format!("{path}.input_schema"), &tool["input_schema"])?;
        heard.tools.push(check::word(&format!("{path}.name"), &tool["name"], 128)?);
    }
    heard.choice = match body["tool_choice"]["type"].as_str() {
        None if body["tool_choice"].is_null() => String::new(),
        Some(word @ ("auto" | "any" | "none")) => word.to_owned(),
        Some("tool") => check::name("tool_choice.name", &body["tool_choice"]["name"])?.to_owned(),
        _ => return Err(wrong("tool_choice.type", "it is auto, any, tool or none")),
    };
    heard.stops = check::texts("stop_sequences", &body["stop_sequences"], usize::MAX)?;
    check::number("temperature", &body["temperature"], 0.0, 1.0)?;
    check::number("top_p", &body["top_p"], 0.0, 1.0)?;
    check::number("max_tokens", &body["max_tokens"], 1.0, 1e9)?;
    thinking(body, &mut heard)?;
    let format = &body["output_config"]["format"];
    if !format.is_null() {
        check::schema("output_config.format.schema", &format["schema"])?;
        heard.format = "schema";
    }
    Ok(heard)
}

fn thinking(body: &Value, heard: &mut Heard) -> Result<(), Refused> {
    let thinking = &body["thinking"];
    heard.thinks = match thinking["type"].as_str() {
        None if thinking.is_null() => false,
        Some("disabled") => false,
        Some("adaptive") => true,
        Some("enabled") => {
            let most = body["max_tokens"].as_f64().unwrap_or(f64::MAX) - 1.0;
            check::number("thinking.budget_tokens", &thinking["budget_tokens"], 1024.0, most)?;
            !thinking["budget_tokens"].is_null()
        }
        _ => return Err(wrong("thinking.type", "it is enabled, adaptive or disabled")),
    };
    let forced = !matches!(heard.choice.as_str(), "" | "auto" | "none");
    if heard.thinks && forced {
        return Err(wrong("tool_choice", "a model that thinks cannot be forced to call"));
    }
    Ok(())
}

fn content(
    path: &str,
    content: &Value,
    role: &'static str,
    heard: &mut Heard,
) -> Result<(), Refused> {
    if let Value::String(text) = content {
        if text.is_empty() {
            return Err(wrong(path, "text content blocks must be non-empty"));
        }
        heard.say(role, text);
        return Ok(());
    }
    let blocks = content.as_array().ok_or_else(|| wrong(path, "a text or blocks are expected"))?;
    if blocks.is_empty() {
        return Err(wrong(path, "it is empty"));
    }
    let mut said = false;
    for (at, block) in blocks.iter().enumerate() {
        let path = format!("{path}.{at}");
        match (block["type"].as_str(), role) {
            (Some("text"), _) => {
                check::object(&path, block, &["type", "text", "cache_control", "citations"])?;
                let text = check::text(&path, &block["text"])?;
                if text.trim().is_empty() {
                    return Err(wrong(&path, "text content blocks must be non-empty"));
                }
                said = true;
                heard.say(role, text);
            }
            (Some("image"), USER) => {
                source(&path, &block["source"])?;
                heard.turn(USER).images += 1;
            }
            (Some("document"), USER) => heard.turn(USER).documents += 1,
            (Some("thinking"), MODEL) => {
                check::object(&path, block, &["type", "thinking", "signature"])?;
                check::text(&path, &block["thinking"])?;
                check::name(&format!("{path}.signature"), &block["signature"])?;
            }
            (Some("redacted_thinking"), MODEL) => drop(check::name(&path, &block["data"])?),
            (Some("tool_use"), MODEL) => {
                let known = ["type", "id", "name", "input", "cache_control", "caller"];
                check::object(&path, block, &known)?;
                let id = check::name(&format!("{path}.id"), &block["id"])?;
                let name = check::name(&format!("{path}.name"), &block["name"])?;
                heard.call(&path, id, name, block["input"].clone())?;
            }
            (Some("tool_result"), USER) if said => {
                return Err(wrong(&path, "results of tools come before what the user says"));
            }
            (Some("tool_result"), USER) => result(&path, block, heard)?,
            _ => return Err(wrong(&path, "there is no such type for this role")),
        }
    }
    Ok(())
}

fn result(path: &str, block: &Value, heard: &mut Heard) -> Result<(), Refused> {
    let known = ["type", "tool_use_id", "content", "is_error", "cache_control"];
    check::object(path, block, &known)?;
    let id = check::name(&format!("{path}.tool_use_id"), &block["tool_use_id"])?;
    let text = match &block["content"] {
        Value::String(text) => text.clone(),
        parts => {
            let texts = check::list(&format!("{path}.content"), parts)?.iter();
            texts.filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
    };
    heard.result(path, id, "", &text)
}

fn source(path: &str, source: &Value) -> Result<(), Refused> {
    match source["type"].as_str() {
        Some("base64") => {
            check::name(&format!("{path}.media_type"), &source["media_type"])?;
            check::base64(&format!("{path}.data"), &source["data"])
        }
        Some("url") => check::address(path, &source["url"]),
        Some("file") => check::name(path, &source["file_id"]).map(drop),
        _ => Err(wrong(path, "the source is base64, url or file")),
    }
}

const FIELDS: [&str; 22] = [
    "model",
    "messages",
    "max_tokens",
    "system",
    "metadata",
    "stop_sequences",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "output_format",
    "service_tier",
    "container",
    "mcp_servers",
    "context_management",
    "cache_control",
    "anthropic_version",
    "anthropic_beta",
];
const TOOL: [&str; 9] = [
    "type",
    "name",
    "description",
    "input_schema",
    "cache_control",
    "strict",
    "input_examples",
    "eager_input_streaming",
    "defer_loading",
];
