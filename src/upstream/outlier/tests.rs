use std::sync::Arc;

use super::*;
use crate::telemetry::labels::ClusterLabelsId;
use crate::upstream::balance::tests::endpoint;
use crate::upstream::cluster::Settings;

const BAD: Verdict = Verdict::Bad { retry_after: None };
const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Instant {
    Instant::from_nanos(seconds * SECOND)
}

fn rules() -> Outlier {
    Outlier {
        duration: Duration::from_secs(3),
        duration_max: Duration::from_secs(20),
        failures_in_a_row: Some(3),
        success_percent: None,
        answers_min: 10,
        interval: Duration::from_secs(10),
        ejected_percent_max: 50,
    }
}

fn cluster(count: u16, rules: Outlier) -> Arc<Cluster> {
    let settings = Settings { outlier: Some(rules), ..Settings::plain() };
    let endpoints = (1..=count).map(|number| endpoint(number, 1, 0)).collect();
    Arc::new(Cluster::new("test".into(), endpoints, settings, ClusterLabelsId(0)))
}

fn fail(cluster: &Cluster, endpoint: usize, times: usize, now: Instant) -> bool {
    (0..times).any(|_| record(cluster, endpoint, BAD, now))
}

#[test]
fn failures_in_a_row_eject_and_a_success_between_them_does_not() {
    let cluster = cluster(4, rules());
    assert!(!fail(&cluster, 0, 2, at(1)));
    record(&cluster, 0, Verdict::Good, at(1));
    assert!(!fail(&cluster, 0, 2, at(1)));
    assert!(record(&cluster, 0, BAD, at(1)));
    let health = &cluster.endpoints[0].health;
    assert!(health.is_ejected(at(3)) && !health.is_ejected(at(4)));
    assert_eq!(health.ejections(), 1);
}

#[test]
fn ejections_grow_are_bounded_and_are_forgotten() {
    let cluster = cluster(4, rules());
    let health = &cluster.endpoints[0].health;
    let mut now = 1;
    let mut lengths = Vec::new();
    for _ in 0..9 {
        assert!(fail(&cluster, 0, 3, at(now)));
        let until = health.ejected_until().nanos() / SECOND;
        lengths.push(until - now);
        now = until;
    }
    assert_eq!(lengths, [3, 6, 9, 12, 15, 18, 20, 20, 20]);
    now += 3 * 100;
    assert!(fail(&cluster, 0, 3, at(now)));
    assert_eq!(health.ejected_until(), at(now + 3), "a long good time makes up for all of it");
}

#[test]
fn no_more_than_a_share_is_ejected_but_one_always_can_be() {
    let four = cluster(4, rules());
    let ejected = |cluster: &Cluster| {
        cluster.endpoints.iter().filter(|one| one.health.is_ejected(at(2))).count()
    };
    for place in 0..4 {
        fail(&four, place, 3, at(1));
    }
    assert_eq!(ejected(&four), 2);
    assert_eq!(four.endpoints[3].health.spared(), 1);
    let few = cluster(3, Outlier { ejected_percent_max: 1, ..rules() });
    for place in 0..3 {
        fail(&few, place, 3, at(1));
    }
    assert_eq!(ejected(&few), 1);
}

#[test]
fn what_an_endpoint_asks_for_is_granted_up_to_the_bound() {
    let cluster = cluster(4, rules());
    for (place, asked, granted) in [(0, 10, 10), (1, 365 * 24 * 3600, 20)] {
        let retry_after = Some(Duration::from_secs(asked));
        assert!(record(&cluster, place, Verdict::Bad { retry_after }, at(1)), "at the first");
        assert_eq!(cluster.endpoints[place].health.ejected_until(), at(1 + granted));
    }
}

#[test]
fn a_low_success_rate_ejects_once_enough_is_known() {
    let rate = Outlier { failures_in_a_row: None, success_percent: Some(80), ..rules() };
    let cluster = cluster(4, rate);
    // Every third fails: 66 percent are good.
    let ejected = (0..30).position(|n| {
        let verdict = if n % 3 == 0 { BAD } else { Verdict::Good };
        record(&cluster, 0, verdict, at(1))
    });
    assert_eq!(ejected, Some(9), "the tenth answer is the first that can tell");
    let good =
        (0..100).any(|n| record(&cluster, 1, if n % 10 == 9 { BAD } else { Verdict::Good }, at(1)));
    assert!(!good, "90 percent are enough");
    let slow = (0..40).any(|n| record(&cluster, 2, BAD, at(n * 10)));
    assert!(!slow, "one answer in an interval tells nothing");
}

#[test]
fn without_rules_nothing_is_counted() {
    let settings = Settings::plain();
    let endpoints = vec![endpoint(1, 1, 0), endpoint(2, 1, 0)];
    let cluster = Cluster::new("test".into(), endpoints, settings, ClusterLabelsId(0));
    assert!(!fail(&cluster, 0, 100, at(1)));
}
