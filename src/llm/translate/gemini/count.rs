//! `countTokens`: what a prompt would cost.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::{Broken, Caller, Host, Line, Prompt, Provider, Refused};
use super::generation::append;
use super::wire::whole;
use super::{place, prompt};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Asked<'a> {
    /// AI Studio has a whole request in here where it is more than contents.
    #[serde(borrow, alias = "generate_content_request")]
    generate_content_request: Option<prompt::Request<'a>>,
}

/// Reads a request to count.
///
/// # Errors
/// It is none, or says what no other dialect can.
pub fn read_request(body: &[u8], line: Line<'_>) -> Result<Prompt, Refused> {
    let refuse = |error: serde_json::Error| place::refuse(body, &error);
    let asked: Asked<'_> = serde_json::from_slice(body).map_err(refuse)?;
    match asked.generate_content_request {
        Some(request) => prompt::take(request, line),
        None => prompt::read(body, line),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Inside<'a> {
    generate_content_request: prompt::Body<'a>,
}

/// Appends the body of a request to count.
///
/// # Errors
/// The dialect cannot say it.
pub fn write_request(
    prompt: &Prompt,
    provider: &Provider<'_>,
    caller: &mut Caller,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    let mut body = prompt::Body::of(prompt, provider, caller)?;
    if provider.host == Host::Vertex {
        append(&body, out);
        return Ok(());
    }
    let name = provider.model.trim_start_matches("models/");
    body.model = Some(format!("models/{name}"));
    append(&Inside { generate_content_request: body }, out);
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Counted {
    #[serde(alias = "total_tokens", deserialize_with = "whole")]
    total_tokens: Option<i64>,
}

/// Reads how many tokens were counted.
///
/// # Errors
/// It tells none.
pub fn read(body: &[u8]) -> Result<u64, Broken> {
    let counted: Counted = serde_json::from_slice(body).map_err(|_| Broken)?;
    counted.total_tokens.and_then(|tokens| u64::try_from(tokens).ok()).ok_or(Broken)
}

/// Appends the answer with so many tokens.
pub fn write(tokens: u64, out: &mut Vec<u8>) {
    append(&json!({ "totalTokens": tokens }), out);
}
