//! The search for the knee: the highest rate that holds an objective. First upwards in doubled
//! steps until one fails, then between the last that held and the first that did not. Every step is
//! an open loop, or a server that is too slow would be asked less and pass.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::args::{PlanArgs, scalar};
use crate::outcome::Outcome;
use crate::plan::{Pacing, Plan, Profile, Refusal};
use crate::report::{self, About, plot, units};
use crate::run::{Hooks, Stop, execute};

#[derive(Args, Clone, Debug)]
pub struct CapacityArgs {
    #[command(flatten)]
    plan: PlanArgs,
    /// What must hold: a percentile of the latency and its limit
    #[arg(long, default_value = "p99=10ms", value_parser = Objective::parse)]
    #[arg(value_name = "pN=TIME")]
    slo: Objective,
    /// The part of the requests that may fail, in percent
    #[arg(long, default_value = "0.1", value_name = "PERCENT")]
    slo_errors: f64,
    /// The first rate that is tried
    #[arg(long, default_value = "1000", value_parser = scalar::count, value_name = "N")]
    from: f64,
    /// The highest rate that is tried
    #[arg(long, default_value = "1M", value_parser = scalar::count, value_name = "N")]
    to: f64,
    /// How long each rate is kept
    #[arg(long, default_value = "5s", value_parser = scalar::duration, value_name = "TIME")]
    step: Duration,
    /// A rate has failed when it failed so often: a machine stumbles once by itself
    #[arg(long, default_value = "2", value_name = "N")]
    tries: u32,
    /// How close to the knee the search goes, in percent
    #[arg(long, default_value = "5", value_name = "PERCENT")]
    precision: f64,
    /// The steps as JSON, into a file or (-) to standard output
    #[arg(long, value_name = "FILE")]
    json: Option<std::path::PathBuf>,
    /// The steps as one page with a plot
    #[arg(long, value_name = "FILE")]
    html: Option<std::path::PathBuf>,
}

/// A percentile of the latency, and what it may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    pub percent: f64,
    pub limit: Duration,
}

/// What one rate came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub rate: f64,
    pub answered_per_second: f64,
    pub latency: Duration,
    pub error_ratio: f64,
    /// CPU time of the measured server, of each request.
    pub server_cpu: Option<Duration>,
    pub held: bool,
}

/// The rates that are tried, and what is known of the knee.
#[derive(Clone, Debug)]
pub struct Search {
    held: Option<f64>,
    failed: Option<f64>,
    next: f64,
    most: f64,
    precision: f64,
    steps: usize,
}

impl Objective {
    /// # Errors
    /// That it is none.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = || Refusal(format!("{text:?} is no objective: write p99=5ms"));
        let (percent, limit) = text.split_once('=').ok_or_else(refuse)?;
        let percent =
            percent.strip_prefix('p').ok_or_else(refuse)?.parse().map_err(|_| refuse())?;
        let limit = scalar::duration(limit)?;
        if !(percent > 0.0 && percent <= 100.0) || limit.is_zero() {
            return Err(refuse());
        }
        Ok(Self { percent, limit })
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{} <= {}", self.percent, units::time(self.limit))
    }
}

impl Search {
    pub fn new(from: f64, to: f64, precision: f64) -> Self {
        Self { held: None, failed: None, next: from, most: to, precision, steps: 0 }
    }

    /// The next rate to try; `None` when the knee is known well enough.
    pub fn next(&self) -> Option<f64> {
        let close = match (self.held, self.failed) {
            (Some(held), Some(failed)) => failed / held <= 1.0 + self.precision,
            (Some(held), None) => held >= self.most,
            (None, Some(failed)) => failed < 1.0,
            (None, None) => false,
        };
        (!close && self.steps < STEPS_MAX).then_some(self.next)
    }

