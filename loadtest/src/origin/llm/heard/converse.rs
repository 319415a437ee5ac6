//! Converse of Bedrock.

use serde_json::Value;

use super::super::Refused;
use super::check::{self, wrong};
use super::{Heard, MODEL, USER};

pub(super) fn read(body: &Value) -> Result<Heard, Refused> {
    check::object("", body, &FIELDS)?;
    let mut heard = Heard::default();
    for block in check::list("system", &body["system"])? {
        let block = check::object("system", block, &["text", "cachePoint", "guardContent"])?;
        if let Some(text) = block.get("text") {
            heard.system(check::name("system.text", text)?);
        }
    }
    for (at, message) in check::list("messages", &body["messages"])?.iter().enumerate() {
        let path = format!("messages.{at}");
        check::object(&path, message, &["role", "content"])?;
        let role = match message["role"].as_str() {
            Some("user") => USER,
            Some("assistant") => MODEL,
            _ => return Err(wrong(&format!("{path}.role"), "it is user or assistant")),
        };
        let before = heard.turns.last().map(|turn| turn.role);
        if before == Some(role) || (before.is_none() && role == MODEL) {
            return Err(wrong(&path, "roles must alternate between user and assistant"));
        }
        let blocks = check::list(&format!("{path}.content"), &message["content"])?;
        if blocks.is_empty() {
            return Err(wrong(&format!("{path}.content"), "it is empty"));
        }
        for (at, block) in blocks.iter().enumerate() {
            self::block(&format!("{path}.content.{at}"), block, role, &mut heard)?;
        }
    }
    let config = &body["toolConfig"];
    let has_blocks =
        heard.turns.iter().any(|turn| !turn.calls.is_empty() || !turn.results.is_empty());
    if config.is_null() && has_blocks {
        return Err(wrong("toolConfig", "it must be there where toolUse and toolResult are"));
    }
    if !config.is_null() {
        tools(config, &mut heard)?;
    }
    let settings = &body["inferenceConfig"];
    if !settings.is_null() {
        let known = ["maxTokens", "temperature", "topP", "stopSequences"];
        check::object("inferenceConfig", settings, &known)?;
        check::number("inferenceConfig.temperature", &settings["temperature"], 0.0, 1.0)?;
        check::number("inferenceConfig.topP", &settings["topP"], 0.0, 1.0)?;
        check::number("inferenceConfig.maxTokens", &settings["maxTokens"], 1.0, 1e9)?;
        heard.stops =
            check::texts("inferenceConfig.stopSequences", &settings["stopSequences"], 2500)?;
    }
    let more = &body["additionalModelRequestFields"];
    let kind = more["thinking"]["type"].as_str();
    heard.thinks = matches!(kind, Some("enabled" | "adaptive"))
        || more["reasoning_effort"].is_string()
        || more["reasoningConfig"]["type"] == "enabled";
    if !body["outputConfig"]["textFormat"].is_null() {
        heard.format = "schema";
    }
    Ok(heard)
}

fn tools(config: &Value, heard: &mut Heard) -> Result<(), Refused> {
    check::object("toolConfig", config, &["tools", "toolChoice"])?;
    let tools = check::list("toolConfig.tools", &config["tools"])?;
    if tools.is_empty() {
        return Err(wrong("toolConfig.tools", "at least one is needed"));
    }
    for (at, tool) in tools.iter().enumerate() {
        let path = format!("toolConfig.tools.{at}");
        check::object(&path, tool, &["toolSpec", "cachePoint", "systemTool"])?;
        let spec = &tool["toolSpec"];
        if spec.is_null() {
            continue;
        }
        check::object(&path, spec, &["name", "description", "inputSchema", "strict"])?;
        check::schema(&format!("{path}.inputSchema.json"), &spec["inputSchema"]["json"])?;
        if !spec["description"].is_null() {
            check::name(&format!("{path}.description"), &spec["description"])?;
        }
        heard.tools.push(check::word(&format!("{path}.name"), &spec["name"], 64)?);
    }
    let choice = &config["toolChoice"];
    if choice.is_null() {
        return Ok(());
    }
    let fields = check::object("toolConfig.toolChoice", choice, &["auto", "any", "tool"])?;
    heard.choice = match fields.keys().next().map(String::as_str) {
        Some("tool") => check::name("toolConfig.toolChoice", &choice["tool"]["name"])?.to_owned(),
        Some(word) if fields.len() == 1 => word.to_owned(),
        _ => return Err(wrong("toolConfig.toolChoice", "it is one of auto, any and tool")),
    };
    Ok(())
}

fn block(path: &str, block: &Value, role: &'static str, heard: &mut Heard) -> Result<(), Refused> {
    let fields = check::object(path, block, &BLOCK)?;
    if fields.len() != 1 {
        return Err(wrong(path, "a block has one of its kinds"));
    }
    let is = |name: &str| fields.contains_key(name);
    if is("text") {
        let text = check::text(path, &block["text"])?;
        if text.trim().is_empty() {
            return Err(wrong(path, "The text field in the ContentBlock object is blank."));
        }
        heard.say(role, text);
    } else if is("image") && role == USER {
        check::object(path, &block["image"], &["format", "source"])?;
        if !["png", "jpeg", "gif", "webp"].iter().any(|known| block["image"]["format"] == *known) {
            return Err(wrong(path, "image.format: it is png, jpeg, gif or webp"));
        }
        source(path, &block["image"]["source"])?;
        heard.turn(USER).images += 1;
    } else if is("document") || is("video") || is("audio") {
        heard.turn(role).documents += 1;
    } else if is("toolUse") && role == MODEL {
        let call = &block["toolUse"];
        check::object(path, call, &["toolUseId", "name", "input"])?;
        let id = check::name(&format!("{path}.toolUseId"), &call["toolUseId"])?;
        heard.call(path, id, check::name(path, &call["name"])?, call["input"].clone())?;
    } else if is("toolResult") && role == USER {
        let result = &block["toolResult"];
        check::object(path, result, &["toolUseId", "content", "status"])?;
        let id = check::name(&format!("{path}.toolUseId"), &result["toolUseId"])?;
        let mut texts = Vec::new();
        for part in check::list(path, &result["content"])? {
            check::object(path, part, &["text", "json", "image", "document", "video"])?;
            texts.extend(part["text"].as_str().map(str::to_owned));
            texts.extend(part.get("json").map(Value::to_string));
        }
        heard.result(path, id, "", &texts.join("\n"))?;
    } else if is("reasoningContent") && role == MODEL {
        let known = ["reasoningText", "redactedContent"];
        check::object(path, &block["reasoningContent"], &known)?;
    } else if !is("cachePoint") && !is("guardContent") {
        return Err(wrong(path, "there is no such block for this role"));
    }
    Ok(())
}

fn source(path: &str, source: &Value) -> Result<(), Refused> {
    check::object(path, source, &["bytes", "s3Location"])?;
    match source.get("bytes") {
        Some(bytes) => check::base64(path, bytes),
        None => check::name(path, &source["s3Location"]["uri"]).map(drop),
    }
}

const FIELDS: [&str; 12] = [
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "guardrailConfig",
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "promptVariables",
    "requestMetadata",
    "performanceConfig",
    "serviceTier",
    "outputConfig",
];
const BLOCK: [&str; 11] = [
    "text",
    "image",
    "document",
    "video",
    "audio",
    "toolUse",
    "toolResult",
    "reasoningContent",
    "cachePoint",
    "guardContent",
    "citationsContent",
];
