//! One subject, once: start it, warm it up, and set what it used in a window against what the load
//! saw done in that window.

use std::time::{Duration, Instant};
use std::{io, process, thread};

use serde::Serialize;

use super::{Effort, Row, Unit, Work};
use crate::affinity::Cores;
use crate::load::closed::Closed;
use crate::load::h2load::Errand;
use crate::load::handshakes::Handshakes;
use crate::load::idle::Idle;
use crate::load::paced::{Latencies, Paced};
use crate::load::streams::Streams;
use crate::load::{self, Job, Life, Tally};
use crate::rival::wiring::{Back, Wiring};
use crate::rival::{Refusal, Running, Site, Subject, models, origin};
use crate::sample::{Memory, Usage, ended_children_ns, idle_ns};

/// What one subject showed in one round.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Sample {
    /// The figure of the row, in its unit.
    pub(crate) value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) work: Option<WorkSample>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency: Option<LatencySample>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resident_kib_per_connection: Option<f64>,
}

/// How the CPU time came about.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct WorkSample {
    pub(crate) responses: u64,
    pub(crate) responses_per_second: f64,
    pub(crate) cpu_us_per_response: f64,
    /// The part of its core that the subject used, 0 to 1. A subject that sleeps between requests
    /// pays for waking up; one that is full batches its work.
    pub(crate) busy: f64,
    /// The part of its CPU time spent in user space.
    pub(crate) user_part: f64,
    /// The part of both cores that other processes used. Where it is not small, caches were shared
    /// with strangers, and latencies mean nothing.
    pub(crate) foreign_part: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct LatencySample {
    pub(crate) asked_per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) max_us: f64,
    /// How late the load noticed that a request was due: its own part in the figures above.
    pub(crate) lag_p99_us: f64,
}

/// The rate of a paced row, in requests a second: a part of what nginx does at most, here and now.
/// Other processes can only make it look smaller, so that the best of a few attempts counts, and
/// the first on a quiet machine ends them. No other row has a pace.
pub(super) fn pace(row: &Row, site: &Site<'_>, effort: &Effort) -> Result<f64, Refusal> {
    let Work::Paced { path, body_bytes, connections, load } = row.work else { return Ok(0.0) };
    let mut capacity_per_second: f64 = 0.0;
    for _ in 0..ATTEMPTS_MAX {
        let running = Subject::Nginx.start(site, row.wiring)?;
        let job = Job::new(running.address, path, body_bytes as u64, Life::KeptAlive);
        let mut closed = Closed::start(job, connections)?;
        closed.run(effort.warmup)?;
        let (tally, spent) = watch(&running, site.cores, || closed.run(effort.window))?;
        closed.finish()?;
        capacity_per_second = capacity_per_second.max(tally.per_second());
        if spent.foreign_part <= FOREIGN_PART_MAX {
            break;
        }
    }
    Ok(capacity_per_second * load)
}

/// One subject in one round of one row.
pub(super) struct Trial<'a> {
    pub(super) row: &'a Row,
    pub(super) subject: Subject,
    pub(super) pace_per_second: f64,
    pub(super) site: &'a Site<'a>,
    pub(super) effort: &'a Effort,
}

