//! What is answered without a model: which there are, what a prompt costs, where a text lies.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::asked::{Asked, tokens_of};
use super::completion::CREATED;
use super::dialect::Dialect;
use crate::origin::http::fnv;
use crate::origin::pace::Random;

pub(super) fn models(dialect: Dialect, names: &[String]) -> Value {
    match dialect {
        Dialect::Messages => {
            let model = |name: &String| {
                let created = "2023-11-14T22:13:20Z";
                json!({ "type": "model", "id": name, "display_name": name, "created_at": created })
            };
            let models: Vec<Value> = names.iter().map(model).collect();
            let (first, last) = (names.first(), names.last());
            json!({ "data": models, "has_more": false, "first_id": first, "last_id": last })
        }
        Dialect::Gemini => {
            let model = |name: &String| {
                let methods = ["generateContent", "countTokens"];
                json!({
                    "name": format!("models/{name}"), "displayName": name, "version": "1",
                    "supportedGenerationMethods": methods,
                })
            };
            json!({ "models": names.iter().map(model).collect::<Vec<_>>() })
        }
        _ => {
            let model = |name: &String| {
                let owner = "stand-in";
                json!({ "id": name, "object": "model", "created": CREATED, "owned_by": owner })
            };
            json!({ "object": "list", "data": names.iter().map(model).collect::<Vec<_>>() })
        }
    }
}

pub(super) fn count_tokens(dialect: Dialect, asked: &Asked) -> Value {
    match dialect {
        Dialect::Gemini => json!({ "totalTokens": asked.input_tokens }),
        _ => json!({ "input_tokens": asked.input_tokens }),
    }
}

/// A place of length one for each text, by the text alone.
pub(super) fn embeddings(asked: &Asked) -> Value {
    let dimensions = asked.dimensions.unwrap_or(DIMENSIONS);
    let vector = |text: &String| {
        let mut random = Random::new(fnv(text.as_bytes()));
        let raw: Vec<f64> = (0..dimensions).map(|_| random.unit() - 0.5).collect();
        let length = raw.iter().map(|part| part * part).sum::<f64>().sqrt().max(f64::EPSILON);
        let unit = raw.iter().map(|part| part / length);
        if asked.as_base64 {
            let bytes: Vec<u8> = unit.flat_map(|part| (part as f32).to_le_bytes()).collect();
            return json!(STANDARD.encode(bytes));
        }
        json!(unit.collect::<Vec<f64>>())
    };
    let item = |(index, text): (usize, &String)| {
        let vector = vector(text);
        json!({ "object": "embedding", "index": index, "embedding": vector })
    };
    let data: Vec<Value> = asked.texts.iter().enumerate().map(item).collect();
    let tokens: u32 = asked.texts.iter().map(|text| tokens_of(text.len())).sum();
    let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
    json!({ "object": "list", "data": data, "model": asked.model, "usage": usage })
}

const DIMENSIONS: usize = 64;
