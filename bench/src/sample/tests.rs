use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::affinity::Cores;
use crate::child::Child;
use crate::folder::Folder;

#[test]
fn fields_are_found_behind_an_awkward_name() {
    let stat = "7 (a) b) (c) S 1 7 7 0 -1 4194560 9 0 0 0 31 17 5 6 20 0 1 0 100 1 2";
    assert_eq!(ticks(stat).unwrap(), ((31, 17), (5, 6)));
    assert_eq!(cpu_ns("57695 50969 2\n").unwrap(), 57695);
    let rollup = "00-ff ---p [rollup]\nRss:    1832 kB\nAnonymous:     160 kB\n";
    assert_eq!(kibibytes(rollup, "Anonymous:").unwrap(), 160);
    assert_eq!(kibibytes(rollup, "Rss:").unwrap(), 1832);
    assert!(kibibytes(rollup, "Pss:").is_err());
    let stat = "cpu  9 9 9 9 9 0 0 0\ncpu1 8 8 8 8 8 0\ncpu11 1 2 3 40 5 6 7\n";
    assert_eq!(idle_ticks(stat, 11).unwrap(), 45);
    assert!(idle_ticks(stat, 2).is_err());
}

/// Waits until the shell that runs `script`, a process apart from those of other tests, has come
/// so far that `reached` says so.
fn watch_shell(script: &str, reached: impl Fn(u32) -> bool) {
    let folder = Folder::create().unwrap();
    let core = Cores::choose().map_or(0, |cores| cores.proxy);
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let shell = Child::spawn(command, core, folder.path(), "shell").unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !reached(shell.id()) {
        assert!(Instant::now() < deadline, "{script}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn time_that_is_burnt_is_counted() {
    let idle = Usage::default();
    // In a child of the shell, which is in the tree.
    watch_shell("(while :; do :; done); true", |shell| {
        Usage::of_tree(shell).unwrap().since(idle).unwrap().cpu_ns > 20_000_000
    });
}

#[test]
fn memory_that_is_touched_is_counted() {
    const TOUCHED: &str = "x=$(head -c 33554432 /dev/zero | tr '\\0' x); sleep 60; echo $x";
    watch_shell(TOUCHED, |shell| {
        let memory = Memory::of_tree(shell).unwrap();
        assert!(memory.anonymous_bytes <= memory.resident_bytes);
        memory.anonymous_bytes > 32 * 1024 * 1024
    });
}

#[test]
fn a_lost_thread_is_an_error() {
    let more = Usage { cpu_ns: 2, ..Usage::default() };
    assert!(Usage::default().since(more).is_err());
}

#[test]
fn only_what_may_end_may_be_gone() {
    let gone = || Err::<(), _>(io::Error::from_raw_os_error(libc::ESRCH));
    assert!(matches!(unless_ended(gone(), true), Ok(None)));
    assert!(unless_ended(gone(), false).is_err());
    assert!(unless_ended(Err::<(), _>(io::Error::other("malformed")), true).is_err());
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    assert!(Usage::of_tree(child.id()).is_err(), "the subject itself must be there");
}

#[test]
fn time_of_a_child_that_ended_is_counted() {
    let before_ns = ended_children_ns().unwrap();
    let burn = "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done";
    assert!(Command::new("sh").args(["-c", burn]).status().unwrap().success());
    assert!(ended_children_ns().unwrap() - before_ns >= 2 * TICK_NS);
}
