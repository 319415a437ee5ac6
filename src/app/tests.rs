//! A whole process but for its traffic: command line in, exit code out.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::base::id::{BindId, WorkerId};
use crate::bus::{Command, Event};
use crate::config::scalar::Address;
use crate::control::drain::Deadlines;
use crate::control::listen::{Bind, Group};
use crate::control::resolve::{Dns, Name};
use crate::control::signal::Signal;
use crate::control::source::Text;
use crate::control::wiring::{Facts, Format, Found, Load};

const PATIENCE: Duration = Duration::from_secs(20);

/// Its configuration is the admin address, or a problem. It counts what became of it.
#[derive(Default)]
struct Plain {
    hired: Arc<AtomicUsize>,
    finished: Arc<AtomicUsize>,
}

impl Wiring for Plain {
    type Config = Address;
    type Snapshot = Address;

    fn parse(&mut self, text: &Text) -> Result<Address, String> {
        Address::parse(text.text.trim()).map_err(|why| format!("{}:1:1: {why}", text.origin))
    }

    fn settings(&self, config: &Address) -> Settings {
        Settings {
            admin: config.clone(),
            metrics: Address::Off,
            readiness: Address::Localhost(0),
            ipv6: true,
            workers: Some(2),
            pin: true,
            at_start: Vec::new(),
            drain: Deadlines::new(Duration::ZERO, PATIENCE),
            dns: Dns::default(),
            upgrade_timeout: PATIENCE,
            upgrade_socket: None,
        }
    }

    fn names(&self, _config: &Address) -> Vec<Name> {
        Vec::new()
    }

    fn files(&self, _config: &Address) -> Vec<PathBuf> {
        Vec::new()
    }

    fn compile(
        &mut self,
        config: &Address,
        _found: &Found<'_>,
        _last: Option<&Address>,
    ) -> Result<Address, String> {
        match config {
            Address::Localhost(1) => Err("port 1 makes no sense".into()),
            address => Ok(address.clone()),
        }
    }

    fn binds(&self, _snapshot: &Address) -> Vec<Bind> {
        let address = "127.0.0.1:0".parse().unwrap();
        vec![Bind { id: BindId(0), name: "bind/0".into(), address }]
    }

    fn listen(
        &mut self,
        _snapshot: &Address,
        bind: &Bind,
        group: Group,
    ) -> io::Result<Vec<OwnedFd>> {
        let open_one = |_| {
            let socket = tokio::net::TcpSocket::new_v4()?;
            // The first would keep the others out; none of these tests connects.
            socket.set_reuseport(!group.alone || bind.address.port() == 0)?;
            socket.bind(bind.address)?;
            Ok(OwnedFd::from(socket.listen(16)?.into_std()?))
        };
        (0..group.sockets).map(open_one).collect()
    }

    fn dump(&self, config: &Address, _snapshot: &Address) -> Value {
        json!({ "admin": config.to_string() })
    }

    fn exposition(&self, _: &Facts<'_>, _: Option<&Address>, _: Format) -> String {
        String::new()
    }

    fn load(&self, _worker: WorkerId) -> Load {
        Load::default()
    }

    fn log_level(&self) -> String {
        String::new()
    }

    fn set_log_level(&mut self, _level: &str) -> Result<(), String> {
        Ok(())
    }

    fn reopen_logs(&mut self) {}
}

impl Product for Plain {
    const BUILT_IN: &'static str = "off";

    fn begin(&mut self, _config: &Address) -> Result<(), String> {
        Ok(())
    }

    fn hire(&mut self, seat: Seat<Address>) -> WorkerMain {
        self.hired.store(self.hired.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
        Box::new(move || work(&seat))
    }

    fn finish(self) {
        self.finished.store(1, Ordering::SeqCst);
    }
}

/// A worker that carries nothing.
fn work(seat: &Seat<Address>) -> Result<(), String> {
    let worker = seat.worker;
    let say = |event| seat.events.send(event).map_err(|_| "control is gone".to_owned());
    say(Event::Started { worker })?;
    while let Some(command) = seat.commands.wait() {
        match command {
            Command::Prepare { version, .. } => say(Event::Prepared { worker, version })?,
            Command::Commit { version } => {
                say(Event::Committed { worker, version, retired: None })?;
            }
            Command::Drain { .. } if !stubborn() => {
                return say(Event::Drained { worker, cut: 0 });
            }
            Command::Drain { .. } | Command::Abort { .. } | Command::Cut => (),
        }
    }
    Err("control is gone".to_owned())
}

/// Set for a child process whose workers never get done.
fn stubborn() -> bool {
    std::env::var_os("RINGWAY_TEST_STUBBORN").is_some()
}

fn options(words: &[&str]) -> Options {
    Options::try_parse_from(["ringway"].iter().chain(words)).unwrap()
}

fn code(words: &[&str]) -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(live(&options(words), Plain::default()))
}

