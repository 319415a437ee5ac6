use serde_json::Value;

use super::*;
use crate::limits::JSON_TEXT_BYTES_MAX;

const PATHS: &[Path] = &[
    &[],
    &["model"],
    &["stream_options", "include_usage"],
    &["stream_options"],
    &["usage", "prompt_tokens"],
    &["choices"],
    &["choices", "[]", "delta", "content"],
    &["a", "b", "c"],
];

type Told = (usize, Kind, String, std::ops::Range<usize>);

fn scan(pieces: &[&[u8]]) -> Result<Vec<Told>, Error> {
    let mut scan = Scan::new(PATHS);
    let mut told = Vec::new();
    let mut found = |found: &Found<'_>| {
        let text = String::from_utf8_lossy(found.text).into_owned();
        told.push((found.path, found.kind, text, found.start..found.end));
    };
    for piece in pieces {
        scan.push(piece, &mut found)?;
    }
    scan.end(&mut found)?;
    Ok(told)
}

/// Whole, at every cut, and byte by byte.
fn every_split(text: &[u8]) -> Result<Vec<Told>, Error> {
    let whole = scan(&[text]);
    for cut in 0..=text.len() {
        let (front, back) = text.split_at(cut);
        assert_eq!(scan(&[front, back]), whole, "{} cut at {cut}", text.escape_ascii());
    }
    let single: Vec<_> = text.chunks(1).collect();
    assert_eq!(scan(&single), whole, "{} byte by byte", text.escape_ascii());
    whole
}

