//! Deadlines of connections on one coarse wheel per worker. A deadline ends an operation by
//! `shutdown(2)`, so that the operation itself completes and its buffer comes back; or it wakes the
//! task that waits for it.
//!
//! Lazy: moving a deadline later, which every request does, is one store. The entry stays in its
//! place on the wheel, is looked at when that place comes round, and moves on. Only an earlier
//! deadline moves the entry at once. Times are rounded up to `TICK`.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::lane::Lane;
use super::runtime::Driver;
use super::socket::{self, Side};
use super::timer::Timer;
use crate::base::clock::{Clock, Instant};

/// How coarse deadlines are.
pub const TICK: Duration = Duration::from_millis(10);
const TICK_NANOS: u64 = 10_000_000;
/// Places on the wheel; a deadline further away than all of them waits in the last and moves on.
const PLACES: u64 = 1024;
const NONE: u32 = u32::MAX;
/// A deadline that was not set.
const NEVER: u64 = u64::MAX;

/// What happens when a deadline passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A pending read ends as if the peer had closed; an answer can still be written.
    EndRead,
    /// Everything pending ends.
    EndBoth,
    /// Who waits in `poll_fired` is woken; the connection is left alone.
    Wake,
}

/// What a deadline ends.
#[derive(Clone)]
pub enum Ends {
    /// Nothing: it only wakes.
    Nothing,
    Socket(RawFd),
    Lane(Rc<Lane>),
}

struct Entry {
    ends: Ends,
    /// Tick of the deadline, `NEVER` without one.
    deadline: u64,
    /// Tick of the place it is in, `NEVER` when it is in none.
    place: u64,
    next: u32,
    previous: u32,
    action: Action,
    fired: bool,
    waker: Option<Waker>,
}

/// One worker's deadlines.
pub struct Wheel {
    clock: Clock,
    timer: Timer,
    entries: RefCell<Vec<Entry>>,
    free: RefCell<Vec<u32>>,
    heads: RefCell<Box<[u32]>>,
    /// Every place up to this tick was looked at.
    done: Cell<u64>,
    /// What the timer is set to.
    armed: Cell<u64>,
    fired_total: Cell<u64>,
    on_ring: bool,
}

