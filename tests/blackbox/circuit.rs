//! Limits on what is open to a backend: exact over all workers, with a place to wait, and an answer
//! when that is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::harness::config::Config;
use crate::harness::*;

matrix! {
    no_more_requests_than_may_be_reach_the_backend,
    those_who_wait_are_served_in_the_end,
    no_more_connections_than_may_be_are_opened,
}

drivers! {
    who_waits_too_long_is_refused,
    an_idle_connection_makes_room_for_another_endpoint,
    tunnels_and_tcp_count_as_connections,
    places_are_given_back_however_it_ends,
}

/// An origin that holds its answers until it is told, and counts what it holds at a time.
struct Holding {
    origin: Origin,
    held: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    free: Arc<AtomicUsize>,
}

impl Holding {
    fn new() -> Self {
        let [held, most, free] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
        let (now, peak, gate) = (Arc::clone(&held), Arc::clone(&most), Arc::clone(&free));
        let origin = Origin::http1()
            .on("/", move |_, visit| {
                let count = now.fetch_add(1, Ordering::SeqCst) + 1;
                peak.fetch_max(count, Ordering::SeqCst);
                wait::until("it may answer", || gate.load(Ordering::SeqCst) > 0);
                now.fetch_sub(1, Ordering::SeqCst);
                visit.reply(&origin::ok("held"))
            })
            .start();
        Self { origin, held, most, free }
    }

    fn wait_for(&self, count: usize) {
        wait::until("requests are there", || self.held.load(Ordering::SeqCst) == count);
    }

    fn let_go(&self) {
        self.free.store(1, Ordering::SeqCst);
    }
}

fn limited(hosts: &[&str], circuit: Value) -> Config {
    let policies = json!({ "circuit": circuit, "loadBalancer": { "algorithm": "roundRobin" } });
    let backend = json!({ "hosts": hosts, "policies": policies });
    config().route_with("/", json!({ "backends": [backend] }))
}

fn no_more_requests_than_may_be_reach_the_backend(cell: Cell) {
    let holding = Holding::new();
    let proxy = cell.start(&limited(&[holding.origin.host()], json!({ "maxRequests": 3 })));
    thread::scope(|scope| {
        let first: Vec<_> =
            (0..3).map(|_| scope.spawn(|| proxy.client().get("/").status)).collect();
        holding.wait_for(3);
        // Over many connections, so that they reach all workers.
        for _ in 0..20 {
            let response = proxy.client().get("/");
            let told = (response.status, response.body(), response.closes());
            assert_eq!(told, (503, "upstream overloaded: circuit open".to_owned(), false));
        }
        let taken = [("limit", "requests")];
        proxy.await_metric("ringway_circuit_taken", &taken, 3.0);
        proxy.await_metric("ringway_circuit_limit", &taken, 3.0);
        proxy.await_metric("ringway_circuit_rejected_total", &[], 20.0);
        holding.let_go();
        assert!(first.into_iter().all(|client| client.join().unwrap() == 200));
    });
    assert_eq!(holding.most.load(Ordering::SeqCst), 3);
    let refused = [("status", "503"), ("reason", "UpstreamFailure")];
    proxy.await_metric("agentgateway_requests_total", &refused, 20.0);
    proxy.await_metric("ringway_limit_hits_total", &[("limit", "circuit")], 20.0);
    assert_eq!(proxy.client().get("/").status, 200, "the circuit is closed again");
}

fn those_who_wait_are_served_in_the_end(cell: Cell) {
    let holding = Holding::new();
    let circuit = json!({ "maxRequests": 2, "maxWaiting": 6, "waitTimeout": "60s" });
    let proxy = cell.start(&limited(&[holding.origin.host()], circuit));
    thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| proxy.client().get("/").status)).collect();
        holding.wait_for(2);
        proxy.await_metric("ringway_circuit_taken", &[("limit", "waiting")], 6.0);
        assert_eq!(proxy.client().get("/").status, 503, "there is no place to wait");
        holding.let_go();
        assert!(all.into_iter().all(|client| client.join().unwrap() == 200));
    });
    assert_eq!(holding.most.load(Ordering::SeqCst), 2);
    proxy.await_metric("ringway_circuit_taken", &[], 0.0);
}

