//! Ringway against other proxies: CPU time a request, memory an idle connection, latency under
//! load, as ratios within one run on one machine.
//!
//! `compare` starts the origins ([`rival::origin`]), then every subject in turn ([`rival`]), puts
//! load on it ([`load`]) as the rows of [`plan`] say, reads what it used ([`sample`]), and writes a
//! table ([`report`]). Two rivals and an origin live in this executable, behind hidden subcommands.
//! Everything is on loopback, bounded in time, and ends with this process.
//!
//! No worker runs here: the calls that stall a core are banned for the product's sake, and this
//! program reads procfs and waits.
#![allow(clippy::disallowed_methods)]

use std::error::Error;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, fs, io};

use clap::{Args, Parser, Subcommand};

use crate::affinity::Cores;
use crate::folder::Folder;
use crate::plan::{Effort, ROWS, Row};
use crate::report::Report;
use crate::rival::certificate::Certificate;
use crate::rival::origin::Origins;
use crate::rival::{Site, Subject, grpc, relay};

mod affinity;
mod child;
mod folder;
mod load;
mod overload;
mod plan;
mod report;
mod rival;
mod sample;
mod stop;

#[derive(Parser)]
#[command(about = "Ringway against other proxies, in one run, as ratios")]
struct Flags {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure every subject in every row, print a table and save it.
    Compare(Compare),
    /// Three times what an origin can do, through proxies that have something against it and two
    /// that have nothing: what comes through, and how soon.
    Overload(Overload),
    /// The floor, as a process of its own.
    #[command(hide = true)]
    Relay(Ends),
    /// The origin that answers gRPC, as a process of its own.
    #[command(hide = true)]
    GrpcOrigin { listen: SocketAddrV4 },
    /// The rival on monoio-http, as a process of its own.
    #[cfg(feature = "monoio-http")]
    #[command(hide = true)]
    MonoioHttp(Ends),
}

#[derive(Args)]
struct Ends {
    listen: SocketAddrV4,
    upstream: SocketAddrV4,
}

#[derive(Args)]
struct Overload {
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// At half load, as long at 0.95 of the capacity, and twice as long at three times.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// An executable of Ringway. Without, one is built.
    #[arg(long, value_name = "PATH")]
    ringway: Option<PathBuf>,
}

#[derive(Args)]
struct Compare {
    /// Rows to measure: small, static, p99, 1m, 64k, connect, idle, log, policies; h2c, h2tls, h1h2c, https,
    /// handshake, resume, tls1m, tcp, tcp1m, grpc; llm, llm-stream, llm-translate,
    /// llm-translate-stream, llm-memory. All of them without.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Subjects to measure: nginx, h2o, haproxy, envoy, relay, monoio-http, ringway. All of them
    /// without. One that is not installed is left out, and the table says so.
    #[arg(long, value_delimiter = ',')]
    subjects: Vec<String>,
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// The length of a measured window.
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// Three rounds of half a second: to see whether everything runs, not for figures.
    #[arg(long)]
    quick: bool,
    /// Where to save: FILE.json and FILE.md. Without, in bench/results.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// An executable of Ringway. Without, one is built.
    #[arg(long, value_name = "PATH")]
    ringway: Option<PathBuf>,
}

fn main() -> ExitCode {
    let outcome = match Flags::parse().task {
        Task::Compare(flags) => compare(&flags),
        Task::Overload(flags) => overload(&flags),
        Task::Relay(ends) => relay::run(ends.listen, ends.upstream).map(never).map_err(Into::into),
        Task::GrpcOrigin { listen } => grpc::run(listen).map(never).map_err(Into::into),
        #[cfg(feature = "monoio-http")]
        Task::MonoioHttp(ends) => {
            rival::monoio_http::run(ends.listen, ends.upstream).map(never).map_err(Into::into)
        }
    };
    outcome.unwrap_or_else(|error: Box<dyn Error>| {
        eprintln!("bench: {error}");
        ExitCode::FAILURE
    })
}

fn never(endless: std::convert::Infallible) -> ExitCode {
    match endless {}
}

