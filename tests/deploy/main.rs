//! What is shipped beside the executable: units, manifests, scripts, the package. Judged by the
//! programs that will read them, and by how they fit each other.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // a test waits for what it started

mod kubernetes;
mod package;
mod queues;
mod units;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, process};

use serde_json::Value;

fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(deployed(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A program that nobody here wrote; in CI a missing one is a failure.
fn tool(name: &str) -> Option<Command> {
    let quiet = |command: &mut Command| {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    let found = quiet(Command::new(name).arg("--version"));
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1");
    assert!(found || !ci, "{name} is missing");
    if !found {
        eprintln!("skipped: {name} is missing");
    }
    found.then(|| Command::new(name))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// A folder of a test's own, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ringway-deploy-{}-{count}", process::id()));
        fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    fn put(&self, path: &str, text: &str) -> PathBuf {
        let path = self.0.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("it is below the folder")).expect("a folder");
        fs::write(&path, text).expect("a file for the test");
        path
    }

    fn read(&self, path: &str) -> String {
        let text = fs::read_to_string(self.0.join(path.trim_start_matches('/')));
        text.unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
