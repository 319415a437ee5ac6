//! The gateway as a child process: started until it announces itself, looked at, ended. It leads a
//! process group, which is killed when its owner goes, for whatever reason; and should this process
//! die without unwinding, the kernel sends it SIGTERM.
#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::Value;

use crate::plan::Refusal;

/// How it is started.
#[derive(Clone, Debug)]
pub struct Launch {
    pub ringway: PathBuf,
    pub workers: usize,
    /// Whether it is to be upgraded.
    pub upgrades: bool,
}

#[derive(Debug)]
pub struct Gateway {
    child: Child,
    launch: Launch,
    folder: PathBuf,
    bound: Value,
    said: Receiver<String>,
    ended: Option<ExitStatus>,
    /// The processes that took the place of the child, one after another.
    heirs: Vec<u32>,
}

impl Gateway {
    /// Runs it with this configuration until it serves.
    ///
    /// # Errors
    /// What it said before it ended, or that it said nothing in time.
    pub fn start(launch: &Launch, config: &str) -> Result<Self, Refusal> {
        let folder = scratch().map_err(|error| Refusal(format!("a folder: {error}")))?;
        let started = Self::start_in(launch, &folder, config);
        if started.is_err() {
            let _ = fs::remove_dir_all(&folder);
        }
        started
    }

    fn start_in(launch: &Launch, folder: &Path, config: &str) -> Result<Self, Refusal> {
        let refuse = |error: io::Error| Refusal(format!("{}: {error}", launch.ringway.display()));
        replace(folder, config).map_err(refuse)?;
        let mut command = Command::new(&launch.ringway);
        command.arg("-f").arg(folder.join(CONFIG)).arg("--announce");
        command.args(["--workers", &launch.workers.to_string()]).env("RUST_LOG", "warn");
        if launch.upgrades {
            command.arg("--upgrade-socket").arg(folder.join(SOCKET));
            // Who takes its place is a child of the child, and this process's when that has ended.
            // SAFETY: takes no pointers.
            unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
        }
        for name in ["ADMIN_ADDR", "STATS_ADDR", "READINESS_ADDR"] {
            command.env(name, "127.0.0.1:0");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0);
        // SAFETY: between fork and exec only one system call is made, without allocation.
        unsafe { command.pre_exec(end_with_parent) };
        let mut child = command.spawn().map_err(refuse)?;
        let (announce, announced) = mpsc::channel();
        let (say, said) = mpsc::channel();
        read_lines(child.stdout.take(), announce);
        read_lines(child.stderr.take(), say);
        let mut gateway = Self {
            child,
            launch: launch.clone(),
            folder: folder.to_owned(),
            bound: Value::Null,
            said,
            ended: None,
            heirs: Vec::new(),
        };
        gateway.bound = gateway.announced(&announced)?;
        // What else it prints is read by the thread above, and goes nowhere.
        Ok(gateway)
    }

