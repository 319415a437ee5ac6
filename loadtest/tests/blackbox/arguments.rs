//! Bad arguments: one clear line each, exit code 2, and no load.

use super::support::{Server, loadtest};

#[test]
fn each_mistake_is_one_line() {
    for (words, expected) in [
        ("run", "no URL to ask"),
        ("run example", "is no URL to ask"),
        ("run ftp://localhost/", "none of http, https"),
        ("run http://localhost/ -c 0", "at least 1"),
        ("run http://localhost/ -d 0", "the duration is nothing"),
        ("run http://localhost/ -d soon", "is no time"),
        ("run http://localhost/ --rate 0", "a rate is more than 0"),
        ("run http://localhost/ --rate 5 --profile 1@1s", "cannot be used with"),
        ("run http://localhost/ --poisson", "a way to keep a --rate"),
        ("run http://localhost/ --weights 0", "the weights of all targets are 0"),
        ("run http://localhost/ --nonsense", "unexpected argument"),
        ("run ws://localhost/ tcp://localhost:1", "no target for WebSocket"),
        ("run https://localhost/ --slow-read 1", "slow clients"),
        ("run https://localhost/ --cacert /nonexistent.pem", "/nonexistent.pem"),
        ("run http://localhost/ --compare /nonexistent.json", "/nonexistent.json"),
        ("run http://localhost/ --html /nonexistent/a.html -d 50ms -c 1", "/nonexistent/a.html"),
        ("capacity http://localhost/ --slo fast", "is no objective"),
        ("capacity http://localhost/ --from 5 --to 1", "--from"),
        ("sing", "unrecognized subcommand"),
    ] {
        let ended = loadtest(words);
        assert_eq!(ended.code(), Some(2), "{words}: {ended:?}");
        assert!(ended.err.contains(expected), "{words}: {ended:?}");
        assert_eq!(ended.err.trim_end().lines().count(), 1, "{words}: {ended:?}");
    }
}

#[test]
fn other_machines_are_refused_unless_they_are_allowed() {
    // TEST-NET-1 of RFC 5737: nobody's.
    let ended = loadtest("run http://192.0.2.1/ -d 100ms");
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    assert!(ended.err.contains("--allow-remote"), "{ended:?}");
    let flags = "-d 100ms -c 1 --connect-timeout 100ms --grace 0s --allow-remote";
    let ended = loadtest(&format!("run http://192.0.2.1/ {flags}"));
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let ended = loadtest(&format!("run {} -d 100ms -c 1", Server::hello().url()));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}

#[test]
fn help_is_help() {
    let ended = loadtest("run --help");
    assert_eq!(ended.code(), Some(0));
    assert!(ended.out.contains("--allow-remote") && ended.out.contains("--rate"));
}
