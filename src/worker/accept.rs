//! The accept loop of a bind on one worker, and who is let in.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::drain::Live;
use super::{Worker, connection};
use crate::base::id::BindId;
use crate::limits::ACCEPTS_PER_TURN_MAX;
use crate::net::deadline;
use crate::net::listen::{Acceptor, Batch};
use crate::snapshot::pressure::Level;
use crate::snapshot::resources::Resources;
use crate::telemetry::value::{Counter, Limit};

/// How long accepting rests when descriptors are used up or enough connections are open. Who
/// connects meanwhile waits in the kernel's queue.
const REST: Duration = Duration::from_millis(50);

/// How long who is on the way in has to arrive, before a listening socket is closed: a round trip
/// and some.
const CLOSING: Duration = Duration::from_millis(200);

/// The binds that this worker listens on, by name: a bind keeps its socket over reloads, whatever
/// its place in the snapshot.
#[derive(Default)]
pub struct Binds {
    open: RefCell<Vec<Rc<Door>>>,
    /// Accept loops that run, those of closed doors included.
    loops: Cell<u32>,
}

/// One listening socket, and the way to end its loop.
pub struct Door {
    pub name: String,
    /// The place of the bind in the current snapshot.
    pub bind: Cell<BindId>,
    closed: Cell<Option<Close>>,
    waiting: RefCell<Option<Waker>>,
}

/// How a door is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    /// Who is on the way in is let in first.
    Gently,
    /// Another process has the same socket, and lets them in.
    LetGo,
    /// The worker is broken, and ends in a moment.
    AtOnce,
}

impl Binds {
    /// A bind that moved to another address has new sockets: the old ones go.
    pub fn replace(&self, name: &str) {
        self.open.borrow_mut().retain(|door| {
            let stays = door.name != name;
            if !stays {
                door.close(Close::Gently);
            }
            stays
        });
    }

    /// Starts to accept on a new socket. A bind may have several.
    pub fn open(&self, worker: &Rc<Worker>, name: &str, bind: BindId, socket: OwnedFd) {
        let acceptor = match Acceptor::new(socket) {
            Ok(acceptor) => acceptor,
            Err(error) => {
                tracing::error!(%error, bind = name, "a listening socket cannot be used");
                return;
            }
        };
        let door = Rc::new(Door {
            name: name.to_owned(),
            bind: Cell::new(bind),
            closed: Cell::new(None),
            waiting: RefCell::default(),
        });
        self.open.borrow_mut().push(Rc::clone(&door));
        self.loops.set(self.loops.get() + 1);
        let worker = Rc::clone(worker);
        let owner = Rc::clone(&worker);
        owner.spawn(async move { run(worker, door, acceptor).await });
    }

    /// Follows a new snapshot: the binds are at other places in it, and some are gone.
    pub fn follow(&self, place: impl Fn(&str) -> Option<BindId>) {
        self.open.borrow_mut().retain(|door| match place(&door.name) {
            Some(bind) => {
                door.bind.set(bind);
                true
            }
            None => {
                door.close(Close::Gently);
                false
            }
        });
    }

    /// Those of the binds in `left` are another process's from now on.
    pub fn close_all(&self, left: &[String]) {
        for door in self.open.borrow_mut().drain(..) {
            let is_left = left.contains(&door.name);
            door.close(if is_left { Close::LetGo } else { Close::Gently });
        }
    }

    /// Leaves the groups, so that whoever comes next comes to another worker.
    pub fn abandon(&self) {
        for door in self.open.borrow_mut().drain(..) {
            door.close(Close::AtOnce);
        }
    }

    /// Whether every accept loop has ended.
    pub fn is_empty(&self) -> bool {
        self.loops.get() == 0
    }
}

impl Door {
    fn close(&self, how: Close) {
        self.closed.set(Some(how));
        if let Some(waker) = self.waiting.borrow_mut().take() {
            waker.wake();
        }
    }
}