impl Trial<'_> {
    pub(super) fn run(&self) -> Result<Sample, Refusal> {
        match self.row.work {
            Work::Closed { path, request_bytes, body_bytes, connections, life } => {
                let running = self.start(path, body_bytes)?;
                let job = Job::new(running.address, path, body_bytes as u64, life);
                self.closed(&running, job.filled_to(request_bytes), connections)
            }
            Work::Paced { path, body_bytes, connections, .. } => repeat_while_void(|| {
                let running = self.start(path, body_bytes)?;
                let job = Job::new(running.address, path, body_bytes as u64, Life::KeptAlive);
                self.paced(&running, job, connections)
            }),
            Work::Idle { connections } => {
                let (path, body_bytes) = (origin::MEMORY_PATH, origin::MEMORY_BYTES);
                let running = self.start(path, body_bytes)?;
                let job = Job::new(running.address, path, body_bytes as u64, Life::KeptAlive);
                self.idle(&running, &job, connections)
            }
            Work::Asked { path, streams, connections } => {
                let running = self.subject.start(self.site, self.row.wiring)?;
                let question = models::question(path, streams);
                let (job, answer) = Job::post(running.address, &question)?;
                if !String::from_utf8_lossy(&answer).contains("around") {
                    return Err(Refusal::Failed("it is not the model's answer".into()));
                }
                self.closed(&running, job, connections)
            }
            Work::Held { path, connections } => {
                let running = self.subject.start(self.site, self.row.wiring)?;
                let job = Job::post_endless(running.address, &models::question(path, true));
                self.held(&running, &job, connections)
            }
            Work::H2load { path, body_bytes, connections, streams, dialect } => {
                let running = self.start(path, body_bytes)?;
                self.h2load(
                    &running,
                    &Errand {
                        address: running.address,
                        path,
                        dialect,
                        connections,
                        streams,
                        body_bytes,
                        message: (self.row.wiring.back == Back::Grpc).then_some(&self.site.message),
                        core: self.site.cores.load,
                        folder: self.site.folder,
                    },
                )
            }
            Work::Handshakes { connections, resumed } => {
                let (path, body_bytes) = (origin::MEMORY_PATH, origin::MEMORY_BYTES);
                let running = self.start(path, body_bytes)?;
                let job = Job::new(running.address, path, body_bytes as u64, Life::OneRequest);
                self.handshakes(&running, job, connections, resumed)
            }
        }
    }

    /// Starts the subject and looks, once, at the bytes that the load only counts. A call of gRPC
    /// has been looked at by then.
    fn start(&self, path: &str, body_bytes: usize) -> Result<Running, Refusal> {
        let running = self.subject.start(self.site, self.row.wiring)?;
        let Wiring { front, back } = self.row.wiring;
        if back == Back::Grpc
            || self.site.look(front, running.address, path)? == origin::content(body_bytes)
        {
            return Ok(running);
        }
        Err(Refusal::Failed(format!("the body of {path} arrives changed")))
    }

    fn closed(&self, running: &Running, job: Job, connections: usize) -> Result<Sample, Refusal> {
        let body_bytes = job.body_bytes();
        let mut load = Closed::start(job, connections)?;
        load.run(self.effort.warmup)?;
        let (tally, spent) = watch(running, self.site.cores, || load.run(self.effort.window))?;
        load.finish()?;
        Ok(self.cost(&tally, &spent, body_bytes))
    }

    /// The short run that says how many requests fill a window is the warm-up.
    fn h2load(&self, running: &Running, errand: &Errand<'_>) -> Result<Sample, Refusal> {
        let window = self.effort.window;
        let requests = errand.requests_for(window)?;
        let (tally, spent) = watch(running, self.site.cores, || errand.run(requests, window))?;
        Ok(self.cost(&tally, &spent, errand.body_bytes as u64))
    }

    fn handshakes(
        &self,
        running: &Running,
        job: Job,
        connections: usize,
        resumed: bool,
    ) -> Result<Sample, Refusal> {
        let (body_bytes, trust) = (job.body_bytes(), &self.site.certificate.trust);
        let load = Handshakes::start(job, trust, resumed, connections)?;
        load.run(self.effort.warmup)?;
        let (tally, spent) = watch(running, self.site.cores, || load.run(self.effort.window))?;
        load.finish()?;
        Ok(self.cost(&tally, &spent, body_bytes))
    }

    fn cost(&self, tally: &Tally, spent: &Spent, body_bytes: u64) -> Sample {
        let work = WorkSample::new(tally, spent);
        let mebibytes = body_bytes as f64 / (1024.0 * 1024.0);
        let value = match self.row.unit {
            Unit::MicrosPerMebibyte => work.cpu_us_per_response / mebibytes,
            _ => work.cpu_us_per_response,
        };
        Sample { value, work: Some(work), ..Sample::default() }
    }

    fn paced(&self, running: &Running, job: Job, connections: usize) -> Result<Sample, Refusal> {
        let mut load = Paced::start(job, connections, self.pace_per_second)?;
        load.run(self.effort.warmup)?;
        let (seen, spent) = watch(running, self.site.cores, || load.run(self.effort.window))?;
        let work = Some(WorkSample::new(&seen.tally, &spent));
        let latency = LatencySample::new(&seen, self.pace_per_second);
        Ok(Sample { value: latency.p99_us, work, latency: Some(latency), ..Sample::default() })
    }

    /// Memory is read after a little work has been done and forgotten, so that what a subject
    /// allocates once for all connections is not taken for theirs.
    fn idle(&self, running: &Running, job: &Job, connections: usize) -> Result<Sample, Refusal> {
        Idle::open(job.clone(), IDLE_WARMUP_CONNECTIONS)?.hold(self.effort.warmup)?;
        let before = Memory::of_tree(running.id())?;
        let mut load = Idle::open(job.clone(), connections)?;
        load.hold(self.effort.rest)?;
        let after = Memory::of_tree(running.id())?;
        Ok(grown(&before, &after, connections))
    }

    /// The same of streams that have begun; those of the warm-up stay open.
    fn held(&self, running: &Running, job: &Job, count: usize) -> Result<Sample, Refusal> {
        let _first = Streams::open(job, IDLE_WARMUP_CONNECTIONS)?;
        let before = Memory::of_tree(running.id())?;
        let _streams = Streams::open(job, count)?;
        thread::sleep(self.effort.rest);
        let after = Memory::of_tree(running.id())?;
        Ok(grown(&before, &after, count))
    }
}

