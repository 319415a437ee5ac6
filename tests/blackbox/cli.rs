//! The command line: what it accepts, what it says, and the code it ends with.

use std::process::Output;

use crate::harness::proxy::{Proxy, executable};
use crate::harness::scratch::Scratch;
use crate::harness::*;

fn run(arguments: &[&str]) -> Output {
    executable().args(arguments).output().expect("the executable runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn version_and_help() {
    let version = run(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(said(&version).trim(), format!("ringway {}", env!("CARGO_PKG_VERSION")));
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for flag in ["--to", "--listen", "--file", "--config", "--validate-only", "--workers"] {
        assert!(said(&help).contains(flag), "{flag}");
    }
    for word in ["SIGTERM", "SIGHUP", "Exit codes", "Examples"] {
        assert!(said(&help).contains(word), "{word}");
    }
}

#[test]
fn a_wrong_command_line() {
    for arguments in [
        &["--nonsense"][..],
        &["--workers", "0"],
        &["--workers", "many"],
        &["--listen", "127.0.0.1:0"],
        &["--to", "http://127.0.0.1:1"],
        &["--to", "127.0.0.1:1", "-f", "x.yaml"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let scratch = Scratch::new();
    let file = scratch.replace(
        "bad.yaml",
        "config:\n  conectionTerminationDeadline: 5s\n  xdsAddress: http://a\n\
         binds:\n- port: 99999\n  listeners:\n  - protocl: HTTP\n    routes:\n\
         \x20   - matches:\n      - path: {pathPrefix: nope}\n      - path: {regex: '['}\n\
         \x20     backends:\n      - host: 127.0.0.1\n",
    );
    let name = file.display().to_string();
    let output = run(&["-f", &name, "--validate-only"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let problems = [
        ("2", "config.conectionTerminationDeadline", "connectionTerminationDeadline"),
        ("3", "config.xdsAddress", "not supported"),
        ("5", "binds[0].port", "65535"),
        ("7", "binds[0].listeners[0].protocl", "protocol"),
        ("10", "binds[0].listeners[0].routes[0].matches[0].path.pathPrefix", "/"),
        ("11", "binds[0].listeners[0].routes[0].matches[1].path.regex", ""),
        ("13", "binds[0].listeners[0].routes[0].backends[0].host", "port"),
    ];
    for (line, path, hint) in problems {
        let start = text.find(&format!("{name}:{line}:")).unwrap_or_else(|| {
            panic!("line {line} is not told of: {text}");
        });
        let block: String = text[start..].lines().take(2).collect();
        assert!(block.contains(path) && block.contains(hint), "{path}, {hint}: {block}");
    }
    // Started for good, it says the same.
    let output = run(&["-f", &name]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("binds[0].port"));
}

#[test]
fn a_valid_file_and_an_absent_one() {
    let scratch = Scratch::new();
    let file =
        scratch.replace("good.yaml", &config().route_with("/", serde_json::json!({})).text());
    let output = run(&["-f", &file.display().to_string(), "--validate-only"]);
    assert_eq!((output.status.code(), said(&output).contains("valid")), (Some(0), true));
    let output = run(&["-f", "/nowhere/at-all.yaml", "--validate-only"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("/nowhere/at-all.yaml"), "{}", said(&output));
    let output = run(&["-c", "binds: [", "--validate-only"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
}

#[test]
fn a_taken_port_is_one_clear_line() {
    let fixed = serde_json::json!({ "policies": { "directResponse": { "status": 200 } } });
    let first = Proxy::with(&config().route_with("/", fixed)).start();
    let address = first.address();
    let text = config().text().replace("\"port\": 0", &format!("\"port\": {}", address.port()));
    let output = run(&["-c", &text]);
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    let lines: Vec<_> = said.lines().filter(|line| line.contains("in use")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(lines[0].contains(&address.to_string()), "{}", lines[0]);
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(first.client().get("/").status, 200, "the first one goes on, alone");
    let admin = config().process(serde_json::json!({ "adminAddr": first.admin().to_string() }));
    let output = run(&["-c", &admin.text()]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn one_line_is_a_proxy() {
    let origin = Origin::http1().route("/", "hello").start();
    let mut command = executable();
    command.args(["--to", origin.host(), "--listen", "127.0.0.1:0", "--announce"]);
    for name in ["ADMIN_ADDR", "STATS_ADDR", "READINESS_ADDR"] {
        command.env(name, "127.0.0.1:0");
    }
    let proxy = Proxy::start(command, Scratch::new());
    assert_eq!(proxy.client().get("/").body(), "hello");
    assert!(proxy.config_dump().to_string().contains(origin.host()));
}

#[test]
fn the_origin_inside() {
    let mut command = executable();
    let text =
        config().route_with("/", serde_json::json!({ "backends": [{ "builtin": "origin" }] }));
    command.args(["-c", &text.text(), "--announce", "--workers", "1"]);
    let proxy = Proxy::start(command, Scratch::new());
    let response = proxy.client().post("/hello?x=1", b"some body");
    let seen: serde_json::Value = serde_json::from_str(&response.body()).expect("JSON");
    let seen = seen.to_string();
    for part in ["POST", "/hello?x=1", "some body", "127.0.0.1"] {
        assert!(seen.contains(part), "no {part} in {seen}");
    }
}

/// Whatever this machine is like, it is judged, in both forms alike.
#[test]
fn the_doctor_looks_at_this_machine() {
    let told = run(&["doctor", "--json"]);
    let findings: serde_json::Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let findings = findings.as_array().expect("a list");
    let failed = findings.iter().any(|finding| finding["verdict"] == "fail");
    assert_eq!(told.status.code(), Some(i32::from(failed)), "{findings:#?}");
    let text = said(&run(&["doctor"]));
    for check in ["kernel", "io_uring", "open files"] {
        assert!(findings.iter().any(|finding| finding["check"] == check), "{check}");
        assert!(text.contains(check), "{text}");
    }
}

#[test]
fn a_manual_page_and_completions() {
    let page = said(&run(&["man"]));
    assert!(page.contains(".TH ringway 1") && page.contains("validate"), "{page}");
    for (shell, word) in [("bash", "complete -F"), ("zsh", "#compdef"), ("fish", "complete -c")] {
        let text = said(&run(&["completions", shell]));
        assert!(text.contains(word) && text.contains("doctor"), "{shell}: {text}");
    }
    let script = run(&["completions", "bash"]);
    let judged = tool::run(std::process::Command::new("bash").arg("-n"), &script.stdout);
    assert!(judged.status.success(), "{}", said(&judged));
    assert_eq!(run(&["completions", "nonsense"]).status.code(), Some(2));
    assert_eq!(run(&["doctor", "-f", "x.yaml"]).status.code(), Some(2));
}
