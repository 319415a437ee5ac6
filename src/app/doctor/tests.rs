//! Machines of all kinds, as folders.

#![expect(clippy::disallowed_methods, reason = "a test may wait for the disk")]

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A folder that stands for a machine, gone with it.
struct Fake {
    machine: Machine,
}

impl Fake {
    fn new(files: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.load(Ordering::Relaxed);
        COUNT.store(count + 1, Ordering::Relaxed);
        let id = format!("{:?}", std::thread::current().id());
        let id: String = id.chars().filter(char::is_ascii_digit).collect();
        let name = format!("ringway-doctor-{}-{id}-{count}", std::process::id());
        let machine =
            Machine { root: std::env::temp_dir().join(name), ring: Ok(Driver::UringDeferred) };
        let fake = Self { machine };
        files.iter().for_each(|(path, text)| fake.put(path, text));
        fake
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.machine.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{text}\n")).unwrap();
    }

    /// The verdict on one thing, and what mends it.
    fn of(&self, check: &str) -> Option<(Verdict, String)> {
        let findings = examine(&self.machine);
        let mut named = findings.into_iter().filter(|finding| finding.check == check);
        let finding = named.next()?;
        assert_eq!(named.next(), None, "one finding for {check}");
        let passes = finding.verdict == Verdict::Pass;
        assert_eq!(finding.why.is_empty(), passes, "what does not pass says why: {finding:?}");
        Some((finding.verdict, finding.mend.unwrap_or_default()))
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.machine.root);
    }
}

/// One file decides: what is in it, the verdict, and a part of what mends it.
fn check(name: &str, path: &str, cases: &[(&str, Verdict, &str)]) {
    for (text, verdict, mend) in cases {
        let fake = Fake::new(&[(path, text)]);
        let (found, by) = fake.of(name).unwrap_or_else(|| panic!("{name}: nothing for {text}"));
        assert_eq!(found, *verdict, "{name}: {text}");
        assert!(by.contains(mend) && by.is_empty() == mend.is_empty(), "{name}: {text}: {by:?}");
    }
}

#[test]
fn kernels() {
    use Verdict::*;
    let path = "/proc/sys/kernel/osrelease";
    check(
        "kernel",
        path,
        &[
            ("6.18.44-cloud", Pass, ""),
            ("6.1.0-9-amd64", Pass, ""),
            ("6.0.19", Warn, "6.1"),
            ("5.15.0-105-generic", Warn, "6.1"),
            ("5.10.0-28-amd64", Fail, "6.1"),
            ("unknown", Warn, ""),
        ],
    );
}

#[test]
fn a_switch_that_forbids_rings() {
    use Verdict::*;
    let mend = "sysctl -w kernel.io_uring_disabled=0";
    check(
        "kernel.io_uring_disabled",
        "/proc/sys/kernel/io_uring_disabled",
        &[("0", Pass, ""), ("1", Warn, mend), ("2", Fail, mend)],
    );
    let old = Fake::new(&[]);
    assert_eq!(old.of("kernel.io_uring_disabled").unwrap().0, Pass);
}

#[test]
fn rings_as_they_were_given() {
    let mut fake = Fake::new(&[("/proc/self/status", "Name:\tringway\nSeccomp:\t2")]);
    assert_eq!(fake.of("io_uring").unwrap().0, Verdict::Pass);
    fake.machine.ring = Ok(Driver::UringPlain);
    assert_eq!(fake.of("io_uring").unwrap().0, Verdict::Warn);
    fake.machine.ring = Err("Operation not permitted".into());
    let (verdict, mend) = fake.of("io_uring").unwrap();
    assert_eq!(verdict, Verdict::Fail);
    assert!(mend.contains("seccomp"), "a filter is what refuses: {mend}");
    fake.put("/proc/self/status", "Name:\tringway\nSeccomp:\t0");
    assert!(fake.of("io_uring").unwrap().1.contains("io_uring_disabled=0"), "no filter is there");
}

#[test]
fn clocks() {
    use Verdict::*;
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    check("clock source", path, &[("tsc", Pass, ""), ("kvm-clock", Pass, ""), ("hpet", Warn, "")]);
    let fake = Fake::new(&[(path, "acpi_pm")]);
    fake.put(&path.replace("current", "available"), "hpet tsc acpi_pm");
    assert!(fake.of("clock source").unwrap().1.starts_with("echo tsc > /sys/"));
}

