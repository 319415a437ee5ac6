use serde_json::json;

use super::*;

fn report(rate: f64, cpu: f64, p99: f64, errors: f64) -> Value {
    json!({
        "loadtest": "0", "target": "a", "protocol": "b", "loop": "closed", "connections": 1,
        "lanes_per_connection": 1, "answers_per_second": rate, "error_ratio": errors,
        "server": {"cpu_ns_per_request": cpu}, "latency_ns": {"p50": 1.0, "p99": p99},
    })
}

#[test]
fn a_fall_of_more_than_a_fifth_decides() {
    let old = report(1000.0, 10.0, 100.0, 0.0);
    for (new, fell) in [
        (report(810.0, 10.0, 100.0, 0.0), false),
        (report(790.0, 10.0, 100.0, 0.0), true),
        (report(5000.0, 12.4, 100.0, 0.0), false),
        (report(5000.0, 12.6, 100.0, 0.0), true),
        (report(1000.0, 10.0, 900.0, 0.0), false),
        (report(1000.0, 10.0, 100.0, 0.0005), false),
        (report(1000.0, 10.0, 100.0, 0.01), true),
    ] {
        let comparison = compare(&old, &new);
        assert_eq!(comparison.fell(), fell, "{new}");
        assert_eq!(comparison.text(false).contains("FELL"), fell);
        assert_eq!(comparison.text(true).contains("\x1b[31m"), fell);
    }
}

#[test]
fn runs_that_differ_are_told_apart() {
    let old = report(1.0, 1.0, 1.0, 0.0);
    let mut new = old.clone();
    assert!(compare(&old, &new).warnings.is_empty());
    new["connections"] = json!(2);
    assert!(compare(&old, &new).text(false).contains("not the same connections"));
}
