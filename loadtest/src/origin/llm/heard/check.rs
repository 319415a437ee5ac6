//! How to be strict: a field that a provider does not know, or of a type that it does not take, is
//! an error that names it.

use serde_json::{Map, Value};

use super::super::Refused;

pub(super) fn wrong(path: &str, what: &str) -> Refused {
    let colon = if path.is_empty() { "" } else { ": " };
    Refused::new(400, format!("{path}{colon}{what}"))
}

/// An object with known fields only.
pub(super) fn object<'a>(
    path: &str,
    value: &'a Value,
    known: &[&str],
) -> Result<&'a Map<String, Value>, Refused> {
    let fields = value.as_object().ok_or_else(|| wrong(path, "an object is expected"))?;
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(wrong(path, &format!("there is no field {name:?}"))),
        None => Ok(fields),
    }
}

pub(super) fn text<'a>(path: &str, value: &'a Value) -> Result<&'a str, Refused> {
    value.as_str().ok_or_else(|| wrong(path, "a text is expected"))
}

/// A text that says something.
pub(super) fn name<'a>(path: &str, value: &'a Value) -> Result<&'a str, Refused> {
    text(path, value)?;
    value.as_str().filter(|name| !name.is_empty()).ok_or_else(|| wrong(path, "it is empty"))
}

/// Nothing is an empty list.
pub(super) fn list<'a>(path: &str, value: &'a Value) -> Result<&'a [Value], Refused> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        _ => Err(wrong(path, "a list is expected")),
    }
}

pub(super) fn texts(path: &str, value: &Value, most: usize) -> Result<Vec<String>, Refused> {
    let items = list(path, value)?;
    if items.len() > most {
        return Err(wrong(path, &format!("{most} at most")));
    }
    items.iter().map(|item| text(path, item).map(str::to_owned)).collect()
}

/// A number between two, or nothing.
pub(super) fn number(path: &str, value: &Value, least: f64, most: f64) -> Result<(), Refused> {
    match value.as_f64() {
        _ if value.is_null() => Ok(()),
        Some(number) if (least..=most).contains(&number) => Ok(()),
        Some(_) => Err(wrong(path, &format!("it is not within {least} and {most}"))),
        None => Err(wrong(path, "a number is expected")),
    }
}

/// Arguments of a call as a text of JSON.
pub(super) fn arguments(path: &str, value: &Value) -> Result<Value, Refused> {
    let text = text(path, value)?;
    serde_json::from_str(text).map_err(|_| wrong(path, "it is no JSON"))
}

/// Letters, digits, `_` and `-`, so many at most.
pub(super) fn word(path: &str, value: &Value, most: usize) -> Result<String, Refused> {
    let word = name(path, value)?;
    let good = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if good && word.len() <= most {
        return Ok(word.to_owned());
    }
    Err(wrong(path, &format!("letters, digits, _ and -, {most} at most")))
}

/// A schema of JSON for an object.
pub(super) fn schema(path: &str, value: &Value) -> Result<(), Refused> {
    let of_object = value["type"] == "object";
    if of_object { Ok(()) } else { Err(wrong(path, "a schema of type object is expected")) }
}

pub(super) fn base64(path: &str, value: &Value) -> Result<(), Refused> {
    use base64::Engine as _;
    let text = name(path, value)?;
    let decoded = base64::engine::general_purpose::STANDARD.decode(text);
    decoded.map(drop).map_err(|_| wrong(path, "it is no base64"))
}

/// `data:image/png;base64,...` or an address.
pub(super) fn address(path: &str, value: &Value) -> Result<(), Refused> {
    let text = name(path, value)?;
    match text.strip_prefix("data:") {
        Some(data) => match data.split_once(";base64,") {
            Some((_, data)) => base64(path, &Value::from(data)),
            None => Err(wrong(path, "it is no base64")),
        },
        None if text.starts_with("https://") || text.starts_with("http://") => Ok(()),
        None => Err(wrong(path, "it is no address")),
    }
}
