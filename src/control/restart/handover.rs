//! A hand-over as the old process sees it, from the start of the new one to its first answer.
//!
//! It decides nothing: `restart` does.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, ExitStatus};
use std::time::Instant;

use super::channel::{Channel, Heard};
use super::message::{Message, PROTOCOL};
use crate::control::inherit::Key;
use crate::net::rights::RIGHTS_PER_MESSAGE_MAX;

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The new process has not said anything yet.
    Starting,
    /// It wants the sockets, and a reload has to end first.
    Waiting,
    /// It has some of the sockets, or all.
    Taking,
    /// It may accept.
    Going,
}

#[derive(Debug)]
pub struct Handover {
    pub phase: Phase,
    pub channel: Channel,
    /// Who asked for it and waits for an answer.
    pub asker: Option<Channel>,
    /// When it is given up.
    pub due: Instant,
    /// A reload was asked for meanwhile, or the end of the service.
    pub reload: bool,
    pub stop: bool,
    /// The other end is closed: by its end, which the kernel tells of a moment later.
    gone: Option<Instant>,
    /// None when somebody else started it.
    child: Option<Child>,
    sockets: Vec<(Key, OwnedFd)>,
    sent: usize,
}

impl Handover {
    pub fn new(
        channel: Channel,
        child: Option<Child>,
        asker: Option<Channel>,
        due: Instant,
    ) -> Self {
        Self {
            phase: Phase::Starting,
            channel,
            asker,
            due,
            reload: false,
            stop: false,
            gone: None,
            child,
            sockets: Vec::new(),
            sent: 0,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(self.channel.peer.pid, Child::id)
    }

    pub fn offer(&mut self, sockets: Vec<(Key, OwnedFd)>) -> io::Result<()> {
        self.phase = Phase::Taking;
        self.sockets = sockets;
        self.sent = 0;
        self.send_next()
    }

    /// The next of the sockets; a message takes only so many.
    pub fn send_next(&mut self) -> io::Result<()> {
        let rest = &self.sockets[self.sent..];
        let part = &rest[..rest.len().min(RIGHTS_PER_MESSAGE_MAX)];
        let of = part.iter().map(|(key, _)| key.clone()).collect();
        let descriptors: Vec<_> = part.iter().map(|(_, socket)| socket.as_fd()).collect();
        let more = part.len() < rest.len();
        let message = Message::Sockets { protocol: PROTOCOL, of, more };
        self.channel.send_with(&message, &descriptors)?;
        self.sent += part.len();
        if !more {
            self.sockets.clear();
            self.sent = 0;
        }
        Ok(())
    }

    /// Nothing is lost when this is dropped before it is ready.
    pub async fn hear(&self) -> Heard {
        match self.gone {
            None => self.channel.hear().await,
            Some(_) => std::future::pending().await,
        }
    }

    /// It closed its end. Why it ended, if it did, is known a moment later.
    pub fn went(&mut self, now: Instant) {
        self.gone = Some(now);
    }

    /// Why it has failed by now, if it has.
    pub fn trouble(&mut self, now: Instant) -> Option<String> {
        let ended = self.child.as_mut().map(Child::try_wait);
        if let Some(Ok(Some(status))) = ended {
            return Some(describe(status));
        }
        if let Some(gone) = self.gone {
            let waits = self.child.is_some() && now < gone + super::REAP_PATIENCE;
            return (!waits).then(|| "the new process went away".to_owned());
        }
        let late = || format!("the new process did not serve in time ({})", self.phase.text());
        (self.due <= now).then(late)
    }

    /// Ends what has failed, if it is ours to end; gives it back for its remains to be seen to.
    pub fn give_up(mut self, why: &str) -> (Option<Channel>, Option<Child>) {
        let _ = self.channel.send(&Message::refused(why));
        if let Some(child) = &mut self.child {
            // It is no more already, in most cases.
            let _ = child.kill();
        }
        (self.asker, self.child)
    }

    /// It has succeeded.
    pub fn into_parts(self) -> (Channel, Option<Channel>, Option<Child>) {
        (self.channel, self.asker, self.child)
    }
}

impl Phase {
    const fn text(self) -> &'static str {
        match self {
            Self::Starting => "it never asked for the sockets",
            Self::Waiting => "a reload took too long",
            Self::Taking => "it took the sockets, and never was ready",
            Self::Going => "it was ready, and then silent",
        }
    }
}

fn describe(status: ExitStatus) -> String {
    format!("the new process ended by itself, {status}")
}
