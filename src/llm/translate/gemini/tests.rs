//! Cases are files below `cases/gemini`: what is told in Gemini's words, what it is in ours (a file
//! of the same name that ends in `.txt`), and what is written of it again. `BLESS=1` writes what
//! comes out: look at it before it stays.

#![expect(clippy::disallowed_methods, reason = "a test may wait for the disk")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::super::translate;
use super::super::fault::Trouble;
use super::super::prompt::{Call, Choice, Media, MediaKind, Role, Source, Thinking, Tool, Turn};
use super::super::{
    Block, Broken, Caller, Event, Fault, Finish, Generation, Host, Line, Part, Prompt, Provider,
    Refused, Usage,
};
use super::*;

#[path = "../../../../fuzz/gemini_checks.rs"]
mod gemini_checks;

/// Path and content of each case of a kind.
fn cases(kind: &str) -> Vec<(PathBuf, Value)> {
    let folder = Path::new(file!()).parent().unwrap().parent().unwrap().join("cases/gemini");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(kind);
    let paths = fs::read_dir(&folder).expect("the folder is there").map(|e| e.unwrap().path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().unwrap() == "json").collect();
    paths.sort();
    assert!(!paths.is_empty());
    let case = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let case = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        (path, case)
    };
    paths.into_iter().map(case).collect()
}

/// Beside a case stands what it is in our words.
fn assert_neutral(path: &Path, told: &str) {
    let path = path.with_extension("txt");
    let told = format!("{}\n", told.trim_end());
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &told).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(told, golden, "{path:?}");
}

/// What is written of a case, as the case has it under `name`.
fn assert_written(path: &Path, case: &Value, name: &str, written: &Value) {
    if std::env::var_os("BLESS").is_some() {
        let mut case = case.clone();
        case[name] = written.clone();
        fs::write(path, serde_json::to_string_pretty(&case).unwrap() + "\n").unwrap();
        return;
    }
    assert_eq!(*written, case[name], "{path:?}");
}

fn caller() -> Caller {
    Caller { model: "asked".to_owned(), seed: 0xABCD, now: 7, ..Caller::default() }
}

fn written(prompt: &Prompt, model: &str, host: Host) -> Result<(Value, Caller), Refused> {
    let provider = Provider { model, host, output_tokens: 4096 };
    let (mut out, mut caller) = (Vec::new(), caller());
    prompt::write(prompt, &provider, &mut caller, &mut out)?;
    Ok((serde_json::from_slice(&out).expect("a body is JSON"), caller))
}

#[test]
fn requests() {
    for (path, case) in cases("request") {
        let model = case["model"].as_str().unwrap_or("gemini-2.5-flash");
        let line = Line { model, streams: case["streams"] == true };
        let read = prompt::read(case["body"].to_string().as_bytes(), line);
        if let Some(text) = case["refused"].as_str() {
            assert_eq!(read, Err(Refused(text.to_owned().into())), "{path:?}");
            continue;
        }
        let prompt = read.unwrap_or_else(|refused| panic!("{path:?}: {refused:?}"));
        assert_neutral(&path, &format!("{prompt:#?}"));
        for (name, host) in [("written", Host::Own), ("on vertex", Host::Vertex)] {
            let (body, _) = written(&prompt, model, host).expect("it can be said");
            assert_written(&path, &reload(&path), name, &body);
            let again = prompt::read(body.to_string().as_bytes(), line).expect("it is a request");
            let (twice, _) = written(&again, model, host).expect("it can be said");
            assert_eq!(twice, body, "{path:?}: what is written is read as the same");
        }
    }
}

