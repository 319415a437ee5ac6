//! Responses.

use serde_json::Value;

use super::super::Refused;
use super::check::{self, wrong};
use super::{Heard, MODEL, USER};

pub(super) fn read(body: &Value) -> Result<Heard, Refused> {
    check::object("", body, &FIELDS)?;
    let mut heard = Heard::default();
    if !body["instructions"].is_null() {
        heard.system(check::text("instructions", &body["instructions"])?);
    }
    match &body["input"] {
        Value::String(text) => heard.say(USER, text),
        input => {
            for (at, item) in check::list("input", input)?.iter().enumerate() {
                self::item(&format!("input[{at}]"), item, &mut heard)?;
            }
        }
    }
    for (at, tool) in check::list("tools", &body["tools"])?.iter().enumerate() {
        let path = format!("tools[{at}]");
        if tool["type"] != "function" {
            continue;
        }
        check::object(&path, tool, &["type", "name", "description", "parameters", "strict"])?;
        check::schema(&format!("{path}.parameters"), &tool["parameters"])?;
        heard.tools.push(check::word(&format!("{path}.name"), &tool["name"], 64)?);
    }
    let choice = &body["tool_choice"];
    heard.choice = match choice.as_str() {
        None if choice.is_null() => String::new(),
        None => check::name("tool_choice.name", &choice["name"])?.to_owned(),
        Some("required") => "any".to_owned(),
        Some(word @ ("auto" | "none")) => word.to_owned(),
        Some(_) => return Err(wrong("tool_choice", "it is auto, none or required")),
    };
    check::number("temperature", &body["temperature"], 0.0, 2.0)?;
    check::number("max_output_tokens", &body["max_output_tokens"], 1.0, 1e9)?;
    let effort = &body["reasoning"]["effort"];
    heard.thinks = !effort.is_null() && effort != "none";
    let format = &body["text"]["format"];
    heard.format = match format["type"].as_str() {
        None if format.is_null() => "text",
        Some("text") => "text",
        Some("json_object") => "json",
        Some("json_schema") => {
            check::word("text.format.name", &format["name"], 64)?;
            check::schema("text.format.schema", &format["schema"])?;
            "schema"
        }
        _ => return Err(wrong("text.format.type", "it is text, json_object or json_schema")),
    };
    Ok(heard)
}

fn item(path: &str, item: &Value, heard: &mut Heard) -> Result<(), Refused> {
    match item["type"].as_str() {
        None | Some("message") => {
            check::object(path, item, &["type", "id", "status", "role", "content", "phase"])?;
            let role = match check::name(&format!("{path}.role"), &item["role"])? {
                "user" => USER,
                "assistant" => MODEL,
                "system" | "developer" => "",
                _ => return Err(wrong(&format!("{path}.role"), "there is no such role")),
            };
            content(&format!("{path}.content"), &item["content"], role, heard)
        }
        Some("function_call") => {
            let id = check::name(&format!("{path}.call_id"), &item["call_id"])?;
            let name = check::name(&format!("{path}.name"), &item["name"])?;
            let arguments = check::arguments(&format!("{path}.arguments"), &item["arguments"])?;
            heard.call(path, id, name, arguments)
        }
        Some("function_call_output") => {
            let id = check::name(&format!("{path}.call_id"), &item["call_id"])?;
            let text = match &item["output"] {
                Value::String(text) => text.clone(),
                parts => {
                    let texts = check::list(&format!("{path}.output"), parts)?.iter();
                    texts.filter_map(|part| part["text"].as_str()).collect()
                }
            };
            heard.result(path, id, "", &text)
        }
        Some("reasoning") => {
            check::name(&format!("{path}.id"), &item["id"])?;
            check::list(&format!("{path}.summary"), &item["summary"]).map(drop)
        }
        _ => Err(wrong(path, "there is no such type")),
    }
}

fn content(
    path: &str,
    content: &Value,
    role: &'static str,
    heard: &mut Heard,
) -> Result<(), Refused> {
    let say = |heard: &mut Heard, text: &str| match role {
        "" => heard.system(text),
        role => heard.say(role, text),
    };
    if let Value::String(text) = content {
        say(heard, text);
        return Ok(());
    }
    let parts = content.as_array().ok_or_else(|| wrong(path, "a text or parts are expected"))?;
    for (at, part) in parts.iter().enumerate() {
        let path = format!("{path}[{at}]");
        match (part["type"].as_str(), role) {
            (Some("output_text"), MODEL) | (Some("input_text"), USER | "") => {
                say(heard, check::text(&path, &part["text"])?);
            }
            (Some("refusal"), MODEL) => say(heard, check::text(&path, &part["refusal"])?),
            (Some("input_image"), USER) => {
                check::address(&path, &part["image_url"])?;
                heard.turn(USER).images += 1;
            }
            (Some("input_file"), USER) => heard.turn(USER).documents += 1,
            _ => return Err(wrong(&path, "there is no such type for this role")),
        }
    }
    Ok(())
}

const FIELDS: [&str; 29] = [
    "background",
    "context_management",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];
