//! The libraries that people use, from PyPI: they read the same of a gateway as of a provider.
//! `.ci/run` installs them into `target/tools/models`; elsewhere they may be missing.

use std::path::Path;

use super::*;
use crate::harness::tool::tool;

drivers! {
    libraries_read_the_same_of_both,
    libraries_understand_the_gateways_own_errors,
}

/// What the script prints, or `None` where there is no library to run it with.
fn script(arguments: &[&str]) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/tools/models/bin/python");
    let mut command = tool(python.to_str().expect("a path of text"))?;
    command.arg(root.join("tests/clients/models.py")).args(arguments);
    let output = command.output().expect("the script runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    Some(String::from_utf8(output.stdout).expect("JSON is text"))
}

/// A gateway that knows the models of the script.
fn block(at: SocketAddr) -> Value {
    let model = |name: &str, provider: &str| json!({ "name": name, "provider": provider, "params": { "hostOverride": at.to_string() } });
    let models = [
        model("gpt-6", "openAI"),
        model("gpt-6@*", "openAI"),
        model("e", "openAI"),
        model("claude-5", "anthropic"),
        model("m@*", "anthropic"),
    ];
    json!({ "port": 0, "address": "127.0.0.1", "models": models })
}

fn gateway_of(cell: Cell, at: SocketAddr) -> (Proxy, String) {
    let proxy = cell.start(&config().block("llm", block(at)));
    let address = *proxy.addresses().last().expect("the bind of the block");
    (proxy, format!("http://{address}"))
}

fn libraries_read_the_same_of_both(cell: Cell) {
    let (_origin, at) = provider();
    let (proxy, gateway) = gateway_of(cell, at);
    let Some(own) = script(&[&format!("http://{at}")]) else { return };
    let through = script(&[&gateway]).expect("it ran before");
    for (own, through) in own.lines().zip(through.lines()) {
        assert_eq!(through, own);
    }
    assert_eq!(through.lines().count(), own.lines().count());
    assert!(own.lines().count() >= 14, "{own}");
    // Five of OpenAI's with ten tokens each, the embeddings have none; two of Anthropic's.
    let asked = [("gen_ai_token_type", "output"), ("gen_ai_response_model", "gpt-6")];
    proxy.await_metric(USAGE, &asked, 50.0);
    let asked = [("gen_ai_token_type", "output"), ("gen_ai_response_model", "claude-5")];
    proxy.await_metric(USAGE, &asked, 20.0);
}

fn libraries_understand_the_gateways_own_errors(cell: Cell) {
    let (_origin, at) = provider();
    let (_proxy, gateway) = gateway_of(cell, at);
    let Some(said) = script(&["wrongly", &gateway]) else { return };
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [openai, openai_models, anthropic, anthropic_models] = &lines[..] else {
        panic!("{said}");
    };
    for error in [openai, anthropic] {
        assert_eq!((&error[1][0], &error[1][1]), (&json!("NotFoundError"), &json!(404)), "{said}");
    }
    for models in [openai_models, anthropic_models] {
        assert_eq!(models[1].as_array().map(Vec::len), Some(3), "{said}");
    }
}
