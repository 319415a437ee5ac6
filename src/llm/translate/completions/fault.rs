//! Errors of OpenAI's chat completions, and whatever else is answered in their stead: others who
//! speak the dialect have shapes of their own, as have the houses that stand before Anthropic's.

use serde::Serialize;
use serde_json::Value;

use crate::llm::translate::Fault;
use crate::llm::translate::fault::Trouble;
use crate::llm::translate::field::shorten;

/// Reads the body of an answer that is an error, whatever it is. `kind`: what a head says of it
/// (`x-amzn-errortype`).
pub fn read(status: u16, kind: Option<&str>, body: &[u8]) -> Fault {
    let mut fault = match serde_json::from_slice(body) {
        Ok(value) => of_value(&value, Trouble::of_status(status)),
        Err(_) => page(status, body),
    };
    if fault.code.is_none() {
        fault.code = kind.map(|kind| kind.split(':').next().unwrap_or_default().to_owned());
    }
    fault
}

/// What is said amid a stream: the type of it stands in for a status.
pub(in super::super) fn amid(value: &Value) -> Fault {
    let fault = of_value(value, Trouble::Internal);
    let words = [word(inner(value), "type"), fault.code.clone()];
    let trouble = words.iter().flatten().find_map(|word| trouble(word)).unwrap_or(fault.trouble);
    Fault { trouble, ..fault }
}

fn of_value(value: &Value, trouble: Trouble) -> Fault {
    let own = inner(value);
    let said = match own {
        Value::String(text) => Some(text.clone()),
        _ => ["message", "detail", "Message", "error"].iter().find_map(|key| said(own.get(key)?)),
    };
    let mut message = said.filter(|text| !text.is_empty()).unwrap_or_else(|| default(trouble));
    shorten(&mut message, MESSAGE_BYTES_MAX);
    Fault { trouble, message, code: word(own, "code"), param: word(own, "param") }
}

/// Google's comes in a list, most in an `error`.
fn inner(value: &Value) -> &Value {
    let value = value.get(0).unwrap_or(value);
    value.get("error").filter(|error| error.is_object() || error.is_string()).unwrap_or(value)
}

fn said(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => Some(value.to_string()),
        _ => None,
    }
}

fn word(value: &Value, key: &str) -> Option<String> {
    let mut word = match value.get(key)? {
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    shorten(&mut word, WORD_BYTES_MAX);
    Some(word)
}

/// What is no JSON: a text is passed on, a page for people is not.
fn page(status: u16, body: &[u8]) -> Fault {
    let trouble = Trouble::of_status(status);
    let text = str::from_utf8(body).unwrap_or_default().trim();
    let is_page = text.is_empty() || text.starts_with('<');
    let mut message = if is_page { default(trouble) } else { text.to_owned() };
    shorten(&mut message, MESSAGE_BYTES_MAX);
    Fault { trouble, message, code: None, param: None }
}

fn default(trouble: Trouble) -> String {
    format!("the provider answered with an error ({})", trouble.status())
}

/// Words of errors, of several houses; or a status.
fn trouble(word: &str) -> Option<Trouble> {
    if let Ok(status) = word.parse() {
        return Some(Trouble::of_status(status));
    }
    Some(match word {
        "invalid_request_error" | "invalid_prompt" | "context_length_exceeded" => Trouble::Invalid,
        "authentication_error" | "invalid_api_key" => Trouble::Unauthenticated,
        "billing_error" => Trouble::Billing,
        "permission_error" => Trouble::Forbidden,
        "not_found_error" | "model_not_found" => Trouble::NotFound,
        "request_too_large" => Trouble::TooLarge,
        "rate_limit_error"
        | "rate_limit_exceeded"
        | "insufficient_quota"
        | "tokens"
        | "requests" => Trouble::RateLimited,
        "timeout_error" => Trouble::Timeout,
        "overloaded_error" | "overloaded" => Trouble::Overloaded,
        "api_error" | "server_error" | "internal_server_error" => Trouble::Internal,
        _ => return None,
    })
}

/// Appends the body of an answer that is an error.
pub fn write(fault: &Fault, out: &mut Vec<u8>) {
    let error = Error {
        message: &fault.message,
        kind: kind(fault.trouble),
        param: fault.param.as_deref(),
        code: fault.code.as_deref(),
    };
    // A vector takes it all.
    let _ = serde_json::to_writer(out, &Body { error });
}

const fn kind(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Invalid | Trouble::NotFound | Trouble::TooLarge => "invalid_request_error",
        Trouble::Unauthenticated => "authentication_error",
        Trouble::Billing => "insufficient_quota",
        Trouble::Forbidden => "permission_error",
        Trouble::RateLimited => "rate_limit_error",
        Trouble::Internal | Trouble::Timeout | Trouble::Overloaded => "server_error",
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

const MESSAGE_BYTES_MAX: usize = 4096;
const WORD_BYTES_MAX: usize = 128;
