//! The real executable: started on ports of the kernel's choice, ended by its own pid.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::client::Client;
use super::config::Config;
use super::metrics::Metrics;
use super::scratch::{self, Scratch};
use super::upgrade;
use super::wait::{self, PATIENCE};

/// How a proxy of a matrix test runs.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub workers: usize,
    pub driver: &'static str,
}

/// From its name, driver and workers: `uring_4`.
pub fn cell(name: &'static str) -> Cell {
    let (driver, workers) = name.split_once('_').expect("a driver and a number");
    Cell { driver, workers: workers.parse().expect("a number of workers") }
}

/// Where the number of workers and the driver do not matter.
pub const PLAIN: Cell = Cell { workers: 1, driver: "auto" };

pub struct Launch {
    text: String,
    cell: Cell,
    variables: Vec<(String, String)>,
}

pub struct Proxy {
    child: Child,
    bound: Bound,
    out: Lines,
    err: Lines,
    readers: Vec<JoinHandle<()>>,
    scratch: Scratch,
}

#[derive(Clone, Debug, Default)]
struct Bound {
    binds: BTreeMap<String, SocketAddr>,
    admin: Option<SocketAddr>,
    stats: Option<SocketAddr>,
    ready: Option<SocketAddr>,
}

type Lines = Arc<Mutex<String>>;

/// A command with nothing of the tests' environment that would change what it does.
pub fn executable() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
    for name in VARIABLES {
        command.env_remove(name);
    }
    command
}

/// A signal to a process that the test started.
pub fn signal(pid: u32, name: &str) {
    let command = format!("kill -{name} {pid}");
    let sent = Command::new("sh").args(["-c", &command]).status().expect("sh runs");
    assert!(sent.success(), "{command}");
}

impl Cell {
    pub fn start(self, config: &Config) -> Proxy {
        Proxy::with(config).on(self).start()
    }
}

impl Launch {
    pub fn on(self, cell: Cell) -> Self {
        Self { cell, ..self }
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs it until it serves.
    pub fn start(self) -> Proxy {
        let scratch = Scratch::new();
        let file = scratch.replace(FILE, &self.text);
        let mut command = executable();
        command.arg("-f").arg(file).arg("--announce");
        command.args(["--workers", &self.cell.workers.to_string()]);
        command.arg("--upgrade-socket").arg(scratch.path(upgrade::SOCKET));
        if self.cell.driver != PLAIN.driver {
            command.env("RINGWAY_DRIVER", self.cell.driver);
        }
        command.envs(self.variables);
        Proxy::start(command, scratch)
    }
}

impl Proxy {
    pub fn with(config: &Config) -> Launch {
        Self::with_text(&config.text())
    }

    pub fn with_text(text: &str) -> Launch {
        Launch { text: text.to_owned(), cell: PLAIN, variables: Vec::new() }
    }

    /// One that any command line runs; it must announce itself.
    pub fn start(mut command: Command, scratch: Scratch) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the executable starts");
        let (announce, announced) = mpsc::channel();
        let (out, out_reader) = collect(child.stdout.take(), Some(announce));
        let (err, err_reader) = collect(child.stderr.take(), None);
        let readers = vec![out_reader, err_reader];
        let line = announced.recv_timeout(PATIENCE);
        let mut proxy = Self { child, bound: Bound::default(), out, err, readers, scratch };
        let Ok(line) = line else {
            let ended = proxy.child.try_wait();
            panic!("it does not announce itself; ended: {ended:?}");
        };
        proxy.bound = Bound::parse(&line).unwrap_or_else(|| panic!("announced: {line:?}"));
        proxy
    }

    /// Of the first bind.
    pub fn address(&self) -> SocketAddr {
        *self.bound.binds.values().next().expect("a bind")
    }