fn grown(before: &Memory, after: &Memory, connections: usize) -> Sample {
    let kib =
        |after: u64, before: u64| (after as f64 - before as f64) / 1024.0 / connections as f64;
    Sample {
        value: kib(after.anonymous_bytes, before.anonymous_bytes),
        resident_kib_per_connection: Some(kib(after.resident_bytes, before.resident_bytes)),
        ..Sample::default()
    }
}

/// Latencies on a machine that does other work, or that the load's own lateness drowns, are void.
/// Whether they are is decided without a look at them, so that repeating favours nobody.
fn repeat_while_void(
    mut attempt: impl FnMut() -> Result<Sample, Refusal>,
) -> Result<Sample, Refusal> {
    let (mut lag_us, mut foreign_part) = (0.0, 0.0);
    for _ in 0..ATTEMPTS_MAX {
        let sample = attempt()?;
        lag_us = sample.latency.map_or(0.0, |latency| latency.lag_p99_us);
        foreign_part = sample.work.map_or(0.0, |work| work.foreign_part);
        if lag_us <= LAG_US_MAX && foreign_part <= FOREIGN_PART_MAX {
            return Ok(sample);
        }
    }
    let percent = foreign_part * 100.0;
    Err(Refusal::Void(format!(
        "a busy machine: {percent:.0} % for other processes, the load late by {lag_us:.0} us at p99"
    )))
}

/// CPU time of a window: the subject's own, and that of processes which have no business here.
struct Spent {
    subject: Usage,
    foreign_part: f64,
}

/// What `work` came to, and what was spent meanwhile.
fn watch<T>(
    running: &Running,
    cores: Cores,
    work: impl FnOnce() -> Result<T, load::Error>,
) -> Result<(T, Spent), Refusal> {
    let idle_ns = || -> io::Result<u64> { Ok(idle_ns(cores.proxy)? + idle_ns(cores.load)?) };
    let (idle_before_ns, start) = (idle_ns()?, Instant::now());
    // This process, the origin and the subject: all that should be running.
    let all_before = Usage::of_tree(process::id())?;
    let ended_before_ns = ended_children_ns()?;
    let before = Usage::of_tree(running.id())?;
    let done = work()?;
    let subject = Usage::of_tree(running.id())?.since(before)?;
    let all = Usage::of_tree(process::id())?.since(all_before)?;
    // A load that is a program of its own has ended by now.
    let load_ns = ended_children_ns()?.saturating_sub(ended_before_ns);
    let known_ns = (all.cpu_ns + load_ns) as f64;
    let whole_ns = 2.0 * start.elapsed().as_nanos() as f64;
    let idle_ns = idle_ns()?.saturating_sub(idle_before_ns) as f64;
    let foreign_part = ((whole_ns - idle_ns - known_ns) / whole_ns).max(0.0);
    Ok((done, Spent { subject, foreign_part }))
}

impl WorkSample {
    fn new(tally: &Tally, spent: &Spent) -> Self {
        let usage = spent.subject;
        Self {
            responses: tally.responses,
            responses_per_second: tally.per_second(),
            cpu_us_per_response: usage.cpu_ns as f64 / 1e3 / tally.responses as f64,
            busy: Duration::from_nanos(usage.cpu_ns).as_secs_f64() / tally.elapsed.as_secs_f64(),
            user_part: usage.user_part(),
            foreign_part: spent.foreign_part,
        }
    }
}

impl LatencySample {
    fn new(seen: &Latencies, asked_per_second: f64) -> Self {
        let at = |quantile| seen.latency.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            asked_per_second,
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: seen.latency.max() as f64 / 1e3,
            lag_p99_us: seen.lag.value_at_quantile(0.99) as f64 / 1e3,
        }
    }
}

const IDLE_WARMUP_CONNECTIONS: usize = 64;
const ATTEMPTS_MAX: usize = 5;
const LAG_US_MAX: f64 = 1000.0;
const FOREIGN_PART_MAX: f64 = 0.1;

#[cfg(test)]
mod tests;
