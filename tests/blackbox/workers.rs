//! A worker that panics or stalls: it is reported, and the rest serves.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::harness::scratch::Scratch;
use crate::harness::*;

drivers! {
    the_others_go_on_without_one_that_died,
    one_that_stalls_is_reported_and_forgiven,
    a_task_that_panics_costs_nobody_else,
    without_a_worker_the_process_ends,
}

/// What happens to which worker.
struct Mishaps(Scratch);

impl Mishaps {
    fn start(cell: Cell, workers: usize) -> (Self, Proxy) {
        let folder = Scratch::new();
        let fixed = json!({ "policies": { "directResponse": { "status": 200, "body": "in" } } });
        let proxy = Proxy::with(&config().route_with("/", fixed).drain("0s", "5s"))
            .on(Cell { workers, ..cell })
            .variable("RINGWAY_TEST_MISHAPS", folder.path("").to_str().unwrap())
            .start();
        (Self(folder), proxy)
    }

    fn begin(&self, what: &str) -> PathBuf {
        let path = self.0.path(what);
        fs::write(&path, "").unwrap();
        path
    }
}

fn complains_of(proxy: &Proxy, what: &str) -> bool {
    let ready = Client::http1(proxy.readiness()).get("/healthz/ready");
    ready.status == 503 && ready.body().contains(what)
}

fn the_others_go_on_without_one_that_died(cell: Cell) {
    let (mishaps, mut proxy) = Mishaps::start(cell, 3);
    let mut clients: Vec<_> = (0..24).map(|_| proxy.client()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/").body(), "in");
    }
    mishaps.begin("panic-1");
    wait::until("it is reported", || complains_of(&proxy, "worker 1 failed"));
    let said = proxy.stderr();
    assert!(said.contains("its ticker panicked"), "{said}");
    // Its sockets are closed: whoever comes now comes to another.
    wait::until("its sockets are closed", || {
        (0..30).all(|_| {
            let client = Client::connect(proxy.address());
            client.is_ok_and(|mut client| {
                client.try_ask("GET / HTTP/1.1\r\nHost: test\r\n\r\n").is_ok()
            })
        })
    });
    for _ in 0..60 {
        assert_eq!(proxy.client().get("/").body(), "in");
    }
    assert_eq!(proxy.metrics().sum("ringway_panics_total", &[]), 1.0);
    // Its clients are told by a closed connection; nobody waits for what does not come.
    let ask = |client: &mut Client| client.try_ask("GET / HTTP/1.1\r\nHost: test\r\n\r\n").is_ok();
    let served = clients.iter_mut().map(ask).filter(|served| *served).count();
    assert!(served > 0, "24 connections, and all with one of three workers");
    let fixed = json!({ "policies": { "directResponse": { "status": 200, "body": "new" } } });
    proxy.write(&config().route_with("/", fixed).drain("0s", "5s").text());
    wait::until("a reload reaches the others", || proxy.client().get("/").body() == "new");
    proxy.signal("TERM");
    assert_eq!(proxy.wait_for_exit(wait::PATIENCE).code(), Some(0));
}

fn one_that_stalls_is_reported_and_forgiven(cell: Cell) {
    let (mishaps, proxy) = Mishaps::start(cell, 3);
    let mut clients: Vec<_> = (0..24).map(|_| proxy.client()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/").body(), "in");
    }
    let stall = mishaps.begin("stall-2");
    wait::until("it is reported", || complains_of(&proxy, "worker 2 stalled"));
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    // Nobody can say which connection is whose; of 24 some are with the others.
    let served = || proxy.metrics().sum("agentgateway_requests_total", &[]);
    wait::until("the others serve", || served() > 24.0);
    assert!(complains_of(&proxy, "worker 2 stalled"));
    fs::remove_file(stall).unwrap();
    for client in &mut clients {
        assert_eq!(client.response().body(), "in");
    }
    wait::until("it is forgiven", || proxy.ready_status() == 200);
    wait::until("all are counted", || served() == 48.0);
}

fn a_task_that_panics_costs_nobody_else(cell: Cell) {
    let (mishaps, mut proxy) = Mishaps::start(cell, 1);
    let mut client = proxy.client();
    assert_eq!(client.get("/").body(), "in");
    mishaps.begin("task-0");
    proxy.await_metric("ringway_panics_total", &[], 1.0);
    assert_eq!(client.get("/").body(), "in");
    assert_eq!((proxy.ready_status(), proxy.running()), (200, true));
}

fn without_a_worker_the_process_ends(cell: Cell) {
    let (mishaps, mut proxy) = Mishaps::start(cell, 2);
    mishaps.begin("panic-0");
    mishaps.begin("panic-1");
    let code = proxy.wait_for_exit(wait::PATIENCE).code();
    assert!(code.is_some_and(|code| code != 0), "{code:?}");
    let said = proxy.stderr();
    assert!(said.contains("no worker is left"), "{said}");
}
