//! Starts the control thread and the workers, and joins them: the only place that sees both sides.
//!
//! What a configuration means and what a worker does is filled in by a `Product`: so the whole
//! life of a process, from the command line to the exit code, can be run without traffic.
//!
//! The process log and everything said to people go to stderr. Stdout is the access log's, and
//! that of `--announce`.

pub mod announce;
mod budgets;
mod chore;
pub mod cli;
pub mod crew;
pub mod doctor;
mod endpoints;
pub mod origin;
pub mod product;

use std::cell::RefCell;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::thread::available_parallelism;

use axum::Router;
use tracing::{info, warn};

use self::announce::Bound;
use self::cli::{Action, Options};
use self::crew::{Crew, Seat, WorkerMain};
use crate::control::admin::open::{Opened, open};
use crate::control::admin::serve::Servers;
use crate::control::admin::{Desk, admin_router, metrics_router, readiness_router};
use crate::control::inherit::{Inherited, Key};
use crate::control::publish::name_workers;
use crate::control::resolve::Addresses;
use crate::control::restart::{Channel, Message, Succession, ask, gate, succession};
use crate::control::wiring::{Found, Settings, Wiring};
use crate::control::{Control, Ending, First, OnReady, Start, certificate};
use crate::limits::WORKERS_MAX;

/// What runs.
pub trait Product: Wiring + Sized {
    /// The configuration served when none is given.
    const BUILT_IN: &'static str;

    /// Called once, when the first configuration is parsed and before anything else starts: opens
    /// the logs.
    fn begin(&mut self, config: &Self::Config) -> Result<(), String>;

    /// What the thread of this worker runs. Called once for each, in order.
    fn hire(&mut self, seat: Seat<Self::Snapshot>) -> WorkerMain;

    /// Called last, when the workers have ended: flushes the logs.
    fn finish(self);
}

