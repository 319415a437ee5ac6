use std::time::Duration;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn rate(depth: u64, tokens: u64) -> Rate {
    Rate::new(depth, tokens, Duration::from_secs(1)).unwrap()
}

fn is_taken(keyed: &Keyed, key: impl Hash, rate: Rate, now: u64) -> bool {
    matches!(keyed.take(key, rate, at(now)).0, Taken::Yes { .. })
}

#[test]
fn each_key_has_a_bucket_of_its_own() {
    // Far fewer than there is room for: in no set are there more than it has places.
    let (keyed, rate) = (Keyed::new(1000), rate(2, 1));
    for key in 0..100 {
        assert!(is_taken(&keyed, key, rate, SECOND));
        assert!(is_taken(&keyed, key, rate, SECOND));
        assert!(!is_taken(&keyed, key, rate, SECOND), "{key}");
    }
    keyed.give(7, rate);
    assert!(is_taken(&keyed, 7, rate, SECOND));
    assert!(!is_taken(&keyed, 7, rate, SECOND) && !is_taken(&keyed, 8, rate, SECOND));
}

#[test]
fn a_key_that_is_full_again_leaves_its_place() {
    let (keyed, rate) = (Keyed::new(7), rate(1, 1));
    for round in 1..100 {
        for key in 0..7 {
            let (taken, evicted) = keyed.take((round, key), rate, at(2 * round * SECOND));
            assert!(matches!(taken, Taken::Yes { .. }) && !evicted);
        }
        assert_eq!(keyed.in_use(at(2 * round * SECOND)), 7);
    }
    assert_eq!(keyed.in_use(at(1000 * SECOND)), 0);
}

/// The bad input: 100,000 keys, in a table for fewer. It does not grow, and a key that is
/// held back stays so.
#[test]
fn a_hundred_thousand_keys_drive_out_each_other() {
    let (keyed, rate) = (Keyed::new(1000), rate(10, 10));
    let places = keyed.places();
    let mut now = SECOND;
    while is_taken(&keyed, "held back", rate, now) {}
    let (mut evictions, mut admitted) = (0, 0);
    for key in 0..100_000 {
        let (taken, evicted) = keyed.take(key, rate, at(now));
        assert!(matches!(taken, Taken::Yes { .. }), "a new key has a full bucket");
        evictions += u32::from(evicted);
        if key % 10 == 0 {
            admitted += u32::from(is_taken(&keyed, "held back", rate, now));
        }
        now += 10_000;
    }
    assert!(evictions > 50_000, "{evictions}");
    // A second has passed: ten came back.
    assert!((9..=11).contains(&admitted), "{admitted}");
    assert_eq!(keyed.places(), places);
    assert!(keyed.in_use(at(now)) <= places);
}

/// Again and again from an empty table, since what can go wrong is who comes first.
#[test]
fn workers_share_the_bucket_of_a_key() {
    const KEYS: u64 = 20;
    const DEPTH: usize = 5;
    for round in 0..200 {
        let (keyed, rate) = (Keyed::new(1000), rate(DEPTH as u64, 1));
        let start = std::sync::Barrier::new(4);
        let admitted: usize = std::thread::scope(|scope| {
            let worker = || {
                let one = |turn: u64| is_taken(&keyed, turn % KEYS, rate, SECOND);
                start.wait();
                (0..20 * KEYS).filter(|turn| one(*turn)).count()
            };
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(admitted, DEPTH * KEYS as usize, "in round {round}");
    }
}

/// One set and more keys than it has places: whatever workers do to each other, nobody waits for
/// ever, and no key is left that cannot be used.
#[test]
fn workers_drive_out_each_others_keys() {
    let (keyed, rate) = (Keyed::new(1), rate(1, 1));
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let keyed = &keyed;
            let turns = move |turn| {
                keyed.take((worker, turn % 9), rate, at(SECOND + turn));
                keyed.give((worker, turn % 5), rate);
            };
            scope.spawn(move || (0..10_000).for_each(turns));
        }
    });
    assert!(keyed.in_use(at(SECOND)) <= keyed.places());
    assert!((0..100).all(|key| is_taken(&keyed, (9, key), rate, (100 + 2 * key) * SECOND)));
}
