//! The libraries that people use, from PyPI and npm, before providers of each kind: what they read
//! through the gateway is what they read of the stand-in itself. Where the provider speaks as they
//! do it is the same to the last field; where it does not it means the same: what is said, called,
//! billed, and which error is raised. `.ci/run` installs them into `target/tools`; elsewhere they
//! may be missing.
//!
//! One process of each library asks everybody. What it prints is told in tests/clients/told.py.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::harness::tool::tool;

cells! {
    (
        openai_asks_for_completions
        openai_asks_for_responses
        anthropic_asks
        langchain_asks
        google_genai_asks
        boto3_asks
    )
    uring_1
}

cells! {
    (
        anthropic_of_2023_asks
        openai_of_npm_asks
        anthropic_of_npm_asks
    )
    epoll_1
}

/// A library, and how it is run.
struct Library {
    script: &'static str,
    /// Found before the other libraries of Python.
    first: Option<&'static str>,
    /// What a provider's own model is called, that speaks as it does.
    model: &'static str,
    /// Providers that do, for what it tells exactly.
    native: &'static [&'static str],
}

/// A provider: the place in front of it, what it is, and its model.
const PROVIDERS: [(&str, &str, &str); 11] = [
    ("openAI", "openAI", "gpt-6"),
    ("azure", "azure", "gpt-6"),
    ("foundry", "azure", "claude-5"),
    ("anthropic", "anthropic", "claude-5"),
    ("gemini", "gemini", "gemini-4"),
    ("vertex", "vertex", "gemini-4"),
    ("vertex-claude", "vertex", "claude-5"),
    ("bedrock", "bedrock", "nova-3"),
    ("bedrock-claude", "bedrock", "anthropic.claude-5"),
    ("custom", "custom", "gpt-6"),
    ("custom-responses", "custom", "gpt-6"),
];

fn backend(place: &str, kind: &str, at: SocketAddr) -> Value {
    let of = match place {
        "azure" => json!({ "resourceName": "ours", "apiVersion": "2024-10-21" }),
        "foundry" => json!({ "resourceName": "ours", "resourceType": "foundry" }),
        "custom" => json!({ "formats": [{ "type": "completions" }, { "type": "embeddings" }] }),
        "custom-responses" => json!({ "formats": [{ "type": "responses" }] }),
        _ if kind == "vertex" => json!({ "projectId": "ours" }),
        _ if kind == "bedrock" => json!({ "region": "us-east-1" }),
        _ => json!({}),
    };
    let auth = match kind {
        "bedrock" => json!({ "aws": { "accessKeyId": "AKID", "secretAccessKey": "secret" } }),
        _ => json!({ "key": "sk-provider" }),
    };
    json!({
        "ai": { "name": place, "provider": { kind: of }, "hostOverride": at.to_string() },
        "policies": { "backendAuth": auth },
    })
}

/// With a route to each of them. Its list of models is as long as the stand-in's.
fn gateway_of_kinds(cell: Cell, at: SocketAddr) -> Proxy {
    let policies = json!({ "ai": { "modelAliases": { "listed": "gpt-6" } } });
    let config = PROVIDERS.iter().fold(config(), |config, (place, kind, _)| {
        let route = json!({ "backends": [backend(place, kind, at)], "policies": policies });
        config.route_with(&format!("/{place}/"), route)
    });
    Proxy::with(&config).on(cell).variable("HOME", "/nowhere").start()
}

/// Somebody whom a script asks, and how it tells of it.
type Section = (&'static str, String, &'static str);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Lines of each section, or `None` where there is no library to ask with.
fn sections(library: &Library, asked: &[Section]) -> Option<Vec<Vec<(String, Value)>>> {
    let tools = root().join("target/tools");
    let script = root().join("tests/clients").join(library.script);
    let of_node = library.script.ends_with(".mjs");
    let program = if of_node { "node/node_modules/.bin/node" } else { "models/bin/python" };
    let mut command = tool(tools.join(program).to_str().expect("a path of text"))?;
    command.arg(script).env("PYTHONDONTWRITEBYTECODE", "1");
    if of_node {
        command.current_dir(tools.join("node"));
    }
    if let Some(first) = library.first {
        let first = tools.join(first);
        if !first.is_dir() {
            assert!(std::env::var_os("CI").is_none(), "{} is missing", first.display());
            return None;
        }
        command.env("PYTHONPATH", first);
    }
    for (how, base, model) in asked {
        command.args([*how, base, *model]);
    }
    let output = command.output().expect("the script runs");
    let (said, wrong) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {wrong}", library.script);
    let mut sections: Vec<Vec<(String, Value)>> = Vec::new();
    for line in String::from_utf8_lossy(said).lines() {
        let mut line: Vec<Value> = serde_json::from_str(line).expect("a line of JSON");
        let name = line[0].as_str().expect("a name").to_owned();
        match name.as_str() {
            "==" => sections.push(Vec::new()),
            _ => sections.last_mut().expect("a section").push((name, line.remove(1))),
        }
    }
    assert_eq!(sections.len(), asked.len(), "{wrong}");
    Some(sections)
}

