#![expect(clippy::disallowed_methods, reason = "a test may wait for the disk")]

use std::fs;
use std::path::Path;

use super::*;

/// Files below `cases/gemini/schema`: JSON Schema, and what Gemini is told of it.
#[test]
fn schemas_become_what_gemini_knows() {
    let folder = Path::new(file!()).parent().unwrap().parent().unwrap().join("cases/gemini/schema");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut cases = 0;
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.unwrap().path();
        let mut case: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let reduced = reduce(&case["schema"]).unwrap();
        if std::env::var_os("BLESS").is_some() {
            case["reduced"] = reduced.clone();
            fs::write(&path, serde_json::to_string_pretty(&case).unwrap() + "\n").unwrap();
        }
        assert_eq!(reduced, case["reduced"], "{path:?}");
        // What Gemini knows is left as it is, and comes back as it was told.
        let wide = widen(reduced.clone());
        assert_eq!(reduce(&wide).unwrap(), reduced, "{path:?}: {wide}");
        cases += 1;
    }
    assert!(cases > 5);
}

#[test]
fn a_schema_of_geminis_is_one_of_json() {
    let schema = json!({
        "type": "OBJECT",
        "properties": {
            "a": { "type": "STRING", "format": "enum", "enum": ["x"], "nullable": true },
            "b": { "type": "ARRAY", "items": { "type": "INTEGER" }, "min_items": "2" },
            "c": { "any_of": [{ "type": "STRING" }], "nullable": true },
            "type": { "type": "TYPE_UNSPECIFIED", "description": "any" },
        },
        "propertyOrdering": ["a"], "required": ["a"], "title": null,
    });
    let wide = json!({
        "type": "object",
        "properties": {
            "a": { "type": ["string", "null"], "enum": ["x", null] },
            "b": { "type": "array", "items": { "type": "integer" }, "minItems": 2 },
            "c": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
            "type": { "description": "any" },
        },
        "required": ["a"],
    });
    assert_eq!(widen(schema), wide);
}

/// Each part names the next one twice, thirty times over.
#[test]
fn references_that_multiply_are_refused() {
    let mut parts = Map::new();
    for part in 0..30 {
        let next = json!({ "$ref": format!("#/$defs/{}", part + 1) });
        let schema = json!({ "type": "object", "properties": { "a": next, "b": next } });
        parts.insert(part.to_string(), schema);
    }
    parts.insert("30".to_owned(), json!({ "type": "string" }));
    let schema = json!({ "$ref": "#/$defs/0", "$defs": parts });
    assert_eq!(reduce(&schema), Err(Refused(TOO_LARGE.into())));
}

/// A long text that is named often is not copied for ever, and a chain of references is not
/// followed to the end of the stack.
#[test]
fn sizes_are_bounded() {
    let text = "x".repeat(100_000);
    let names: Map<String, Value> =
        (0..1000).map(|at| (at.to_string(), json!({ "$ref": "#/$defs/long" }))).collect();
    let long = json!({ "type": "string", "description": text });
    let schema = json!({ "type": "object", "properties": names, "$defs": { "long": long } });
    assert_eq!(reduce(&schema), Err(Refused(TOO_LARGE.into())));
    let links = (0..5000).map(|at| {
        let next = json!({ "items": { "$ref": format!("#/$defs/{}", at + 1) } });
        (at.to_string(), next)
    });
    let parts: Map<String, Value> = links.collect();
    let schema = json!({ "$ref": "#/$defs/0", "$defs": parts });
    assert_eq!(reduce(&schema), Err(Refused(TOO_LARGE.into())));
}
