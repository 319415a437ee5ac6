//! Completions and Messages, told to each other. Cases are files below `cases/chat`: what one side
//! says, and what the other is told. `BLESS=1` writes what comes out: look at it before it stays.

#![expect(clippy::disallowed_methods, reason = "a test may wait for the disk")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::translate;
use super::{
    Broken, Caller, Event, Generation, Host, Line, Prompt, Provider, Refused, completions, messages,
};

#[path = "../../../fuzz/chat_checks.rs"]
mod chat_checks;
mod fault_tests;
mod garbage_tests;
mod round_tests;
mod stream_tests;

/// Files of a folder, in order.
fn files(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/llm/translate/cases/chat");
    let entries = fs::read_dir(folder.join(kind)).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

fn cases(kind: &str) -> Vec<(PathBuf, Value)> {
    let case = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let case = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        (path, case)
    };
    files(kind).into_iter().map(case).collect()
}

fn is_blessed() -> bool {
    std::env::var_os("BLESS").is_some()
}

fn assert_case(path: &Path, case: &Value, came: &[(&str, Value)]) {
    if is_blessed() {
        let mut case = case.clone();
        for (name, value) in came {
            case[*name] = value.clone();
        }
        fs::write(path, serde_json::to_string_pretty(&case).unwrap() + "\n").unwrap();
        return;
    }
    for (name, value) in came {
        // As text: the order of fields is the grammar's, too.
        let (came, golden) = (format!("{value:#}"), format!("{:#}", case[*name]));
        assert_eq!(came, golden, "{path:?}: {name}");
    }
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_default()
}

fn provider(case: &Value) -> Provider<'_> {
    let host = match text(case, "host") {
        "" => Host::Own,
        "vertex" => Host::Vertex,
        "bedrock" => Host::Bedrock,
        "compatible" => Host::Compatible,
        other => panic!("{other}"),
    };
    Provider { model: text(case, "model"), host, output_tokens: 4096 }
}

fn caller() -> Caller {
    Caller {
        model: "asked-for".to_owned(),
        wants_usage: true,
        input_tokens: 12,
        now: 1_790_000_000,
        seed: 0xfeed,
        renamed: vec![("told".to_owned(), "own.name".to_owned())],
    }
}

fn read_prompt(dialect: &str, body: &[u8]) -> Result<Prompt, Refused> {
    let line = Line { model: "of-the-path", streams: false };
    match dialect {
        "completions" => completions::prompt::read(body, line),
        "messages" => messages::prompt::read(body, line),
        other => panic!("{other}"),
    }
}

fn write_prompt(
    dialect: &str,
    prompt: &Prompt,
    provider: &Provider<'_>,
    caller: &mut Caller,
) -> Result<Value, Refused> {
    let mut out = Vec::new();
    match dialect {
        "completions" => completions::prompt::write(prompt, provider, caller, &mut out),
        "messages" => messages::prompt::write(prompt, provider, caller, &mut out),
        other => panic!("{other}"),
    }?;
    Ok(serde_json::from_slice(&out).expect("it is JSON"))
}

fn read_generation(dialect: &str, body: &[u8]) -> Result<Generation, Broken> {
    match dialect {
        "completions" => completions::generation::read(body),
        "messages" => messages::generation::read(body),
        other => panic!("{other}"),
    }
}

fn write_generation(dialect: &str, generation: &Generation, caller: &Caller) -> Value {
    let mut out = Vec::new();
    match dialect {
        "completions" => completions::generation::write(generation, caller, &mut out),
        "messages" => messages::generation::write(generation, caller, &mut out),
        other => panic!("{other}"),
    }
    serde_json::from_slice(&out).expect("it is JSON")
}

/// The events of a stream, one by one: this test's own framing.
fn events(stream: &str) -> impl Iterator<Item = (String, String)> {
    stream.split("\n\n").filter(|event| !event.trim().is_empty()).map(|event| {
        let of = |field: &str| {
            let lines = event.lines().filter_map(|line| line.strip_prefix(field));
            lines.map(str::trim_start).collect::<Vec<_>>().join("\n")
        };
        (of("event:"), of("data:"))
    })
}

