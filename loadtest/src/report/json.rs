//! The report for programs. Times are nanoseconds, and named so.

use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use super::{About, PERCENTILES};
use crate::outcome::{Holding, Outcome, Second, ServerUsage};

pub fn json(about: &About, outcome: &Outcome) -> Value {
    let tally = &outcome.tally;
    let faults = tally
        .faults
        .lines()
        .into_iter()
        .map(|(fault, count)| json!({"error": fault.to_string(), "count": count}));
    json!({
        "loadtest": env!("CARGO_PKG_VERSION"),
        "target": about.target,
        "protocol": about.protocol,
        "loop": if outcome.open_loop { "open" } else { "closed" },
        "pacing": about.pacing,
        "planned_per_second": about.planned_rate,
        "connections": outcome.connections,
        "lanes_per_connection": about.lanes,
        "threads": about.threads,
        "elapsed_ns": nanos(outcome.elapsed),
        "interrupted": outcome.interrupted,
        "requests": tally.requests,
        "answers": tally.answers,
        "answers_per_second": outcome.rate(),
        "errors": outcome.errors(),
        "error_ratio": outcome.error_ratio(),
        "error_table": faults.collect::<Vec<_>>(),
        "received_bytes": tally.received_bytes,
        "sent_bytes": tally.sent_bytes,
        "latency_ns": times(&tally.latency),
        "own_delay_ns": times(&tally.lag),
        "connect_ns": times(&tally.connect),
        "tls_ns": times(&tally.tls),
        "connections_opened": tally.connections_opened,
        "tls_resumed": tally.tls_resumed,
        "tokens": tally.events.tokens,
        "first_token_ns": times(&tally.events.first),
        "token_gap_ns": times(&tally.events.gap),
        "stream_tokens_per_kilosecond": times(&tally.events.milli_rate),
        "load": {
            "cpu_ns": nanos(outcome.own_cpu),
            "cpu_ns_per_request": per_request(outcome.own_cpu, outcome),
            "busy": outcome.own_busy,
            "resident_bytes_max": outcome.own_resident_bytes_max,
        },
        "server": outcome.server.as_ref().map(|server| server_json(server, outcome)),
        "timeline": outcome.timeline.iter().map(second).collect::<Vec<_>>(),
        "notes": outcome.notes,
    })
}

fn times(histogram: &Histogram<u64>) -> Value {
    if histogram.is_empty() {
        return Value::Null;
    }
    let mut map = Map::new();
    map.insert("count".into(), histogram.len().into());
    map.insert("mean".into(), histogram.mean().round().into());
    map.insert("min".into(), histogram.min().into());
    for percent in PERCENTILES {
        map.insert(format!("p{percent}"), histogram.value_at_percentile(percent).into());
    }
    map.insert("max".into(), histogram.max().into());
    map.into()
}

fn server_json(server: &ServerUsage, outcome: &Outcome) -> Value {
    let mib = (outcome.tally.received_bytes + outcome.tally.sent_bytes) as f64 / 1024.0 / 1024.0;
    let grown = server.peak.resident_bytes.saturating_sub(server.before.resident_bytes);
    let samples = server.timeline.iter().map(|sample| {
        json!({
            "at_ns": nanos(sample.at),
            "cpu_ns": nanos(sample.cpu),
            "resident_bytes": sample.holding.resident_bytes,
            "descriptors": sample.holding.descriptors,
        })
    });
    json!({
        "cpu_ns": nanos(server.cpu),
        "cpu_ns_per_request": per_request(server.cpu, outcome),
        "cpu_ns_per_mib": nanos(server.cpu) as f64 / mib.max(1e-9),
        "resident_bytes_per_connection": grown / (outcome.connections as u64).max(1),
        "voluntary_switches": server.voluntary_switches,
        "involuntary_switches": server.involuntary_switches,
        "before": holding(&server.before),
        "peak": holding(&server.peak),
        "after": holding(&server.after),
        "timeline": samples.collect::<Vec<_>>(),
    })
}

fn holding(holding: &Holding) -> Value {
    json!({
        "resident_bytes": holding.resident_bytes,
        "descriptors": holding.descriptors,
        "threads": holding.threads,
    })
}

fn second(second: &Second) -> Value {
    json!({
        "second": second.at,
        "answers": second.answers,
        "errors": second.errors,
        "p50_ns": second.p50_ns,
        "p99_ns": second.p99_ns,
        "max_ns": second.max_ns,
        "received_bytes": second.received_bytes,
    })
}

fn per_request(cpu: std::time::Duration, outcome: &Outcome) -> f64 {
    nanos(cpu) as f64 / outcome.sent() as f64
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
