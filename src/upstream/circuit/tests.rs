use std::thread;

use super::*;

#[test]
fn no_more_than_may_enter_at_a_time() {
    let gate = Gate::default();
    assert!(gate.enter(2) && gate.enter(2));
    assert!(!gate.enter(2));
    gate.leave();
    assert!(gate.enter(2));
    assert_eq!(gate.taken(), 2);
    assert!(!Gate::default().enter(0), "a limit of nothing lets nobody in");
}

#[test]
fn permits_and_slots_give_themselves_back() {
    let board = Arc::new(Board::default());
    let first = Permit::take(&board, 1);
    assert!(first.is_some() && Permit::take(&board, 1).is_none());
    drop(first);
    assert!(Permit::take(&board, 1).is_some());
    let slot = Slot::take(&board.requests, 1);
    assert!(slot.is_some() && Slot::take(&board.requests, 1).is_none());
    drop(slot);
    assert_eq!((board.connections.taken(), board.requests.taken()), (0, 0));
}

#[test]
fn many_threads_do_not_exceed_it() {
    let board = Arc::new(Board::default());
    let enter_and_leave = || {
        for _slot in (0..10_000).filter_map(|_| Slot::take(&board.requests, 3)) {
            assert!(board.requests.taken() <= 3);
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(enter_and_leave);
        }
    });
    assert_eq!(board.requests.taken(), 0);
}
