//! The end of a process that loses nothing: SIGTERM, readiness, `Connection: close`, the listening
//! sockets, what is in flight, the deadline, the exit code.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::load::{Habit, Load};
use crate::harness::*;

matrix! {
    nothing_fails_under_load,
    new_connections_are_served_for_a_while,
    an_idle_connection_gets_one_more_answer,
    what_is_in_flight_finishes,
    what_is_left_is_cut_at_the_deadline,
    nobody_in_the_queue_is_reset,
    no_worker_keeps_listening,
}

drivers! {
    without_connections_it_is_over_at_once,
    the_deadline_counts_from_the_signal,
    a_second_signal_exits_at_once,
    variables_set_the_deadlines,
    tunnels_are_cut_at_the_deadline,
    requests_that_are_being_sent_are_answered,
}

/// What a debug build on a busy machine may take beyond a deadline.
const SLACK: Duration = wait::PATIENCE;

fn get() -> &'static str {
    "GET / HTTP/1.1\r\nHost: test\r\n\r\n"
}

/// Answers when the gate is open.
fn gated() -> (Origin, Arc<AtomicBool>) {
    let gate = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&gate);
    let origin = Origin::script(move |visit| {
        visit.request()?;
        wait::until("the gate opens", || open.load(Ordering::SeqCst));
        visit.wire.send(origin::ok("late"))
    });
    (origin, gate)
}

fn wait_for_unready(proxy: &Proxy) {
    wait::until("readiness fails", || {
        Client::connect(proxy.readiness())
            .is_ok_and(|mut client| client.get("/healthz/ready").status == 503)
    });
}

fn wait_until_closed(proxy: &Proxy) {
    wait::until("nobody listens any more", || Client::connect(proxy.address()).is_err());
}

fn nothing_fails_under_load(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let mut proxy = cell.start(&config().route("/", &origin).drain("5s", "30s"));
    let crowd = [Habit::KeepAlive; 4].into_iter().chain([Habit::Churn; 2]).collect::<Vec<_>>();
    let load = Load::start(proxy.address(), "/", "hello", &crowd);
    load.wait_for(100);
    proxy.drain();
    wait_for_unready(&proxy);
    // Served all the same, until the balancer has understood.
    load.wait_for(100);
    load.leave();
    load.wait_until_left();
    assert_eq!(proxy.wait_for_exit(Duration::from_secs(5) + SLACK).code(), Some(0));
    assert!(!proxy.stderr().contains("cut"), "{}", proxy.stderr());
}

fn new_connections_are_served_for_a_while(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let mut proxy = cell.start(&config().route("/", &origin).drain("5s", "30s"));
    let mut kept = proxy.client();
    assert!(!kept.get("/").closes());
    let started = Instant::now();
    proxy.drain();
    wait_for_unready(&proxy);
    assert!(started.elapsed() < Duration::from_secs(5), "readiness fails at once");
    for _ in 0..10 {
        let mut client = proxy.client();
        let response = client.get("/");
        assert_eq!((response.body(), response.closes()), ("hello".to_owned(), true));
        client.wait_for_close();
    }
    let response = kept.get("/");
    assert_eq!((response.body(), response.closes()), ("hello".to_owned(), true));
    kept.wait_for_close();
    wait_until_closed(&proxy);
    assert!(started.elapsed() >= Duration::from_millis(4900), "{:?}", started.elapsed());
    assert_eq!(proxy.wait_for_exit(SLACK).code(), Some(0));
}

/// Closing it would cross with a request: reference/reliability 4.4.
fn an_idle_connection_gets_one_more_answer(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let mut proxy = cell.start(&config().route("/", &origin).drain("0s", "20s"));
    let mut clients: Vec<_> = (0..8).map(|_| proxy.client()).collect();
    // Some had a request before, some never.
    for client in &mut clients[..4] {
        assert!(!client.get("/").closes());
    }
    proxy.await_metric("ringway_active_connections", &[], 8.0);
    proxy.drain();
    wait_until_closed(&proxy);
    clients[0].stays_silent(Duration::from_millis(300));
    for client in &mut clients {
        let response = client.get("/");
        assert_eq!((response.body(), response.closes()), ("hello".to_owned(), true));
        client.wait_for_close();
    }
    assert_eq!(proxy.wait_for_exit(SLACK).code(), Some(0));
    assert!(!proxy.stderr().contains("cut"), "{}", proxy.stderr());
}

