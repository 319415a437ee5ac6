//! From a source to the workers: read, parse, look names up and read certificates, compile, open
//! sockets, publish.
//!
//! Whatever goes wrong on the way changes nothing: the last configuration stays, its sockets stay,
//! and what is wrong is logged, counted, and shown by `/config_dump` until a later one is served.
//! One at a time: what is asked for meanwhile is done afterwards, once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinHandle;

use super::certificate::{self, Files};
use super::listen::Bind;
use super::publish::name_workers;
use super::resolve::{Answers, Dns, Name, Unresolved, look_up};
use super::source::file::FileWatch;
use super::wiring::{Found, Wiring};
use super::{Control, Ending};
use crate::base::id::WorkerId;

/// How far a configuration has come.
#[derive(Debug)]
pub(super) enum Loading<C> {
    Idle,
    LookingUp {
        config: C,
        lookup: LookUp,
        again: bool,
    },
    /// Compiled, and with the workers.
    Publishing {
        config: C,
        again: bool,
    },
    /// The same configuration is with the workers, with other addresses of its names.
    Refreshing {
        again: bool,
    },
    /// Refused by the workers, while another one was asked for.
    Again,
}

/// What a configuration asks for outside of it.
#[derive(Debug)]
pub(super) struct Brought {
    answers: Answers,
    files: Files,
}

/// A task that ends with whoever waits for it.
#[derive(Debug)]
pub(super) struct LookUp(JoinHandle<Brought>);

impl Drop for LookUp {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<C> Loading<C> {
    /// Waits for the look-ups, if there are any. Nothing is lost when this is dropped before it is
    /// ready.
    pub(super) async fn brought(&mut self) -> Brought {
        match self {
            Self::LookingUp { lookup, .. } => {
                (&mut lookup.0).await.expect("look-ups neither panic nor are they aborted")
            }
            _ => std::future::pending().await,
        }
    }

