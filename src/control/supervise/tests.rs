use super::*;

const FIRST: WorkerId = WorkerId(0);
const SECOND: WorkerId = WorkerId(1);
const LOOK: Duration = Duration::from_millis(STALL_MS_MAX / 8);

fn running(now: Instant) -> Supervisor {
    let mut supervisor = Supervisor::new(2, now);
    assert_eq!(supervisor.complaints(), ["worker 0 starting", "worker 1 starting"]);
    supervisor.ids().for_each(|id| supervisor.started(id, now));
    assert!(supervisor.complaints().is_empty());
    supervisor
}

#[test]
fn a_pulse_that_stands_still_is_a_stall_until_it_moves() {
    let start = Instant::now();
    let mut supervisor = running(start);
    for look in 1..8 {
        let now = start + LOOK * look;
        assert_eq!(supervisor.saw(FIRST, 0, now), None, "look {look}");
        assert_eq!(supervisor.saw(SECOND, u64::from(look), now), None);
    }
    let now = start + LOOK * 8;
    assert_eq!(supervisor.saw(FIRST, 0, now), Some(Change::Stalled(FIRST)));
    assert_eq!(supervisor.saw(FIRST, 0, now + LOOK), None, "reported once");
    assert_eq!(supervisor.complaints(), ["worker 0 stalled"]);
    assert_eq!(supervisor.saw(FIRST, 1, now + LOOK), Some(Change::Recovered(FIRST)));
    assert!(supervisor.complaints().is_empty());
}

#[test]
fn a_machine_that_slept_is_no_stall() {
    let start = Instant::now();
    let mut supervisor = running(start);
    supervisor.saw(FIRST, 7, start);
    let woken = start + Duration::from_secs(3600);
    assert_eq!(supervisor.saw(FIRST, 7, woken), None);
    assert_eq!(supervisor.saw(FIRST, 8, woken + LOOK), None);
    assert_eq!(*supervisor.state(FIRST), State::Running);
}

#[test]
fn a_dead_worker_stays_dead_and_keeps_its_first_reason() {
    let start = Instant::now();
    let mut supervisor = running(start);
    assert!(supervisor.stopped(FIRST, Stop::Panicked("index out of bounds".into())));
    assert!(!supervisor.stopped(FIRST, Stop::Drained));
    supervisor.started(FIRST, start);
    assert_eq!(supervisor.saw(FIRST, 9, start), None);
    assert_eq!(supervisor.complaints(), ["worker 0 panicked: index out of bounds"]);
    assert!(!supervisor.alive(FIRST) && supervisor.alive(SECOND) && supervisor.any_alive());
    supervisor.stopped(SECOND, Stop::Failed("no ring".into()));
    assert!(!supervisor.any_alive());
}

#[test]
fn a_worker_that_never_starts_is_not_called_stalled() {
    let start = Instant::now();
    let mut supervisor = Supervisor::new(1, start);
    for look in 1..20 {
        assert_eq!(supervisor.saw(FIRST, 0, start + LOOK * look), None);
    }
    assert_eq!(supervisor.complaints(), ["worker 0 starting"]);
}