#[test]
fn limits_of_a_process() {
    use Verdict::*;
    let limits = |files: &str, locked: &str| {
        format!(
            "Limit                     Soft Limit           Hard Limit           Units\n\
             Max locked memory         {locked}              {locked}              bytes\n\
             Max open files            {files}                1048576              files"
        )
    };
    for (files, verdict) in
        [("1048576", Pass), ("unlimited", Pass), ("524288", Warn), ("1024", Fail)]
    {
        let fake = Fake::new(&[("/proc/self/limits", &limits(files, "8388608"))]);
        let (found, mend) = fake.of("open files").unwrap();
        assert_eq!(found, verdict, "{files}");
        assert!(found == Pass || mend.contains("LimitNOFILE=1048576"), "{mend}");
    }
    for (release, locked, verdict) in [
        ("6.1.0", "65536", Pass),
        ("5.12.1", "65536", Pass),
        ("5.10.0", "unlimited", Pass),
        ("5.10.0", "65536", Fail),
    ] {
        let fake = Fake::new(&[("/proc/self/limits", &limits("1024", locked))]);
        fake.put("/proc/sys/kernel/osrelease", release);
        assert_eq!(fake.of("locked memory").unwrap().0, verdict, "{release} {locked}");
    }
    assert_eq!(Fake::new(&[]).of("open files").unwrap().0, Warn, "nothing is known");
}

#[test]
fn quotas_of_a_group() {
    let quota = |path: &str, text: &str| {
        let fake = Fake::new(&[("/proc/self/cgroup", &format!("0::{path}"))]);
        fake.put(&format!("/sys/fs/cgroup{path}/cpu.max"), text);
        fake.of("processor quota").map(|(verdict, _)| verdict)
    };
    assert_eq!(quota("/system.slice/ringway.service", "max 100000"), Some(Verdict::Pass));
    assert_eq!(quota("/", "150000 100000"), Some(Verdict::Warn));
    assert_eq!(quota("/", "nonsense"), None);
    let old = Fake::new(&[("/proc/self/cgroup", "9:name=systemd:/\n8:pids:/")]);
    assert_eq!(old.of("processor quota"), None);
}

#[test]
fn keys_of_the_network() {
    use Verdict::*;
    for (name, good, bad, wanted) in [
        ("net.core.somaxconn", "65535", "4096", "65535"),
        ("net.ipv4.tcp_max_syn_backlog", "16384", "2048", "16384"),
        ("net.ipv4.tcp_syncookies", "1", "0", "1"),
        ("net.ipv4.tcp_migrate_req", "1", "0", "1"),
        ("net.ipv4.tcp_tw_reuse", "1", "2", "1"),
        ("net.ipv4.tcp_fin_timeout", "15", "60", "30"),
        ("net.ipv4.tcp_slow_start_after_idle", "0", "1", "0"),
        ("net.ipv4.tcp_notsent_lowat", "131072", "4294967295", "1048576"),
        ("net.core.netdev_max_backlog", "16384", "1000", "4096"),
        ("fs.nr_open", "1048576", "65536", "1048576"),
    ] {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        check(name, &path, &[(good, Pass, ""), (bad, Warn, &format!("sysctl -w {name}={wanted}"))]);
        assert_eq!(Fake::new(&[]).of(name), None, "a kernel without {name}");
    }
}

#[test]
fn ports_congestion_and_a_table_of_connections() {
    use Verdict::*;
    check(
        "net.ipv4.ip_local_port_range",
        "/proc/sys/net/ipv4/ip_local_port_range",
        &[
            ("1024\t65000", Pass, ""),
            ("32768\t60999", Warn, "1024 65000"),
            ("60000\t60999", Fail, "1024 65000"),
        ],
    );
    check(
        "net.ipv4.tcp_congestion_control",
        "/proc/sys/net/ipv4/tcp_congestion_control",
        &[("bbr", Pass, ""), ("cubic", Warn, "tcp_bbr")],
    );
    let tracked = |count: &str, most: &str| {
        let fake = Fake::new(&[("/proc/sys/net/netfilter/nf_conntrack_max", most)]);
        fake.put("/proc/sys/net/netfilter/nf_conntrack_count", count);
        fake.of("net.netfilter.nf_conntrack_max").map(|(verdict, _)| verdict)
    };
    assert_eq!(tracked("10", "1048576"), Some(Pass));
    assert_eq!(tracked("10", "65536"), Some(Warn));
    assert_eq!(tracked("1000000", "1048576"), Some(Fail));
}

