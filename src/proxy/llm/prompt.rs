//! What policies make of a request for a model, before it is known who is asked: on a tree of its
//! body. A route without such policies does not come here.

use serde_json::{Map, Value};

use super::super::asked as attributes;
use super::super::failure::Failure;
use super::super::gather;
use super::super::place::Routed;
use crate::http::Exchange;
use crate::llm::prompt::{Body, Edits};
use crate::llm::{Api, Error, Llm};
use crate::policy::expression::Expression;

/// Edits the body that was gathered. What is returned is the model's name as it was asked for, where
/// the model's own policies made another of it: it is looked up by that.
///
/// # Errors
/// The body is no JSON.
pub(super) fn edit(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    (llm, api): (&Llm, Api),
) -> Result<Option<Vec<u8>>, Failure> {
    let has_own = !llm.model_edits.is_empty();
    if (llm.prompt.is_none() && !has_own) || matches!(api, Api::Other | Api::Models) {
        return Ok(None);
    }
    // Another one is refused by who reads it next, who knows how to say so.
    let Some(mut body) = parse(gather::body(exchange))? else { return Ok(None) };
    let mut is_edited = false;
    if let Some(prompt) = llm.prompt.as_deref() {
        is_edited = true;
        apply(routed, exchange, (api, &prompt.edits), &mut body);
        prompt.surround(api, &mut body);
    }
    let name = body.get("model").and_then(Value::as_str).map(str::to_owned);
    if let Some(own) = name.as_ref().and_then(|name| llm.model_edits.find(name.as_bytes())) {
        is_edited = true;
        apply(routed, exchange, (api, own), &mut body);
    }
    if let Some(prompt) = llm.prompt.as_deref() {
        prompt.finish(api, &mut body, |made, body| value(routed, exchange, made, body));
    }
    if !is_edited {
        return Ok(None);
    }
    let other = body.get("model").and_then(Value::as_str) != name.as_deref();
    let made = Value::Object(body).to_string().into_bytes();
    gather::replace(exchange, Some(made));
    Ok(name.filter(|_| other).map(String::into_bytes))
}

/// What a provider is told who has another name for a model than the one it is looked up by.
pub(super) fn look_up_by(exchange: &mut Exchange, asked: Vec<u8>, name: &mut Vec<u8>) {
    exchange.gen_ai_mut().made_model = std::mem::replace(name, asked);
}

fn parse(body: &[u8]) -> Result<Option<Body>, Failure> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(body)) => Ok(Some(body)),
        Ok(_) => Ok(None),
        Err(_) => Err(Failure::Llm(Error::NotJson)),
    }
}

fn apply(routed: &Routed<'_>, exchange: &Exchange, (api, edits): (Api, &Edits), body: &mut Body) {
    edits.apply(api, body, |made, body| value(routed, exchange, made, body));
}

fn value(
    routed: &Routed<'_>,
    exchange: &Exchange,
    made: &Expression,
    body: &Map<String, Value>,
) -> Option<Value> {
    let attributes = attributes::attributes(routed, exchange, None).asking(body);
    let value = made.json(&attributes);
    attributes::count_failures(routed, &attributes);
    value
}
