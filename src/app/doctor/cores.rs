//! Which cores take the packets in: where one does it for all, its worker is behind, and the others
//! wait. deploy/irq.sh is what mends it.

use std::collections::BTreeSet;

use super::{Finding, Machine};

pub(super) fn look(machine: &Machine) -> Vec<Finding> {
    let cores = cores(machine);
    if cores < 2 {
        return Vec::new();
    }
    let names = machine.names("/sys/class/net");
    names.iter().filter_map(|name| card(machine, name, cores)).collect()
}

fn cores(machine: &Machine) -> usize {
    let online = machine.read("/sys/devices/system/cpu/online").unwrap_or_default();
    list(&online).len()
}

/// A real one that is up: what is virtual has no device.
fn card(machine: &Machine, name: &str, cores: usize) -> Option<Finding> {
    let folder = format!("/sys/class/net/{name}");
    if !machine.has(&format!("{folder}/device"))
        || machine.read(&format!("{folder}/operstate")).is_none_or(|state| state == "down")
    {
        return None;
    }
    let check = format!("queues of {name}");
    let mend = format!("deploy/irq.sh --dry-run {name}, and again without --dry-run");
    let queues = machine.names(&format!("{folder}/queues"));
    let queues: Vec<_> = queues.iter().filter(|queue| queue.starts_with("rx-")).collect();
    let spread = queues.iter().filter(|queue| is_spread(machine, &folder, queue)).count();
    let taking = taking(machine, name);
    let found = format!(
        "{} for {cores} cores, interrupts on {} of them, {spread} spread by RPS",
        queues.len(),
        taking.len().max(1),
    );
    let steered = spread == queues.len() && !queues.is_empty();
    if steered || taking.len() >= queues.len().min(cores) && queues.len() >= cores {
        return Some(Finding::pass(&check, found));
    }
    let why = match queues.len() < cores {
        true => "fewer queues than cores: the packets of all wait for a few",
        false => "the interrupts of several queues are on one core",
    };
    Some(Finding::warn(&check, found, why).by(mend))
}

/// Whether packets of this queue are handed on to other cores.
fn is_spread(machine: &Machine, folder: &str, queue: &str) -> bool {
    let mask = machine.read(&format!("{folder}/queues/{queue}/rps_cpus")).unwrap_or_default();
    mask.chars().any(|c| !matches!(c, '0' | ','))
}

/// The cores that the interrupts of a card are bound to, one for each.
fn taking(machine: &Machine, name: &str) -> BTreeSet<usize> {
    let folders = ["device/msi_irqs", "device/../msi_irqs"].into_iter();
    // Those of a virtio card are of the PCI device behind it.
    let mut numbers =
        folders.map(|folder| machine.names(&format!("/sys/class/net/{name}/{folder}")));
    let numbers = numbers.find(|numbers| !numbers.is_empty()).unwrap_or_default();
    let bound = numbers.iter().filter_map(|number| {
        let folder = format!("/proc/irq/{number}");
        let effective = machine.read(&format!("{folder}/effective_affinity_list"));
        let cores = effective.or_else(|| machine.read(&format!("{folder}/smp_affinity_list")))?;
        list(&cores).first().copied()
    });
    bound.collect()
}

/// `0-3,8` as its numbers.
fn list(text: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.trim().parse::<usize>().ok()?..=to.trim().parse().ok()?)
    };
    text.split(',').filter_map(range).flatten().take(CORES_MAX).collect()
}

/// More than any machine has: a file that says otherwise is wrong.
const CORES_MAX: usize = 8192;
