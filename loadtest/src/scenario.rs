//! A file that says what to do to a gateway, and what it must hold: `loadtest scenario FILE`.
//!
//! A scenario starts its origins and then the gateway as a child process, puts its loads on it, all
//! at once or one after another, does things to it meanwhile (signals, a new configuration, a
//! restart, an upgrade), looks at its memory and descriptors, ends it, and compares what came of it with the
//! lines of `pass`. The exit code says how it went: 0 it passed, 1 it did not, 2 it could not be
//! run, 77 this gateway lacks what the scenario needs.
//!
//! ```yaml
//! about: A steady load, well within what it can take.
//! needs: []                 # upgrade: a gateway that has `ringway upgrade`
//! duration: 10s             # fills {{duration}}; --for says otherwise
//! ci_duration: 10m          # with --ci
//! origins:                  # as behind `loadtest origin`
//!   web: http --size 1KiB
//! gateway:
//!   workers: 1
//!   config: |               # {{gateway}} and {{port}} of the gateway, {{web}} of an origin;
//!                           # {{gateway2}} and {{port2}} of a second bind
//!     binds: ...
//!   others:                 # what an event may write in its place
//!     second: |
//!       binds: ...
//! loads:                    # as behind `loadtest run`
//! - name: main
//!   after: 0s
//!   run: http://{{gateway}}/ -c 64 --rate 1500 -d {{duration}}
//! events:                   # signal NAME, write NAME..., end ORIGIN, restart, upgrade
//! - at: 3s
//!   do: write second config
//!   every: 200ms
//!   times: 10
//! pass:                     # see `MEASURES`; of one load with its name: main.p99
//!   errors: 0
//!   p99: < 50ms
//!   rss_growth: < 5%
//! ```
//!
//! A scenario refuses keys that nobody knows, and lines of `pass` that it cannot measure, before
//! anything is started.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use self::conduct::Conduct;
use self::file::Scenario;
use self::verdict::Verdict;
use crate::args::scalar;
use crate::plan::Refusal;
use crate::run::Stop;

mod conduct;
mod file;
mod fill;
mod gateway;
mod measure;
mod verdict;

pub use self::gateway::{Gateway, Launch};

#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// One or more scenarios, run one after another.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The gateway's executable. Default: target/release/ringway of this workspace.
    #[arg(long)]
    ringway: Option<PathBuf>,
    /// How long, in place of what the file says of its duration.
    #[arg(long = "for", value_parser = scalar::duration, conflicts_with = "ci")]
    duration: Option<Duration>,
    /// As long as the file says for continuous integration.
    #[arg(long)]
    ci: bool,
    /// Reads the files and says what is wrong with them, and no more.
    #[arg(long)]
    check: bool,
}

/// How one scenario ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Passed,
    Failed,
    /// The gateway lacks what it needs.
    Lacking,
    Interrupted,
}

/// # Errors
/// Why one of them cannot be run.
pub fn main(args: &Args) -> Result<ExitCode, Refusal> {
    let stop = Stop::at_signals();
    let mut scenarios = Vec::new();
    for path in &args.files {
        scenarios.push((path, file::read(path)?));
    }
    if args.check {
        return Ok(ExitCode::SUCCESS);
    }
    let ringway = executable(args.ringway.as_deref())?;
    let mut worst = Ended::Passed;
    for (path, scenario) in &scenarios {
        let name = path.file_stem().map_or_else(|| path.display().to_string(), name_of);
        let duration = scenario.duration(args.duration, args.ci);
        let ended = run(&name, scenario, &ringway, duration, &stop)?;
        worst = worse(worst, ended);
        if stop.raised() {
            break;
        }
    }
    Ok(ExitCode::from(match worst {
        Ended::Passed => 0,
        Ended::Failed => 1,
        Ended::Lacking => LACKING,
        Ended::Interrupted => 130,
    }))
}

fn run(
    name: &str,
    scenario: &Scenario,
    ringway: &Path,
    duration: Duration,
    stop: &Stop,
) -> Result<Ended, Refusal> {
    println!("{name}: {}", scenario.about.trim().replace('\n', " "));
    if let Some(need) = scenario.needs.iter().find(|need| !gateway::has(ringway, need)) {
        println!("  NOT RUN: it needs `ringway {need}`, which this gateway does not have\n");
        return Ok(Ended::Lacking);
    }
    let own = Stop::at_signals();
    let findings = Conduct { scenario, ringway, duration, stop: &own }.run()?;
    for load in &findings.loads {
        println!("  {:12} {}", load.name, measure::line(&load.outcome));
        for (fault, count) in load.outcome.tally.faults.lines().into_iter().take(FAULTS_SHOWN) {
            println!("  {:12} {count} x {fault}", "");
        }
    }
    if stop.raised() {
        println!("  BROKEN OFF\n");
        return Ok(Ended::Interrupted);
    }
    let verdicts: Vec<Verdict> = scenario.pass.iter().map(|line| line.judge(&findings)).collect();
    verdicts.iter().for_each(|verdict| println!("  {verdict}"));
    if let Some(trouble) = &findings.trouble {
        println!("  FAIL {trouble}");
    }
    let passed = findings.trouble.is_none() && verdicts.iter().all(Verdict::passed);
    println!("  {}\n", if passed { "PASSED" } else { "FAILED" });
    Ok(if passed { Ended::Passed } else { Ended::Failed })
}

/// A failure is worse than a scenario that could not be run on this gateway.
fn worse(one: Ended, other: Ended) -> Ended {
    let rank = |ended| match ended {
        Ended::Passed => 0,
        Ended::Lacking => 1,
        Ended::Failed => 2,
        Ended::Interrupted => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// The one that is given, or the one beside this executable, or the workspace's.
///
/// # Errors
/// That there is none.
pub fn executable(given: Option<&Path>) -> Result<PathBuf, Refusal> {
    if let Some(path) = given {
        return match path.is_file() {
            true => Ok(path.to_owned()),
            false => Err(Refusal(format!("{}: there is no such file", path.display()))),
        };
    }
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join("ringway")));
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/ringway");
    let found = [Some(built), beside].into_iter().flatten().find(|path| path.is_file());
    found.ok_or_else(|| {
        let hint = "cargo build --release, or --ringway PATH";
        Refusal(format!("there is no gateway to start: {hint}"))
    })
}

fn name_of(stem: &std::ffi::OsStr) -> String {
    stem.to_string_lossy().into_owned()
}

/// As automake's tests say that they were skipped.
const LACKING: u8 = 77;
const FAULTS_SHOWN: usize = 8;
