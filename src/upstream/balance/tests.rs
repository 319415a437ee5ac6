//! What each algorithm promises, over many picks with a seed: the same on every machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::net::connect::Address;
use crate::telemetry::labels::ClusterLabelsId;
use crate::upstream::cluster::{Cluster, Settings};

const SEED: u64 = 0x5eed;

pub(crate) fn endpoint(number: u16, weight: u32, tier: u32) -> Endpoint {
    let address = SocketAddr::from(([127, 0, 0, 1], number));
    Endpoint { weight, tier, ..Endpoint::new(address.to_string(), Address::inet(address)) }
}

pub(crate) fn cluster(endpoints: Vec<Endpoint>, balancing: Balancing) -> Arc<Cluster> {
    let settings = Settings { balancing, ..Settings::plain() };
    Arc::new(Cluster::new("test".into(), endpoints, settings, ClusterLabelsId(0)))
}

fn by(algorithm: Algorithm) -> Balancing {
    Balancing { algorithm, ..Balancing::default() }
}

fn weighted(weights: &[u32], balancing: Balancing) -> Local {
    let endpoints = (1..).zip(weights).map(|(number, weight)| endpoint(number, *weight, 0));
    Local::new(cluster(endpoints.collect(), balancing), 0, None)
}

fn equal(count: usize, algorithm: Algorithm) -> Local {
    weighted(&vec![1; count], by(algorithm))
}

fn wanted(random: &Random) -> Wanted<'_> {
    let now = Instant::from_nanos(1_000_000_000);
    Wanted { now, random, hash: None, tag: None, avoid: Avoid::default() }
}

fn avoiding(random: &Random, endpoint: usize) -> Wanted<'_> {
    let mut wanted = wanted(random);
    wanted.avoid.add(endpoint);
    wanted
}

/// How often each was picked.
fn count(local: &Local, picks: usize, ask: impl Fn(&Random, u64) -> Option<u64>) -> Vec<usize> {
    let random = Random::seeded(SEED);
    let mut counts = vec![0; local.cluster.endpoints.len()];
    for turn in 0..picks {
        let wanted = Wanted { hash: ask(&random, turn as u64), ..wanted(&random) };
        counts[pick(local, &wanted).unwrap()] += 1;
    }
    counts
}

/// The shares are those of the weights, to within a part of each.
fn check_shares(counts: &[usize], weights: &[u32], off: f64, what: &str) {
    let picks: usize = counts.iter().sum();
    let total: u32 = weights.iter().sum();
    for (place, (count, weight)) in counts.iter().zip(weights).enumerate() {
        let share = picks as f64 * f64::from(*weight) / f64::from(total);
        // Small shares are off by chance, too.
        let wrong = (*count as f64 - share).abs() > (share * off).max(4.0 * share.sqrt());
        assert!(!wrong, "{what}: endpoint {place} has {count} of {share}: {counts:?}");
    }
}

const ALL: [Algorithm; 6] = [
    Algorithm::PeakEwma,
    Algorithm::RoundRobin,
    Algorithm::LeastRequest,
    Algorithm::Random,
    Algorithm::RingHash,
    Algorithm::Maglev,
];

#[test]
fn every_endpoint_gets_its_turn() {
    let local = equal(3, Algorithm::RoundRobin);
    let random = Random::seeded(SEED);
    let picked: Vec<_> = (0..6).map(|_| pick(&local, &wanted(&random)).unwrap()).collect();
    assert_eq!(picked, [0, 1, 2, 0, 1, 2]);
}

#[test]
fn turns_of_workers_begin_at_different_endpoints() {
    let random = Random::seeded(SEED);
    let first = |start| {
        let endpoints = (1..4).map(|number| endpoint(number, 1, 0)).collect();
        let local = Local::new(cluster(endpoints, by(Algorithm::RoundRobin)), start, None);
        pick(&local, &wanted(&random)).unwrap()
    };
    assert_eq!([first(0), first(1), first(2), first(3)], [0, 1, 2, 0]);
}

#[test]
fn turns_by_weight_are_interleaved() {
    let local = weighted(&[3, 1], by(Algorithm::RoundRobin));
    let random = Random::seeded(SEED);
    let picked: Vec<_> = (0..8).map(|_| pick(&local, &wanted(&random)).unwrap()).collect();
    for four in picked.chunks(4) {
        assert_eq!(four.iter().filter(|place| **place == 0).count(), 3, "{picked:?}");
    }
}

