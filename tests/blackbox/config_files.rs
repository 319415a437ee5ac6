//! Every file in `config/` is valid, and starts.

use std::path::PathBuf;
use std::time::Duration;

use crate::harness::proxy::{Proxy, executable};
use crate::harness::scratch::Scratch;
use crate::harness::*;

fn files() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config");
    let entries = std::fs::read_dir(folder).expect("the folder of configurations");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(files.len() >= 3, "{files:?}");
    files
}

/// The file with ports of the kernel's choice in the place of its own.
fn portable(text: &str) -> String {
    let line = |line: &str| match line.split_once("port: ") {
        // Further in, a port is part of a host's name.
        Some((before, _)) if before.len() <= 4 && !before.contains('#') => {
            format!("{before}port: 0\n")
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn all_are_valid() {
    for file in files() {
        let output = executable().arg("--validate-only").arg("-f").arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{}: {said}", file.display());
    }
}

#[test]
fn all_start() {
    for file in files() {
        let scratch = Scratch::new();
        let text = portable(&scratch::read(&file));
        let mut command = executable();
        command.arg("-f").arg(scratch.replace("gateway.yaml", &text));
        command.args(["--announce", "--workers", "1"]);
        command.arg("--upgrade-socket").arg(scratch.path("upgrade.sock"));
        for name in ["ADMIN_ADDR", "STATS_ADDR", "READINESS_ADDR"] {
            command.env(name, "127.0.0.1:0");
        }
        let mut proxy = Proxy::start(command, scratch);
        assert_eq!(proxy.ready_status(), 200, "{}", file.display());
        let response = proxy.client().get("/");
        assert!(response.status >= 200, "{}", file.display());
        proxy.drain();
        let code = proxy.wait_for_exit(Duration::from_secs(20)).code();
        assert_eq!(code, Some(0), "{}: {}", file.display(), proxy.stderr());
    }
}
