//! Chat Completions.

use serde_json::Value;

use super::super::Refused;
use super::check::{self, wrong};
use super::{Heard, MODEL, USER};

pub(super) fn read(body: &Value) -> Result<Heard, Refused> {
    check::object("", body, &FIELDS)?;
    let mut heard = Heard::default();
    for (at, message) in check::list("messages", &body["messages"])?.iter().enumerate() {
        self::message(&format!("messages[{at}]"), message, &mut heard)?;
    }
    for (at, tool) in check::list("tools", &body["tools"])?.iter().enumerate() {
        let path = format!("tools[{at}]");
        check::object(&path, tool, &["type", "function"])?;
        let function = &tool["function"];
        let known = ["name", "description", "parameters", "strict"];
        check::object(&format!("{path}.function"), function, &known)?;
        if !function["parameters"].is_null() {
            check::schema(&format!("{path}.function.parameters"), &function["parameters"])?;
        }
        heard.tools.push(check::word(&format!("{path}.function.name"), &function["name"], 64)?);
    }
    let choice = &body["tool_choice"];
    heard.choice = match choice.as_str() {
        None if choice.is_null() => String::new(),
        None => check::name("tool_choice.function.name", &choice["function"]["name"])?.to_owned(),
        Some("required") => "any".to_owned(),
        Some(word @ ("auto" | "none")) => word.to_owned(),
        Some(_) => return Err(wrong("tool_choice", "it is auto, none or required")),
    };
    if heard.tools.is_empty() && !choice.is_null() {
        return Err(wrong("tool_choice", "there are no tools"));
    }
    heard.stops = match &body["stop"] {
        Value::String(stop) => vec![stop.clone()],
        stops => check::texts("stop", stops, 4)?,
    };
    check::number("temperature", &body["temperature"], 0.0, 2.0)?;
    check::number("top_p", &body["top_p"], 0.0, 1.0)?;
    check::number("max_completion_tokens", &body["max_completion_tokens"], 1.0, 1e9)?;
    check::number("max_tokens", &body["max_tokens"], 1.0, 1e9)?;
    let effort = &body["reasoning_effort"];
    heard.thinks = !effort.is_null() && effort != "none";
    if !effort.is_null() {
        check::name("reasoning_effort", effort)?;
    }
    heard.format = match body["response_format"]["type"].as_str() {
        None if body["response_format"].is_null() => "text",
        Some("text") => "text",
        Some("json_object") => "json",
        Some("json_schema") => {
            let schema = &body["response_format"]["json_schema"];
            check::word("response_format.json_schema.name", &schema["name"], 64)?;
            check::schema("response_format.json_schema.schema", &schema["schema"])?;
            "schema"
        }
        _ => return Err(wrong("response_format.type", "it is text, json_object or json_schema")),
    };
    Ok(heard)
}

fn message(path: &str, message: &Value, heard: &mut Heard) -> Result<(), Refused> {
    check::object(path, message, &MESSAGE)?;
    let content = &message["content"];
    let in_content = format!("{path}.content");
    match check::name(&format!("{path}.role"), &message["role"])? {
        "system" | "developer" => {
            let text = texts(&in_content, content)?;
            heard.system(&text);
        }
        "user" => self::content(&in_content, content, heard)?,
        "assistant" => {
            let calls = check::list(&format!("{path}.tool_calls"), &message["tool_calls"])?;
            if !content.is_null() || calls.is_empty() {
                let text = texts(&in_content, content)?;
                heard.say(MODEL, &text);
            }
            for call in calls {
                let path = format!("{path}.tool_calls");
                check::object(&path, call, &["id", "type", "function"])?;
                let function = &call["function"];
                let name = check::name(&path, &function["name"])?;
                let arguments = check::arguments(&path, &function["arguments"])?;
                heard.call(&path, check::name(&path, &call["id"])?, name, arguments)?;
            }
        }
        "tool" => {
            let id = check::name(&format!("{path}.tool_call_id"), &message["tool_call_id"])?;
            let text = texts(&in_content, content)?;
            heard.result(path, id, "", &text)?;
        }
        _ => return Err(wrong(&format!("{path}.role"), "there is no such role")),
    }
    Ok(())
}

fn texts(path: &str, content: &Value) -> Result<String, Refused> {
    if let Value::String(text) = content {
        return Ok(text.clone());
    }
    let parts = content.as_array().ok_or_else(|| wrong(path, "a text or parts are expected"))?;
    let mut all = String::new();
    for part in parts {
        let field = if part["type"] == "refusal" { "refusal" } else { "text" };
        super::say(&mut all, check::text(path, &part[field])?);
    }
    Ok(all)
}

fn content(path: &str, content: &Value, heard: &mut Heard) -> Result<(), Refused> {
    if let Value::String(text) = content {
        heard.say(USER, text);
        return Ok(());
    }
    let parts = content.as_array().ok_or_else(|| wrong(path, "a text or parts are expected"))?;
    for (at, part) in parts.iter().enumerate() {
        let path = format!("{path}[{at}]");
        match part["type"].as_str() {
            Some("text") => heard.say(USER, check::text(&path, &part["text"])?),
            Some("image_url") => {
                check::object(&path, &part["image_url"], &["url", "detail"])?;
                check::address(&path, &part["image_url"]["url"])?;
                heard.turn(USER).images += 1;
            }
            Some("file") => {
                check::object(&path, &part["file"], &["file_id", "file_data", "filename"])?;
                heard.turn(USER).documents += 1;
            }
            Some("input_audio") => heard.turn(USER).documents += 1,
            _ => return Err(wrong(&path, "there is no such type")),
        }
    }
    Ok(())
}

const FIELDS: [&str; 35] = [
    "messages",
    "model",
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];
const MESSAGE: [&str; 10] = [
    "role",
    "content",
    "name",
    "tool_calls",
    "tool_call_id",
    "refusal",
    "audio",
    "function_call",
    "reasoning_content",
    "annotations",
];
