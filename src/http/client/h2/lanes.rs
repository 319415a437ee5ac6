//! The lanes of one connection, as those who ask for one and the driver both see them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};

use super::Waiters;
use crate::base::clock::Instant;
use crate::net::lane::{Bell, Lane};

/// How far a connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// The endpoint has not told its settings.
    Starting,
    Open,
    /// No more streams are opened.
    Draining,
    Closed,
}

pub(super) struct Lanes {
    pub(super) bell: Rc<Bell>,
    table: RefCell<Vec<Option<Rc<Lane>>>>,
    free: RefCell<Vec<u32>>,
    count: Cell<usize>,
    /// What we would use, and what the endpoint allows of it.
    most: usize,
    allowed: Cell<usize>,
    pub(super) stage: Cell<Stage>,
    /// The endpoint has told its settings, sometime.
    pub(super) settled: Cell<bool>,
    retired: Cell<bool>,
    driver: Cell<Option<Waker>>,
    /// When a stream ended last.
    pub(super) used_at: Cell<Instant>,
    /// A stream was answered to its end.
    pub(super) proven: Cell<bool>,
    waiters: Rc<Waiters>,
}

impl Lanes {
    pub(super) fn new(most: usize, waiters: Rc<Waiters>, now: Instant) -> Self {
        Self {
            bell: Rc::default(),
            table: RefCell::default(),
            free: RefCell::default(),
            count: Cell::new(0),
            most,
            // One stream may begin before the settings are there: a request that is alone does not
            // wait for them, and those that are not do not have to be refused.
            allowed: Cell::new(1),
            stage: Cell::new(Stage::Starting),
            settled: Cell::new(false),
            retired: Cell::new(false),
            driver: Cell::default(),
            used_at: Cell::new(now),
            proven: Cell::new(false),
            waiters,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count.get()
    }

    /// How many more there may be now.
    pub(super) fn room(&self) -> usize {
        let takes = matches!(self.stage.get(), Stage::Starting | Stage::Open);
        if !takes || self.retired.get() {
            return 0;
        }
        self.allowed.get().saturating_sub(self.count.get())
    }

    pub(super) fn offer(&self) -> Option<Rc<Lane>> {
        if self.room() == 0 {
            return None;
        }
        let mut table = self.table.borrow_mut();
        let index = self.free.borrow_mut().pop().unwrap_or_else(|| {
            table.push(None);
            u32::try_from(table.len() - 1).expect("there are fewer lanes than streams")
        });
        let lane = Lane::new(Rc::clone(&self.bell), index);
        table[index as usize] = Some(Rc::clone(&lane));
        self.count.set(self.count.get() + 1);
        Some(lane)
    }

    #[inline]
    pub(super) fn of(&self, index: u32) -> Option<Rc<Lane>> {
        self.table.borrow().get(index as usize).cloned().flatten()
    }

    /// Every place that may have a lane.
    pub(super) fn places(&self) -> u32 {
        self.table.borrow().len() as u32
    }

    /// The stream of the lane is gone: another may come.
    pub(super) fn release(&self, index: u32) {
        let gone = self.table.borrow_mut()[index as usize].take();
        debug_assert!(gone.is_some(), "a lane is released once");
        self.free.borrow_mut().push(index);
        self.count.set(self.count.get() - 1);
        self.waiters.wake(1);
    }

    /// The endpoint has told its settings.
    pub(super) fn settle(&self, streams_max: u32) {
        self.allowed.set(self.most.min(streams_max as usize));
        self.settled.set(true);
        if self.stage.get() == Stage::Starting {
            self.stage.set(Stage::Open);
        }
        // One more than fits: it finds that another connection is needed.
        self.waiters.wake(self.room() + 1);
    }

    /// What waits for a lane has to look elsewhere.
    pub(super) fn leave(&self, stage: Stage) {
        self.stage.set(stage);
        self.waiters.wake_all();
    }

    pub(super) fn retire(&self) {
        self.retired.set(true);
        if let Some(waker) = self.driver.take() {
            waker.wake();
        }
    }

    /// Nobody uses the connection, nor will.
    pub(super) fn is_deserted(&self) -> bool {
        self.retired.get() && self.count.get() == 0
    }

    pub(super) fn is_retired(&self) -> bool {
        self.retired.get()
    }

    /// The driver is to be woken when the connection is retired.
    pub(super) fn watch(&self, context: &Context<'_>) {
        let kept = match self.driver.take() {
            Some(waker) if waker.will_wake(context.waker()) => waker,
            _ => context.waker().clone(),
        };
        self.driver.set(Some(kept));
    }
}
