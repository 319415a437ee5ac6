//! Log probabilities: OpenAI's list of tokens, each with its rivals, and Gemini's two lists.

use serde_json::{Map, Value, json};

/// Gemini's to OpenAI's.
pub(super) fn read(result: &Value) -> Value {
    let list = |field: &'static str| result[field].as_array().map_or(&[][..], Vec::as_slice);
    let rivals = list("topCandidates");
    let token = |(at, chosen): (usize, &Value)| {
        let rivals = rivals.get(at).and_then(|step| step["candidates"].as_array());
        let rivals: Vec<Value> = rivals.into_iter().flatten().map(from).collect();
        let mut token = from(chosen);
        token["top_logprobs"] = rivals.into();
        token
    };
    let content: Vec<Value> = list("chosenCandidates").iter().enumerate().map(token).collect();
    json!({ "content": content, "refusal": null })
}

fn from(candidate: &Value) -> Value {
    let token = candidate["token"].as_str().unwrap_or_default();
    let log = candidate["logProbability"].as_f64().unwrap_or(0.0);
    json!({ "token": token, "logprob": log, "bytes": token.as_bytes() })
}

/// OpenAI's to Gemini's.
pub(super) fn write(logprobs: &Value) -> Value {
    let tokens = logprobs["content"].as_array().map_or(&[][..], Vec::as_slice);
    let chosen: Vec<Value> = tokens.iter().map(to).collect();
    let rivals = tokens.iter().map(|token| {
        let rivals = token["top_logprobs"].as_array().into_iter().flatten();
        json!({ "candidates": rivals.map(to).collect::<Vec<_>>() })
    });
    json!({ "topCandidates": rivals.collect::<Vec<_>>(), "chosenCandidates": chosen })
}

fn to(token: &Value) -> Value {
    let mut candidate = Map::new();
    candidate.insert("token".to_owned(), token["token"].clone());
    candidate.insert("logProbability".to_owned(), token["logprob"].clone());
    Value::Object(candidate)
}