async fn run(worker: Rc<Worker>, door: Rc<Door>, acceptor: Acceptor) {
    while wait(&door, &acceptor).await {
        if is_full(&worker, &door) {
            worker.resources.wheel.sleep(REST).await;
            continue;
        }
        match take(&worker, &door, &acceptor) {
            // After a full batch the next poll is ready at once, and lets the others have their
            // turn first.
            Batch::Empty | Batch::More => {}
            Batch::Exhausted(error) => {
                worker.resources.shard.add(Counter::AcceptErrors, 1);
                tracing::warn!(%error, bind = door.name, "cannot accept: resting");
                worker.resources.wheel.sleep(REST).await;
            }
            Batch::Closed(error) => {
                worker.resources.shard.add(Counter::AcceptErrors, 1);
                tracing::error!(%error, bind = door.name, "no longer accepting");
                break;
            }
        }
    }
    match door.closed.get() {
        // Closed by the runtime, behind the poll that was under way.
        Some(Close::LetGo | Close::AtOnce) => drop(acceptor),
        _ => close(&worker, &door, acceptor).await,
    }
    worker.binds.loops.set(worker.binds.loops.get() - 1);
    super::drain::look(&worker);
}

/// Closes without a reset: nobody new comes in, who is on the way in arrives and is served.
async fn close(worker: &Rc<Worker>, door: &Rc<Door>, acceptor: Acceptor) {
    if let Err(error) = acceptor.refuse_new() {
        tracing::warn!(%error, bind = door.name, "connections may be reset by closing");
    }
    let wheel = &worker.resources.wheel;
    let until = wheel.clock().now().plus(CLOSING);
    while wheel.clock().now() < until {
        while let Batch::More = take(worker, door, &acceptor) {}
        wheel.sleep(deadline::TICK).await;
    }
    while let Batch::More = take(worker, door, &acceptor) {}
    acceptor.close();
}

/// Waits for a connection. False when the door was closed instead.
async fn wait(door: &Door, acceptor: &Acceptor) -> bool {
    let mut ready = pin!(acceptor.ready());
    poll_fn(|context| {
        if door.closed.get().is_some() {
            return Poll::Ready(false);
        }
        *door.waiting.borrow_mut() = Some(context.waker().clone());
        ready.as_mut().poll(context).map(|polled| polled.is_ok())
    })
    .await
}

fn is_full(worker: &Rc<Worker>, door: &Door) -> bool {
    let view = worker.view();
    let Some(bind) = view.snapshot.bind(door.bind.get()) else { return false };
    let settings = &bind.settings;
    if worker.live.count() >= settings.connections_per_worker_max {
        worker.resources.shard.limit_hit(Limit::ConnectionsWorker);
        return true;
    }
    let open: i64 =
        worker.resources.shared.shards.all().iter().map(|shard| shard.active_connections()).sum();
    if open >= i64::from(settings.connections_max) {
        worker.resources.shard.limit_hit(Limit::Connections);
        return true;
    }
    is_short(&worker.resources)
}

/// Memory is used up, or nearly: as somebody found out since the last few connections.
fn is_short(resources: &Resources) -> bool {
    let pressure = &resources.shared.pressure;
    // Looks, if enough was taken since.
    let full = resources.buffers.is_full() && pressure.step(1).is_some();
    let short = full || pressure.level() != Level::Calm;
    if short {
        resources.shard.limit_hit(Limit::Memory);
    }
    short
}

fn take(worker: &Rc<Worker>, door: &Rc<Door>, acceptor: &Acceptor) -> Batch {
    acceptor.accept(ACCEPTS_PER_TURN_MAX, |socket, peer| let_in(worker, door, socket, peer))
}

fn let_in(worker: &Rc<Worker>, door: &Rc<Door>, socket: OwnedFd, peer: Option<SocketAddr>) {
    // It counts from now on, before its task has run: a worker that looks for its last connection
    // must not miss it.
    let entry = Live::enter(worker, socket.as_raw_fd());
    let task = connection::serve(Rc::clone(worker), Rc::clone(door), entry, socket, peer);
    worker.spawn(task);
}
