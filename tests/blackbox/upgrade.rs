//! A new process in the place of the old one, under every kind of load: not one request fails, not
//! one connection is reset, and what was begun is ended by whoever began it.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::load::{Habit, Load};
use crate::harness::*;
use crate::reload::free_address;

cells! {
    (
        nothing_is_lost_under_load
        the_number_of_workers_changes
        binds_come_and_go_with_it
    )
    uring_1 uring_2 uring_4 epoll_1 epoll_2 epoll_4
}

drivers! {
    who_takes_over_by_hand_loses_nothing,
    control_s_servers_go_over,
    a_reload_and_an_upgrade_at_once,
    a_stream_ends_in_the_old_process,
    rate_limits_go_on,
}

/// So many in the ordinary suite; thirty and more with a variable.
fn rounds() -> usize {
    let wanted = std::env::var("RINGWAY_TEST_UPGRADES").ok();
    wanted.and_then(|wanted| wanted.parse().ok()).unwrap_or(3)
}

const KEPT: &[Habit] = &[Habit::KeepAlive, Habit::KeepAlive];
const MIXED: &[Habit] = &[Habit::KeepAlive, Habit::KeepAlive, Habit::Churn, Habit::Churn];

const EVENTS: usize = 20;

fn events() -> String {
    (0..EVENTS).map(|n| format!("data: {n:03}\n\n")).collect()
}

/// A stream of events with pauses, and a fixed answer to everything else.
fn origin() -> Origin {
    Origin::script(|visit| {
        loop {
            let request = visit.request()?;
            if !request.head.first_line.contains("/events") {
                visit.wire.send(origin::ok("hello"))?;
                continue;
            }
            visit.wire.send(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                 Transfer-Encoding: chunked\r\n\r\n",
            )?;
            for event in events().split_inclusive("\n\n") {
                visit.wire.send(format!("{:x}\r\n{event}\r\n", event.len()))?;
                wait::never("a pause", Duration::from_millis(25), || false);
            }
            visit.wire.send("0\r\n\r\n")?;
        }
    })
}

fn echo() -> Origin {
    Origin::script(|visit| {
        loop {
            let bytes = std::mem::take(&mut visit.wire.unread);
            visit.wire.send(bytes)?;
            if !visit.wire.fill()? {
                return visit.wire.send("bye");
            }
        }
    })
}

fn tcp_bind(address: SocketAddr, origin: &Origin) -> Value {
    let routes = json!([{ "name": "only", "backends": [{ "host": origin.host() }] }]);
    json!({
        "port": address.port(),
        "address": address.ip(),
        "listeners": [{ "name": "raw", "protocol": "TCP", "tcpRoutes": routes }],
    })
}

fn fixed_bind(address: SocketAddr, body: &str) -> Value {
    let route = json!({
        "matches": [{ "path": { "pathPrefix": "/" } }],
        "policies": { "directResponse": { "status": 200, "body": body } },
    });
    json!({
        "port": address.port(), "address": address.ip(), "listeners": [{ "routes": [route] }],
    })
}

fn plain() -> config::Config {
    let fixed = json!({ "policies": { "directResponse": { "status": 200, "body": "in" } } });
    config().route_with("/", fixed).drain("0s", "60s")
}

fn strs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// Everybody ended well: by itself, without a cut, and without a panic.
fn nobody_complains(proxy: &Proxy) {
    let said = proxy.stderr();
    for word in ["cut", "panicked", "ERROR", "no longer"] {
        assert!(!said.contains(word), "`{word}`: {said}");
    }
}

