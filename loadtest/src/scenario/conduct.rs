//! Carries out a scenario: origins, the gateway, loads on threads of their own; and on this one
//! the events, in their time, and the sampling between them. (The kernel ends the gateway with the
//! thread that started it, so that has to be one that stays.)

use std::collections::BTreeMap;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::file::{self, Action, Event, Load, MAIN_CONFIG, Scenario};
use super::fill;
use super::gateway::{self, Gateway, Launch};
use super::verdict::Line;
use crate::origin::{self, Running};
use crate::outcome::{Outcome, ServerUsage};
use crate::plan::{Plan, Refusal};
use crate::run::{Hooks, Stop, execute};
use crate::sample::Sampler;

pub(super) struct Conduct<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) ringway: &'a std::path::Path,
    pub(super) duration: Duration,
    /// Of this scenario alone: raised when it cannot go on.
    pub(super) stop: &'a Stop,
}

/// What came of a scenario.
pub(super) struct Findings {
    pub(super) loads: Vec<Found>,
    /// Until the gateway was told to end.
    pub(super) usage: Option<ServerUsage>,
    /// How many connections there were at most, over all loads.
    pub(super) connections: usize,
    pub(super) metrics: BTreeMap<String, f64>,
    pub(super) exit_code: Option<i32>,
    /// From SIGTERM to the exit.
    pub(super) drain: Option<Duration>,
    /// What should not have happened to the gateway, whatever the lines of `pass` say.
    pub(super) trouble: Option<String>,
}

pub(super) struct Found {
    pub(super) name: String,
    pub(super) outcome: Outcome,
}

/// What is being done to the gateway.
struct Stage<'a> {
    gateway: Gateway,
    /// Of this process; it is another after a restart.
    sampler: Option<Sampler>,
    usage: Option<ServerUsage>,
    terminated: Option<Instant>,
    exited: Option<Instant>,
    configs: &'a BTreeMap<String, String>,
    origins: BTreeMap<&'a str, Running>,
    metrics: BTreeMap<String, f64>,
}

