//! Lines of `pass`: what is measured, against what, and how it went.

use std::fmt;

use super::conduct::Findings;
use super::measure;
use crate::args::scalar;
use crate::plan::Refusal;

/// What can stand in `pass`, with its unit and what it means.
pub(super) const MEASURES: [(&str, Unit, &str); 22] = [
    ("requests", Unit::Count, "that ended, rightly or not"),
    ("answers", Unit::Count, "that were right"),
    ("errors", Unit::Count, "of every kind"),
    ("error_ratio", Unit::Part, "errors, of all"),
    ("rate", Unit::Count, "right answers a second"),
    ("p50", Unit::Time, "latency; in an open loop from the intended time"),
    ("p90", Unit::Time, "the same"),
    ("p99", Unit::Time, "the same"),
    ("p999", Unit::Time, "the same"),
    ("max", Unit::Time, "the same"),
    ("last_p99", Unit::Time, "of the worst second in the last quarter: whether it recovers"),
    ("first_p99", Unit::Time, "of streams: from the request to the first event"),
    ("gap_p99", Unit::Time, "of streams: from event to event"),
    ("tokens", Unit::Count, "events of streams"),
    ("rss_growth", Unit::Part, "of resident memory, from the second quarter to the end"),
    ("rss_max", Unit::Size, "of resident memory"),
    ("fd_growth", Unit::Count, "of open files, from the second quarter to the end"),
    ("fds_max", Unit::Count, "of open files"),
    ("cpu_per_request", Unit::Time, "CPU time of the gateway for a right answer"),
    ("connection_memory", Unit::Size, "memory above that of the start, for each connection"),
    ("exit_code", Unit::Count, "of the gateway"),
    ("drain", Unit::Time, "from SIGTERM to the exit"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Count,
    Part,
    Time,
    Size,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Measured {
    Known(&'static str),
    /// Of the gateway's own counting, summed over labels.
    Metric(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    text: String,
    /// Of this load alone.
    load: Option<String>,
    measured: Measured,
    comparison: Comparison,
    bound: f64,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
    Equal,
}

/// One line, with what was measured.
pub(super) struct Verdict<'a> {
    line: &'a Line,
    value: Option<f64>,
}

impl Line {
    /// `name` may begin with that of a load; `bound` with `<`, `<=`, `>`, `>=`.
    pub(super) fn parse(name: &str, bound: &str, loads: &[&str]) -> Result<Self, Refusal> {
        let (load, measure) = match name.split_once('.') {
            Some((load, measure)) if loads.contains(&load) => (Some(load.to_owned()), measure),
            Some((load, _)) => return Err(Refusal(format!("pass: no load is named {load:?}"))),
            None => (None, name),
        };
        let known = MEASURES.iter().find(|(known, ..)| *known == measure);
        let (measured, unit) = match (measure.strip_prefix("metric "), known) {
            (Some(metric), _) => (Measured::Metric(metric.trim().to_owned()), Unit::Count),
            (None, Some((known, unit, _))) => (Measured::Known(known), *unit),
            (None, None) => {
                let all = MEASURES.map(|(known, ..)| known).join(", ");
                return Err(Refusal(format!("pass: {measure:?} is none of {all}, metric NAME")));
            }
        };
        if load.is_some() && !measure::is_of_a_load(&measured) {
            return Err(Refusal(format!("pass: {name:?} is of the gateway, and of no load")));
        }
        let (comparison, number) = comparison(bound);
        let bound_value =
            unit.parse(number).map_err(|Refusal(why)| Refusal(format!("pass: {name}: {why}")))?;
        let text = format!("{name} {} {}", comparison.sign(), number.trim());
        Ok(Self { text, load, measured, comparison, bound: bound_value, unit })
    }

    pub(super) fn measured(&self) -> &Measured {
        &self.measured
    }

    pub(super) fn judge(&self, findings: &Findings) -> Verdict<'_> {
        let value = measure::value(&self.measured, self.load.as_deref(), findings);
        Verdict { line: self, value }
    }
}

impl Verdict<'_> {
    /// What could not be measured has not passed.
    pub(super) fn passed(&self) -> bool {
        let bound = self.line.bound;
        self.value.is_some_and(|value| match self.line.comparison {
            Comparison::Less => value < bound,
            Comparison::LessOrEqual => value <= bound,
            Comparison::More => value > bound,
            Comparison::MoreOrEqual => value >= bound,
            Comparison::Equal => value == bound,
        })
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.passed() { "ok  " } else { "FAIL" };
        let value = self
            .value
            .map_or_else(|| "not measured".to_owned(), |value| self.line.unit.show(value));
        write!(f, "{mark} {}: {value}", self.line.text)
    }
}

impl Unit {
    fn parse(self, text: &str) -> Result<f64, Refusal> {
        let text = text.trim();
        match self {
            Self::Count => scalar::count(text),
            Self::Time => scalar::duration(text).map(|time| time.as_secs_f64()),
            Self::Size => scalar::size(text).map(|bytes| bytes as f64),
            Self::Part => {
                let (number, unit) = text.strip_suffix('%').map_or((text, 1.0), |n| (n, 0.01));
                let wrong = |_| Refusal(format!("{text:?} is no part: write 5% or 0.05"));
                number.trim().parse().map(|number: f64| number * unit).map_err(wrong)
            }
        }
    }

    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Count if value.fract() == 0.0 => format!("{value}"),
            Self::Count => format!("{value:.1}"),
            Self::Part => format!("{:.2}%", value * 100.0),
            Self::Size if value >= 1048576.0 => format!("{:.1}MiB", value / 1048576.0),
            Self::Size => format!("{:.1}KiB", value / 1024.0),
            Self::Time if value >= 1.0 => format!("{value:.2}s"),
            Self::Time if value >= 1e-3 => format!("{:.2}ms", value * 1e3),
            Self::Time => format!("{:.1}us", value * 1e6),
        }
    }
}

impl Comparison {
    const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::More => ">",
            Self::MoreOrEqual => ">=",
            Self::Equal => "=",
        }
    }
}

/// The comparison that a bound begins with, and the rest. None is equality.
fn comparison(bound: &str) -> (Comparison, &str) {
    let bound = bound.trim();
    let signs = [
        Comparison::LessOrEqual,
        Comparison::MoreOrEqual,
        Comparison::Less,
        Comparison::More,
        Comparison::Equal,
    ];
    let begins = |sign: &Comparison| bound.strip_prefix(sign.sign()).map(|rest| (*sign, rest));
    signs.iter().find_map(begins).unwrap_or((Comparison::Equal, bound))
}

#[cfg(test)]
mod tests;
