//! The thread that carries no traffic: sources in, snapshots out, workers watched.
//!
//! One task on a tokio runtime of one thread owns all state of control as plain values: the
//! configuration and its version, the listening sockets, the drain, what is known of the workers.
//! Whoever wants something of it (a signal, a file, an admin request, a worker) sends a message,
//! and the loop in `Control::run` takes one at a time. It refuses to wait for anybody in between:
//! names are looked up and
//! certificates read in a task beside it, workers answer when they can.

pub mod admin;
mod answer;
pub mod certificate;
pub mod credentials;
pub mod drain;
pub mod health;
pub mod inherit;
pub mod ledger;
pub mod links;
pub mod listen;
mod load;
pub mod notify;
pub mod publish;
pub mod resolve;
pub mod restart;
pub mod signal;
pub mod source;
pub mod supervise;
pub mod wiring;

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use self::admin::Ask;
use self::certificate::Files;
use self::drain::{Drain, Step};
use self::health::Prober;
use self::inherit::{Inherited, Key};
use self::links::Links;
use self::listen::Listening;
use self::load::Loading;
use self::notify::Notifier;
use self::publish::{Publisher, Turn, name_workers};
use self::resolve::{Refreshing, Resolver};
use self::restart::{Gate, Restart, Succession};
use self::signal::{Signal, Signals};
use self::source::file::FileWatch;
use self::source::{Source, Text};
use self::supervise::{Change, State, Supervisor};
use self::wiring::{Facts, Settings, Wiring};
use crate::base::id::WorkerId;
use crate::bus::{Awaited, Command, Doors, Event, Inbox, Mailbox, Pulse, Stop};
use crate::limits::CONTROL_TICK_MS;

/// The ends of the bus that control holds, each list by worker.
#[derive(Debug)]
pub struct Bus<S> {
    pub commands: Vec<Mailbox<Command<S>>>,
    pub pulses: Vec<Arc<Pulse>>,
    pub events: Inbox<Event<S>>,
}

/// The configuration to begin with, read and parsed already.
#[derive(Debug)]
pub struct First<C> {
    pub source: Source,
    pub text: Text,
    pub config: C,
}

/// Called once, when the first configuration is served, with the name and address of each bind.
pub type OnReady = Box<dyn FnOnce(&[(&str, SocketAddr)])>;

/// What the loop begins with, beside its configuration.
pub struct Start {
    pub on_ready: OnReady,
    /// Called once when another process serves in the place of this one.
    pub on_leaving: Box<dyn FnOnce()>,
    /// Nobody waits for an answer of the servers.
    pub is_quiet: Box<dyn Fn() -> bool>,
    /// What another process opened, and the conversation with it.
    pub inherited: Inherited,
    pub succession: Succession,
    /// The sockets of the servers, for a successor.
    pub servers: Vec<(Key, OwnedFd)>,
    pub upgrade_socket: Option<PathBuf>,
}

/// How the loop ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A drain, with what had to be cut and which workers never answered.
    Drained { cut: u64, silent: Vec<WorkerId> },
    /// A second signal: nothing is waited for.
    AtOnce(Signal),
    /// It was only to be checked.
    Valid,
    /// The first configuration could not be served.
    NotStarted(String),
    /// No worker is left.
    Broken(String),
}

/// All that control owns.
pub struct Control<W: Wiring> {
    wiring: W,
    source: Source,
    /// What was read last, whether it could be used or not; nothing if it could not be read.
    text: Option<Text>,
    /// The same of certificates, keys and roots.
    files: Files,
    watch: Option<FileWatch>,
    /// What the workers serve, as it was written.
    config: Option<W::Config>,
    loading: Loading<W::Config>,
    resolver: Resolver,
    refreshing: Refreshing,
    /// Names have other addresses than the workers know.
    stale: bool,
    prober: Prober,
    settings: Settings,
    links: Links<W::Snapshot>,
    pulses: Vec<Arc<Pulse>>,
    /// By worker, what it serves.
    versions: Vec<u64>,
    publisher: Publisher<W::Snapshot>,
    listening: Listening,
    supervisor: Supervisor,
    /// When the workers were looked after last.
    ticked: Instant,
    drain: Drain,
    /// Why the last configuration read is not in use.
    refusal: Option<String>,
    reloads_accepted: u64,
    reloads_refused: u64,
    on_ready: Option<OnReady>,
    on_leaving: Option<Box<dyn FnOnce()>>,
    is_quiet: Box<dyn Fn() -> bool>,
    restart: Restart,
    notifier: Notifier,
    /// SIGTERM or its like has come.
    told_to_end: bool,
    ending: Option<Ending>,
}

