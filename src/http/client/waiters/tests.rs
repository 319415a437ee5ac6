use std::time::Duration;

use super::*;
use crate::net::deadline::{Action, Ends};
use crate::net::tests::{Rig, on_both_drivers};

fn deadline(rig: &Rig, millis: u64) -> Deadline {
    let deadline = rig.wheel.register(Ends::Nothing);
    deadline.set(rig.wheel.clock().now(), Duration::from_millis(millis), Action::Wake);
    deadline
}

/// Polls what would wait, without waiting.
fn poll(wait: &mut std::pin::Pin<Box<impl Future<Output = bool>>>) -> Poll<bool> {
    wait.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn who_came_first_is_woken_first_and_keeps_its_place() {
    on_both_drivers(async |rig: Rig| {
        let waiters = Waiters::default();
        let limit = deadline(&rig, 60_000);
        let (one, two) = (waiters.ticket(), waiters.ticket());
        let mut first = Box::pin(waiters.turn(one, &limit));
        let mut second = Box::pin(waiters.turn(two, &limit));
        assert!(poll(&mut second).is_pending() && poll(&mut first).is_pending());
        waiters.wake(1);
        assert_eq!((poll(&mut first), poll(&mut second)), (Poll::Ready(true), Poll::Pending));
        // It found nothing, and waits again: before the other.
        let mut first = Box::pin(waiters.turn(one, &limit));
        assert!(poll(&mut first).is_pending());
        assert_eq!(waiters.len(), 2);
        waiters.wake(1);
        assert_eq!((poll(&mut second), poll(&mut first)), (Poll::Pending, Poll::Ready(true)));
        waiters.wake_all();
        assert_eq!(poll(&mut second), Poll::Ready(true));
        assert!(waiters.is_empty());
    });
}

#[test]
fn a_turn_that_is_not_used_is_passed_on() {
    on_both_drivers(async |rig: Rig| {
        let waiters = Waiters::default();
        let limit = deadline(&rig, 60_000);
        let mut first = Box::pin(waiters.turn(waiters.ticket(), &limit));
        let mut second = Box::pin(waiters.turn(waiters.ticket(), &limit));
        assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
        waiters.wake(1);
        drop(first);
        assert_eq!(poll(&mut second), Poll::Ready(true));
    });
}

#[test]
fn nobody_waits_for_ever() {
    on_both_drivers(async |rig: Rig| {
        let waiters = Waiters::default();
        let limit = deadline(&rig, 20);
        assert!(!waiters.turn(waiters.ticket(), &limit).await);
        assert!(waiters.is_empty());
    });
}
