use super::super::{Config, Diagnostics, parse_with};
use super::*;

const BINDS: &str = "binds: [{port: 1, listeners: [{}]}]\n";

fn read(text: &str, environment: &[(&str, &str)]) -> Result<Config, Diagnostics> {
    let find = |name: &str| environment.iter().find(|(key, _)| *key == name);
    let find = |name: &str| find(name).map(|(_, value)| (*value).to_owned());
    parse_with(&format!("{BINDS}{text}"), "gateway.yaml", &find)
}

fn process(text: &str, environment: &[(&str, &str)]) -> Process {
    read(text, environment).unwrap_or_else(|found| panic!("{found}")).process
}

#[test]
fn defaults_are_those_of_agentgateway() {
    let process = process("", &[]);
    assert_eq!(process, Process::default());
    let shown = serde_json::to_value(&process).unwrap();
    let expected = serde_json::json!({
        "adminAddr": "localhost:15000",
        "statsAddr": "[::]:15020",
        "readinessAddr": "[::]:15021",
        "enableIpv6": true,
        "connectionMinTerminationDeadline": "0s",
        "connectionTerminationDeadline": "5s",
        "backend": {
            "connectTimeout": "10s",
            "poolIdleTimeout": "1m30s",
            "poolMaxSize": null,
            "keepalives": {"enabled": true, "time": "3m0s", "interval": "3m0s", "retries": 9},
        },
        "dns": {"lookupFamily": "Auto", "edns0": false},
        "logging": {"level": ["info"], "format": "text"},
        "ringway": {
            "limits": {
                "headBytes": 32768,
                "targetBytes": 8192,
                "headerTimeout": "10s",
                "readTimeout": "30s",
                "writeTimeout": "30s",
                "connectionsPerWorker": 65536,
                "connections": 262_144,
                "pipelinedRequests": 100_000,
                "bufferedBytes": 1_073_741_824,
                "streamsPerConnection": 100,
                "handshakesPerWorker": 1024,
                "tcpIdleTimeout": "1h0m0s",
                "upstreamStreamsPerConnection": 100,
                "upstreamStreamsWaiting": 1024,
            },
            "forwarded": {
                "mode": "replace", "trustedHops": 0, "via": false, "requestId": "keep",
                "clientCertificate": false,
            },
            "accessLog": {
                    "to": "stdout", "format": "text", "prompts": 0, "completions": 0,
                },
            "dns": {"minTtl": "5s", "maxTtl": "5m0s"},
            "upgrade": {"timeout": "1m0s"},
            "driver": "auto",
            "pin": true,
        },
    });
    assert_eq!(shown, expected);
}

#[test]
fn the_environment_overrides_the_file() {
    let file = "config: {adminAddr: 'localhost:9', statsAddr: 'off', readinessAddr: 'off', \
                workerThreads: 3, connectionMinTerminationDeadline: 1s, \
                connectionTerminationDeadline: 2s, enableIpv6: true, ringway: {driver: uring}}";
    let unchanged = process(file, &[]);
    assert_eq!(unchanged.worker_threads, WorkerThreads::Count(3));
    let environment = [
        ("ADMIN_ADDR", "127.0.0.1:2"),
        ("STATS_ADDR", "127.0.0.1:3"),
        ("READINESS_ADDR", "unix:/run/ready.sock"),
        ("WORKER_THREADS", "5"),
        ("CONNECTION_MIN_TERMINATION_DEADLINE", "10s"),
        ("CONNECTION_TERMINATION_DEADLINE", "1m"),
        ("TERMINATION_GRACE_PERIOD_SECONDS", "99"),
        ("IPV6_ENABLED", "false"),
        ("RINGWAY_DRIVER", "epoll"),
    ];
    let changed = process(file, &environment);
    assert_eq!(changed.admin_addr.to_string(), "127.0.0.1:2");
    assert_eq!(changed.stats_addr.to_string(), "127.0.0.1:3");
    assert_eq!(changed.readiness_addr.to_string(), "unix:/run/ready.sock");
    assert_eq!(changed.worker_threads, WorkerThreads::Count(5));
    assert_eq!(changed.connection_min_termination_deadline, Duration::from_secs(10));
    assert_eq!(changed.connection_termination_deadline, Duration::from_secs(60));
    assert!(!changed.enable_ipv6);
    assert_eq!(changed.ringway.driver, super::super::ringway::Driver::Epoll);
}

