use std::cell::Cell;
use std::os::fd::AsRawFd;

use super::*;
use crate::base::random::Random;
use crate::net::runtime::{self, Driver};
use crate::net::tests::{Rig, buffer_of, is_at_end, on, on_both_drivers, read_some, write};

impl Wheel {
    /// Turns a wheel that does not run by itself.
    pub(crate) fn turn_to(&self, at: Instant) {
        self.armed.set(NEVER);
        self.advance(at.nanos() / TICK_NANOS);
    }

    fn place_of(&self, deadline: &Deadline) -> u64 {
        self.entries.borrow()[deadline.index as usize].place
    }
}

const SHORT: Duration = Duration::from_millis(30);

/// A wheel that only turns by hand.
async fn still(rig: &Rig) -> (Rc<Wheel>, Instant) {
    let wheel = Wheel::new(rig.wheel.clock().clone(), rig.driver).unwrap();
    let start = Instant::from_nanos(wheel.done.get() * TICK_NANOS);
    (wheel, start)
}

#[test]
fn a_later_deadline_leaves_the_entry_and_an_earlier_one_moves_it() {
    on(Driver::Epoll, async |rig| {
        let (wheel, start) = still(&rig).await;
        let deadline = wheel.register(Ends::Nothing);
        deadline.set(start, 10 * TICK, Action::Wake);
        let place = wheel.place_of(&deadline);
        deadline.set(start, 20 * TICK, Action::Wake);
        assert_eq!(wheel.place_of(&deadline), place, "later is one store");
        deadline.set(start, 5 * TICK, Action::Wake);
        assert_eq!(wheel.place_of(&deadline), place - 5, "earlier is another place");
        deadline.set(start, 20 * TICK, Action::Wake);
        wheel.turn_to(start.plus(19 * TICK));
        assert!(!deadline.fired(), "it was moved to later");
        assert_eq!(wheel.place_of(&deadline), place + 10, "it moved on by itself");
        wheel.turn_to(start.plus(20 * TICK));
        assert!(deadline.fired());
    });
}

#[test]
fn it_fires_neither_early_nor_much_too_late() {
    on_both_drivers(async |rig| {
        let clock = rig.wheel.clock();
        let mut least = Duration::MAX;
        // The machine may be busy now and then, but not each time.
        for millis in [1, 9, 10, 11, 25, 31, 47, 50].into_iter().cycle().take(400) {
            let wanted = Duration::from_millis(millis);
            let begun = clock.now();
            rig.sleep(wanted).await;
            let took = Duration::from_nanos(clock.now().nanos_since(begun));
            assert!(took >= wanted, "{wanted:?} took {took:?}");
            least = least.min(took - wanted);
            if least <= 2 * TICK && millis == 50 {
                break;
            }
        }
        assert!(least <= 2 * TICK, "late by {least:?} at the least");
    });
}

#[test]
fn a_cleared_deadline_does_not_fire() {
    on_both_drivers(async |rig| {
        let (stream, _peer) = rig.pair();
        stream.deadline().set(rig.wheel.clock().now(), SHORT, Action::EndBoth);
        stream.deadline().clear();
        rig.sleep(4 * SHORT).await;
        assert!(!stream.deadline().fired());
        let (sent, _) = stream.send_all(buffer_of(b"x")).await;
        sent.unwrap();
        // What fired says so no more once it is cleared or set anew.
        for renew in [Deadline::clear, |deadline: &Deadline| {
            deadline.set(deadline.wheel().clock().now(), 100 * SHORT, Action::Wake);
        }] {
            stream.deadline().set(rig.wheel.clock().now(), SHORT, Action::Wake);
            poll_fn(|context| stream.deadline().poll_fired(context)).await;
            assert!(stream.deadline().fired());
            renew(stream.deadline());
            assert!(!stream.deadline().fired());
        }
    });
}

#[test]
fn end_read_ends_a_read_and_leaves_writing() {
    on_both_drivers(async |rig| {
        let (stream, peer) = rig.pair();
        stream.deadline().set(rig.wheel.clock().now(), SHORT, Action::EndRead);
        let (result, buffer) = stream.recv(buffer_of(b"")).await;
        assert_eq!((result.unwrap(), buffer.len()), (0, 0));
        assert!(stream.deadline().fired());
        let (sent, _) = stream.send_all(buffer_of(b"answer")).await;
        sent.unwrap();
        assert_eq!(read_some(&peer, 6), b"answer");
    });
}

#[test]
fn end_both_ends_a_read_and_a_send() {
    on_both_drivers(async |rig| {
        let (stream, peer) = rig.pair();
        stream.deadline().set(rig.wheel.clock().now(), SHORT, Action::EndBoth);
        let (result, _) = stream.recv(buffer_of(b"")).await;
        assert_eq!(result.unwrap(), 0);
        assert!(is_at_end(&peer));
        // A peer that reads nothing: the send waits until it is ended.
        let (stream, _peer) = rig.pair();
        stream.deadline().set(rig.wheel.clock().now(), SHORT, Action::EndBoth);
        let (result, _) = stream.send_all(buffer_of(&vec![0; 32 << 20])).await;
        assert!(result.is_err());
        assert!(stream.deadline().fired());
        assert_eq!(rig.wheel.fired_total(), 2);
    });
}

#[test]
fn wake_leaves_the_connection_alone() {
    on_both_drivers(async |rig| {
        let (stream, peer) = rig.pair();
        stream.deadline().set(rig.wheel.clock().now(), SHORT, Action::Wake);
        poll_fn(|context| stream.deadline().poll_fired(context)).await;
        write(&peer, b"ping");
        let (result, buffer) = stream.recv(buffer_of(b"")).await;
        assert_eq!((result.unwrap(), buffer.filled()), (4, &b"ping"[..]));
    });
}

