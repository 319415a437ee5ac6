//! Three times what an origin can do, through proxies that have something against it and two that
//! have nothing: how much of the peak comes through, and how soon what is let in is answered.
//!
//! The origin is `loadtest`'s: it works on so many requests at a time, each for as long as the
//! other, so that its capacity is known. The load is `loadtest`'s, in an open loop: independent
//! clients do not wait for each other. What is refused is no answer, and not among the latencies.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use loadtest::origin::{Http, Kind, Pace, Setup, Spread};
use loadtest::outcome::Outcome;
use loadtest::plan::Plan;
use loadtest::run::{Hooks, execute};

use crate::report::statistics;
use crate::rival::origin::MEMORY_PATH;
use crate::rival::wiring::Wiring;
use crate::rival::{ORIGIN_SLOTS, Refusal, Site, Subject};
use crate::stop;

/// What one subject showed in one round.
#[derive(Clone, Copy, Debug)]
struct Sample {
    calm_p99: Duration,
    peak_per_second: f64,
    goodput_per_second: f64,
    over_p99: Duration,
}

/// Rounds of all subjects in turn, each started afresh; the table.
pub(crate) fn run(mut site: Site<'_>, rounds: usize, window: Duration) -> Result<String, Refusal> {
    let refuse = |error: std::io::Error| Refusal::Failed(format!("the origin: {error}"));
    let kind = Kind::Http(Http { bytes: 1024, chunked: false, token: None });
    let pace = Pace {
        delay: Spread::exactly(SERVICE),
        slots: Some(ORIGIN_SLOTS as usize),
        ..Pace::default()
    };
    let origin = loadtest::origin::start(Setup { pace, ..Setup::new(kind) }).map_err(refuse)?;
    let SocketAddr::V4(http1) = origin.address() else {
        return Err(Refusal::Failed("the origin is not on IPv4".into()));
    };
    site.origins.http1 = http1;
    let mut outcomes: Vec<(Subject, Result<Vec<Sample>, Refusal>)> =
        Subject::OVERLOADED.iter().map(|subject| (*subject, Ok(Vec::new()))).collect();
    for round in 0..rounds {
        for (subject, outcome) in &mut outcomes {
            let Ok(samples) = outcome else { continue };
            if stop::requested() {
                return Err(Refusal::Void("interrupted".into()));
            }
            match measure(*subject, &site, window) {
                Ok(sample) => {
                    eprintln!("overload round {} {:30} {sample:?}", round + 1, subject.name());
                    samples.push(sample);
                }
                Err(refusal) => *outcome = Err(refusal),
            }
        }
    }
    Ok(table(&outcomes))
}

fn measure(subject: Subject, site: &Site<'_>, window: Duration) -> Result<Sample, Refusal> {
    let running = subject.start_unchecked(site, Wiring::HTTP1)?;
    let load = |per_second: f64, connections, duration| -> Result<Outcome, Refusal> {
        let url = format!("http://{}{MEMORY_PATH}", running.address);
        let refuse = |loadtest::plan::Refusal(why)| Refusal::Failed(why);
        let mut plan = Plan::new(&url).map_err(refuse)?;
        plan.connections = connections;
        plan.duration = duration;
        plan.cores = vec![site.cores.load];
        execute(&plan.at_rate(per_second), &mut Hooks::default()).map_err(refuse)
    };
    let capacity = f64::from(ORIGIN_SLOTS) / SERVICE.as_secs_f64();
    let calm = load(capacity * 0.5, 256, window)?;
    let peak = load(capacity * 0.95, 256, window)?;
    let over = load(capacity * 3.0, 1024, window * 2)?;
    Ok(Sample {
        calm_p99: calm.percentile(99.0),
        peak_per_second: peak.rate(),
        goodput_per_second: over.rate(),
        over_p99: over.percentile(99.0),
    })
}

fn table(outcomes: &[(Subject, Result<Vec<Sample>, Refusal>)]) -> String {
    let mut out = String::from(
        "| subject | p99 at half load | answers/s at 0.95 | answers/s at 3.0 | of its peak | \
         p99 of what is let in | of that at half load |\n|---|---|---|---|---|---|---|\n",
    );
    for (subject, outcome) in outcomes {
        let name = subject.name();
        let row = match outcome {
            Err(refusal) => format!("| {name} | {refusal} | | | | | |"),
            Ok(samples) => {
                let median = |of: fn(&Sample) -> f64| {
                    let values: Vec<f64> = samples.iter().map(of).collect();
                    statistics::median(&values).unwrap_or_default()
                };
                let millis = |of: fn(&Sample) -> f64| median(of) * 1e3;
                format!(
                    "| {name} | {:.1} ms | {:.0} | {:.0} | {:.2} | {:.1} ms | {:.1} |",
                    millis(|sample| sample.calm_p99.as_secs_f64()),
                    median(|sample| sample.peak_per_second),
                    median(|sample| sample.goodput_per_second),
                    median(|sample| sample.goodput_per_second / sample.peak_per_second),
                    millis(|sample| sample.over_p99.as_secs_f64()),
                    median(|s| s.over_p99.as_secs_f64() / s.calm_p99.as_secs_f64()),
                )
            }
        };
        let _ = writeln!(out, "{row}");
    }
    out
}

/// Of one request at the origin.
const SERVICE: Duration = Duration::from_millis(10);