#[test]
fn without_ipv6_wildcards_are_of_ipv4() {
    for (file, environment) in
        [("config: {enableIpv6: false}", None), ("", Some(("IPV6_ENABLED", "false")))]
    {
        let config = read(file, environment.as_slice()).unwrap();
        assert_eq!(config.process.stats_addr.to_string(), "0.0.0.0:15020");
        let socket = config.binds[0].socket(config.process.enable_ipv6);
        assert_eq!(socket.to_string(), "0.0.0.0:1");
    }
}

#[test]
fn the_grace_period_leaves_a_little_for_the_cut() {
    for (grace, seconds) in [("60", 55), ("11", 6), ("10", 9), ("2", 1), ("1", 1), ("0", 1)] {
        let process = process("", &[("TERMINATION_GRACE_PERIOD_SECONDS", grace)]);
        let expected = Duration::from_secs(seconds);
        assert_eq!(process.connection_termination_deadline, expected, "{grace}");
    }
    let file = "config: {connectionTerminationDeadline: 7s}";
    let process = process(file, &[("TERMINATION_GRACE_PERIOD_SECONDS", "60")]);
    assert_eq!(process.connection_termination_deadline, Duration::from_secs(7), "the key wins");
}

#[test]
fn a_drain_ends_after_it_began_wherever_that_is_set() {
    let environment = [("CONNECTION_MIN_TERMINATION_DEADLINE", "10s")];
    let found = read("", &environment).unwrap_err().to_string();
    let expected = "environment: CONNECTION_MIN_TERMINATION_DEADLINE: a drain would accept for 10s \
                    and be cut at 5s\n    hint: connectionMinTerminationDeadline is at most \
                    connectionTerminationDeadline";
    assert_eq!(found, expected);
}

#[test]
fn a_bad_variable_is_told_by_its_name() {
    let cases = [
        ("ADMIN_ADDR", "nowhere"),
        ("WORKER_THREADS", "0"),
        ("CPU_LIMIT", "many"),
        ("CONNECTION_TERMINATION_DEADLINE", "10"),
        ("TERMINATION_GRACE_PERIOD_SECONDS", "60s"),
        ("IPV6_ENABLED", "yes"),
        ("RINGWAY_DRIVER", "iocp"),
    ];
    for (name, value) in cases {
        let found = read("", &[(name, value)]).unwrap_err();
        assert_eq!(found.problems().len(), 1, "{found}");
        assert!(found.to_string().starts_with(&format!("environment: {name}: ")), "{found}");
    }
}

#[test]
fn workers() {
    let cases = [
        ("", 8, 8),
        ("config: {workerThreads: 3}", 8, 3),
        ("config: {workerThreads: '3'}", 8, 3),
        ("config: {workerThreads: 50%}", 8, 4),
        ("config: {workerThreads: 50%}", 3, 2),
        ("config: {workerThreads: 1%}", 2, 1),
        ("config: {workerThreads: 37.5%}", 8, 3),
    ];
    for (file, cores, expected) in cases {
        assert_eq!(process(file, &[]).worker_threads.of(cores), expected, "{file}");
    }
    let limited = |file: &str| process(file, &[("CPU_LIMIT", "4")]).worker_threads.of(64);
    assert_eq!(limited(""), 4);
    assert_eq!(limited("config: {workerThreads: 50%}"), 2);
    assert_eq!(limited("config: {workerThreads: 6}"), 6, "a number is a number");
}

#[test]
fn trusted_hops_mean_append() {
    use super::super::ringway::ForwardedMode;
    let forwarded = |text: &str| process(text, &[]).ringway.forwarded;
    let hops = forwarded("config: {ringway: {forwarded: {trustedHops: 2}}}");
    assert_eq!((hops.mode, hops.trusted_hops), (ForwardedMode::Append, 2));
    let all = forwarded("config: {ringway: {forwarded: {mode: append}}}");
    assert_eq!((all.mode, all.trusted_hops), (ForwardedMode::Append, 0));
}

#[test]
fn the_access_log_follows_the_process_log() {
    let json = process("config: {logging: {format: json}}", &[]);
    assert_eq!(json.ringway.access_log.format, LogFormat::Json);
    let text = "config: {logging: {format: json}, ringway: {accessLog: {format: text, to: off}}}";
    assert_eq!(process(text, &[]).ringway.access_log.format, LogFormat::Text);
    let file = process("config: {ringway: {accessLog: {to: {file: /var/log/a}}}}", &[]);
    let shown = serde_json::to_value(&file.ringway.access_log).unwrap();
    assert_eq!(shown["to"]["file"], "/var/log/a");
}
