//! Cases of Responses and Converse, one file a case, in `cases/responses` and `cases/converse`: what
//! somebody says, and what it is in both dialects. `RINGWAY_BLESS=1` writes the latter anew: look at
//! the difference before it is kept.

#![expect(clippy::disallowed_methods, reason = "a test may wait for the disk")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{
    Broken, Caller, Event, Generation, Host, Line, Prompt, Provider, Refused, converse, responses,
};
use crate::llm::translate;
use crate::proto::aws_event_stream::{Decoder, Kind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Responses,
    Converse,
}

const BOTH: [(&str, Dialect); 2] =
    [("responses", Dialect::Responses), ("converse", Dialect::Converse)];

#[path = "../../../fuzz/responses_converse_checks.rs"]
mod checks;

fn caller() -> Caller {
    Caller {
        model: "asked".into(),
        wants_usage: true,
        input_tokens: 11,
        now: 1_700_000_000,
        seed: 7,
        renamed: Vec::new(),
    }
}

impl Dialect {
    fn model(self) -> &'static str {
        match self {
            Self::Responses => "gpt-6",
            Self::Converse => "us.anthropic.claude-sonnet-4-20250514-v1:0",
        }
    }

    fn read_prompt(self, body: &[u8], line: Line<'_>) -> Result<Prompt, Refused> {
        match self {
            Self::Responses => responses::prompt::read(body, line),
            Self::Converse => converse::prompt::read(body, line),
        }
    }

    fn write_prompt(self, prompt: &Prompt, caller: &mut Caller) -> Result<Value, Refused> {
        let provider = Provider { model: self.model(), host: Host::Own, output_tokens: 4096 };
        let mut out = b"before".to_vec();
        match self {
            Self::Responses => responses::prompt::write(prompt, &provider, caller, &mut out)?,
            Self::Converse => converse::prompt::write(prompt, &provider, caller, &mut out)?,
        }
        Ok(serde_json::from_slice(out.strip_prefix(b"before").unwrap()).unwrap())
    }

    fn read_answer(self, body: &[u8]) -> Result<Generation, Broken> {
        match self {
            Self::Responses => responses::generation::read(body),
            Self::Converse => converse::generation::read(body),
        }
    }

    fn write_answer(self, generation: &Generation) -> Value {
        let mut out = Vec::new();
        match self {
            Self::Responses => responses::generation::write(generation, &caller(), &mut out),
            Self::Converse => converse::generation::write(generation, &caller(), &mut out),
        }
        serde_json::from_slice(&out).unwrap()
    }

    /// What events become on the wire of the other, as it is told: events of one, frames of the
    /// other.
    fn stream(self, events: &[(String, String)], to: Self) -> Result<Vec<u8>, Broken> {
        let (mut out, mut order) = (Vec::new(), Order::default());
        let mut responses_writer = responses::stream::Writer::default();
        let mut converse_writer = converse::stream::Writer::default();
        let caller = caller();
        let mut sink = |event: &Event<'_>| {
            order.check(event);
            match to {
                Self::Responses => responses_writer.write(event, &caller, &mut out),
                Self::Converse => converse_writer.write(event, &caller, &mut out),
            }
        };
        let mut responses_reader = responses::stream::Reader::default();
        let mut converse_reader = converse::stream::Reader::default();
        for (name, data) in events {
            let (name, data) = (name.as_bytes(), data.as_bytes());
            match self {
                Self::Responses => responses_reader.read(name, data, &mut sink)?,
                Self::Converse => converse_reader.read(name, data, &mut sink)?,
            }
        }
        responses_reader.end(&mut sink);
        converse_reader.end(&mut sink);
        Ok(out)
    }

    /// The events of a stream on the wire: names and data.
    fn events(self, wire: &[u8]) -> Vec<(String, String)> {
        let mut events = Vec::new();
        if self == Self::Converse {
            let (mut decoder, mut rest) = (Decoder::default(), wire);
            while let Some(frame) = decoder.next(&mut rest).unwrap() {
                assert!(frame.kind == Kind::Event || frame.name.ends_with(b"Exception"));
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                events.push((text(frame.name), text(frame.data)));
            }
            assert!(decoder.is_between());
            return events;
        }
        let text = str::from_utf8(wire).unwrap();
        for (number, event) in text.split_terminator("\n\n").enumerate() {
            let (name, data) = event.split_once('\n').unwrap();
            let name = name.strip_prefix("event: ").unwrap();
            let data = data.strip_prefix("data: ").unwrap();
            let value: Value = serde_json::from_str(data).unwrap();
            assert_eq!(value["type"], name);
            assert_eq!(value["sequence_number"], number);
            events.push((name.to_owned(), data.to_owned()));
        }
        assert!(text.is_empty() || text.ends_with("\n\n"));
        events
    }
}

/// The order that `event` promises.
#[derive(Default)]
struct Order {
    started: bool,
    open: bool,
    ended: bool,
}

