//! `irq.sh`, against a card and cores that are files.

use std::process::{Command, Output};

use super::{Scratch, deployed, said};

/// A card of so many queues, with an interrupt for each and one that is for none.
fn machine(cores: &str, queues: usize) -> Scratch {
    let scratch = Scratch::new();
    scratch.put("/sys/devices/system/cpu/online", &format!("{cores}\n"));
    let card = "/sys/class/net/eth0";
    let mut interrupts = String::from("            CPU0       CPU1\n");
    scratch.put(&format!("{card}/device/msi_irqs/39"), "msix");
    scratch.put("/proc/irq/39/smp_affinity_list", "0-9");
    interrupts +=
        " 39:          0          0 PCI-MSIX-0000:00:05.0   0-edge      ice-eth0-config\n";
    for queue in 0..queues {
        let irq = 40 + queue;
        scratch.put(&format!("{card}/queues/rx-{queue}/rps_cpus"), "0\n");
        scratch.put(&format!("{card}/queues/tx-{queue}/xps_cpus"), "0\n");
        scratch.put(&format!("{card}/device/msi_irqs/{irq}"), "msix\n");
        scratch.put(&format!("/proc/irq/{irq}/smp_affinity_list"), "0-9\n");
        interrupts +=
            &format!(" {irq}:  1  2 PCI-MSIX-0000:00:05.0 1-edge      ice-eth0-TxRx-{queue}\n");
    }
    scratch.put("/proc/interrupts", &interrupts);
    scratch
}

fn run(scratch: &Scratch, arguments: &[&str]) -> Output {
    let mut command = Command::new("bash");
    command.arg(deployed("irq.sh")).arg("--root").arg(&scratch.0).args(arguments);
    command.output().expect("bash runs")
}

fn affinity(scratch: &Scratch, irq: usize) -> String {
    scratch.read(&format!("/proc/irq/{irq}/smp_affinity_list"))
}

fn mask(scratch: &Scratch, queue: &str) -> String {
    let file = if queue.starts_with("rx") { "rps_cpus" } else { "xps_cpus" };
    scratch.read(&format!("/sys/class/net/eth0/queues/{queue}/{file}"))
}

#[test]
fn a_queue_for_each_core() {
    let scratch = machine("0-3", 4);
    let output = run(&scratch, &["eth0"]);
    assert!(output.status.success(), "{}", said(&output));
    for queue in 0..4 {
        assert_eq!(affinity(&scratch, 40 + queue), queue.to_string());
        assert_eq!(mask(&scratch, &format!("tx-{queue}")), format!("{:x}", 1 << queue));
        assert_eq!(mask(&scratch, &format!("rx-{queue}")), "0", "nothing is handed on");
    }
    assert_eq!(affinity(&scratch, 39), "0-9", "the interrupt of no queue stays");
    assert!(said(&output).contains("# was 0-9"), "{}", said(&output));
}

#[test]
fn fewer_queues_than_cores_are_shared() {
    let scratch = machine("0-7", 2);
    let output = run(&scratch, &["eth0"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("ethtool -L eth0 combined 8"), "{}", said(&output));
    assert_eq!((mask(&scratch, "rx-0"), mask(&scratch, "rx-1")), ("55".into(), "aa".into()));
    assert_eq!((mask(&scratch, "tx-0"), mask(&scratch, "tx-1")), ("55".into(), "aa".into()));
    assert_eq!((affinity(&scratch, 40), affinity(&scratch, 41)), ("0".into(), "1".into()));
}

#[test]
fn many_cores_and_holes_in_them() {
    let scratch = machine("0-1,32,64-65", 5);
    assert!(run(&scratch, &["eth0"]).status.success());
    assert_eq!(affinity(&scratch, 42), "32");
    let masks = ["1", "2", "1,00000000", "1,00000000,00000000", "2,00000000,00000000"];
    for (queue, wanted) in masks.iter().enumerate() {
        assert_eq!(mask(&scratch, &format!("tx-{queue}")), *wanted);
    }
}

#[test]
fn a_dry_run_changes_nothing() {
    let scratch = machine("0-3", 4);
    let output = run(&scratch, &["--dry-run", "eth0"]);
    assert!(output.status.success(), "{}", said(&output));
    let lines = said(&output);
    assert_eq!(lines.lines().filter(|line| line.starts_with("echo ")).count(), 12, "{lines}");
    assert_eq!(affinity(&scratch, 41), "0-9");
    assert_eq!(mask(&scratch, "tx-1"), "0");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let scratch = machine("0-3", 4);
    for (arguments, code) in
        [(&[][..], 2), (&["--nonsense"], 2), (&["eth0", "eth1"], 2), (&["eth7"], 1)]
    {
        let output = run(&scratch, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
    }
}
