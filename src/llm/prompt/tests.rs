use serde_json::{Value, json};

use super::*;

fn edits(overrides: &[(&str, Value)], defaults: &[(&str, Value)]) -> Edits {
    let fields = |all: &[(&str, Value)]| {
        all.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    };
    Edits { overrides: fields(overrides), defaults: fields(defaults), made: Box::default() }
}

fn body(json: Value) -> Body {
    match json {
        Value::Object(body) => body,
        other => panic!("{other}"),
    }
}

fn message(role: Role, content: &str) -> Message {
    Message { role, content: content.to_owned() }
}

fn caching() -> PromptCaching {
    PromptCaching {
        cache_system: true,
        cache_messages: true,
        cache_tools: true,
        min_tokens: 0,
        cache_message_offset: 0,
    }
}

fn marked(caching: &PromptCaching, api: Api, asked: Value) -> Value {
    let prompt = Prompt { caching: Some(caching.clone()), ..Prompt::default() };
    let mut asked = body(asked);
    prompt.finish(api, &mut asked, |_, _| None);
    Value::Object(asked)
}

#[test]
fn fields_are_set_where_they_stand() {
    let edits = edits(
        &[("temperature", json!(0.5)), ("new", json!({ "a": [1] }))],
        &[("max_tokens", json!(9)), ("top_p", json!(1))],
    );
    let mut asked = body(json!({ "temperature": 2, "model": "m", "max_tokens": null, "z": 1 }));
    edits.apply(Api::Completions, &mut asked, |_, _| None);
    let text = Value::Object(asked).to_string();
    let expected =
        r#"{"temperature":0.5,"model":"m","max_tokens":null,"z":1,"new":{"a":[1]},"top_p":1}"#;
    assert_eq!(text, expected);
    // A count of tokens has no such fields.
    let mut asked = body(json!({ "model": "m" }));
    edits.apply(Api::CountTokens, &mut asked, |_, _| None);
    assert_eq!(Value::Object(asked), json!({ "model": "m" }));
}

#[test]
fn what_is_made_sees_the_request_as_it_was() {
    let made = |text: &str| Expression::compile(text).unwrap();
    let mut edits = edits(&[("a", json!("over"))], &[("gone", json!("default"))]);
    edits.made = Box::new([
        ("b".to_owned(), made("'x'")),
        ("gone".to_owned(), made("'y'")),
        ("a".to_owned(), made("'z'")),
    ]);
    let mut asked = body(json!({ "a": 1, "gone": 2, "last": 3 }));
    let mut seen = Vec::new();
    edits.apply(Api::Completions, &mut asked, |_, body| {
        seen.push(Value::Object(body.clone()));
        (seen.len() != 2).then(|| json!(seen.len()))
    });
    assert!(seen.iter().all(|seen| *seen == json!({ "a": 1, "gone": 2, "last": 3 })));
    // The one that gave nothing was left out, and then it is as if nobody had brought it.
    let expected = r#"{"a":3,"last":3,"b":1,"gone":"default"}"#;
    assert_eq!(Value::Object(asked).to_string(), expected);
}

#[test]
fn messages_stand_where_the_api_has_them() {
    let prompt = Prompt {
        prepend: Box::new([message(Role::System, "s1"), message(Role::User, "u1")]),
        append: Box::new([message(Role::System, "s2"), message(Role::Assistant, "a2")]),
        ..Prompt::default()
    };
    let own = json!([{ "role": "user", "content": "own" }]);
    let one = |role: &str, content: &str| json!({ "role": role, "content": content });
    let around = json!([one("user", "u1"), one("user", "own"), one("assistant", "a2")]);
    for (api, asked, expected) in [
        (
            Api::Completions,
            json!({ "messages": own }),
            json!({ "messages": [one("system", "s1"), one("user", "u1"), one("user", "own"),
                                 one("system", "s2"), one("assistant", "a2")] }),
        ),
        (
            Api::Messages,
            json!({ "messages": own }),
            json!({ "messages": around, "system": "s1\ns2" }),
        ),
        (
            Api::Messages,
            json!({ "system": "own", "messages": own }),
            json!({ "system": "s1\nown\ns2", "messages": around }),
        ),
        (
            Api::CountTokens,
            json!({ "system": [{ "type": "text", "text": "own" }], "messages": own }),
            json!({ "system": [
                { "type": "text", "text": "s1" }, { "type": "text", "text": "own" },
                { "type": "text", "text": "s2" },
            ], "messages": around }),
        ),
        (
            Api::Responses,
            json!({ "input": "own" }),
            json!({ "input": around, "instructions": "s1\ns2" }),
        ),
        (
            Api::Responses,
            json!({ "input": own, "instructions": "own" }),
            json!({ "input": around, "instructions": "s1\nown\ns2" }),
        ),
        (Api::Embeddings, json!({ "input": "own" }), json!({ "input": "own" })),
        // What no API has the provider has to judge.
        (
            Api::Messages,
            json!({ "system": 1, "messages": {} }),
            json!({ "system": 1, "messages": {} }),
        ),
    ] {
        let mut asked = body(asked);
        prompt.surround(api, &mut asked);
        assert_eq!(Value::Object(asked), expected, "{api:?}");
    }
}

#[test]
fn marks_stand_behind_what_stays() {
    let asked = json!({
        "system": "s", "tools": [{ "name": "a" }, { "name": "b" }],
        "messages": [
            { "role": "user", "content": "1" }, { "role": "assistant", "content": "2" },
            { "role": "user", "content": "3" },
        ],
    });
    let mark = json!({ "type": "ephemeral" });
    let block = |text: &str| json!([{ "type": "text", "text": text, "cache_control": mark }]);
    let all = marked(&caching(), Api::Messages, asked.clone());
    assert_eq!(all["system"], block("s"));
    assert_eq!(all["tools"], json!([{ "name": "a" }, { "name": "b", "cache_control": mark }]));
    assert_eq!(all["messages"][1]["content"], block("2"));
    assert_eq!(
        (&all["messages"][0]["content"], &all["messages"][2]["content"]),
        (&json!("1"), &json!("3"))
    );
    let further = PromptCaching { cache_message_offset: 7, ..caching() };
    let all = marked(&further, Api::Messages, asked.clone());
    assert_eq!(all["messages"][0]["content"], block("1"));
    // Too short, none of them wanted, another API, marks of the caller's own, one message.
    let nothing = PromptCaching {
        cache_system: false,
        cache_messages: false,
        cache_tools: false,
        ..caching()
    };
    let long = PromptCaching { min_tokens: 1024, ..caching() };
    let mut own = asked.clone();
    own["messages"][0]["content"] = block("1");
    for (caching, api, asked) in [
        (&long, Api::Messages, asked.clone()),
        (&nothing, Api::Messages, asked.clone()),
        (&caching(), Api::Completions, asked),
        (&caching(), Api::Messages, own),
        (&caching(), Api::Messages, json!({ "messages": [{ "content": "1" }], "system": null })),
        (&caching(), Api::Messages, json!({ "messages": [1, 2], "system": 3, "tools": {} })),
    ] {
        assert_eq!(marked(caching, api, asked.clone()), asked);
    }
}