    pub fn tell(&mut self, rate: f64, held: bool) {
        self.steps += 1;
        if held {
            self.held = Some(self.held.unwrap_or(0.0).max(rate));
        } else {
            self.failed = Some(self.failed.unwrap_or(f64::MAX).min(rate));
        }
        self.next = match (self.held, self.failed) {
            (Some(held), None) => (held * 2.0).min(self.most),
            (None, Some(failed)) => failed / 4.0,
            // In the middle of the ratio, since rates differ by factors.
            (Some(held), Some(failed)) => (held * failed).sqrt(),
            (None, None) => self.next,
        };
    }

    pub fn held(&self) -> Option<f64> {
        self.held
    }
}

impl CapacityArgs {
    /// Searches, reports, and says by the exit code whether any rate held the objective.
    ///
    /// # Errors
    /// Why it cannot be begun, or a report not be written.
    pub fn main(&self) -> Result<ExitCode, Refusal> {
        let mut plan = self.plan.plan()?;
        let open = |from: f64, to: f64| from > 0.0 && from <= to && to <= RATE_MAX;
        if plan.open_loop() || !open(self.from, self.to) {
            return Err(Refusal("the rates are --from one above 0 --to a higher one".to_owned()));
        }
        if !(self.precision > 0.0 && self.precision <= 100.0) || self.step.is_zero() {
            return Err(Refusal("steps take some time, and the precision is 1 to 100".to_owned()));
        }
        plan.duration = self.step;
        let stop = Stop::at_signals();
        let mut search = Search::new(self.from, self.to, self.precision / 100.0);
        let mut steps = Vec::new();
        let mut interrupted = false;
        eprintln!("{}: {}, {} errors", About::of(&plan).target, self.slo, self.slo_errors);
        while let Some(rate) = search.next() {
            let Some(step) = self.attempt(&plan, rate, &stop)? else {
                interrupted = true;
                break;
            };
            search.tell(rate, step.held);
            steps.push(step);
        }
        self.report(&plan, &steps, search.held(), interrupted)?;
        Ok(ExitCode::from(u8::from(search.held().is_none())))
    }

    /// `None` when it was interrupted.
    fn attempt(&self, plan: &Plan, rate: f64, stop: &Stop) -> Result<Option<Step>, Refusal> {
        let mut left = self.tries.max(1);
        loop {
            let outcome = execute(&self.at(plan, rate), &mut hooks(stop))?;
            if outcome.interrupted {
                return Ok(None);
            }
            asked(&outcome)?;
            let step = self.judge(rate, &outcome);
            eprintln!("  {}", step.line(self.slo));
            left -= 1;
            if step.held || left == 0 {
                return Ok(Some(step));
            }
        }
    }

    fn at(&self, plan: &Plan, rate: f64) -> Plan {
        let profile = Profile::steady(rate, self.step);
        let pacing = Pacing::Open { profile, arrivals: self.plan.arrivals() };
        Plan { pacing, ..plan.clone() }
    }

    fn judge(&self, rate: f64, outcome: &Outcome) -> Step {
        let latency = outcome.percentile(self.slo.percent);
        let error_ratio = outcome.error_ratio();
        let cpu = outcome.server.as_ref().map(|server| server.cpu);
        Step {
            rate,
            answered_per_second: outcome.rate(),
            latency,
            error_ratio,
            server_cpu: cpu.map(|cpu| cpu.div_f64(outcome.sent() as f64)),
            held: latency <= self.slo.limit && error_ratio * 100.0 <= self.slo_errors,
        }
    }

    fn report(
        &self,
        plan: &Plan,
        steps: &[Step],
        held: Option<f64>,
        interrupted: bool,
    ) -> Result<(), Refusal> {
        let mut sorted = steps.to_vec();
        sorted.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        let about = About::of(plan);
        let on_stdout = self.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
        if !on_stdout {
            let pairs: Vec<_> =
                sorted.iter().map(|step| (step.rate, nanos(step.latency))).collect();
            println!("\np{} against the rate", self.slo.percent);
            println!("{}", plot::against(&pairs, nanos(self.slo.limit)));
            println!("{}", self.verdict(held, interrupted));
        }
        let refuse =
            |path: &std::path::Path, error| Refusal(format!("{}: {error}", path.display()));
        if let Some(path) = &self.json {
            let text = format!("{:#}\n", self.json_of(&about, &sorted, held, interrupted));
            if on_stdout {
                print!("{text}");
            } else {
                std::fs::write(path, text).map_err(|error| refuse(path, error))?;
            }
        }
        if let Some(path) = &self.html {
            let page = self.page(&about, &sorted, &self.verdict(held, interrupted));
            std::fs::write(path, page).map_err(|error| refuse(path, error))?;
        }
        Ok(())
    }

