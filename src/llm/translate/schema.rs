//! JSON Schema, and the part of it that Gemini knows.
//!
//! Gemini's schema is that of OpenAPI 3.0: types in capitals, `nullable`, no references. What it
//! has not is dropped: the model is then told less about its answer, and nothing wrong. References
//! are replaced by what they name; where one comes back to itself, an object of any kind stands.

use serde_json::{Map, Value, json};

use super::Refused;

/// JSON Schema to Gemini's.
///
/// # Errors
/// It is too large once no references are left.
pub fn reduce(schema: &Value) -> Result<Value, Refused> {
    let mut reducer = Reducer { root: schema, names: Vec::new(), depth: 0, nodes: 0, bytes: 0 };
    let reduced = reducer.node(schema)?;
    Ok(Value::Object(reduced))
}

/// Whether a schema of Gemini's has something to fill in.
pub fn has_properties(reduced: &Value) -> bool {
    let properties = reduced.get("properties").and_then(Value::as_object);
    properties.is_some_and(|properties| !properties.is_empty())
}

struct Reducer<'a> {
    root: &'a Value,
    /// References that are being replaced.
    names: Vec<&'a str>,
    depth: usize,
    nodes: usize,
    /// Of texts that were copied.
    bytes: usize,
}

impl<'a> Reducer<'a> {
    fn node(&mut self, schema: &'a Value) -> Result<Map<String, Value>, Refused> {
        self.nodes += 1;
        if self.nodes > NODES_MAX || self.bytes > BYTES_MAX || self.depth >= DEPTH_MAX {
            return Err(Refused(TOO_LARGE.into()));
        }
        self.depth += 1;
        let out = self.fields(schema);
        self.depth -= 1;
        out
    }

    fn fields(&mut self, schema: &'a Value) -> Result<Map<String, Value>, Refused> {
        let Value::Object(fields) = schema else { return Ok(typed("STRING")) };
        if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
            return self.reference(name, fields);
        }
        let mut out = Map::new();
        for part in fields.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            unite(&mut out, self.node(part)?);
        }
        self.kind(fields, &mut out)?;
        for (name, field) in fields {
            self.keyword(name, field, &mut out)?;
        }
        complete(fields, &mut out);
        Ok(out)
    }

    fn reference(
        &mut self,
        name: &'a str,
        beside: &'a Map<String, Value>,
    ) -> Result<Map<String, Value>, Refused> {
        let found = name.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let mut out = match found {
            Some(found) if !self.names.contains(&name) => {
                self.names.push(name);
                let out = self.node(found)?;
                self.names.pop();
                out
            }
            _ => typed("OBJECT"),
        };
        if let Some(text @ Value::String(_)) = beside.get("description") {
            out.insert("description".to_owned(), text.clone());
        }
        Ok(out)
    }

    /// The type, and what stands for several.
    fn kind(
        &mut self,
        fields: &'a Map<String, Value>,
        out: &mut Map<String, Value>,
    ) -> Result<(), Refused> {
        let mut several: Vec<Map<String, Value>> = Vec::new();
        let mut nullable = fields.get("nullable") == Some(&Value::Bool(true));
        match fields.get("type") {
            Some(Value::String(word)) => drop(out.insert("type".to_owned(), capital(word))),
            Some(Value::Array(words)) => {
                let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
                nullable |= words.contains(&"null");
                let words: Vec<&str> = words.into_iter().filter(|word| *word != "null").collect();
                match words[..] {
                    [] => (),
                    [one] => drop(out.insert("type".to_owned(), capital(one))),
                    _ => several.extend(words.iter().map(|word| typed(&word.to_uppercase()))),
                }
            }
            _ => (),
        }
        let either = |name| fields.get(name).and_then(Value::as_array).into_iter().flatten();
        for part in either("anyOf").chain(either("oneOf")) {
            if part.get("type") == Some(&json!("null")) {
                nullable = true;
            } else {
                several.push(self.node(part)?);
            }
        }
        if several.len() == 1 {
            unite(out, several.swap_remove(0));
        } else if !several.is_empty() {
            let several = several.into_iter().map(Value::Object).collect();
            out.insert("anyOf".to_owned(), several);
        }
        if nullable {
            out.insert("nullable".to_owned(), Value::Bool(true));
        }
        Ok(())
    }

    fn keyword(
        &mut self,
        name: &str,
        field: &'a Value,
        out: &mut Map<String, Value>,
    ) -> Result<(), Refused> {
        self.bytes += bytes(field);
        match (name, field) {
            ("description" | "title" | "pattern", Value::String(_))
            | ("minimum" | "maximum", Value::Number(_)) => {
                out.insert(name.to_owned(), field.clone());
            }
            (
                "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties"
                | "maxProperties",
                Value::Number(number),
            ) if number.is_u64() => drop(out.insert(name.to_owned(), field.clone())),
            ("format", Value::String(word)) if FORMATS.contains(&word.as_str()) => {
                out.insert(name.to_owned(), field.clone());
            }
            ("enum", Value::Array(values)) => choose(values, out),
            ("const", value) => choose(std::slice::from_ref(value), out),
            ("items", Value::Array(items)) | ("prefixItems", Value::Array(items)) => {
                if let Some(first) = items.first() {
                    let first = self.node(first)?;
                    out.insert("items".to_owned(), Value::Object(first));
                }
            }
            ("items", Value::Object(_)) => {
                let items = self.node(field)?;
                out.insert("items".to_owned(), Value::Object(items));
            }
            ("properties", Value::Object(properties)) => {
                let mut reduced = Map::new();
                let possible = |(_, schema): &(_, &Value)| **schema != Value::Bool(false);
                for (name, schema) in properties.iter().filter(possible) {
                    reduced.insert(name.clone(), Value::Object(self.node(schema)?));
                }
                let mut all = Map::new();
                all.insert("properties".to_owned(), Value::Object(reduced));
                unite(out, all);
            }
            ("required", Value::Array(_)) => {
                let mut all = Map::new();
                all.insert("required".to_owned(), field.clone());
                unite(out, all);
            }
            _ => (),
        }
        Ok(())
    }
}

