//! generateContent of Gemini. Calls and their results go by id where they have one, else by name.

use serde_json::Value;

use super::super::Refused;
use super::check::{self, wrong};
use super::{Heard, MODEL, USER};

pub(super) fn read(body: &Value) -> Result<Heard, Refused> {
    check::object("", body, &FIELDS)?;
    let mut heard = Heard::default();
    if !body["systemInstruction"].is_null() {
        let known = ["role", "parts"];
        check::object("system_instruction", &body["systemInstruction"], &known)?;
        for part in check::list("system_instruction", &body["systemInstruction"]["parts"])? {
            heard.system(check::text("system_instruction", &part["text"])?);
        }
    }
    for (at, content) in check::list("contents", &body["contents"])?.iter().enumerate() {
        self::content(&format!("contents[{at}]"), content, &mut heard)?;
    }
    for (at, tool) in check::list("tools", &body["tools"])?.iter().enumerate() {
        let path = format!("tools[{at}].function_declarations");
        for (at, function) in check::list(&path, &tool["functionDeclarations"])?.iter().enumerate()
        {
            let path = format!("{path}[{at}]");
            check::object(&path, function, &FUNCTION)?;
            let name = check::name(&path, &function["name"])?;
            let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !first || name.len() > 64 {
                return Err(wrong(&path, "Invalid function name"));
            }
            if !function["parameters"].is_null() {
                schema(&format!("{path}.parameters"), &function["parameters"])?;
            }
            heard.tools.push(name.to_owned());
        }
    }
    choice(&body["toolConfig"], &mut heard)?;
    settings(&body["generationConfig"], &mut heard)?;
    Ok(heard)
}

fn choice(config: &Value, heard: &mut Heard) -> Result<(), Refused> {
    let calling = &config["functionCallingConfig"];
    let path = "tool_config.function_calling_config";
    let allowed = check::texts(path, &calling["allowedFunctionNames"], 64)?;
    if allowed.iter().any(|name| !heard.tools.contains(name)) {
        return Err(wrong(path, "a function is allowed that is not there"));
    }
    heard.choice = match (calling["mode"].as_str(), &allowed[..]) {
        (None, _) if calling["mode"].is_null() => String::new(),
        (Some("ANY"), [one]) => one.clone(),
        (Some("ANY"), _) => "any".to_owned(),
        (Some("AUTO" | "VALIDATED"), _) => "auto".to_owned(),
        (Some("NONE"), _) => "none".to_owned(),
        _ => return Err(wrong(path, "Invalid value at 'mode'")),
    };
    Ok(())
}

fn settings(config: &Value, heard: &mut Heard) -> Result<(), Refused> {
    let path = "generation_config";
    if config.is_null() {
        return Ok(());
    }
    check::object(path, config, &SETTINGS)?;
    heard.stops = check::texts("generation_config.stop_sequences", &config["stopSequences"], 5)?;
    check::number("generation_config.temperature", &config["temperature"], 0.0, 2.0)?;
    check::number("generation_config.top_p", &config["topP"], 0.0, 1.0)?;
    check::number("generation_config.max_output_tokens", &config["maxOutputTokens"], 1.0, 1e9)?;
    check::number("generation_config.seed", &config["seed"], -2.147_483_648e9, 2.147_483_647e9)?;
    check::number("generation_config.candidate_count", &config["candidateCount"], 1.0, 8.0)?;
    let thinking = &config["thinkingConfig"];
    if !thinking.is_null() {
        let known = ["thinkingBudget", "thinkingLevel", "includeThoughts"];
        check::object("generation_config.thinking_config", thinking, &known)?;
        let (budget, level) = (&thinking["thinkingBudget"], &thinking["thinkingLevel"]);
        if !budget.is_null() && !level.is_null() {
            let what = "You can only set only one of thinking budget and thinking level.";
            return Err(wrong("generation_config.thinking_config", what));
        }
        heard.thinks = !level.is_null() || budget.as_i64().is_some_and(|tokens| tokens != 0);
    }
    let is_json = config["responseMimeType"] == "application/json";
    let has = |field: &str| !config[field].is_null();
    let has_schema = has("responseSchema") || has("responseJsonSchema");
    if has_schema && !is_json {
        return Err(wrong(path, "a response_schema wants a response_mime_type of JSON"));
    }
    if has("responseSchema") {
        schema("generation_config.response_schema", &config["responseSchema"])?;
    }
    heard.format = match (is_json, has_schema) {
        (_, true) => "schema",
        (true, false) => "json",
        _ => "text",
    };
    Ok(())
}

