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
use crate::load::h2load::Fault;
use crate::load::{self, Error as LoadError, probe};
use crate::stop;

use self::certificate::Certificate;
use self::command::Call;
use self::origin::Addresses;
use self::wiring::{Back, Front, Wiring};

pub(crate) mod certificate;
mod command;
pub(crate) mod grpc;
pub(crate) mod models;
#[cfg(feature = "monoio-http")]
pub(crate) mod monoio_http;
pub(crate) mod origin;
pub(crate) mod relay;
mod template;
pub(crate) mod wiring;

pub(crate) use self::command::ORIGIN_SLOTS;

/// What is compared. Of those with one word, the second is the first in another setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Nginx,
    /// `proxy_buffering off`, for rows where that may be the better setting.
    NginxUnbuffered,
    H2o,
    Haproxy,
    /// `option splice-auto`, for rows of bytes.
    HaproxySpliced,
    Envoy,
    Relay,
    MonoioHttp,
    Ringway,
    /// HTTP/1.1 in and out, in a row that is about something else.
    RingwayToH1,
    RingwayLogged,
    /// Ten thousand routes, twenty policies on the one that is asked for, a hundred endpoints.
    RingwayManaged,
    /// The origin is a provider of models.
    RingwayModels,
    // Under overload: each with what it has against it. Two are told what the origin can do, two
    // find out.
    NginxCapped,
    HaproxyCapped,
    EnvoyAdaptive,
    RingwayAdaptive,
}