fn what_is_in_flight_finishes(cell: Cell) {
    let (origin, gate) = gated();
    let mut proxy = cell.start(&config().route("/", &origin).drain("0s", "20s"));
    let mut clients: Vec<_> = (0..4).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.send(get());
    }
    wait::until("all are with the origin", || origin.seen().len() == 4);
    proxy.drain();
    wait_until_closed(&proxy);
    assert!(proxy.running());
    gate.store(true, Ordering::SeqCst);
    for client in &mut clients {
        let response = client.response();
        assert_eq!((response.body(), response.closes()), ("late".to_owned(), true));
        client.wait_for_close();
    }
    assert_eq!(proxy.wait_for_exit(SLACK).code(), Some(0));
}

fn what_is_left_is_cut_at_the_deadline(cell: Cell) {
    let (origin, _never) = gated();
    let mut proxy = cell.start(&config().route("/", &origin).drain("0s", "1500ms"));
    // One of them idles: to cut it is no loss.
    let mut clients: Vec<_> = (0..4).map(|_| proxy.client()).collect();
    for client in &mut clients[..3] {
        client.send(get());
    }
    wait::until("three are with the origin", || origin.seen().len() == 3);
    proxy.await_metric("ringway_active_connections", &[], 4.0);
    let started = Instant::now();
    proxy.drain();
    let status = proxy.wait_for_exit(Duration::from_millis(1500) + SLACK);
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(1450), "{took:?}");
    assert_eq!(status.code(), Some(0));
    assert!(proxy.stderr().contains("3 connections that were cut"), "{}", proxy.stderr());
    for client in &mut clients {
        client.wait_for_end();
    }
}

fn without_connections_it_is_over_at_once(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let mut proxy = cell.start(&config().route("/", &origin).drain("0s", "60s"));
    // A pooled upstream connection is nobody's exchange.
    let mut client = proxy.client();
    assert_eq!(client.get("/").body(), "hello");
    drop(client);
    proxy.await_metric("ringway_active_connections", &[], 0.0);
    proxy.drain();
    assert_eq!(proxy.wait_for_exit(SLACK).code(), Some(0));
}

fn the_deadline_counts_from_the_signal(cell: Cell) {
    let (origin, _never) = gated();
    let mut proxy = cell.start(&config().route("/", &origin).drain("4s", "5s"));
    let mut client = proxy.client();
    client.send(get());
    wait::until("it is with the origin", || origin.seen().len() == 1);
    let started = Instant::now();
    proxy.drain();
    assert_eq!(proxy.wait_for_exit(Duration::from_secs(5) + SLACK).code(), Some(0));
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(4950), "{took:?}");
    assert!(took < Duration::from_millis(8950), "the sum of both: {took:?}");
}

fn a_second_signal_exits_at_once(cell: Cell) {
    for (first, second, code) in [("TERM", "TERM", 143), ("TERM", "INT", 130), ("INT", "INT", 130)]
    {
        let (origin, _never) = gated();
        let mut proxy = cell.start(&config().route("/", &origin).drain("0s", "60s"));
        let mut client = proxy.client();
        client.send(get());
        wait::until("it is with the origin", || origin.seen().len() == 1);
        proxy.signal(first);
        wait_until_closed(&proxy);
        assert!(proxy.running());
        proxy.signal(second);
        assert_eq!(proxy.wait_for_exit(SLACK).code(), Some(code), "{first}, {second}");
    }
}

fn variables_set_the_deadlines(cell: Cell) {
    let (origin, _never) = gated();
    let long = config().route("/", &origin).drain("30s", "60s");
    let plain = config().route("/", &origin);
    let (min, max) = ("CONNECTION_MIN_TERMINATION_DEADLINE", "CONNECTION_TERMINATION_DEADLINE");
    let cases = [
        (&long, vec![(min, "0s"), (max, "1s")]),
        (&plain, vec![("TERMINATION_GRACE_PERIOD_SECONDS", "2")]),
    ];
    for (n, (config, variables)) in cases.into_iter().enumerate() {
        let mut launch = Proxy::with(config).on(cell);
        for (name, value) in &variables {
            launch = launch.variable(name, value);
        }
        let mut proxy = launch.start();
        let mut client = proxy.client();
        client.send(get());
        wait::until("it is with the origin", || origin.seen().len() == n + 1);
        let started = Instant::now();
        proxy.drain();
        assert_eq!(proxy.wait_for_exit(Duration::from_secs(1) + SLACK).code(), Some(0));
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(950), "{variables:?}: {took:?}");
    }
}

