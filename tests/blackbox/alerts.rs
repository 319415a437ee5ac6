//! What is watched: each alert that we ship fires in a real Prometheus when a gateway is driven into
//! the state it is for, none does while all is well, and each query of the dashboard has an answer.

mod fleet;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ringway::telemetry::catalog::FAMILIES;
use serde_json::Value;

use crate::harness::prometheus::Prometheus;
use crate::harness::scratch::read;
use crate::harness::tool::{run, tool};
use crate::harness::wait;

/// What a machine under load may need until all of it has been seen.
const PATIENCE: Duration = Duration::from_secs(480);

#[test]
fn alerts_fire_and_the_dashboard_shows() {
    let Some(prometheus) = Prometheus::start(&deployed("prometheus/alerts.yaml")) else { return };
    let well = fleet::Well::start();
    prometheus.watch(&well.targets());
    // Seen for a while, and the rules with it.
    let seen = || prometheus.value("max(count_over_time(agentgateway_build_info[5m]))") >= 6.0;
    wait::within(PATIENCE, "a healthy gateway is scraped", || seen().then_some(()));
    // A scrape that a busy machine did not get done in time is a gateway that is down, for a moment.
    let calm = || prometheus.firing().is_empty().then_some(());
    if wait::or_none(PATIENCE, calm).is_none() {
        panic!("all is well, but for {:?}", prometheus.firing());
    }

    let troubled = fleet::Troubled::start();
    prometheus.watch(&[well.targets(), troubled.targets()].concat());
    let seen = || prometheus.value("sum(up)") >= troubled.up() as f64;
    wait::within(PATIENCE, "all are scraped", || seen().then_some(()));
    let _driven = troubled.drive();
    let wanted: BTreeSet<String> = rules().into_keys().collect();
    let mut fired = BTreeSet::new();
    let all = || {
        fired.extend(prometheus.firing());
        fired.is_superset(&wanted).then_some(())
    };
    if wait::or_none(PATIENCE, all).is_none() {
        panic!("silent: {:?}", wanted.difference(&fired).collect::<Vec<_>>());
    }

    let mut empty = queries();
    assert!(empty.len() > 50, "the dashboard has panels");
    let all = || {
        empty.retain(|_, query| !prometheus.query(query).iter().any(is_number));
        empty.is_empty().then_some(())
    };
    if wait::or_none(PATIENCE, all).is_none() {
        panic!("without data: {empty:#?}");
    }
}

#[test]
fn promtool_agrees_with_the_rules() {
    let Some(mut promtool) = tool("promtool") else { return };
    let folder = deployed("prometheus");
    promtool.current_dir(&folder).args(["test", "rules", "alerts_test.yaml"]);
    let judged = run(&mut promtool, b"");
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
    let mut promtool = tool("promtool").expect("it was there");
    promtool.current_dir(&folder).args(["check", "rules", "alerts.yaml"]);
    let judged = run(&mut promtool, b"");
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
}

/// promtool passes a file of cases that leaves an alert out.
#[test]
fn each_alert_has_a_case_that_fires_and_one_that_is_silent() {
    let text = read(&deployed("prometheus/alerts_test.yaml"));
    let cases: Value = serde_yaml::from_str(&text).expect("YAML");
    let mut found = BTreeMap::<String, [usize; 2]>::new();
    for case in cases["tests"].as_array().unwrap() {
        for rule in case["alert_rule_test"].as_array().unwrap() {
            let fires = !rule["exp_alerts"].as_array().unwrap().is_empty();
            let name = rule["alertname"].as_str().unwrap().to_owned();
            found.entry(name).or_default()[usize::from(fires)] += 1;
        }
    }
    let names: BTreeSet<String> = rules().into_keys().collect();
    assert_eq!(found.keys().cloned().collect::<BTreeSet<_>>(), names);
    assert!(found.values().all(|[silent, firing]| *silent > 0 && *firing > 0), "{found:?}");
}

/// A rule over a family that nobody serves is silent for ever.
#[test]
fn alerts_and_panels_ask_for_families_that_there_are() {
    let mut known: BTreeSet<String> = BTreeSet::from(["up".to_owned()]);
    for family in FAMILIES {
        let parts = ["", "_bucket", "_sum", "_count"].map(|part| format!("{}{part}", family.name));
        known.extend(parts);
    }
    for (name, expression) in rules().into_iter().chain(queries()) {
        let asked = metrics_of(&expression);
        assert!(!asked.is_empty(), "{name}: {expression}");
        for metric in asked {
            assert!(known.contains(&metric), "{name}: {metric} in {expression}");
        }
    }
}

/// The names of metrics in an expression: words of our prefixes, and `up`.
fn metrics_of(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = |word: &&str| {
        let prefixes = ["agentgateway_", "ringway_", "process_"];
        *word == "up" || prefixes.iter().any(|prefix| word.starts_with(prefix))
    };
    words.filter(ours).map(str::to_owned).collect()
}

/// Expressions of the alerts, by name.
fn rules() -> BTreeMap<String, String> {
    let text = read(&deployed("prometheus/alerts.yaml"));
    let file: Value = serde_yaml::from_str(&text).expect("YAML");
    let groups = file["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let both = |key: &str, rule: &Value| rule[key].as_str().expect("a text").to_owned();
    rules.map(|rule| (both("alert", rule), both("expr", rule))).collect()
}

/// Queries of the dashboard, by panel, as Grafana would send them.
fn queries() -> BTreeMap<String, String> {
    let text = read(&deployed("grafana/ringway.json"));
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let filled = |expression: &Value| {
        let text = expression.as_str().expect("an expression");
        let text = text.replace("$__rate_interval", "5m");
        text.replace("$job", "ringway").replace("$instance", ".*")
    };
    let mut found = BTreeMap::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let name = format!("{} {}", panel["title"], target["refId"]);
            let before = found.insert(name.clone(), filled(&target["expr"]));
            assert_eq!(before, None, "two panels are called {name}");
        }
    }
    for note in dashboard["annotations"]["list"].as_array().unwrap() {
        found.insert(format!("annotation {}", note["name"]), filled(&note["expr"]));
    }
    found
}

fn is_number(sample: &Value) -> bool {
    let value = sample["value"][1].as_str().expect("a value");
    value.parse::<f64>().is_ok_and(|value| !value.is_nan())
}

fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}
