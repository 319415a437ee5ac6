//! h2load of nghttp2 as the client: HTTP/2 with or without TLS, and HTTP/1.1 over TLS that is kept
//! open. It is run for a number of requests and not for a time, so that the work is known exactly
//! and all CPU time of the subject belongs to it; opening the connections is a part of that work,
//! and small beside it.
//!
//! What it prints is checked: every request answered with 2xx and a body of the expected length,
//! the protocol and the cipher those that were asked for. Owns no state.

use std::fmt;
use std::net::SocketAddrV4;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use self::printed::Printed;
use super::tls::SERVER_NAME;
use super::{Error, Tally};
use crate::child::Child;
use crate::stop;

mod printed;

/// What h2load is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errand<'a> {
    pub(crate) address: SocketAddrV4,
    pub(crate) path: &'static str,
    pub(crate) dialect: Dialect,
    pub(crate) connections: usize,
    /// At a time on each connection.
    pub(crate) streams: usize,
    pub(crate) body_bytes: usize,
    /// What is posted, if anything: a gRPC message with its frame.
    pub(crate) message: Option<&'a Path>,
    /// The core that it may use, and where its output goes.
    pub(crate) core: usize,
    pub(crate) folder: &'a Path,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    H2c,
    H2Tls,
    Http1Tls,
}

/// Why a run of h2load says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Missing,
    Ended(String),
    /// Its output lacks this, or has it in another shape.
    Unread(&'static str),
    Unanswered {
        succeeded: u64,
        asked: u64,
    },
    Spoke {
        what: String,
        instead_of: &'static str,
    },
    Late,
}

impl Errand<'_> {
    /// About as many requests as fill `window`, going by runs that are long enough for the opening
    /// of the connections not to matter.
    pub(crate) fn requests_for(&self, window: Duration) -> Result<u64, Error> {
        let mut requests = self.requests_least();
        loop {
            let trial = self.run(requests, window)?;
            let fitting = (trial.per_second() * window.as_secs_f64()) as u64;
            if trial.elapsed >= window / TRIAL_PART {
                return Ok(fitting.max(self.requests_least()));
            }
            requests = (fitting / 2).max(requests * 2);
        }
    }

    pub(crate) fn run(&self, requests: u64, window: Duration) -> Result<Tally, Error> {
        let child = Child::spawn(self.command(requests), self.core, self.folder, "h2load");
        let mut child = child.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Fault::Missing.into(),
            _ => Error::Socket(error),
        })?;
        let deadline = Instant::now() + window * LATE_FACTOR + LATE_TIME;
        let status = loop {
            if let Some(status) = child.exited()? {
                break status;
            }
            if stop::requested() {
                return Err(Error::Interrupted);
            }
            if Instant::now() >= deadline {
                return Err(Fault::Late.into());
            }
            thread::sleep(POLL_TIME);
        };
        if !status.success() {
            return Err(Fault::Ended(format!("{status}: {}", child.last_words())).into());
        }
        let printed = Printed::parse(&child.words())?;
        printed.check(self, requests)?;
        Tally::of(printed.succeeded, printed.elapsed)
    }

    /// Every stream of every connection a few times.
    fn requests_least(&self) -> u64 {
        (self.connections * self.streams * REQUESTS_A_STREAM_LEAST) as u64
    }

    fn command(&self, requests: u64) -> Command {
        let mut command = Command::new("h2load");
        let (scheme, tls) = match self.dialect {
            Dialect::H2c => ("http", false),
            Dialect::H2Tls | Dialect::Http1Tls => ("https", true),
        };
        command.args(["-n", &requests.to_string(), "-c", &self.connections.to_string()]);
        command.args(["-m", &self.streams.to_string()]);
        if tls {
            command.arg(format!("--tls13-ciphers={CIPHER}")).arg("--groups=X25519");
        }
        if self.dialect == Dialect::Http1Tls {
            command.arg("--h1");
        }
        if let Some(message) = self.message {
            command.arg("-d").arg(message);
            command.args(["-H", "content-type: application/grpc", "-H", "te: trailers"]);
        }
        // By a name, or there is no SNI.
        command.arg(format!("--connect-to={}", self.address));
        command.arg(format!("{scheme}://{SERVER_NAME}{}", self.path));
        command
    }
}

impl Dialect {
    const fn protocol(self) -> &'static str {
        match self {
            Self::H2c => "h2c",
            Self::H2Tls => "h2",
            Self::Http1Tls => "http/1.1",
        }
    }

    const fn cipher(self) -> Option<&'static str> {
        match self {
            Self::H2c => None,
            Self::H2Tls | Self::Http1Tls => Some(CIPHER),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(out, "not installed (Debian: nghttp2-client)"),
            Self::Ended(how) => write!(out, "{how}"),
            Self::Unread(what) => write!(out, "its output has no {what}"),
            Self::Unanswered { succeeded, asked } => {
                write!(out, "{succeeded} of {asked} requests were answered well")
            }
            Self::Spoke { what, instead_of } => write!(out, "{what} instead of {instead_of}"),
            Self::Late => write!(out, "not done in time"),
        }
    }
}

const CIPHER: &str = "TLS_AES_128_GCM_SHA256";
/// How much of a window a trial must fill.
const TRIAL_PART: u32 = 4;
const REQUESTS_A_STREAM_LEAST: usize = 10;
/// A subject may become slower than it was in the short run, and not by more than this.
const LATE_FACTOR: u32 = 5;
const LATE_TIME: Duration = Duration::from_secs(10);
const POLL_TIME: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests;