    /// Of all binds, in the order of their names.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.bound.binds.values().copied().collect()
    }

    pub fn admin(&self) -> SocketAddr {
        self.bound.admin.expect("an admin server")
    }

    pub fn stats(&self) -> SocketAddr {
        self.bound.stats.expect("a metrics server")
    }

    pub fn readiness(&self) -> SocketAddr {
        self.bound.ready.expect("a readiness server")
    }

    pub fn client(&self) -> Client {
        Client::http1(self.address())
    }

    pub fn metrics(&self) -> Metrics {
        Metrics::scrape(self.stats())
    }

    /// Until a sum of samples is what it should be: shards are read while they are written.
    pub fn await_metric(&self, name: &str, labels: &[(&str, &str)], wanted: f64) {
        let what = format!("{name} {labels:?}");
        wait::equal(&what, || (self.metrics().sum(name, labels), wanted));
    }

    /// All buffers are back, but `each` of every connection that idles in a pool. A worker says once
    /// a second what is out, and what it said before this was called tells nothing: so it is waited
    /// for until each has said how busy it was in another second.
    pub fn await_buffers(&self, each: usize) {
        let busy = |metrics: &Metrics| {
            let workers = metrics.values(BUSY, "worker");
            let of = |worker: &String| metrics.sum(BUSY, &[("worker", worker)]);
            workers.iter().map(of).collect::<Vec<_>>()
        };
        let before = busy(&self.metrics());
        wait::until("each worker has looked", || {
            busy(&self.metrics()).iter().zip(&before).all(|(now, before)| now != before)
        });
        wait::equal("ringway_buffers_bytes", || {
            let metrics = self.metrics();
            let idle = metrics.sum("ringway_pool_idle_connections", &[]);
            (metrics.sum("ringway_buffers_bytes", &[]), idle * each as f64 * BUFFER_BYTES)
        });
    }

    pub fn ready_status(&self) -> u16 {
        Client::http1(self.readiness()).get("/healthz/ready").status
    }

    pub fn config_dump(&self) -> serde_json::Value {
        let response = Client::http1(self.admin()).get("/config_dump");
        serde_json::from_str(&response.body()).expect("the dump is JSON")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Begins the drain.
    pub fn drain(&self) {
        self.signal("TERM");
    }

    /// Where its files are.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// The end of the first process, of which its successors have the output too.
    pub fn wait_for_first(&mut self, limit: Duration) -> ExitStatus {
        let child = &mut self.child;
        wait::within(limit, "the first process ends", || child.try_wait().expect("its state"))
    }

    /// Changes the file that it watches.
    pub fn write(&self, text: &str) {
        self.scratch.replace(FILE, text);
    }

    /// Changes the file, and waits until it is in use.
    pub fn reload(&self, config: &Config) {
        let version = self.metrics().sum("ringway_config_version", &[]);
        self.write(&config.text());
        wait::until("the new configuration is in use", || {
            self.metrics().sum("ringway_config_version", &[]) > version
        });
    }

    pub fn running(&mut self) -> bool {
        self.child.try_wait().expect("the state of a child").is_none()
    }

    /// Behind it all that it said has been read.
    pub fn wait_for_exit(&mut self, limit: Duration) -> ExitStatus {
        let child = &mut self.child;
        let ended = || child.try_wait().expect("a child's state");
        let status = wait::within(limit, "the proxy exits", ended);
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader does not panic");
        }
        status
    }

    pub fn stderr(&self) -> String {
        self.err.lock().expect("no reader panics").clone()
    }

    /// Behind the announcement.
    pub fn stdout(&self) -> String {
        self.out.lock().expect("no reader panics").clone()
    }

    /// User memory, in bytes.
    pub fn resident_bytes(&self) -> usize {
        let path = format!("/proc/{}/status", self.pid());
        let status = scratch::read(path.as_ref());
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<usize>().ok());
        kib.expect("a process has VmRSS") * 1024
    }

    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).map_or(0, Iterator::count)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        upgrade::end_all(&self.successors(), self.scratch.path(""));
        if thread::panicking() {
            eprintln!("--- stderr of the proxy:\n{}", self.stderr());
        }
    }
}

impl Bound {
    fn parse(line: &str) -> Option<Self> {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let address = |value: &serde_json::Value| value.as_str()?.parse::<SocketAddr>().ok();
        let binds = line["binds"].as_object()?;
        let binds = binds.iter().map(|(name, value)| Some((name.clone(), address(value)?)));
        Some(Self {
            binds: binds.collect::<Option<_>>()?,
            admin: address(&line["admin"]),
            stats: address(&line["stats"]),
            ready: address(&line["ready"]),
        })
    }
}

/// Reads a stream of the child's until it ends; its first line goes to `first`, if that is given.
fn collect(
    stream: Option<impl Read + Send + 'static>,
    mut first: Option<Sender<String>>,
) -> (Lines, JoinHandle<()>) {
    let lines = Lines::default();
    let kept = Arc::clone(&lines);
    let stream = stream.expect("the stream is a pipe");
    let thread = thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&line).into_owned();
            line.clear();
            match first.take() {
                Some(first) => drop(first.send(text)),
                None => kept.lock().expect("nobody panics with the lock").push_str(&text),
            }
        }
    });
    (lines, thread)
}

pub const FILE: &str = "gateway.yaml";

/// What changes with every look of a worker at itself.
const BUSY: &str = "ringway_worker_busy_ratio";

/// What a small buffer counts as.
const BUFFER_BYTES: f64 = 20.0 * 1024.0;

/// What the product reads from its environment.
const VARIABLES: [&str; 22] = [
    "ADMIN_ADDR",
    "STATS_ADDR",
    "READINESS_ADDR",
    "IPV6_ENABLED",
    "WORKER_THREADS",
    "CPU_LIMIT",
    "CONNECTION_MIN_TERMINATION_DEADLINE",
    "CONNECTION_TERMINATION_DEADLINE",
    "TERMINATION_GRACE_PERIOD_SECONDS",
    "RINGWAY_DRIVER",
    "RINGWAY_SUCCEED_FD",
    "RINGWAY_TEST_HALT",
    "RINGWAY_TEST_MISHAPS",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "RUST_LOG",
    "RUST_BACKTRACE",
];
