//! The PROXY protocol: headers that come in front of connections, strictly read, and headers that
//! go out in front of connections to backends.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::*;

matrix! {
    the_client_is_who_the_header_names,
    a_header_may_come_byte_by_byte,
    without_a_header_strict_closes,
    without_a_header_optional_goes_on,
    a_backend_is_told_who_the_client_is,
    connections_with_a_header_are_not_pooled,
}

drivers! {
    bad_headers_are_refused,
    versions_that_are_not_taken,
    a_balancer_may_speak_for_itself,
    a_slow_header_is_closed,
    a_silent_client_goes_on_where_it_is_optional,
    tcp_listeners_have_it_too,
    from_header_to_header,
    a_bind_may_ask_for_it_alone,
}

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const GET: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

fn v1(client: &str, here: &str) -> Vec<u8> {
    let (client, here): (SocketAddr, SocketAddr) = (client.parse().unwrap(), here.parse().unwrap());
    let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (client.ip(), here.ip());
    format!("PROXY {family} {from} {to} {} {}\r\n", client.port(), here.port()).into_bytes()
}

fn v2(client: &str, here: &str, extensions: &[u8]) -> Vec<u8> {
    let (client, here): (SocketAddr, SocketAddr) = (client.parse().unwrap(), here.parse().unwrap());
    let mut addresses = Vec::new();
    for address in [client, here] {
        match address {
            SocketAddr::V4(v4) => addresses.extend_from_slice(&v4.ip().octets()),
            SocketAddr::V6(v6) => addresses.extend_from_slice(&v6.ip().octets()),
        }
    }
    addresses.extend_from_slice(&client.port().to_be_bytes());
    addresses.extend_from_slice(&here.port().to_be_bytes());
    addresses.extend_from_slice(extensions);
    let family = if client.is_ipv4() { 0x11 } else { 0x21 };
    v2_of(0x21, family, &addresses)
}

fn v2_of(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let mut header = V2.to_vec();
    header.extend_from_slice(&[command, family]);
    header.extend_from_slice(&u16::try_from(rest.len()).unwrap().to_be_bytes());
    header.extend_from_slice(rest);
    header
}

fn taking(version: &str, mode: &str, origin: &Origin) -> config::Config {
    let proxy = json!({ "proxyProtocol": { "version": version, "mode": mode } });
    config().route("/", origin).frontend(proxy)
}

fn hello() -> Origin {
    Origin::http1().route("/", "hello").start()
}

fn forwarded_for(origin: &Origin) -> String {
    origin.last().head.field("x-forwarded-for").unwrap_or_default().to_owned()
}

fn the_client_is_who_the_header_names(cell: Cell) {
    let origin = hello();
    let proxy = cell.start(&taking("all", "strict", &origin));
    let unix = [0; 216];
    for (header, expected) in [
        (v1("192.0.2.7:4711", "198.51.100.1:80"), "192.0.2.7"),
        (v1("[2001:db8::7]:4711", "[2001:db8::1]:80"), "2001:db8::7"),
        (v2("192.0.2.8:4711", "198.51.100.1:80", b""), "192.0.2.8"),
        (v2("[2001:db8::8]:4711", "[2001:db8::1]:80", b""), "2001:db8::8"),
        (v2("192.0.2.9:1", "198.51.100.1:80", &[4, 0, 3, 1, 2, 3]), "192.0.2.9"),
        // Nothing is known of the client: the connection is what it is.
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (v2_of(0x21, 0x31, &unix), "127.0.0.1"),
    ] {
        let mut client = proxy.client();
        // With the request in one segment, and a second request behind it.
        client.send([&header, GET.as_bytes()].concat());
        assert_eq!(client.response().body(), "hello");
        assert_eq!(forwarded_for(&origin), expected);
        assert_eq!(client.get("/").body(), "hello");
        assert_eq!(forwarded_for(&origin), expected);
    }
}

fn a_header_may_come_byte_by_byte(cell: Cell) {
    let origin = hello();
    let proxy = cell.start(&taking("all", "strict", &origin));
    for header in [
        v1("192.0.2.7:4711", "198.51.100.1:80"),
        v2("192.0.2.7:4711", "198.51.100.1:80", b"\x04\0\x01x"),
    ] {
        let mut client = proxy.client();
        for byte in [&header, GET.as_bytes()].concat() {
            client.send([byte]);
            thread::yield_now();
        }
        assert_eq!(client.response().body(), "hello");
        assert_eq!(forwarded_for(&origin), "192.0.2.7");
    }
}

