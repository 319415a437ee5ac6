//! What goes by time: PING as a sign of life, SETTINGS that must be acknowledged, and the drain in
//! two steps, RFC 9113 sections 6.5.3, 6.7 and 6.8. The clock is the caller's.

use super::{Connection, ConnectionError, ErrorCode, Reason, Role, frame};
use crate::base::clock::Instant;
use crate::limits::{H2_DRAIN_STEP, H2_SETTINGS_ACK};
use crate::proto::http2::frame::STREAM_ID_MAX;

#[derive(Clone, Copy, Debug)]
pub(super) struct Pings {
    heard_at: Instant,
    /// A PING that asks for a sign of life, and has none.
    asked_at: Option<Instant>,
}

impl Pings {
    pub(super) const fn new(now: Instant) -> Self {
        Self { heard_at: now, asked_at: None }
    }

    #[inline]
    pub(super) const fn heard(&mut self, now: Instant) {
        self.heard_at = now;
    }
}

/// How far we are with taking no more streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Drain {
    No,
    /// The peer is told that an end comes; what is under way is still taken.
    Told {
        at: Instant,
    },
    /// Streams above `last` are not taken any more.
    Closed {
        last: u32,
    },
}

impl Drain {
    #[inline]
    pub(super) const fn is_past(self, id: u32) -> bool {
        matches!(self, Self::Closed { last } if id > last)
    }
}

impl Connection {
    /// Tells the peer to open no more streams. A server lets those in that are under way: until the
    /// peer has answered a PING, or `H2_DRAIN_STEP`.
    pub fn drain_begin(&mut self, now: Instant) {
        if self.drain != Drain::No || self.failure.is_some() {
            return;
        }
        if self.role == Role::Client {
            // There is nothing that a server could have under way.
            return self.drain_end();
        }
        frame::put_go_away(&mut self.out, STREAM_ID_MAX, ErrorCode::NO_ERROR);
        frame::put_ping(&mut self.out, 0, DRAIN_PING);
        self.drain = Drain::Told { at: now };
    }

    /// Takes no stream from now on that was not taken before.
    pub fn drain_end(&mut self) {
        if matches!(self.drain, Drain::Closed { .. }) || self.failure.is_some() {
            return;
        }
        let last = self.last_taken;
        frame::put_go_away(&mut self.out, last, ErrorCode::NO_ERROR);
        self.drain = Drain::Closed { last };
    }

    /// Neither side opens streams, and none is at work: the connection can be closed once `out` is
    /// written.
    pub fn is_drained(&self) -> bool {
        let told = self.peer_last.is_some() && self.role == Role::Client;
        let closed = matches!(self.drain, Drain::Closed { .. });
        (closed || told) && self.streams.live() == 0
    }

    /// Does what is due. To be called at `next_deadline`; earlier does no harm.
    pub fn tick(&mut self, now: Instant) -> Result<(), ConnectionError> {
        self.now = now;
        if let Some(error) = self.failure {
            return Err(error);
        }
        if self.settings_due().is_some_and(|due| due <= now) {
            let code = ErrorCode::SETTINGS_TIMEOUT;
            return Err(self.fail(ConnectionError::new(code, Reason::SettingsTimeout)));
        }
        if self.drain_due().is_some_and(|due| due <= now) {
            self.drain_end();
        }
        if self.keepalive_due().is_some_and(|due| due <= now) {
            if self.pings.asked_at.is_some() {
                let code = ErrorCode::NO_ERROR;
                return Err(self.fail(ConnectionError::new(code, Reason::KeepaliveTimeout)));
            }
            frame::put_ping(&mut self.out, 0, KEEPALIVE_PING);
            self.pings.asked_at = Some(now);
        }
        Ok(())
    }

    /// When `tick` has something to do next, if nothing else happens.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.failure.is_some() {
            return None;
        }
        let due = [self.settings_due(), self.drain_due(), self.keepalive_due()];
        due.into_iter().flatten().min()
    }

    /// False when we did not ask.
    pub(super) fn ping_answered(&mut self, opaque: [u8; 8]) -> bool {
        match opaque {
            KEEPALIVE_PING => self.pings.asked_at.take().is_some(),
            DRAIN_PING if matches!(self.drain, Drain::Told { .. }) => {
                self.drain_end();
                true
            }
            _ => false,
        }
    }

    fn settings_due(&self) -> Option<Instant> {
        self.settings_sent_at.map(|at| at.plus(H2_SETTINGS_ACK))
    }

    fn drain_due(&self) -> Option<Instant> {
        match self.drain {
            Drain::Told { at } => Some(at.plus(H2_DRAIN_STEP)),
            Drain::No | Drain::Closed { .. } => None,
        }
    }

    /// Any byte is a sign of life, also while the answer stands behind others.
    fn keepalive_due(&self) -> Option<Instant> {
        if self.ours.keepalive_interval.is_zero() {
            return None;
        }
        Some(match self.pings.asked_at {
            None => self.pings.heard_at.plus(self.ours.keepalive_interval),
            Some(asked) => asked.max(self.pings.heard_at).plus(self.ours.keepalive_timeout),
        })
    }
}

const KEEPALIVE_PING: [u8; 8] = *b"ringway?";
const DRAIN_PING: [u8; 8] = *b"draining";