/// Asks the stand-in, and it again through the gateway as each kind of provider.
fn compare(cell: Cell, library: &Library) {
    let llm = Llm { models: vec!["listed".to_owned()], ..ten_tokens() };
    let (_origin, at) = provider_with(llm, Pace::default());
    let proxy = gateway_of_kinds(cell, at);
    let direct = format!("http://{at}");
    let mut asked: Vec<Section> = vec![("meaning", direct.clone(), library.model)];
    let of_model = |place: &str| PROVIDERS.iter().find(|(known, ..)| *known == place).unwrap().2;
    for (place, _, model) in PROVIDERS {
        asked.push(("meaning", format!("http://{}/{place}", proxy.address()), model));
    }
    for place in library.native {
        let model = of_model(place);
        asked.push(("exact", direct.clone(), model));
        asked.push(("exact", format!("http://{}/{place}", proxy.address()), model));
    }
    let Some(sections) = sections(library, &asked) else { return };
    let (meanings, exact) = sections.split_at(1 + PROVIDERS.len());
    let (own, through) = meanings.split_first().expect("the stand-in's own");
    assert!(own.len() >= 15, "{own:?}");
    let raised = own.iter().find(|(_, value)| value.get("raised").is_some());
    assert!(raised.is_none(), "{raised:?}");
    let mut differences = Differences::default();
    for ((place, ..), through) in PROVIDERS.iter().zip(through) {
        differences.take(library, place, own, through);
    }
    for (place, pair) in library.native.iter().zip(exact.chunks(2)) {
        differences.take(library, &format!("{place}, to the letter"), &pair[0], &pair[1]);
    }
    println!("{}\n{}", library.script, differences.passed);
    assert!(differences.all.is_empty(), "{}\n{}", library.script, differences.all);
    drop(proxy);
}

#[derive(Default)]
struct Differences {
    /// A line for each provider.
    passed: String,
    all: String,
}

impl Differences {
    fn take(
        &mut self,
        library: &Library,
        place: &str,
        own: &[(String, Value)],
        through: &[(String, Value)],
    ) {
        let through: BTreeMap<&str, &Value> =
            through.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let (mut same, mut by_rule) = (0, 0);
        for (name, value) in own {
            let said = through.get(name.as_str()).copied().unwrap_or(&Value::Null);
            if said == value {
                same += 1;
            } else if lost(library, place, name).is_some() {
                by_rule += 1;
            } else {
                let _ = writeln!(self.all, "{place}: {name}\n  own     {value}\n  through {said}");
            }
        }
        let all = own.len();
        let _ = writeln!(self.passed, "  {place}: {same} of {all}, {by_rule} lost by rule");
    }
}

/// What a translation cannot tell, and why; the rules are in the tables of `llm::translate`.
fn lost(library: &Library, place: &str, question: &str) -> Option<&'static str> {
    let what = question.strip_prefix("stream of ").unwrap_or(question);
    let what = what.strip_prefix("helper of ").unwrap_or(what);
    Some(match (place, what) {
        ("bedrock", "thinking") => "who is not known to think is not asked to",
        ("custom-responses", "stops") => "Responses has no stop sequences: refused",
        ("vertex-claude", "format") => "Claude has no schemas on Vertex: asked for in the system",
        ("vertex, to the letter", "embeddings") => "Vertex has none as OpenAI asks for them",
        ("openAI" | "azure" | "bedrock" | "bedrock-claude" | "custom" | "custom-responses", _)
            if what == "error amid" && library.script == "gemini.py" =>
        {
            "an event of OpenAI's, and of Bedrock's, names no status that Google could have"
        }
        _ => return None,
    })
}

fn openai_asks_for_completions(cell: Cell) {
    let native = &["openAI", "azure", "gemini", "vertex", "custom"];
    compare(cell, &Library { script: "completions.py", first: None, model: "gpt-6", native });
}

fn openai_asks_for_responses(cell: Cell) {
    let native = &["openAI", "azure", "custom-responses"];
    compare(cell, &Library { script: "responses.py", first: None, model: "gpt-6", native });
}

fn anthropic_asks(cell: Cell) {
    let native = &["anthropic", "foundry", "vertex-claude"];
    compare(cell, &Library { script: "messages.py", first: None, model: "claude-5", native });
}

fn anthropic_of_2023_asks(cell: Cell) {
    let native = &["anthropic", "foundry", "vertex-claude"];
    let first = Some("anthropic-1");
    compare(cell, &Library { script: "messages.py", first, model: "claude-5", native });
}

fn langchain_asks(cell: Cell) {
    let native = &["openAI"];
    compare(cell, &Library { script: "chains.py", first: None, model: "gpt-6", native });
}

fn google_genai_asks(cell: Cell) {
    let native = &["gemini", "vertex"];
    compare(cell, &Library { script: "gemini.py", first: None, model: "gemini-4", native });
}

fn boto3_asks(cell: Cell) {
    let native = &["bedrock", "bedrock-claude"];
    compare(cell, &Library { script: "bedrock.py", first: None, model: "nova-3", native });
}

fn openai_of_npm_asks(cell: Cell) {
    compare(cell, &Library { script: "completions.mjs", first: None, model: "gpt-6", native: &[] });
}

fn anthropic_of_npm_asks(cell: Cell) {
    compare(cell, &Library { script: "messages.mjs", first: None, model: "claude-5", native: &[] });
}
