//! The end of a worker: every response says `Connection: close`, then no more is accepted, then
//! the last connection ends, or is cut.

use std::cell::{Cell, RefCell};
use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::Duration;

use super::Worker;
use crate::bus::{Doors, Event};
use crate::net::lane::Bell;
use crate::net::socket::{self, Side};
use crate::telemetry::value::{Counter, Work};

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
    work: Rc<Cell<Work>>,
    /// Who is told of a drain at once, and not with its next response.
    bell: Option<Rc<Bell>>,
}

/// One connection's entry; gone with it.
pub struct Entry {
    worker: Rc<Worker>,
    index: usize,
    work: Rc<Cell<Work>>,
}

impl Live {
    pub fn count(&self) -> u32 {
        self.count.get()
    }

    pub fn enter(worker: &Rc<Worker>, fd: RawFd) -> Entry {
        let live = &worker.live;
        let work = Rc::new(Cell::new(Work::Idle));
        let slot = Some(Slot { fd, work: Rc::clone(&work), bell: None });
        let mut slots = live.slots.borrow_mut();
        let index = if let Some(index) = live.free.borrow_mut().pop() {
            slots[index] = slot;
            index
        } else {
            slots.push(slot);
            slots.len() - 1
        };
        live.count.set(live.count.get() + 1);
        Entry { worker: Rc::clone(worker), index, work }
    }
}

impl Entry {
    /// What is under way: to cut it is a loss, to cut an idle connection is none.
    pub fn set_work(&self, work: Work) {
        self.work.set(work);
    }

    /// For who knows better what the connection is busy with.
    pub fn work(&self) -> Rc<Cell<Work>> {
        Rc::clone(&self.work)
    }
}

impl Entry {
    /// Rings `bell` when the worker begins to drain.
    pub fn tell(&self, bell: Rc<Bell>) {
        if let Some(slot) = &mut self.worker.live.slots.borrow_mut()[self.index] {
            slot.bell = Some(bell);
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

pub fn drain(worker: &Rc<Worker>, doors: &Doors) {
    worker.resources.draining.set(true);
    for slot in worker.live.slots.borrow().iter().flatten() {
        if let Some(bell) = &slot.bell {
            bell.call();
        }
    }
    let left: &[String] = match doors {
        Doors::Open => return,
        Doors::Shut => &[],
        Doors::Left(names) => names,
    };
    worker.live.closed.set(true);
    worker.binds.close_all(left);
    look(worker);
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

/// Counts what was cut, by kind, and says so: the process ends before it may be asked.
fn count(worker: &Worker, cuts: [u64; Work::COUNT]) -> u64 {
    let mut sum = 0;
    let busy = Work::ALL.iter().filter(|work| **work != Work::Idle);
    for (work, cut) in busy.map(|work| (*work, cuts[work.index()])).filter(|(_, cut)| *cut > 0) {
        worker.resources.shard.cut(work, cut);
        let (id, kind) = (worker.resources.worker.index(), work.text());
        tracing::warn!(worker = id, kind, count = cut, "connections were cut");
        sum += cut;
    }
    sum
}

fn cut_all(worker: &Worker) -> u64 {
    let mut cuts = [0; Work::COUNT];
    for slot in worker.live.slots.borrow().iter().flatten() {
        cuts[slot.work.get().index()] += 1;
        socket::shutdown(slot.fd, Side::Both);
    }
    count(worker, cuts)
}

/// A worker that cannot go on leaves nobody waiting: neither those in its queues nor its clients.
/// Its tasks see that, and close what is theirs, in the moment that is returned.
pub fn abandon(worker: &Worker) -> impl Future<Output = ()> {
    worker.binds.abandon();
    cut_all(worker);
    worker.resources.wheel.sleep(CUT_MOMENT)
}

/// Ends every connection now.
pub fn cut(worker: &Rc<Worker>) {
    worker.resources.draining.set(true);
    worker.live.closed.set(true);
    worker.binds.close_all(&[]);
    let cut = cut_all(worker);
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
