//! Connections that ask once and then stay open and silent: what does one cost in memory?

use std::time::{Duration, Instant};

use super::fleet::{Fleet, TURN_TIME_MAX};
use super::{Error, Job};

pub(crate) struct Idle {
    fleet: Fleet,
}

impl Idle {
    /// Opens `connections`, a few at a time so that no listen queue overflows and the proxy needs
    /// few upstream connections, and has each make one request.
    pub(crate) fn open(job: Job, connections: usize) -> Result<Self, Error> {
        let mut fleet = Fleet::new(job, connections)?;
        for first in (0..connections).step_by(AT_ONCE) {
            let last = connections.min(first + AT_ONCE);
            for index in first..last {
                fleet.begin(index)?;
            }
            fleet.settle_all()?;
        }
        Ok(Self { fleet })
    }

    /// Holds them. A connection that the proxy closes meanwhile is an error.
    pub(crate) fn hold(&mut self, time: Duration) -> Result<(), Error> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.fleet.turn(TURN_TIME_MAX)?;
        }
        Ok(())
    }
}

const AT_ONCE: usize = 32;
