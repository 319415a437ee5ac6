//! Errors of Google's APIs.

use serde_json::{Value, json};

use super::super::Fault;
use super::super::fault::Trouble;

/// Reads the body of an answer that is an error, whatever it is. `kind`: what a head says of it
/// (`x-amzn-errortype`).
pub fn read(status: u16, _kind: Option<&str>, body: &[u8]) -> Fault {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    // Some of Vertex's surfaces put it into a list.
    let error = match &value {
        Value::Array(list) => &list.first().unwrap_or(&Value::Null)["error"],
        value => &value["error"],
    };
    let mut fault = of(error);
    if error["status"].as_str().and_then(known).is_none() || !error.is_object() {
        fault.trouble = by_reason(error).unwrap_or_else(|| Trouble::of_status(status));
    }
    if fault.message.is_empty() {
        fault.message = plain(body).unwrap_or_else(|| format!("the provider answered {status}"));
    }
    fault
}

/// Of what stands under `error`.
pub(super) fn of(error: &Value) -> Fault {
    let word = error["status"].as_str();
    let status = error["code"].as_u64().and_then(|code| u16::try_from(code).ok());
    let by_word = word.and_then(known);
    let trouble = by_reason(error).or(by_word).or_else(|| status.map(Trouble::of_status));
    let detail = |field: &'static str| {
        let details = error["details"].as_array().into_iter().flatten();
        details.map(move |detail| &detail[field]).find(|found| !found.is_null())
    };
    let param = detail("fieldViolations").and_then(|violations| violations[0]["field"].as_str());
    Fault {
        trouble: trouble.unwrap_or(Trouble::Internal),
        message: error["message"].as_str().unwrap_or_default().to_owned(),
        code: word.map(str::to_owned),
        param: param.filter(|param| !param.is_empty()).map(str::to_owned),
    }
}

/// A bad key is an invalid argument to AI Studio, and only its reason says more.
fn by_reason(error: &Value) -> Option<Trouble> {
    let details = error["details"].as_array()?;
    let is = |detail: &Value| detail["reason"] == "API_KEY_INVALID";
    details.iter().any(is).then_some(Trouble::Unauthenticated)
}

fn known(word: &str) -> Option<Trouble> {
    Some(match word {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" | "ALREADY_EXISTS" => {
            Trouble::Invalid
        }
        "UNAUTHENTICATED" => Trouble::Unauthenticated,
        "PERMISSION_DENIED" => Trouble::Forbidden,
        "NOT_FOUND" => Trouble::NotFound,
        "RESOURCE_EXHAUSTED" => Trouble::RateLimited,
        "UNAVAILABLE" => Trouble::Overloaded,
        "DEADLINE_EXCEEDED" => Trouble::Timeout,
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" | "ABORTED" | "CANCELLED" | "UNIMPLEMENTED" => {
            Trouble::Internal
        }
        _ => return None,
    })
}

/// A line of text is a message; a page for people is none.
fn plain(body: &[u8]) -> Option<String> {
    let text = str::from_utf8(body).ok()?.trim();
    let is_plain = !text.is_empty() && text.len() <= PLAIN_BYTES_MAX;
    (is_plain && !text.starts_with(['<', '{', '['])).then(|| text.to_owned())
}

/// Appends the body of an answer that is an error.
pub fn write(fault: &Fault, out: &mut Vec<u8>) {
    let (code, word) = match fault.trouble {
        Trouble::Invalid => (400, "INVALID_ARGUMENT"),
        Trouble::Unauthenticated => (401, "UNAUTHENTICATED"),
        Trouble::Billing => (402, "FAILED_PRECONDITION"),
        Trouble::Forbidden => (403, "PERMISSION_DENIED"),
        Trouble::NotFound => (404, "NOT_FOUND"),
        Trouble::TooLarge => (413, "INVALID_ARGUMENT"),
        Trouble::RateLimited => (429, "RESOURCE_EXHAUSTED"),
        Trouble::Internal => (500, "INTERNAL"),
        Trouble::Timeout => (504, "DEADLINE_EXCEEDED"),
        Trouble::Overloaded => (503, "UNAVAILABLE"),
    };
    let mut error = json!({ "code": code, "message": fault.message, "status": word });
    if let Some(param) = &fault.param {
        let violation = json!({ "field": param, "description": fault.message });
        error["details"] = json!([{
            "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation],
        }]);
    }
    super::generation::append(&json!({ "error": error }), out);
}

const PLAIN_BYTES_MAX: usize = 512;
