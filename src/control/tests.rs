//! The whole loop, with worker threads that carry nothing and a configuration language of a few
//! words, a line each: `bind NAME`, `name HOST`, `file PATH`, `refuse` (workers will), `broken` (the
//! parser does), `bug` (the compiler panics), `patient` (the drain takes long).
#![expect(clippy::disallowed_methods, reason = "these tests write files")]

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::mpsc as channel;
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use super::admin::{Desk, Reply};
use super::drain::Deadlines;
use super::listen::{Bind, Group};
use super::resolve::{Addresses, Dns, Name};
use super::wiring::{Format, Found, Load};
use super::*;
use crate::base::id::BindId;
use crate::bus::{Doors, mailbox};
use crate::config::scalar::Address;

const PATIENCE: Duration = Duration::from_secs(20);

struct Plain;

#[derive(Debug, PartialEq)]
struct Table {
    text: String,
    addresses: Addresses,
}

impl Wiring for Plain {
    type Config = String;
    type Snapshot = Table;

    fn parse(&mut self, text: &Text) -> Result<String, String> {
        let broken = text.text.lines().any(|line| line == "broken");
        if broken { Err("line 1: `broken`".into()) } else { Ok(text.text.clone()) }
    }

    fn settings(&self, config: &String) -> Settings {
        let max = if config.contains("patient") { 60_000 } else { 50 };
        Settings {
            admin: Address::Off,
            metrics: Address::Off,
            readiness: Address::Off,
            ipv6: true,
            workers: None,
            pin: false,
            at_start: Vec::new(),
            drain: Deadlines::new(Duration::ZERO, Duration::from_millis(max)),
            dns: Dns::default(),
            upgrade_timeout: PATIENCE,
            upgrade_socket: None,
        }
    }

    fn names(&self, config: &String) -> Vec<Name> {
        let hosts = config.lines().filter_map(|line| line.strip_prefix("name "));
        hosts.map(|host| Name { host: host.to_owned(), port: 80 }).collect()
    }

    fn files(&self, config: &String) -> Vec<PathBuf> {
        config.lines().filter_map(|line| line.strip_prefix("file ")).map(PathBuf::from).collect()
    }

    fn compile(
        &mut self,
        config: &String,
        found: &Found<'_>,
        _last: Option<&Table>,
    ) -> Result<Table, String> {
        assert_ne!(config, "bug");
        let text = found.files.values().find_map(|file| file.clone().err());
        match text {
            Some(why) => Err(why),
            None => Ok(Table { text: config.clone(), addresses: found.addresses.clone() }),
        }
    }

    fn binds(&self, snapshot: &Table) -> Vec<Bind> {
        let names = snapshot.text.lines().filter_map(|line| line.strip_prefix("bind "));
        let bind = |(id, name): (u32, &str)| Bind {
            id: BindId(id),
            name: name.to_owned(),
            address: name.parse().unwrap_or_else(|_| "127.0.0.1:0".parse().unwrap()),
        };
        (0u32..).zip(names).map(bind).collect()
    }

    fn listen(&mut self, _snapshot: &Table, bind: &Bind, group: Group) -> io::Result<Vec<OwnedFd>> {
        let open_one = |_| {
            let socket = tokio::net::TcpSocket::new_v4()?;
            // The first would keep the others out; none of these tests connects.
            socket.set_reuseport(!group.alone || bind.address.port() == 0)?;
            socket.bind(bind.address)?;
            Ok(OwnedFd::from(socket.listen(16)?.into_std()?))
        };
        (0..group.sockets).map(open_one).collect()
    }

    fn dump(&self, config: &String, snapshot: &Table) -> Value {
        let addresses = snapshot.addresses.values().map(Vec::len).collect::<Vec<_>>();
        json!({ "text": config, "addresses": addresses })
    }

    fn exposition(&self, facts: &Facts<'_>, _: Option<&Table>, _format: Format) -> String {
        format!(
            "version {} synchronized {} accepted {} refused {}",
            facts.version, facts.synchronized, facts.reloads_accepted, facts.reloads_refused
        )
    }

    fn load(&self, _worker: WorkerId) -> Load {
        Load::default()
    }

    fn log_level(&self) -> String {
        "info".into()
    }

    fn set_log_level(&mut self, level: &str) -> Result<(), String> {
        Err(format!("no level `{level}`"))
    }

    fn reopen_logs(&mut self) {}
}

#[derive(Clone, Copy, PartialEq)]
enum Temper {
    Willing,
    /// Has a connection that never ends by itself.
    Busy,
}

