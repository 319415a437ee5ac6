//! A scenario as it is written: read whole, and refused whole if any of it makes no sense.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use serde::Deserialize;
use serde_yaml::{Mapping, Value};

use super::fill;
use super::verdict::Line;
use crate::args::{RunArgs, scalar};
use crate::origin;
use crate::plan::{Plan, Refusal};

#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) about: String,
    pub(super) needs: Vec<String>,
    duration: Duration,
    ci_duration: Option<Duration>,
    pub(super) origins: BTreeMap<String, origin::Setup>,
    pub(super) workers: usize,
    pub(super) configs: BTreeMap<String, String>,
    pub(super) loads: Vec<Load>,
    pub(super) events: Vec<Event>,
    pub(super) pass: Vec<Line>,
}

#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) name: String,
    pub(super) after: Duration,
    /// What stands behind `loadtest run`, with holes.
    pub(super) run: String,
}

#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) at: Duration,
    pub(super) action: Action,
    pub(super) every: Duration,
    pub(super) times: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Signal(i32),
    /// Configurations by their names, in turn.
    Write(Vec<String>),
    /// Ended, and started again on the same port: not without a gap.
    Restart,
    /// Of an origin: its connections are closed, and nobody listens there any more.
    End(String),
    /// `ringway upgrade`, where `needs` has it.
    Upgrade,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    about: String,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default = "ten_seconds")]
    duration: String,
    ci_duration: Option<String>,
    #[serde(default)]
    origins: BTreeMap<String, String>,
    gateway: RawGateway,
    loads: Vec<RawLoad>,
    #[serde(default)]
    events: Vec<RawEvent>,
    pass: Mapping,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGateway {
    #[serde(default = "one")]
    workers: usize,
    config: String,
    #[serde(default)]
    others: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLoad {
    name: String,
    after: Option<String>,
    run: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvent {
    at: String,
    #[serde(rename = "do")]
    action: String,
    every: Option<String>,
    times: Option<u32>,
}

pub(super) fn read(path: &Path) -> Result<Scenario, Refusal> {
    let refuse = |why: String| Refusal(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    parse(&text).map_err(|Refusal(why)| refuse(why))
}

pub(super) fn parse(text: &str) -> Result<Scenario, Refusal> {
    let raw: Raw = serde_yaml::from_str(text).map_err(|error| Refusal(error.to_string()))?;
    let origins = raw.origins.iter().map(|(name, line)| {
        let words = fill::words(line).map_err(|why| of(name, &why))?;
        Ok((name.clone(), origin::parse(&words).map_err(|why| of(name, &why))?))
    });
    let mut configs = raw.gateway.others;
    configs.insert(MAIN_CONFIG.to_owned(), raw.gateway.config);
    let loads: Vec<Load> = raw.loads.into_iter().map(load).collect::<Result<_, _>>()?;
    let names: Vec<&str> = loads.iter().map(|load| load.name.as_str()).collect();
    if names.is_empty() {
        return Err(Refusal("loads: there is none".to_owned()));
    }
    let pass =
        raw.pass.iter().map(|(name, bound)| Line::parse(&text_of(name), &text_of(bound), &names));
    let known: Vec<&str> = raw.origins.keys().map(String::as_str).collect();
    let events = raw.events.iter().map(|raw| event(raw, &configs, &known));
    let scenario = Scenario {
        about: raw.about,
        needs: raw.needs,
        duration: scalar::duration(&raw.duration)?,
        ci_duration: raw.ci_duration.as_deref().map(scalar::duration).transpose()?,
        origins: origins.collect::<Result<_, Refusal>>()?,
        workers: raw.gateway.workers,
        pass: pass.collect::<Result<_, _>>()?,
        events: events.collect::<Result<_, _>>()?,
        configs,
        loads,
    };
    scenario.check_holes()?;
    if scenario.pass.is_empty() {
        return Err(Refusal("pass: without a line, nothing could fail".to_owned()));
    }
    Ok(scenario)
}

impl Scenario {
    pub(super) fn duration(&self, asked: Option<Duration>, ci: bool) -> Duration {
        let own = if ci { self.ci_duration.unwrap_or(self.duration) } else { self.duration };
        asked.unwrap_or(own)
    }

    /// Every hole has something to be filled with, and every load is one.
    fn check_holes(&self) -> Result<(), Refusal> {
        let mut known: Vec<&str> = self.origins.keys().map(String::as_str).collect();
        known.extend(["gateway", "port", "gateway2", "port2", "duration"]);
        let example = |name| match name {
            "duration" => "1s".to_owned(),
            _ => "127.0.0.1:1".to_owned(),
        };
        let examples: Vec<(&str, String)> =
            known.into_iter().map(|name| (name, example(name))).collect();
        for (name, text) in &self.configs {
            fill::fill(text, &examples).map_err(|why| of(name, &why))?;
        }
        for load in &self.loads {
            let line = fill::fill(&load.run, &examples);
            line.and_then(|line| plan(&line)).map_err(|why| of(&load.name, &why))?;
        }
        Ok(())
    }
}

/// What stands behind `loadtest run`.
pub(super) fn plan(line: &str) -> Result<Plan, Refusal> {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        run: RunArgs,
    }
    let words = fill::words(line)?;
    let words = std::iter::once("run").chain(words.iter().map(String::as_str));
    let line = Line::try_parse_from(words).map_err(|error| origin::refusal(&error))?;
    line.run.plan()
}

fn load(raw: RawLoad) -> Result<Load, Refusal> {
    let after = raw.after.as_deref().map(scalar::duration).transpose()?.unwrap_or_default();
    if raw.name.contains('.') || raw.name.is_empty() {
        return Err(Refusal(format!("loads: {:?} is no name: no dots", raw.name)));
    }
    Ok(Load { name: raw.name, after, run: raw.run })
}

fn event(
    raw: &RawEvent,
    configs: &BTreeMap<String, String>,
    origins: &[&str],
) -> Result<Event, Refusal> {
    let words: Vec<&str> = raw.action.split_whitespace().collect();
    let action = match words.as_slice() {
        ["restart"] => Action::Restart,
        ["upgrade"] => Action::Upgrade,
        ["signal", name] => Action::Signal(signal(name)?),
        ["end", name] if origins.contains(name) => Action::End((*name).to_owned()),
        ["end", name] => {
            return Err(Refusal(format!("events: no origin is named {name:?}")));
        }
        ["write", names @ ..] if !names.is_empty() => {
            if let Some(name) = names.iter().find(|name| !configs.contains_key(**name)) {
                return Err(Refusal(format!("events: no configuration is named {name:?}")));
            }
            Action::Write(names.iter().map(|name| (*name).to_owned()).collect())
        }
        _ => {
            let hint = "write signal NAME, write CONFIG..., end ORIGIN, restart or upgrade";
            return Err(Refusal(format!("events: {:?} is no action: {hint}", raw.action)));
        }
    };
    let every = raw.every.as_deref().map(scalar::duration).transpose()?.unwrap_or_default();
    let times = raw.times.unwrap_or(1);
    Ok(Event { at: scalar::duration(&raw.at)?, action, every, times })
}

fn signal(name: &str) -> Result<i32, Refusal> {
    Ok(match name {
        "TERM" => libc::SIGTERM,
        "HUP" => libc::SIGHUP,
        "INT" => libc::SIGINT,
        "USR2" => libc::SIGUSR2,
        "KILL" => libc::SIGKILL,
        _ => return Err(Refusal(format!("events: {name:?}: TERM, HUP, INT, USR2 or KILL"))),
    })
}

fn of(name: &str, Refusal(why): &Refusal) -> Refusal {
    Refusal(format!("{name}: {why}"))
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_yaml::to_string(other).unwrap_or_default().trim().to_owned(),
    }
}

fn one() -> usize {
    1
}

fn ten_seconds() -> String {
    "10s".to_owned()
}

pub(super) const MAIN_CONFIG: &str = "config";

#[cfg(test)]
mod tests;