fn nothing_is_lost_under_load(cell: Cell) {
    let (origin, echo, tcp) = (origin(), echo(), free_address());
    let config = config().route("/", &origin).drain("0s", "60s").bind(tcp_bind(tcp, &echo));
    let mut proxy = cell.start(&config);
    // By the configuration: the names of the binds have another order.
    let address = *proxy.addresses().iter().find(|address| **address != tcp).unwrap();
    let loads = [
        Load::start(address, "/", "hello", MIXED),
        Load::start_h2c(address, "hello", KEPT),
        Load::start(address, "/events", &events(), KEPT),
        Load::start_tcp(tcp, &[Habit::KeepAlive, Habit::Churn]),
    ];
    let mut serving = proxy.pid();
    for round in 0..rounds() {
        loads[0].wait_for(30);
        loads[1].wait_for(10);
        let next = proxy.upgrade(&[]).unwrap_or_else(|why| panic!("round {round}: {why}"));
        assert_ne!(next, serving);
        serving = next;
        loads[3].wait_for(3);
    }
    loads[2].wait_for(1);
    for load in loads {
        load.stop();
    }
    assert_eq!(proxy.wait_for_first(Duration::from_secs(60)).code(), Some(0));
    proxy.await_alone(serving);
    nobody_complains(&proxy);
    proxy::signal(serving, "TERM");
    wait::until("the last one ends", || !upgrade::is_alive(serving));
    nobody_complains(&proxy);
}

/// Sockets that the new process has no worker for are accepted from all the same, and those that it
/// lacks join the group.
fn the_number_of_workers_changes(cell: Cell) {
    let proxy = cell.start(&plain());
    let load = Load::start(proxy.address(), "/", "in", MIXED);
    let mut serving = proxy.pid();
    for workers in [4, 1, 3, 2] {
        load.wait_for(50);
        serving = proxy.upgrade(&strs(&proxy.words(proxy::FILE, workers))).unwrap();
        load.wait_for(50);
        let said = Client::http1(proxy.admin()).get("/workers").body();
        assert_eq!(said.matches("\"worker\":").count(), workers, "{said}");
    }
    load.stop();
    proxy.await_alone(serving);
    nobody_complains(&proxy);
}

/// What the new one has no bind for is served until it is refused; what it has more is there.
fn binds_come_and_go_with_it(cell: Cell) {
    let (going, coming) = (free_address(), free_address());
    let proxy = cell.start(&plain().bind(fixed_bind(going, "going")));
    let stays = *proxy.addresses().iter().find(|address| **address != going).unwrap();
    let load = Load::start(stays, "/", "in", MIXED);
    let last = Load::start(going, "/", "going", &[Habit::Churn, Habit::Churn]);
    last.wait_for(10);
    proxy.scratch().replace("other.yaml", &plain().bind(fixed_bind(coming, "coming")).text());
    // Clients of a bind that goes have to go too: until they have, they are served.
    last.leave();
    last.wait_until_left();
    let late = std::thread::spawn(move || until_refused(going));
    let serving = proxy.upgrade(&strs(&proxy.words("other.yaml", cell.workers))).unwrap();
    assert_eq!(Client::http1(coming).get("/").body(), "coming");
    assert_eq!(late.join().unwrap(), Ok(()));
    load.wait_for(50);
    load.stop();
    proxy.await_alone(serving);
    nobody_complains(&proxy);
}