/// A machine of four cores with one card of so many queues, whose interrupts are on these cores.
fn with_card(interrupts: &[&str], rps: &str) -> Fake {
    let fake = Fake::new(&[
        ("/sys/devices/system/cpu/online", "0-3"),
        ("/sys/class/net/lo/operstate", "unknown"),
        ("/sys/class/net/eth0/operstate", "up"),
    ]);
    for (queue, core) in interrupts.iter().enumerate() {
        let card = "/sys/class/net/eth0";
        fake.put(&format!("{card}/queues/rx-{queue}/rps_cpus"), rps);
        fake.put(&format!("{card}/queues/tx-{queue}/xps_cpus"), "0");
        fake.put(&format!("{card}/device/msi_irqs/{}", 40 + queue), "msix");
        fake.put(&format!("/proc/irq/{}/smp_affinity_list", 40 + queue), core);
    }
    fake
}

#[test]
fn queues_of_a_card() {
    use Verdict::*;
    for (interrupts, rps, verdict) in [
        (&["0", "1", "2", "3"][..], "0", Pass),
        (&["0", "0", "0", "0"], "0", Warn),
        (&["0"], "0", Warn),
        (&["0"], "f", Pass),
        (&["0-3", "0-3"], "00000000,00000000", Warn),
    ] {
        let fake = with_card(interrupts, rps);
        let (found, mend) = fake.of("queues of eth0").expect("a card");
        assert_eq!(found, verdict, "{interrupts:?} {rps}");
        assert!(found == Pass || mend.contains("irq.sh --dry-run eth0"), "{mend}");
        assert_eq!(fake.of("queues of lo"), None);
    }
    let alone = with_card(&["0"], "0");
    alone.put("/sys/devices/system/cpu/online", "0");
    assert_eq!(alone.of("queues of eth0"), None, "one core has nothing to share");
}

#[test]
fn both_ways_to_say_it() {
    let fake = Fake::new(&[("/proc/sys/net/core/somaxconn", "128")]);
    let findings = examine(&fake.machine);
    let said = text(&findings);
    assert!(said.contains("WARN  net.core.somaxconn"), "{said}");
    assert!(said.contains("mend: sysctl -w net.core.somaxconn=65535"), "{said}");
    let read: serde_json::Value = serde_json::from_str(&json(&findings)).unwrap();
    let named = |finding: &&serde_json::Value| finding["check"] == "net.core.somaxconn";
    let finding = read.as_array().unwrap().iter().find(named).unwrap();
    assert_eq!((&finding["verdict"], &finding["found"]), (&"warn".into(), &"128".into()));
    assert!(finding["mend"].is_string() && finding["why"].is_string());
    assert!(!failed(&findings));
    fake.put("/proc/sys/kernel/io_uring_disabled", "2");
    assert!(failed(&examine(&fake.machine)));
}

/// The file that we ship mends what the doctor finds.
#[test]
fn the_shipped_settings_pass() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/sysctl.conf");
    let fake = Fake::new(&[]);
    let mut keys = 0;
    for line in fs::read_to_string(file).unwrap().lines() {
        let line = line.trim_start_matches('-');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once(" = ").unwrap_or_else(|| panic!("{line}"));
        fake.put(&format!("/proc/sys/{}", name.replace('.', "/")), value);
        keys += 1;
    }
    let findings = examine(&fake.machine);
    let of_the_kernel = |finding: &&Finding| finding.check.contains('.');
    let bad: Vec<_> = findings.iter().filter(of_the_kernel).collect();
    assert!(bad.iter().all(|finding| finding.verdict == Verdict::Pass), "{bad:#?}");
    assert!(bad.len() >= 12 && keys >= bad.len(), "{} keys, {} checked", keys, bad.len());
}