fn who_waits_too_long_is_refused(cell: Cell) {
    let holding = Holding::new();
    let circuit = json!({ "maxRequests": 1, "maxWaiting": 5, "waitTimeout": "200ms" });
    let proxy = cell.start(&limited(&[holding.origin.host()], circuit));
    thread::scope(|scope| {
        let first = scope.spawn(|| proxy.client().get("/").status);
        holding.wait_for(1);
        assert_eq!(proxy.client().get("/").status, 503);
        holding.let_go();
        assert_eq!(first.join().unwrap(), 200);
    });
}

fn no_more_connections_than_may_be_are_opened(cell: Cell) {
    let holding = Holding::new();
    let proxy = cell.start(&limited(&[holding.origin.host()], json!({ "maxConnections": 2 })));
    thread::scope(|scope| {
        let first: Vec<_> =
            (0..2).map(|_| scope.spawn(|| proxy.client().get("/").status)).collect();
        holding.wait_for(2);
        for _ in 0..10 {
            assert_eq!(proxy.client().get("/").status, 503);
        }
        proxy.await_metric("ringway_circuit_taken", &[("limit", "connections")], 2.0);
        holding.let_go();
        assert!(first.into_iter().all(|client| client.join().unwrap() == 200));
    });
    assert_eq!(holding.origin.accepted(), 2);
}

fn an_idle_connection_makes_room_for_another_endpoint(cell: Cell) {
    let origins = ["a", "b"].map(|name| Origin::http1().route("/", name).start());
    let hosts = origins.each_ref().map(Origin::host);
    let proxy = cell.start(&limited(&hosts, json!({ "maxConnections": 1, "waitTimeout": "60s" })));
    let mut client = proxy.client();
    for _ in 0..10 {
        assert_eq!(client.get("/").status, 200);
    }
    assert!(origins.iter().all(|origin| !origin.seen().is_empty()));
}

fn tunnels_and_tcp_count_as_connections(cell: Cell) {
    let origin = Origin::http1().route("/", "tcp").start();
    let policies = json!({ "circuit": { "maxConnections": 1 } });
    let backend = json!({ "host": origin.host(), "policies": policies });
    let listener = json!({ "protocol": "TCP", "tcpRoutes": [{ "backends": [backend] }] });
    let proxy = cell.start(&config().listener(listener));
    let mut first = proxy.client();
    assert_eq!(first.get("/").body(), "tcp");
    // Who is refused may be reset before it knows that it was let in.
    let ask = || Client::connect(proxy.address())?.try_ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(ask().is_err(), "one at a time");
    drop(first);
    wait::until("the next has its turn", || ask().is_ok_and(|response| response.body() == "tcp"));
}

fn places_are_given_back_however_it_ends(cell: Cell) {
    let holding = Holding::new();
    let cut = Origin::script(|visit| visit.request().map(drop));
    let circuit = json!({ "maxRequests": 1, "maxConnections": 2 });
    let proxy = cell.start(&limited(&[cut.host()], circuit.clone()));
    let mut client = proxy.client();
    for _ in 0..5 {
        assert_eq!(client.get("/").status, 502);
    }
    proxy.await_metric("ringway_circuit_taken", &[], 0.0);
    drop(proxy);
    // The client leaves while it is held.
    let proxy = cell.start(&limited(&[holding.origin.host()], circuit));
    let mut leaving = proxy.client();
    leaving.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    holding.wait_for(1);
    leaving.wire.socket.reset();
    wait::until("its place is free", || proxy.metrics().sum("ringway_circuit_taken", &[]) == 0.0);
    holding.let_go();
    assert_eq!(proxy.client().get("/").status, 200);
}