/// Where a comparison takes place.
pub(crate) struct Site<'a> {
    pub(crate) cores: Cores,
    pub(crate) folder: &'a Path,
    pub(crate) origins: Addresses,
    pub(crate) certificate: Certificate,
    /// A file with what a call of gRPC posts.
    pub(crate) message: PathBuf,
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
    pub(crate) const ALL: [Self; 13] = [
        Self::Nginx,
        Self::NginxUnbuffered,
        Self::H2o,
        Self::Haproxy,
        Self::HaproxySpliced,
        Self::Envoy,
        Self::Relay,
        Self::MonoioHttp,
        Self::Ringway,
        Self::RingwayToH1,
        Self::RingwayLogged,
        Self::RingwayManaged,
        Self::RingwayModels,
    ];

    /// Those that are overloaded.
    pub(crate) const OVERLOADED: [Self; 6] = [
        Self::Nginx,
        Self::Envoy,
        Self::NginxCapped,
        Self::HaproxyCapped,
        Self::EnvoyAdaptive,
        Self::RingwayAdaptive,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::NginxUnbuffered => "nginx, proxy_buffering off",
            Self::H2o => "h2o",
            Self::Haproxy => "haproxy",
            Self::HaproxySpliced => "haproxy, splicing",
            Self::Envoy => "envoy",
            Self::Relay => "relay (the floor)",
            Self::MonoioHttp => "monoio-http",
            Self::Ringway => "ringway",
            Self::RingwayToH1 => "ringway, HTTP/1.1 out",
            Self::RingwayLogged => "ringway, access log on",
            Self::RingwayManaged => "ringway, all policies",
            Self::RingwayModels => "ringway, a model",
            Self::NginxCapped => "nginx, max_conns",
            Self::HaproxyCapped => "haproxy, maxconn and a queue",
            Self::EnvoyAdaptive => "envoy, adaptive_concurrency",
            Self::RingwayAdaptive => "ringway, adaptiveConcurrency",
        }
    }

    /// The word for it on the command line; settings of one subject share it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Nginx | Self::NginxUnbuffered | Self::NginxCapped => "nginx",
            Self::H2o => "h2o",
            Self::Haproxy | Self::HaproxySpliced | Self::HaproxyCapped => "haproxy",
            Self::Envoy | Self::EnvoyAdaptive => "envoy",
            Self::Relay => "relay",
            Self::MonoioHttp => "monoio-http",
            Self::Ringway
            | Self::RingwayToH1
            | Self::RingwayLogged
            | Self::RingwayManaged
            | Self::RingwayModels
            | Self::RingwayAdaptive => "ringway",
        }
    }

    /// What this machine has of it.
    pub(crate) fn version(self, site: &Site<'_>) -> Option<String> {
        let (program, flag) = match self {
            Self::Nginx => (command::program("nginx"), "-v"),
            Self::H2o => (command::program("h2o"), "--version"),
            Self::Haproxy => (command::program("haproxy"), "-v"),
            Self::Envoy => (command::program("envoy"), "--version"),
            Self::Ringway => (site.ringway.clone(), "--version"),
            _ => return None,
        };
        let output = Command::new(program).arg(flag).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
    }

    /// Starts it on the proxy's core and waits until it answers rightly.
    pub(crate) fn start(self, site: &Site<'_>, wiring: Wiring) -> Result<Running, Refusal> {
        let running = self.start_unchecked(site, wiring)?;
        if wiring.back != Back::Grpc {
            self.check_forwarding(site, wiring.front, running.address)?;
        }
        Ok(running)
    }

    /// The same before an origin that does not tell what it was told.
    pub(crate) fn start_unchecked(
        self,
        site: &Site<'_>,
        wiring: Wiring,
    ) -> Result<Running, Refusal> {
        let wiring = if self == Self::RingwayToH1 { Wiring::HTTP1 } else { wiring };
        let ports = free_ports()?;
        let command = Call { site, wiring, ports }.of(self)?;
        let child = match Child::spawn(command, site.cores.proxy, site.folder, self.word()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Refusal::Absent("not installed".into()));
            }
            child => child?,
        };
        let [address, .., readiness] = ports;
        let mut running = Running { child, address };
        if self.word() == Self::Ringway.word() {
            running.wait_until(|| probe::fetch(readiness, "/healthz/ready").map(drop))?;
        }
        if wiring.back == Back::Grpc {
            // The origin says no to a call that names no client.
            running.wait_until(|| call_grpc(address))?;
            return Ok(running);
        }
        running.wait_until(|| site.look(wiring.front, address, origin::MEMORY_PATH).map(drop))?;
        Ok(running)
    }

    /// A proxy that does not name the client saves work that the others do. What relays bytes is
    /// no such proxy.
    fn check_forwarding(
        self,
        site: &Site<'_>,
        front: Front,
        address: SocketAddrV4,
    ) -> Result<(), Refusal> {
        if self == Self::Relay || front == Front::Tcp {
            return Ok(());
        }
        let body = site.look(front, address, origin::FORWARDED_PATH)?;
        let forwarded_for = String::from_utf8_lossy(&body);
        let right = match forwarded_for.parse() {
            Ok(Ipv4Addr::LOCALHOST) => true,
            // It takes a client on loopback for its own host, and names that host's address.
            Ok(_) => self == Self::Envoy,
            Err(_) => false,
        };
        if right {
            return Ok(());
        }
        Err(Refusal::Failed(format!("X-Forwarded-For is {forwarded_for:?} at the origin")))
    }
}

impl Site<'_> {
    /// The body that `path` answers with, asked as clients in front of it ask.
    pub(crate) fn look(
        &self,
        front: Front,
        address: SocketAddrV4,
        path: &str,
    ) -> Result<Vec<u8>, LoadError> {
        match front {
            Front::Http1 | Front::Tcp => probe::fetch(address, path),
            Front::H2c => probe::fetch_h2c(address, path),
            Front::Tls => probe::fetch_tls(&self.certificate.trust.client(false)?, address, path),
        }
    }
}

/// One call, whose answer must be its message.
fn call_grpc(address: SocketAddrV4) -> Result<(), LoadError> {
    let answer = probe::call(address, grpc::PATH, grpc::MESSAGE)?;
    let (expected, announced) = (grpc::MESSAGE.len() as u64, answer.len() as u64);
    if answer == grpc::MESSAGE { Ok(()) } else { Err(LoadError::BodyBytes { expected, announced }) }
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn wait_until(&mut self, answers: impl Fn() -> Result<(), LoadError>) -> Result<(), Refusal> {
        let deadline = Instant::now() + START_TIME_MAX;
        loop {
            let Err(error) = answers() else { return Ok(()) };
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
        match error {
            load::Error::H2load(fault @ Fault::Missing) => Self::Absent(format!("h2load {fault}")),
            error => failed(error),
        }
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
