//! systemd reads the units without a complaint, and what they allow is little, and enough.

use super::{Scratch, said, text, tool};

const UNITS: [&str; 2] = ["ringway.service", "ringway.socket"];

#[test]
fn systemd_has_no_complaint() {
    let Some(mut analyze) = tool("systemd-analyze") else { return };
    let scratch = Scratch::new();
    let executable = env!("CARGO_BIN_EXE_ringway");
    let paths = UNITS.map(|unit| {
        let text = text(&format!("systemd/{unit}")).replace("/usr/bin/ringway", executable);
        scratch.put(unit, &text)
    });
    let judged = analyze.arg("verify").arg("--man=no").args(paths).output().expect("it runs");
    assert!(judged.status.success(), "{}", said(&judged));
    let text = said(&judged);
    let about_us = text.lines().filter(|line| line.contains("ringway"));
    assert_eq!(about_us.collect::<Vec<_>>(), [""; 0]);
}

/// 2.0 is what the threshold of 20 stands for.
#[test]
fn the_service_is_exposed_to_little() {
    let Some(mut analyze) = tool("systemd-analyze") else { return };
    analyze.args(["security", "--offline=true", "--no-pager", "--threshold=20"]);
    let judged = analyze.arg(super::deployed("systemd/ringway.service")).output().unwrap();
    assert!(judged.status.success(), "{}", said(&judged));
}

/// What workers ask of the kernel is in what the unit lets through. The names in groups are systemd's
/// to tell.
#[test]
fn the_filter_lets_a_ring_through() {
    let unit = text("systemd/ringway.service");
    let filters: Vec<_> =
        unit.lines().filter_map(|l| l.strip_prefix("SystemCallFilter=")).collect();
    let allowed: Vec<&str> = filters
        .iter()
        .filter(|filter| !filter.starts_with('~'))
        .flat_map(|filter| filter.split_whitespace())
        .collect();
    for name in ["io_uring_setup", "io_uring_enter", "io_uring_register", "sched_setaffinity"] {
        assert!(allowed.contains(&name), "{name}");
    }
    // The profile of a pod says the same without groups.
    let profile: serde_json::Value =
        serde_json::from_str(&text("kubernetes/seccomp/ringway.json")).unwrap();
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    let lists = profile["syscalls"].as_array().unwrap();
    assert!(lists.iter().all(|list| list["action"] == "SCMP_ACT_ALLOW"));
    let names: Vec<&str> = lists
        .iter()
        .flat_map(|list| list["names"].as_array().unwrap())
        .map(|name| name.as_str().unwrap())
        .collect();
    for name in ASKED.split_whitespace() {
        assert!(names.contains(&name), "{name}");
    }
    for name in ["mount", "ptrace", "bpf", "kexec_load", "init_module", "unshare", "setns"] {
        assert!(!names.contains(&name), "{name}");
    }
}

/// A drain has its time before systemd kills: `connectionTerminationDeadline` of what is shipped.
#[test]
fn a_stop_is_longer_than_a_drain() {
    let unit = text("systemd/ringway.service");
    let seconds = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec="));
    let stop: u64 = seconds.expect("a limit").parse().expect("seconds");
    let config = super::yaml("debian/gateway.yaml");
    let drain = config["config"]["connectionTerminationDeadline"].as_str().expect("a duration");
    let drain: u64 = drain.trim_end_matches('s').parse().expect("seconds");
    assert!(stop > drain, "killed after {stop} s, drained after {drain} s");
    for wanted in ["Type=notify", "ExecReload=/bin/kill -HUP $MAINPID", "LimitNOFILE=1048576"] {
        assert!(unit.lines().any(|line| line == wanted), "{wanted}");
    }
}

/// What `strace` saw of a gateway that serves on either driver, reloads and drains.
const ASKED: &str = "accept4 access arch_prctl bind brk clock_gettime clone3 close connect \
    epoll_create1 epoll_ctl epoll_wait eventfd2 execve exit exit_group fcntl futex getrandom \
    getsockname getsockopt gettid inotify_add_watch inotify_init1 io_uring_enter \
    io_uring_register io_uring_setup ioctl listen lseek madvise mmap mprotect munmap newfstatat \
    open openat pipe2 poll prctl pread64 prlimit64 read readlink recvfrom recvmsg \
    restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity \
    sched_setaffinity sched_yield sendmsg sendto set_robust_list set_tid_address setsockopt \
    shutdown sigaltstack socket socketpair splice statx sysinfo timerfd_create timerfd_settime \
    uname write writev";
