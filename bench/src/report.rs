//! What came out: per row and subject the median of its rounds, its ratio to the base of the row
//! taken round by round, and how far the rounds lie apart; as JSON with every sample, and as
//! Markdown to read. Owns no state.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs};

use serde::Serialize;

use self::statistics::{Spread, median};
use crate::plan::{Effort, Outcome, Row, Sample};
use crate::rival::{Refusal, Site, Subject};

mod markdown;
pub(crate) mod statistics;

#[derive(Serialize)]
pub(crate) struct Report {
    machine: Machine,
    rounds: usize,
    window_seconds: f64,
    rows: Vec<RowReport>,
}

#[derive(Serialize)]
struct Machine {
    unix_seconds: u64,
    kernel: String,
    processor: String,
    subjects: Vec<String>,
}

#[derive(Serialize)]
struct RowReport {
    word: &'static str,
    title: &'static str,
    unit: String,
    base: Option<&'static str>,
    lines: Vec<Line>,
    verdicts: Vec<Verdict>,
}

#[derive(Serialize)]
struct Line {
    subject: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    figure: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<Spread>,
    samples: Vec<Sample>,
}

/// How Ringway stands against a bar of the issue.
#[derive(Serialize)]
struct Verdict {
    against: String,
    bar: f64,
    /// None when one of the two has no figure.
    measured: Option<f64>,
}

impl Report {
    pub(crate) fn new(site: &Site<'_>, effort: &Effort, subjects: &[Subject]) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let version = |subject: &Subject| Some((subject.name(), subject.version(site)?));
        let named = |(name, version)| format!("{name}: {version}");
        let machine = Machine {
            unix_seconds: now.as_secs(),
            kernel: line_of("/proc/sys/kernel/osrelease", ""),
            processor: line_of("/proc/cpuinfo", "model name"),
            subjects: subjects.iter().filter_map(version).map(named).collect(),
        };
        let window_seconds = effort.window.as_secs_f64();
        Self { machine, rounds: effort.rounds, window_seconds, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: &Row, outcomes: Vec<Outcome>) {
        let base = base_of(row, &outcomes);
        let base_values = base.map(Outcome::values).unwrap_or_default();
        let base = base.map(|outcome| outcome.subject.name());
        let verdicts = verdicts(row, &outcomes, &base_values);
        let line = |outcome: Outcome| {
            let values = outcome.values();
            Line {
                subject: outcome.subject.name(),
                figure: Spread::of(&values),
                ratio: Spread::of(&ratios(&values, &base_values)),
                refusal: outcome.refusal.map(|refusal| refusal.to_string()),
                samples: outcome.samples,
            }
        };
        let lines = outcomes.into_iter().map(line).collect();
        let (word, title, unit) = (row.word, row.title, row.unit.to_string());
        self.rows.push(RowReport { word, title, unit, base, lines, verdicts });
    }

    pub(crate) fn markdown(&self) -> String {
        markdown::render(self)
    }

    /// Writes `<stem>.json` and `<stem>.md`, each whole or not at all; names them.
    pub(crate) fn save(&self, stem: &Path) -> io::Result<Vec<PathBuf>> {
        if let Some(folder) = stem.parent() {
            fs::create_dir_all(folder)?;
        }
        let json = serde_json::to_string_pretty(self)? + "\n";
        let mut written = Vec::new();
        for (extension, text) in [("json", json), ("md", self.markdown())] {
            let path = stem.with_extension(extension);
            let unfinished = stem.with_extension("tmp");
            fs::write(&unfinished, text)?;
            fs::rename(&unfinished, &path)?;
            written.push(path);
        }
        Ok(written)
    }
}

impl Outcome {
    /// The figures, round by round; none when a round failed: half a row would flatter.
    fn values(&self) -> Vec<f64> {
        match self.refusal {
            Some(_) => Vec::new(),
            None => self.samples.iter().map(|sample| sample.value).collect(),
        }
    }

    pub(crate) fn failed(&self) -> bool {
        matches!(self.refusal, Some(Refusal::Failed(_) | Refusal::Void(_)))
    }
}

/// Of the settings of the base, the better one: a rival is met at its best.
fn base_of<'a>(row: &Row, outcomes: &'a [Outcome]) -> Option<&'a Outcome> {
    let bases = outcomes.iter().filter(|outcome| row.base.contains(&outcome.subject));
    let measured = bases.filter_map(|outcome| Some((median(&outcome.values())?, outcome)));
    measured.min_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, outcome)| outcome)
}

fn verdicts(row: &Row, outcomes: &[Outcome], base_values: &[f64]) -> Vec<Verdict> {
    let of = |subject| outcomes.iter().find(|outcome| outcome.subject == subject);
    let values = of(row.candidate).map(Outcome::values).unwrap_or_default();
    let floor_values = of(Subject::Relay).map(Outcome::values).unwrap_or_default();
    let base_name = row.base[0].name();
    let bars = [
        (row.bar, format!("of {base_name}"), median(&ratios(&values, base_values))),
        (row.floor_bar, "of the floor".to_owned(), median(&ratios(&values, &floor_values))),
        (row.absolute_bar, row.unit.to_string(), median(&values)),
    ];
    let verdict = |(bar, against, measured): (Option<f64>, String, Option<f64>)| {
        Some(Verdict { against, bar: bar?, measured })
    };
    bars.into_iter().filter_map(verdict).collect()
}

/// Round by round, so that a drift of the machine cancels out.
fn ratios(values: &[f64], base: &[f64]) -> Vec<f64> {
    values.iter().zip(base).filter(|(_, base)| **base > 0.0).map(|(v, base)| v / base).collect()
}

/// The rest of the first line of a file that starts with `start`.
fn line_of(path: &str, start: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_default();
    line.trim_start_matches([' ', '\t', ':']).to_owned()
}

/// Where results are kept when nobody says otherwise.
pub(crate) fn results_folder() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| "bench".into(), PathBuf::from);
    package.join("results")
}

#[cfg(test)]
mod tests;