/// A worker: answers, and ends with its mailbox, or as `fate` says.
fn live(
    worker: WorkerId,
    temper: Temper,
    inbox: &Inbox<Command<Table>>,
    outbox: &Mailbox<Event<Table>>,
    fate: &channel::Receiver<Stop>,
) {
    let say = |event| drop(outbox.send(event));
    say(Event::Started { worker });
    let mut prepared = None;
    loop {
        let Some(command) = inbox.wait() else { return };
        if let Ok(why) = fate.try_recv() {
            return say(Event::Stopped { worker, why });
        }
        match command {
            Command::Prepare { version, snapshot, sockets } => {
                if snapshot.text.lines().any(|line| line == "refuse") {
                    say(Event::Refused { worker, version, why: "no".into() });
                } else {
                    prepared = Some((snapshot, sockets));
                    say(Event::Prepared { worker, version });
                }
            }
            Command::Commit { version } => {
                say(Event::Committed { worker, version, retired: None });
            }
            Command::Drain { doors: Doors::Shut | Doors::Left(_) } if temper == Temper::Willing => {
                prepared = None;
                say(Event::Drained { worker, cut: 0 });
            }
            Command::Cut => say(Event::Drained { worker, cut: 1 }),
            Command::Abort { .. } | Command::Drain { .. } => (),
        }
        drop(prepared.take_if(|_| false));
    }
}

/// A running control loop, as its admin servers see it.
struct Running {
    desk: Desk,
    runtime: tokio::runtime::Runtime,
    binds: channel::Receiver<Vec<(String, SocketAddr)>>,
    fates: Vec<channel::Sender<Stop>>,
    path: PathBuf,
    control: JoinHandle<Ending>,
}

impl Running {
    fn start(name: &str, text: &str, tempers: &[Temper]) -> Self {
        let path = std::env::temp_dir().join(format!("ringway-{name}-{}", std::process::id()));
        let _ = fs::create_dir(&path);
        let path = path.join("a.yaml");
        fs::write(&path, text).unwrap();
        let (outbox, events) = mailbox(256).unwrap();
        let (mut commands, mut fates) = (Vec::new(), Vec::new());
        for (worker, temper) in (0u32..).map(WorkerId).zip(tempers.iter().copied()) {
            let (command, inbox) = mailbox(64).unwrap();
            let (fate, fated) = channel::channel();
            commands.push(command);
            fates.push(fate);
            let outbox = outbox.clone();
            thread::spawn(move || live(worker, temper, &inbox, &outbox, &fated));
        }
        let pulses = tempers.iter().map(|_| Arc::new(Pulse::default())).collect();
        let bus = Bus { commands, pulses, events };
        let (desk, asks) = Desk::new();
        let (sender, binds) = channel::channel();
        let source = Source::File(path.clone());
        let control = thread::spawn(move || {
            let runtime = runtime();
            let text = source.read().unwrap();
            let first = First { source, config: text.text.clone(), text };
            let on_ready: OnReady = Box::new(move |binds| {
                let owned = binds.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect();
                sender.send(owned).unwrap();
            });
            let start = Start {
                on_ready,
                on_leaving: Box::new(|| ()),
                is_quiet: Box::new(|| true),
                inherited: Inherited::default(),
                succession: Succession::default(),
                servers: Vec::new(),
                upgrade_socket: None,
            };
            runtime.block_on(Control::run(Plain, bus, first, asks, start)).unwrap().0
        });
        Self { desk, runtime: runtime(), binds, fates, path, control }
    }

    fn started(name: &str, text: &str, tempers: &[Temper]) -> Self {
        let running = Self::start(name, text, tempers);
        running.binds.recv_timeout(PATIENCE).expect("the first configuration is served");
        running
    }

    fn ask<T>(&self, ask: impl FnOnce(Reply<T>) -> Ask) -> T {
        self.runtime.block_on(self.desk.ask(ask)).expect("the loop runs")
    }

    fn metrics(&self) -> String {
        self.ask(|reply| Ask::Metrics(Format::Text, reply))
    }

    fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let due = Instant::now() + PATIENCE;
        while !condition(self) {
            assert!(Instant::now() < due, "{what}; but: {}", self.metrics());
            thread::yield_now();
        }
    }

    fn write(&self, text: &str) {
        fs::write(self.path.with_extension("new"), text).unwrap();
        fs::rename(self.path.with_extension("new"), &self.path).unwrap();
    }

    fn end(self) -> Ending {
        let ending = self.control.join().unwrap();
        fs::remove_dir_all(self.path.parent().unwrap()).unwrap();
        ending
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn the_first_configuration_is_served_and_shown() {
    let running = Running::start("first", "bind a\nbind b\nname localhost", &[Temper::Willing; 2]);
    let binds = running.binds.recv_timeout(PATIENCE).unwrap();
    assert_eq!(binds.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(binds.iter().all(|(_, address)| address.port() != 0));
    assert_eq!(running.ask(Ask::Ready), Vec::<String>::new());
    assert_eq!(running.metrics(), "version 1 synchronized true accepted 0 refused 0");
    let dump = running.ask(Ask::Config);
    assert_eq!(dump["ringway"]["version"], 1);
    assert_eq!(dump["ringway"]["origin"], running.path.display().to_string());
    assert!(dump["addresses"][0].as_u64().unwrap() > 0, "localhost was looked up: {dump}");
    let workers = running.ask(Ask::Workers);
    assert_eq!(workers["workers"][1]["version"], 1);
    assert_eq!(workers["workers"][1]["state"], "running");
    running.ask(Ask::Quit);
    assert_eq!(running.end(), Ending::Drained { cut: 0, silent: vec![] });
}

#[test]
fn a_bad_file_changes_nothing_and_a_good_one_everything() {
    let running = Running::started("reload", "bind a", &[Temper::Willing; 2]);
    let rows = [
        ("broken", "version 1 synchronized false accepted 0 refused 1"),
        ("refuse", "version 1 synchronized false accepted 0 refused 2"),
        ("bind b", "version 3 synchronized true accepted 1 refused 2"),
        ("bind 192.0.2.1:1", "version 3 synchronized false accepted 1 refused 3"),
        ("bind c", "version 4 synchronized true accepted 2 refused 3"),
        ("bug", "version 4 synchronized false accepted 2 refused 4"),
        ("bind d", "version 5 synchronized true accepted 3 refused 4"),
    ];
    for (text, expected) in rows {
        running.write(text);
        running.until(&format!("{text}: {expected}"), |running| running.metrics() == expected);
        assert_eq!(running.ask(Ask::Ready), Vec::<String>::new(), "still ready");
        let refusal = &running.ask(Ask::Config)["ringway"]["refusal"];
        assert_eq!(refusal.is_null(), expected.contains("true"), "{text}: {refusal}");
    }
    assert_eq!(running.ask(Ask::Config)["text"], "bind d");
    running.ask(Ask::Quit);
    running.end();
}

#[test]
fn a_file_that_was_gone_and_is_back_is_in_use_again() {
    let running = Running::started("gone", "bind a", &[Temper::Willing]);
    fs::remove_file(&running.path).unwrap();
    running.until("it is missed", |running| running.metrics().contains("synchronized false"));
    running.write("bind a");
    running.until("it is back", |running| running.metrics().contains("synchronized true"));
    running.ask(Ask::Quit);
    running.end();
}

#[test]
fn a_certificate_that_changes_is_a_reload() {
    let folder = std::env::temp_dir().join(format!("ringway-certificate-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("a.pem");
    fs::write(&path, "one").unwrap();
    let text = format!("bind a\nfile {}", path.display());
    let running = Running::started("files", &text, &[Temper::Willing]);
    let rows = [
        (Some("two"), "version 2 synchronized true accepted 1 refused 0"),
        (None, "version 2 synchronized false accepted 1 refused 1"),
        (Some("three"), "version 3 synchronized true accepted 2 refused 1"),
    ];
    for (content, expected) in rows {
        match content {
            Some(content) => {
                fs::write(folder.join("new"), content).unwrap();
                fs::rename(folder.join("new"), &path).unwrap();
            }
            None => fs::remove_file(&path).unwrap(),
        }
        running.until(&format!("{content:?}: {expected}"), |r| r.metrics() == expected);
        assert_eq!(running.ask(Ask::Ready), Vec::<String>::new(), "still ready");
    }
    running.ask(Ask::Quit);
    running.end();
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_does_not_end_by_itself_is_cut_and_counted() {
    let running = Running::started("cut", "bind a", &[Temper::Willing, Temper::Busy]);
    running.ask(Ask::Quit);
    assert_eq!(running.end(), Ending::Drained { cut: 1, silent: vec![] });
}

#[test]
fn a_drain_shows_in_readiness_until_its_end() {
    let text = "bind a\npatient";
    let running = Running::started("drain", text, &[Temper::Willing, Temper::Busy]);
    running.ask(Ask::Quit);
    assert_eq!(running.ask(Ask::Ready), ["draining"]);
    assert_eq!(running.ask(Ask::Workers)["draining"], true);
    running.write("bind b");
    running.ask(Ask::Quit);
    assert!(running.metrics().starts_with("version 1 synchronized true"), "no reload any more");
    assert!(!running.control.is_finished());
}

#[test]
fn a_worker_that_dies_is_reported_and_the_others_serve_on() {
    let running = Running::started("death", "bind a", &[Temper::Willing; 2]);
    running.fates[1].send(Stop::Panicked("index".into())).unwrap();
    running.write("bind a\nbind b");
    running.until("served by the other", |running| {
        running.metrics() == "version 2 synchronized true accepted 1 refused 0"
    });
    assert_eq!(running.ask(Ask::Ready), ["worker 1 panicked: index"]);
    running.fates[0].send(Stop::Failed("ring".into())).unwrap();
    running.write("bind c");
    assert_eq!(running.end(), Ending::Broken("no worker is left".into()));
}

#[test]
fn a_start_that_cannot_be_says_why() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let rows = [
        (
            "start-port",
            format!("bind {taken}"),
            format!("cannot listen on {taken} (bind `{taken}`)"),
        ),
        ("start-refuse", "refuse".to_owned(), "refused it: no".to_owned()),
    ];
    for (name, text, expected) in rows {
        let ending = Running::start(name, &text, &[Temper::Willing; 2]).end();
        assert!(
            matches!(&ending, Ending::NotStarted(why) if why.contains(&expected)),
            "{ending:?}"
        );
    }
}
