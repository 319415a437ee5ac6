//! Starts the control thread and the workers, and joins them: the only place that sees both sides.
//!
//! What a configuration means and what a worker does is filled in by a `Product`: so the whole
//! life of a process, from the command line to the exit code, can be run without traffic.
//!
//! The process log and everything said to people go to stderr. Stdout is the access log's, and
//! that of `--announce`.

pub mod announce;
mod chore;
pub mod cli;
pub mod crew;
pub mod doctor;
mod endpoints;
pub mod origin;
pub mod product;

use std::io::{self, Write};
use std::process::ExitCode;
use std::thread::available_parallelism;

use tracing::{info, warn};

use self::announce::Bound;
use self::cli::Options;
use self::crew::{Crew, Seat, WorkerMain};
use crate::control::admin::open::open;
use crate::control::admin::serve::Servers;
use crate::control::admin::{Desk, admin_router, metrics_router, readiness_router};
use crate::control::publish::name_workers;
use crate::control::resolve::Addresses;
use crate::control::wiring::{Found, Settings, Wiring};
use crate::control::{Control, Ending, First, OnReady, certificate};
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
            let code = runtime.block_on(live(options, product));
            // A name that is still being looked up must not hold up the exit.
            runtime.shutdown_background();
            code
        }
    };
    ExitCode::from(code)
}

async fn live<P: Product>(options: &Options, mut product: P) -> u8 {
    let source = options.source(P::BUILT_IN);
    let parsed = source.read().and_then(|text| {
        let config = product.parse(&text)?;
        Ok(First { source, text, config })
    });
    let first = match parsed {
        Ok(first) => first,
        Err(why) => return fail(&why),
    };
    if options.validate_only {
        return validate(&mut product, &first.config);
    }
    match live_on(options, product, first).await {
        Ok(ending) => end(&ending),
        Err(why) => fail(&why),
    }
}

/// Compiles too: some problems show only then. Files are read, names are not looked up.
fn validate<P: Product>(product: &mut P, config: &P::Config) -> u8 {
    let files = certificate::read(product.files(config));
    let found = Found { addresses: &Addresses::new(), files: &files };
    match product.compile(config, &found, None) {
        Err(why) => fail(&why),
        Ok(_) => {
            print("configuration is valid");
            EXIT_OK
        }
    }
}

async fn live_on<P: Product>(
    options: &Options,
    mut product: P,
    first: First<P::Config>,
) -> Result<Ending, String> {
    product.begin(&first.config)?;
    let settings = product.settings(&first.config);
    let (desk, asks) = Desk::new();
    let mut servers = Servers::new();
    let bound = open_servers(&settings, &desk, &mut servers)?;
    let workers = options.workers.or(settings.workers).unwrap_or_else(cores);
    let workers = workers.clamp(1, WORKERS_MAX);
    let version = env!("CARGO_PKG_VERSION");
    info!("ringway {version} starts with {workers} workers, {}", first.text.origin);
    let crew = Crew::start(workers, settings.pin, |seat| product.hire(seat));
    let (crew, bus) = crew.map_err(|error| format!("cannot start the workers: {error}"))?;
    let on_ready = on_ready(options, bound);
    let lived = Control::run(product, bus, first, asks, on_ready).await;
    let (ending, product) = lived.map_err(|error| format!("cannot start control: {error}"))?;
    if matches!(&ending, Ending::Drained { silent, .. } if silent.is_empty()) && !crew.join() {
        warn!("a worker thread has not ended");
    }
    product.finish();
    if !matches!(ending, Ending::AtOnce(_)) {
        servers.stop().await;
    }
    Ok(ending)
}

/// The cores that this process may use, as its cpuset and its quota say.
fn cores() -> usize {
    available_parallelism().map_or(1, Into::into)
}

fn open_servers(settings: &Settings, desk: &Desk, servers: &mut Servers) -> Result<Bound, String> {
    let wanted = [
        ("adminAddr", &settings.admin, admin_router(desk.clone())),
        ("statsAddr", &settings.metrics, metrics_router(desk.clone())),
        ("readinessAddr", &settings.readiness, readiness_router(desk.clone())),
    ];
    let mut wrong = Vec::new();
    let [admin, metrics, readiness] = wanted.map(|(key, address, router)| {
        let opened = open(key, address, settings.ipv6).map_err(|why| wrong.push(why)).ok()?;
        servers.serve(opened.doors, &router);
        opened.address
    });
    if wrong.is_empty() {
        Ok(Bound { binds: Vec::new(), admin, metrics, readiness })
    } else {
        Err(wrong.join("\n"))
    }
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