fn content(path: &str, content: &Value, heard: &mut Heard) -> Result<(), Refused> {
    check::object(path, content, &["role", "parts"])?;
    let role = match content["role"].as_str() {
        None if content["role"].is_null() => USER,
        Some("user") => USER,
        Some("model") => MODEL,
        _ => return Err(wrong(path, "Please use a valid role: user, model.")),
    };
    let parts = check::list(&format!("{path}.parts"), &content["parts"])?;
    if parts.is_empty() {
        return Err(wrong(&format!("{path}.parts"), "contents.parts must not be empty."));
    }
    for (at, part) in parts.iter().enumerate() {
        self::part(&format!("{path}.parts[{at}]"), part, role, heard)?;
    }
    Ok(())
}

fn part(path: &str, part: &Value, role: &'static str, heard: &mut Heard) -> Result<(), Refused> {
    let fields = check::object(path, part, &PART)?;
    let data = fields.keys().filter(|name| DATA.contains(&name.as_str())).count();
    if data != 1 {
        return Err(wrong(path, "required oneof field 'data' must have one initialized field"));
    }
    if part["thought"] == true {
        return Ok(());
    }
    if !part["text"].is_null() {
        heard.say(role, check::text(path, &part["text"])?);
    } else if !part["inlineData"].is_null() {
        let blob = &part["inlineData"];
        check::object(path, blob, &["mimeType", "data", "displayName"])?;
        // Of either alphabet, as bytes are in Google's JSON.
        let data = check::text(path, &blob["data"])?.replace('-', "+").replace('_', "/");
        check::base64(path, &Value::from(data))?;
        medium(check::name(path, &blob["mimeType"])?, role, heard);
    } else if !part["fileData"].is_null() {
        let file = &part["fileData"];
        check::object(path, file, &["mimeType", "fileUri", "displayName"])?;
        check::name(path, &file["fileUri"])?;
        medium(file["mimeType"].as_str().unwrap_or("image/"), role, heard);
    } else if role == MODEL {
        let call = &part["functionCall"];
        check::object(path, call, &["id", "name", "args"])?;
        let id = call["id"].as_str().unwrap_or_default();
        heard.call(path, id, check::name(path, &call["name"])?, call["args"].clone())?;
    } else {
        let answer = &part["functionResponse"];
        check::object(path, answer, &["id", "name", "response", "parts"])?;
        let id = answer["id"].as_str().unwrap_or_default();
        let said = answer["response"].as_object();
        let said = said.ok_or_else(|| wrong(path, "a response is an object"))?;
        let text = match said.get("output").or_else(|| said.get("error")) {
            Some(Value::String(text)) if said.len() == 1 => text.clone(),
            _ => answer["response"].to_string(),
        };
        heard.result(path, id, check::name(path, &answer["name"])?, &text)?;
    }
    Ok(())
}

/// Gemini 3 and later: the first call of a turn has the signature that it was given with.
pub(in super::super) fn check_signed(model: &str, body: &Value) -> Result<(), Refused> {
    let number = model.strip_prefix("gemini-").and_then(|rest| rest.chars().next());
    if !number.is_some_and(|number| ('3'..='9').contains(&number)) {
        return Ok(());
    }
    for (at, content) in check::list("contents", &body["contents"])?.iter().enumerate() {
        let parts = content["parts"].as_array().into_iter().flatten();
        let first = parts.into_iter().find(|part| part["functionCall"].is_object());
        if first.is_some_and(|call| call["thoughtSignature"].as_str().is_none_or(str::is_empty)) {
            let path = format!("contents[{at}]");
            return Err(wrong(&path, "Function call is missing a thought_signature"));
        }
    }
    Ok(())
}

