use std::hint::black_box;
use std::process;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn fields_are_found_behind_an_awkward_name() {
    let stat = "7 (a) b) (c) S 1 7 7 0 -1 4194560 9 0 0 0 31 17 0 0 20 0 1 0 100 1 2";
    assert_eq!(ticks(stat).unwrap(), (31, 17));
    assert_eq!(cpu_ns("57695 50969 2\n").unwrap(), 57695);
    let rollup = "00-ff ---p [rollup]\nRss:    1832 kB\nAnonymous:     160 kB\n";
    assert_eq!(kibibytes(rollup, "Anonymous:").unwrap(), 160);
    assert_eq!(kibibytes(rollup, "Rss:").unwrap(), 1832);
    assert!(kibibytes(rollup, "Pss:").is_err());
    let stat = "cpu  9 9 9 9 9 0 0 0\ncpu1 8 8 8 8 8 0\ncpu11 1 2 3 40 5 6 7\n";
    assert_eq!(idle_ticks(stat, 11).unwrap(), 45);
    assert!(idle_ticks(stat, 2).is_err());
}

#[test]
fn time_that_is_burnt_is_counted() {
    let before = Usage::of_tree(process::id()).unwrap();
    let start = Instant::now();
    let mut state = 1u64;
    while start.elapsed() < Duration::from_millis(50) {
        state = black_box(state.wrapping_mul(3));
    }
    let used = Usage::of_tree(process::id()).unwrap().since(before).unwrap();
    // A busy machine may have let this thread run for a part of the time only.
    assert!(used.cpu_ns > 1_000_000, "{used:?}");
}

#[test]
fn memory_that_is_touched_is_counted() {
    let before = Memory::of_tree(process::id()).unwrap();
    let touched = black_box(vec![1u8; 32 * 1024 * 1024]);
    let after = Memory::of_tree(process::id()).unwrap();
    drop(touched);
    let grown_bytes = after.anonymous_bytes.saturating_sub(before.anonymous_bytes);
    assert!(grown_bytes > 16 * 1024 * 1024, "{grown_bytes}");
}

#[test]
fn a_lost_thread_is_an_error() {
    let more = Usage { cpu_ns: 2, ..Usage::default() };
    assert!(Usage::default().since(more).is_err());
}
