//! Open and closed loops: how many requests are sent, from when their time counts, and that a run
//! can be ended early.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::support::server::ok;
use super::support::{Folder, Server, command, finish, load};

#[test]
fn an_open_loop_keeps_its_rate_and_says_so() {
    let server = Server::hello();
    for flags in ["--rate 200", "--profile 100-300@1s", "--rate 200 -t 2"] {
        let ended = load(&format!("{} -c 8 -d 1s {flags}", server.url()));
        assert_eq!(ended.number("/requests"), 200.0, "{flags}: {ended:?}");
        assert_eq!(ended.json()["loop"], "open");
        assert_eq!(ended.number("/errors"), 0.0, "{ended:?}");
    }
    let ended = load(&format!("{} -c 8 -d 2s --rate 500 --poisson", server.url()));
    let requests = ended.number("/requests");
    assert!((800.0..1200.0).contains(&requests) && requests != 1000.0, "{ended:?}");
}

#[test]
fn a_stall_is_seen_by_an_open_loop_and_hidden_by_a_closed_one() {
    let start = Instant::now();
    let stalls = move || {
        let within = start.elapsed().as_millis() % 1000;
        if within < 100 {
            thread::sleep(Duration::from_millis(100 - within as u64));
        }
    };
    let server = Server::http(move |_| {
        stalls();
        ok("hello")
    });
    // A tenth of the time is a stall of 100 ms, so that a tenth of the requests wait up to that.
    let ended = load(&format!("{} -c 32 -d 3s --rate 300", server.url()));
    let (p50, p95) = (ended.number("/latency_ns/p50"), ended.number("/latency_ns/p95"));
    let p99 = ended.number("/latency_ns/p99");
    assert!(p99 > 70e6, "p50 {p50}, p95 {p95}, p99 {p99}");
    assert!(p95 > 20e6, "p50 {p50}, p95 {p95}, p99 {p99}");
    let closed = load(&format!("{} -c 1 -d 3s", server.url()));
    assert_eq!(closed.json()["loop"], "closed");
    let hidden = closed.number("/latency_ns/p95");
    assert!(hidden < p95, "a closed loop asks less while it waits: {hidden} against {p95}");
}

#[test]
fn a_connection_carries_as_many_requests_as_it_should() {
    let server = Server::hello();
    let ended = load(&format!("{} -c 2 -d 300ms --requests-per-connection 1", server.url()));
    let (requests, opened) = (ended.number("/requests"), ended.number("/connections_opened"));
    assert!(requests > 1.0 && requests == opened, "{ended:?}");
    assert_eq!(ended.number("/errors"), 0.0, "{ended:?}");
    let server = Server::hello();
    load(&format!("{} -c 3 -d 300ms", server.url()));
    assert_eq!(server.accepted(), 3);
}

#[test]
fn a_replay_asks_what_was_logged_when_it_was_logged() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let server = Server::http(move |request| {
        let line = request.line();
        if line == "GET /a HTTP/1.1" || line == "DELETE /b HTTP/1.1" {
            count.fetch_add(1, Ordering::SeqCst);
        }
        ok("hello")
    });
    let line = |second: u32, what: &str| {
        format!("::1 - - [10/Oct/2000:13:55:{second:02} +0000] \"{what} HTTP/1.1\" 200 1\n")
    };
    let log = [line(1, "GET /a"), line(5, "DELETE /b"), line(9, "GET /a")].concat();
    let folder = Folder::new("replay");
    let file = folder.file("access.log", log);
    let ended = load(&format!("{} -c 2 -d 20s --replay {file} --speed 10", server.url()));
    assert_eq!((ended.number("/answers"), seen.load(Ordering::SeqCst)), (3.0, 3), "{ended:?}");
    assert!(ended.took >= Duration::from_millis(800), "eight seconds, ten times as fast");
    assert!(ended.took < Duration::from_secs(15), "it ends with its last record: {ended:?}");
}

#[test]
fn an_interrupted_run_reports_what_came_so_far() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let server = Server::http(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        ok("hello")
    });
    for flags in ["-c 2", "-c 2 --rate 20", "-c 2 -t 2 --rate 20"] {
        seen.store(0, Ordering::SeqCst);
        let begun = Instant::now();
        let words = format!("run --json - {} -d 50s {flags}", server.url());
        let child = command(&words).spawn().expect("the executable is there");
        while seen.load(Ordering::SeqCst) < 5 {
            assert!(begun.elapsed() < Duration::from_secs(30), "no request came");
            thread::sleep(Duration::from_millis(10));
        }
        let id = child.id().to_string();
        let kill = std::process::Command::new("kill").args(["-INT", &id]).status();
        assert!(kill.expect("there is a kill").success());
        let ended = finish(child, begun);
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        assert_eq!(ended.json()["interrupted"], true);
        assert!(ended.number("/answers") >= 5.0, "{ended:?}");
        assert!(ended.number("/elapsed_ns") < 45e9, "{ended:?}");
    }
}

#[test]
fn slow_clients_are_slow() {
    let server = Server::hello();
    let ended = load(&format!("{} -c 2 -d 1s --slow-write 200 --grace 5s", server.url()));
    // A request of some 40 bytes takes 0.2 s to write.
    let (answers, p50) = (ended.number("/answers"), ended.number("/latency_ns/p50"));
    assert!(answers >= 2.0 && p50 > 100e6, "{ended:?}");
}

#[test]
fn idle_connections_are_held_and_watched() {
    let server = Server::start(|mut stream| {
        use std::io::Read;
        while stream.read(&mut [0; 64])? > 0 {}
        Ok(())
    });
    let ended = load(&format!("{} --idle -c 50 -d 500ms", server.url()));
    assert_eq!((ended.number("/connections_opened"), ended.number("/errors")), (50.0, 0.0));
    assert_eq!((ended.code(), server.accepted()), (Some(0), 50), "{ended:?}");
    let closes = Server::start(|_| Ok(()));
    let ended = load(&format!("{} --idle -c 2 -d 300ms", closes.url()));
    assert!(ended.errors("closed without an answer") > 0, "{ended:?}");
}
