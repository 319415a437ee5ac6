//! A worker: a pinned thread with a runtime of its own, its own listening sockets, upstream
//! connections and metric shard. Owns everything that moves on the data path; talks to control
//! through its mailbox alone, and never waits for it.

pub mod accept;
pub mod admission;
pub mod adopt;
pub mod connection;
pub mod drain;
mod mishap;
pub mod tick;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use crate::base::clock::Clock;
use crate::base::id::WorkerId;
use crate::bus::{Command, Event, Inbox, Mailbox, Pulse, Unsent};
use crate::net::Wheel;
use crate::net::doorbell::Doorbell;
use crate::net::runtime::{self, Driver};
use crate::snapshot::Snapshot;
use crate::snapshot::resources::{Resources, Shared};
use crate::snapshot::view::View;
use crate::telemetry::access_log::Recorder;
use crate::telemetry::shard::Shard;
use crate::telemetry::value::{Counter, Gauge, WorkerHistogram};

use accept::Binds;
use drain::Live;

/// All that a worker is started with.
pub struct Spec {
    pub id: WorkerId,
    pub driver: Driver,
    pub clock: Clock,
    pub inbox: Inbox<Command<Snapshot>>,
    pub events: Mailbox<Event<Snapshot>>,
    pub pulse: Arc<Pulse>,
    pub shard: Arc<Shard>,
    pub shared: Shared,
    pub log: Recorder,
    pub release_memory: fn(),
}

/// One worker, as its tasks share it.
pub struct Worker {
    pub resources: Rc<Resources>,
    view: RefCell<Rc<View>>,
    pub binds: Binds,
    pub live: Live,
    /// How often a task was polled, and the most that the loop was late in this second.
    pub polls: Rc<Cell<u64>>,
    pub late_nanos: Cell<u64>,
    /// TLS handshakes of clients that are under way.
    pub handshakes: Cell<u32>,
    /// Connections that gave their buffers back in this second, and what gives memory back.
    pub parked: Cell<u32>,
    release_memory: fn(),
    events: Outbox,
    prepared: RefCell<Option<adopt::Prepared>>,
    /// Set when the worker has nothing left to do.
    over: Cell<bool>,
    /// What it cannot go on without, and has panicked.
    broken: Cell<Option<&'static str>>,
    waiting: RefCell<Option<Waker>>,
}

impl Worker {
    /// The view that a request which begins now is served by.
    pub fn view(&self) -> Rc<View> {
        Rc::clone(&self.view.borrow())
    }

    /// Starts a task whose panic is counted and costs nobody else anything.
    pub fn spawn(self: &Rc<Self>, task: impl Future<Output = ()> + 'static) {
        let shard = Arc::clone(&self.resources.shard);
        shard.gauge_add(Gauge::AliveTasks, 1);
        let ended = TaskEnd(Arc::clone(&shard));
        let task = async move {
            let _ended = ended;
            task.await;
        };
        let polls = Some(Rc::clone(&self.polls));
        runtime::spawn(task, polls, move || shard.add(Counter::Panics, 1));
    }

    /// Starts a task that the worker cannot go on without: if it panics the worker ends, which
    /// control is told. One that lived on would hold connections that nobody sees to. Without its
    /// deadlines there is no moment to be waited for.
    fn spawn_vital(self: &Rc<Self>, what: &'static str, task: impl Future<Output = ()> + 'static) {
        let worker = Rc::clone(self);
        let polls = Some(Rc::clone(&self.polls));
        runtime::spawn(task, polls, move || {
            worker.resources.shard.add(Counter::Panics, 1);
            worker.broken.set(Some(what));
            worker.spawn(fail(Rc::clone(&worker), what != DEADLINES));
        });
    }

    pub fn tell(&self, event: Event<Snapshot>) {
        self.events.send(event);
    }

