//! What goes wrong around a process: descriptors run out, a file is half written, it is told to end
//! amid a reload, everybody scrapes at once. Nothing is lost that need not be.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::load::{Habit, Load};
use crate::harness::scratch::Scratch;
use crate::harness::*;
use crate::reload::free_address;

drivers! {
    without_descriptors_those_inside_are_served,
    a_file_is_written_in_pieces,
    an_end_amid_reloads,
    everybody_scrapes_at_once,
    who_scrapes_slowly_keeps_nobody,
}

fn fixed(body: &str) -> Value {
    json!({ "policies": { "directResponse": { "status": 200, "body": body } } })
}

fn plain(body: &str) -> config::Config {
    config().route_with("/", fixed(body)).drain("0s", "10s")
}

/// EMFILE: who has a connection keeps it, who waits in the queue comes in as soon as there is room.
fn without_descriptors_those_inside_are_served(cell: Cell) {
    let scratch = Scratch::new();
    let file = scratch.replace(proxy::FILE, &plain("in").text());
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 80; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_ringway"), "-f"]);
    command.arg(file).args(["--announce", "--workers", "1"]);
    command.env("RINGWAY_DRIVER", cell.driver);
    let proxy = Proxy::start(command, scratch);
    let mut inside = proxy.client();
    assert_eq!(inside.get("/").body(), "in");
    let mut crowd: Vec<_> = (0..120).map(|_| proxy.client()).collect();
    for client in &mut crowd {
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    wait::until("it says so", || proxy.stderr().contains("cannot accept: resting"));
    assert_eq!(inside.get("/").body(), "in");
    // As one leaves, another comes in.
    for client in crowd {
        let mut client = client;
        assert_eq!(client.response().body(), "in");
    }
    assert_eq!(inside.get("/").body(), "in");
    proxy.await_metric("ringway_panics_total", &[], 0.0);
    assert!(proxy.metrics().sum("ringway_accept_errors_total", &[]) > 0.0);
}

/// An editor that writes in place: what is half there is refused, or waited for, and never served.
fn a_file_is_written_in_pieces(cell: Cell) {
    let proxy = cell.start(&plain("old"));
    let text = plain("new").text();
    let path = proxy.scratch().path(proxy::FILE);
    let load = Load::start(proxy.address(), "/", "old", &[Habit::KeepAlive, Habit::Churn]);
    for end in [0, 1, text.len() / 3, text.len() / 2, text.len() - 1] {
        fs::write(&path, &text[..end]).unwrap();
        load.wait_for(50);
        let seen = || proxy.metrics().sum("agentgateway_config_synchronized", &[]);
        wait::until("it was seen to be wrong", || seen() == 0.0);
        assert_eq!(proxy.ready_status(), 200, "it serves what it had");
    }
    load.stop();
    fs::write(&path, &text).unwrap();
    wait::until("the whole is served", || proxy.client().get("/").body() == "new");
    proxy.await_metric("agentgateway_config_synchronized", &[], 1.0);
}

/// Whatever the reload was about to do: the process ends by itself, without a cut.
fn an_end_amid_reloads(cell: Cell) {
    for round in 0..8 {
        let mut proxy = Cell { workers: 2, ..cell }.start(&plain("old"));
        let mut client = proxy.client();
        assert_eq!(client.get("/").body(), "old");
        let more = free_address();
        let route = fixed("more");
        let bind = json!({
            "port": more.port(), "address": more.ip(), "listeners": [{ "routes": [route] }],
        });
        proxy.write(&plain("new").bind(bind).text());
        proxy.signal("HUP");
        wait::rest(Duration::from_millis(round));
        proxy.signal("TERM");
        // Who only idles would be waited for.
        drop(client);
        assert_eq!(proxy.wait_for_exit(wait::PATIENCE).code(), Some(0), "{}", proxy.stderr());
        let said = proxy.stderr();
        assert!(!said.contains("panicked") && !said.contains("were cut"), "{said}");
        wait::until("the bind is closed", || TcpStream::connect(more).is_err());
    }
}

fn everybody_scrapes_at_once(cell: Cell) {
    let proxy = cell.start(&plain("in"));
    let load = Load::start(proxy.address(), "/", "in", &[Habit::KeepAlive; 2]);
    let stats = proxy.stats();
    let scrape = move || {
        let answer = Client::http1(stats).get("/metrics");
        (answer.status, answer.body().lines().filter(|line| line.starts_with("# TYPE")).count())
    };
    let scrapers: Vec<_> = (0..50).map(|_| thread::spawn(scrape)).collect();
    let seen: Vec<_> = scrapers.into_iter().map(|scraper| scraper.join().unwrap()).collect();
    assert!(seen.iter().all(|one| *one == seen[0] && one.0 == 200 && one.1 > 80), "{seen:?}");
    load.wait_for(20);
    load.stop();
}

/// One byte at a time, and then not at all: the next scraper and the clients go on.
fn who_scrapes_slowly_keeps_nobody(cell: Cell) {
    let proxy = cell.start(&plain("in"));
    let mut slow = TcpStream::connect(proxy.stats()).unwrap();
    for byte in b"GET /metrics HTTP/1.1\r\nHost: slow\r\n\r\n" {
        slow.write_all(&[*byte]).unwrap();
        assert_eq!(proxy.client().get("/").body(), "in");
    }
    let mut byte = [0];
    for _ in 0..20 {
        slow.read_exact(&mut byte).unwrap();
        assert_eq!(Client::http1(proxy.stats()).get("/metrics").status, 200);
    }
    assert_eq!(proxy.client().get("/").body(), "in");
}
