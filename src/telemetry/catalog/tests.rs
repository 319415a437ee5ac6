use super::*;
use crate::telemetry::value::{Counter, Gauge, WorkerHistogram};

#[test]
fn names_say_their_kind_and_unit() {
    for family in FAMILIES {
        let Family { name, kind, help, .. } = family;
        assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
        assert_eq!(*kind == Kind::Info, name.ends_with("_info"), "{name}");
        assert!(help.ends_with('.') && !help.contains(['\n', '\\', '"']), "{name}: {help}");
        // OpenMetrics: a unit is the end of the family's name.
        if let Some(unit) = family.unit {
            assert!(family.bare_name().ends_with(&format!("_{unit}")), "{name}");
        }
        assert!(
            ["agentgateway_", "ringway_", "process_"].iter().any(|front| name.starts_with(front)),
            "{name}"
        );
    }
}

#[test]
fn no_family_stands_twice() {
    let mut names: Vec<&str> = FAMILIES.iter().map(Family::bare_name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

#[test]
fn what_a_worker_counts_is_in_the_catalogue() {
    let counters = Counter::ALL.iter().map(|counter| counter.text());
    let gauges = Gauge::ALL.iter().map(|gauge| gauge.text());
    let histograms = WorkerHistogram::ALL.iter().map(|histogram| histogram.text());
    for name in counters.chain(gauges).chain(histograms) {
        assert!(FAMILIES.iter().any(|family| family.name == name), "{name}");
    }
}
