use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::affinity::Cores;
use crate::folder::Folder;

/// The parent in the group starts a second process; both must be gone after the drop.
#[test]
fn the_whole_group_dies_with_its_owner() {
    adopt_orphans().unwrap();
    let folder = Folder::create().unwrap();
    let core = Cores::choose().map_or(0, |cores| cores.proxy);
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 60 & echo $!; wait"]);
    let child = Child::spawn(command, core, folder.path(), "group").unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while child.last_words().is_empty() {
        assert!(Instant::now() < deadline, "the child said nothing");
        thread::yield_now();
    }
    let grandchild: u32 = child.last_words().trim().parse().unwrap();
    assert!(alive(grandchild));
    drop(child);
    assert!(!alive(grandchild), "gone, and not even a zombie left");
}

/// The parent in the group ends by itself and leaves its child behind.
#[test]
fn what_is_left_behind_ends_too() {
    adopt_orphans().unwrap();
    let folder = Folder::create().unwrap();
    let core = Cores::choose().map_or(0, |cores| cores.proxy);
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 60 & echo $!; exit 3"]);
    let mut child = Child::spawn(command, core, folder.path(), "left").unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let status = loop {
        assert!(Instant::now() < deadline, "it does not end");
        match child.exited().unwrap() {
            Some(status) => break status,
            None => thread::yield_now(),
        }
    };
    assert_eq!(status.code(), Some(3));
    assert_eq!(child.exited().unwrap(), Some(status), "asked twice");
    let grandchild: u32 = child.words().trim().parse().unwrap();
    drop(child);
    assert!(!alive(grandchild), "gone, and not even a zombie left");
}

fn alive(process: u32) -> bool {
    Path::new(&format!("/proc/{process}")).exists()
}