#[test]
fn an_endpoint_that_failed_is_avoided_while_there_is_another() {
    let random = Random::seeded(SEED);
    for algorithm in ALL {
        let two = equal(2, algorithm);
        for hash in 0..50 {
            let hash = Some(crate::base::hash::mix(hash));
            let wanted = Wanted { hash, ..avoiding(&random, 0) };
            assert_eq!(pick(&two, &wanted), Ok(1), "{algorithm:?}");
        }
        assert_eq!(pick(&equal(1, algorithm), &avoiding(&random, 0)), Ok(0));
    }
}

#[test]
fn an_empty_cluster_has_nothing_to_pick() {
    let random = Random::seeded(SEED);
    for algorithm in ALL {
        assert_eq!(pick(&equal(0, algorithm), &wanted(&random)), Err(Nobody::Empty));
    }
}

#[test]
fn one_endpoint_without_features_has_no_state_at_all() {
    assert!(equal(1, Algorithm::PeakEwma).turns.is_none());
    assert!(equal(1, Algorithm::PeakEwma).begin(0).is_none());
    assert!(equal(2, Algorithm::PeakEwma).turns.is_some());
}

#[test]
fn shares_are_those_of_the_weights() {
    let hash = |random: &Random, _| Some(random.next());
    for weights in [&[1, 1, 1, 1, 1][..], &[5, 1, 3, 2], &[1, 0, 2], &[100, 1]] {
        for (algorithm, off) in [
            (Algorithm::RoundRobin, 0.01),
            (Algorithm::Random, 0.08),
            (Algorithm::LeastRequest, 0.08),
            (Algorithm::Maglev, 0.08),
            (Algorithm::RingHash, 0.35),
        ] {
            let local = weighted(weights, by(algorithm));
            let counts = count(&local, 60_000, hash);
            check_shares(&counts, weights, off, &format!("{algorithm:?} {weights:?}"));
        }
    }
}

/// All answer alike, and a little by chance: by a hair nobody wins.
#[test]
fn equals_share_by_weight_under_peak_ewma_too() {
    for weights in [&[1, 1, 1, 1][..], &[4, 2, 1, 1]] {
        let local = weighted(weights, by(Algorithm::PeakEwma));
        let random = Random::seeded(SEED);
        let mut counts = vec![0; weights.len()];
        for turn in 0..40_000_u64 {
            let now = Instant::from_nanos(turn * 100_000);
            let place = pick(&local, &Wanted { now, ..wanted(&random) }).unwrap();
            counts[place] += 1;
            let nanos = 1_000_000 + random.below(100_000);
            local.seats[place].observe(now, Duration::from_nanos(nanos), false);
        }
        check_shares(&counts, weights, 0.1, &format!("{weights:?}"));
    }
}

/// The promise that pays for it all: one of ten is slow, and hardly anybody waits for it.
#[test]
fn the_slow_one_of_ten_is_found_and_left_alone() {
    let slow = |algorithm| {
        let local = equal(10, algorithm);
        let random = Random::seeded(SEED);
        let mut slow = 0;
        for turn in 0..10_000_u64 {
            let now = Instant::from_nanos(turn * 1_000_000);
            let place = pick(&local, &Wanted { now, ..wanted(&random) }).unwrap();
            let took = if place == 7 { 500 } else { 1 };
            local.seats[place].observe(now, Duration::from_millis(took), false);
            slow += usize::from(place == 7);
        }
        slow
    };
    assert_eq!(slow(Algorithm::RoundRobin), 1_000);
    let found = slow(Algorithm::PeakEwma);
    assert!(found < 20, "{found} of 10000 went to the slow one: a p99 would see it");
}

/// It is not left alone for good.
#[test]
fn what_was_slow_once_is_tried_again() {
    let local = equal(2, Algorithm::PeakEwma);
    let random = Random::seeded(SEED);
    local.seats[0].observe(Instant::from_nanos(0), Duration::from_millis(500), false);
    local.seats[1].observe(Instant::from_nanos(0), Duration::from_millis(1), false);
    let tried = (0..300).find(|second| {
        let now = Instant::from_nanos(second * 1_000_000_000);
        local.seats[1].observe(now, Duration::from_millis(1), false);
        pick(&local, &Wanted { now, ..wanted(&random) }) == Ok(0)
    });
    assert!(tried.is_some_and(|second| second > 10), "{tried:?}");
}

#[test]
fn an_endpoint_that_nothing_is_known_of_gets_one_request_at_a_time() {
    let local = equal(3, Algorithm::PeakEwma);
    let random = Random::seeded(SEED);
    let now = wanted(&random).now;
    for known in [0, 1] {
        local.seats[known].observe(now, Duration::from_millis(2), false);
    }
    let mut held = Vec::new();
    for _ in 0..200 {
        if pick(&local, &wanted(&random)) == Ok(2) {
            held.push(local.begin(2));
        }
    }
    assert_eq!(held.len(), 1);
}

