use super::*;

enum Cue {
    Begin,
    Leave,
    Time,
    Drained(u32, u64),
    Gone(u32),
}
use Cue::{Begin, Drained, Gone, Leave, Time};

const HINT: Step = Step::Drain { stop_accepting: false };
const CLOSE: Step = Step::Drain { stop_accepting: true };

fn finish(cut: u64) -> Step {
    Step::Finish { cut, silent: Vec::new() }
}

/// Two workers; each row: seconds since the start, what happens, what is to be done.
fn check(min_s: u64, max_s: u64, rows: &[(u64, Cue, &[Step])]) {
    let start = Instant::now();
    let seconds = Duration::from_secs;
    let mut drain = Drain::new(2, Deadlines::new(seconds(min_s), seconds(max_s)));
    for (row, (second, cue, expected)) in rows.iter().enumerate() {
        let now = start + seconds(*second);
        let steps = match cue {
            Begin => drain.begin(now),
            Leave => drain.leave(now),
            Time => drain.on_time(now),
            Drained(worker, cut) => drain.drained(WorkerId(*worker), *cut),
            Gone(worker) => drain.gone(WorkerId(*worker)),
        };
        assert_eq!(steps, *expected, "row {row}, second {second}, min {min_s}, max {max_s}");
    }
}

/// Nobody has to learn of it first: another process serves.
#[test]
fn a_drain_behind_a_successor_skips_the_hint() {
    check(
        10,
        60,
        &[
            (100, Leave, &[CLOSE]),
            (101, Begin, &[]),
            (101, Leave, &[]),
            (111, Time, &[]),
            (120, Drained(1, 0), &[]),
            (130, Drained(0, 0), &[finish(0)]),
        ],
    );
    check(10, 60, &[(100, Begin, &[HINT]), (101, Leave, &[]), (110, Time, &[CLOSE])]);
    check(10, 60, &[(100, Leave, &[CLOSE]), (160, Time, &[Step::Cut])]);
}

#[test]
fn a_drain_that_loses_nothing() {
    check(
        10,
        60,
        &[
            (100, Time, &[]),
            (100, Begin, &[HINT]),
            (101, Begin, &[]),
            (109, Time, &[]),
            (110, Time, &[CLOSE]),
            (110, Time, &[]),
            (120, Drained(1, 0), &[]),
            (130, Drained(0, 0), &[finish(0)]),
            (200, Time, &[]),
            (200, Drained(0, 3), &[]),
        ],
    );
}

#[test]
fn max_counts_from_the_signal() {
    check(
        10,
        15,
        &[
            (0, Begin, &[HINT]),
            (10, Time, &[CLOSE]),
            (14, Time, &[]),
            (15, Time, &[Step::Cut]),
            (15, Drained(0, 2), &[]),
            (15, Drained(1, 3), &[finish(5)]),
        ],
    );
}

#[test]
fn a_late_tick_skips_no_step() {
    let silent = || vec![WorkerId(0), WorkerId(1)];
    let end = [CLOSE, Step::Cut, Step::Finish { cut: 0, silent: silent() }];
    check(1, 2, &[(0, Begin, &[HINT]), (9, Time, &end)]);
}

#[test]
fn without_min_accepting_stops_at_once() {
    check(0, 5, &[(7, Begin, &[CLOSE]), (8, Drained(0, 0), &[]), (8, Drained(1, 0), &[finish(0)])]);
    check(
        0,
        0,
        &[
            (7, Begin, &[CLOSE, Step::Cut]),
            (7, Drained(0, 1), &[]),
            (8, Time, &[Step::Finish { cut: 1, silent: vec![WorkerId(1)] }]),
        ],
    );
}

#[test]
fn a_max_below_min_is_raised() {
    assert_eq!(
        Deadlines::new(Duration::from_secs(9), Duration::from_secs(3)).max(),
        Duration::from_secs(9)
    );
    check(9, 3, &[(0, Begin, &[HINT]), (3, Time, &[]), (9, Time, &[CLOSE, Step::Cut])]);
}

#[test]
fn an_answer_before_accepting_stopped_does_not_count() {
    check(
        10,
        60,
        &[
            (0, Begin, &[HINT]),
            (1, Drained(0, 0), &[]),
            (1, Drained(1, 0), &[]),
            (10, Time, &[CLOSE]),
            (11, Drained(0, 0), &[]),
            (11, Drained(0, 0), &[]),
            (12, Drained(1, 0), &[finish(0)]),
        ],
    );
}

#[test]
fn a_worker_that_died_is_not_waited_for() {
    check(0, 60, &[(0, Gone(1), &[]), (1, Begin, &[CLOSE]), (2, Drained(0, 0), &[finish(0)])]);
    check(0, 60, &[(1, Begin, &[CLOSE]), (2, Drained(0, 4), &[]), (3, Gone(1), &[finish(4)])]);
    check(
        5,
        60,
        &[
            (0, Gone(0), &[]),
            (0, Gone(1), &[]),
            (1, Begin, &[HINT]),
            (6, Time, &[CLOSE, finish(0)]),
        ],
    );
}

#[test]
fn deadlines_of_a_begun_drain_stay() {
    let now = Instant::now();
    let mut drain = Drain::new(1, Deadlines::new(Duration::ZERO, Duration::from_secs(1)));
    drain.set_deadlines(Deadlines::new(Duration::from_secs(2), Duration::from_secs(3)));
    assert_eq!((drain.due(), drain.begun()), (None, false));
    drain.begin(now);
    drain.set_deadlines(Deadlines::new(Duration::from_secs(7), Duration::from_secs(8)));
    assert_eq!((drain.due(), drain.begun()), (Some(now + Duration::from_secs(2)), true));
}

#[test]
fn no_number_is_too_large_for_the_clock() {
    let mut drain = Drain::new(1, Deadlines::new(Duration::MAX, Duration::MAX));
    assert_eq!(drain.begin(Instant::now()), [HINT]);
    assert!(drain.due().is_some());
}
