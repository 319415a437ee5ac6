//! Upstreams to test against: HTTP, streams of events, model providers, TCP. What they answer is
//! known to the byte, and what goes wrong with them is asked for.
//!
//! An origin owns its threads, each with a runtime, a listening socket of one SO_REUSEPORT group
//! and its connections; nothing is shared on the way of a request but a counter. It listens on
//! loopback, on a port of the kernel's choice unless told otherwise. It is a library as well as a
//! subcommand: [`start`] gives a handle, and the origin ends when that is dropped.
//!
//! It refuses to be a server for anybody: no TLS, no files, no HTTP/2.

use std::io;
use std::net::SocketAddr;

pub(crate) use self::command::refusal;
pub use self::command::{Args, main, parse};
pub use self::faults::{Fault, Faults};
pub use self::http::Http;
pub use self::llm::Llm;
pub use self::pace::{Pace, Spread};
pub use self::running::{Counts, Running};
pub use self::sse::Sse;
pub use self::tcp::{Talk, Tcp};

mod answer;
mod command;
mod connection;
mod faults;
mod http;
mod llm;
mod pace;
mod request;
mod running;
mod socket;
mod sse;
mod tcp;
mod websocket;

/// What an origin is, whatever it serves.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Port 0: the kernel's choice.
    pub listen: SocketAddr,
    pub threads: usize,
    /// Of delays and of what goes wrong: the same seed, the same run.
    pub seed: u64,
    pub pace: Pace,
    pub faults: Faults,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Http(Http),
    Sse(Sse),
    Llm(Llm),
    Tcp(Tcp),
}

impl Setup {
    /// One thread on a free loopback port, at once and without faults.
    pub fn new(kind: Kind) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            threads: 1,
            seed: 1,
            pace: Pace::default(),
            faults: Faults::default(),
            kind,
        }
    }
}

/// Serves until the handle is dropped; it is bound when this returns.
///
/// # Errors
/// What the socket calls say, or the set-up of a runtime.
pub fn start(setup: Setup) -> io::Result<Running> {
    Running::start(setup)
}