    /// Something is on its way already: it is done again afterwards.
    fn defer(&mut self) -> bool {
        match self {
            Self::LookingUp { again, .. }
            | Self::Publishing { again, .. }
            | Self::Refreshing { again } => {
                *again = true;
                true
            }
            Self::Idle | Self::Again => false,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    /// The workers do not get what is on its way.
    pub(super) fn forget(&mut self) {
        let again =
            matches!(self, Self::Publishing { again: true, .. } | Self::Refreshing { again: true });
        *self = if again { Self::Again } else { Self::Idle };
    }
}

impl<W: Wiring> Control<W> {
    /// Only a text or a certificate that differs is worth a reload: a watched folder has other
    /// files in it.
    pub(super) fn file_changed(&mut self) {
        let same_text = self.source.read().is_ok_and(|text| Some(text) == self.text);
        if same_text && !certificate::changed(&self.files) {
            return;
        }
        self.reload();
    }

    /// SIGHUP, or a file that changed.
    pub(super) fn reload(&mut self) {
        if self.drain.begun() || self.loading.defer() {
            return;
        }
        if let Some(handover) = &mut self.restart.handover {
            // The sockets must not change on their way to another process.
            handover.reload = true;
            return;
        }
        self.notifier.reloading("reads the configuration");
        self.loading = Loading::Idle;
        let read = self.source.read();
        self.text = read.as_ref().ok().cloned();
        match read.and_then(|text| spared(|| self.wiring.parse(&text))) {
            Ok(config) => self.look_up(config),
            Err(why) => self.refuse(&why),
        }
    }

    pub(super) fn reload_if_wanted(&mut self) {
        if matches!(self.loading, Loading::Again) {
            self.reload();
        }
    }

    pub(super) fn look_up(&mut self, config: W::Config) {
        let names = self.wiring.names(&config);
        let files = self.wiring.files(&config);
        // Before they are read, so that no change falls in between.
        self.watch(&files);
        let dns = self.wiring.settings(&config).dns;
        let lookup = LookUp(tokio::spawn(bring(names, dns, files)));
        self.loading = Loading::LookingUp { config, lookup, again: false };
    }

    /// The configuration's own file too. What cannot be watched is read again on SIGHUP.
    fn watch(&mut self, files: &[PathBuf]) {
        let own = self.source.path();
        if self.watch.is_none() && (own.is_some() || !files.is_empty()) {
            self.watch = match FileWatch::new(own) {
                Ok(watch) => Some(watch),
                Err(error) => {
                    tracing::warn!("files are read again on SIGHUP only: {error}");
                    None
                }
            };
        }
        let watched = self.watch.as_mut().map_or(Ok(()), |watch| watch.also(files));
        if let Err(error) = watched {
            tracing::warn!("files are read again on SIGHUP only: {error}");
        }
    }

    /// The names are looked up, and the files are read.
    pub(super) fn compile(&mut self, brought: Brought) {
        let Loading::LookingUp { config, again, .. } =
            std::mem::replace(&mut self.loading, Loading::Idle)
        else {
            return;
        };
        self.files = brought.files;
        self.resolver.dns = self.wiring.settings(&config).dns;
        let (addresses, unresolved) = self.resolver.learn(brought.answers, Instant::now());
        warn_of(unresolved);
        let found = Found { addresses, files: &self.files };
        let last = self.publisher.current().map(Arc::as_ref);
        let compiled = spared(|| self.wiring.compile(&config, &found, last));
        let next = Loading::Publishing { config, again };
        let published = compiled.and_then(|snapshot| self.publish(snapshot, next));
        if let Err(why) = published {
            self.refuse(&why);
            if again {
                self.reload();
            }
        }
    }

    fn publish(&mut self, snapshot: W::Snapshot, next: Loading<W::Config>) -> Result<(), String> {
        let alive: Vec<bool> =
            self.supervisor.ids().map(|worker| self.supervisor.alive(worker)).collect();
        let binds = self.wiring.binds(&snapshot);
        let wiring = &mut self.wiring;
        let mut open = |bind: &Bind, group| wiring.listen(&snapshot, bind, group);
        let opened = self.listening.prepare(&binds, &alive, &mut open);
        let sockets = opened.map_err(|wrong| wrong.join("\n"))?;
        // Of the first configuration: no other has sockets that it did not open.
        if self.on_ready.is_some() {
            let inherited = sockets.iter().flatten().map(|one| self.wiring.inherit(&snapshot, one));
            inherited.collect::<Result<(), _>>().map_err(|error| error.to_string())?;
        }
        self.loading = next;
        let snapshot = Arc::new(snapshot);
        let turn = self.publisher.prepare(&self.links, snapshot, sockets, Instant::now());
        self.turn(turn);
        Ok(())
    }

    /// All workers serve it.
    pub(super) fn published(&mut self, version: u64, late: &[WorkerId]) {
        if !late.is_empty() {
            tracing::error!("{} did not switch to version {version} in time", name_workers(late));
        }
        if let Some(snapshot) = self.publisher.current() {
            self.prober.follow(self.wiring.probes(snapshot));
        }
        let (config, again) = match std::mem::replace(&mut self.loading, Loading::Idle) {
            Loading::Publishing { config, again } => (config, again),
            Loading::Refreshing { again } => {
                tracing::debug!("version {version} has other addresses and is served");
                if again {
                    self.reload();
                }
                return;
            }
            _ => return,
        };
        self.settle(&config);
        self.config = Some(config);
        self.refusal = None;
        tracing::info!("configuration version {version} is served");
        match self.on_ready.take() {
            Some(on_ready) => {
                self.begin_to_serve();
                on_ready(&self.listening.addresses());
                self.restart.succession.serving(&self.restart.kept);
            }
            None => self.reloads_accepted += 1,
        }
        if self.restart.succession.is_over() {
            self.notifier.ready(&format!("serves configuration version {version}"));
        }
        if again {
            self.reload();
        }
    }

    fn begin_to_serve(&mut self) {
        let (unused, kept) = self.listening.settle();
        self.restart.kept = kept;
        if !unused.is_empty() {
            tracing::info!("sockets that came with the start are not used: {}", unused.join(", "));
        }
    }

    /// What it says about the process itself: some of it takes a restart.
    fn settle(&mut self, config: &W::Config) {
        let new = self.wiring.settings(config);
        let old = &self.settings;
        let fixed = [
            ("adminAddr", old.admin != new.admin),
            ("statsAddr", old.metrics != new.metrics),
            ("readinessAddr", old.readiness != new.readiness),
            ("enableIpv6", old.ipv6 != new.ipv6),
            ("workerThreads", old.workers != new.workers),
            ("pin", old.pin != new.pin),
        ];
        let others = new.at_start.iter().zip(&old.at_start);
        let others = others.map(|(new, old)| (new.0, new.1 != old.1));
        for (key, _) in fixed.into_iter().chain(others).filter(|(_, changed)| *changed) {
            tracing::warn!("`{key}` changed: that takes effect with the next start");
        }
        self.drain.set_deadlines(new.drain);
        self.settings.drain = new.drain;
    }

    /// Names are looked up again when their answers are too old.
    pub(super) fn refresh_names(&mut self, now: Instant) {
        if !self.is_serving() {
            return;
        }
        if self.stale && matches!(self.loading, Loading::Idle) && !self.publisher.busy() {
            self.publish_names();
        }
        if self.refreshing.is_idle() {
            let names = self.resolver.take_due(now);
            self.refreshing.begin(names, &self.resolver.dns);
        }
    }

    pub(super) fn renew_names(&mut self, answers: Answers) {
        let (changed, unresolved) = self.resolver.renew(answers, Instant::now());
        warn_of(unresolved);
        self.stale |= changed;
        self.refresh_names(Instant::now());
    }

    /// What did not change goes on as it is: binds, routes, connections to endpoints that stay.
    fn publish_names(&mut self) {
        self.stale = false;
        let Some(last) = self.publisher.current() else { return };
        let Some(snapshot) = self.wiring.refresh(self.resolver.known(), last) else { return };
        if let Err(why) = self.publish(snapshot, Loading::Refreshing { again: false }) {
            tracing::error!("the new addresses of names cannot be served: {why}");
        }
    }

    /// By a worker.
    pub(super) fn refused(&mut self, why: &str) {
        let is_refresh = matches!(self.loading, Loading::Refreshing { .. });
        self.loading.forget();
        if is_refresh {
            // The last addresses stay until the next look, a moment later.
            tracing::warn!("the new addresses of names are not taken yet: {why}");
            self.stale = true;
        } else {
            self.refuse(why);
        }
    }

    pub(super) fn refuse(&mut self, why: &str) {
        if self.drain.begun() {
            return;
        }
        if self.on_ready.is_some() {
            self.ending.get_or_insert_with(|| Ending::NotStarted(why.to_owned()));
            return;
        }
        tracing::error!("the configuration is not taken, the last one stays:\n{why}");
        self.reloads_refused += 1;
        self.refusal = Some(why.to_owned());
        self.notifier.ready("serves; the last configuration read was refused: see the log");
    }
}

fn warn_of(unresolved: Vec<Unresolved>) {
    for failed in unresolved {
        let (name, why) = (failed.name, failed.why);
        let kept = if failed.kept { "the last addresses stay" } else { "it has none" };
        tracing::warn!("cannot resolve {}:{}: {why}; {kept}", name.host, name.port);
    }
}

async fn bring(names: Vec<Name>, dns: Dns, files: Vec<PathBuf>) -> Brought {
    let read = tokio::task::spawn_blocking(move || certificate::read(files));
    let answers = look_up(names, &dns).await;
    let files = read.await.expect("to read files neither panics nor is it aborted");
    Brought { answers, files }
}

/// A panic over a new configuration is a bug of ours, and no reason to stop serving the last one.
fn spared<T>(compile: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // What it had half made is dropped; what it works on is only read.
    catch_unwind(AssertUnwindSafe(compile))
        .unwrap_or_else(|_| Err("reading it failed by a bug in Ringway: see stderr".to_owned()))
}
