//! What a process tree has used so far, out of procfs: CPU time in nanoseconds, its split into user
//! and system, and memory.
//!
//! CPU time is what the scheduler counted (`schedstat`), for all threads, io_uring's own workers
//! included; it survives a noisy machine, wall time does not. Clock ticks are too coarse for the
//! figure and good enough for the split, and for telling how quiet a core was. Owns no state.

use std::{fs, io};

/// CPU time of a process tree since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) cpu_ns: u64,
    pub(crate) user_ticks: u64,
    pub(crate) system_ticks: u64,
}

/// Memory of a process tree now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Heap, stacks, private mappings: what a connection costs in user space.
    pub(crate) anonymous_bytes: u64,
    pub(crate) resident_bytes: u64,
}

impl Usage {
    pub(crate) fn of_tree(root: u32) -> io::Result<Self> {
        let mut usage = Self::default();
        for process in tree(root)? {
            for thread in names(&format!("/proc/{process}/task"))? {
                let path = format!("/proc/{process}/task/{thread}/schedstat");
                usage.cpu_ns += cpu_ns(&fs::read_to_string(path)?)?;
            }
            let (user, system) = ticks(&fs::read_to_string(format!("/proc/{process}/stat"))?)?;
            usage.user_ticks += user;
            usage.system_ticks += system;
        }
        Ok(usage)
    }

    /// What was used since `before`. A thread that ended meanwhile took its time along, so that
    /// the difference would lie: that is an error.
    pub(crate) fn since(self, before: Self) -> io::Result<Self> {
        let difference = |after: u64, before: u64| {
            after.checked_sub(before).ok_or_else(|| io::Error::other("a thread ended meanwhile"))
        };
        Ok(Self {
            cpu_ns: difference(self.cpu_ns, before.cpu_ns)?,
            user_ticks: difference(self.user_ticks, before.user_ticks)?,
            system_ticks: difference(self.system_ticks, before.system_ticks)?,
        })
    }

    /// The part of the time that was spent in user space, 0 to 1.
    pub(crate) fn user_part(self) -> f64 {
        self.user_ticks as f64 / (self.user_ticks + self.system_ticks).max(1) as f64
    }
}

impl Memory {
    pub(crate) fn of_tree(root: u32) -> io::Result<Self> {
        let mut memory = Self::default();
        for process in tree(root)? {
            let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
            memory.anonymous_bytes += kibibytes(&rollup, "Anonymous:")? * 1024;
            memory.resident_bytes += kibibytes(&rollup, "Rss:")? * 1024;
        }
        Ok(memory)
    }
}

/// How long `core` has had nothing to do since it started.
pub(crate) fn idle_ns(core: usize) -> io::Result<u64> {
    idle_ticks(&fs::read_to_string("/proc/stat")?, core).map(|ticks| ticks * TICK_NS)
}

/// Idle and waiting for a disk: fields 4 and 5 of the core's line.
fn idle_ticks(stat: &str, core: usize) -> io::Result<u64> {
    let name = format!("cpu{core}");
    let of = |line: &str| line.split_ascii_whitespace().next() == Some(name.as_str());
    let line = stat.lines().find(|line| of(line)).unwrap_or_default();
    let mut fields = line.split_ascii_whitespace().skip(4);
    Ok(number(fields.next(), "idle")? + number(fields.next(), "iowait")?)
}

/// A process and all that descends from it.
fn tree(root: u32) -> io::Result<Vec<u32>> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(&process) = found.get(at) {
        for thread in names(&format!("/proc/{process}/task"))? {
            let children = fs::read_to_string(format!("/proc/{process}/task/{thread}/children"))?;
            found.extend(children.split_ascii_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
        at += 1;
    }
    Ok(found)
}

fn names(folder: &str) -> io::Result<Vec<String>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into())).collect()
}

/// The first field of `schedstat`.
fn cpu_ns(schedstat: &str) -> io::Result<u64> {
    number(schedstat.split_ascii_whitespace().next(), "schedstat")
}

/// Fields 14 and 15 of `stat`, counted after the name, which may hold spaces and parentheses.
fn ticks(stat: &str) -> io::Result<(u64, u64)> {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = rest.split_ascii_whitespace().skip(11);
    Ok((number(fields.next(), "utime")?, number(fields.next(), "stime")?))
}

fn kibibytes(rollup: &str, field: &str) -> io::Result<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix(field));
    number(line.and_then(|value| value.split_ascii_whitespace().next()), field)
}

fn number(text: Option<&str>, what: &str) -> io::Result<u64> {
    let malformed = || io::Error::other(format!("procfs: no number in {what}"));
    text.and_then(|text| text.parse().ok()).ok_or_else(malformed)
}

/// procfs counts in hundredths of a second on every architecture.
const TICK_NS: u64 = 10_000_000;

#[cfg(test)]
mod tests;