    fn announced(&mut self, lines: &Receiver<String>) -> Result<Value, Refusal> {
        let until = Instant::now() + START;
        loop {
            match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => match serde_json::from_str(&line) {
                    Ok(bound @ Value::Object(_)) => return Ok(bound),
                    _ => continue,
                },
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Refusal(format!("the gateway does not serve after {START:?}")));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let _ = self.wait(START);
                    return Err(Refusal(format!("the gateway ended: {}", self.last_words())));
                }
            }
        }
    }

    /// The first of its binds.
    pub fn address(&self) -> Option<SocketAddr> {
        self.bound["binds"].as_object()?.values().next()?.as_str()?.parse().ok()
    }

    pub fn stats(&self) -> Option<SocketAddr> {
        self.bound["stats"].as_str()?.parse().ok()
    }

    pub fn readiness(&self) -> Option<SocketAddr> {
        self.bound["ready"].as_str()?.parse().ok()
    }

    pub fn pid(&self) -> u32 {
        self.heirs.last().copied().unwrap_or_else(|| self.child.id())
    }

    /// Replaces the file that it watches.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&self, config: &str) -> io::Result<()> {
        replace(&self.folder, config)
    }

    pub fn signal(&mut self, signal: i32) {
        if self.exited().is_none() {
            // SAFETY: takes no pointers; the child has not been waited for, so its id is its own.
            unsafe { libc::kill(self.pid().cast_signed(), signal) };
        }
    }

    pub fn exited(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = match self.heirs.last() {
                None => self.child.try_wait().ok().flatten(),
                Some(heir) => reap(*heir),
            };
        }
        self.ended
    }

    /// A new process in its place, by `ringway upgrade`.
    ///
    /// # Errors
    /// What that said.
    pub fn upgrade(&mut self) -> Result<(), Refusal> {
        let mut command = Command::new(&self.launch.ringway);
        command.arg("upgrade").arg("--upgrade-socket").arg(self.folder.join(SOCKET));
        let refuse = |why: String| Refusal(format!("the upgrade: {why}"));
        let output = command.output().map_err(|error| refuse(error.to_string()))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        // "process NEW serves; process OLD drains"
        let heir = said.split_whitespace().nth(1).and_then(|word| word.parse().ok());
        match heir.filter(|_| output.status.success()) {
            Some(heir) => self.heirs.push(heir),
            None => return Err(refuse(said + &String::from_utf8_lossy(&output.stderr))),
        }
        Ok(())
    }

    /// What became of the processes that others took the place of, when they have had their time;
    /// nothing when all ended well.
    pub fn trouble_of_the_old(&mut self, limit: Duration) -> Option<String> {
        let until = Instant::now() + limit;
        let (_, old) = self.heirs.split_last()?;
        let first = by(until, || self.child.try_wait().ok().flatten().map(Some));
        let old = old.iter().map(|heir| by(until, || reaped_or_gone(*heir)));
        std::iter::once(first).chain(old).find_map(|ended| match ended {
            None => Some(format!("an old process does not end after {limit:?}")),
            Some(Some(status)) if !status.success() => {
                Some(format!("an old process ended with {status}"))
            }
            Some(_) => None,
        })
    }

    /// How it ended, if it does in time.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        while self.exited().is_none() && Instant::now() < until {
            thread::sleep(LOOK);
        }
        self.exited()
    }

    /// Ended, and started again with this configuration.
    ///
    /// # Errors
    /// That it does not end, or does not start.
    pub fn restart(&mut self, config: &str) -> Result<(), Refusal> {
        self.signal(libc::SIGTERM);
        if self.wait(END).is_none() {
            return Err(Refusal(format!("the gateway does not end after {END:?}")));
        }
        *self = Self::start(&self.launch, config)?;
        Ok(())
    }

    /// The value of a metric, summed over its labels.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let text = scrape(self.stats()?).ok()?;
        let samples = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let value = match rest.strip_prefix('{') {
                Some(labels) => labels.rsplit_once("} ")?.1,
                None => rest.strip_prefix(' ')?,
            };
            value.split(' ').next()?.parse::<f64>().ok()
        });
        samples.fold(None, |sum: Option<f64>, sample| Some(sum.unwrap_or(0.0) + sample))
    }

    /// The end of what it wrote on stderr, in one line.
    pub fn last_words(&self) -> String {
        let mut last: VecDeque<String> = VecDeque::new();
        while let Ok(line) = self.said.recv_timeout(LOOK) {
            last.push_back(line);
            if last.len() > LAST_LINES {
                last.pop_front();
            }
        }
        Vec::from(last).join(" | ")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if self.exited().is_none() || !self.heirs.is_empty() {
            // SAFETY: takes no pointers; not waited for, or with heirs in it, the group is still
            // its own.
            unsafe { libc::kill(-self.child.id().cast_signed(), libc::SIGKILL) };
            let _ = self.child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// How a process that became ours ended, if it has.
fn reap(pid: u32) -> Option<ExitStatus> {
    let mut status = 0;
    // SAFETY: the kernel writes one status into a live value.
    let reaped = unsafe { libc::waitpid(pid.cast_signed(), &raw mut status, libc::WNOHANG) };
    (reaped == pid.cast_signed()).then(|| ExitStatus::from_raw(status))
}

/// The same; none within for one that its own parent saw to before that ended.
fn reaped_or_gone(pid: u32) -> Option<Option<ExitStatus>> {
    let gone = || !Path::new(&format!("/proc/{pid}")).exists();
    reap(pid).map(Some).or_else(|| gone().then_some(None))
}

/// What is found, if that is in time.
fn by<T>(until: Instant, mut found: impl FnMut() -> Option<T>) -> Option<T> {
    loop {
        let found = found();
        if found.is_some() || Instant::now() >= until {
            return found;
        }
        thread::sleep(LOOK);
    }
}

/// Whether it has this subcommand.
pub(super) fn has(ringway: &Path, subcommand: &str) -> bool {
    let mut command = Command::new(ringway);
    command.arg(subcommand).arg("--help").stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A port that nobody has just now. Its next owner has to be quick.
///
/// # Errors
/// What the socket calls say.
pub(super) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn scrape(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, START)?;
    stream.set_read_timeout(Some(START))?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

fn scratch() -> io::Result<PathBuf> {
    for number in 0..1000 {
        let name = format!("loadtest-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (),
            created => return created.map(|()| folder),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// In one step, so that nobody reads half of it.
fn replace(folder: &Path, config: &str) -> io::Result<()> {
    let fresh = folder.join("fresh");
    fs::write(&fresh, config)?;
    fs::rename(fresh, folder.join(CONFIG))
}

/// Until the stream ends, so that nobody who writes to it has to wait.
fn read_lines(stream: Option<impl Read + Send + 'static>, lines: Sender<String>) {
    let Some(stream) = stream else { return };
    thread::spawn(move || {
        let mut told = 0;
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if told < LINES_MAX && lines.send(line).is_ok() {
                told += 1;
            }
        }
    });
}

fn end_with_parent() -> io::Result<()> {
    // SAFETY: takes no pointers.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM as libc::c_ulong) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

const CONFIG: &str = "gateway.yaml";
const SOCKET: &str = "upgrade.sock";
const START: Duration = Duration::from_secs(30);
const END: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(10);
const LAST_LINES: usize = 5;
/// Of one stream: what is beyond is read and forgotten.
const LINES_MAX: usize = 10_000;