impl<W: Wiring> Control<W> {
    /// Runs until the process should end, and gives back what it was given. Must be called within
    /// a tokio runtime.
    pub async fn run(
        wiring: W,
        bus: Bus<W::Snapshot>,
        first: First<W::Config>,
        mut asks: mpsc::Receiver<Ask>,
        start: Start,
    ) -> std::io::Result<(Ending, W)> {
        let mut signals = Signals::new()?;
        let events = Awaited::new(bus.events)?;
        let settings = wiring.settings(&first.config);
        let mut control = Self::new(wiring, settings, bus.commands, bus.pulses, &first, start)?;
        control.look_up(first.config);
        loop {
            if control.ending.is_some()
                && control.may_end()
                && let Some(ending) = control.ending.take()
            {
                return Ok((ending, control.wiring));
            }
            let due = control.due();
            tokio::select! {
                signal = signals.next() => control.on_signal(signal),
                // Once it is over nobody is left to send any.
                event = events.next(), if control.ending.is_none() => control.on_event(event),
                Some(ask) = asks.recv() => control.answer(ask),
                brought = control.loading.brought() => control.compile(brought),
                answers = control.refreshing.answers() => control.renew_names(answers),
                () = changed(&mut control.watch) => control.file_changed(),
                arrival = restart::arrival(&mut control.restart.gate) => control.on_arrival(arrival),
                heard = restart::heard(&control.restart.handover) => control.on_heard(heard),
                heard = control.restart.succession.hear() => control.on_predecessor(heard),
                () = tokio::time::sleep_until(due.into()) => control.on_time(),
            }
        }
    }

    fn new(
        wiring: W,
        settings: Settings,
        commands: Vec<Mailbox<Command<W::Snapshot>>>,
        pulses: Vec<Arc<Pulse>>,
        first: &First<W::Config>,
        mut start: Start,
    ) -> std::io::Result<Self> {
        let workers = commands.len();
        debug_assert_eq!(workers, pulses.len(), "each worker has a mailbox and a pulse");
        let gate = start.upgrade_socket.map(|path| Gate::open(&path, &mut start.inherited));
        let gate = gate.transpose()?;
        Ok(Self {
            wiring,
            source: first.source.clone(),
            text: Some(first.text.clone()),
            files: Files::new(),
            watch: None,
            config: None,
            loading: Loading::Idle,
            resolver: Resolver::default(),
            refreshing: Refreshing::default(),
            stale: false,
            prober: Prober::default(),
            drain: Drain::new(workers, settings.drain),
            settings,
            links: Links::new(commands),
            pulses,
            versions: vec![0; workers],
            publisher: Publisher::default(),
            listening: Listening::inheriting(start.inherited),
            supervisor: Supervisor::new(workers, Instant::now()),
            ticked: Instant::now(),
            refusal: None,
            reloads_accepted: 0,
            reloads_refused: 0,
            on_ready: Some(start.on_ready),
            on_leaving: Some(start.on_leaving),
            is_quiet: start.is_quiet,
            restart: Restart::new(start.succession, gate, start.servers),
            notifier: Notifier::from_environment(),
            told_to_end: false,
            ending: None,
        })
    }

    /// Whoever was let in by the servers before another process took them over has its answer.
    fn may_end(&self) -> bool {
        let drained = matches!(self.ending, Some(Ending::Drained { .. }));
        !drained || self.restart.is_answered(&*self.is_quiet)
    }

