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
            if let Some(part) = unless_ended(Self::of_process(process), process != root)? {
                usage.cpu_ns += part.cpu_ns;
                usage.user_ticks += part.user_ticks;
                usage.system_ticks += part.system_ticks;
            }
        }
        Ok(usage)
    }

    fn of_process(process: u32) -> io::Result<Self> {
        let mut total_ns = 0;
        for thread in names(&format!("/proc/{process}/task"))? {
            let path = format!("/proc/{process}/task/{thread}/schedstat");
            let time_ns = fs::read_to_string(path).and_then(|text| cpu_ns(&text));
            total_ns += unless_ended(time_ns, true)?.unwrap_or(0);
        }
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        let ((user_ticks, system_ticks), _) = ticks(&stat)?;
        Ok(Self { cpu_ns: total_ns, user_ticks, system_ticks })
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
            let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"));
            let Some(rollup) = unless_ended(rollup, process != root)? else { continue };
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

/// CPU time of those children of this process that have ended, to a hundredth of a second.
pub(crate) fn ended_children_ns() -> io::Result<u64> {
    let (_, ended) = ticks(&fs::read_to_string("/proc/self/stat")?)?;
    Ok((ended.0 + ended.1) * TICK_NS)
}

/// A process and all that descends from it.
fn tree(root: u32) -> io::Result<Vec<u32>> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(&process) = found.get(at) {
        let threads = unless_ended(names(&format!("/proc/{process}/task")), process != root)?;
        for thread in threads.unwrap_or_default() {
            let children = format!("/proc/{process}/task/{thread}/children");
            let children = unless_ended(fs::read_to_string(children), true)?.unwrap_or_default();
            found.extend(children.split_ascii_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
        at += 1;
    }
    Ok(found)
}

/// None of what ended between being named and being looked at, where that `may` happen: servers
/// start helpers that live for a moment.
fn unless_ended<T>(result: io::Result<T>, may: bool) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if may && is_end(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

fn names(folder: &str) -> io::Result<Vec<String>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into())).collect()
}

/// The first field of `schedstat`.
fn cpu_ns(schedstat: &str) -> io::Result<u64> {
    number(schedstat.split_ascii_whitespace().next(), "schedstat")
}

/// Fields 14 to 17 of `stat`, counted after the name, which may hold spaces and parentheses: user
/// and system time of the process, then of its children that have ended.
fn ticks(stat: &str) -> io::Result<((u64, u64), (u64, u64))> {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let mut field = |name| number(fields.next(), name);
    let own = (field("utime")?, field("stime")?);
    Ok((own, (field("cutime")?, field("cstime")?)))
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
