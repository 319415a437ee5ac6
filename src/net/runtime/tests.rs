use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::net::tests::{buffer_of, on_both_drivers, write};

/// Silent: a test that panics on purpose should not look like one that fails.
fn fail() -> ! {
    std::panic::resume_unwind(Box::new("on purpose"))
}

/// At its first poll, or after a wait.
async fn fail_later(wait: bool, wheel: Rc<crate::net::Wheel>) {
    if wait {
        wheel.sleep(Duration::from_millis(1)).await;
    }
    fail();
}

#[test]
fn what_main_returns_is_returned() {
    for driver in [probe(DriverChoice::Auto).unwrap(), Driver::Epoll] {
        assert_eq!(run(driver, async { 42 }).unwrap(), 42);
    }
}

#[test]
fn epoll_can_be_asked_for() {
    assert_eq!(probe(DriverChoice::Epoll).unwrap(), Driver::Epoll);
}

#[test]
fn a_panic_ends_its_task_alone() {
    on_both_drivers(async |rig| {
        let panics = Rc::new(Cell::new(0));
        let (stream, peer) = rig.pair();
        let echoed = Rc::new(Cell::new(0));
        let count = Rc::clone(&echoed);
        let echo = async move {
            let mut buffer = buffer_of(b"");
            for _ in 0..3 {
                let (result, back) = stream.recv(buffer).await;
                count.set(count.get() + result.unwrap());
                buffer = back;
                buffer.clear();
            }
        };
        let none = Rc::clone(&panics);
        spawn(echo, None, move || none.set(100));
        for round in 1..=3 {
            let (counted, wheel) = (Rc::clone(&panics), Rc::clone(&rig.wheel));
            spawn(fail_later(round > 1, wheel), None, move || counted.set(counted.get() + 1));
            while panics.get() < round {
                rig.sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(panics.get(), round, "told once for each");
            write(&peer, b"alive");
            while echoed.get() < 5 * round as usize {
                rig.sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(echoed.get(), 5 * round as usize, "the other task lives on");
        }
    });
}

/// Unwinding out of its poll drops nothing of it.
struct Holds {
    _kept: Rc<()>,
}

impl Future for Holds {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        fail();
    }
}

#[test]
fn what_a_panicking_task_held_is_dropped() {
    on_both_drivers(async |rig| {
        let held = Rc::new(());
        let (kept, last) = (Rc::clone(&held), Rc::new(Cell::new(0)));
        let seen = Rc::clone(&last);
        let watched = Rc::downgrade(&held);
        drop(held);
        spawn(Holds { _kept: kept }, None, move || seen.set(1 + watched.strong_count()));
        rig.sleep(Duration::from_millis(20)).await;
        assert_eq!(last.get(), 1, "dropped before `on_panic` is told");
    });
}