fn reload(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn answers() {
    for (path, case) in cases("answer") {
        let read = generation::read(case["body"].to_string().as_bytes());
        if case["broken"] == true {
            assert_eq!(read, Err(Broken), "{path:?}");
            continue;
        }
        let read = read.unwrap_or_else(|Broken| panic!("{path:?} is broken"));
        assert_neutral(&path, &format!("{read:#?}"));
        let mut out = Vec::new();
        generation::write(&read, &caller(), &mut out);
        assert_written(&path, &case, "written", &serde_json::from_slice(&out).unwrap());
    }
}

/// Events in their order, each as text.
fn events(pieces: &[Value]) -> (Vec<String>, Vec<u8>, Vec<u8>) {
    let (mut told, mut sse, mut array) = (Vec::new(), Vec::new(), Vec::new());
    let (mut reader, mut writer) = (stream::Reader::default(), stream::Writer::default());
    let mut of_array = stream::Writer::of_array();
    let caller = caller();
    let mut sink = |event: &Event<'_>| {
        told.push(format!("{event:?}"));
        writer.write(event, &caller, &mut sse);
        of_array.write(event, &caller, &mut array);
    };
    for piece in pieces {
        let data = piece.as_str().map_or_else(|| piece.to_string(), str::to_owned);
        if reader.read(b"", data.as_bytes(), &mut sink) == Err(Broken) {
            sink(&Event::Fault(Fault {
                trouble: Trouble::Internal,
                message: "broken".to_owned(),
                code: None,
                param: None,
            }));
            return (told, sse, array);
        }
    }
    reader.end(&mut sink);
    (told, sse, array)
}

#[test]
fn streams() {
    for (path, case) in cases("stream") {
        let (told, sse, array) = events(case["events"].as_array().unwrap());
        assert_neutral(&path, &told.join("\n"));
        let sse = String::from_utf8(sse).unwrap();
        let pieces: Vec<Value> = sse
            .split_terminator("\r\n\r\n")
            .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
            .collect();
        assert_written(&path, &case, "written", &Value::Array(pieces.clone()));
        if told.last().is_some_and(|last| last == "End" || last.starts_with("Fault")) {
            let array: Value = serde_json::from_slice(&array).expect("one array");
            assert_eq!(array, Value::Array(pieces));
        }
    }
}

#[test]
fn errors() {
    for (path, case) in cases("error") {
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        let body = case["body"].as_str().map_or_else(|| case["body"].to_string(), str::to_owned);
        let fault = fault::read(status, None, body.as_bytes());
        assert_neutral(&path, &format!("{fault:#?}"));
        let mut out = Vec::new();
        fault::write(&fault, &mut out);
        assert_written(&path, &case, "written", &serde_json::from_slice(&out).unwrap());
    }
}

/// Bytes of cases, spoiled: whatever comes, it is read or refused.
#[test]
fn nothing_panics() {
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |most: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize % most.max(1)
    };
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    for (_, case) in cases("request").into_iter().chain(cases("answer")) {
        bodies.push(case["body"].to_string().into_bytes());
    }
    for (_, case) in cases("stream") {
        let pieces = case["events"].as_array().unwrap();
        bodies.extend(pieces.iter().map(|piece| piece.to_string().into_bytes()));
    }
    for round in 0..6000 {
        let mut body = bodies[round % bodies.len()].clone();
        let other = &bodies[next(bodies.len())];
        match next(4) {
            0 => body.truncate(next(body.len())),
            1 => {
                let at = next(body.len());
                body[at] = b"\"{}[]:,0-nt\\u\xff"[next(14)];
            }
            2 => {
                let (at, from) = (next(body.len()), next(other.len()));
                body.splice(at..at, other[from..].iter().take(40).copied());
            }
            _ => {
                let (at, many) = (next(body.len()), next(9));
                body.splice(at..(at + many).min(body.len()), b"null".iter().copied());
            }
        }
        gemini_checks::gemini(&body);
    }
}

