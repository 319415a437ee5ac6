use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::base::gcra::Rate;
use crate::base::prefix::Prefixes;
use crate::policy::rate_limit::{Key, KeySpec, RateLimit, RateLimitSpec};
use crate::snapshot::sources::{Sources, SourcesSpec};

const THEN: Instant = Instant::from_nanos(3_600_000_000_000);
/// Another process counts from its own beginning.
const NOW: Instant = Instant::from_nanos(5_000_000_000);

fn rate(depth: u64) -> Rate {
    Rate::new(depth, 1, Duration::from_secs(10)).unwrap()
}

fn limit(name: &str, depth: u64) -> Arc<RateLimit> {
    Arc::new(RateLimit::new(
        name.to_owned(),
        RateLimitSpec { rate: rate(depth), by: None, tokens: None },
    ))
}

fn keyed(name: &str) -> Arc<RateLimit> {
    let prefixes = Prefixes { ipv4_bits: 32, ipv6_bits: 64 };
    let by = Some(KeySpec { key: Key::Source(prefixes), keys_max: 100 });
    Arc::new(RateLimit::new(name.to_owned(), RateLimitSpec { rate: rate(2), by, tokens: None }))
}

fn sources() -> Arc<Sources> {
    let prefixes = Prefixes { ipv4_bits: 32, ipv6_bits: 64 };
    let (opened, requests) = (None, Some(rate(2)));
    let spec = SourcesSpec { prefixes, connections_max: None, opened, requests, sources_max: 100 };
    Arc::new(Sources::new(spec))
}

fn snapshot(rate_limits: Vec<Arc<RateLimit>>) -> Snapshot {
    Snapshot { rate_limits, sources: Some(sources()), ..Snapshot::empty() }
}

fn passed(old: &Snapshot, new: &Snapshot, age: Duration) {
    restore(new, &save(old, THEN).unwrap(), age, NOW).unwrap();
}

#[test]
fn a_bucket_goes_on_as_it_was() {
    let (old, new) = (limit("route/a#0", 5), limit("route/a#0", 5));
    old.spend(3, THEN);
    passed(&snapshot(vec![old]), &snapshot(vec![Arc::clone(&new)]), Duration::ZERO);
    assert_eq!(new.left(NOW), Some(2));
    // One comes back every ten seconds, on the way, too.
    let (old, new) = (limit("route/a#0", 5), limit("route/a#0", 5));
    old.spend(3, THEN);
    passed(&snapshot(vec![old]), &snapshot(vec![Arc::clone(&new)]), Duration::from_secs(10));
    assert_eq!(new.left(NOW), Some(3));
}

#[test]
fn a_limit_that_was_changed_or_moved_begins_anew() {
    let old = limit("route/a#0", 5);
    old.spend(5, THEN);
    let (other, changed) = (limit("route/b#0", 5), limit("route/a#0", 6));
    let new = snapshot(vec![Arc::clone(&other), Arc::clone(&changed)]);
    passed(&snapshot(vec![old]), &new, Duration::ZERO);
    assert_eq!((other.left(NOW), changed.left(NOW)), (Some(5), Some(6)));
}

#[test]
fn keys_are_found_again() {
    let (old, new) = (keyed("route/a#0"), keyed("route/a#0"));
    let address = |last: u8| format!("192.0.2.{last}").parse().unwrap();
    let (old_snapshot, new_snapshot) =
        (snapshot(vec![Arc::clone(&old)]), snapshot(vec![Arc::clone(&new)]));
    let ask = |snapshot: &Snapshot, last: u8, at: Instant| {
        snapshot.sources.as_ref().unwrap().ask(Some(address(last)), at).is_ok()
    };
    for last in 0..50 {
        assert!(ask(&old_snapshot, last, THEN) && ask(&old_snapshot, last, THEN));
    }
    passed(&old_snapshot, &new_snapshot, Duration::ZERO);
    for last in 0..50 {
        assert!(!ask(&new_snapshot, last, NOW), "{last}");
    }
    assert!(ask(&new_snapshot, 50, NOW), "a source that is new");
    assert!(ask(&new_snapshot, 1, NOW.plus(Duration::from_secs(10))));
    assert_eq!(new.keys(NOW).unwrap().0, 0, "nobody asked the limit of the route");
}

#[test]
fn what_is_not_understood_changes_nothing() {
    let new = limit("route/a#0", 5);
    let snapshot = snapshot(vec![Arc::clone(&new)]);
    for state in [&b""[..], b"{}", b"null", b"{\"rateLimits\":3}", &[0xff; 100]] {
        assert!(restore(&snapshot, state, Duration::ZERO, NOW).is_err());
    }
    assert_eq!(new.left(NOW), Some(5));
}
