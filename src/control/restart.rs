//! Hot restart: a new process takes the place of this one, and no connection is lost.
//!
//! 1. `ringway upgrade` or SIGUSR2: this process starts the new one (its own path, which may have
//!    been replaced, with its own arguments, or as asked) with one end of a conversation.
//! 2. The new one reads its configuration, takes every listening socket (SCM_RIGHTS), compiles,
//!    and prepares its workers. They do not accept yet, and a socket that it adds to a group does
//!    not listen yet: killed here, it has nothing that anybody could miss.
//! 3. `Ready`; `Go`; its workers accept on the same sockets as ours; `Serving`.
//! 4. Only then this one lets go of the sockets, without closing any: what waits in their queues is
//!    the new one's. `Leaving`, and a drain without `min`. The sockets of binds that the new one
//!    does not have are closed as in any drain.
//!
//! Whatever goes wrong before `Serving` (a bad configuration, an end, silence until the deadline)
//! changes nothing here but a line in the log and a counter. One at a time. A reload that is under
//! way is waited for; one that is asked for meanwhile is done afterwards, by whoever stays.
//!
//! Counters begin at 0 in the new process, with another `process_start_time_seconds`. Token buckets
//! go over with `Go` (`state`): what the old one lets in while it drains is not counted by the new
//! one. Health of endpoints and keys of session tickets begin anew.

pub mod ask;
mod channel;
pub mod gate;
mod halt;
mod handover;
mod launch;
mod message;
mod state;
pub mod succession;

use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use channel::{Channel, Heard};
pub use gate::{Arrival, Gate};
pub use handover::Handover;
pub use launch::Launch;
pub use message::Message;
pub use succession::Succession;

use self::handover::Phase;
use self::succession::State;
use super::inherit::Key;
use super::wiring::Wiring;
use super::{Control, Ending};
use crate::limits::{SERVERS_ANSWER_MS_MAX, UPGRADE_REAP_MS};
use crate::net::rights;

/// What control owns of all this.
#[derive(Debug)]
pub(super) struct Restart {
    pub(super) launch: Launch,
    pub(super) gate: Option<Gate>,
    pub(super) handover: Option<Handover>,
    pub(super) succession: Succession,
    /// Sockets of control's servers, to be handed over.
    pub(super) servers: Vec<(Key, OwnedFd)>,
    /// Those that came from another process.
    pub(super) kept: Vec<Key>,
    /// Names of the binds that another process listens on too, and since when it serves.
    pub(super) left: Option<Arc<[String]>>,
    left_at: Option<Instant>,
    /// New processes that failed, to be reaped.
    ended: Vec<Child>,
    pub(super) failures: u64,
}

impl Restart {
    pub(super) fn new(
        succession: Succession,
        gate: Option<Gate>,
        servers: Vec<(Key, OwnedFd)>,
    ) -> Self {
        Self {
            launch: Launch::of_this_process(),
            gate,
            handover: None,
            succession,
            servers,
            kept: Vec::new(),
            left: None,
            left_at: None,
            ended: Vec::new(),
            failures: 0,
        }
    }

    /// Behind a successor: nobody waits for an answer, or nobody asks any more.
    pub(super) fn is_answered(&self, is_quiet: &dyn Fn() -> bool) -> bool {
        self.left_at.is_none_or(|at| is_quiet() || at.elapsed() >= ANSWER_PATIENCE)
    }

    /// Another process serves in the place of this one.
    pub(super) fn has_left(&self) -> bool {
        self.left.is_some()
    }
}

/// Nothing is lost when this is dropped before it is ready.
pub(super) async fn arrival(gate: &mut Option<Gate>) -> Arrival {
    match gate {
        Some(gate) => gate.arrival().await,
        None => std::future::pending().await,
    }
}

/// Nothing is lost when this is dropped before it is ready.
pub(super) async fn heard(handover: &Option<Handover>) -> Heard {
    match handover {
        Some(handover) => handover.hear().await,
        None => std::future::pending().await,
    }
}

/// The old process.
impl<W: Wiring> Control<W> {
    pub(super) fn on_arrival(&mut self, arrival: Arrival) {
        let Arrival { channel, message } = arrival;
        if let Some(why) = self.cannot_upgrade() {
            tracing::warn!("an upgrade is refused: {why}");
            let _ = channel.send(&Message::refused(why));
            return;
        }
        match message {
            Message::Upgrade { program, arguments, .. } => {
                let launch = self.restart.launch.with(program, arguments);
                self.start_upgrade(&launch, Some(channel));
            }
            message => {
                let due = Instant::now() + self.settings.upgrade_timeout;
                self.restart.handover = Some(Handover::new(channel, None, None, due));
                self.on_heard(Heard::Said(message, Vec::new()));
            }
        }
    }

