//! A new configuration without a lost request: file change and SIGHUP, good files and bad ones.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::harness::load::{Habit, Load};
use crate::harness::*;

matrix! {
    nothing_fails_under_load,
    hangup_reads_the_file_again,
    binds_come_and_go,
    an_exchange_outlives_its_route,
    a_bind_that_goes_leaves_nothing,
}

drivers! {
    a_bad_file_changes_nothing,
    an_unchanged_backend_keeps_its_connections,
    an_open_connection_gets_the_new_routes,
    a_port_that_is_taken_is_refused,
    a_link_may_be_swapped,
    limits_change_too,
    what_takes_a_restart_is_told,
}

/// A route that answers by itself.
fn fixed(body: &str) -> Value {
    json!({ "policies": { "directResponse": { "status": 200, "body": body } } })
}

/// An address that nothing else on this machine takes: loopback has sixteen million.
pub fn free_address() -> SocketAddr {
    let [_, a, b, c] = std::process::id().to_be_bytes();
    let listener =
        TcpListener::bind(SocketAddr::from(([127, 128 + a % 64, b, c.max(2)], 0))).unwrap();
    listener.local_addr().unwrap()
}

fn bind(address: SocketAddr, body: &str) -> Value {
    let mut route = fixed(body);
    route["matches"] = json!([{ "path": { "pathPrefix": "/" } }]);
    json!({
        "port": address.port(), "address": address.ip(), "listeners": [{ "routes": [route] }],
    })
}

const CROWD: &[Habit] =
    &[Habit::KeepAlive, Habit::KeepAlive, Habit::KeepAlive, Habit::Churn, Habit::Churn];

fn nothing_fails_under_load(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let other = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin));
    let load = Load::start(proxy.address(), "/", "hello", CROWD);
    load.wait_for(50);
    for n in 0..6 {
        // The backend of the load changes, and something beside it.
        let to = if n % 2 == 0 { &other } else { &origin };
        proxy.reload(&config().route("/", to).route_with(&format!("/{n}"), fixed("fixed")));
        load.wait_for(50);
        assert_eq!(proxy.client().get(&format!("/{n}")).body(), "fixed");
    }
    load.stop();
    assert!(!origin.seen().is_empty() && !other.seen().is_empty());
    proxy.await_metric("agentgateway_config_synchronized", &[], 1.0);
}

fn hangup_reads_the_file_again(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin));
    let load = Load::start(proxy.address(), "/", "hello", CROWD);
    load.wait_for(50);
    for _ in 0..5 {
        let before = proxy.stderr().matches("SIGHUP").count();
        proxy.signal("HUP");
        wait::until("the signal is taken", || proxy.stderr().matches("SIGHUP").count() > before);
        load.wait_for(30);
    }
    proxy.write(&config().route("/", &origin).route_with("/new", fixed("new")).text());
    proxy.signal("HUP");
    wait::until("the new route is there", || proxy.client().get("/new").body() == "new");
    load.wait_for(30);
    load.stop();
}

fn a_bad_file_changes_nothing(cell: Cell) {
    let proxy = cell.start(&config().route_with("/", fixed("good")));
    let mut client = proxy.client();
    proxy.await_metric("agentgateway_config_synchronized", &[], 1.0);
    let bad = [
        config().route_with("/", fixed("bad")).process(json!({ "nonsense": 1 })).text(),
        config().route_with("nope", fixed("bad")).text(),
        "binds: [\n".to_owned(),
        String::new(),
    ];
    for text in bad {
        let refused = proxy.metrics().sum("ringway_config_reloads_total", &[]);
        proxy.write(&text);
        wait::until("it is looked at", || {
            proxy.metrics().sum("ringway_config_reloads_total", &[]) > refused
        });
        proxy.await_metric("agentgateway_config_synchronized", &[], 0.0);
        assert_eq!(client.get("/").body(), "good");
        assert_eq!(proxy.client().get("/").body(), "good");
        assert_eq!(proxy.config_dump()["ringway"]["synchronized"], false);
        assert_eq!(proxy.ready_status(), 200, "what is served is served");
    }
    assert!(proxy.stderr().contains("nonsense"), "the log says what is wrong");
    proxy.reload(&config().route_with("/", fixed("better")));
    assert_eq!(client.get("/").body(), "better");
    proxy.await_metric("agentgateway_config_synchronized", &[], 1.0);
}

/// Keys that are read once are not ignored in silence, and those beside them take effect.
fn what_takes_a_restart_is_told(cell: Cell) {
    let proxy = cell.start(&config().route_with("/", fixed("old")));
    let logging = json!({ "logging": { "format": "json" } });
    proxy.reload(&config().route_with("/", fixed("new")).process(logging));
    assert_eq!(proxy.client().get("/").body(), "new");
    wait::until("it is told", || {
        proxy.stderr().contains("`logging` changed: that takes effect with the next start")
    });
}

fn an_unchanged_backend_keeps_its_connections(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    assert_eq!(client.get("/").body(), "hello");
    for n in 0..3 {
        proxy.reload(&config().route("/", &origin).route_with(&format!("/{n}"), fixed("new")));
        assert_eq!(client.get("/").body(), "hello");
        assert_eq!(client.get(&format!("/{n}")).body(), "new");
    }
    assert_eq!((origin.accepted(), origin.open()), (1, 1));
    // One that is no more closes its own.
    proxy.reload(&config().route_with("/", fixed("alone")));
    wait::until("its connection is closed", || origin.open() == 0);
}