/// Runs the process. What it could not do is said on stderr.
pub fn run<P: Product>(options: &Options, product: P) -> ExitCode {
    if let Some(code) = chore::run(options) {
        return ExitCode::from(code);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let code = match runtime {
        Err(error) => fail(&format!("cannot start the control thread: {error}")),
        Ok(runtime) => {
            let code = runtime.block_on(act(options, product));
            // A name that is still being looked up must not hold up the exit.
            runtime.shutdown_background();
            code
        }
    };
    ExitCode::from(code)
}

async fn act<P: Product>(options: &Options, product: P) -> u8 {
    let Some(Action::Upgrade(upgrade)) = &options.command else {
        return live(options, product).await;
    };
    let arguments = Some(upgrade.arguments.clone()).filter(|arguments| !arguments.is_empty());
    match ask::upgrade(&upgrade.upgrade_socket, upgrade.program.clone(), arguments).await {
        Ok(done) => {
            print(&done);
            EXIT_OK
        }
        Err(why) => fail(&format!("ringway: {why}")),
    }
}

async fn live<P: Product>(options: &Options, product: P) -> u8 {
    let predecessor = match succession::predecessor(options.take_over.as_deref()) {
        Ok(predecessor) => predecessor,
        Err(why) => return fail(&why),
    };
    let (code, why) = match try_to_live(options, product, predecessor.clone()).await {
        Ok(Ending::NotStarted(why)) | Err(why) => (fail(&why), why),
        Ok(ending) => return end(&ending),
    };
    if let Some(predecessor) = predecessor {
        // It learns of our end anyway, but not why.
        let _ = predecessor.send(&Message::Failed { why });
    }
    code
}

async fn try_to_live<P: Product>(
    options: &Options,
    mut product: P,
    predecessor: Option<Rc<Channel>>,
) -> Result<Ending, String> {
    let source = options.source(P::BUILT_IN);
    let parsed = source.read().and_then(|text| {
        let config = product.parse(&text)?;
        Ok(First { source, text, config })
    });
    let first = parsed?;
    if options.validate_only {
        return validate(&mut product, &first.config);
    }
    product.begin(&first.config)?;
    let (succession, inherited) = match predecessor {
        Some(channel) => Box::pin(Succession::begin(channel)).await?,
        None => (Succession::default(), Inherited::from_systemd()),
    };
    live_on(options, product, first, succession, inherited).await
}

/// Compiles too: some problems show only then. Files are read, names are not looked up.
fn validate<P: Product>(product: &mut P, config: &P::Config) -> Result<Ending, String> {
    let files = certificate::read(product.files(config));
    let found = Found { addresses: &Addresses::new(), files: &files };
    product.compile(config, &found, None)?;
    Ok(Ending::Valid)
}

async fn live_on<P: Product>(
    options: &Options,
    mut product: P,
    first: First<P::Config>,
    succession: Succession,
    mut inherited: Inherited,
) -> Result<Ending, String> {
    let settings = product.settings(&first.config);
    let (desk, asks) = Desk::new();
    let mut front = Front::open(&settings, &desk, &mut inherited)?;
    let workers = options.workers.or(settings.workers).unwrap_or_else(cores);
    let workers = workers.clamp(1, WORKERS_MAX);
    let version = env!("CARGO_PKG_VERSION");
    info!("ringway {version} starts with {workers} workers, {}", first.text.origin);
    let crew = Crew::start(workers, settings.pin, |seat| product.hire(seat));
    let (crew, bus) = crew.map_err(|error| format!("cannot start the workers: {error}"))?;
    let sockets = front.copies()?;
    let bound = front.bound.clone();
    if succession.is_over() {
        front.serve();
    }
    let front = Rc::new(RefCell::new(front));
    let [ready, leaving, asked] = [(); 3].map(|()| Rc::clone(&front));
    let announce = on_ready(options, bound);
    let start = Start {
        on_ready: Box::new(move |binds| {
            ready.borrow_mut().serve();
            announce(binds);
        }),
        on_leaving: Box::new(move || leaving.borrow().servers.leave()),
        is_quiet: Box::new(move || asked.borrow().servers.is_quiet()),
        inherited,
        succession,
        servers: sockets,
        upgrade_socket: upgrade_socket(options, &settings),
    };
    let lived = Box::pin(Control::run(product, bus, first, asks, start)).await;
    let (ending, product) = lived.map_err(|error| format!("cannot start control: {error}"))?;
    if matches!(&ending, Ending::Drained { silent, .. } if silent.is_empty()) && !crew.join() {
        warn!("a worker thread has not ended");
    }
    product.finish();
    if !matches!(ending, Ending::AtOnce(_)) {
        let servers = std::mem::take(&mut front.borrow_mut().servers);
        servers.stop().await;
    }
    Ok(ending)
}

/// The cores that this process may use, as its cpuset and its quota say.
fn cores() -> usize {
    available_parallelism().map_or(1, Into::into)
}

/// The servers of control. Where another process has their sockets too, it answers until this one
/// has something to tell.
struct Front {
    servers: Servers,
    waiting: Vec<(Key, Opened, Router)>,
    bound: Bound,
}

impl Front {
    fn open(settings: &Settings, desk: &Desk, inherited: &mut Inherited) -> Result<Self, String> {
        let wanted = [
            ("adminAddr", &settings.admin, admin_router(desk.clone())),
            ("statsAddr", &settings.metrics, metrics_router(desk.clone())),
            ("readinessAddr", &settings.readiness, readiness_router(desk.clone())),
        ];
        let (mut wrong, mut waiting) = (Vec::new(), Vec::new());
        let [admin, metrics, readiness] = wanted.map(|(name, address, router)| {
            let opened = open(name, address, settings.ipv6, inherited);
            let opened = opened.map_err(|why| wrong.push(why)).ok()?;
            let at = opened.address.clone();
            waiting.push((Key::new(name, address), opened, router));
            at
        });
        if !wrong.is_empty() {
            return Err(wrong.join("\n"));
        }
        let bound = Bound { binds: Vec::new(), admin, metrics, readiness };
        Ok(Self { servers: Servers::new(), waiting, bound })
    }

    /// For a process that takes over from this one.
    fn copies(&self) -> Result<Vec<(Key, OwnedFd)>, String> {
        let copies = self.waiting.iter().map(|(key, opened, _)| opened.copies(key));
        let copies: io::Result<Vec<_>> = copies.collect();
        copies
            .map(|copies| copies.into_iter().flatten().collect())
            .map_err(|error| error.to_string())
    }

    fn serve(&mut self) {
        for (_, opened, router) in self.waiting.drain(..) {
            self.servers.serve(opened.doors, &router);
        }
    }
}

fn upgrade_socket(options: &Options, settings: &Settings) -> Option<PathBuf> {
    let written = options.upgrade_socket.clone().or_else(|| settings.upgrade_socket.clone());
    written.or_else(gate::default_path)
}

fn on_ready(options: &Options, mut bound: Bound) -> OnReady {
    let (announce, built_in) = (options.announce, options.built_in());
    Box::new(move |binds| {
        bound.binds = binds.iter().map(|(name, address)| ((*name).to_owned(), *address)).collect();
        for (name, address) in &bound.binds {
            info!("`{name}` listens on {address}");
        }
        if announce {
            print(&bound.json());
        }
        if built_in {
            say(&bound.welcome());
        }
    })
}

/// Says how it ended; the exit code.
fn end(ending: &Ending) -> u8 {
    match ending {
        Ending::Drained { cut, silent } => {
            match cut {
                0 => info!("drained"),
                _ => warn!("drained, but for {cut} connections that were cut"),
            }
            if !silent.is_empty() {
                warn!("{} did not answer the cut", name_workers(silent));
            }
            EXIT_OK
        }
        Ending::AtOnce(signal) => {
            say(&format!(
                "ringway: exit at once, a second {}: connections are lost",
                signal.name()
            ));
            signal.exit_code()
        }
        Ending::Valid => {
            print("configuration is valid");
            EXIT_OK
        }
        Ending::NotStarted(why) => fail(why),
        Ending::Broken(why) => {
            say(&format!("ringway: {why}"));
            EXIT_BROKEN
        }
    }
}

fn fail(why: &str) -> u8 {
    say(why);
    EXIT_FAILED
}

/// `eprintln` would panic when stderr is closed, as `println` when nobody reads what it says:
/// neither is a reason to stop serving.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn print(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// As `--help` documents them. 2 is clap's.
const EXIT_OK: u8 = 0;
const EXIT_FAILED: u8 = 1;
const EXIT_BROKEN: u8 = 3;

#[cfg(test)]
mod tests;