    fn due(&self) -> Instant {
        let tick = self.ticked + Duration::from_millis(CONTROL_TICK_MS);
        let looks = self.refreshing.is_idle() && self.is_serving();
        let names = self.resolver.due().filter(|_| looks);
        self.drain
            .due()
            .into_iter()
            .chain(names)
            .chain(self.notifier.due())
            .fold(tick, Instant::min)
    }

    /// There is something that may change.
    fn is_serving(&self) -> bool {
        !self.drain.begun() && self.publisher.current().is_some()
    }

    fn on_signal(&mut self, signal: Signal) {
        tracing::info!("{} received", signal.name());
        match signal {
            Signal::Hangup => {
                self.wiring.reopen_logs();
                self.reload();
            }
            Signal::Upgrade => self.upgrade(),
            Signal::Terminate | Signal::Interrupt if self.is_told_to_end() => {
                tracing::warn!("exit at once: a second {}", signal.name());
                self.ending = Some(Ending::AtOnce(signal));
            }
            Signal::Terminate | Signal::Interrupt | Signal::Quit => self.end(),
        }
    }

    /// A drain that a successor began is none that this process was told of.
    fn is_told_to_end(&self) -> bool {
        self.told_to_end || (self.drain.begun() && !self.restart.has_left())
    }

    /// By a signal, or over the admin server. Neither side of a hand-over loses anything by it.
    fn end(&mut self) {
        self.told_to_end = true;
        if !self.stop_upgrade() && !self.stop_succession() {
            self.begin_drain();
        }
    }

    fn on_event(&mut self, event: Option<Event<W::Snapshot>>) {
        let Some(event) = event else {
            // Every thread that could send is gone, even those that should have said so first.
            self.ending = Some(Ending::Broken("all worker threads ended".to_owned()));
            return;
        };
        match event {
            Event::Started { worker } => self.supervisor.started(worker, Instant::now()),
            Event::Prepared { worker, version } => {
                let turn = self.publisher.prepared(worker, version);
                self.turn(turn);
            }
            Event::Refused { worker, version, why } => {
                let turn = self.publisher.refused(&self.links, worker, version, &why);
                self.turn(turn);
            }
            Event::Committed { worker, version, retired } => {
                self.versions[worker.index()] = version;
                let turn = self.publisher.committed(worker, version, retired);
                self.turn(turn);
            }
            Event::Drained { worker, cut } => {
                let steps = self.drain.drained(worker, cut);
                self.take(steps);
            }
            Event::Stopped { worker, why } => self.on_stopped(worker, why),
        }
    }

    fn on_stopped(&mut self, worker: WorkerId, why: Stop) {
        if !self.supervisor.stopped(worker, why.clone()) {
            return;
        }
        if self.drain.begun() && why == Stop::Drained {
            tracing::debug!("worker {} ended", worker.0);
        } else {
            tracing::error!("worker {} {why}; the others go on", worker.0);
        }
        let failed = matches!(why, Stop::Failed(_)).then(|| why.to_string());
        self.links.gone(worker);
        self.listening.close_worker(worker);
        if let Some(why) = failed.filter(|_| self.publisher.version() == 0) {
            // It could not even start: neither would it after a restart. Say so, and loudly.
            let why = format!("worker {} {why}", worker.0);
            self.ending.get_or_insert(Ending::NotStarted(why));
        }
        let turn = self.publisher.gone(worker);
        self.turn(turn);
        let steps = self.drain.gone(worker);
        self.take(steps);
        if !self.supervisor.any_alive() {
            let broken = || Ending::Broken("no worker is left".to_owned());
            self.ending.get_or_insert_with(broken);
        }
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        self.ticked = now;
        self.restart_on_time(now);
        self.wiring.look(self.publisher.current().map(Arc::as_ref));
        for worker in self.supervisor.ids() {
            let pulse = self.pulses[worker.index()].count();
            match self.supervisor.saw(worker, pulse, now) {
                Some(Change::Stalled(worker)) => {
                    tracing::error!("worker {} shows no sign of life", worker.0);
                }
                Some(Change::Recovered(worker)) => {
                    tracing::warn!("worker {} is back", worker.0);
                }
                None => (),
            }
        }
        self.notifier.on_time(now, !self.supervisor.any_stalled());
        let turn = self.publisher.on_time(&self.links, now);
        self.turn(turn);
        let steps = self.drain.on_time(now);
        self.take(steps);
        self.refresh_names(now);
    }