/// The body of an answer of the admin server, when there is one.
fn ask(path: &Path, request: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let due = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < due, "{what}");
        thread::yield_now();
    }
}

#[test]
fn a_process_starts_serves_and_drains() {
    let path: PathBuf = std::env::temp_dir().join(format!("ringway-app-{}", process::id()));
    let product = Plain::default();
    let (hired, finished) = (Arc::clone(&product.hired), Arc::clone(&product.finished));
    let config = format!("unix:{}", path.display());
    let process = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live(&options(&["-c", &config, "--workers", "3"]), product))
    });
    let served = || {
        let dump: Value = serde_json::from_str(&ask(&path, "GET /config_dump").ok()?).ok()?;
        (dump["ringway"]["version"] == 1 && dump["ringway"]["synchronized"] == true).then_some(dump)
    };
    let dump = until("version 1 is served", served);
    assert_eq!(dump["admin"], format!("unix:{}", path.display()));
    assert_eq!(hired.load(Ordering::SeqCst), 3, "the command line goes before the configuration");
    assert_eq!(ask(&path, "POST /quitquitquit").unwrap(), "draining\n");
    assert_eq!(process.join().unwrap(), EXIT_OK);
    assert_eq!(finished.load(Ordering::SeqCst), 1, "logs are flushed");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn what_cannot_start_exits_with_one() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for words in [
        &["-c", "nonsense"][..],
        &["-f", "/no/such/file"],
        &["-c", &taken],
        &["-c", "localhost:1", "--validate-only"],
        &["-c", "nonsense", "--validate-only"],
    ] {
        assert_eq!(code(words), EXIT_FAILED, "{words:?}");
    }
}

#[test]
fn a_valid_configuration_is_said_to_be_so() {
    assert_eq!(code(&["-c", "localhost:2", "--validate-only"]), EXIT_OK);
    assert_eq!(code(&["--validate-only"]), EXIT_OK, "the built-in one");
}

#[test]
fn every_ending_has_its_exit_code() {
    let drained = |cut| Ending::Drained { cut, silent: vec![WorkerId(0)] };
    for (ending, expected) in [
        (drained(0), 0),
        (drained(3), 0),
        (Ending::NotStarted("x".into()), 1),
        (Ending::Broken("x".into()), 3),
        (Ending::AtOnce(Signal::Interrupt), 130),
        (Ending::AtOnce(Signal::Terminate), 143),
    ] {
        assert_eq!(end(&ending), expected, "{ending:?}");
    }
}

/// What `signals_do_as_the_help_says` sends its signals to.
#[test]
#[ignore = "a child process of another test"]
fn child() {
    let Ok(admin) = std::env::var("RINGWAY_TEST_ADMIN") else { return };
    process::exit(i32::from(code(&["-c", &admin])));
}

#[test]
fn signals_do_as_the_help_says() {
    for (name, stubborn, signals, expected) in [
        ("term", false, &["TERM"][..], 0),
        ("int", false, &["INT"], 0),
        ("quit", false, &["QUIT"], 0),
        ("hup", false, &["HUP", "TERM"], 0),
        ("twice", true, &["TERM", "TERM"], 143),
        ("other", true, &["TERM", "INT"], 130),
        ("mild", true, &["QUIT", "QUIT", "TERM"], 143),
    ] {
        let path = std::env::temp_dir().join(format!("ringway-{name}-{}", process::id()));
        let mut child = process::Command::new(std::env::current_exe().unwrap());
        child.args(["app::tests::child", "--exact", "--ignored"]);
        child.env("RINGWAY_TEST_ADMIN", format!("unix:{}", path.display()));
        if stubborn {
            child.env("RINGWAY_TEST_STUBBORN", "1");
        }
        let mut child = child.stdout(process::Stdio::null()).spawn().unwrap();
        let version = |version: u32| {
            let dump: Value = serde_json::from_str(&ask(&path, "GET /config_dump").ok()?).ok()?;
            (dump["ringway"]["version"] == version).then_some(())
        };
        until("version 1 is served", || version(1));
        for signal in signals {
            let id = child.id().to_string();
            process::Command::new("kill").args(["-s", signal, &id]).status().unwrap();
            // Two signals at once are one: each is waited for.
            match *signal {
                "HUP" => until("it is read again", || version(2)),
                _ => until("it drains or is gone", || {
                    let gone = child.try_wait().unwrap().is_some();
                    let workers = ask(&path, "GET /workers").unwrap_or_default();
                    (gone || workers.contains("\"draining\": true")).then_some(())
                }),
            }
        }
        assert_eq!(child.wait().unwrap().code(), Some(expected), "{name}");
        let _ = std::fs::remove_file(path);
    }
}
