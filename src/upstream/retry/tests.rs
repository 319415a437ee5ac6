use super::*;
use crate::upstream::balance::Balancing;
use crate::upstream::balance::tests::{cluster, endpoint};

fn retry() -> Retry {
    Retry {
        attempts: 5,
        backoff: Duration::from_millis(100),
        backoff_max: Duration::from_millis(500),
        codes: Box::new([429, 503]),
        any_method: false,
        budget_percent: 20,
        budget_min: 3,
        hedge_after: None,
        replay_bytes: 1024,
    }
}

#[test]
fn waits_double_up_to_a_bound_and_are_spread() {
    let random = Random::seeded(1);
    for (number, longest) in [(1, 100), (2, 200), (3, 400), (4, 500), (40, 500)] {
        let waits: Vec<_> = (0..200).map(|_| retry().wait(number, &random).as_millis()).collect();
        assert!(waits.iter().all(|wait| (longest / 2..=longest).contains(wait)), "{waits:?}");
        let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
        assert!(most - least > longest / 3, "{number}: {least} to {most}");
    }
    let at_once = Retry { backoff: Duration::ZERO, ..retry() };
    assert_eq!(at_once.wait(3, &random), Duration::ZERO);
}

#[test]
fn the_budget_is_a_share_of_what_is_under_way_and_never_nothing() {
    let local = Local::new(cluster(vec![endpoint(1, 1, 0)], Balancing::default()), 0, None);
    let admitted = |active: u64| {
        let all: Vec<_> = (0..100).map_while(|_| retry().admit(&local, active)).collect();
        all.len()
    };
    assert_eq!([admitted(0), admitted(10), admitted(15), admitted(100)], [3, 3, 3, 20]);
    assert_eq!(local.retries.get(), 0, "each gives its place back");
    let none = Retry { budget_percent: 0, budget_min: 0, ..retry() };
    assert!(none.admit(&local, 1_000).is_none());
}

#[test]
fn only_codes_that_are_listed_are_failures() {
    let found: Vec<_> = [200, 428, 429, 500, 503, 504].map(|code| retry().is_code(code)).into();
    assert_eq!(found, [false, false, true, false, true, false]);
}