/// Fails when a subject failed or the run was broken off; a subject that is absent is no failure.
fn compare(flags: &Compare) -> Result<ExitCode, Box<dyn Error>> {
    let rows = flags.rows()?;
    let subjects = flags.subjects()?;
    let ringway = if subjects.contains(&Subject::Ringway) {
        executable(flags.ringway.as_deref())?
    } else {
        PathBuf::new()
    };
    on_site(ringway, |site| {
        let effort = flags.effort();
        let mut report = Report::new(&site, &effort, &subjects);
        let mut failures = 0;
        for row in rows {
            let outcomes = plan::run(row, &subjects, &site, &effort);
            if stop::requested() {
                return Err("interrupted".into());
            }
            failures += outcomes.iter().filter(|outcome| outcome.failed()).count();
            report.add(row, outcomes);
        }
        println!("{}", report.markdown());
        for path in report.save(&flags.stem())? {
            eprintln!("saved {}", path.display());
        }
        Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn overload(flags: &Overload) -> Result<ExitCode, Box<dyn Error>> {
    let ringway = executable(flags.ringway.as_deref())?;
    on_site(ringway, |site| {
        let window = Duration::from_secs_f64(flags.seconds.clamp(0.5, 600.0));
        let table = overload::run(site, usize::from(flags.rounds), window);
        println!("{}", table.map_err(|refusal| refusal.to_string())?);
        Ok(ExitCode::SUCCESS)
    })
}

/// Prepares the machine and this process, starts the origins, and ends them after `work`.
fn on_site(
    ringway: PathBuf,
    work: impl FnOnce(Site<'_>) -> Result<ExitCode, Box<dyn Error>>,
) -> Result<ExitCode, Box<dyn Error>> {
    if cfg!(debug_assertions) {
        return Err("measure with --release: the load and two rivals are of this build".into());
    }
    stop::install()?;
    child::adopt_orphans()?;
    let descriptors_max = affinity::raise_descriptor_limit()?;
    let cores = Cores::choose()?;
    affinity::confine(cores.load)?;
    affinity::sharpen_timers()?;
    let folder = Folder::create()?;
    let origins = Origins::start(cores, folder.path(), descriptors_max)
        .map_err(|refusal| format!("the origins are needed and do not run: {refusal}"))?;
    let certificate = Certificate::make(folder.path())?;
    let message = folder.path().join("message");
    fs::write(&message, grpc::MESSAGE)?;
    work(Site {
        cores,
        folder: folder.path(),
        origins: origins.addresses(),
        certificate,
        message,
        ringway,
        descriptors_max,
    })
}

impl Compare {
    fn rows(&self) -> Result<Vec<&'static Row>, String> {
        let known = |word: &String| ROWS.iter().any(|row| row.word == word);
        if let Some(word) = self.only.iter().find(|word| !known(word)) {
            return Err(format!("there is no row {word:?}: see --help"));
        }
        let wanted = |row: &&Row| self.only.is_empty() || self.only.iter().any(|w| w == row.word);
        Ok(ROWS.iter().filter(wanted).collect())
    }

    fn subjects(&self) -> Result<Vec<Subject>, String> {
        let known = |word: &String| Subject::ALL.iter().any(|subject| subject.word() == word);
        if let Some(word) = self.subjects.iter().find(|word| !known(word)) {
            return Err(format!("there is no subject {word:?}: see --help"));
        }
        let all = self.subjects.is_empty();
        let wanted = |s: &Subject| all || self.subjects.iter().any(|word| word == s.word());
        Ok(Subject::ALL.into_iter().filter(wanted).collect())
    }

    fn effort(&self) -> Effort {
        let (rounds, seconds) =
            if self.quick { (3, 0.5) } else { (usize::from(self.rounds), self.seconds) };
        let window = Duration::from_secs_f64(seconds.clamp(0.1, 600.0));
        let rest = Duration::from_secs(if self.quick { 1 } else { 5 });
        Effort { rounds, window, warmup: window / 4, rest }
    }

    /// A run of everything, at full length, is kept under the name that the documents quote.
    fn stem(&self) -> PathBuf {
        let whole = self.only.is_empty() && self.subjects.is_empty() && !self.quick;
        let name = if whole { "compare" } else { "partial" };
        self.save.clone().unwrap_or_else(|| report::results_folder().join(name))
    }
}

/// The one that is given, or one that is built now, as its users do.
fn executable(given: Option<&Path>) -> io::Result<PathBuf> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--bin", "ringway", "--manifest-path"]).arg(manifest);
    if !build.status()?.success() {
        return Err(io::Error::other("Ringway does not build"));
    }
    // It lies beside this executable when this one was built in release mode, as it should be.
    let own = env::current_exe()?;
    let target = own.ancestors().nth(2).ok_or_else(|| io::Error::other("no target folder"))?;
    Ok(target.join("release/ringway"))
}