/// Gemini's own demands: a type, items of arrays, and that what is required is there.
fn complete(fields: &Map<String, Value>, out: &mut Map<String, Value>) {
    if !out.contains_key("type") && !out.contains_key("anyOf") {
        let word = if out.contains_key("properties") || fields.contains_key("additionalProperties")
        {
            "OBJECT"
        } else if out.contains_key("items") {
            "ARRAY"
        } else {
            "STRING"
        };
        out.insert("type".to_owned(), word.into());
    }
    if out.get("type") == Some(&json!("ARRAY")) && !out.contains_key("items") {
        out.insert("items".to_owned(), Value::Object(typed("STRING")));
    }
    if out.get("type") != Some(&json!("STRING")) {
        out.remove("enum");
    }
    let known = out.get("properties").and_then(Value::as_object);
    let names: Vec<String> = known.map(|all| all.keys().cloned().collect()).unwrap_or_default();
    if let Some(Value::Array(required)) = out.get_mut("required") {
        let is_known =
            |name: &Value| names.iter().any(|known| Some(known.as_str()) == name.as_str());
        required.retain(is_known);
        if required.is_empty() {
            out.remove("required");
        }
    }
}

/// Gemini chooses among texts only. A choice of null says that there may be none.
fn choose(values: &[Value], out: &mut Map<String, Value>) {
    if values.iter().any(Value::is_null) {
        out.insert("nullable".to_owned(), Value::Bool(true));
    }
    let texts: Vec<Value> = values.iter().filter(|value| value.is_string()).cloned().collect();
    let others = values.iter().any(|value| !value.is_string() && !value.is_null());
    if !texts.is_empty() && !others {
        out.entry("type").or_insert_with(|| "STRING".into());
        out.insert("enum".to_owned(), Value::Array(texts));
        return;
    }
    let word = match values.iter().find(|value| !value.is_null()) {
        Some(Value::Bool(_)) => "BOOLEAN",
        Some(Value::Number(number)) if number.is_f64() => "NUMBER",
        Some(Value::Number(_)) => "INTEGER",
        _ => return,
    };
    out.entry("type").or_insert_with(|| word.into());
}

