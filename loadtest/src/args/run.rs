//! `loadtest run`: one load, and its report in the forms that are asked for.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{PlanArgs, scalar};
use crate::outcome::Outcome;
use crate::plan::{Pacing, Plan, Profile, Refusal};
use crate::report::{self, About, compare, progress};
use crate::run::{Hooks, Stop, execute};

#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    plan: PlanArgs,
    /// Requests a second, whatever the server does; latency counts from the intended time
    #[arg(short = 'R', long, value_parser = scalar::count, value_name = "N")]
    #[arg(conflicts_with = "profile")]
    rate: Option<f64>,
    /// A rate that changes: 100-5000@30s,5000@10s. Its length is the duration
    #[arg(long, value_name = "PIECES", conflicts_with = "replay")]
    profile: Option<String>,
    /// The report as JSON, into a file or (-) to standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The report as one page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Latencies for the tools of HdrHistogram
    #[arg(long, value_name = "FILE")]
    hgrm: Option<PathBuf>,
    /// Compares with the JSON of an earlier run; a fall of more than 20 % is exit code 1
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Exit code 1 when more than this part of the requests fail, in percent
    #[arg(long, value_name = "PERCENT")]
    errors_max: Option<f64>,
    /// No progress line
    #[arg(short, long)]
    quiet: bool,
}

impl RunArgs {
    /// # Errors
    /// The first thing that is wrong.
    pub fn plan(&self) -> Result<Plan, Refusal> {
        let mut plan = self.plan.plan()?;
        let arrivals = self.plan.arrivals();
        if self.plan.replays() && self.rate.is_some() {
            return Err(Refusal("a replay has its own times: no --rate".to_owned()));
        }
        if let Some(rate) = self.rate {
            if !(rate > 0.0 && rate <= RATE_MAX) {
                return Err(Refusal("a rate is more than 0, and 100M at most".to_owned()));
            }
            let profile = Profile::steady(rate, plan.duration);
            plan.pacing = Pacing::Open { profile, arrivals };
        } else if let Some(text) = &self.profile {
            let profile = Profile::parse(text)?;
            plan.duration = profile.duration();
            plan.pacing = Pacing::Open { profile, arrivals };
        } else if self.plan.poisson {
            return Err(Refusal("--poisson is a way to keep a --rate or a --profile".to_owned()));
        }
        Ok(plan)
    }

    /// Runs, reports, and says by the exit code whether it went well: 1 when nothing was answered,
    /// when it fell behind the run that it is compared with, or when too much failed.
    ///
    /// # Errors
    /// Why it cannot be begun, or a report not be written.
    pub fn main(&self) -> Result<ExitCode, Refusal> {
        let plan = self.plan()?;
        // Before the load: whoever mistypes a file's name should not wait for it.
        let old = self.compare.as_deref().map(compare::read).transpose()?;
        let about = About::of(&plan);
        let line = progress::Line::new(&plan, self.quiet);
        let mut hooks = Hooks {
            progress: Some(Box::new(|second| line.show(second))),
            stop: Stop::at_signals(),
        };
        let outcome = execute(&plan, &mut hooks)?;
        drop(hooks);
        line.clear();
        let on_stdout = self.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
        if !on_stdout {
            print!("{}", report::text(&about, &outcome, report::colours()));
        }
        self.write(&about, &outcome)?;
        let mut failed = outcome.tally.answers == 0 && plan.protocol.asks();
        if let Some(old) = old {
            let comparison = compare::compare(&old, &report::json(&about, &outcome));
            let shown = comparison.text(report::colours());
            if on_stdout {
                eprint!("{shown}")
            } else {
                print!("{shown}")
            }
            failed |= comparison.fell();
        }
        failed |= self.errors_max.is_some_and(|most| outcome.error_ratio() * 100.0 > most);
        Ok(ExitCode::from(u8::from(failed)))
    }

    fn write(&self, about: &About, outcome: &Outcome) -> Result<(), Refusal> {
        let write = |path: &PathBuf, text: String| {
            if path.as_os_str() == "-" {
                println!("{text}");
                return Ok(());
            }
            fs::write(path, text).map_err(|error| Refusal(format!("{}: {error}", path.display())))
        };
        if let Some(path) = &self.json {
            write(path, format!("{:#}\n", report::json(about, outcome)))?;
        }
        if let Some(path) = &self.html {
            write(path, report::html::of(about, outcome))?;
        }
        if let Some(path) = &self.hgrm {
            write(path, report::hgrm(&outcome.tally.latency))?;
        }
        Ok(())
    }
}

const RATE_MAX: f64 = 1e8;