    /// SIGUSR2.
    pub(super) fn upgrade(&mut self) {
        match self.cannot_upgrade() {
            Some(why) => tracing::warn!("no upgrade: {why}"),
            None => self.start_upgrade(&self.restart.launch.clone(), None),
        }
    }

    fn cannot_upgrade(&self) -> Option<String> {
        if let Some(handover) = &self.restart.handover {
            return Some(format!("an upgrade to process {} is under way", handover.pid()));
        }
        if self.drain.begun() {
            return Some("this process is draining".to_owned());
        }
        let begins = !self.restart.succession.is_over() || self.on_ready.is_some();
        begins.then(|| "this process has not come up itself yet".to_owned())
    }

    fn start_upgrade(&mut self, launch: &Launch, asker: Option<Channel>) {
        let started = rights::pair().and_then(|(own, other)| {
            let channel = Channel::new(own)?;
            Ok((channel, launch.start(other)?))
        });
        let program = launch.program.display();
        let (channel, child) = match started {
            Ok(started) => started,
            Err(error) => {
                let why = format!("cannot start {program}: {error}");
                self.upgrade_failed(&why, asker);
                return;
            }
        };
        tracing::info!("upgrade: {program} runs as process {}", child.id());
        self.notifier.reloading("upgrading");
        let due = Instant::now() + self.settings.upgrade_timeout;
        self.restart.handover = Some(Handover::new(channel, Some(child), asker, due));
    }

    pub(super) fn on_heard(&mut self, heard: Heard) {
        let Some(handover) = &mut self.restart.handover else { return };
        let message = match heard {
            Heard::Said(message, _) => message,
            Heard::Gone => return handover.went(Instant::now()),
            Heard::Nonsense(why) => return self.give_up(&why),
        };
        let done = match (message, handover.phase) {
            (Message::Hello { protocol, .. }, _) if protocol != message::PROTOCOL => {
                return self.give_up(&gate::wrong_protocol(protocol));
            }
            (Message::Hello { version, .. }, Phase::Starting) => {
                let pid = handover.pid();
                tracing::info!("process {pid} (ringway {version}) asks for the sockets");
                handover.phase = Phase::Waiting;
                return self.offer_if_idle();
            }
            (Message::More, Phase::Taking) => handover.send_next(),
            (Message::Ready, Phase::Taking) => {
                handover.phase = Phase::Going;
                self.let_go()
            }
            (Message::Serving { kept }, Phase::Going) => return self.leave_to(&kept),
            (Message::Failed { why }, _) => return self.give_up(&why),
            (other, phase) => return self.give_up(&format!("{other:?} while {phase:?}")),
        };
        if let Err(error) = done {
            self.give_up(&format!("it does not listen: {error}"));
        }
    }

    /// A reload under way opens and closes sockets: it ends first.
    pub(super) fn offer_if_idle(&mut self) {
        let waits = |handover: &Handover| handover.phase == Phase::Waiting;
        if !self.restart.handover.as_ref().is_some_and(waits)
            || self.publisher.busy()
            || !self.loading.is_idle()
        {
            return;
        }
        let sockets = self.sockets();
        let Some(handover) = &mut self.restart.handover else { return };
        if let Err(error) = sockets.and_then(|sockets| handover.offer(sockets)) {
            self.give_up(&format!("the sockets cannot be passed on: {error}"));
        }
    }

    /// A copy of all that listens.
    fn sockets(&self) -> io::Result<Vec<(Key, OwnedFd)>> {
        let mut sockets = self.listening.copies()?;
        for (key, socket) in &self.restart.servers {
            sockets.push((key.clone(), socket.try_clone()?));
        }
        sockets.extend(self.restart.gate.as_ref().map(Gate::socket).transpose()?);
        Ok(sockets)
    }

    /// The new process serves: what is ours to do is to end.
    fn leave_to(&mut self, kept: &[Key]) {
        let Some(handover) = self.restart.handover.take() else { return };
        let (pid, own) = (handover.pid(), std::process::id());
        // Before the new process has a word to say: systemd listens to the main one.
        self.notifier.hand_over(pid, &format!("process {pid} took over from {own}"));
        let leaving = Message::Leaving { reload: handover.reload, stop: handover.stop };
        if let Err(error) = handover.channel.send(&leaving) {
            // It serves already: it finds out by itself that it is alone.
            tracing::warn!("process {pid} was not told that it is alone: {error}");
        }
        tracing::info!("process {pid} serves: this one drains");
        let (_, asker, child) = handover.into_parts();
        if let Some(asker) = asker {
            let _ = asker.send(&Message::Upgraded { from: own, to: pid });
        }
        self.restart.ended.extend(child);
        let names = self.listening.names_of(kept);
        self.restart.left = Some(names.into());
        self.restart.left_at = Some(Instant::now());
        self.restart.gate = None;
        self.restart.servers.clear();
        if let Some(on_leaving) = self.on_leaving.take() {
            on_leaving();
        }
        let steps = self.drain.leave(Instant::now());
        self.end_of_news();
        self.take(steps);
    }

