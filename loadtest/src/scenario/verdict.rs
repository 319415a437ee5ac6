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
    (
        "rss_growth",
        Unit::Part,
        "of resident memory, least of the second quarter to least of the end",
    ),
    ("rss_max", Unit::Size, "of resident memory"),
    ("fd_growth", Unit::Count, "of open files, least of the second quarter to least of the end"),
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
    bound: Bound,
    unit: Unit,
}

#[derive(Clone, Debug, PartialEq)]
enum Bound {
    Fixed(f64),
    /// So much of another measure of the same run: of this load, or of all.
    PartOf(f64, Option<String>, Measured),
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
    /// What it had to keep.
    bound: Option<f64>,
}

impl Line {
    /// `name` may begin with that of a load; `bound` with `<`, `<=`, `>`, `>=`, and may be a part
    /// of another measure: `20% of other.p99`.
    pub(super) fn parse(name: &str, bound: &str, loads: &[&str]) -> Result<Self, Refusal> {
        let (load, measured, unit) = measure_named(name, loads)?;
        let (comparison, number) = comparison(bound);
        let of = |Refusal(why)| Refusal(format!("pass: {name}: {why}"));
        let bound = match number.split_once(" of ") {
            None => Bound::Fixed(unit.parse(number).map_err(of)?),
            Some((part, other)) => {
                let (load, measured, its_unit) = measure_named(other.trim(), loads)?;
                if its_unit != unit {
                    return Err(of(Refusal(format!("{other:?} is of another kind"))));
                }
                Bound::PartOf(Unit::Part.parse(part).map_err(of)?, load, measured)
            }
        };
        let text = format!("{name} {} {}", comparison.sign(), number.trim());
        Ok(Self { text, load, measured, comparison, bound, unit })
    }

    /// What has to be looked at in the gateway's metrics.
    pub(super) fn metrics(&self) -> impl Iterator<Item = &str> {
        let other = match &self.bound {
            Bound::PartOf(_, _, other) => Some(other),
            Bound::Fixed(_) => None,
        };
        std::iter::once(&self.measured).chain(other).filter_map(|measured| match measured {
            Measured::Metric(name) => Some(name.as_str()),
            Measured::Known(_) => None,
        })
    }

    pub(super) fn judge(&self, findings: &Findings) -> Verdict<'_> {
        self.judge_by(|load, measured| measure::value(measured, load, findings))
    }

    fn judge_by(&self, measure: impl Fn(Option<&str>, &Measured) -> Option<f64>) -> Verdict<'_> {
        let value = measure(self.load.as_deref(), &self.measured);
        let bound = match &self.bound {
            Bound::Fixed(bound) => Some(*bound),
            Bound::PartOf(part, load, measured) => {
                measure(load.as_deref(), measured).map(|whole| part * whole)
            }
        };
        Verdict { line: self, value, bound }
    }
}

impl Verdict<'_> {
    /// What could not be measured has not passed.
    pub(super) fn passed(&self) -> bool {
        let (Some(value), Some(bound)) = (self.value, self.bound) else { return false };
        match self.line.comparison {
            Comparison::Less => value < bound,
            Comparison::LessOrEqual => value <= bound,
            Comparison::More => value > bound,
            Comparison::MoreOrEqual => value >= bound,
            Comparison::Equal => value == bound,
        }
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.passed() { "ok  " } else { "FAIL" };
        let show = |value: Option<f64>| match value {
            Some(value) => self.line.unit.show(value),
            None => "not measured".to_owned(),
        };
        write!(f, "{mark} {}: {}", self.line.text, show(self.value))?;
        match self.line.bound {
            Bound::Fixed(_) => Ok(()),
            Bound::PartOf(..) => write!(f, ", against {}", show(self.bound)),
        }
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

/// A measure, and the load it is of.
fn measure_named(name: &str, loads: &[&str]) -> Result<(Option<String>, Measured, Unit), Refusal> {
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
    Ok((load, measured, unit))
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