/// Google takes `snake_case`, too, and its own library mixes them. What is not Google's stays.
pub(in super::super) fn camel_case(value: Value) -> Value {
    let name = |name: String| {
        let mut words = name.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |mut all, word| {
            all.extend(word.chars().take(1).map(|first| first.to_ascii_uppercase()));
            all.push_str(word.get(1..).unwrap_or_default());
            all
        })
    };
    let field = |(own, value): (String, Value)| {
        let own = name(own);
        let value = match (own.as_str(), value) {
            ("args" | "labels" | "responseJsonSchema" | "parametersJsonSchema", value) => value,
            ("response", value) => value,
            ("properties", Value::Object(properties)) => {
                properties.into_iter().map(|(name, value)| (name, camel_case(value))).collect()
            }
            (_, value) => camel_case(value),
        };
        (own, value)
    };
    match value {
        Value::Object(fields) => fields.into_iter().map(field).collect(),
        Value::Array(items) => items.into_iter().map(camel_case).collect(),
        value => value,
    }
}

fn medium(mime: &str, role: &'static str, heard: &mut Heard) {
    let turn = heard.turn(role);
    if mime.starts_with("image/") {
        turn.images += 1;
    } else {
        turn.documents += 1;
    }
}

/// The part of OpenAPI's schema that there is, all the way down.
fn schema(path: &str, schema: &Value) -> Result<(), Refused> {
    let fields = check::object(path, schema, &SCHEMA)?;
    if let Some(kind) = fields.get("type") {
        let known = ["STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"];
        // The API takes small letters, too.
        let word = check::text(&format!("{path}.type"), kind)?.to_ascii_uppercase();
        if !known.contains(&word.as_str()) {
            return Err(wrong(&format!("{path}.type"), "Invalid value"));
        }
        if word == "ARRAY" && fields.get("items").is_none() {
            return Err(wrong(&format!("{path}.items"), "missing field."));
        }
    }
    check::texts(&format!("{path}.enum"), &schema["enum"], usize::MAX)?;
    let known = schema["properties"].as_object();
    for name in check::texts(&format!("{path}.required"), &schema["required"], usize::MAX)? {
        if known.is_none_or(|known| !known.contains_key(&name)) {
            return Err(wrong(&format!("{path}.required"), "property is not defined"));
        }
    }
    for (name, property) in known.into_iter().flatten() {
        self::schema(&format!("{path}.properties[{name}]"), property)?;
    }
    for part in check::list(&format!("{path}.any_of"), &schema["anyOf"])? {
        self::schema(&format!("{path}.any_of"), part)?;
    }
    match fields.get("items") {
        Some(items) => self::schema(&format!("{path}.items"), items),
        None => Ok(()),
    }
}

const FIELDS: [&str; 12] = [
    "model",
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "cachedContent",
    "labels",
    "serviceTier",
    "store",
    "generateContentRequest",
];
const FUNCTION: [&str; 7] = [
    "name",
    "description",
    "parameters",
    "parametersJsonSchema",
    "response",
    "responseJsonSchema",
    "behavior",
];
const DATA: [&str; 7] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
];
const PART: [&str; 11] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "thought",
    "thoughtSignature",
    "videoMetadata",
    "mediaResolution",
];
const SETTINGS: [&str; 21] = [
    "candidateCount",
    "stopSequences",
    "maxOutputTokens",
    "temperature",
    "topP",
    "topK",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseModalities",
    "responseLogprobs",
    "logprobs",
    "thinkingConfig",
    "mediaResolution",
    "speechConfig",
    "imageConfig",
    "enableEnhancedCivicAnswers",
    "audioTimestamp",
];
const SCHEMA: [&str; 22] = [
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "maxItems",
    "minItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
    "propertyOrdering",
    "default",
    "items",
    "minimum",
    "maximum",
];
