use super::*;
use crate::base::random::Random;

const SECOND: u64 = 1_000_000_000;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn rate(depth: u64, tokens: u64, interval: Duration) -> Rate {
    Rate::new(depth, tokens, interval).unwrap()
}

fn is_taken(bucket: &Bucket, rate: Rate, now: Instant) -> bool {
    matches!(bucket.take(rate, now), Taken::Yes { .. })
}

#[test]
fn a_full_bucket_has_its_depth_and_no_more() {
    for (depth, tokens, seconds) in [(1, 1, 1), (10, 1, 1), (10, 3, 1), (7, 1000, 60), (5, 7, 3)] {
        let rate = rate(depth, tokens, Duration::from_secs(seconds));
        let bucket = Bucket::default();
        assert_eq!(rate.depth(), depth);
        for left in (0..depth).rev() {
            assert_eq!(bucket.take(rate, at(SECOND)), Taken::Yes { left });
        }
        assert!(!is_taken(&bucket, rate, at(SECOND)), "{depth} {tokens} {seconds}");
    }
}

#[test]
fn who_is_refused_is_told_when_to_come_back() {
    let rate = rate(2, 4, Duration::from_secs(1));
    let bucket = Bucket::default();
    assert!(is_taken(&bucket, rate, at(0)) && is_taken(&bucket, rate, at(0)));
    let Taken::No { wait } = bucket.take(rate, at(0)) else { panic!("there was a third") };
    assert_eq!(wait, Duration::from_millis(250));
    assert!(!is_taken(&bucket, rate, at(249_999_999)));
    assert!(is_taken(&bucket, rate, at(250_000_000)));
}

#[test]
fn an_idle_bucket_fills_and_does_not_run_over() {
    let rate = rate(3, 1, Duration::from_secs(1));
    let bucket = Bucket::default();
    for _ in 0..3 {
        assert!(is_taken(&bucket, rate, at(0)));
    }
    assert_eq!(bucket.left(rate, at(2 * SECOND)), 2);
    assert_eq!(bucket.left(rate, at(100 * SECOND)), 3);
    for _ in 0..3 {
        assert!(is_taken(&bucket, rate, at(100 * SECOND)));
    }
    assert!(!is_taken(&bucket, rate, at(100 * SECOND)));
}

#[test]
fn a_token_given_back_can_be_taken() {
    let rate = rate(1, 1, Duration::from_secs(60));
    let bucket = Bucket::default();
    assert!(is_taken(&bucket, rate, at(SECOND)));
    assert!(!is_taken(&bucket, rate, at(SECOND)));
    bucket.give(rate);
    assert!(is_taken(&bucket, rate, at(SECOND)));
}

/// Against a bucket that counts in fractions of a token.
#[test]
fn it_does_what_a_bucket_does_that_is_filled_by_the_clock() {
    let random = Random::seeded(7);
    for round in 0..50 {
        let (depth, tokens) = (1 + random.below(20), 1 + random.below(20));
        let rate = rate(depth, tokens, Duration::from_secs(1));
        let bucket = Bucket::default();
        let (mut now, mut level) = (SECOND, depth as f64);
        for _ in 0..2000 {
            let passed = random.below(3 * SECOND / tokens);
            now += passed;
            level = (level + passed as f64 * tokens as f64 / SECOND as f64).min(depth as f64);
            let expected = level >= 1.0;
            let close = (level - 1.0).abs() < 1e-6;
            let taken = is_taken(&bucket, rate, at(now));
            assert!(taken == expected || close, "round {round}: {level} of {depth}, {tokens}/s");
            level -= if taken { 1.0 } else { 0.0 };
        }
    }
}

/// The measure: 1,000 a second are let in of 50,000 offered by four workers, within 1 %.
/// Time is counted by the requests, so that the machine's speed does not matter.
#[test]
fn four_workers_share_one_bucket_exactly() {
    const OFFERED: u64 = 500_000;
    const EVERY_NANOS: u64 = SECOND / 50_000;
    let rate = rate(100, 1000, Duration::from_secs(1));
    let (bucket, tick, admitted) = (Bucket::default(), AtomicU64::new(0), AtomicU64::new(0));
    let offer = || {
        let turns = std::iter::repeat_with(|| count(&tick)).take_while(|turn| *turn < OFFERED);
        let taken = turns.filter(|turn| is_taken(&bucket, rate, at(turn * EVERY_NANOS)));
        taken.for_each(|_| {
            count(&admitted);
        });
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(offer);
        }
    });
    let (admitted, wanted) = (admitted.into_inner(), 100 + 1000 * OFFERED / 50_000);
    assert!(admitted.abs_diff(wanted) <= wanted / 100, "{admitted} of {wanted}");
}

#[test]
fn rates_that_are_none() {
    let second = Duration::from_secs(1);
    for (depth, tokens, interval) in [
        (0, 1, second),
        (1, 0, second),
        (1, 1, Duration::ZERO),
        (1, 1_000_000, Duration::from_nanos(1)),
        (u64::MAX, 1, second),
        (1_000_000_000, 1, second),
    ] {
        assert_eq!(Rate::new(depth, tokens, interval), None, "{depth} {tokens} {interval:?}");
    }
}

fn count(of: &AtomicU64) -> u64 {
    of.fetch_update(Relaxed, Relaxed, |count| Some(count + 1)).unwrap()
}
