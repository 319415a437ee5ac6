//! What the process may have: descriptors, locked memory, memory, processor time.

use super::{Finding, Machine};

pub(super) fn look(machine: &Machine) -> Vec<Finding> {
    let mut findings = vec![files(machine)];
    findings.extend(locked(machine));
    findings.extend(quota(machine));
    findings
}

/// A descriptor for each connection on either side.
fn files(machine: &Machine) -> Finding {
    const CHECK: &str = "open files";
    let Some((soft, hard)) = limit(machine, "Max open files") else {
        return Finding::warn(CHECK, "unknown", "/proc/self/limits cannot be read");
    };
    let found = format!("{soft}, at most {hard}");
    if soft >= FILES_WANTED {
        return Finding::pass(CHECK, found);
    }
    let mend = format!(
        "LimitNOFILE={FILES_WANTED} in the unit (ours has it), or `ulimit -n {FILES_WANTED}` before \
         it is started by hand"
    );
    if soft < FILES_LEAST {
        let why = "a connection takes two: a burst uses them up, and nobody else is accepted";
        Finding::fail(CHECK, found, why).by(mend)
    } else {
        let why = "less than the connections that the limits allow, with one to a backend each";
        Finding::warn(CHECK, found, why).by(mend)
    }
}

/// Rings were charged to it before kernel 5.12; since then to the memory of the cgroup.
fn locked(machine: &Machine) -> Option<Finding> {
    const CHECK: &str = "locked memory";
    let (soft, _) = limit(machine, "Max locked memory")?;
    let release = machine.read("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut parts = release.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version >= (5, 12) || soft >= LOCKED_WANTED {
        return Some(Finding::pass(CHECK, format!("{soft} bytes")));
    }
    let why = "this kernel charges the rings of all workers to it";
    Some(Finding::fail(CHECK, format!("{soft} bytes"), why).by("LimitMEMLOCK=infinity in the unit"))
}

/// Workers are as many as the cores that may be used; a quota that is not a whole number of them
/// stops all of them for the rest of its period.
fn quota(machine: &Machine) -> Option<Finding> {
    const CHECK: &str = "processor quota";
    let group = machine.read("/proc/self/cgroup")?;
    let path = group.lines().find_map(|line| line.strip_prefix("0::"))?;
    let text = machine.read(&format!("/sys/fs/cgroup{path}/cpu.max"))?;
    let (quota, period) = text.split_once(' ')?;
    if quota == "max" {
        return Some(Finding::pass(CHECK, "none"));
    }
    let cores = quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?;
    let why = "a worker that has used it up stands still for the rest of the period: tens of milliseconds";
    let mend =
        "without resources.limits.cpu in the pod, CPUQuota= in the unit; or whole cores by cpuset";
    Some(Finding::warn(CHECK, format!("{cores:.2} cores"), why).by(mend))
}

/// Soft and hard; `unlimited` is as many as there can be.
fn limit(machine: &Machine, name: &str) -> Option<(u64, u64)> {
    let text = machine.read("/proc/self/limits")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let mut values = line.split_whitespace().map(|value| match value {
        "unlimited" => Some(u64::MAX),
        value => value.parse().ok(),
    });
    Some((values.next()??, values.next()??))
}

/// `limits.connections` of clients, as many of backends, and as many again for pipes and room.
const FILES_WANTED: u64 = 1_048_576;

/// Below it, a busy day is enough.
const FILES_LEAST: u64 = 16_384;

/// Rings of 64 workers.
const LOCKED_WANTED: u64 = 64 * 1024 * 1024;
