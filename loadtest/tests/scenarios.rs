//! `loadtest scenario` against the real gateway: what passes, what fails, and what cannot be run,
//! each with its exit code and the line that says so.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod wire;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The gateway as `cargo build` or `cargo test` left it; built if there is none.
fn ringway() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let own = PathBuf::from(env!("CARGO_BIN_EXE_loadtest"));
        let beside = own.with_file_name("ringway");
        if !beside.is_file() {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["build", "-p", "ringway", "--bin", "ringway"]);
            if beside.components().any(|part| part.as_os_str() == "release") {
                cargo.arg("--release");
            }
            assert!(cargo.status().expect("cargo runs").success(), "the gateway is built");
        }
        beside
    })
}

/// A scenario with one origin and one load for a second; `with` stands at its end.
fn scenario(load: &str, with: &str) -> String {
    format!(
        r#"
about: a test
duration: 1s
origins: {{web: http --size 100}}
gateway:
  config: &config |
    config:
      ringway: {{accessLog: {{to: "off"}}}}
    binds:
    - port: {{{{port}}}}
      address: 127.0.0.1
      listeners:
      - routes:
        - backends:
          - host: "{{{{web}}}}"
  others: {{again: *config, broken: "binds: [{{{{"}}
loads:
- name: main
  run: http://{{{{gateway}}}}/ {load} --grace 20s --timeout 20s --connect-timeout 20s
{with}"#
    )
    .replace("\"binds: [{{\"", "\"binds: nonsense\"")
}

fn run(name: &str, text: &str, flags: &[&str]) -> (Option<i32>, String) {
    let file =
        std::env::temp_dir().join(format!("loadtest-test-{}-{name}.yaml", std::process::id()));
    fs::write(&file, text).expect("a file can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.arg("scenario").arg(&file).arg("--ringway").arg(ringway()).args(flags);
    let output = command.output().expect("it runs");
    let _ = fs::remove_file(file);
    (output.status.code(), said(&output))
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn one_that_holds_passes() {
    let text = scenario(
        "-c 100 --rate 100 -d {{duration}} --expect-bytes 100",
        r#"pass:
  errors: 0
  main.answers: ">= 90"
  p99: < 5s
  rss_max: < 1GiB
  fds_max: "> 4"
  cpu_per_request: < 1s
  drain: < 20s
  exit_code: 0
"#,
    );
    let (code, said) = run("holds", &text, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("PASSED") && !said.contains("FAIL"), "{said}");
}

#[test]
fn one_that_does_not_hold_fails() {
    let text = scenario("-c 50 --rate 50 -d 1s", "pass: {answers: \"> 1M\", errors: 0}\n");
    let (code, said) = run("fails", &text, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("FAIL answers > 1M") && said.contains("ok   errors = 0"), "{said}");

    let wrong = scenario("-c 50 --rate 50 -d 1s --expect-bytes 99", "pass: {errors: 0}\n");
    let (code, said) = run("wrong", &wrong, &[]);
    assert_eq!(code, Some(1), "a fast wrong answer is an error: {said}");
    assert!(said.contains("body of a wrong length"), "{said}");
}

#[test]
fn a_gateway_that_dies_fails_whatever_is_asked() {
    let text = scenario(
        "-c 50 --rate 50 -d 1s",
        "events: [{at: 300ms, do: signal KILL}]\npass: {exit_code: 0}\n",
    );
    let (code, said) = run("dies", &text, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("FAIL exit_code = 0: not measured"), "{said}");
}

#[test]
fn a_drain_that_an_event_began_is_not_begun_again() {
    let text = scenario(
        "-c 4 --rate 100 -d 2s --expect-status any",
        "events: [{at: 500ms, do: signal TERM}]\n\
         pass: {answers: \"> 0\", exit_code: 0, drain: < 20s}\n",
    );
    let (code, said) = run("drain", &text, &[]);
    // A second SIGTERM would have ended it with 143.
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn configurations_change_under_load() {
    let text = scenario(
        "-c 300 --rate 100 -d 3s",
        "events: [{at: 200ms, do: write again}, {at: 700ms, do: write broken}, \
         {at: 1200ms, do: write config}]\n\
         pass: {errors: 0, metric ringway_config_version: \">= 1\", \
         metric nothing_of_the_kind: 0}\n",
    );
    let (code, said) = run("reload", &text, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("ok   errors = 0"), "a broken one changes nothing: {said}");
    assert!(said.contains("ok   metric ringway_config_version"), "{said}");
    assert!(said.contains("FAIL metric nothing_of_the_kind = 0: not measured"), "{said}");
}

#[test]
fn a_restart_leaves_a_gap_and_then_serves() {
    let text = scenario(
        "-c 4 --rate 200 -d 3s",
        "events: [{at: 500ms, do: restart}]\npass: {answers: \"> 100\", exit_code: 0}\n",
    );
    let (code, said) = run("restart", &text, &[]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn an_upgrade_leaves_no_gap() {
    let text = scenario(
        "-c 4 --rate 100 -d 3s",
        "needs: [upgrade]\nevents: [{at: 300ms, do: upgrade, every: 1s, times: 2}]\n\
         pass: {errors: 0, answers: \"> 200\", exit_code: 0}\n",
    );
    let (code, said) = run("upgrade", &text, &[]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn what_the_gateway_lacks_is_said_and_not_faked() {
    let text = scenario("-d 1s", "needs: [levitate]\npass: {errors: 0}\n");
    let (code, said) = run("lacks", &text, &[]);
    assert_eq!(code, Some(77), "{said}");
    assert!(said.contains("NOT RUN: it needs `ringway levitate`"), "{said}");
}

#[test]
fn what_cannot_be_run_is_told_in_one_line() {
    let (code, said) = run("no-pass", &scenario("-d 1s", "pass: {}\n"), &[]);
    assert!(code == Some(2) && said.contains("without a line"), "{said}");
    let broken = scenario("-d 1s", "pass: {errors: 0}\n").replace("    binds:", "    bindz:");
    let (code, said) = run("broken", &broken, &[]);
    assert!(code == Some(2) && said.contains("bindz"), "the gateway's own words: {said}");
    let remote = scenario("-d 1s", "pass: {errors: 0}\n").replace("{{gateway}}", "203.0.113.1:80");
    let (code, said) = run("remote", &remote, &[]);
    assert!(code == Some(2) && said.contains("--allow-remote"), "{said}");
    let nowhere = ["scenario", "/nonexistent.yaml"];
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest")).args(nowhere).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn one_that_is_broken_off_leaves_nothing_behind() {
    let text = scenario("-c 2 --rate 50 -d 60s", "pass: {errors: 0}\n");
    let file = std::env::temp_dir().join(format!("loadtest-test-{}-off.yaml", std::process::id()));
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.arg("scenario").arg(&file).arg("--ringway").arg(ringway());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let gateway = || fs::read_to_string(&children).unwrap_or_default().trim().to_owned();
    wire::until("the gateway runs", || !gateway().is_empty());
    let pid = gateway();
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    let _ = fs::remove_file(file);
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the gateway is gone");
}

#[test]
fn every_scenario_of_ours_makes_sense() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    for name in [
        "steady",
        "ramp",
        "spike",
        "soak",
        "churn",
        "slow_clients",
        "idle_crowd",
        "large_bodies",
        "llm_stream",
        "drain_under_load",
        "reload_under_load",
        "restart_under_load",
    ] {
        assert!(
            files.iter().any(|file| file.file_stem().is_some_and(|stem| stem == name)),
            "{name}"
        );
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    let output = command.arg("scenario").arg("--check").args(&files).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}
