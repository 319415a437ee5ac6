//! Who can be chosen: tiers, health, panic, slow start.

use super::*;
use crate::upstream::balance::tests::{cluster, endpoint};
use crate::upstream::balance::{Algorithm, Balancing};

const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Instant {
    Instant::from_nanos(seconds * SECOND)
}

/// Endpoints by their tiers; what can be chosen of them when those at `ill` are ill.
fn usable(tiers: &[u32], ill: &[usize], panic_percent: u32) -> (Vec<u32>, bool) {
    let endpoints = (1..).zip(tiers).map(|(number, tier)| endpoint(number, 1, *tier)).collect();
    let algorithm = Algorithm::RoundRobin;
    let cluster =
        cluster(endpoints, Balancing { algorithm, panic_percent, ..Balancing::default() });
    let traffic = cluster.traffic.as_ref().unwrap();
    for place in ill {
        cluster.endpoints[*place].health.checked(&traffic.board, false, at(1));
    }
    let mut candidates = Candidates::default();
    candidates.renew(&cluster, traffic, at(2));
    (candidates.list().iter().map(|(place, _)| *place).collect(), candidates.panic)
}

#[test]
fn a_tier_is_for_when_those_before_it_cannot() {
    let tiers = [1, 0, 0, 2];
    for (ill, expected) in
        [(&[][..], &[1, 2][..]), (&[1], &[2]), (&[1, 2], &[0]), (&[0, 1, 2], &[3])]
    {
        assert_eq!(usable(&tiers, ill, 1), (expected.to_vec(), false), "without {ill:?}");
    }
}

#[test]
fn when_none_is_well_all_of_the_first_tier_are_tried() {
    assert_eq!(usable(&[0, 0, 1], &[0, 1, 2], 1), (vec![0, 1], true));
    assert_eq!(usable(&[0, 0, 1], &[0, 1, 2], 0), (vec![], false), "unless that is not wanted");
}

#[test]
fn a_tier_with_too_few_left_is_passed_by() {
    let tiers = [0, 0, 0, 0, 1, 1];
    assert_eq!(usable(&tiers, &[0, 1], 50).0, [2, 3]);
    assert_eq!(usable(&tiers, &[0, 1, 2], 50).0, [4, 5]);
    assert_eq!(usable(&tiers, &[0, 1, 2, 4, 5], 50), (vec![0, 1, 2, 3], true));
}

#[test]
fn an_endpoint_that_comes_back_gets_to_its_share_slowly() {
    let slow_start = Some(Duration::from_secs(10));
    let balancing = Balancing { slow_start, ..Balancing::default() };
    let cluster = cluster(vec![endpoint(1, 1, 0), endpoint(2, 1, 0)], balancing);
    let traffic = cluster.traffic.as_ref().unwrap();
    let health = &cluster.endpoints[0].health;
    health.checked(&traffic.board, false, at(1));
    let mut candidates = Candidates::default();
    assert!(candidates.renew(&cluster, traffic, at(2)));
    assert_eq!(candidates.list(), [(1, WHOLE)]);
    health.checked(&traffic.board, true, at(100));
    let mut weights = Vec::new();
    for second in [100, 102, 105, 109, 110, 200] {
        candidates.renew(&cluster, traffic, at(second));
        weights.push(candidates.list()[0].1);
    }
    assert_eq!(weights, [10, 20, 50, 90, 100, 100]);
}

#[test]
fn nothing_is_made_anew_while_nothing_changes() {
    let cluster = cluster(vec![endpoint(1, 1, 0), endpoint(2, 1, 0)], Balancing::default());
    let traffic = cluster.traffic.as_ref().unwrap();
    let mut candidates = Candidates::default();
    assert!(candidates.renew(&cluster, traffic, at(1)));
    assert!(!candidates.renew(&cluster, traffic, at(1_000_000)));
    cluster.endpoints[0].health.eject(&traffic.board, at(1_000_010));
    assert!(candidates.renew(&cluster, traffic, at(1_000_001)));
    assert!(!candidates.renew(&cluster, traffic, at(1_000_009)));
    assert!(candidates.renew(&cluster, traffic, at(1_000_010)), "an ejection ends by itself");
}