#[test]
fn wanted_fields_are_told_with_their_places() {
    let text = r#" {"x":{"model":"no"}, "model" : "gpt\u002d6\ud83d\ude00" ,"usage":{"prompt_tokens":12},
        "stream_options":{"include_usage":true},"choices":[{"delta":{"content":"hi"}},
        {"delta":{"content":null}}, [{"delta":{}}]],"a":{"b":{"d":1,"c":[1,{"c":2}]}}, "model":7} "#;
    let told = every_split(text.as_bytes()).unwrap();
    let at = |path: usize| {
        let found = told.iter().filter(|(found, ..)| *found == path);
        found
            .map(|(_, kind, meant, span)| (*kind, meant.as_str(), &text[span.clone()]))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        at(1),
        [(Kind::Text, "gpt-6\u{1F600}", r#""gpt\u002d6\ud83d\ude00""#), (Kind::Number, "7", "7")]
    );
    assert_eq!(at(2), [(Kind::True, "", "true")]);
    assert_eq!(at(3), [(Kind::Object(false), "", r#"{"include_usage":true}"#)]);
    assert_eq!(at(4), [(Kind::Number, "12", "12")]);
    assert_eq!(at(6), [(Kind::Text, "hi", "\"hi\""), (Kind::Null, "", "null")]);
    assert_eq!(at(7), [(Kind::Array(false), "", r#"[1,{"c":2}]"#)]);
    assert_eq!(at(0), [(Kind::Object(false), "", text.trim())]);
    assert!(matches!(at(5)[..], [(Kind::Array(false), ..)]));
}

#[test]
fn names_are_what_they_mean() {
    for name in [r"model", r"mod\u0065l", r"\u006D\u006f\u0064\u0065\u006c"] {
        let told = every_split(format!("{{\"{name}\":\"m\"}}").as_bytes()).unwrap();
        assert_eq!(told[0].2, "m", "{name}");
    }
    for name in ["Model", "model ", "mode", "models", ""] {
        assert_eq!(every_split(format!("{{\"{name}\":1}}").as_bytes()).unwrap().len(), 1);
    }
}

#[test]
fn nothing_in_something_is_told() {
    for (text, kind) in [
        ("{\"choices\":[]}", Kind::Array(true)),
        ("{\"choices\":[ ]}", Kind::Array(true)),
        ("{\"choices\":[0]}", Kind::Array(false)),
        ("{\"choices\":{}}", Kind::Object(true)),
        ("{\"choices\":{\"a\":[]}}", Kind::Object(false)),
    ] {
        assert_eq!(every_split(text.as_bytes()).unwrap()[0].1, kind, "{text}");
    }
}

#[test]
fn halves_of_pairs_stand_for_nothing() {
    for (text, meant) in [
        (r"\ud800", "\u{FFFD}"),
        (r"\ud800x", "\u{FFFD}x"),
        (r"\ud800\ud800", "\u{FFFD}\u{FFFD}"),
        (r"\udc00", "\u{FFFD}"),
        (r"\ud83d\ude00", "\u{1F600}"),
        (r"\ud83d\n", "\u{FFFD}\n"),
        (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
    ] {
        let told = every_split(format!("{{\"model\":\"{text}\"}}").as_bytes()).unwrap();
        assert_eq!(told[0].2, meant, "{text}");
    }
}

#[test]
fn what_is_no_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "\"",
        "{]",
        "[}",
        "}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "[,1]",
        "{,}",
        "{a:1}",
        "{'a':1}",
        "1 2",
        "{}{}",
        "{} x",
        "tru",
        "trux",
        "nul",
        "01",
        "-",
        "-a",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "0x1",
        "--1",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "\"\\\n\"",
        "NaN",
        "[1 2]",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "\u{FEFF}{}",
        "{\"a\":1]",
        "[1}",
        "{1:2}",
    ] {
        assert_eq!(every_split(text.as_bytes()), Err(Error::Malformed), "{text:?}");
    }
}

#[test]
fn levels_have_a_bound() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(scan(&[nested(JSON_DEPTH_MAX).as_bytes()]).is_ok());
    assert_eq!(scan(&[nested(JSON_DEPTH_MAX + 1).as_bytes()]), Err(Error::TooDeep));
    let inside = format!("{{\"x\":{},\"model\":\"m\"}}", nested(JSON_DEPTH_MAX - 1));
    assert_eq!(scan(&[inside.as_bytes()]).unwrap()[0].2, "m");
}

#[test]
fn a_long_text_is_cut_and_says_so() {
    let mut scan = Scan::new(PATHS);
    let mut told = Vec::new();
    let long = "é".repeat(JSON_TEXT_BYTES_MAX);
    let text = format!("{{\"{long}\":0,\"model\":\"{long}\"}}");
    scan.push(text.as_bytes(), &mut |found| told.push((found.text.len(), found.cut))).unwrap();
    assert_eq!(told[0], (JSON_TEXT_BYTES_MAX, true));
}

#[test]
fn it_begins_anew() {
    let mut scan = Scan::new(PATHS);
    for text in ["{\"model\":\"a\"}", "[{\"model\":\"b\"}]", "{\"model\":\"c\"}"] {
        assert!(scan.is_fresh());
        let mut models = Vec::new();
        let mut found = |found: &Found<'_>| {
            if found.path == 1 {
                models.push(found.text.to_vec());
            }
        };
        scan.push(text.as_bytes(), &mut found).unwrap();
        scan.end(&mut found).unwrap();
        assert_eq!(models.len(), usize::from(text.starts_with('{')), "{text}");
        scan.reset();
    }
}

#[test]
fn it_agrees_with_another_reader() {
    let texts = [
        r#"{"model":"m","a":{"b":{"c":[true,false,null,-0.5e+3,"\u00e9"]}},"choices":[]}"#,
        r#"[{"a":[[],{}]},1E5,"",0,-0]"#,
    ];
    let random = crate::base::random::Random::seeded(7);
    for _ in 0..20_000 {
        let mut bytes = texts[random.below(2) as usize].as_bytes().to_vec();
        for _ in 0..=random.below(2) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = b" \"\\{}[],:0123456789.eE+-truefalsn"[random.below(33) as usize];
        }
        let theirs = serde_json::from_slice::<Value>(&bytes);
        // A half of a pair is JSON, and no text; they refuse it. Numbers may be too large for them.
        let odd = bytes.windows(2).any(|two| two == b"\\u") || bytes.contains(&b'E');
        let ours = scan(&[&bytes]);
        if theirs.is_ok() || !odd {
            let large = theirs.as_ref().is_err_and(|e| e.to_string().contains("out of range"));
            assert_eq!(ours.is_ok(), theirs.is_ok() || large, "{}", bytes.escape_ascii());
        }
    }
}
