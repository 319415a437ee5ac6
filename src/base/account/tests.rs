use std::thread;

use super::*;

const NO_LIMIT: [Option<u64>; KINDS] = [None, None];

fn used(account: &Account, index: i64) -> Amounts {
    account.balance(index).used
}

#[test]
fn what_goes_over_is_the_last() {
    let account = Account::default();
    let limits = [Some(100), None];
    let first = account.hold(5, [60, 1], limits).unwrap();
    let second = account.hold(5, [60, 1], limits).unwrap();
    assert_eq!(account.hold(5, [1, 1], limits), Err(0));
    assert_eq!((used(&account, 5), account.taken(5)), ([0, 0], [120, 2]));
    account.settle(first, [10, 2]);
    account.settle(second, [0, 0]);
    assert_eq!((used(&account, 5), account.taken(5)), ([10, 2], [10, 2]));
    // Of the second kind nothing is left: the first is given back.
    assert_eq!(account.hold(5, [7, 7], [Some(100), Some(2)]), Err(1));
    assert_eq!(account.taken(5), [10, 2]);
    assert_eq!(account.hold(5, [7, 7], [Some(0), None]), Err(0));
}

#[test]
fn a_period_begins_by_itself() {
    let account = Account::default();
    let limits = [Some(10), None];
    let old = account.hold(7, [10, 0], limits).unwrap();
    assert_eq!(account.hold(7, [1, 0], limits), Err(0));
    let new = account.hold(8, [1, 0], limits).unwrap();
    assert_eq!(account.taken(8), [1, 0]);
    // It was begun in the last period, and ends in this one.
    account.settle(old, [4, 0]);
    assert_eq!((used(&account, 8), account.taken(8)), ([4, 0], [5, 0]));
    account.settle(new, [2, 0]);
    assert_eq!((used(&account, 8), account.taken(8)), ([6, 0], [6, 0]));
    // Who comes late is in the period that runs.
    assert_eq!(account.balance(7), Balance { index: 8, used: [6, 0] });
    // Exactly as far on as the words can tell apart, with a look between.
    assert_eq!(used(&account, 9), [0, 0]);
    assert_eq!(used(&account, 9 + 1024), [0, 0]);
    assert_eq!(account.taken(9 + 1024), [0, 0]);
}

#[test]
fn a_clock_that_was_far_ahead_is_forgotten() {
    let account = Account::default();
    let held = account.hold(1_000_000, [5, 5], NO_LIMIT).unwrap();
    account.settle(held, [5, 5]);
    assert_eq!(account.balance(100), Balance { index: 100, used: [0, 0] });
    assert_eq!(account.balance(100 - LATE_MAX).index, 100);
    assert_eq!(account.balance(100 - LATE_MAX - 1).index, 100 - LATE_MAX - 1);
}

#[test]
fn what_others_used_is_added_and_a_reset_forgets() {
    let account = Account::default();
    account.correct(3, [40, 4]);
    assert_eq!((used(&account, 3), account.taken(3)), ([40, 4], [40, 4]));
    account.correct(3, [-50, -1]);
    assert_eq!(used(&account, 3), [0, 3]);
    let held = account.hold(3, [8, 8], NO_LIMIT).unwrap();
    account.reset(3);
    assert_eq!((used(&account, 3), account.taken(3)), ([0, 0], [8, 8]));
    account.settle(held, [6, 6]);
    assert_eq!((used(&account, 3), account.taken(3)), ([6, 6], [6, 6]));
    // Of a period that is over.
    assert_eq!(used(&account, 4), [0, 0]);
    account.correct(3, [1, 1]);
    assert_eq!(used(&account, 4), [0, 0]);
}

#[test]
fn what_is_full_stays_full() {
    let account = Account::default();
    let held = account.hold(1, [u64::MAX, 1], NO_LIMIT).unwrap();
    assert_eq!(account.taken(1), [VALUE, 1]);
    account.settle(held, [u64::MAX, u64::MAX]);
    assert_eq!(used(&account, 1), [VALUE, VALUE]);
    assert!(account.hold(1, [1, 1], [Some(VALUE), None]).is_err());
}

/// Each is let in while something is left, and uses less than it holds: so many are let in as the
/// limit has room for, and none more, whoever asks and however often.
#[test]
fn a_thousand_at_once_get_what_there_is() {
    for round in 0..200 {
        let account = Account::default();
        let let_in = thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(|| let_in(&account, round)));
            threads.map(|thread| thread.join().unwrap()).into_iter().sum::<usize>()
        });
        assert_eq!(let_in, 6);
        assert_eq!(account.taken(round), [6 * 18, 0]);
    }
}

fn let_in(account: &Account, index: i64) -> usize {
    let (mut refused, mut let_in) = (0, 0);
    while refused < 50 {
        match account.hold(index, [30, 0], [Some(100), None]) {
            Ok(held) => {
                account.settle(held, [18, 0]);
                (refused, let_in) = (0, let_in + 1);
            }
            Err(_) if used(account, index)[0] < 100 => thread::yield_now(),
            Err(_) => refused += 1,
        }
    }
    let_in
}

fn spend(account: &Account, clock: &AtomicI64, (worker, turn): (u32, u64)) {
    if worker == 0 && turn % 500 == 0 {
        clock.store(clock.load(Relaxed) + 1, Relaxed);
    }
    let held = account.hold(clock.load(Relaxed), [2, 5], NO_LIMIT).unwrap();
    account.settle(held, [1, 1]);
}

/// Nothing of what was used is lost and nothing is counted twice while periods pass: each period
/// has at the least what was begun and ended in it.
#[test]
fn periods_pass_under_load() {
    const EACH: u64 = 20_000;
    let account = Account::default();
    let clock = AtomicI64::new(0);
    let seen = AtomicU64::new(0);
    thread::scope(|scope| {
        for worker in 0..4 {
            let (account, clock) = (&account, &clock);
            scope.spawn(move || (0..EACH).for_each(|turn| spend(account, clock, (worker, turn))));
        }
        scope.spawn(|| {
            while clock.load(Relaxed) < 30 {
                let balance = account.balance(clock.load(Relaxed));
                seen.store(seen.load(Relaxed).max(balance.used[0]), Relaxed);
            }
        });
    });
    assert!(seen.load(Relaxed) <= 4 * EACH);
    let at = clock.load(Relaxed);
    let last = account.balance(at).used;
    assert!(last[0] > 0 && last[1] > 0, "{last:?}");
    assert_eq!(account.taken(at), last, "nothing is held any more");
    let held = account.hold(at, [1, 1], NO_LIMIT).unwrap();
    account.settle(held, [1, 0]);
    assert_eq!(used(&account, at)[0], last[0] + 1);
}