#[test]
fn who_has_more_to_do_gets_less() {
    for algorithm in [Algorithm::LeastRequest, Algorithm::PeakEwma] {
        let local = equal(2, algorithm);
        let random = Random::seeded(SEED);
        for seat in &local.seats {
            seat.observe(wanted(&random).now, Duration::from_millis(1), false);
        }
        let busy: Vec<_> = (0..5).map(|_| local.begin(0)).collect();
        for _ in 0..100 {
            assert_eq!(pick(&local, &wanted(&random)), Ok(1), "{algorithm:?}");
        }
        drop(busy);
        assert_eq!(local.seats[0].in_flight.get(), 0);
    }
}

/// A hash stays where it is; of one endpoint that goes, the share alone moves.
#[test]
fn hashes_stay_where_they_are() {
    for (algorithm, most) in [(Algorithm::RingHash, 0.0), (Algorithm::Maglev, 0.05)] {
        let all = equal(10, algorithm);
        let endpoints: Vec<_> = (1..10).map(|number| endpoint(number, 1, 0)).collect();
        let without_last = Local::new(cluster(endpoints, by(algorithm)), 0, None);
        let random = Random::seeded(SEED);
        let (mut moved, mut stay) = (0, 0);
        for key in 0..20_000 {
            let hash = Some(crate::base::hash::mix(key));
            let before = pick(&all, &Wanted { hash, ..wanted(&random) }).unwrap();
            let again = pick(&all, &Wanted { hash, ..wanted(&random) }).unwrap();
            assert_eq!(before, again);
            let after = pick(&without_last, &Wanted { hash, ..wanted(&random) }).unwrap();
            if before != 9 {
                stay += 1;
                moved += usize::from(after != before);
            }
        }
        let share = f64::from(moved as u32) / f64::from(stay);
        assert!(share <= most, "{algorithm:?}: {share} of those that could stay have moved");
    }
}

/// One that is away for a while leaves its share to all others, and gets it back.
#[test]
fn a_hash_goes_past_an_endpoint_that_is_ill() {
    for algorithm in [Algorithm::RingHash, Algorithm::Maglev] {
        let local = equal(5, algorithm);
        let random = Random::seeded(SEED);
        let ask = |key| {
            let hash = Some(crate::base::hash::mix(key));
            pick(&local, &Wanted { hash, ..wanted(&random) }).unwrap()
        };
        let before: Vec<_> = (0..5_000).map(ask).collect();
        let traffic = local.cluster.traffic.as_ref().unwrap();
        let health = &local.cluster.endpoints[2].health;
        assert!(health.checked(&traffic.board, false, wanted(&random).now));
        let mut heirs = [0; 5];
        for (key, before) in (0..).zip(&before) {
            let now = ask(key);
            assert!(now != 2 && (*before == 2 || now == *before), "{algorithm:?}");
            heirs[now] += usize::from(*before == 2);
        }
        let (least, orphans) =
            (heirs.iter().filter(|n| **n > 0).min(), heirs.iter().sum::<usize>());
        assert!(least.is_some_and(|least| least * 20 > orphans), "{algorithm:?} {heirs:?}");
        assert!(health.checked(&traffic.board, true, wanted(&random).now));
        assert_eq!((0..5_000).map(ask).collect::<Vec<_>>(), before);
    }
}

/// Who brings nothing to be told apart by goes anywhere.
#[test]
fn without_a_hash_all_are_chosen() {
    for algorithm in [Algorithm::RingHash, Algorithm::Maglev] {
        let counts = count(&equal(4, algorithm), 8_000, |_, _| None);
        check_shares(&counts, &[1; 4], 0.1, &format!("{algorithm:?}"));
    }
}

#[test]
fn a_cookie_leads_to_its_endpoint_while_that_is_well() {
    let local = equal(4, Algorithm::PeakEwma);
    let random = Random::seeded(SEED);
    let tag = Some(tag(&local.cluster.endpoints[3]));
    for _ in 0..50 {
        assert_eq!(pick(&local, &Wanted { tag, ..wanted(&random) }), Ok(3));
    }
    let traffic = local.cluster.traffic.as_ref().unwrap();
    local.cluster.endpoints[3].health.checked(&traffic.board, false, wanted(&random).now);
    for _ in 0..50 {
        assert_ne!(pick(&local, &Wanted { tag, ..wanted(&random) }), Ok(3));
    }
    let unknown = Wanted { tag: Some(1), ..wanted(&random) };
    assert!(pick(&local, &unknown).is_ok(), "a cookie that somebody made up");
}
