//! Errors of Anthropic's Messages.

use serde::Serialize;

use crate::llm::translate::Fault;
use crate::llm::translate::completions;
use crate::llm::translate::fault::Trouble;

/// Reads the body of an answer that is an error, whatever it is: of Vertex and Bedrock it may be
/// their own. `kind`: what a head says of it (`x-amzn-errortype`).
pub fn read(status: u16, kind: Option<&str>, body: &[u8]) -> Fault {
    completions::fault::read(status, kind, body)
}

/// Appends the body of an answer that is an error.
pub fn write(fault: &Fault, out: &mut Vec<u8>) {
    let error = Error { kind: word(fault.trouble), message: &fault.message };
    // A vector takes it all.
    let _ = serde_json::to_writer(out, &Body { kind: "error", error });
}

const fn word(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Invalid => "invalid_request_error",
        Trouble::Unauthenticated => "authentication_error",
        Trouble::Billing => "billing_error",
        Trouble::Forbidden => "permission_error",
        Trouble::NotFound => "not_found_error",
        Trouble::TooLarge => "request_too_large",
        Trouble::RateLimited => "rate_limit_error",
        Trouble::Internal => "api_error",
        Trouble::Timeout => "timeout_error",
        Trouble::Overloaded => "overloaded_error",
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
}