#[test]
fn deep_and_wide_bodies_are_refused() {
    let deep = format!(r#"{{"contents":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    let args = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    let call = format!(r#"{{"contents":[{{"parts":[{{"functionCall":{{"name":"f","args":{args}"#);
    for (body, part) in [(deep, "contents[0]"), (call, "recursion limit")] {
        let refused = prompt::read(body.as_bytes(), Line::default()).unwrap_err();
        assert!(refused.0.contains(part), "{refused:?}");
    }
}

#[test]
fn a_refusal_names_the_field() {
    let read = |body: &str| prompt::read(body.as_bytes(), Line::default()).unwrap_err().0;
    for (body, field) in [
        (r#"{"contents": 4}"#, "contents: "),
        (r#"{"contents": "hello"}"#, "contents: "),
        ("{\n \"contents\": [{\"parts\": [\n{\"text\": 7}]}]}", "contents[0].parts[0].text: "),
        (r#"{"a": ["}", {"b": "\"{"}], "contents": [{}, {"parts": 1}]}"#, "contents[1].parts: "),
        (
            r#"{"contents": [], "generationConfig": {"topP": "x", "seed": 1}}"#,
            "generationConfig.topP: ",
        ),
        (r#"{"generationConfig": {"topK": 1.5}}"#, "generationConfig.topK: "),
        (
            r#"{"generationConfig": {"stopSequences": ["a", 4]}}"#,
            "generationConfig.stopSequences[1]: ",
        ),
        ("[]", "contents: "),
        ("7", "the body: "),
        ("{", "the body is no JSON: "),
        ("", "the body is no JSON: "),
    ] {
        let text = read(body);
        assert!(text.starts_with(field), "{body}: {text}");
    }
}

fn tool(name: &str) -> Tool {
    let schema = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    Tool { name: name.to_owned(), description: None, schema, strict: None, cache: None }
}

fn say(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts }
}

#[test]
fn names_that_google_refuses_are_told_otherwise_and_back() {
    let names = ["7zip", "get weather", "get-weather", &"long".repeat(20), "get.weather"];
    let prompt = Prompt {
        tools: names.iter().map(|name| tool(name)).collect(),
        choice: Some(Choice::Tool("7zip".to_owned())),
        turns: vec![say(Role::User, vec![Part::text("hello")])],
        ..Prompt::default()
    };
    let (body, caller) = written(&prompt, "gemini-2.5-pro", Host::Own).unwrap();
    let told = body["tools"][0]["functionDeclarations"].as_array().unwrap();
    assert_eq!(caller.renamed.len(), 3);
    for (own, told) in names.iter().zip(told) {
        let told = told["name"].as_str().unwrap();
        assert!(told.len() <= 64 && !told.contains(' ') && !told.starts_with('7'), "{told}");
        assert_eq!(caller.tool(told), *own);
    }
    let config = &body["toolConfig"]["functionCallingConfig"];
    assert_eq!(config["allowedFunctionNames"][0], told[0]["name"]);
}

/// Who called it is found, wherever the signature was on the way.
#[test]
fn calls_are_signed_for_those_who_want_it() {
    let call = |id: &str, signature: Option<&str>| {
        Part::Call(Call {
            id: id.to_owned(),
            name: "look".to_owned(),
            input: json!({ "a": 1 }),
            signature: signature.map(str::to_owned),
            cache: None,
        })
    };
    let result = |id: &str| Part::Result {
        id: id.to_owned(),
        name: None,
        parts: vec![Part::text("fine")],
        is_error: false,
        cache: None,
    };
    let prompt = |first: Part, id: &str| Prompt {
        turns: vec![
            say(Role::User, vec![Part::text("hello")]),
            say(Role::Assistant, vec![first, call("second", None)]),
            say(Role::User, vec![result(id), result("second")]),
        ],
        ..Prompt::default()
    };
    let signed = |prompt: &Prompt, model: &str| {
        let (body, _) = written(prompt, model, Host::Own).unwrap();
        let parts = body["contents"][1]["parts"].as_array().unwrap().clone();
        let answered = &body["contents"][2]["parts"][0]["functionResponse"];
        assert_eq!(answered["name"], "look");
        assert_eq!(answered["id"], "first");
        assert_eq!(parts[1].get("thoughtSignature"), None);
        parts[0]["thoughtSignature"].clone()
    };
    let apart = prompt(call("first", Some("AbC=")), "first");
    let inside = prompt(call("first__thought__AbC=", None), "first__thought__AbC=");
    let without = prompt(call("first", None), "first");
    for model in ["gemini-3-pro", "gemini-2.5-flash", "gemini-flash-latest"] {
        assert_eq!(signed(&apart, model), "AbC=");
        assert_eq!(signed(&inside, model), "AbC=");
    }
    assert_eq!(signed(&without, "gemini-3-pro"), "skip_thought_signature_validator");
    assert_eq!(signed(&without, "gemini-2.5-flash"), Value::Null);
    let lost = prompt(call("first", None), "third");
    let refused = written(&lost, "gemini-3-pro", Host::Own).unwrap_err();
    assert!(refused.0.contains("\"third\""), "{refused:?}");
}

#[test]
fn an_instruction_by_itself_is_said_by_the_user() {
    let told = vec![say(Role::System, vec![Part::text("and kind")])];
    let system = vec![Part::text("Be brief")];
    let prompt = Prompt { system, turns: told, ..Prompt::default() };
    let (body, _) = written(&prompt, "gemini-2.5-flash", Host::Own).unwrap();
    let parts = json!([{ "text": "Be brief" }, { "text": "and kind" }]);
    assert_eq!(body, json!({ "contents": [{ "role": "user", "parts": parts }] }));
}

/// Without ids they go by order, whichever tool was done first.
#[test]
fn results_stand_in_the_order_of_their_calls() {
    let call = |id: &str| {
        let (id, name) = (id.to_owned(), "look".to_owned());
        Part::Call(Call { id, name, input: json!({}), ..Call::default() })
    };
    let result = |id: &str| {
        let (id, parts) = (id.to_owned(), vec![Part::text(id)]);
        Part::Result { id, name: None, parts, is_error: false, cache: None }
    };
    let turns = vec![
        say(Role::Assistant, vec![call("a"), call("b"), call("c")]),
        say(Role::User, vec![result("c"), result("a"), result("b"), Part::text("well?")]),
    ];
    let prompt = Prompt { turns, ..Prompt::default() };
    let said = |host| {
        let (body, _) = written(&prompt, "gemini-2.5-flash", host).unwrap();
        let parts = body["contents"][1]["parts"].as_array().unwrap().clone();
        assert_eq!(parts[3]["text"], "well?");
        let of = |part: &Value| part["functionResponse"]["response"]["output"].clone();
        parts[..3].iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(said(Host::Vertex), ["a", "b", "c"]);
    assert_eq!(said(Host::Own), ["c", "a", "b"]);
}

/// What other providers sign comes back to them from a caller of Gemini's as it was.
#[test]
fn secrets_of_others_survive_a_caller() {
    let thinking = |signature: Option<&str>, sealed: Option<&str>| {
        Part::Thinking(Thinking {
            text: String::new(),
            signature: signature.map(str::to_owned),
            sealed: sealed.map(str::to_owned),
        })
    };
    let parts = vec![thinking(Some("Er+/cA=="), None), thinking(None, Some("gAAA-_=="))];
    let generation = Generation { parts: parts.clone(), ..Generation::default() };
    let mut out = Vec::new();
    generation::write(&generation, &caller(), &mut out);
    let answer: Value = serde_json::from_slice(&out).unwrap();
    let said = &answer["candidates"][0]["content"];
    let body = json!({ "contents": [said] }).to_string();
    // google-genai writes bytes in the alphabet of the web.
    let prompt = prompt::read(body.replace('+', "-").as_bytes(), Line::default()).unwrap();
    assert_eq!(prompt.turns, [say(Role::Assistant, parts)]);
}

#[test]
fn what_gemini_cannot_say_is_refused() {
    let of = |turns: Vec<Turn>| Prompt { turns, ..Prompt::default() };
    let media = |source: Source, mime: &str| {
        let mime = mime.to_owned();
        let media = Media { kind: MediaKind::Image, mime, source, name: None, detail: None };
        of(vec![say(Role::User, vec![Part::Media { media, cache: None }])])
    };
    let mut stops = of(vec![say(Role::User, vec![Part::text("hello")])]);
    stops.sampling.stop = vec!["x".to_owned(); 6];
    for (prompt, part) in [
        (of(Vec::new()), "nothing in it"),
        (media(Source::File("file-1".to_owned()), "image/png"), "another provider"),
        (media(Source::Data("AAAA".to_owned()), ""), "media type"),
        (stops, "stop sequences"),
    ] {
        let refused = written(&prompt, "gemini-2.5-flash", Host::Own).unwrap_err();
        assert!(refused.0.contains(part), "{refused:?}");
    }
    let address = Source::Url("https://a.example/b.PNG?c=d.gif#e".to_owned());
    let (body, _) = written(&media(address, ""), "gemini-2.5-flash", Host::Own).unwrap();
    let file = &body["contents"][0]["parts"][0]["fileData"];
    assert_eq!(file["mimeType"], "image/png");
}

#[test]
fn a_stream_that_breaks_off_has_no_end() {
    let piece = json!({ "candidates": [{ "content": { "parts": [{ "text": "a" }] } }] });
    let (told, ..) = events(&[piece]);
    assert_eq!(told.last().map(String::as_str), Some("Delta(\"a\")"));
}

/// A call that came in pieces is told whole; what is no object, as an empty one.
#[test]
fn pieces_of_a_call_are_put_together() {
    let caller = caller();
    let call = |pieces: &[&str]| {
        let (mut writer, mut out) = (stream::Writer::default(), Vec::new());
        let mut write = |event: Event<'_>| writer.write(&event, &caller, &mut out);
        write(Event::Start { id: "", model: "", usage: Usage::default() });
        write(Event::Open(Block::Call { id: "", name: "look" }));
        pieces.iter().for_each(|piece| write(Event::Delta(piece)));
        write(Event::Signature("AbC="));
        write(Event::Close);
        write(Event::Usage(Usage { input: Some(9), output: Some(4), ..Usage::default() }));
        write(Event::Finish { finish: Finish::Calls, stop_sequence: None });
        write(Event::End);
        let text = String::from_utf8(out).unwrap();
        let (first, rest) = text.split_once("\r\n\r\n").unwrap();
        let first: Value = serde_json::from_str(&first[6..]).unwrap();
        let last: Value = serde_json::from_str(&rest.trim_end()[6..]).unwrap();
        assert_eq!(last["usageMetadata"]["totalTokenCount"], 13);
        assert_eq!(first["responseId"], "000000000000abcd");
        assert_eq!(first["modelVersion"], "asked");
        first["candidates"][0]["content"]["parts"][0].clone()
    };
    let whole = json!({
        "functionCall": { "id": "call_000000000000abcd_1", "name": "look", "args": { "a": "\n" } },
        "thoughtSignature": "AbC=",
    });
    assert_eq!(call(&["{\"a\"", "\n:", "\"\\n\"}"]), whole);
    for pieces in [&["[1]"][..], &["{"], &[]] {
        assert_eq!(call(pieces)["functionCall"]["args"], json!({}));
    }
}

#[test]
fn tokens_are_counted_in_both_shapes() {
    let bare = json!({ "contents": [{ "parts": [{ "text": "hello" }] }] });
    let inside = json!({ "generateContentRequest": bare });
    let line = Line { model: "gemini-2.5-flash", streams: false };
    let prompt = count::read_request(bare.to_string().as_bytes(), line).unwrap();
    assert_eq!(count::read_request(inside.to_string().as_bytes(), line), Ok(prompt.clone()));
    let written = |host| {
        let provider = Provider { model: "gemini-2.5-flash", host, output_tokens: 1 };
        let mut out = Vec::new();
        count::write_request(&prompt, &provider, &mut caller(), &mut out).unwrap();
        serde_json::from_slice::<Value>(&out).unwrap()
    };
    let contents = json!([{ "role": "user", "parts": [{ "text": "hello" }] }]);
    let model = "models/gemini-2.5-flash";
    let whole = json!({ "model": model, "contents": contents });
    assert_eq!(written(Host::Own), json!({ "generateContentRequest": whole }));
    assert_eq!(written(Host::Vertex), json!({ "contents": contents }));
    let mut out = Vec::new();
    count::write(31, &mut out);
    assert_eq!(out, br#"{"totalTokens":31}"#);
    assert_eq!(count::read(&out), Ok(31));
    for broken in [&b"{}"[..], b"[]x", br#"{"totalTokens":-1}"#, br#"{"totalTokens":"many"}"#] {
        assert_eq!(count::read(broken), Err(Broken));
    }
}