    fn verdict(&self, held: Option<f64>, interrupted: bool) -> String {
        let broken = if interrupted { " (interrupted)" } else { "" };
        match held {
            Some(rate) => format!("{} a second hold {}{broken}", units::rate(rate), self.slo),
            None => format!("no rate that was tried holds {}{broken}", self.slo),
        }
    }

    fn json_of(
        &self,
        about: &About,
        steps: &[Step],
        held: Option<f64>,
        interrupted: bool,
    ) -> serde_json::Value {
        let steps = steps.iter().map(|step| {
            json!({
                "per_second": step.rate,
                "answered_per_second": step.answered_per_second,
                "latency_ns": nanos(step.latency),
                "error_ratio": step.error_ratio,
                "server_cpu_ns_per_request": step.server_cpu.map(nanos),
                "held": step.held,
            })
        });
        json!({
            "loadtest": env!("CARGO_PKG_VERSION"),
            "target": about.target,
            "loop": "open",
            "objective": self.slo.to_string(),
            "per_second": held,
            "interrupted": interrupted,
            "steps": steps.collect::<Vec<_>>(),
        })
    }

    fn page(&self, about: &About, steps: &[Step], verdict: &str) -> String {
        use report::svg::{Plot, Series, escape};
        let line = |value: &dyn Fn(&Step) -> f64| {
            steps.iter().map(|step| (step.rate, value(step))).collect::<Vec<_>>()
        };
        let limit = nanos(self.slo.limit) as f64;
        let name = format!("p{}", self.slo.percent);
        let latency = line(&|step| nanos(step.latency) as f64);
        let series = vec![
            Series { name: &name, points: latency, colour: report::html::BLUE },
            Series { name: "limit", points: line(&|_| limit), colour: report::html::RED },
        ];
        let y = |value: f64| units::nanos(value as u64);
        let title = "latency against the rate";
        let plot = Plot { title, series, x: &units::rate, y: &y, log: true }.svg();
        let rows: Vec<String> = steps.iter().map(|step| step.line(self.slo)).collect();
        let title = format!("loadtest capacity: {}", about.target);
        let (head, verdict, rows) = (escape(&title), escape(verdict), escape(&rows.join("\n")));
        let body = format!("<h1>{head}</h1>\n<p>{verdict}</p>\n{plot}<pre>{rows}</pre>\n");
        report::html::page(&title, &body)
    }
}

impl Step {
    fn line(&self, slo: Objective) -> String {
        let word = if self.held { "holds" } else { "fails" };
        let cpu = self
            .server_cpu
            .map_or_else(String::new, |cpu| format!(", {} CPU a request", units::time(cpu)));
        format!(
            "{:>9}/s  {word}  p{} {:>8}, {} errors, {} answered/s{cpu}",
            units::rate(self.rate),
            slo.percent,
            units::time(self.latency),
            units::percent(self.error_ratio),
            units::rate(self.answered_per_second)
        )
    }
}

/// # Errors
/// Why there was nothing to measure.
fn asked(outcome: &Outcome) -> Result<(), Refusal> {
    if outcome.tally.requests > 0 {
        return Ok(());
    }
    let why = outcome.tally.faults.lines().first().map(|(fault, _)| fault.to_string());
    Err(Refusal(why.unwrap_or_else(|| "nothing could be asked".to_owned())))
}

fn hooks(stop: &Stop) -> Hooks<'static> {
    Hooks { progress: None, stop: stop.clone() }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

const STEPS_MAX: usize = 32;
const RATE_MAX: f64 = 1e8;

#[cfg(test)]
mod tests;
