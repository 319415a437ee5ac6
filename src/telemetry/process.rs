//! The process as procfs shows it, under the names that every Prometheus client library gives it.
//! Read on the control thread, once a scrape; nothing is kept. `Resident` is what workers look at
//! too, where memory is bounded.
#![allow(clippy::disallowed_methods)] // procfs does not block

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use crate::base::mapping;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessMetrics {
    pub cpu: Duration,
    pub open_fds: u64,
    pub max_fds: u64,
    pub virtual_memory_bytes: u64,
    pub resident_memory_bytes: u64,
    /// Since the epoch.
    pub start_time: Duration,
    pub threads: u64,
}

impl ProcessMetrics {
    /// What procfs says now; 0 for what it does not say.
    pub fn read() -> Self {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        let mut metrics = Self { open_fds: open_fds(), ..Self::default() };
        metrics.read_stat(&text("/proc/self/stat"), &text("/proc/stat"));
        metrics.read_status(&text("/proc/self/status"));
        metrics.read_limits(&text("/proc/self/limits"));
        metrics
    }

    fn read_stat(&mut self, own: &str, system: &str) {
        // The name of the process stands in parentheses and may contain anything, those included.
        let fields = own.rsplit_once(')').map_or("", |(_, fields)| fields);
        let field = |number: usize| -> u64 {
            // proc(5) counts from 1, and the state, the first behind the name, is number 3.
            fields.split_whitespace().nth(number - 3).and_then(|f| f.parse().ok()).unwrap_or(0)
        };
        self.cpu = ticks(field(14) + field(15));
        self.threads = field(20);
        let boot = system.lines().find_map(|line| line.strip_prefix("btime "));
        let boot = boot.and_then(|seconds| seconds.trim().parse().ok()).unwrap_or(0);
        self.start_time = Duration::from_secs(boot) + ticks(field(22));
    }

    fn read_status(&mut self, status: &str) {
        let bytes = |key: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let kibibytes = line.and_then(|rest| rest.split_whitespace().next());
            kibibytes.and_then(|count| count.parse::<u64>().ok()).unwrap_or(0) * 1024
        };
        self.virtual_memory_bytes = bytes("VmSize:");
        self.resident_memory_bytes = bytes("VmRSS:");
    }

    fn read_limits(&mut self, limits: &str) {
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
        let soft = line.and_then(|rest| rest.split_whitespace().next());
        self.max_fds = soft.and_then(|count| count.parse().ok()).unwrap_or(0);
    }
}

/// The memory of the process, read from a file that stays open: a system call of a microsecond.
///
/// The kernel counts pages by CPU before it adds them up: what it says may lack 32 pages for each.
#[derive(Debug)]
pub struct Resident {
    file: File,
    page_bytes: u64,
}

impl Resident {
    pub fn open() -> Option<Self> {
        let file = File::open("/proc/self/statm").ok()?;
        Some(Self { file, page_bytes: mapping::page_bytes() as u64 })
    }

    pub fn bytes(&self) -> Option<u64> {
        let mut text = [0; 128];
        let count = self.file.read_at(&mut text, 0).ok()?;
        // All pages, those in memory, ...: proc(5).
        let pages = str::from_utf8(&text[..count]).ok()?.split_whitespace().nth(1)?;
        Some(pages.parse::<u64>().ok()?.saturating_mul(self.page_bytes))
    }
}

fn open_fds() -> u64 {
    // Since Linux 6.2 the directory's size is its number of entries; before, it is 0.
    let size = fs::metadata("/proc/self/fd").map_or(0, |folder| folder.len());
    if size > 0 {
        return size;
    }
    // The listing itself is one of what it lists.
    fs::read_dir("/proc/self/fd").map_or(0, |fds| (fds.count() as u64).saturating_sub(1))
}

fn ticks(count: u64) -> Duration {
    Duration::from_millis(count * 1000 / USER_HZ)
}

/// The unit of time in procfs: part of the kernel's interface, 100 on every architecture we run on.
const USER_HZ: u64 = 100;

#[cfg(test)]
mod tests;