/// Reads a stream. What comes is checked for its order.
fn read_stream(
    dialect: &str,
    stream: &str,
    sink: &mut impl FnMut(&Event<'_>),
) -> Result<(), Broken> {
    let mut order = chat_checks::Order::default();
    let mut sink = |event: &Event<'_>| {
        order.see(event);
        sink(event);
    };
    match dialect {
        "completions" => {
            let mut reader = completions::stream::Reader::default();
            for (name, data) in events(stream) {
                reader.read(name.as_bytes(), data.as_bytes(), &mut sink)?;
            }
            reader.end(&mut sink);
        }
        "messages" => {
            let mut reader = messages::stream::Reader::default();
            for (name, data) in events(stream) {
                reader.read(name.as_bytes(), data.as_bytes(), &mut sink)?;
            }
            reader.end(&mut sink);
        }
        other => panic!("{other}"),
    }
    Ok(())
}

enum Writer {
    Completions(completions::stream::Writer),
    Messages(messages::stream::Writer),
}

impl Writer {
    fn of(dialect: &str) -> Self {
        match dialect {
            "completions" => Self::Completions(Default::default()),
            "messages" => Self::Messages(Default::default()),
            other => panic!("{other}"),
        }
    }

    fn write(&mut self, event: &Event<'_>, caller: &Caller, out: &mut Vec<u8>) {
        match self {
            Self::Completions(writer) => writer.write(event, caller, out),
            Self::Messages(writer) => writer.write(event, caller, out),
        }
    }
}

fn translate_stream(from: &str, to: &str, stream: &str, caller: &Caller) -> String {
    let (mut writer, mut out) = (Writer::of(to), Vec::new());
    let read = read_stream(from, stream, &mut |event| writer.write(event, caller, &mut out));
    read.expect("it is a stream");
    String::from_utf8(out).unwrap()
}

#[test]
fn requests() {
    for (path, case) in cases("requests") {
        let mut caller = Caller::default();
        let written = read_prompt(text(&case, "from"), case["in"].to_string().as_bytes()).and_then(
            |prompt| write_prompt(text(&case, "to"), &prompt, &provider(&case), &mut caller),
        );
        let renamed = json!(caller.renamed);
        match written {
            Ok(out) if caller.renamed.is_empty() => assert_case(&path, &case, &[("out", out)]),
            Ok(out) => assert_case(&path, &case, &[("out", out), ("renamed", renamed)]),
            Err(Refused(why)) => assert_case(&path, &case, &[("refused", why.into())]),
        }
    }
}

#[test]
fn answers() {
    for (path, case) in cases("answers") {
        let generation = read_generation(text(&case, "from"), case["in"].to_string().as_bytes());
        let generation = generation.unwrap_or_else(|_| panic!("{path:?}"));
        let out = write_generation(text(&case, "to"), &generation, &caller());
        assert_case(&path, &case, &[("out", out)]);
    }
}

/// `from to`, what comes, and what goes out, with lines between them.
#[test]
fn streams() {
    for path in files("streams") {
        let case = fs::read_to_string(&path).unwrap();
        let (head, rest) = case.split_once("\n--- in\n").unwrap();
        let (stream, golden) = rest.split_once("--- out\n").unwrap_or((rest, ""));
        let mut words = head.split(' ');
        let (from, to) = (words.next().unwrap(), words.next().unwrap());
        let caller = Caller { wants_usage: words.next() != Some("without-usage"), ..caller() };
        let out = translate_stream(from, to, stream, &caller);
        if is_blessed() {
            fs::write(&path, format!("{head}\n--- in\n{stream}--- out\n{out}")).unwrap();
        } else {
            assert_eq!(out, golden, "{path:?}");
        }
    }
}