fn without_a_header_strict_closes(cell: Cell) {
    let origin = hello();
    let proxy = cell.start(&taking("v2", "strict", &origin));
    for _ in 0..3 {
        let mut client = proxy.client();
        client.send(GET);
        client.wait_for_end();
    }
    let missing = [("reason", "proxy_header_missing")];
    proxy.await_metric("ringway_refused_connections_total", &missing, 3.0);
    assert_eq!(origin.seen().len(), 0);
}

fn without_a_header_optional_goes_on(cell: Cell) {
    let origin = hello();
    let proxy = cell.start(&taking("all", "optional", &origin));
    let mut client = proxy.client();
    for _ in 0..3 {
        assert_eq!(client.get("/").body(), "hello");
        assert_eq!(forwarded_for(&origin), "127.0.0.1");
    }
    // What begins like a header and is none.
    let mut client = proxy.client();
    client.send("P");
    thread::yield_now();
    client.send("OST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab");
    assert_eq!(client.response().status, 200);
    let mut client = proxy.client();
    client.send([&v2("192.0.2.7:1", "198.51.100.1:80", b""), GET.as_bytes()].concat());
    assert_eq!(client.response().status, 200);
    assert_eq!(forwarded_for(&origin), "192.0.2.7");
}

fn bad_headers_are_refused(cell: Cell) {
    let origin = hello();
    for mode in ["strict", "optional"] {
        let proxy = cell.start(&taking("all", mode, &origin));
        let bad = [
            b"PROXY TCP4 192.0.2.7 198.51.100.1 4711\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 99999\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::1 198.51.100.1 4711 80\r\n".to_vec(),
            b"PROXY TCP4  192.0.2.7 198.51.100.1 4711 80\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\n".to_vec(),
            [b"PROXY ".to_vec(), vec![b'x'; 200]].concat(),
            v2_of(0x11, 0x11, &[0; 12]),
            v2_of(0x22, 0x11, &[0; 12]),
            v2_of(0x21, 0x11, &[0; 5]),
            v2_of(0x21, 0x11, &[0; 40_000]),
        ];
        let count = bad.len() as f64;
        for header in bad {
            let mut client = proxy.client();
            let _ = client.wire.send([&header, GET.as_bytes()].concat());
            client.wait_for_end();
        }
        let malformed = [("reason", "proxy_header_malformed")];
        proxy.await_metric("ringway_refused_connections_total", &malformed, count);
        assert_eq!(proxy.metrics().sum("agentgateway_requests_total", &[]), 0.0);
        proxy.await_buffers(1);
    }
    assert_eq!(origin.seen().len(), 0);
}

fn versions_that_are_not_taken(cell: Cell) {
    let origin = hello();
    let one = v1("192.0.2.7:4711", "198.51.100.1:80");
    let two = v2("192.0.2.7:4711", "198.51.100.1:80", b"");
    for (version, good, other) in [("v1", &one, &two), ("v2", &two, &one)] {
        let proxy = cell.start(&taking(version, "strict", &origin));
        let mut client = proxy.client();
        client.send([good, GET.as_bytes()].concat());
        assert_eq!(client.response().status, 200);
        let mut client = proxy.client();
        client.send([other, GET.as_bytes()].concat());
        client.wait_for_end();
    }
}

fn a_balancer_may_speak_for_itself(cell: Cell) {
    let origin = hello();
    let proxy = cell.start(&taking("v2", "strict", &origin));
    let mut client = proxy.client();
    client.send([&v2_of(0x20, 0, b""), GET.as_bytes()].concat());
    assert_eq!(client.response().status, 200);
    assert_eq!(forwarded_for(&origin), "127.0.0.1");
    // One that only looks whether the port is open.
    drop(proxy.client());
    proxy.await_metric("agentgateway_downstream_connections_total", &[], 2.0);
    drop(client);
    proxy.await_metric("ringway_active_connections", &[], 0.0);
    assert_eq!(proxy.metrics().sum("ringway_refused_connections_total", &[]), 0.0);
}

fn a_slow_header_is_closed(cell: Cell) {
    let origin = hello();
    let proxy = cell.start(&taking("all", "strict", &origin));
    let started = Instant::now();
    let mut silent = proxy.client();
    let mut cut = proxy.client();
    cut.send("PROXY TCP4 192.0.2.7");
    silent.wait_for_end();
    cut.wait_for_end();
    let took = started.elapsed();
    assert!((Duration::from_millis(4900)..wait::PATIENCE).contains(&took), "{took:?}");
    let slow = [("reason", "proxy_header_slow")];
    proxy.await_metric("ringway_refused_connections_total", &slow, 2.0);
    proxy.await_metric("ringway_timeouts_total", &[("kind", "proxy_header")], 2.0);
}

