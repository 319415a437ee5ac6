//! `ringway doctor`: what of this machine stands in the way of the gateway, and the command that
//! mends it. Reads `/proc` and `/sys` below a root of its own, so that tests can show it bad
//! machines; the one thing it tries is to set up a ring. Changes nothing, and needs no configuration.

#![expect(clippy::disallowed_methods, reason = "a command that ends: it may wait for the disk")]

mod cores;
mod kernel;
mod limits;
mod network;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::net::runtime::{self, Driver, DriverChoice};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Pass,
    /// It serves, and less well than it could.
    Warn,
    /// It serves badly, or not at all under load.
    Fail,
}

/// What one look came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: String,
    pub verdict: Verdict,
    pub found: String,
    /// Why it matters, where it does not pass.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub why: &'static str,
    /// What mends it, to be run as root or put where it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    fn pass(check: &str, found: impl Into<String>) -> Self {
        let (check, found) = (check.to_owned(), found.into());
        Self { check, verdict: Verdict::Pass, found, why: "", mend: None }
    }

    fn warn(check: &str, found: impl Into<String>, why: &'static str) -> Self {
        Self { verdict: Verdict::Warn, why, ..Self::pass(check, found) }
    }

    fn fail(check: &str, found: impl Into<String>, why: &'static str) -> Self {
        Self { verdict: Verdict::Fail, why, ..Self::pass(check, found) }
    }

    fn by(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }
}

/// What is looked at.
pub struct Machine {
    root: PathBuf,
    /// What came of setting up a ring.
    ring: Result<Driver, String>,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let ring = runtime::probe(DriverChoice::Uring).map_err(|error| error.to_string());
        Self { root: PathBuf::from("/"), ring }
    }

    /// A file without the white space at its ends; `None` where it cannot be read.
    fn read(&self, path: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.path(path)).ok()?;
        Some(text.trim().to_owned())
    }

    fn number(&self, path: &str) -> Option<u64> {
        self.read(path)?.parse().ok()
    }

    /// Of a folder, in order.
    fn names(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(path)).into_iter().flatten().flatten();
        let mut names: Vec<_> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(Path::new(path.trim_start_matches('/')))
    }
}

/// All of it, in the order in which to mend it.
pub fn examine(machine: &Machine) -> Vec<Finding> {
    let mut findings = kernel::look(machine);
    findings.extend(limits::look(machine));
    findings.extend(network::look(machine));
    findings.extend(cores::look(machine));
    findings
}

/// As people read it: a line each, and below it what to do.
pub fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    for Finding { check, verdict, found, why, mend } in findings {
        let verdict = match verdict {
            Verdict::Pass => "pass",
            Verdict::Warn => "WARN",
            Verdict::Fail => "FAIL",
        };
        let _ = writeln!(text, "{verdict}  {check:width$}  {found}");
        if !why.is_empty() {
            let _ = writeln!(text, "      {:width$}  {why}", "");
        }
        if let Some(mend) = mend {
            let _ = writeln!(text, "      {:width$}  mend: {mend}", "");
        }
    }
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let [pass, warn, fail] = [Verdict::Pass, Verdict::Warn, Verdict::Fail].map(count);
    let _ = writeln!(text, "{pass} pass, {warn} to look at, {fail} to mend");
    text
}

pub fn json(findings: &[Finding]) -> String {
    serde_json::to_string_pretty(findings).unwrap_or_default()
}

pub fn failed(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.verdict == Verdict::Fail)
}

#[cfg(test)]
mod tests;
