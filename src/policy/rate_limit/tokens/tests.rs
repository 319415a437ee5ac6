use std::time::Duration;

use super::super::{Key, KeySpec, RateLimitSpec};
use super::*;
use crate::base::gcra::Rate;
use crate::policy::attributes::tests::with_request;
use crate::proto::http1::FieldName;

/// A thousand tokens, ten a second; of an answer a hundred are taken before.
fn limit(depth: u64, is_keyed: bool) -> Arc<RateLimit> {
    let rate = Rate::new(depth, 10, Duration::from_secs(1)).expect("a rate");
    let key = Key::Header(FieldName::Other, b"x-key"[..].into());
    let by = is_keyed.then_some(KeySpec { key, keys_max: 100 });
    let spec = RateLimitSpec { rate, tokens: Some(100), by };
    Arc::new(RateLimit::new("tokens".into(), spec))
}

fn at(second: u64) -> Instant {
    Instant::from_nanos(second * 1_000_000_000)
}

/// What is left, or how long to wait.
fn take(
    limits: &[Arc<RateLimit>],
    key: &str,
    estimate: (u64, Option<u64>),
    second: u64,
) -> (Result<Left, u32>, Vec<Reserved>) {
    let mut taken = Vec::new();
    let request = format!("POST / HTTP/1.1\nHost: a\nx-key: {key}\n\n");
    let estimate = Estimate { input: estimate.0, output_max: estimate.1 };
    let (decision, left) = with_request(&request, |attributes| {
        reserve(limits, attributes, estimate, (&mut taken, at(second)))
    });
    let result = decision.result.map_err(|exceeded| exceeded.wait_seconds);
    (result.map(|()| left.expect("there is a limit")), taken)
}

fn left(limits: &[Arc<RateLimit>], key: &str, second: u64) -> Option<u64> {
    let (left, mut taken) = take(limits, key, (1, None), second);
    settle(limits, &mut taken, 0, at(second));
    left.ok().map(|left| left.remaining + 1)
}

#[test]
fn what_was_taken_is_mended() {
    for is_keyed in [false, true] {
        let limits = [limit(1000, is_keyed)];
        for (estimate, used, left_then) in [
            ((200, None), 50, 950),
            // 300 were owed, at ten a second.
            ((200, None), 500, 500),
            ((200, Some(7)), 207, 793),
            ((200, Some(4096)), 0, 1000),
            ((0, None), 1, 999),
        ] {
            let (before, mut taken) = take(&limits, "a", estimate, 1000);
            assert!(before.is_ok());
            settle(&limits, &mut taken, used, at(1000));
            assert_eq!(left(&limits, "a", 1000), Some(left_then), "{estimate:?} {is_keyed}");
            assert!(taken.is_empty());
            // As if nothing had been.
            let mut taken = vec![(key(&limits[0], "a"), used)];
            settle(&limits, &mut taken, 0, at(1000));
        }
    }
}

fn key(limit: &RateLimit, key: &str) -> u64 {
    let request = format!("POST / HTTP/1.1\nHost: a\nx-key: {key}\n\n");
    with_request(&request, |attributes| limit.buckets.key(attributes))
}

#[test]
fn a_long_answer_is_paid_for_by_those_behind_it() {
    for is_keyed in [false, true] {
        let limits = [limit(1000, is_keyed)];
        let (_, mut taken) = take(&limits, "a", (10, None), 1000);
        settle(&limits, &mut taken, 3000, at(1000));
        // 2000 are owed, and one has to be there.
        assert_eq!(take(&limits, "a", (1, None), 1000).0, Err(201));
        assert_eq!(take(&limits, "a", (1, None), 1200).0, Err(1));
        assert!(take(&limits, "a", (1, None), 1201).0.is_ok());
        assert_eq!(left(&limits, "b", 1000).is_some(), is_keyed, "another key owes nothing");
    }
}

#[test]
fn more_than_there_can_be_is_let_in_when_all_is_there() {
    let limits = [limit(1000, false)];
    let (first, _) = take(&limits, "a", (5000, None), 1000);
    assert_eq!(first, Ok(Left { limit: 1000, remaining: 0, reset_seconds: 100 }));
    assert_eq!(take(&limits, "a", (5000, None), 1000 + 499).0, Err(1));
    assert!(take(&limits, "a", (5000, None), 1000 + 500).0.is_ok());
    // A debt of more than a year is forgiven, and does not wrap around.
    settle(&limits, &mut vec![(0, 1)], u64::MAX, at(2000));
    assert!(take(&limits, "a", (1, None), 3000).0.is_err());
}

#[test]
fn all_of_them_or_none() {
    let limits = [limit(1000, false), limit(100, true)];
    let (least, mut taken) = take(&limits, "a", (60, None), 1000);
    assert_eq!(least, Ok(Left { limit: 100, remaining: 40, reset_seconds: 6 }));
    assert_eq!(take(&limits, "a", (60, None), 1000).0, Err(2));
    assert_eq!(limits[0].left(at(1000)), Some(940), "the first gave back what it had taken");
    settle(&limits, &mut taken, 0, at(1000));
    assert_eq!((limits[0].left(at(1000)), left(&limits, "a", 1000)), (Some(1000), Some(100)));
}

/// Many at once take and mend: nothing is lost, whoever is quicker.
#[test]
fn the_count_is_exact_whoever_takes() {
    for is_keyed in [false, true] {
        let limits = [limit(1_000_000, is_keyed)];
        let ask = || {
            for turn in 0..500 {
                let (got, mut taken) = take(&limits, "a", (20, None), 1000);
                assert!(got.is_ok());
                settle(&limits, &mut taken, 10 + turn % 20, at(1000));
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(ask))));
        // 500 x 19.5 by each.
        assert_eq!(left(&limits, "a", 1000), Some(1_000_000 - 4 * 9_750), "{is_keyed}");
    }
}
