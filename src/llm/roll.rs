//! What is told of models, as OpenAI, Anthropic and Google tell it: one, and a list of them.

use serde_json::{Value, json};

use crate::http::reply::Shape;

/// One model.
pub fn one(shape: Shape, name: &str) -> Value {
    match shape {
        Shape::Anthropic => {
            let created = "1970-01-01T00:00:00Z";
            json!({"type": "model", "id": name, "display_name": name, "created_at": created})
        }
        Shape::Google => {
            let methods = ["generateContent", "countTokens"];
            let full = format!("models/{name}");
            json!({"name": full, "displayName": name, "supportedGenerationMethods": methods})
        }
        _ => json!({"id": name, "object": "model", "created": 0, "owned_by": "ringway"}),
    }
}

/// All of them.
pub fn all(shape: Shape, names: &[String]) -> Value {
    let data: Vec<_> = names.iter().map(|name| one(shape, name)).collect();
    match shape {
        Shape::Anthropic => {
            let (first, last) = (names.first(), names.last());
            json!({"data": data, "has_more": false, "first_id": first, "last_id": last})
        }
        Shape::Google => json!({"models": data}),
        _ => json!({"object": "list", "data": data}),
    }
}