fn tunnels_are_cut_at_the_deadline(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.head()?;
        visit.wire.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        )?;
        loop {
            let bytes = std::mem::take(&mut visit.wire.unread);
            visit.wire.send(bytes)?;
            if !visit.wire.fill()? {
                return Ok(());
            }
        }
    });
    let mut proxy = cell.start(&config().route("/", &origin).drain("0s", "2s"));
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    assert_eq!(client.head().status().unwrap(), 101);
    proxy.drain();
    wait_until_closed(&proxy);
    client.send("still here");
    assert_eq!(client.wire.exactly(10).unwrap(), b"still here");
    assert_eq!(proxy.wait_for_exit(Duration::from_secs(2) + SLACK).code(), Some(0));
    client.wait_for_end();
    assert!(proxy.stderr().contains("kind=\"tunnel\" count=1"), "{}", proxy.stderr());
}

/// Half a head, half a body: the drain began, the request too.
fn requests_that_are_being_sent_are_answered(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let mut proxy = cell.start(&config().route("/", &origin).drain("0s", "20s"));
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789";
    let cuts = [10, 30, request.len() - 10, request.len() - 5];
    let mut clients: Vec<_> = cuts
        .iter()
        .map(|cut| {
            let mut client = proxy.client();
            client.send(&request[..*cut]);
            client
        })
        .collect();
    proxy.await_metric("ringway_active_connections", &[], 4.0);
    proxy.drain();
    wait_until_closed(&proxy);
    for (client, cut) in clients.iter_mut().zip(cuts) {
        client.send(&request[cut..]);
        let response = client.response();
        assert_eq!((response.body(), response.closes()), ("hello".to_owned(), true), "{cut}");
    }
    assert_eq!(proxy.wait_for_exit(SLACK).code(), Some(0));
}

/// Workers end at different times: one that is done must not leave its listening socket behind, as
/// the kernel would go on queueing connections that nobody accepts.
fn no_worker_keeps_listening(cell: Cell) {
    let (origin, gate) = gated();
    for n in 1..4 {
        let mut proxy = cell.start(&config().route("/", &origin).drain("0s", "60s"));
        let mut client = proxy.client();
        client.send(get());
        wait::until("it is with the origin", || origin.seen().len() == n);
        proxy.drain();
        wait_until_closed(&proxy);
        gate.store(true, Ordering::SeqCst);
        assert_eq!(client.response().body(), "late");
        assert_eq!(proxy.wait_for_exit(SLACK).code(), Some(0));
        gate.store(false, Ordering::SeqCst);
    }
}

/// Who got in is served: closing one of several listening sockets must not reset its queue.
fn nobody_in_the_queue_is_reset(cell: Cell) {
    let fixed = json!({ "policies": { "directResponse": { "status": 200, "body": "in" } } });
    for _ in 0..3 {
        let mut proxy = cell.start(&config().route_with("/", fixed.clone()).drain("0s", "20s"));
        let address = proxy.address();
        let client = |_| std::thread::spawn(move || until_refused(address));
        let clients: Vec<_> = (0..6).map(client).collect();
        wait::until("they are on their way", || {
            proxy.metrics().sum("agentgateway_requests_total", &[]) > 50.0
        });
        proxy.drain();
        let ended: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        let failed: Vec<_> = ended.iter().filter_map(|end| end.as_ref().err()).collect();
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!(proxy.wait_for_exit(SLACK).code(), Some(0));
    }
}

/// Connects, asks, and closes, until nobody listens any more; says what else went wrong.
fn until_refused(address: SocketAddr) -> Result<(), String> {
    loop {
        let mut client = match Client::connect(address) {
            Ok(client) => client,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(()),
            Err(error) => return Err(format!("connect: {error}")),
        };
        let answer = client.try_ask(get()).map_err(|error| format!("once in: {error}"))?;
        assert_eq!(answer.body(), "in");
    }
}
