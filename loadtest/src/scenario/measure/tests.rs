use super::super::conduct::Found;
use super::*;
use crate::outcome::{Fault, Holding, UsageSample, record};

fn sample(at: u64, mib: u64, descriptors: u64) -> UsageSample {
    let holding = Holding { resident_bytes: mib << 20, descriptors, threads: 2 };
    UsageSample { at: Duration::from_secs(at), cpu: Duration::ZERO, holding }
}

fn outcome(answers: u64, latency: Duration) -> Outcome {
    let mut tally = Tally { requests: answers, answers, ..Tally::default() };
    (0..answers).for_each(|_| record(&mut tally.latency, latency));
    let second = |at, millis: u64| Second {
        at,
        answers: 1,
        p99_ns: millis * 1_000_000,
        ..Second::default()
    };
    Outcome {
        open_loop: true,
        elapsed: Duration::from_secs(10),
        connections: 10,
        tally,
        timeline: vec![second(0, 900), second(1, 50), second(2, 50), second(3, 20)],
        own_cpu: Duration::ZERO,
        own_busy: 0.0,
        own_resident_bytes_max: 0,
        server: None,
        notes: Vec::new(),
        interrupted: false,
    }
}

fn findings() -> Findings {
    let usage = ServerUsage {
        cpu: Duration::from_millis(300),
        before: sample(0, 10, 8).holding,
        peak: sample(0, 42, 100).holding,
        timeline: (0..=20)
            .map(|at| sample(at, if at < 5 { 5 } else { 20 + at / 10 }, 50))
            .collect(),
        ..ServerUsage::default()
    };
    let mut bad = outcome(100, Duration::from_millis(40));
    bad.tally.faults.add_many(Fault::Reset, 5);
    let loads = [("good", outcome(200, Duration::from_millis(2))), ("bad", bad)];
    let loads = loads.map(|(name, outcome)| Found { name: name.to_owned(), outcome });
    Findings {
        loads: loads.into(),
        usage: Some(usage),
        connections: 20,
        metrics: [("up".to_owned(), 1.0)].into(),
        exit_code: Some(0),
        drain: Some(Duration::from_secs(2)),
        trouble: None,
    }
}

fn of(name: &'static str, load: Option<&str>) -> Option<f64> {
    value(&Measured::Known(name), load, &findings())
}

#[test]
fn loads_are_measured_together_or_apart() {
    assert_eq!(of("answers", None), Some(300.0));
    assert_eq!(of("answers", Some("bad")), Some(100.0));
    assert_eq!((of("errors", None), of("errors", Some("good"))), (Some(5.0), Some(0.0)));
    assert_eq!(of("error_ratio", None), Some(5.0 / 305.0));
    let near =
        |value: Option<f64>, wanted: f64| value.is_some_and(|v| (v / wanted - 1.0).abs() < 0.01);
    assert!(near(of("p99", None), 0.040) && near(of("p99", Some("good")), 0.002));
    assert_eq!(of("last_p99", None), Some(0.020), "the last of four seconds");
    assert_eq!(of("first_p99", None), None, "no streams");
}

#[test]
fn growth_is_from_when_it_has_settled() {
    // From the second quarter (20 MiB and 21 MiB at its last second) to the last tenth.
    let growth = of("rss_growth", None).unwrap();
    assert!((0.04..0.12).contains(&growth), "{growth}");
    assert_eq!(of("fd_growth", None), Some(0.0));
    assert_eq!(of("connection_memory", None), Some(f64::from(32 << 20) / 20.0));
    assert_eq!(of("cpu_per_request", None), Some(0.001));
    assert_eq!((of("drain", None), of("exit_code", None)), (Some(2.0), Some(0.0)));
    assert_eq!(value(&Measured::Metric("up".into()), None, &findings()), Some(1.0));
    assert_eq!(value(&Measured::Metric("down".into()), None, &findings()), None);
}
