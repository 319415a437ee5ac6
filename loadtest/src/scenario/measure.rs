//! What is measured of what came of a scenario.

use std::time::Duration;

use super::conduct::Findings;
use super::verdict::{Measured, Unit};
use crate::outcome::{Outcome, Second, ServerUsage, Tally};

/// Whether it can be asked of one load.
pub(super) fn is_of_a_load(measured: &Measured) -> bool {
    match measured {
        Measured::Metric(_) => false,
        Measured::Known(name) => !OF_THE_GATEWAY.contains(name),
    }
}

/// `None`: there was nothing to measure.
pub(super) fn value(measured: &Measured, load: Option<&str>, findings: &Findings) -> Option<f64> {
    match measured {
        Measured::Metric(name) => findings.metrics.get(name).copied(),
        Measured::Known(name) if OF_THE_GATEWAY.contains(name) => of_gateway(name, findings),
        Measured::Known(name) => of_loads(name, load, findings),
    }
}

/// One load in one line.
pub(super) fn line(outcome: &Outcome) -> String {
    if outcome.tally.requests == 0 {
        return format!("{} connections, {} errors", outcome.connections, outcome.errors());
    }
    let time = |percent| Unit::Time.show(outcome.percentile(percent).as_secs_f64());
    let mut line = format!(
        "{} answers, {:.0}/s, {} errors, p50 {}, p99 {}, max {}",
        outcome.tally.answers,
        outcome.rate(),
        outcome.errors(),
        time(50.0),
        time(99.0),
        time(100.0),
    );
    if !outcome.open_loop {
        line.push_str(" (closed loop)");
    }
    for note in &outcome.notes {
        line.push_str(&format!("; {note}"));
    }
    line
}

fn of_loads(name: &str, load: Option<&str>, findings: &Findings) -> Option<f64> {
    let chosen = findings.loads.iter().filter(|found| load.is_none_or(|load| found.name == load));
    let outcomes: Vec<&Outcome> = chosen.map(|found| &found.outcome).collect();
    let mut tally = Tally::default();
    outcomes.iter().for_each(|outcome| tally.merge(&outcome.tally));
    let time = |histogram: &hdrhistogram::Histogram<u64>, percent: f64| {
        let nanos = histogram.value_at_percentile(percent) as f64;
        (!histogram.is_empty()).then_some(nanos / 1e9)
    };
    Some(match name {
        "requests" => tally.requests as f64,
        "answers" => tally.answers as f64,
        "errors" => tally.faults.total() as f64,
        "error_ratio" => {
            let all = tally.answers + tally.faults.total();
            tally.faults.total() as f64 / all.max(1) as f64
        }
        "rate" => outcomes.iter().map(|outcome| outcome.rate()).sum(),
        "tokens" => tally.events.tokens as f64,
        "p50" => return time(&tally.latency, 50.0),
        "p90" => return time(&tally.latency, 90.0),
        "p99" => return time(&tally.latency, 99.0),
        "p999" => return time(&tally.latency, 99.9),
        "max" => return time(&tally.latency, 100.0),
        "first_p99" => return time(&tally.events.first, 99.0),
        "gap_p99" => return time(&tally.events.gap, 99.0),
        "last_p99" => {
            let worst = outcomes.iter().filter_map(|outcome| last_p99(&outcome.timeline)).max()?;
            worst as f64 / 1e9
        }
        _ => return None,
    })
}

/// Of the worst second with answers, in the last quarter.
fn last_p99(timeline: &[Second]) -> Option<u64> {
    let last = &timeline[timeline.len() - timeline.len().div_ceil(4)..];
    last.iter().filter(|second| second.answers > 0).map(|second| second.p99_ns).max()
}

fn of_gateway(name: &str, findings: &Findings) -> Option<f64> {
    let usage = findings.usage.as_ref();
    match name {
        "exit_code" => findings.exit_code.map(f64::from),
        "drain" => findings.drain.map(|drain| drain.as_secs_f64()),
        "rss_growth" => {
            let (settled, last) = settled_and_last(usage?, |s| s.holding.resident_bytes)?;
            Some(last / settled.max(1.0) - 1.0)
        }
        "fd_growth" => {
            let (settled, last) = settled_and_last(usage?, |s| s.holding.descriptors)?;
            Some(last - settled)
        }
        "rss_max" => Some(usage?.peak.resident_bytes as f64),
        "fds_max" => Some(usage?.peak.descriptors as f64),
        "cpu_per_request" => {
            let answers: u64 = findings.loads.iter().map(|load| load.outcome.tally.answers).sum();
            (answers > 0).then_some(usage?.cpu.as_secs_f64() / answers as f64)
        }
        "connection_memory" => {
            let usage = usage?;
            let grown = usage.peak.resident_bytes.saturating_sub(usage.before.resident_bytes);
            (findings.connections > 0).then_some(grown as f64 / findings.connections as f64)
        }
        _ => None,
    }
}

/// The least in the second quarter, when pools and buffers are what they will be, and in the last
/// tenth. What leaks is missing from the least too; what a pool holds for a while after a burst is
/// not there all the time.
fn settled_and_last(
    usage: &ServerUsage,
    of: fn(&crate::outcome::UsageSample) -> u64,
) -> Option<(f64, f64)> {
    let end = usage.timeline.last()?.at;
    let least = |from: Duration, to: Duration| {
        let within = usage.timeline.iter().filter(|sample| sample.at >= from && sample.at <= to);
        within.map(|sample| of(sample) as f64).min_by(f64::total_cmp)
    };
    Some((least(end / 4, end / 2)?, least(end * 9 / 10, end)?))
}

const OF_THE_GATEWAY: [&str; 8] = [
    "rss_growth",
    "rss_max",
    "fd_growth",
    "fds_max",
    "cpu_per_request",
    "connection_memory",
    "exit_code",
    "drain",
];

#[cfg(test)]
mod tests;
