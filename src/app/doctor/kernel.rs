//! The kernel: its version, whether it lets us have a ring and of which kind, its clock.

use super::{Finding, Machine};
use crate::net::runtime::Driver;

pub(super) fn look(machine: &Machine) -> Vec<Finding> {
    let mut findings = vec![version(machine), allowed(machine), ring(machine)];
    findings.extend(clock(machine));
    findings
}

fn version(machine: &Machine) -> Finding {
    const CHECK: &str = "kernel";
    let release = machine.read("/proc/sys/kernel/osrelease").unwrap_or_default();
    let Some(version) = parse(&release) else {
        return Finding::warn(CHECK, release, "its version cannot be read");
    };
    if version >= BEST {
        Finding::pass(CHECK, release)
    } else if version >= RINGS {
        let why =
            "before 6.1 a ring interrupts its worker for each completion: a request costs more";
        Finding::warn(CHECK, release, why).by(NEWER)
    } else {
        let why = "before 5.15 there is no ring that carries sockets well: epoll is used";
        Finding::fail(CHECK, release, why).by(NEWER)
    }
}

fn parse(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The switch that forbids io_uring to all, or to all but a group. Kernels before 6.6 have none.
fn allowed(machine: &Machine) -> Finding {
    const CHECK: &str = "kernel.io_uring_disabled";
    let mend = "sysctl -w kernel.io_uring_disabled=0";
    match machine.number("/proc/sys/kernel/io_uring_disabled") {
        None => Finding::pass(CHECK, "absent, so nothing is disabled"),
        Some(0) => Finding::pass(CHECK, "0"),
        Some(1) => {
            let group = machine.read("/proc/sys/kernel/io_uring_group").unwrap_or_default();
            let why =
                "only root and this group have io_uring: the user of the gateway has to be in it";
            Finding::warn(CHECK, format!("1, group {group}"), why).by(mend)
        }
        Some(other) => {
            let why = "nobody has io_uring: workers run on epoll, and a request costs more";
            Finding::fail(CHECK, other.to_string(), why).by(mend)
        }
    }
}

/// What is so in the end, whatever the switches say.
fn ring(machine: &Machine) -> Finding {
    const CHECK: &str = "io_uring";
    match &machine.ring {
        Ok(Driver::UringDeferred) => Finding::pass(CHECK, "deferred: all flags work"),
        Ok(driver) => {
            let why = "SINGLE_ISSUER with DEFER_TASKRUN is refused: requests cost more";
            Finding::warn(CHECK, driver.to_string(), why).by(NEWER)
        }
        Err(error) => {
            let why = "no ring can be set up: workers run on epoll";
            let finding = Finding::fail(CHECK, error.clone(), why);
            finding.by(if filtered(machine) {
                SECCOMP
            } else {
                "sysctl -w kernel.io_uring_disabled=0"
            })
        }
    }
}

/// Whether a seccomp filter judges our system calls, as those of most containers are.
fn filtered(machine: &Machine) -> bool {
    let status = machine.read("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.split_whitespace().eq(["Seccomp:", "2"]))
}

/// Each request asks for the time: some clocks of virtual machines cost a trip out of them.
fn clock(machine: &Machine) -> Option<Finding> {
    const CHECK: &str = "clock source";
    let folder = "/sys/devices/system/clocksource/clocksource0";
    let current = machine.read(&format!("{folder}/current_clocksource"))?;
    if ["tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"]
        .contains(&current.as_str())
    {
        return Some(Finding::pass(CHECK, current));
    }
    let others = machine.read(&format!("{folder}/available_clocksource")).unwrap_or_default();
    let better = others.split_whitespace().find(|name| ["tsc", "kvm-clock"].contains(name));
    let why = "reading it is a system call, or slower";
    let finding = Finding::warn(CHECK, current, why);
    Some(match better {
        Some(better) => finding.by(format!("echo {better} > {folder}/current_clocksource")),
        None => finding,
    })
}

/// With all ring flags, and with rings at all.
const BEST: (u32, u32) = (6, 1);
const RINGS: (u32, u32) = (5, 15);

const NEWER: &str = "a kernel of 6.1 or newer: Debian 12 has it, Debian 11 as `apt install -t bullseye-backports linux-image-amd64`";

const SECCOMP: &str = "let the seccomp profile allow io_uring_setup, io_uring_enter and \
    io_uring_register: deploy/kubernetes/seccomp/ringway.json, \
    `docker run --security-opt seccomp=ringway.json`";