impl Order {
    fn check(&mut self, event: &Event<'_>) {
        assert!(!self.ended, "{event:?} behind the end");
        match event {
            Event::Start { .. } => assert!(!std::mem::replace(&mut self.started, true)),
            Event::Fault(_) => self.ended = true,
            _ => assert!(self.started, "{event:?} before the start"),
        }
        match event {
            Event::Open(_) => assert!(!std::mem::replace(&mut self.open, true), "{event:?}"),
            Event::Delta(_) | Event::Signature(_) | Event::Logprobs(_) => {
                assert!(self.open, "{event:?}");
            }
            Event::Close => assert!(std::mem::take(&mut self.open)),
            Event::Finish { .. } => assert!(!self.open),
            Event::End => {
                assert!(!self.open);
                self.ended = true;
            }
            _ => (),
        }
    }
}

fn cases(kind: &str) -> Vec<(PathBuf, Dialect, Value)> {
    let mut found = Vec::new();
    for (name, dialect) in BOTH {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/llm/translate/cases").join(name);
        for entry in fs::read_dir(root).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with(kind) {
                let case = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                found.push((path, dialect, case));
            }
        }
    }
    assert!(found.len() > 3, "there are cases");
    found
}

/// Compares, or writes it anew.
fn compare(path: &Path, case: &Value, told: Map<String, Value>) {
    let told = Value::Object(told);
    if std::env::var_os("RINGWAY_BLESS").is_some() {
        let mut case = case.clone();
        case["told"] = told;
        fs::write(path, serde_json::to_string_pretty(&case).unwrap() + "\n").unwrap();
        return;
    }
    let differs = |name: &&(&str, Dialect)| told[name.0] != case["told"][name.0];
    if let Some((name, _)) = BOTH.iter().find(differs) {
        let now = serde_json::to_string_pretty(&told[*name]).unwrap();
        panic!("{}: {name} is told\n{now}", path.display());
    }
}

#[test]
fn prompts() {
    for (path, from, case) in cases("prompt") {
        let body = serde_json::to_vec(&case["body"]).unwrap();
        let streams = case["streams"].as_bool().unwrap_or(false);
        let line = Line { model: "asked", streams };
        let mut told = Map::new();
        for (name, to) in BOTH {
            let mut caller = caller();
            let prompt = from.read_prompt(&body, line);
            let written = prompt.and_then(|prompt| to.write_prompt(&prompt, &mut caller));
            let value = match &written {
                Ok(value) => value.clone(),
                Err(Refused(why)) => json!({ "refused": why }),
            };
            told.insert(name.to_owned(), value);
            let Ok(written) = written else { continue };
            // What was written is read as what it was: it is written the same again.
            let line = Line { model: to.model(), streams };
            let again = to.read_prompt(&serde_json::to_vec(&written).unwrap(), line).unwrap();
            assert_eq!(to.write_prompt(&again, &mut caller), Ok(written), "{}", path.display());
        }
        compare(&path, &case, told);
    }
}

#[test]
fn answers() {
    for (path, from, case) in cases("answer") {
        let body = serde_json::to_vec(&case["body"]).unwrap();
        let mut told = Map::new();
        for (name, to) in BOTH {
            let value = match from.read_answer(&body) {
                Ok(generation) => {
                    let written = to.write_answer(&generation);
                    let again = to.read_answer(&serde_json::to_vec(&written).unwrap()).unwrap();
                    assert_eq!(to.write_answer(&again), written, "{}", path.display());
                    let input = generation.usage.input;
                    assert_eq!(again.usage.input, input.or(again.usage.input));
                    assert_eq!(
                        again.usage.cache_read.unwrap_or(0),
                        generation.usage.cache_read.unwrap_or(0)
                    );
                    written
                }
                Err(Broken) => json!("broken"),
            };
            told.insert(name.to_owned(), value);
        }
        compare(&path, &case, told);
    }
}

#[test]
fn streams() {
    for (path, from, case) in cases("stream") {
        let pair = |event: &Value| (event[0].as_str().unwrap().to_owned(), event[1].to_string());
        let events: Vec<_> = case["events"].as_array().unwrap().iter().map(pair).collect();
        let mut told = Map::new();
        for (name, to) in BOTH {
            let wire = from.stream(&events, to);
            let value = match &wire {
                Ok(wire) => to
                    .events(wire)
                    .into_iter()
                    .map(|(name, data)| told_event(to, &name, &data))
                    .collect(),
                Err(Broken) => json!("broken"),
            };
            told.insert(name.to_owned(), value);
            let Ok(wire) = wire else { continue };
            // What was written says the same when it is read.
            let again = to.stream(&to.events(&wire), to).unwrap();
            let lossless = |wire: &[u8]| String::from_utf8_lossy(wire).into_owned();
            assert_eq!(lossless(&again), lossless(&wire), "{} as {name}", path.display());
        }
        compare(&path, &case, told);
    }
}

fn told_event(dialect: Dialect, name: &str, data: &str) -> Value {
    let data: Value = serde_json::from_str(data).unwrap();
    match dialect {
        Dialect::Responses => data,
        Dialect::Converse => json!([name, data]),
    }
}