impl Conduct<'_> {
    pub(super) fn run(self) -> Result<Findings, Refusal> {
        let mut origins: BTreeMap<&str, Running> = BTreeMap::new();
        for (name, setup) in &self.scenario.origins {
            let refuse = |error| Refusal(format!("origin {name}: {error}"));
            origins.insert(name, origin::start(setup.clone()).map_err(refuse)?);
        }
        let port = || gateway::free_port().map_err(|error| Refusal(format!("a port: {error}")));
        let (port, second) = (port()?, port()?);
        let mut values = vec![
            ("gateway", format!("127.0.0.1:{port}")),
            ("port", port.to_string()),
            ("gateway2", format!("127.0.0.1:{second}")),
            ("port2", second.to_string()),
            ("duration", format!("{}s", self.duration.as_secs_f64())),
        ];
        values.extend(origins.iter().map(|(name, running)| (*name, running.address().to_string())));
        let filled = |text: &String| fill::fill(text, &values);
        let configs = self.scenario.configs.iter();
        let configs: BTreeMap<String, String> = configs
            .map(|(name, text)| Ok((name.clone(), filled(text)?)))
            .collect::<Result<_, Refusal>>()?;
        let mut plans = Vec::new();
        for load in &self.scenario.loads {
            plans.push((load, file::plan(&filled(&load.run)?)?));
        }
        let launch = Launch {
            ringway: self.ringway.to_owned(),
            workers: self.scenario.workers,
            upgrades: self.scenario.needs.iter().any(|need| need == "upgrade"),
        };
        let gateway = Gateway::start(&launch, &configs[MAIN_CONFIG])?;
        let stage = Stage {
            sampler: Sampler::start(gateway.pid()).ok(),
            gateway,
            usage: None,
            terminated: None,
            exited: None,
            configs: &configs,
            origins,
            metrics: BTreeMap::new(),
        };
        self.perform(stage, &plans)
    }

    fn perform(&self, mut stage: Stage<'_>, plans: &[(&Load, Plan)]) -> Result<Findings, Refusal> {
        let began = Instant::now();
        let (loads, trouble) = thread::scope(|scope| {
            let spawn = |(load, plan): &(&Load, Plan)| {
                let (load, plan, stop) = ((*load).clone(), plan.clone(), self.stop.clone());
                scope.spawn(move || begin(&load, &plan, &stop, began))
            };
            let running: Vec<_> = plans.iter().map(spawn).collect();
            let trouble = self.stage_events(&mut stage, &running, began).err();
            if trouble.is_some() {
                self.stop.raise();
            }
            let ended = running.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|_| Err(Refusal("a load panicked".to_owned())))
            });
            let ended: Result<Vec<Found>, Refusal> = ended.collect();
            ended.map(|loads| (loads, trouble.map(|Refusal(why)| why)))
        })?;
        stage.note_metrics(self.scenario.pass.iter().flat_map(Line::metrics));
        let (exit_code, drain) = stage.end();
        let trouble = trouble.or_else(|| stage.gateway.trouble_of_the_old(END));
        let connections = loads.iter().map(|found| found.outcome.connections).sum();
        let Stage { usage, metrics, .. } = stage;
        Ok(Findings { loads, usage, connections, metrics, exit_code, drain, trouble })
    }

    /// Until all loads are over, or the gateway is where it should not be.
    fn stage_events(
        &self,
        stage: &mut Stage<'_>,
        loads: &[ScopedJoinHandle<'_, Result<Found, Refusal>>],
        began: Instant,
    ) -> Result<(), Refusal> {
        if let Some(sampler) = &mut stage.sampler {
            sampler.begin();
        }
        let mut due = occurrences(&self.scenario.events);
        let mut next_sample = began + SAMPLE;
        while !loads.iter().all(ScopedJoinHandle::is_finished) {
            let now = Instant::now();
            if due.last().is_some_and(|(at, _)| began + *at <= now)
                && let Some((_, action)) = due.pop()
            {
                stage.act(&action)?;
            }
            if now >= next_sample {
                next_sample += SAMPLE;
                stage.sample()?;
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

/// One load, from its time on.
fn begin(load: &Load, plan: &Plan, stop: &Stop, began: Instant) -> Result<Found, Refusal> {
    while began.elapsed() < load.after && !stop.raised() {
        thread::sleep(LOOK);
    }
    let mut hooks = Hooks { stop: stop.clone(), ..Hooks::default() };
    let of = |Refusal(why)| Refusal(format!("{}: {why}", load.name));
    let outcome = execute(plan, &mut hooks).map_err(of)?;
    Ok(Found { name: load.name.clone(), outcome })
}

/// Every single one, the last first.
fn occurrences(events: &[Event]) -> Vec<(Duration, Action)> {
    let mut all: Vec<(Duration, Action)> = Vec::new();
    for event in events {
        for number in 0..event.times {
            let action = match &event.action {
                Action::Write(names) => {
                    let turn = number as usize % names.len();
                    Action::Write(vec![names[turn].clone()])
                }
                other => other.clone(),
            };
            all.push((event.at + event.every * number, action));
        }
    }
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    all
}

impl Stage<'_> {
    fn act(&mut self, action: &Action) -> Result<(), Refusal> {
        match action {
            Action::Signal(signal) => {
                if *signal != libc::SIGHUP {
                    self.close_usage();
                    self.terminated = Some(Instant::now());
                }
                self.gateway.signal(*signal);
            }
            Action::Write(names) => {
                let text = &self.configs[&names[0]];
                let refuse = |error| Refusal(format!("the configuration: {error}"));
                self.gateway.write(text).map_err(refuse)?;
            }
            Action::End(origin) => drop(self.origins.remove(origin.as_str())),
            Action::Upgrade => {
                self.close_usage();
                self.gateway.upgrade()?;
                self.sampler = Sampler::start(self.gateway.pid()).ok();
            }
            Action::Restart => {
                self.close_usage();
                self.gateway.restart(&self.configs[MAIN_CONFIG])?;
                self.sampler = Sampler::start(self.gateway.pid()).ok();
            }
        }
        Ok(())
    }

    fn sample(&mut self) -> Result<(), Refusal> {
        if let Some(sampler) = &mut self.sampler {
            sampler.sample();
        }
        let Some(status) = self.gateway.exited() else { return Ok(()) };
        if self.terminated.is_none() {
            let words = self.gateway.last_words();
            return Err(Refusal(format!("the gateway ended by itself, {status}: {words}")));
        }
        self.exited.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// What was used up to now. Of several processes, the first counts.
    fn close_usage(&mut self) {
        if let Some(mut sampler) = self.sampler.take() {
            sampler.end();
            self.usage = self.usage.take().or_else(|| sampler.finish().ok());
        }
    }

    fn note_metrics<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        for name in names {
            if let Some(value) = self.gateway.metric(name) {
                self.metrics.insert(name.to_owned(), value);
            }
        }
    }

    /// Exit code, and how long it took.
    fn end(&mut self) -> (Option<i32>, Option<Duration>) {
        self.close_usage();
        // A second SIGTERM would end it at once.
        let told = self.terminated.unwrap_or_else(|| {
            self.gateway.signal(libc::SIGTERM);
            Instant::now()
        });
        let status = self.gateway.wait(END);
        let ended = self.exited.unwrap_or_else(Instant::now);
        (status.and_then(|status| status.code()), status.map(|_| ended.duration_since(told)))
    }
}

const SAMPLE: Duration = Duration::from_millis(250);
const LOOK: Duration = Duration::from_millis(5);
const END: Duration = Duration::from_secs(60);
