//! Deadlines of what waits. Operations of io_uring are never dropped: what takes too long has its
//! socket shut down, ends by itself, and learns here that it was late. Swept by the thread's tick.

use std::cell::{Cell, RefCell};
use std::os::fd::RawFd;
use std::task::Waker;
use std::time::Instant;

use crate::os;

/// One thread's.
#[derive(Default)]
pub(super) struct Watch {
    slots: RefCell<Vec<Slot>>,
    /// Whatever is under way then is ended, whatever its own deadline.
    cut: Cell<Option<Instant>>,
}

#[derive(Default)]
struct Slot {
    deadline: Option<Instant>,
    fd: Option<RawFd>,
    waker: Option<Waker>,
    late: bool,
}

/// Its holder's own: one waits for one thing at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotId(usize);

impl Watch {
    pub(super) fn slot(&self) -> SlotId {
        let mut slots = self.slots.borrow_mut();
        slots.push(Slot::default());
        SlotId(slots.len() - 1)
    }

    /// From now on `fd` is shut down at `deadline`.
    pub(super) fn arm(&self, id: SlotId, fd: RawFd, deadline: Instant) {
        let slot = &mut self.slots.borrow_mut()[id.0];
        slot.deadline = Some(deadline);
        slot.fd = Some(fd);
        slot.late = false;
    }

    /// The same for what has no socket of its own: `waker` is woken.
    pub(super) fn arm_waker(&self, id: SlotId, waker: &Waker, deadline: Instant) {
        let slot = &mut self.slots.borrow_mut()[id.0];
        slot.deadline = Some(deadline);
        slot.fd = None;
        slot.late = false;
        if !slot.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            slot.waker = Some(waker.clone());
        }
    }

    /// Must be called before the descriptor is closed. Whether the deadline has passed.
    pub(super) fn disarm(&self, id: SlotId) -> bool {
        let slot = &mut self.slots.borrow_mut()[id.0];
        slot.deadline = None;
        slot.fd = None;
        slot.late
    }

    pub(super) fn is_late(&self, id: SlotId) -> bool {
        self.slots.borrow()[id.0].late
    }

    pub(super) fn cut_at(&self, when: Instant) {
        self.cut.set(Some(self.cut.get().map_or(when, |cut| cut.min(when))));
    }

    /// Whether what is late was cut because the run is over.
    pub(super) fn is_cut(&self, now: Instant) -> bool {
        self.cut.get().is_some_and(|cut| cut <= now)
    }

    pub(super) fn sweep(&self, now: Instant) {
        let cut = self.is_cut(now);
        for slot in self.slots.borrow_mut().iter_mut() {
            let Some(deadline) = slot.deadline else { continue };
            if deadline > now && !cut {
                continue;
            }
            slot.deadline = None;
            slot.late = true;
            if let Some(fd) = slot.fd {
                os::shut_down(fd);
            } else if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
        }
    }
}