/// Puts one schema's demands to another's: properties and names that are required add up, of the
/// others the first counts.
fn unite(out: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        match (out.get_mut(&name), value) {
            (Some(Value::Object(known)), Value::Object(more)) if name == "properties" => {
                known.extend(more);
            }
            (Some(Value::Array(known)), Value::Array(more)) if name == "required" => {
                let new: Vec<Value> =
                    more.into_iter().filter(|name| !known.contains(name)).collect();
                known.extend(new);
            }
            (Some(_), _) => (),
            (None, value) => drop(out.insert(name, value)),
        }
    }
}

/// Of the texts of a keyword: those of its schemas count by themselves.
fn bytes(field: &Value) -> usize {
    match field {
        Value::String(text) => text.len(),
        Value::Array(texts) => texts.iter().map(|t| t.as_str().map_or(0, str::len)).sum(),
        Value::Object(fields) => fields.keys().map(String::len).sum(),
        _ => 0,
    }
}

fn typed(word: &str) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("type".to_owned(), word.into());
    out
}

fn capital(word: &str) -> Value {
    word.to_ascii_uppercase().into()
}

/// Gemini's schema to JSON Schema.
pub fn widen(schema: Value) -> Value {
    let Value::Object(fields) = schema else { return schema };
    let nullable = fields.get("nullable") == Some(&Value::Bool(true));
    let mut out = Map::new();
    for (name, value) in fields {
        let value = match (name.as_str(), value) {
            ("nullable" | "propertyOrdering" | "property_ordering" | "example", _)
            | (_, Value::Null) => continue,
            ("type", Value::String(word)) if word == "TYPE_UNSPECIFIED" => continue,
            ("type", Value::String(word)) => {
                let word = Value::from(word.to_ascii_lowercase());
                if nullable { json!([word, "null"]) } else { word }
            }
            ("format", Value::String(word)) if word == "enum" => continue,
            ("items" | "additionalProperties" | "additional_properties", value) => widen(value),
            ("anyOf" | "any_of", Value::Array(parts)) => {
                let mut parts: Vec<Value> = parts.into_iter().map(widen).collect();
                if nullable {
                    parts.push(json!({ "type": "null" }));
                }
                Value::Array(parts)
            }
            ("properties" | "defs", Value::Object(properties)) => {
                properties.into_iter().map(|(name, value)| (name, widen(value))).collect()
            }
            ("enum", Value::Array(mut values)) => {
                if nullable && !values.contains(&Value::Null) {
                    values.push(Value::Null);
                }
                Value::Array(values)
            }
            // 64-bit numbers are texts in Google's JSON.
            (_, Value::String(text)) if is_count(&name) => match text.parse::<u64>() {
                Ok(number) => number.into(),
                Err(_) => continue,
            },
            (_, value) => value,
        };
        out.insert(plain(name), value);
    }
    Value::Object(out)
}

/// The name that JSON Schema has for it.
fn plain(name: String) -> String {
    let known = match name.as_str() {
        "any_of" => "anyOf",
        "min_items" => "minItems",
        "max_items" => "maxItems",
        "min_length" => "minLength",
        "max_length" => "maxLength",
        "min_properties" => "minProperties",
        "max_properties" => "maxProperties",
        "additional_properties" => "additionalProperties",
        "defs" => "$defs",
        "ref" => "$ref",
        _ => return name,
    };
    known.to_owned()
}

fn is_count(name: &str) -> bool {
    let name = name.trim_start_matches("min").trim_start_matches("max").trim_start_matches('_');
    ["items", "length", "properties"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Others AI Studio refuses.
const FORMATS: [&str; 6] = ["enum", "date-time", "float", "double", "int32", "int64"];
/// A schema may name a part of itself twice, which does so again: it is not followed for ever.
/// Nor is what comes out deeper than what readers of JSON take.
const NODES_MAX: usize = 10_000;
const BYTES_MAX: usize = 4 * 1024 * 1024;
const DEPTH_MAX: usize = 96;
const TOO_LARGE: &str = "a schema is too large without references: name fewer parts with $ref";

#[cfg(test)]
mod tests;
