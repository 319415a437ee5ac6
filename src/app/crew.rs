//! The worker threads: started, pinned, and joined here. What they run is given.
//!
//! However a worker ends, by itself, by an error or by a panic, control learns it from here.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use core_affinity::CoreId;

use crate::base::id::WorkerId;
use crate::bus::{Command, Event, Inbox, Mailbox, Pulse, Stop, Unsent, mailbox};
use crate::control::Bus;
use crate::limits::{COMMANDS_QUEUED_MAX, EVENTS_QUEUED_MAX, JOIN_MS_MAX};

/// What one worker gets.
#[derive(Debug)]
pub struct Seat<S> {
    pub worker: WorkerId,
    pub commands: Inbox<Command<S>>,
    pub events: Mailbox<Event<S>>,
    pub pulse: Arc<Pulse>,
}

/// What one worker's thread runs: returns when drained, or says why it could not go on.
pub type WorkerMain = Box<dyn FnOnce() -> Result<(), String> + Send>;

/// The threads that run.
#[derive(Debug)]
pub struct Crew {
    /// Each thread holds a sender until it ends.
    ended: Receiver<()>,
}

impl Crew {
    /// Starts `workers` threads; `hire` says what each runs. With `pin`, each keeps to a core of
    /// its own, as long as there are enough.
    pub fn start<S: Send + Sync + 'static>(
        workers: usize,
        pin: bool,
        mut hire: impl FnMut(Seat<S>) -> WorkerMain,
    ) -> io::Result<(Self, Bus<S>)> {
        let (outbox, events) = mailbox(EVENTS_QUEUED_MAX)?;
        let (running, ended) = mpsc::channel();
        let cores = cores(workers, pin);
        let mut bus = Bus { commands: Vec::new(), pulses: Vec::new(), events };
        for (worker, core) in (0u32..).map(WorkerId).zip(cores) {
            let (command, commands) = mailbox(COMMANDS_QUEUED_MAX)?;
            let pulse = Arc::new(Pulse::default());
            bus.commands.push(command);
            bus.pulses.push(Arc::clone(&pulse));
            let main = hire(Seat { worker, commands, events: outbox.clone(), pulse });
            let place = Place { worker, core, outbox: outbox.clone(), running: running.clone() };
            let name = format!("worker-{}", worker.0);
            thread::Builder::new().name(name).spawn(move || place.run(main))?;
        }
        Ok((Self { ended }, bus))
    }

    /// Waits until all threads have ended, for a while. Were they all done in time?
    pub fn join(self) -> bool {
        let due = Instant::now() + Duration::from_millis(JOIN_MS_MAX);
        let left = due.saturating_duration_since(Instant::now());
        // Nobody sends: the wait ends when the last sender is dropped, or with the time.
        self.ended.recv_timeout(left) == Err(RecvTimeoutError::Disconnected)
    }
}

/// The core of each worker. Cores outside the process's cpuset do not count.
fn cores(workers: usize, pin: bool) -> Vec<Option<CoreId>> {
    let mine = core_affinity::get_core_ids().unwrap_or_default();
    if !pin || mine.len() < workers {
        return vec![None; workers];
    }
    mine.into_iter().take(workers).map(Some).collect()
}

/// One thread's own.
struct Place<S> {
    worker: WorkerId,
    core: Option<CoreId>,
    outbox: Mailbox<Event<S>>,
    running: Sender<()>,
}

impl<S> Place<S> {
    fn run(self, main: WorkerMain) {
        let worker = self.worker;
        if self.core.is_some_and(|core| !core_affinity::set_for_current(core)) {
            tracing::warn!("worker {} cannot be pinned to its core", worker.0);
        }
        // What a panic left behind is dropped with the thread: nobody sees it broken.
        let why = match catch_unwind(AssertUnwindSafe(main)) {
            Ok(Ok(())) => Stop::Drained,
            Ok(Err(why)) => Stop::Failed(why),
            Err(panic) => Stop::Panicked(message(&*panic)),
        };
        let mut event = Event::Stopped { worker, why };
        while let Err(Unsent::Full(back)) = self.outbox.send(event) {
            event = back;
            thread::yield_now();
        }
        drop(self.running);
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests;