#[test]
fn faults() {
    for (path, from, case) in cases("fault") {
        let body = match &case["body"] {
            Value::String(text) => text.clone().into_bytes(),
            body => serde_json::to_vec(body).unwrap(),
        };
        let (status, kind) = (case["status"].as_u64().unwrap() as u16, case["kind"].as_str());
        let fault = match from {
            Dialect::Responses => responses::fault::read(status, kind, &body),
            Dialect::Converse => converse::fault::read(status, kind, &body),
        };
        let mut told = Map::new();
        for (name, to) in BOTH {
            let mut out = Vec::new();
            match to {
                Dialect::Responses => responses::fault::write(&fault, &mut out),
                Dialect::Converse => converse::fault::write(&fault, &mut out),
            }
            let value: Value = serde_json::from_slice(&out).unwrap();
            told.insert(
                name.to_owned(),
                json!({ "status": fault.trouble.status(), "body": value }),
            );
        }
        compare(&path, &case, told);
    }
}

#[test]
fn bodies_that_are_none_are_told_as_such() {
    let deep = "[".repeat(200);
    let bodies =
        ["", "null", "[]", "{", "\"x\"", &deep, "{\"model\":1}", "{\"messages\":{}}", "\u{0}"];
    for body in bodies.map(str::as_bytes).into_iter().chain([&b"{\"model\":\"\xFF\"}"[..]]) {
        for (name, dialect) in BOTH {
            let line = Line { model: "asked", streams: false };
            let Err(Refused(why)) = dialect.read_prompt(body, line) else {
                panic!("{name} takes {}", body.escape_ascii())
            };
            assert!(!why.is_empty());
            assert_eq!(dialect.read_answer(body), Err(Broken), "{}", body.escape_ascii());
        }
    }
}

/// Every value of a body of every case, one after the other, is replaced by one of each type: no
/// panic, and what is refused is told with its place.
#[test]
fn wrong_types_are_refused_by_name() {
    for (path, from, case) in cases("prompt") {
        let body = &case["body"];
        each_wrong(body, |body| {
            let body = serde_json::to_vec(body).unwrap();
            let line = Line { model: "asked", streams: false };
            match from.read_prompt(&body, line) {
                Err(Refused(why)) => assert!(why.len() > 8, "{}: {why}", path.display()),
                Ok(prompt) => {
                    let _ = BOTH.map(|(_, to)| to.write_prompt(&prompt, &mut caller()));
                }
            }
        });
    }
    for (_, from, case) in cases("answer") {
        each_wrong(&case["body"], |body| {
            if let Ok(generation) = from.read_answer(&serde_json::to_vec(body).unwrap()) {
                let _ = BOTH.map(|(_, to)| to.write_answer(&generation));
            }
        });
    }
}

fn each_wrong(value: &Value, mut run: impl FnMut(&Value)) {
    for place in 0..places(value) {
        for wrong in [json!(null), json!(-1.5), json!("x"), json!([[{}]]), json!({})] {
            let mut changed = value.clone();
            replace(&mut changed, &mut (place as isize), &wrong);
            run(&changed);
        }
    }
}

#[test]
fn streams_of_wrong_types_and_orders_never_panic() {
    let (mut taken, mut broken) = (0, 0);
    for (_, from, case) in cases("stream") {
        let events = case["events"].as_array().unwrap();
        let pair = |event: &Value| (event[0].as_str().unwrap().to_owned(), event[1].to_string());
        let whole: Vec<_> = events.iter().map(pair).collect();
        let mut run = |events: &[(String, String)]| {
            for (_, to) in BOTH {
                match from.stream(events, to) {
                    Ok(_) => taken += 1,
                    Err(Broken) => broken += 1,
                }
            }
        };
        for at in 0..events.len() {
            let mut changed = whole.clone();
            changed.remove(at);
            run(&changed);
            changed.insert(0, whole[at].clone());
            run(&changed);
            changed.clone_from(&whole);
            each_wrong(&events[at][1], |data| {
                changed[at].1 = data.to_string();
                run(&changed);
            });
        }
    }
    assert!(taken > 1000 && broken > 1000, "{taken} taken, {broken} broken");
}

/// The corpus of the fuzz target, and seeded changes to it.
#[test]
fn bytes_of_any_kind_are_read_without_a_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/responses_converse");
    let random = crate::base::random::Random::seeded(5);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort_unstable();
    assert!(paths.len() > 3, "the corpus has seeds");
    for path in paths {
        let seed = fs::read(path).unwrap();
        checks::responses_converse(&seed);
        for _ in 0..300 {
            let mut bytes = seed.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] = random.below(256) as u8;
            }
            checks::responses_converse(&bytes);
        }
    }
}

/// How many values there are.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(places).sum(),
        Value::Object(map) => map.values().map(places).sum::<usize>(),
        _ => 0,
    }
}

/// Puts another value in place of the one that comes so many after this one.
fn replace(value: &mut Value, place: &mut isize, other: &Value) {
    if *place == 0 {
        value.clone_from(other);
    }
    *place -= 1;
    if *place < 0 {
        return;
    }
    match value {
        Value::Array(list) => list.iter_mut().for_each(|value| replace(value, place, other)),
        Value::Object(map) => map.values_mut().for_each(|value| replace(value, place, other)),
        _ => (),
    }
}
