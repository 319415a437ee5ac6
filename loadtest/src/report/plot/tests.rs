use super::*;
use crate::outcome::{histogram, record};
use std::time::Duration;

#[test]
fn all_latencies_are_somewhere() {
    let mut latency = histogram();
    for micros in [50, 60, 70, 80, 90, 1000, 90_000] {
        record(&mut latency, Duration::from_micros(micros));
    }
    let plot = spread(&latency);
    let parts = plot.lines().map(|line| line.split_whitespace().rev().nth(1).expect("a part"));
    let sum: f64 = parts.map(|part| part.parse::<f64>().expect("a number")).sum();
    assert!((sum - 100.0).abs() < 0.2, "{sum}\n{plot}");
    assert!(plot.contains("90.0 ms") || plot.contains("90.1 ms"), "{plot}");
}

#[test]
fn one_latency_or_none_is_a_plot_too() {
    assert_eq!(spread(&histogram()), "");
    let mut latency = histogram();
    record(&mut latency, Duration::from_millis(1));
    assert!(spread(&latency).contains("100.00 %"));
}

#[test]
fn what_is_beyond_the_limit_is_marked() {
    let plot = against(&[(100.0, 1_000_000), (200.0, 9_000_000)], 5_000_000);
    let lines: Vec<_> = plot.lines().collect();
    assert!(!lines[0].contains('!') && lines[1].contains('!'), "{plot}");
}