#[test]
fn who_waits_is_woken_even_if_another_waited_before() {
    on_both_drivers(async |rig| {
        let deadline = Rc::new(rig.wheel.register(Ends::Nothing));
        let woken = Rc::new(Cell::new(0));
        deadline.set(rig.wheel.clock().now(), SHORT, Action::Wake);
        // Polled once by this task, and then waited for by another.
        poll_fn(|context| Poll::Ready(deadline.poll_fired(context).is_pending())).await;
        let (waiting, count) = (Rc::clone(&deadline), Rc::clone(&woken));
        let wait = async move {
            poll_fn(|context| waiting.poll_fired(context)).await;
            count.set(count.get() + 1);
        };
        runtime::spawn(wait, None, || ());
        while woken.get() == 0 {
            rig.sleep(SHORT).await;
        }
        assert_eq!(woken.get(), 1);
    });
}

#[test]
fn a_dropped_deadline_spares_a_descriptor_that_is_used_anew() {
    on_both_drivers(async |rig| {
        let mut reused = 0;
        for _ in 0..20 {
            let (stream, peer) = rig.pair();
            let fd = stream.fd();
            stream.deadline().set(rig.wheel.clock().now(), SHORT, Action::EndBoth);
            drop((stream, peer));
            // The ring closes the descriptor on its next turn.
            rig.sleep(Duration::from_millis(1)).await;
            let pairs: Vec<_> = (0..4).map(|_| rig.pair()).collect();
            let again = pairs.iter().any(|(s, p)| s.fd() == fd || p.as_raw_fd() == fd);
            reused += u32::from(again);
            rig.sleep(2 * SHORT).await;
            for (stream, peer) in &pairs {
                write(peer, b"alive");
                let (result, _) = stream.recv(buffer_of(b"")).await;
                assert_eq!(result.unwrap(), 5);
            }
        }
        assert!(reused > 0, "no descriptor was used anew, so nothing was shown");
        assert!(rig.wheel.entries.borrow().len() <= 16, "entries are used again");
    });
}

/// What a wheel should do, said as plainly as can be.
#[derive(Default)]
struct Model {
    /// The tick that each fires at, and whether it has.
    deadlines: Vec<(Option<u64>, bool)>,
}

impl Model {
    fn turn_to(&mut self, now: u64) {
        for (tick, fired) in &mut self.deadlines {
            if tick.is_some_and(|tick| tick <= now) {
                (*tick, *fired) = (None, true);
            }
        }
    }

    fn earliest(&self) -> Option<u64> {
        self.deadlines.iter().filter_map(|(tick, _)| *tick).min()
    }
}

#[test]
fn thousands_of_deadlines_agree_with_a_naive_model() {
    for seed in 1..=20 {
        on(Driver::Epoll, async move |rig| agree(&rig, seed).await);
    }
}

async fn agree(rig: &Rig, seed: u64) {
    println!("seed {seed}");
    let random = Random::seeded(seed);
    let (wheel, start) = still(rig).await;
    let mut now = start.nanos() / TICK_NANOS;
    let mut model = Model::default();
    let mut real: Vec<Deadline> = Vec::new();
    for step in 0..5_000 {
        let index = random.below(real.len().max(1) as u64) as usize;
        match random.below(16) {
            0..2 => {
                real.push(wheel.register(Ends::Nothing));
                model.deadlines.push((None, false));
            }
            2 if !real.is_empty() => {
                real.swap_remove(index);
                model.deadlines.swap_remove(index);
            }
            3 if !real.is_empty() => {
                real[index].clear();
                model.deadlines[index] = (None, false);
            }
            // Some of them lie beyond the whole wheel.
            4..12 if !real.is_empty() => {
                let ticks = random.below([3, 50, 1_500, 5_000][random.below(4) as usize]);
                let at = Instant::from_nanos(now * TICK_NANOS);
                real[index].set(at, TICK * ticks as u32, Action::Wake);
                model.deadlines[index] = (Some(now + ticks), false);
            }
            _ => {
                now += 1 + random.below([1, 10, 3_000][random.below(3) as usize]);
                wheel.turn_to(Instant::from_nanos(now * TICK_NANOS));
                model.turn_to(now);
            }
        }
        for (index, (deadline, (_, fired))) in real.iter().zip(&model.deadlines).enumerate() {
            assert_eq!(deadline.fired(), *fired, "seed {seed}, step {step}, deadline {index}");
        }
        let due = model.earliest().map_or(NEVER, |tick| tick.max(now + 1));
        assert!(wheel.armed.get() <= due, "seed {seed}, step {step}: the timer is set too late");
    }
}

#[test]
fn a_deadline_beyond_the_wheel_fires_in_its_time() {
    on(Driver::Epoll, async |rig| {
        let (wheel, start) = still(&rig).await;
        for ticks in [1_022, 1_023, 1_024, 1_025, 2_048, 10_000] {
            let deadline = wheel.register(Ends::Nothing);
            let begun = start.plus(TICK * 100_000 * ticks);
            wheel.turn_to(begun);
            deadline.set(begun, TICK * ticks, Action::Wake);
            // Turned only when the timer would: it must be set again until the time has come.
            let due = begun.plus(TICK * ticks);
            while !deadline.fired() {
                let at = Instant::from_nanos(wheel.armed.get() * TICK_NANOS);
                assert!(at <= due, "{ticks} ticks: not looked at in time");
                wheel.turn_to(at);
                assert_eq!(deadline.fired(), at == due, "{ticks} ticks");
            }
        }
    });
}