fn until_refused(address: SocketAddr) -> Result<(), String> {
    loop {
        let mut client = match Client::connect(address) {
            Ok(client) => client,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => return Ok(()),
            Err(error) => return Err(format!("connect: {error}")),
        };
        let answer = client.try_ask("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(answer.map_err(|error| format!("once in: {error}"))?.body(), "going");
    }
}

/// `ringway --take-over`: a process that somebody else starts.
fn who_takes_over_by_hand_loses_nothing(cell: Cell) {
    let mut proxy = Cell { workers: 2, ..cell }.start(&plain());
    let load = Load::start(proxy.address(), "/", "in", MIXED);
    load.wait_for(50);
    let mut command = proxy::executable();
    command.arg("-f").arg(proxy.scratch().path(proxy::FILE)).args(["--announce", "--workers", "2"]);
    command.arg("--take-over").arg(proxy.scratch().path(upgrade::SOCKET));
    command.arg("--upgrade-socket").arg(proxy.scratch().path(upgrade::SOCKET));
    let next = Proxy::start(command, scratch::Scratch::new());
    assert_eq!(next.address(), proxy.address());
    assert_eq!(proxy.wait_for_exit(Duration::from_secs(60)).code(), Some(0));
    load.wait_for(50);
    // It has the socket to be found by, too.
    let last = proxy.upgrade(&[]).unwrap();
    load.wait_for(50);
    load.stop();
    proxy::signal(last, "TERM");
    wait::until("the last one ends", || !upgrade::is_alive(last));
    nobody_complains(&proxy);
}

/// Readiness holds at every moment, and counters begin anew with another time of start.
fn control_s_servers_go_over(cell: Cell) {
    let proxy = cell.start(&plain());
    let (stats, ready) = (proxy.stats(), proxy.readiness());
    assert_eq!(proxy.client().get("/").body(), "in");
    let requests = "agentgateway_requests_total";
    wait::until("it is counted", || proxy.metrics().sum(requests, &[]) == 1.0);
    let started = proxy.metrics().sum("process_start_time_seconds", &[]);
    let probes = Load::start(ready, "/healthz/ready", &ready_body(ready), &[Habit::Churn; 2]);
    let mut next = proxy.pid();
    for _ in 0..5 {
        probes.wait_for(20);
        next = proxy.upgrade(&[]).unwrap();
        assert_eq!(Client::http1(stats).get("/metrics").status, 200);
    }
    probes.wait_for(20);
    probes.stop();
    proxy.await_alone(next);
    let metrics = proxy.metrics();
    assert_eq!(metrics.sum(requests, &[]), 0.0);
    assert!(metrics.sum("process_start_time_seconds", &[]) > started);
    assert_eq!(metrics.sum("ringway_upgrades_failed_total", &[]), 0.0);
    assert_eq!(proxy.config_dump()["ringway"]["version"], 1);
}

fn ready_body(address: SocketAddr) -> String {
    Client::http1(address).get("/healthz/ready").body()
}

/// Whichever comes first: both are done.
fn a_reload_and_an_upgrade_at_once(cell: Cell) {
    let proxy = cell.start(&plain());
    let load = Load::start(proxy.address(), "/", "in", MIXED);
    let mut serving = proxy.pid();
    for round in 0..4 {
        let path = format!("/{round}");
        let fixed = json!({ "policies": { "directResponse": { "status": 200, "body": path } } });
        proxy.write(&plain().route_with(&path, fixed).text());
        proxy::signal(serving, "HUP");
        serving = proxy.upgrade(&[]).unwrap();
        wait::until("the new route is served", || proxy.client().get(&path).body() == path);
        load.wait_for(20);
    }
    load.stop();
    proxy.await_alone(serving);
    nobody_complains(&proxy);
}

/// It began there, and is whole.
fn a_stream_ends_in_the_old_process(cell: Cell) {
    let origin = origin();
    let mut proxy = cell.start(&config().route("/", &origin).drain("0s", "60s"));
    let mut client = proxy.client();
    client.send("GET /events HTTP/1.1\r\nHost: test\r\n\r\n");
    wait::until("it is with the origin", || origin.seen().len() == 1);
    let serving = proxy.upgrade(&[]).unwrap();
    assert_eq!(proxy.client().get("/").body(), "hello");
    assert_eq!(client.response().body(), events());
    drop(client);
    assert_eq!(proxy.wait_for_first(Duration::from_secs(60)).code(), Some(0));
    proxy.await_alone(serving);
    nobody_complains(&proxy);
}

/// Who was held back by the old process is held back by the new one.
fn rate_limits_go_on(cell: Cell) {
    let limits = json!([
        { "maxTokens": 5, "tokensPerFill": 1, "fillInterval": "1h" },
        { "maxTokens": 3, "tokensPerFill": 1, "fillInterval": "1h", "key": { "header": "x-who" } },
    ]);
    let fixed = json!({ "policies": {
        "localRateLimit": limits, "directResponse": { "status": 200, "body": "in" },
    } });
    let proxy = cell.start(&config().route_with("/", fixed).drain("0s", "60s"));
    let ask = |who: &str| {
        let request = format!("GET / HTTP/1.1\r\nHost: test\r\nX-Who: {who}\r\n\r\n");
        proxy.client().ask(&request).status
    };
    assert_eq!([ask("a"), ask("a"), ask("a"), ask("a")], [200, 200, 200, 429]);
    for _ in 0..3 {
        let serving = proxy.upgrade(&[]).unwrap();
        proxy.await_alone(serving);
        assert_eq!(ask("a"), 429, "its key has no token");
    }
    assert_eq!([ask("b"), ask("c"), ask("d")], [200, 200, 429], "five of the whole route");
    assert!(proxy.stderr().contains("the state of the old process is taken over"));
    nobody_complains(&proxy);
}
