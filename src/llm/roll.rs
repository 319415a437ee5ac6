//! Lists of models, as OpenAI and as Anthropic tell them.

use serde_json::{Value, json};

pub fn openai(names: &[String]) -> Value {
    let model =
        |name: &String| json!({"id": name, "object": "model", "created": 0, "owned_by": "ringway"});
    let data: Vec<_> = names.iter().map(model).collect();
    json!({"object": "list", "data": data})
}

pub fn anthropic(names: &[String]) -> Value {
    let model = |name: &String| {
        let created = "1970-01-01T00:00:00Z";
        json!({
            "type": "model", "id": name, "display_name": name, "created_at": created,
        })
    };
    let data: Vec<_> = names.iter().map(model).collect();
    let (first, last) = (names.first(), names.last());
    json!({"data": data, "has_more": false, "first_id": first, "last_id": last})
}
