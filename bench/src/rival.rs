//! The subjects of a comparison, and how each is started: pinned, on free ports, in front of the
//! same origin, and looked at before it is measured. A [`Running`] ends with its owner.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use crate::affinity::Cores;
use crate::child::Child;
use crate::load::{self, probe};
use crate::stop;

mod command;
#[cfg(feature = "monoio-http")]
pub(crate) mod monoio_http;
pub(crate) mod origin;
pub(crate) mod relay;
mod template;

/// What is compared. The second of a pair is the first in another setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Nginx,
    /// `proxy_buffering off`, for rows where that may be the better setting.
    NginxUnbuffered,
    Haproxy,
    Relay,
    MonoioHttp,
    Ringway,
    RingwayLogged,
}

/// Where a comparison takes place.
pub(crate) struct Site<'a> {
    pub(crate) cores: Cores,
    pub(crate) folder: &'a Path,
    pub(crate) origin: SocketAddrV4,
    pub(crate) ringway: PathBuf,
    pub(crate) descriptors_max: u64,
}

pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddrV4,
}

/// Why a subject has no figure.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// Not on this machine, or not in this build: its rows say so, and that is all.
    Absent(String),
    /// The machine was not fit for this measurement.
    Void(String),
    Failed(String),
}

impl Subject {
    pub(crate) const ALL: [Self; 7] = [
        Self::Nginx,
        Self::NginxUnbuffered,
        Self::Haproxy,
        Self::Relay,
        Self::MonoioHttp,
        Self::Ringway,
        Self::RingwayLogged,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::NginxUnbuffered => "nginx, proxy_buffering off",
            Self::Haproxy => "haproxy",
            Self::Relay => "relay (the floor)",
            Self::MonoioHttp => "monoio-http",
            Self::Ringway => "ringway",
            Self::RingwayLogged => "ringway, access log on",
        }
    }

    /// The word for it on the command line; a pair has one.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Nginx | Self::NginxUnbuffered => "nginx",
            Self::Haproxy => "haproxy",
            Self::Relay => "relay",
            Self::MonoioHttp => "monoio-http",
            Self::Ringway | Self::RingwayLogged => "ringway",
        }
    }

    /// What this machine has of it.
    pub(crate) fn version(self, site: &Site<'_>) -> Option<String> {
        let (program, flag) = match self {
            Self::Nginx => (command::program("nginx"), "-v"),
            Self::Haproxy => (command::program("haproxy"), "-v"),
            Self::Ringway => (site.ringway.clone(), "--version"),
            _ => return None,
        };
        let output = Command::new(program).arg(flag).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).lines().next().map(str::to_owned)
    }

    /// Starts it on the proxy's core and waits until it answers rightly.
    pub(crate) fn start(self, site: &Site<'_>) -> Result<Running, Refusal> {
        let ports = free_ports()?;
        let command = command::of(self, site, ports)?;
        let child = match Child::spawn(command, site.cores.proxy, site.folder, self.word()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Refusal::Absent("not installed".into()));
            }
            child => child?,
        };
        let [address, .., readiness] = ports;
        let mut running = Running { child, address };
        if self.word() == Self::Ringway.word() {
            running.wait_for(readiness, "/healthz/ready")?;
        }
        running.wait_for(address, origin::MEMORY_PATH)?;
        self.check_forwarding(address)?;
        Ok(running)
    }

    /// A proxy that does not name the client saves work that the others do. The floor is no proxy.
    fn check_forwarding(self, address: SocketAddrV4) -> Result<(), Refusal> {
        if self == Self::Relay {
            return Ok(());
        }
        let body = probe::fetch(address, origin::FORWARDED_PATH)?;
        let forwarded_for = String::from_utf8_lossy(&body);
        if forwarded_for == Ipv4Addr::LOCALHOST.to_string() {
            return Ok(());
        }
        Err(Refusal::Failed(format!("X-Forwarded-For is {forwarded_for:?} at the origin")))
    }
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn wait_for(&mut self, address: SocketAddrV4, path: &str) -> Result<(), Refusal> {
        let deadline = Instant::now() + START_TIME_MAX;
        loop {
            let Err(error) = probe::fetch(address, path) else { return Ok(()) };
            if let Some(status) = self.child.exited()? {
                let words = self.child.last_words();
                return Err(Refusal::Failed(format!("ended at start: {status}: {words}")));
            }
            if Instant::now() >= deadline || stop::requested() {
                let words = self.child.last_words();
                return Err(Refusal::Failed(format!("not ready: {error}: {words}")));
            }
            thread::sleep(START_POLL_TIME);
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(why) => write!(out, "absent: {why}"),
            Self::Void(why) => write!(out, "void: {why}"),
            Self::Failed(why) => write!(out, "failed: {why}"),
        }
    }
}

impl From<load::Error> for Refusal {
    fn from(error: load::Error) -> Self {
        failed(error)
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        failed(error)
    }
}

fn failed(error: impl Error) -> Refusal {
    Refusal::Failed(error.to_string())
}

/// Addresses that were free a moment ago, all different. Should somebody take one meanwhile, the
/// start fails and says so.
fn free_ports<const N: usize>() -> io::Result<[SocketAddrV4; N]> {
    let mut addresses = [SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0); N];
    let mut held = Vec::with_capacity(N);
    for address in &mut addresses {
        let listener = TcpListener::bind(*address)?;
        address.set_port(listener.local_addr()?.port());
        held.push(listener);
    }
    Ok(addresses)
}

const START_TIME_MAX: Duration = Duration::from_secs(10);
const START_POLL_TIME: Duration = Duration::from_millis(10);
