//! Answers that are to match a schema.

use serde_json::{Map, Value, json};

use crate::llm::translate::prompt::Format;

/// `output_config.format`: the schema, with what Anthropic does not take told as words, as its own
/// libraries do it.
pub(super) fn held(schema: &Value) -> Value {
    json!({"type": "json_schema", "schema": strict(schema)})
}

/// What a model is told that cannot be held to it.
pub(super) fn asked(format: &Format) -> String {
    match format {
        Format::Json => "Answer with one JSON object and nothing else.".to_owned(),
        Format::Schema { schema, .. } => format!(
            "Answer with one JSON object and nothing else. It has to match this JSON Schema: \
             {schema}"
        ),
    }
}

/// As deep as what was parsed.
fn strict(schema: &Value) -> Value {
    let Value::Object(schema) = schema else { return schema.clone() };
    let mut out = Map::new();
    let mut words = Vec::new();
    let is_object = is_type(schema, "object");
    let is_reference = schema.contains_key("$ref");
    for (key, value) in schema {
        match key.as_str() {
            "$defs" | "definitions" | "properties" => {
                out.insert(key.clone(), each(value));
            }
            "items" => {
                out.insert(key.clone(), strict(value));
            }
            "anyOf" | "allOf" => {
                out.insert(key.clone(), list(value));
            }
            "oneOf" => {
                out.insert("anyOf".to_owned(), list(value));
            }
            "$ref" => {
                out.insert(key.clone(), value.clone());
            }
            // Of a reference, nothing else counts.
            _ if is_reference => (),
            "additionalProperties" | "$schema" | "$id" => (),
            "minItems" if matches!(value.as_u64(), Some(0 | 1)) => {
                out.insert(key.clone(), value.clone());
            }
            "format" if value.as_str().is_some_and(|name| FORMATS.contains(&name)) => {
                out.insert(key.clone(), value.clone());
            }
            key if TAKEN.contains(&key) => {
                out.insert(key.to_owned(), value.clone());
            }
            key => words.push(format!("{key}: {value}")),
        }
    }
    if is_object {
        out.insert("additionalProperties".to_owned(), false.into());
    }
    if !words.is_empty() {
        let own = out.get("description").and_then(Value::as_str);
        let own = own.map_or_else(String::new, |own| format!("{own}\n\n"));
        out.insert("description".to_owned(), format!("{own}{{{}}}", words.join(", ")).into());
    }
    Value::Object(out)
}

fn is_type(schema: &Map<String, Value>, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(own)) => own == name,
        Some(Value::Array(several)) => several.iter().any(|own| own == name),
        _ => name == "object" && schema.contains_key("properties"),
    }
}

fn each(schemas: &Value) -> Value {
    match schemas {
        Value::Object(map) => map.iter().map(|(name, own)| (name.clone(), strict(own))).collect(),
        other => other.clone(),
    }
}

fn list(schemas: &Value) -> Value {
    match schemas {
        Value::Array(several) => several.iter().map(strict).collect(),
        other => other.clone(),
    }
}

const TAKEN: [&str; 6] = ["type", "enum", "const", "description", "title", "required"];
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];
