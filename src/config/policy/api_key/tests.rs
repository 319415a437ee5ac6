use serde_json::json;

use super::super::super::parse_with;
use super::*;

fn read(policy: &str) -> Result<ApiKey, String> {
    let text = format!(
        "binds: [{{port: 1, listeners: [{{routes: [{{policies: {{apiKey: {policy}}}}}]}}]}}]"
    );
    let parsed = parse_with(&text, "gateway.yaml", &|_| None);
    let mut config = parsed.map_err(|found| found.to_string())?;
    let mut route = config.binds.remove(0).listeners.remove(0).routes.remove(0);
    Ok(route.policies.api_key.take().unwrap())
}

#[test]
fn what_is_not_written_has_its_default() {
    let policy = read("{keys: [{key: abc}]}").unwrap();
    assert_eq!((policy.mode, policy.location, policy.file), (Mode::Optional, None, None));
    let key = &policy.keys[0];
    // Of FIPS 180-2, appendix B.1.
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(key.digest, Digest::parse(hash).unwrap());
    assert_eq!(key.digest, Digest::parse(&format!("sha256:{}", hash.to_uppercase())).unwrap());
    assert!(key.models.is_none() && key.expires.is_none() && key.budgets.is_empty());
}

#[test]
fn a_key_has_what_was_written_of_it() {
    let policy = read(
        "{mode: strict, location: {header: {name: X-Key, prefix: 'Key '}}, keys: [{key: abc, \
         metadata: {name: one, team: blue, level: 3, share: 0.5, on: true, tags: [a, b], none: null, \
         deep: {er: x}}, models: [gpt-*, smart], expires: 2027-01-01, \
         budgets: [{usd: 10.5, tokens: 1000, period: month, anchor: 2026-01-15, model: gpt-*}, \
         {usd: 1, period: 30d}]}]}",
    )
    .unwrap();
    assert_eq!(policy.mode, Mode::Strict);
    let key = &policy.keys[0];
    assert_eq!((key.name.as_deref(), key.team.as_deref()), (Some("one"), Some("blue")));
    let metadata = Value::Object(key.metadata.clone());
    assert_eq!(metadata["deep"]["er"], "x");
    assert_eq!((&metadata["level"], &metadata["share"]), (&json!(3), &json!(0.5)));
    assert_eq!((&metadata["tags"], &metadata["none"]), (&json!(["a", "b"]), &Value::Null));
    assert_eq!(key.models.as_deref(), Some(&["gpt-*".to_owned(), "smart".to_owned()][..]));
    assert_eq!(key.expires, period::parse("2027-01-01"));
    assert_eq!(key.budgets[0].nanos_usd, Some(10_500_000_000));
    assert_eq!(key.budgets[0].title(Some("one")), "key:one/model:gpt-*/month");
    assert_eq!(key.budgets[1].title(Some("one")), "key:one/2592000s");
}

#[test]
fn no_dump_and_no_message_shows_a_key() {
    let policy = read("{keys: [{key: very-secret, name: one}]}").unwrap();
    let (debug, dump) = (format!("{policy:?}"), serde_json::to_string(&policy).unwrap());
    assert!(!debug.contains("very") && !dump.contains("very"), "{debug} {dump}");
    assert_eq!(serde_json::to_value(&policy).unwrap()["keys"][0]["keyHash"], "<redacted>");
    for wrong in ["{keys: [{key: 'very secret'}]}", "{keys: [{keyHash: very-secret}]}"] {
        let told = read(wrong).unwrap_err();
        assert!(!told.contains("very"), "{told}");
    }
}

#[test]
fn what_is_wrong_is_told() {
    for (policy, told) in [
        ("{mode: strict}", "neither `keys` nor `file`"),
        ("{keys: [{}]}", "exactly one of key, keyHash"),
        ("{keys: [{key: a, keyHash: b}]}", "exactly one of"),
        ("{keys: [{key: a}, {key: a}]}", "the same key stands twice"),
        ("{keys: [{keyHash: 'sha256:abc'}]}", "64 hexadecimal digits"),
        ("{keys: [{keyHash: '$2b$12$abc'}]}", "bcrypt is not supported"),
        ("{keys: [{key: a, metadata: 3}]}", "expected a table"),
        ("{keys: [{key: a, models: ['a*b*']}]}", "one `*` at the most"),
        ("{keys: [{key: a, models: [a], allowedModels: [a]}]}", "another name of"),
        ("{keys: [{key: a, expires: tomorrow}]}", "not a day or a time"),
        ("{keys: [{key: a, budgets: [{usd: 1, period: day}]}]}", "has a `name`"),
        ("{keys: [{key: a, name: b, budgets: [{period: day}]}]}", "it bounds nothing"),
        ("{keys: [{key: a, name: b, budgets: [{usd: 1}]}]}", "`period` is missing"),
        ("{keys: [{key: a, name: b, budgets: [{usd: -1, period: day}]}]}", "is not in 0 to"),
        ("{keys: [{key: a, name: b, budgets: [{usd: 1, period: 0s}]}]}", "0 seconds are not in"),
        ("{keys: [{key: a, name: b, budgets: [{usd: 1, period: 1500ms}]}]}", "no period"),
        ("{keys: [{key: a, name: b, budgets: [{usd: 1, period: day, team: x}]}]}", "of its key"),
        (
            "{keys: [{key: a, name: b, budgets: [{usd: 1, period: never, anchor: 2026-01-01}]}]}",
            "`anchor` says when",
        ),
        ("{keys: [{key: a}], mode: stirct}", "did you mean `strict`?"),
        ("{keys: [{key: a}], location: {}}", "exactly one of header"),
        ("{keys: [{key: a}], location: {header: {name: 'a b'}}}", "header name"),
        ("{keys: [{key: a}], location: {cookie: {name: 'a;b'}}}", "not a name"),
        ("{keys: [{key: a}], location: {expression: request.path}}", "not supported"),
    ] {
        let found = read(policy).expect_err(policy);
        assert!(found.contains(told), "{found}\nof {policy}");
        assert!(found.contains("policies.apiKey"), "{found}");
    }
}

#[test]
fn keys_stand_in_a_file_too() {
    let list = "- key: $a$$b\n  name: one\n- keyHash: \
                ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";
    let keys = parse_file(list, "keys.yaml").unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0].digest, Digest::of(b"$a$$b"), "a dollar is a dollar");
    assert_eq!(keys[1].digest, Digest::of(b"abc"));
    let json = r#"{"keys": [{"key": "abc", "metadata": {"team": "blue"}}]}"#;
    assert_eq!(parse_file(json, "keys.json").unwrap()[0].team.as_deref(), Some("blue"));
    assert!(parse_file("", "keys.yaml").unwrap().is_empty());
    for (wrong, told) in [
        ("[{key: 1}]", "keys.yaml:1:"),
        ("{kyes: []}", "did you mean `keys`?"),
        ("[{key: a}, {key: a}]", "stands twice"),
        ("[", "keys.yaml"),
    ] {
        let found = parse_file(wrong, "keys.yaml").unwrap_err().to_string();
        assert!(found.contains(told), "{found}");
    }
}