fn an_open_connection_gets_the_new_routes(cell: Cell) {
    let proxy = cell.start(&config().route_with("/", fixed("0")));
    let mut client = proxy.client();
    let mut silent = proxy.client();
    for n in 1..5 {
        proxy.reload(&config().route_with("/", fixed(&n.to_string())));
        assert_eq!(client.get("/").body(), n.to_string());
    }
    assert_eq!(silent.get("/").body(), "4");
}

fn binds_come_and_go(cell: Cell) {
    let (stays, second) = (config().route_with("/", fixed("first")), free_address());
    let proxy = cell.start(&stays);
    let load = Load::start(proxy.address(), "/", "first", CROWD);
    for round in 0..3 {
        proxy.reload(&stays.clone().bind(bind(second, "second")));
        for _ in 0..8 {
            assert_eq!(Client::http1(second).get("/").body(), "second", "round {round}");
        }
        load.wait_for(20);
        proxy.reload(&stays);
        wait::until("nobody listens there", || Client::connect(second).is_err());
    }
    load.stop();
}

fn an_exchange_outlives_its_route(cell: Cell) {
    let gate = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&gate);
    let origin = Origin::script(move |visit| {
        visit.request()?;
        visit.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")?;
        wait::until("the gate opens", || open.load(Ordering::SeqCst));
        visit.wire.send(" last")
    });
    let second = free_address();
    let mut slow = bind(second, "");
    slow["listeners"] = json!([{ "routes": [{ "backends": [{ "host": origin.host() }] }] }]);
    let stays = config().route_with("/fixed", fixed("fixed"));
    let proxy = cell.start(&stays.clone().route("/", &origin).bind(slow));
    // One whose route goes, and one whose whole bind goes.
    let mut clients = [proxy.client(), Client::http1(second)];
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    wait::until("both are with the origin", || origin.seen().len() == 2);
    proxy.reload(&stays);
    assert_eq!(proxy.client().get("/").status, 404);
    gate.store(true, Ordering::SeqCst);
    for client in &mut clients {
        assert_eq!(client.response().body(), "first last");
    }
}

/// The answer that its last connections wait for is the last thing they are served, and is taken
/// off the books as any other.
fn a_bind_that_goes_leaves_nothing(cell: Cell) {
    let gate = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&gate);
    let origin = Origin::script(move |visit| {
        visit.request()?;
        wait::until("the gate opens", || open.load(Ordering::SeqCst));
        visit.wire.send(origin::ok("late"))
    });
    let second = free_address();
    let mut slow = bind(second, "");
    slow["listeners"] = json!([{ "routes": [{ "backends": [{ "host": origin.host() }] }] }]);
    let stays = config().route_with("/", fixed("fixed"));
    let proxy = cell.start(&stays.clone().bind(slow));
    let mut clients: Vec<_> = (0..8).map(|_| Client::http1(second)).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    wait::until("all are with the origin", || origin.seen().len() == 8);
    proxy.reload(&stays);
    gate.store(true, Ordering::SeqCst);
    for client in &mut clients {
        assert_eq!(client.response().body(), "late");
        client.wait_for_close();
    }
    proxy.await_metric("ringway_active_connections", &[], 0.0);
    proxy.await_buffers(1);
}

fn a_port_that_is_taken_is_refused(cell: Cell) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let stays = config().route_with("/", fixed("first"));
    let proxy = cell.start(&stays);
    proxy.write(&stays.bind(bind(taken.local_addr().unwrap(), "second")).text());
    proxy.await_metric("agentgateway_config_synchronized", &[], 0.0);
    assert_eq!(proxy.client().get("/").body(), "first");
    assert!(proxy.stderr().contains("in use"), "{}", proxy.stderr());
}

/// As Kubernetes updates a ConfigMap: the file is a link into a folder that is a link.
fn a_link_may_be_swapped(cell: Cell) {
    use std::os::unix::fs::symlink;
    let scratch = scratch::Scratch::new();
    for (folder, body) in [("one", "1"), ("two", "2")] {
        std::fs::create_dir(scratch.path(folder)).unwrap();
        let file = scratch.path(folder).join("gateway.yaml");
        std::fs::write(file, config().route_with("/", fixed(body)).text()).unwrap();
    }
    symlink("one", scratch.path("data")).unwrap();
    symlink("data/gateway.yaml", scratch.path("gateway.yaml")).unwrap();
    let mut command = proxy::executable();
    command.arg("-f").arg(scratch.path("gateway.yaml")).args(["--announce", "--workers", "1"]);
    command.env("RINGWAY_DRIVER", cell.driver);
    let (data, fresh) = (scratch.path("data"), scratch.path("fresh"));
    let proxy = Proxy::start(command, scratch);
    assert_eq!(proxy.client().get("/").body(), "1");
    symlink("two", &fresh).unwrap();
    std::fs::rename(fresh, data).unwrap();
    wait::until("the other file is in use", || proxy.client().get("/").body() == "2");
}

fn limits_change_too(cell: Cell) {
    let with = |bytes: &str| {
        config()
            .route_with("/", fixed("ok"))
            .limits(json!({ "headBytes": bytes, "targetBytes": 512 }))
    };
    let proxy = cell.start(&with("2KiB"));
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(4000));
    assert_eq!(proxy.client().ask(&request).status, 431);
    proxy.reload(&with("8KiB"));
    assert_eq!(proxy.client().ask(&request).status, 200);
}
