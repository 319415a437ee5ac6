//! Names of backends, by a name server of the tests': all their addresses are used, they come and
//! go without a reload, and a name that vanishes takes nothing down.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::harness::config::Config;
use crate::harness::dns::NameServer;
use crate::harness::*;

matrix! {
    addresses_come_and_go_without_a_reload,
}

drivers! {
    a_name_that_vanishes_keeps_its_addresses,
    a_name_server_that_is_silent_changes_nothing,
    a_name_without_an_address_is_a_503_until_it_has_one,
    connections_to_addresses_that_stay_are_kept,
}

fn v4(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}

/// One name, looked up as often as may be.
fn named(server: &NameServer, port: u16) -> Config {
    let dns = json!({
        "dns": { "lookupFamily": "V4Only" },
        "ringway": { "dns": {
            "servers": [server.address().to_string()],
            "minTtl": "50ms",
            "maxTtl": "100ms",
        } },
    });
    let backend: Value = json!({
        "host": format!("origin.test:{port}"),
        "policies": { "loadBalancer": { "algorithm": "roundRobin" } },
    });
    config().process(dns).route_with("/", json!({ "backends": [backend] }))
}

/// Who answers: its own address, which is the same port on another address of loopback.
fn origins() -> (Origin, Origin) {
    for _ in 0..50 {
        let first = Origin::http1().route("/", "first").start();
        let address = std::net::SocketAddr::from((v4(2), first.address().port()));
        if let Some(second) = Origin::http1().route("/", "second").start_at(address) {
            return (first, second);
        }
    }
    panic!("no port is free on two addresses");
}

fn answers(client: &mut Client, wanted: &str) -> bool {
    (0..8).all(|_| {
        let response = client.get("/");
        response.status == 200 && response.body() == wanted
    })
}

fn addresses_come_and_go_without_a_reload(cell: Cell) {
    let (first, _second) = origins();
    let server = NameServer::start(1);
    server.set("origin.test", &[v4(1)]);
    let proxy = cell.start(&named(&server, first.address().port()));
    let mut client = proxy.client();
    assert!(answers(&mut client, "first"));
    server.set("origin.test", &[v4(1), v4(2)]);
    wait::until("both addresses are used", || {
        let bodies = [(); 4].map(|()| client.get("/").body());
        ["first", "second"].iter().all(|body| bodies.iter().any(|seen| seen == body))
    });
    server.set("origin.test", &[v4(2)]);
    wait::until("the first is used no more", || answers(&mut client, "second"));
    let metrics = proxy.metrics();
    let accepted = metrics.sum("ringway_config_reloads_total", &[("result", "accepted")]);
    assert_eq!(accepted, 0.0, "it was no reload");
    assert!(metrics.sum("ringway_dns_lookups_total", &[("result", "answered")]) > 2.0);
}

fn a_name_that_vanishes_keeps_its_addresses(cell: Cell) {
    let origin = Origin::http1().route("/", "still here").start();
    let server = NameServer::start(1);
    server.set("origin.test", &[v4(1)]);
    let proxy = cell.start(&named(&server, origin.address().port()));
    let mut client = proxy.client();
    assert!(answers(&mut client, "still here"));
    server.remove("origin.test");
    let failed = [("result", "failed")];
    wait::until("it is known that the name is gone", || {
        proxy.metrics().sum("ringway_dns_lookups_total", &failed) >= 1.0
    });
    assert!(answers(&mut client, "still here"));
    wait::until("it is told of", || proxy.stderr().contains("the last addresses stay"));
}

fn a_name_server_that_is_silent_changes_nothing(cell: Cell) {
    let origin = Origin::http1().route("/", "still here").start();
    let server = NameServer::start(1);
    server.set("origin.test", &[v4(1)]);
    let proxy = cell.start(&named(&server, origin.address().port()));
    let mut client = proxy.client();
    server.set_silent(true);
    let asked = server.asked();
    wait::until("it is asked again", || server.asked() > asked);
    assert!(answers(&mut client, "still here"));
}

fn a_name_without_an_address_is_a_503_until_it_has_one(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let server = NameServer::start(1);
    let proxy = cell.start(&named(&server, origin.address().port()));
    let mut client = proxy.client();
    let response = client.get("/");
    let body = "backends required DNS resolution which failed";
    assert_eq!((response.status, response.body().as_str()), (503, body));
    let labels = [("status", "503"), ("reason", "NoHealthyBackend")];
    proxy.await_metric("agentgateway_requests_total", &labels, 1.0);
    server.set("origin.test", &[v4(1)]);
    wait::until("it is found", || client.get("/").status == 200);
}

fn connections_to_addresses_that_stay_are_kept(cell: Cell) {
    let (first, second) = origins();
    let server = NameServer::start(1);
    server.set("origin.test", &[v4(1)]);
    let proxy = cell.start(&named(&server, first.address().port()));
    let mut client = proxy.client();
    assert!(answers(&mut client, "first"));
    assert_eq!(first.accepted(), 1);
    server.set("origin.test", &[v4(1), v4(2)]);
    wait::until("the other one is used", || client.get("/").body() == "second");
    assert!((0..10).all(|_| client.get("/").status == 200));
    assert_eq!((first.accepted(), second.accepted()), (1, 1), "no connection was opened anew");
}
