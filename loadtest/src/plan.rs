//! What is to be done: whom to ask, for what, how often, for how long, and what a right answer is.
//! Plain data with sound defaults; whoever makes a plan in code fills in the fields that matter.
//! Nothing here has touched the network yet: [`crate::run::execute`] resolves names, refuses what
//! is not loopback, and caps what the machine cannot hold.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use self::check::{Check, HeaderCheck, Statuses};
pub use self::profile::{Profile, Segment};
pub use self::target::Target;
pub use self::template::Template;
pub use self::url::{Scheme, Url};

pub mod access_log;
pub mod check;
mod profile;
mod target;
pub mod template;
mod url;

#[derive(Clone, Debug)]
pub struct Plan {
    /// At least one. Drawn by weight; of a replay, by the index that each record has.
    pub targets: Vec<Target>,
    pub protocol: Protocol,
    /// How many connections at most, over all threads.
    pub connections: usize,
    /// A connection is closed after so many requests; `Some(1)` is a connection a request.
    pub requests_per_connection: Option<u64>,
    pub pacing: Pacing,
    /// How long requests are begun. A replay ends with its last record if that is sooner.
    pub duration: Duration,
    /// How long answers are waited for after that, at most.
    pub grace: Duration,
    /// How long one request may take, its connection not counted.
    pub timeout: Duration,
    pub connect_timeout: Duration,
    pub tls: Tls,
    /// What a right answer is, where the target has no check of its own.
    pub check: Check,
    /// Connections that dribble: bytes a second, each way. HTTP/1.1 only.
    pub slow: Slow,
    pub threads: usize,
    /// Which cores the threads are pinned to, in turn. Not pinned when empty.
    pub cores: Vec<usize>,
    /// A process to be measured with all that descends from it.
    pub server_pid: Option<u32>,
    /// Targets that are not loopback are refused without it.
    pub allow_remote: bool,
}

/// What is spoken. The scheme of a target says whether it is spoken through TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `pipeline` requests are written at once, and their answers read in order.
    Http1 { pipeline: usize },
    /// `streams` at a time on each connection.
    Http2 { streams: usize },
    /// As the protocol underneath; answers are read as Server-Sent Events, each a token.
    Events { over: EventsOver },
    /// Messages of the body's bytes, each of which must be answered by one message.
    WebSocket,
    /// The body's bytes are sent, and answered by `answer_bytes`; 0 is as many as were sent.
    Tcp { answer_bytes: usize },
    /// A connection is opened and held, without a request.
    Idle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventsOver {
    Http1,
    Http2 { streams: usize },
}

/// When requests are sent.
#[derive(Clone, Debug)]
pub enum Pacing {
    /// Each connection asks again as soon as it is answered: a slow server is asked less, so that
    /// latencies say nothing about what independent clients would see.
    Closed,
    /// At times that do not depend on the server. Latency counts from the intended time.
    Open { profile: Profile, arrivals: Arrivals },
    /// At given times after the start, each with the index of a target; sorted by time.
    Replay(Vec<(Duration, usize)>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrivals {
    /// Evenly spaced, over all threads.
    #[default]
    Even,
    /// As independent clients come: exponential gaps, from a fixed seed.
    Poisson,
}

#[derive(Clone, Debug)]
pub struct Tls {
    /// Accepts whatever certificate is shown.
    pub insecure: bool,
    /// PEM file of the roots to trust; the system's when there is none.
    pub roots: Option<PathBuf>,
    /// The name that is asked for and checked, when it is not the target's host.
    pub server_name: Option<String>,
    /// Whether a session may be resumed by later connections.
    pub resumption: bool,
}

/// Both unlimited when `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slow {
    pub write_bytes_per_second: Option<u64>,
    pub read_bytes_per_second: Option<u64>,
}

/// Why a plan, or the words that it was made of, cannot be carried out: one clear line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

impl Plan {
    /// 64 connections in a closed loop for 10 seconds, HTTP/1.1.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn new(url: &str) -> Result<Self, Refusal> {
        Ok(Self {
            targets: vec![Target::get(Url::parse(url)?)],
            protocol: Protocol::Http1 { pipeline: 1 },
            connections: 64,
            requests_per_connection: None,
            pacing: Pacing::Closed,
            duration: Duration::from_secs(10),
            grace: Duration::from_secs(2),
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            tls: Tls { insecure: false, roots: None, server_name: None, resumption: true },
            check: Check::default(),
            slow: Slow::default(),
            threads: 1,
            cores: Vec::new(),
            server_pid: None,
            allow_remote: false,
        })
    }

    /// The same plan at a steady rate of requests a second.
    #[must_use]
    pub fn at_rate(mut self, per_second: f64) -> Self {
        let profile = Profile::steady(per_second, self.duration);
        self.pacing = Pacing::Open { profile, arrivals: Arrivals::Even };
        self
    }

    /// Whether latencies count from the time at which a request was meant to be sent.
    pub fn open_loop(&self) -> bool {
        !matches!(self.pacing, Pacing::Closed)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl Protocol {
    pub fn word(self) -> &'static str {
        match self {
            Self::Http1 { .. } => "HTTP/1.1",
            Self::Http2 { .. } => "HTTP/2",
            Self::Events { over: EventsOver::Http1 } => "events over HTTP/1.1",
            Self::Events { over: EventsOver::Http2 { .. } } => "events over HTTP/2",
            Self::WebSocket => "WebSocket",
            Self::Tcp { .. } => "TCP",
            Self::Idle => "idle connections",
        }
    }

    /// Whether anything is asked at all.
    pub fn asks(self) -> bool {
        self != Self::Idle
    }

    /// How many requests one connection has under way at most.
    pub fn lanes(self) -> usize {
        match self {
            Self::Http1 { pipeline } => pipeline,
            Self::Http2 { streams } | Self::Events { over: EventsOver::Http2 { streams } } => {
                streams
            }
            _ => 1,
        }
    }
}
