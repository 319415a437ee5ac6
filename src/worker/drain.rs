//! The end of a worker: every response says `Connection: close`, then no more is accepted, then
//! the last connection ends, or is cut.

use std::cell::{Cell, RefCell};
use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::Duration;

use super::Worker;
use crate::bus::Event;
use crate::net::socket::{self, Side};
use crate::telemetry::value::Counter;

const CUT_MOMENT: Duration = Duration::from_millis(50);

/// The connections of clients that are open on a worker.
#[derive(Default)]
pub struct Live {
    slots: RefCell<Vec<Option<Slot>>>,
    free: RefCell<Vec<usize>>,
    count: Cell<u32>,
    /// No more will come.
    closed: Cell<bool>,
    told: Cell<bool>,
}

struct Slot {
    fd: RawFd,
    busy: bool,
}

/// One connection's entry; gone with it.
pub struct Entry {
    worker: Rc<Worker>,
    index: usize,
}

impl Live {
    pub fn count(&self) -> u32 {
        self.count.get()
    }

    pub fn enter(worker: &Rc<Worker>, fd: RawFd) -> Entry {
        let live = &worker.live;
        let slot = Some(Slot { fd, busy: false });
        let mut slots = live.slots.borrow_mut();
        let index = if let Some(index) = live.free.borrow_mut().pop() {
            slots[index] = slot;
            index
        } else {
            slots.push(slot);
            slots.len() - 1
        };
        live.count.set(live.count.get() + 1);
        Entry { worker: Rc::clone(worker), index }
    }
}

impl Entry {
    /// Whether a request is under way: to cut it is a loss, to cut an idle connection is none.
    pub fn set_busy(&self, busy: bool) {
        if let Some(slot) = &mut self.worker.live.slots.borrow_mut()[self.index] {
            slot.busy = busy;
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let live = &self.worker.live;
        live.slots.borrow_mut()[self.index] = None;
        live.free.borrow_mut().push(self.index);
        live.count.set(live.count.get() - 1);
        if self.worker.resources.draining.get() {
            self.worker.resources.shard.add(Counter::DrainedConnections, 1);
            look(&self.worker);
        }
    }
}

pub fn drain(worker: &Rc<Worker>, stop_accepting: bool) {
    worker.resources.draining.set(true);
    if stop_accepting {
        worker.live.closed.set(true);
        worker.binds.close_all();
        look(worker);
    }
}

/// Tells control when the last connection has ended.
pub fn look(worker: &Rc<Worker>) {
    let live = &worker.live;
    if live.closed.get() && live.count() == 0 && worker.binds.is_empty() && !live.told.replace(true)
    {
        worker.tell(Event::Drained { worker: worker.resources.worker, cut: 0 });
        worker.end();
    }
}

/// Ends every connection now.
pub fn cut(worker: &Rc<Worker>) {
    worker.resources.draining.set(true);
    worker.live.closed.set(true);
    worker.binds.close_all();
    let mut cut = 0;
    for slot in worker.live.slots.borrow().iter().flatten() {
        cut += u64::from(slot.busy);
        socket::shutdown(slot.fd, Side::Both);
    }
    worker.resources.shard.add(Counter::CutConnections, cut);
    if worker.live.told.replace(true) {
        return;
    }
    // The tasks have a moment to notice, and to write their records.
    let last = Rc::clone(worker);
    worker.spawn(async move {
        last.resources.wheel.sleep(CUT_MOMENT).await;
        last.tell(Event::Drained { worker: last.resources.worker, cut });
        last.end();
    });
}
