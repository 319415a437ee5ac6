//! What a process and all that descends from it use, out of procfs. CPU time is what the scheduler
//! counted (`schedstat`), of all threads, io_uring's own workers included: the figure that survives
//! a noisy machine. A thread that ends keeps what it had used until it was last looked at.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use std::{fs, io};

use crate::outcome::{Holding, ServerUsage, UsageSample};

pub(crate) struct Sampler {
    root: u32,
    started: Instant,
    /// By thread: the latest figures.
    threads: BTreeMap<u32, Spent>,
    usage: ServerUsage,
    at_begin: Spent,
    last_cpu: Duration,
    gone: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Spent {
    cpu: Duration,
    voluntary: u64,
    involuntary: u64,
}

impl Sampler {
    /// # Errors
    /// That there is no such process, or that it is not ours to look at.
    pub(crate) fn start(root: u32) -> io::Result<Self> {
        let mut sampler = Self {
            root,
            started: Instant::now(),
            threads: BTreeMap::new(),
            usage: ServerUsage::default(),
            at_begin: Spent::default(),
            last_cpu: Duration::ZERO,
            gone: false,
        };
        let holding = sampler.look()?;
        sampler.usage.before = holding;
        sampler.usage.peak = holding;
        Ok(sampler)
    }

    /// What was used up to now does not count; what is held now does.
    pub(crate) fn begin(&mut self) {
        self.started = Instant::now();
        self.sample();
        self.at_begin = self.spent();
        self.last_cpu = self.at_begin.cpu;
        self.usage.timeline.clear();
    }

    pub(crate) fn sample(&mut self) {
        let Ok(holding) = self.look() else {
            self.gone = true;
            return;
        };
        let peak = &mut self.usage.peak;
        peak.resident_bytes = peak.resident_bytes.max(holding.resident_bytes);
        peak.descriptors = peak.descriptors.max(holding.descriptors);
        peak.threads = peak.threads.max(holding.threads);
        self.usage.after = holding;
        let cpu = self.spent().cpu;
        let sample = UsageSample {
            at: self.started.elapsed(),
            cpu: cpu.saturating_sub(self.last_cpu),
            holding,
        };
        self.last_cpu = cpu;
        if self.usage.timeline.len() < SAMPLES_MAX {
            self.usage.timeline.push(sample);
        }
    }

    /// The load is over: CPU time counts up to here.
    pub(crate) fn end(&mut self) {
        self.sample();
        let (now, before) = (self.spent(), self.at_begin);
        self.usage.cpu = now.cpu.saturating_sub(before.cpu);
        self.usage.voluntary_switches = now.voluntary.saturating_sub(before.voluntary);
        self.usage.involuntary_switches = now.involuntary.saturating_sub(before.involuntary);
    }

    /// # Errors
    /// That the process ended before the load did: its figures would be of less than the load.
    pub(crate) fn finish(self) -> Result<ServerUsage, String> {
        if self.gone {
            return Err(format!("process {} ended during the run: it is not measured", self.root));
        }
        Ok(self.usage)
    }

    fn spent(&self) -> Spent {
        self.threads.values().fold(Spent::default(), |sum, one| Spent {
            cpu: sum.cpu + one.cpu,
            voluntary: sum.voluntary + one.voluntary,
            involuntary: sum.involuntary + one.involuntary,
        })
    }

    fn look(&mut self) -> io::Result<Holding> {
        let mut holding = Holding::default();
        let mut processes = vec![self.root];
        let mut at = 0;
        while let Some(&process) = processes.get(at) {
            at += 1;
            let threads = match names(&format!("/proc/{process}/task")) {
                Ok(threads) => threads,
                // Helpers live for a moment; without the root there is nothing to measure.
                Err(error) if process == self.root => return Err(error),
                Err(_) => continue,
            };
            holding.threads += threads.len() as u64;
            holding.resident_bytes += resident_bytes(process);
            let descriptors = names(&format!("/proc/{process}/fd"));
            holding.descriptors += descriptors.map_or(0, |all| all.len() as u64);
            for thread in threads {
                self.look_at_thread(process, thread, &mut processes);
            }
        }
        Ok(holding)
    }

    fn look_at_thread(&mut self, process: u32, thread: u32, processes: &mut Vec<u32>) {
        let file = |name: &str| fs::read_to_string(format!("/proc/{process}/task/{thread}/{name}"));
        if let Ok(children) = file("children") {
            processes
                .extend(children.split_ascii_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
        let Some(nanos) = file("schedstat").ok().as_deref().and_then(first_number) else { return };
        let status = file("status").unwrap_or_default();
        let spent = Spent {
            cpu: Duration::from_nanos(nanos),
            voluntary: field(&status, "voluntary_ctxt_switches:"),
            involuntary: field(&status, "nonvoluntary_ctxt_switches:"),
        };
        self.threads.insert(thread, spent);
    }
}

/// The directory's names that are numbers.
fn names(folder: &str) -> io::Result<Vec<u32>> {
    let entries = fs::read_dir(folder)?.flatten();
    Ok(entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

fn resident_bytes(process: u32) -> u64 {
    let statm = fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * PAGE_BYTES
}

fn first_number(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

fn field(status: &str, name: &str) -> u64 {
    status.lines().find_map(|line| line.strip_prefix(name)).and_then(first_number).unwrap_or(0)
}

/// Of x86-64, and of aarch64 as it is mostly built.
const PAGE_BYTES: u64 = 4096;
/// Half a second each: more than a day.
const SAMPLES_MAX: usize = 200_000;

#[cfg(test)]
mod tests;