    fn give_up(&mut self, why: &str) {
        let Some(handover) = self.restart.handover.take() else { return };
        let (reload, stop) = (handover.reload, handover.stop);
        let (asker, child) = handover.give_up(why);
        self.restart.ended.extend(child);
        self.upgrade_failed(why, asker);
        if stop {
            self.begin_drain();
        } else if reload {
            self.reload();
        }
    }

    fn upgrade_failed(&mut self, why: &str, asker: Option<Channel>) {
        tracing::error!("the upgrade failed, this process goes on: {why}");
        self.restart.failures += 1;
        if let Some(asker) = asker {
            let _ = asker.send(&Message::refused(why));
        }
        self.notifier.ready(&format!("serves; the last upgrade failed: {}", first_line(why)));
    }

    /// SIGTERM and its like. Is it to wait for the end of the hand-over?
    pub(super) fn stop_upgrade(&mut self) -> bool {
        match &mut self.restart.handover {
            Some(handover) if handover.phase == Phase::Going => {
                // It may accept already: it is let finish, and told to end itself.
                handover.stop = true;
                true
            }
            Some(_) => {
                self.give_up("this process was told to end");
                false
            }
            None => false,
        }
    }

    pub(super) fn restart_on_time(&mut self, now: Instant) {
        self.restart.ended.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        self.offer_if_idle();
        let trouble = self.restart.handover.as_mut().and_then(|handover| handover.trouble(now));
        if let Some(why) = trouble {
            self.give_up(&why);
        }
    }
}

/// The new process.
impl<W: Wiring> Control<W> {
    pub(super) fn on_predecessor(&mut self, heard: Heard) {
        let pid = std::process::id();
        let state = self.restart.succession.state;
        match (heard, state) {
            (Heard::Said(Message::Go, files), State::Ready) => {
                halt::at("go");
                self.take_state(files);
                self.restart.succession.state = State::Going;
                self.commit();
            }
            (Heard::Said(Message::Leaving { reload, stop }, _), State::Going) => {
                tracing::info!("the old process drains: process {pid} is alone");
                self.inherit_the_rest(stop);
                if reload {
                    self.reload();
                }
            }
            (Heard::Gone, State::Preparing) => {
                tracing::warn!("the old process is gone: this one comes up alone");
                self.restart.succession.end();
            }
            (Heard::Gone, State::Ready) => {
                tracing::warn!("the old process is gone: this one serves");
                self.restart.succession.end();
                self.commit();
            }
            (Heard::Gone, _) => {
                tracing::warn!("the old process is gone: this one is alone");
                self.inherit_the_rest(false);
            }
            (Heard::Said(Message::Refused { why }, _), _) => self.rejected(&why),
            (Heard::Said(other, _), _) => self.rejected(&format!("it says {other:?}")),
            (Heard::Nonsense(why), _) => self.rejected(&why),
        }
    }

    fn inherit_the_rest(&mut self, stop: bool) {
        let stop = stop || self.restart.succession.stop;
        self.restart.succession.end();
        self.notifier.ready("serves, in the place of another process");
        if stop {
            self.begin_drain();
        }
    }

    /// The old process goes on, so this one must not.
    fn rejected(&mut self, why: &str) {
        let state = self.restart.succession.state;
        self.restart.succession.end();
        if state != State::Going {
            let why = format!("the old process goes on: {why}");
            self.ending.get_or_insert(Ending::NotStarted(why));
            return;
        }
        tracing::error!("the old process goes on, this one ends: {why}");
        self.restart.left = Some(self.listening.names_of(&self.restart.kept).into());
        if let Some(on_leaving) = self.on_leaving.take() {
            on_leaving();
        }
        let steps = self.drain.leave(Instant::now());
        self.end_of_news();
        self.take(steps);
    }

    /// SIGTERM before the old process let go: its sockets are not ours to close.
    pub(super) fn stop_succession(&mut self) -> bool {
        match self.restart.succession.state {
            State::Over => false,
            State::Going => {
                self.restart.succession.stop = true;
                true
            }
            State::Preparing | State::Ready => {
                let why = "told to end before it took over".to_owned();
                self.ending.get_or_insert(Ending::NotStarted(why));
                true
            }
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// How long a client of the servers that has sent nothing may hold up the end.
const ANSWER_PATIENCE: Duration = Duration::from_millis(SERVERS_ANSWER_MS_MAX);
/// How long after the end of a conversation the end of a process may be heard of.
const REAP_PATIENCE: Duration = Duration::from_millis(UPGRADE_REAP_MS);
