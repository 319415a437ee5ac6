//! Waiting on a condition, with a deadline. The only place that sleeps.

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

/// What a test machine under load may need for something that takes milliseconds.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until there is an answer; fails the test when there is none in time.
pub fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, ask)
}

pub fn within<T>(limit: Duration, what: &str, ask: impl FnMut() -> Option<T>) -> T {
    or_none(limit, ask).unwrap_or_else(|| panic!("not within {limit:?}: {what}"))
}

/// For who has more to say when it does not come to be.
pub fn or_none<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        let answer = ask();
        if answer.is_some() || started.elapsed() >= limit {
            return answer;
        }
        thread::sleep(PAUSE);
    }
}

pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    eventually(what, || holds().then_some(()));
}

/// Until two values are the same; fails with both where that does not come to be.
pub fn equal<T: PartialEq + Debug>(what: &str, mut both: impl FnMut() -> (T, T)) {
    let started = Instant::now();
    loop {
        let (is, wanted) = both();
        if is == wanted {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{what} is {is:?}, not {wanted:?}");
        thread::sleep(PAUSE);
    }
}

/// For what must not come to be: fails as soon as it does.
pub fn never(what: &str, span: Duration, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while started.elapsed() < span {
        assert!(!holds(), "it happened: {what}");
        thread::sleep(PAUSE);
    }
}

/// For what goes on beside a test, and has to leave the machine to others for a while.
pub fn rest(span: Duration) {
    thread::sleep(span);
}

const PAUSE: Duration = Duration::from_millis(5);
