//! A run against an earlier one on the same machine. What decides is what a server does: answers a
//! second, CPU time a request, errors. Latencies are shown, and do not decide: on a busy machine
//! they change by themselves.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::units;
use crate::plan::Refusal;

/// A fall of more than a fifth.
const FALL_MAX: f64 = 0.2;
/// More errors than before, by this part of the requests.
const ERRORS_GROWTH_MAX: f64 = 0.001;

#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    rows: Vec<Row>,
    warnings: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    name: &'static str,
    before: String,
    now: String,
    /// How the new figure stands against the old one: above 1 is better.
    ratio: f64,
    fell: bool,
}

/// # Errors
/// That it is not a report of ours.
pub fn read(path: &Path) -> Result<Value, Refusal> {
    let refuse = |why: String| Refusal(format!("{}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    if value.get("loadtest").is_none() || number(&value, "/answers_per_second").is_none() {
        return Err(refuse("it is no report of loadtest run --json".to_owned()));
    }
    Ok(value)
}

pub fn compare(old: &Value, new: &Value) -> Comparison {
    let mut rows = Vec::new();
    let open = text(new, "/loop") == "open";
    let decides = [
        ("answers/s", "/answers_per_second", true, false),
        ("load CPU/request", "/load/cpu_ns_per_request", false, true),
        ("server CPU/request", "/server/cpu_ns_per_request", false, true),
        ("p50", "/latency_ns/p50", false, true),
        ("p99", "/latency_ns/p99", false, true),
    ];
    for (name, path, more_is_better, time) in decides {
        let (Some(before), Some(now)) = (number(old, path), number(new, path)) else { continue };
        let (better, worse) = if more_is_better { (now, before) } else { (before, now) };
        let ratio = if worse > 0.0 { better / worse } else { 1.0 };
        let decides = more_is_better || name.starts_with("server");
        let unit = |value: f64| {
            if time { units::nanos(value as u64) } else { units::rate(value) }
        };
        let fell = decides && ratio < 1.0 - FALL_MAX;
        rows.push(Row { name, before: unit(before), now: unit(now), ratio, fell });
    }
    let errors = |value| number(value, "/error_ratio").unwrap_or(0.0);
    let (before, now) = (errors(old), errors(new));
    rows.push(Row {
        name: "errors",
        before: units::percent(before),
        now: units::percent(now),
        ratio: 1.0,
        fell: now > before + ERRORS_GROWTH_MAX,
    });
    let same = ["/target", "/protocol", "/loop", "/connections", "/lanes_per_connection"];
    let differs = |path: &&str| old.pointer(path) != new.pointer(path);
    let mut warnings: Vec<String> = same
        .iter()
        .filter(|path| differs(path))
        .map(|path| format!("not the same {}: the runs cannot be compared", &path[1..]))
        .collect();
    if open && number(old, "/planned_per_second") != number(new, "/planned_per_second") {
        warnings.push("not the same rate: the runs cannot be compared".to_owned());
    }
    Comparison { rows, warnings }
}

impl Comparison {
    /// Whether anything that decides fell.
    pub fn fell(&self) -> bool {
        self.rows.iter().any(|row| row.fell)
    }

    pub fn text(&self, colours: bool) -> String {
        let mut out = String::from("  against the earlier run\n");
        for warning in &self.warnings {
            out.push_str(&format!("    {warning}\n"));
        }
        for row in &self.rows {
            let (word, colour) = match row.ratio {
                _ if row.fell => ("  FELL", "31"),
                ratio if ratio < 1.0 - FALL_MAX => ("  worse", "33"),
                ratio if ratio > 1.0 + FALL_MAX => ("  better", "32"),
                _ => ("", "0"),
            };
            let change =
                if row.name == "errors" { String::new() } else { format!("x {:.2}", row.ratio) };
            let line =
                format!("{:>20} {:>12} -> {:>12}  {change}{word}", row.name, row.before, row.now);
            if colours {
                out.push_str(&format!("\x1b[{colour}m{line}\x1b[0m\n"));
            } else {
                out.push_str(&format!("{line}\n"));
            }
        }
        out
    }
}

fn number(value: &Value, path: &str) -> Option<f64> {
    value.pointer(path)?.as_f64()
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
