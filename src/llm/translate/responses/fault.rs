//! Errors of OpenAI's Responses.

use serde_json::Value;

use super::super::Fault;
use super::super::fault::Trouble;
use super::super::object::object;

/// Reads the body of an answer that is an error, whatever it is. `kind`: what a head says of it
/// (`x-amzn-errortype`).
pub fn read(status: u16, _kind: Option<&str>, body: &[u8]) -> Fault {
    let trouble = Trouble::of_status(status);
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = value.get("error").unwrap_or(&value);
    let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
    let message = text("message").or_else(|| error.as_str().map(str::to_owned));
    let code = text("code").or_else(|| error.get("code")?.as_i64().map(|code| code.to_string()));
    let code = code.or_else(|| text("type"));
    let trouble = code.as_deref().and_then(told).unwrap_or(trouble);
    let message = message.unwrap_or_else(|| bare(status, body));
    Fault { trouble, message, code, param: text("param") }
}

/// Of a body that is none of the dialect: its begin, where it is text.
pub(in super::super) fn bare(status: u16, body: &[u8]) -> String {
    let text = str::from_utf8(body).unwrap_or_default().trim();
    match text.is_empty() || text.starts_with(['<', '{', '[']) {
        true => format!("the provider answered with status {status}"),
        false => text.chars().take(MESSAGE_CHARS_MAX).collect(),
    }
}

/// Words that say more than a status, or stand where there is none.
pub(super) fn told(code: &str) -> Option<Trouble> {
    Some(match code {
        "insufficient_quota" | "billing_not_active" => Trouble::Billing,
        "rate_limit_exceeded" | "rate_limit_error" => Trouble::RateLimited,
        "invalid_api_key" | "authentication_error" => Trouble::Unauthenticated,
        "model_not_found" | "not_found_error" => Trouble::NotFound,
        "invalid_prompt" | "context_length_exceeded" | "invalid_request_error" => Trouble::Invalid,
        "permission_error" => Trouble::Forbidden,
        "server_is_overloaded" | "slow_down" => Trouble::Overloaded,
        _ => return None,
    })
}

/// Appends the body of an answer that is an error.
pub fn write(fault: &Fault, out: &mut Vec<u8>) {
    object(out, |body| {
        body.object("error", |error| {
            error.text("message", &fault.message);
            error.text("type", kind(fault.trouble));
            match &fault.param {
                Some(param) => error.text("param", param),
                None => error.null("param"),
            }
            match &fault.code {
                Some(code) => error.text("code", code),
                None => error.null("code"),
            }
        });
    });
}

fn kind(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Invalid | Trouble::TooLarge => "invalid_request_error",
        Trouble::Unauthenticated => "authentication_error",
        Trouble::Billing => "insufficient_quota",
        Trouble::Forbidden => "permission_error",
        Trouble::NotFound => "not_found_error",
        Trouble::RateLimited => "rate_limit_error",
        Trouble::Internal | Trouble::Timeout | Trouble::Overloaded => "server_error",
    }
}

/// Of an event `error`, where the provider has no word for it.
pub(super) fn code(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::RateLimited => "rate_limit_exceeded",
        _ => kind(trouble),
    }
}

/// Of a response that failed: the dialect has a closed list.
pub(super) fn failure(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::RateLimited | Trouble::Billing => "rate_limit_exceeded",
        Trouble::Invalid | Trouble::TooLarge => "invalid_prompt",
        _ => "server_error",
    }
}

const MESSAGE_CHARS_MAX: usize = 1000;