    fn begin_drain(&mut self) {
        if self.drain.begun() {
            return;
        }
        let (min, max) = (self.settings.drain.min(), self.settings.drain.max());
        tracing::info!(
            "draining: new connections for {min:?}, the end after {max:?} at the latest"
        );
        self.notifier.stopping("drains");
        let steps = self.drain.begin(Instant::now());
        self.end_of_news();
        self.take(steps);
    }

    /// No other configuration will be served.
    fn end_of_news(&mut self) {
        self.loading = Loading::Idle;
        let turn = self.publisher.abort(&self.links, "draining".to_owned());
        self.turn(turn);
    }

    /// Does what the drain says.
    fn take(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Drain { stop_accepting } => self.tell_to_drain(stop_accepting),
                Step::Cut => {
                    tracing::warn!("the time is up: cutting what is left");
                    self.tell(|| Command::Cut);
                }
                Step::Finish { cut, silent } => {
                    self.ending.get_or_insert(Ending::Drained { cut, silent });
                }
            }
        }
    }

    fn tell_to_drain(&mut self, stop_accepting: bool) {
        if !stop_accepting {
            return self.tell(|| Command::Drain { doors: Doors::Open });
        }
        let doors = match &self.restart.left {
            Some(names) => Doors::Left(Arc::clone(names)),
            None => Doors::Shut,
        };
        tracing::info!("closing the listening sockets");
        self.listening.close();
        self.tell(|| Command::Drain { doors: doors.clone() });
    }

    fn tell(&self, command: impl Fn() -> Command<W::Snapshot>) {
        let deaf = self.links.broadcast(command);
        if !deaf.is_empty() {
            tracing::error!("{} cannot be told to drain", name_workers(&deaf));
        }
    }

    /// Goes on with a publication.
    fn turn(&mut self, turn: Option<Turn>) {
        match turn {
            None => (),
            // Who takes over accepts when the old process says so.
            Some(Turn::AllPrepared) if self.restart.succession.ready() => (),
            Some(Turn::AllPrepared) => self.commit(),
            Some(Turn::Refused { why, .. }) => {
                self.listening.abort();
                self.refused(&why);
                self.reload_if_wanted();
            }
            Some(Turn::Published { version, late }) => self.published(version, &late),
        }
    }

    /// All workers are prepared: from here on they serve.
    fn commit(&mut self) {
        self.listening.commit();
        let turn = self.publisher.commit(&self.links, Instant::now());
        self.turn(turn);
    }

    /// What keeps this process from being ready.
    fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.on_ready.is_some() {
            reasons.push("no configuration is served yet".to_owned());
        }
        // Behind a successor the service is as it was: who still asks here is told so.
        if self.drain.begun() && !self.restart.has_left() {
            reasons.push("draining".to_owned());
        }
        reasons.extend(self.supervisor.complaints());
        reasons
    }

    fn facts(&self) -> Facts<'_> {
        let states: Vec<&State> =
            self.supervisor.ids().map(|worker| self.supervisor.state(worker)).collect();
        Facts {
            version: self.publisher.version(),
            synchronized: self.refusal.is_none() && self.config.is_some(),
            reloads_accepted: self.reloads_accepted,
            reloads_refused: self.reloads_refused,
            retired_snapshots: self.publisher.retired(),
            draining: self.drain.begun(),
            lookups_good: self.resolver.good,
            lookups_failed: self.resolver.failed,
            upgrades_failed: self.restart.failures,
            workers: states,
        }
    }
}

async fn changed(watch: &mut Option<FileWatch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
