use serde_json::Value;

use super::*;

fn asked(body: &str) -> Result<(Asked, String), Error> {
    let mut model = Vec::new();
    let asked = Asked::read(body.as_bytes(), &mut model)?;
    Ok((asked, String::from_utf8(model).unwrap()))
}

fn edited(body: &str, sent: &Sent) -> (String, bool) {
    let (asked, model) = asked(body).unwrap();
    let edits = asked.edits(sent, model.as_bytes(), true);
    let text = String::from_utf8(edits.of(body.as_bytes())).unwrap();
    assert_eq!(edits.is_empty(), text == body, "{body}");
    serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (text, edits.hides_usage)
}

#[test]
fn what_is_wrong_with_a_body_is_told() {
    for (body, error) in [
        ("", Error::NotJson),
        ("{\"model\":", Error::NotJson),
        ("hello", Error::NotJson),
        ("[]", Error::NotAnObject),
        ("\"model\"", Error::NotAnObject),
        ("{\"model\":1}", Error::BadModel),
        ("{\"model\":\"\"}", Error::BadModel),
        ("{\"model\":null}", Error::BadModel),
        ("{\"model\":\"m\",\"stream\":\"yes\"}", Error::BadStream),
        ("{\"model\":\"m\",\"stream\":1}", Error::BadStream),
        ("{\"model\":\"a\",\"model\":\"b\"}", Error::Duplicate),
        ("{\"model\":\"a\",\"mod\\u0065l\":\"b\"}", Error::Duplicate),
        ("{\"stream\":true,\"stream\":false}", Error::Duplicate),
        ("{\"stream_options\":{},\"stream_options\":{}}", Error::Duplicate),
    ] {
        assert_eq!(asked(body).unwrap_err(), error, "{body}");
    }
    let mut model = Vec::new();
    assert_eq!(Asked::read(b"{\"model\":\"\xff\"}", &mut model), Err(Error::NotJson));
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    assert_eq!(asked(&deep).unwrap_err(), Error::TooDeep);
    let long = format!("{{\"model\":\"{}\"}}", "m".repeat(300));
    assert_eq!(asked(&long).unwrap_err(), Error::BadModel);
    assert_eq!(asked("{}").unwrap().0.model, None);
}

#[test]
fn a_body_without_edits_stays_as_it_is() {
    for body in [
        r#"{ "model" : "gpt-6", "messages":[ {"role":"user", "content":"stream\":true"} ]}"#,
        r#"{"model":"gpt-6","stream":false,"stream_options":null}"#,
        r#"{"model":"gpt-6","stream":true,"stream_options":{"include_usage":true}}"#,
        r#"{"model":"gpt-6","stream":true,"stream_options":7}"#,
        r#"{"model":"gpt-6","stream":true,"stream_options":{"include_usage":"yes"}}"#,
    ] {
        assert_eq!(edited(body, &Sent::Same), (body.to_owned(), false));
    }
}

#[test]
fn the_model_is_replaced_where_it_stands() {
    let body = r#"{"a":{"model":"x"},"model":"o\"llama/gemma","z":1}"#;
    assert_eq!(
        edited(body, &Sent::name("new \"name\"")).0,
        r#"{"a":{"model":"x"},"model":"new \"name\"","z":1}"#
    );
    let strip = Sent::Without(b"o\"llama/"[..].into());
    assert_eq!(edited(body, &strip).0, r#"{"a":{"model":"x"},"model":"gemma","z":1}"#);
    let body = r#"{"model":"p/\u0001\"q\\"}"#;
    let strip = Sent::Without(b"p/"[..].into());
    assert_eq!(edited(body, &strip).0, r#"{"model":"\u0001\"q\\"}"#);
    assert_eq!(edited(body, &Sent::Without(b"r/"[..].into())).0, body);
}

#[test]
fn usage_is_asked_for_where_the_caller_did_not() {
    const ASKED: &str = r#""stream_options":{"include_usage":true}"#;
    for (body, expected) in [
        (r#"{"stream":true}"#, format!("{{{ASKED},\"stream\":true}}")),
        (r#"{"stream":true,"stream_options":null}"#, format!("{{\"stream\":true,{ASKED}}}")),
        (r#"{"stream":true,"stream_options":{ }}"#, format!("{{\"stream\":true,{ASKED}}}")),
        (
            r#"{"stream":true,"stream_options":{"include_usage":false}}"#,
            format!("{{\"stream\":true,{ASKED}}}"),
        ),
        (
            r#"{"stream":true,"stream_options":{"include_usage":null,"x":1}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true,"x":1}}"#.to_owned(),
        ),
        (
            r#"{"stream":true,"stream_options":{"x":1}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true,"x":1}}"#.to_owned(),
        ),
    ] {
        assert_eq!(edited(body, &Sent::Same), (expected, true), "{body}");
    }
}

#[test]
fn both_edits_are_made_whatever_their_order() {
    let sent = Sent::name("b");
    let first = r#"{"model":"a","stream":true,"stream_options":{"include_usage":false}}"#;
    let last = r#"{"stream_options":{"include_usage":false},"stream":true,"model":"a"}"#;
    let none = r#"{"model":"a","stream":true}"#;
    for body in [first, last, none] {
        let (text, hides) = edited(body, &sent);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert!(hides && value["model"] == "b" && value["stream"] == true, "{text}");
        assert_eq!(value["stream_options"]["include_usage"], true);
    }
}
