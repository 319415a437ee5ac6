//! The report as one page that needs nothing else: the text, and plots of it.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::svg::{Plot, Series, escape};
use super::{About, text, units};
use crate::outcome::Outcome;

pub fn of(about: &About, outcome: &Outcome) -> String {
    let title = format!("loadtest: {}", about.target);
    let mut body = format!("<h1>{}</h1>\n", escape(&title));
    if !outcome.open_loop {
        body.push_str("<p class=\"closed\">Closed loop: a server that stalls is asked less, so ");
        body.push_str("latencies flatter it.</p>\n");
    }
    for plot in [rates(outcome), over_time(outcome), percentiles(&outcome.tally.latency)] {
        body.push_str(&plot);
    }
    body.push_str(&server(outcome));
    body.push_str(&format!("<pre>{}</pre>\n", escape(&text(about, outcome, false))));
    page(&title, &body)
}

/// A whole page around this markup.
pub fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{}</title>\n<style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n",
        escape(title)
    )
}

fn rates(outcome: &Outcome) -> String {
    let line = |value: &dyn Fn(&crate::outcome::Second) -> u64| {
        outcome.timeline.iter().map(|second| (second.at as f64, value(second) as f64)).collect()
    };
    let mut series =
        vec![Series { name: "answers", points: line(&|second| second.answers), colour: BLUE }];
    if outcome.errors() > 0 {
        series.push(Series { name: "errors", points: line(&|second| second.errors), colour: RED });
    }
    let (x, y) = (seconds, units::rate);
    Plot { title: "answers a second", series, x: &x, y: &y, log: false }.svg()
}

fn over_time(outcome: &Outcome) -> String {
    let line = |value: &dyn Fn(&crate::outcome::Second) -> u64| {
        outcome.timeline.iter().map(|second| (second.at as f64, value(second) as f64)).collect()
    };
    let series = vec![
        Series { name: "p50", points: line(&|second| second.p50_ns), colour: BLUE },
        Series { name: "p99", points: line(&|second| second.p99_ns), colour: ORANGE },
        Series { name: "max", points: line(&|second| second.max_ns), colour: RED },
    ];
    Plot { title: "latency over time", series, x: &seconds, y: &nanos, log: true }.svg()
}

/// Latency by percentile, the tail stretched: each step to the right is a tenth of what is left.
fn percentiles(latency: &Histogram<u64>) -> String {
    let steps = (0..=50).map(|step| f64::from(step) / 10.0);
    let enough = |nines: &f64| 10f64.powf(*nines) <= latency.len() as f64;
    let point = |nines: f64| {
        let quantile = 1.0 - 10f64.powf(-nines);
        (nines, latency.value_at_quantile(quantile) as f64)
    };
    let points = steps.take_while(enough).map(point).collect();
    let series = vec![Series { name: "", points, colour: BLUE }];
    let x = |nines: f64| format!("p{:.4}", 100.0 - 10f64.powf(2.0 - nines));
    Plot { title: "latency by percentile", series, x: &x, y: &nanos, log: true }.svg()
}

fn server(outcome: &Outcome) -> String {
    let Some(server) = &outcome.server else { return String::new() };
    let mut before = Duration::ZERO;
    let mut cores = Vec::new();
    for sample in &server.timeline {
        let span = sample.at.saturating_sub(before).as_secs_f64();
        before = sample.at;
        if span > 0.0 {
            cores.push((sample.at.as_secs_f64(), sample.cpu.as_secs_f64() / span));
        }
    }
    let memory = server
        .timeline
        .iter()
        .map(|sample| (sample.at.as_secs_f64(), sample.holding.resident_bytes as f64))
        .collect();
    let one = |points, colour| vec![Series { name: "", points, colour }];
    let busy = |cores: f64| format!("{cores:.2}");
    let cpu = Plot {
        title: "server: cores busy",
        series: one(cores, BLUE),
        x: &seconds,
        y: &busy,
        log: false,
    };
    let memory = Plot {
        title: "server: resident memory",
        series: one(memory, ORANGE),
        x: &seconds,
        y: &units::bytes,
        log: false,
    };
    cpu.svg() + &memory.svg()
}

fn seconds(at: f64) -> String {
    format!("{at:.0} s")
}

fn nanos(value: f64) -> String {
    units::nanos(value as u64)
}

pub const BLUE: &str = "#3b7dd8";
pub const ORANGE: &str = "#d98324";
pub const RED: &str = "#d03b3b";
const STYLE: &str = "body{font:15px/1.4 sans-serif;max-width:820px;margin:2em auto;padding:0 1em}\
    h1{font-size:1.2em}svg{width:100%;margin:.5em 0;color:inherit}svg text{fill:currentColor}\
    pre{overflow-x:auto;font-size:13px}.closed{border-left:4px solid #d98324;padding-left:.6em}";
