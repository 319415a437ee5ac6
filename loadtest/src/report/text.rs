//! The report for a terminal.

use hdrhistogram::Histogram;

use super::{About, PERCENTILES, plot, units};
use crate::outcome::{Outcome, ServerUsage};

pub fn text(about: &About, outcome: &Outcome, colours: bool) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!("{} by {}", about.target, about.protocol));
    let many = if about.lanes > 1 { format!(" x {}", about.lanes) } else { String::new() };
    let (connections, threads) = (units::count(outcome.connections as u64), about.threads);
    line(format!("{}, {connections} connections{many}, {threads} threads", about.pacing));
    if !outcome.open_loop && about.asks {
        line(
            "  CLOSED LOOP: a server that stalls is asked less, so latencies flatter it".to_owned(),
        );
    }
    line(String::new());
    let tally = &outcome.tally;
    let seconds = units::time(outcome.elapsed);
    let broken = if outcome.interrupted { ", interrupted" } else { "" };
    if about.asks {
        let (answers, rate) = (units::count(tally.answers), units::rate(outcome.rate()));
        line(format!("  answers    {answers} in {seconds}{broken}, {rate} a second"));
    } else {
        line(format!("  held       for {seconds}{broken}"));
    }
    let red = |text: String, on: bool| if on { format!("\x1b[31m{text}\x1b[0m") } else { text };
    let (errors, part) = (units::count(outcome.errors()), units::percent(outcome.error_ratio()));
    line(red(format!("  errors     {errors} ({part})"), colours && outcome.errors() > 0));
    for (fault, count) in tally.faults.lines() {
        line(red(format!("    {:>10}  {fault}", units::count(count)), colours));
    }
    let per_second =
        |bytes: u64| units::bytes(bytes as f64 / outcome.elapsed.as_secs_f64().max(1e-9));
    let (came, went) = (tally.received_bytes, tally.sent_bytes);
    let all = [units::bytes(came as f64), per_second(came), units::bytes(went as f64)];
    line(format!("  bytes      {} received ({} a second), {} sent", all[0], all[1], all[2]));
    times(outcome, &mut line);
    let (own, busy) = (units::time(outcome.own_cpu), outcome.own_busy * 100.0);
    let each = per_request(outcome.own_cpu, outcome.sent());
    line(format!("  load       {own} CPU ({each} a request), busiest thread {busy:.0} %"));
    if let Some(server) = &outcome.server {
        server_lines(server, outcome, &mut line);
    }
    for note in &outcome.notes {
        line(format!("  note       {note}"));
    }
    if !tally.latency.is_empty() {
        let from = if outcome.open_loop { "the intended time" } else { "sending, CLOSED LOOP" };
        line(format!("\n  latency from {from}"));
        line(plot::spread(&tally.latency));
    }
    out
}

fn times(outcome: &Outcome, line: &mut impl FnMut(String)) {
    let tally = &outcome.tally;
    let heads: Vec<String> =
        PERCENTILES.iter().map(|p| format!("{:>9}", format!("p{p}"))).collect();
    line(format!("  {:10} {} {:>9}", "", heads.join(" "), "max"));
    let rows: [(&str, &Histogram<u64>); 6] = [
        ("latency", &tally.latency),
        ("own delay", &tally.lag),
        ("connect", &tally.connect),
        ("TLS", &tally.tls),
        ("first", &tally.events.first),
        ("gap", &tally.events.gap),
    ];
    for (name, histogram) in rows.into_iter().filter(|(_, histogram)| !histogram.is_empty()) {
        let at = |percent: &f64| units::nanos(histogram.value_at_percentile(*percent));
        let cells: Vec<String> = PERCENTILES.iter().map(|p| format!("{:>9}", at(p))).collect();
        let max = units::nanos(histogram.max());
        line(format!("  {name:10} {} {max:>9}", cells.join(" ")));
    }
    if tally.connections_opened > 0 {
        let resumed = match tally.tls_resumed {
            0 => String::new(),
            resumed => format!(", {} by resumption", units::count(resumed)),
        };
        line(format!(
            "  opened     {} connections{resumed}",
            units::count(tally.connections_opened)
        ));
    }
    let events = &tally.events;
    if events.tokens > 0 {
        let all = events.tokens as f64 / outcome.elapsed.as_secs_f64().max(1e-9);
        let each = events.milli_rate.value_at_percentile(50.0) as f64 / 1000.0;
        let (tokens, all, each) =
            (units::count(events.tokens), units::rate(all), units::rate(each));
        line(format!("  tokens     {tokens}, {all} a second; a stream {each} a second (median)"));
    }
}

fn server_lines(server: &ServerUsage, outcome: &Outcome, line: &mut impl FnMut(String)) {
    let tally = &outcome.tally;
    let cpu = units::time(server.cpu);
    let each = per_request(server.cpu, outcome.sent());
    let mib = (tally.received_bytes + tally.sent_bytes) as f64 / 1024.0 / 1024.0;
    let per_mib = units::time(server.cpu.div_f64(mib.max(1e-9)));
    line(format!("  server     {cpu} CPU: {each} a request, {per_mib} a MiB"));
    let memory = |bytes: u64| units::bytes(bytes as f64);
    let (before, peak) = (memory(server.before.resident_bytes), memory(server.peak.resident_bytes));
    let grown = server.peak.resident_bytes.saturating_sub(server.before.resident_bytes);
    let each = memory(grown / (outcome.connections as u64).max(1));
    line(format!("             {before} resident before, {peak} at most: {each} a connection"));
    let (voluntary, forced) = (server.voluntary_switches, server.involuntary_switches);
    let (files, most) = (server.before.descriptors, server.peak.descriptors);
    line(format!(
        "             {} switches ({} forced), {files} files before, {most} at most",
        units::count(voluntary + forced),
        units::count(forced)
    ));
}

fn per_request(cpu: std::time::Duration, requests: u64) -> String {
    units::time(cpu.div_f64(requests as f64))
}