/// Of a protocol in which the server speaks first.
fn a_silent_client_goes_on_where_it_is_optional(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.wire.send("220 mail\r\n")?;
        visit.until_closed();
        Ok(())
    });
    let proxy = cell.start(&raw(&origin, json!({})).frontend(json!({
        "proxyProtocol": { "mode": "optional" },
    })));
    assert_eq!(proxy.client().wire.exactly(10).unwrap(), b"220 mail\r\n");
}

/// A TCP listener in front of one origin.
fn raw(origin: &Origin, policies: Value) -> config::Config {
    let backends = json!([{ "host": origin.host(), "policies": policies }]);
    config().listener(json!({ "protocol": "TCP", "tcpRoutes": [{ "backends": backends }] }))
}

fn echo() -> Origin {
    Origin::script(|visit| {
        loop {
            let bytes = std::mem::take(&mut visit.wire.unread);
            visit.wire.send(bytes)?;
            if !visit.wire.fill()? {
                return Ok(());
            }
        }
    })
}

fn tcp_listeners_have_it_too(cell: Cell) {
    let origin = echo();
    let proxy = cell.start(&raw(&origin, json!({})).frontend(json!({ "proxyProtocol": {} })));
    let mut client = proxy.client();
    client.send([&v2("192.0.2.7:1", "198.51.100.1:80", b"")[..], b"first"].concat());
    assert_eq!(client.wire.exactly(5).unwrap(), b"first");
    client.send("second");
    client.shut_write();
    assert_eq!(client.wire.rest().unwrap(), b"second");
}

fn out(version: &str) -> Value {
    json!({ "tcp": { "proxyProtocol": version } })
}

fn a_backend_is_told_who_the_client_is(cell: Cell) {
    for version in ["v1", "v2"] {
        let origin = echo();
        let proxy = cell.start(&raw(&origin, out(version)));
        let mut client = proxy.client();
        let (from, to) = (client.address().to_string(), proxy.address().to_string());
        let header = if version == "v1" { v1(&from, &to) } else { v2(&from, &to, b"") };
        assert_eq!(client.wire.exactly(header.len()).unwrap(), header);
        client.send("bytes");
        assert_eq!(client.wire.exactly(5).unwrap(), b"bytes");
    }
}

fn from_header_to_header(cell: Cell) {
    let origin = echo();
    let config = raw(&origin, out("v1")).frontend(json!({ "proxyProtocol": {} }));
    let proxy = cell.start(&config);
    let (from, to) = ("192.0.2.7:4711", "198.51.100.1:80");
    let mut client = proxy.client();
    client.send(v2(from, to, b""));
    let header = v1(from, to);
    assert_eq!(client.wire.exactly(header.len()).unwrap(), header);
}

/// What a header says holds for one client: another's request never goes behind it.
fn connections_with_a_header_are_not_pooled(cell: Cell) {
    let origin = Origin::script(|visit| {
        let line = visit.wire.line()?;
        loop {
            visit.request()?;
            visit.wire.send(origin::ok(line.clone()))?;
        }
    });
    let backends = json!([{ "host": origin.host(), "policies": out("v1") }]);
    let proxy = cell.start(&config().route_with("/", json!({ "backends": backends })));
    for _ in 0..3 {
        let mut client = proxy.client();
        let (from, to) = (client.address(), proxy.address());
        let told = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {} {}", from.port(), to.port());
        assert_eq!(client.get("/").body(), told);
        assert_eq!(client.get("/").body(), told);
    }
    assert_eq!(origin.accepted(), 6);
    wait::until("none of them is kept", || origin.open() == 0);
    proxy.await_buffers(1);
}

fn a_bind_may_ask_for_it_alone(cell: Cell) {
    let origin = hello();
    let mut text: Value = serde_json::from_str(&config().route("/", &origin).text()).unwrap();
    text["binds"][0]["tunnelProtocol"] = json!("proxy");
    let proxy = Proxy::with_text(&text.to_string()).on(cell).start();
    let mut client = proxy.client();
    client.send([&v2("192.0.2.7:1", "198.51.100.1:80", b""), GET.as_bytes()].concat());
    assert_eq!(client.response().status, 200);
    assert_eq!(forwarded_for(&origin), "192.0.2.7");
    let mut client = proxy.client();
    client.send(GET);
    client.wait_for_end();
}