    /// Ends the thread as soon as its loop turns.
    pub fn end(&self) {
        self.over.set(true);
        if let Some(waker) = self.waiting.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// The end of a worker that cannot go on. `waits`: a moment, for its tasks.
async fn fail(worker: Rc<Worker>, waits: bool) {
    let moment = drain::abandon(&worker);
    if waits {
        moment.await;
    }
    worker.end();
}

/// Counts a task out, however it ended.
struct TaskEnd(Arc<Shard>);

impl Drop for TaskEnd {
    fn drop(&mut self) {
        self.0.gauge_add(Gauge::AliveTasks, -1);
    }
}

/// Events that control's mailbox had no room for are kept, and sent when the next second ticks.
struct Outbox {
    mailbox: Mailbox<Event<Snapshot>>,
    kept: RefCell<std::collections::VecDeque<Event<Snapshot>>>,
}

impl Outbox {
    fn send(&self, event: Event<Snapshot>) {
        self.kept.borrow_mut().push_back(event);
        self.flush();
    }

    fn flush(&self) {
        let mut kept = self.kept.borrow_mut();
        while let Some(event) = kept.pop_front() {
            match self.mailbox.send(event) {
                Ok(()) => {}
                Err(Unsent::Full(event)) => {
                    kept.push_front(event);
                    return;
                }
                // Control is gone, and the process with it.
                Err(Unsent::Closed(_)) => return,
            }
        }
    }
}

/// Runs a worker on this thread, which is pinned already, until it has drained.
///
/// # Errors
/// Why its runtime could not start, or broke.
pub fn run(spec: Spec) -> Result<(), String> {
    let driver = spec.driver;
    match runtime::run(driver, serve(spec)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) | Err(error) => Err(format!("{driver}: {error}")),
    }
}

async fn serve(spec: Spec) -> io::Result<()> {
    let wheel = Wheel::new(spec.clock.clone(), spec.driver)?;
    let resources =
        Resources::new(spec.id, spec.clock, Rc::clone(&wheel), spec.shard, spec.log, spec.shared);
    let resources = Rc::new(resources);
    let empty = Rc::new(View::new(Arc::new(Snapshot::empty()), Rc::clone(&resources), None));
    let worker = Rc::new(Worker {
        resources,
        view: RefCell::new(empty),
        binds: Binds::default(),
        live: Live::default(),
        polls: Rc::default(),
        late_nanos: Cell::new(0),
        handshakes: Cell::new(0),
        parked: Cell::new(0),
        release_memory: spec.release_memory,
        events: Outbox { mailbox: spec.events, kept: RefCell::default() },
        prepared: RefCell::default(),
        over: Cell::new(false),
        broken: Cell::new(None),
        waiting: RefCell::default(),
    });
    let turning = Rc::clone(&wheel);
    let told = Rc::clone(&worker);
    worker.spawn_vital(DEADLINES, async move {
        let late = |nanos| {
            told.resources.shard.observe(WorkerHistogram::LoopLatency, nanos);
            told.late_nanos.set(told.late_nanos.get().max(nanos));
        };
        if let Err(error) = turning.run(late).await {
            tracing::error!(%error, "deadlines no longer fire on a worker");
        }
    });
    worker.spawn_vital("its ticker", tick::run(Rc::clone(&worker), spec.id, spec.pulse));
    worker.spawn_vital("its admission", admission::run(Rc::clone(&worker)));
    let bell = Doorbell::new(spec.inbox.as_fd().try_clone_to_owned()?)?;
    let listening = Rc::clone(&worker);
    worker.spawn_vital("its mailbox", async move {
        listen(&listening, spec.inbox, bell).await;
    });
    worker.tell(Event::Started { worker: spec.id });
    poll_fn(|context| {
        if worker.over.get() {
            return Poll::Ready(());
        }
        *worker.waiting.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    })
    .await;
    worker.events.flush();
    worker.broken.get().map_or(Ok(()), |what| Err(io::Error::other(format!("{what} panicked"))))
}

const DEADLINES: &str = "its deadlines";

/// Reads the mailbox whenever it is rung.
async fn listen(worker: &Rc<Worker>, inbox: Inbox<Command<Snapshot>>, bell: Doorbell) {
    loop {
        for command in inbox.drain() {
            obey(worker, command);
        }
        if let Err(error) = bell.rung().await {
            tracing::error!(%error, "a worker no longer hears its mailbox");
            return;
        }
    }
}

fn obey(worker: &Rc<Worker>, command: Command<Snapshot>) {
    match command {
        Command::Prepare { version, snapshot, sockets } => {
            adopt::prepare(worker, version, snapshot, sockets);
        }
        Command::Commit { version } => adopt::commit(worker, version),
        Command::Abort { version } => adopt::abort(worker, version),
        Command::Drain { doors } => drain::drain(worker, &doors),
        Command::Cut => drain::cut(worker),
    }
}