impl Wheel {
    /// # Errors
    /// What opening the timer says.
    pub fn new(clock: Clock, driver: Driver) -> io::Result<Rc<Self>> {
        let now = clock.now().nanos() / TICK_NANOS;
        Ok(Rc::new(Self {
            clock,
            timer: Timer::new()?,
            entries: RefCell::default(),
            free: RefCell::default(),
            heads: RefCell::new(vec![NONE; PLACES as usize].into_boxed_slice()),
            done: Cell::new(now),
            armed: Cell::new(NEVER),
            fired_total: Cell::new(0),
            on_ring: driver != Driver::Epoll,
        }))
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether operations are on a ring, and go on without anybody polling them.
    pub const fn is_on_ring(&self) -> bool {
        self.on_ring
    }

    /// A deadline for the operations on what it ends; it must be dropped before a descriptor is
    /// closed.
    pub fn register(self: &Rc<Self>, ends: Ends) -> Deadline {
        let entry = Entry {
            ends,
            deadline: NEVER,
            place: NEVER,
            next: NONE,
            previous: NONE,
            action: Action::Wake,
            fired: false,
            waker: None,
        };
        let mut entries = self.entries.borrow_mut();
        let index = if let Some(index) = self.free.borrow_mut().pop() {
            entries[index as usize] = entry;
            index
        } else {
            entries.push(entry);
            u32::try_from(entries.len() - 1).expect("fewer deadlines than descriptors")
        };
        Deadline { wheel: Rc::clone(self), index }
    }

    /// Deadlines that passed since the start.
    pub fn fired_total(&self) -> u64 {
        self.fired_total.get()
    }

    /// Waits for `duration`, rounded up to the next tick.
    pub async fn sleep(self: &Rc<Self>, duration: Duration) {
        let deadline = self.register(Ends::Nothing);
        deadline.set(self.clock.now(), duration, Action::Wake);
        poll_fn(|context| deadline.poll_fired(context)).await;
    }

    /// Turns the wheel, for as long as the worker lives. `late` is told by how many nanoseconds
    /// the loop was late to look.
    ///
    /// # Errors
    /// What the timer says.
    pub async fn run(&self, mut late: impl FnMut(u64)) -> io::Result<()> {
        loop {
            self.timer.fired().await?;
            let now = self.clock.now().nanos();
            let due = self.armed.replace(NEVER);
            if due != NEVER {
                late(now.saturating_sub(due * TICK_NANOS));
            }
            self.advance(now / TICK_NANOS);
        }
    }

    /// Looks at every place up to `now`, and sets the timer to the next that is taken.
    fn advance(&self, now: u64) {
        let first = (self.done.get() + 1).max(now.saturating_sub(PLACES - 1));
        self.done.set(now.max(self.done.get()));
        for tick in first..=now {
            let mut index =
                std::mem::replace(&mut self.heads.borrow_mut()[(tick % PLACES) as usize], NONE);
            while index != NONE {
                let next = self.entries.borrow()[index as usize].next;
                self.look_at(index, now);
                index = next;
            }
        }
        let next = (now + 1..now + PLACES)
            .find(|tick| self.heads.borrow()[(tick % PLACES) as usize] != NONE);
        if let Some(tick) = next {
            self.arm(tick);
        }
    }

    fn look_at(&self, index: u32, now: u64) {
        let mut entries = self.entries.borrow_mut();
        let entry = &mut entries[index as usize];
        (entry.place, entry.next, entry.previous) = (NEVER, NONE, NONE);
        if entry.deadline == NEVER {
            return;
        }
        if entry.deadline > now {
            drop(entries);
            self.insert(index);
            return;
        }
        entry.deadline = NEVER;
        entry.fired = true;
        let (action, waker) = (entry.action, entry.waker.take());
        let ends = if action == Action::Wake { Ends::Nothing } else { entry.ends.clone() };
        drop(entries);
        self.fired_total.set(self.fired_total.get() + 1);
        let side = if action == Action::EndRead { Side::Read } else { Side::Both };
        match ends {
            Ends::Nothing => {}
            Ends::Socket(fd) => socket::shutdown(fd, side),
            Ends::Lane(lane) => lane.shutdown(side),
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Puts an entry that is in no place where its deadline belongs.
    fn insert(&self, index: u32) {
        let mut entries = self.entries.borrow_mut();
        let entry = &mut entries[index as usize];
        debug_assert_eq!(entry.place, NEVER, "an entry is in one place");
        let done = self.done.get();
        let place = entry.deadline.clamp(done + 1, done + PLACES - 1);
        let head = &mut self.heads.borrow_mut()[(place % PLACES) as usize];
        (entry.place, entry.next, entry.previous) = (place, *head, NONE);
        if *head != NONE {
            let next = *head as usize;
            entries[next].previous = index;
        }
        *head = index;
        drop(entries);
        self.arm(place);
    }

    fn remove(&self, index: u32) {
        let mut entries = self.entries.borrow_mut();
        let entry = &mut entries[index as usize];
        let (place, next, previous) = (entry.place, entry.next, entry.previous);
        if place == NEVER {
            return;
        }
        (entry.place, entry.next, entry.previous) = (NEVER, NONE, NONE);
        if next != NONE {
            entries[next as usize].previous = previous;
        }
        if previous == NONE {
            self.heads.borrow_mut()[(place % PLACES) as usize] = next;
        } else {
            entries[previous as usize].next = next;
        }
    }

    fn arm(&self, tick: u64) {
        if tick < self.armed.get() {
            self.armed.set(tick);
            let now = self.clock.now().nanos();
            self.timer.set((tick * TICK_NANOS).saturating_sub(now).max(1));
        }
    }
}

/// One deadline, on its worker's wheel until it is dropped.
pub struct Deadline {
    wheel: Rc<Wheel>,
    index: u32,
}

impl Deadline {
    /// Sets it to `after` from `now`, whatever it was.
    #[inline]
    pub fn set(&self, now: Instant, after: Duration, action: Action) {
        let nanos = now.nanos().saturating_add(u64::try_from(after.as_nanos()).unwrap_or(NEVER));
        let tick = nanos.div_ceil(TICK_NANOS);
        let mut entries = self.wheel.entries.borrow_mut();
        let entry = &mut entries[self.index as usize];
        (entry.deadline, entry.action, entry.fired) = (tick, action, false);
        if entry.place <= tick {
            return; // it is looked at in time, and moves on by itself
        }
        drop(entries);
        self.wheel.remove(self.index);
        self.wheel.insert(self.index);
    }

    /// Without a deadline nothing fires.
    #[inline]
    pub fn clear(&self) {
        let mut entries = self.wheel.entries.borrow_mut();
        let entry = &mut entries[self.index as usize];
        (entry.deadline, entry.fired) = (NEVER, false);
    }

    /// Whether it passed since it was last set or cleared.
    #[inline]
    pub fn fired(&self) -> bool {
        self.wheel.entries.borrow()[self.index as usize].fired
    }

    /// Ready when it passed; the task is woken then.
    pub fn poll_fired(&self, context: &Context<'_>) -> Poll<()> {
        let mut entries = self.wheel.entries.borrow_mut();
        let entry = &mut entries[self.index as usize];
        if entry.fired {
            return Poll::Ready(());
        }
        match &mut entry.waker {
            Some(waker) if waker.will_wake(context.waker()) => {}
            waker => *waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    pub fn wheel(&self) -> &Rc<Wheel> {
        &self.wheel
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.wheel.remove(self.index);
        let (waker, ends) = {
            let entry = &mut self.wheel.entries.borrow_mut()[self.index as usize];
            (entry.waker.take(), std::mem::replace(&mut entry.ends, Ends::Nothing))
        };
        // What they hold may be the last of a task, which has deadlines of its own.
        drop((waker, ends));
        self.wheel.free.borrow_mut().push(self.index);
    }
}

#[cfg(test)]
mod tests;
