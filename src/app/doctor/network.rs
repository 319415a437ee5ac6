//! The settings of the kernel's network that a proxy lives by. What they are worth is told line by
//! line in deploy/sysctl.conf, which has the same keys.

use super::{Finding, Machine};

/// One key below `/proc/sys`.
struct Key {
    name: &'static str,
    /// What it has to be.
    wanted: Wanted,
    why: &'static str,
}

enum Wanted {
    AtLeast(u64),
    AtMost(u64),
    Is(u64),
}

const KEYS: [Key; 10] = [
    Key {
        name: "net.core.somaxconn",
        wanted: Wanted::AtLeast(65_535),
        why: "the queue of a listening socket is no longer than this: a burst is answered by silence",
    },
    Key {
        name: "net.ipv4.tcp_max_syn_backlog",
        wanted: Wanted::AtLeast(16_384),
        why: "so many handshakes may be under way: clients that are far away make many",
    },
    Key {
        name: "net.ipv4.tcp_syncookies",
        wanted: Wanted::Is(1),
        why: "a flood of first packets keeps everybody out",
    },
    Key {
        name: "net.ipv4.tcp_migrate_req",
        wanted: Wanted::Is(1),
        why: "when one process of several on a port dies, what waits in its queue is reset",
    },
    Key {
        name: "net.ipv4.tcp_tw_reuse",
        wanted: Wanted::Is(1),
        why: "each port of a closed connection to a backend is lost for a minute",
    },
    Key {
        name: "net.ipv4.tcp_fin_timeout",
        wanted: Wanted::AtMost(30),
        why: "halves of connections that nobody wants any more are kept for so many seconds",
    },
    Key {
        name: "net.ipv4.tcp_slow_start_after_idle",
        wanted: Wanted::Is(0),
        why: "a pooled connection begins slowly behind each pause",
    },
    Key {
        name: "net.ipv4.tcp_notsent_lowat",
        wanted: Wanted::AtMost(1 << 20),
        why: "megabytes may lie unsent in the kernel for one slow client",
    },
    Key {
        name: "net.core.netdev_max_backlog",
        wanted: Wanted::AtLeast(4_096),
        why: "packets of a burst are dropped before anybody has looked at them",
    },
    Key {
        name: "fs.nr_open",
        wanted: Wanted::AtLeast(1_048_576),
        why: "no process can be given more descriptors",
    },
];

pub(super) fn look(machine: &Machine) -> Vec<Finding> {
    let mut findings: Vec<_> = KEYS.iter().filter_map(|key| one(machine, key)).collect();
    findings.extend(ports(machine));
    findings.extend(congestion(machine));
    findings.extend(tracked(machine));
    findings
}

/// Keys that a kernel or a network namespace does not have are passed over.
fn one(machine: &Machine, key: &Key) -> Option<Finding> {
    let found = machine.number(&path(key.name))?;
    let (good, wanted) = match key.wanted {
        Wanted::AtLeast(wanted) => (found >= wanted, wanted),
        Wanted::AtMost(wanted) => (found <= wanted, wanted),
        Wanted::Is(wanted) => (found == wanted, wanted),
    };
    if good {
        return Some(Finding::pass(key.name, found.to_string()));
    }
    let mend = format!("sysctl -w {}={wanted}", key.name);
    Some(Finding::warn(key.name, found.to_string(), key.why).by(mend))
}

fn path(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}

/// As many connections can be open to one address and port.
fn ports(machine: &Machine) -> Option<Finding> {
    const CHECK: &str = "net.ipv4.ip_local_port_range";
    let text = machine.read(&path(CHECK))?;
    let mut bounds = text.split_whitespace().map(|bound| bound.parse::<u64>().ok());
    let (low, high) = (bounds.next()??, bounds.next()??);
    let count = high.saturating_sub(low) + 1;
    let found = format!("{low} to {high}: {count} ports");
    let why = "no more connections can be open to one address and port";
    let mend = "sysctl -w net.ipv4.ip_local_port_range='1024 65000'";
    Some(match count {
        50_000.. => Finding::pass(CHECK, found),
        10_000.. => Finding::warn(CHECK, found, why).by(mend),
        _ => Finding::fail(CHECK, found, why).by(mend),
    })
}

fn congestion(machine: &Machine) -> Option<Finding> {
    const CHECK: &str = "net.ipv4.tcp_congestion_control";
    let found = machine.read(&path(CHECK))?;
    if found == "bbr" {
        return Some(Finding::pass(CHECK, found));
    }
    let why = "clients far away, or on lossy ways, get less than there is";
    let mend = "modprobe tcp_bbr && sysctl -w net.core.default_qdisc=fq \
                net.ipv4.tcp_congestion_control=bbr";
    Some(Finding::warn(CHECK, found, why).by(mend))
}

/// A firewall that follows connections has a table of them, and drops what does not fit.
fn tracked(machine: &Machine) -> Option<Finding> {
    const CHECK: &str = "net.netfilter.nf_conntrack_max";
    let most = machine.number(&path(CHECK))?;
    let count = machine.number("/proc/sys/net/netfilter/nf_conntrack_count").unwrap_or(0);
    let found = format!("{count} of {most}");
    let mend = "sysctl -w net.netfilter.nf_conntrack_max=1048576, or a rule with `notrack` for the \
                ports of the gateway";
    let why = "the firewall forgets or drops connections behind so many";
    Some(if count.saturating_mul(10) >= most.saturating_mul(8) {
        Finding::fail(CHECK, found, why).by(mend)
    } else if most < TRACKED_LEAST {
        Finding::warn(CHECK, found, why).by(mend)
    } else {
        Finding::pass(CHECK, found)
    })
}

/// `limits.connections` of clients, and half as many of backends.
const TRACKED_LEAST: u64 = 393_216;
