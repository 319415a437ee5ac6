//! Endpoints: over TCP and unix sockets, several of one cluster, refusing, silent, gone.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::harness::scratch::Scratch;
use crate::harness::*;

matrix! {
    a_unix_socket,
    a_refused_connection_is_a_503,
    a_black_hole_is_a_504,
}

drivers! {
    a_missing_unix_socket_is_a_503,
    several_endpoints_take_turns,
    an_endpoint_that_refuses_is_passed_by,
    an_endpoint_that_comes_back_is_used,
    names_are_looked_up,
    keepalive_probes,
}

/// An address on which nobody listens: bound, so that nobody else gets it.
struct Refusing(Socket, SocketAddr);

impl Refusing {
    fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Self(socket, address)
    }
}

/// A listener whose queue is full: what connects to it gets no answer at all.
struct BlackHole {
    _listener: Socket,
    _queued: Vec<TcpStream>,
    address: SocketAddr,
}

impl BlackHole {
    fn new() -> Self {
        let Refusing(listener, address) = Refusing::new();
        listener.listen(0).unwrap();
        let mut queued = Vec::new();
        // The queue holds one more than asked for; the kernel drops the SYN of the next.
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            queued.push(stream);
            assert!(queued.len() < 16, "the queue never fills");
        }
        Self { _listener: listener, _queued: queued, address }
    }
}

fn a_unix_socket(cell: Cell) {
    let scratch = Scratch::new();
    let origin = Origin::http1().route("/", "by file").unix(&scratch.path("origin")).start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for _ in 0..10 {
        assert_eq!(client.get("/").body(), "by file");
    }
    assert_eq!(origin.accepted(), 1);
    let body = vec![b'x'; 300_000];
    assert_eq!(client.post("/", &body).body(), "by file");
    assert!(origin.last().body == body);
}

fn a_missing_unix_socket_is_a_503(cell: Cell) {
    let scratch = Scratch::new();
    let host = format!("unix:{}", scratch.path("nobody").display());
    let backends = json!({ "backends": [{ "host": host }] });
    let proxy = cell.start(&config().route_with("/", backends));
    assert_eq!(proxy.client().get("/").status, 503);
}

fn a_refused_connection_is_a_503(cell: Cell) {
    let nobody = Refusing::new();
    let backends = json!({ "backends": [{ "host": nobody.1.to_string() }] });
    let proxy = cell.start(&config().route_with("/", backends));
    let mut client = proxy.client();
    for _ in 0..5 {
        let response = client.get("/");
        assert_eq!(response.status, 503);
        assert!(response.body().starts_with("upstream call failed"), "{}", response.body());
    }
    // The body that came with it does not matter.
    assert_eq!(client.post("/", b"some body").status, 503);
    let failed = [("status", "503"), ("reason", "UpstreamFailure")];
    proxy.await_metric("agentgateway_requests_total", &failed, 6.0);
}

fn a_black_hole_is_a_504(cell: Cell) {
    let hole = BlackHole::new();
    let backends = json!({ "backends": [{ "host": hole.address.to_string() }] });
    let settings = json!({ "backend": { "connectTimeout": "300ms" } });
    let proxy = cell.start(&config().route_with("/", backends).process(settings));
    let started = Instant::now();
    let mut client = proxy.client();
    let response = client.get("/");
    let took = started.elapsed();
    assert_eq!((response.status, response.closes()), (504, false));
    assert!(took >= Duration::from_millis(290), "{took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    let failed = [("status", "504"), ("reason", "Timeout")];
    proxy.await_metric("agentgateway_requests_total", &failed, 1.0);
    proxy.await_metric("ringway_timeouts_total", &[("kind", "connect")], 1.0);
}

fn several_endpoints_take_turns(cell: Cell) {
    let origins = ["a", "b", "c"].map(|name| Origin::http1().route("/", name).start());
    let hosts: Vec<_> = origins.iter().map(Origin::host).collect();
    let policies = json!({ "loadBalancer": { "algorithm": "roundRobin" } });
    let backends = json!({ "backends": [{ "hosts": hosts, "policies": policies }] });
    let proxy = cell.start(&config().route_with("/", backends));
    let mut client = proxy.client();
    for _ in 0..30 {
        assert_eq!(client.get("/").status, 200);
    }
    let counts = origins.each_ref().map(|origin| origin.seen().len());
    assert_eq!(counts, [10, 10, 10]);
}

fn an_endpoint_that_refuses_is_passed_by(cell: Cell) {
    let nobody = Refusing::new();
    let origin = Origin::http1().route("/", "hello").start();
    let hosts = json!({ "backends": [{ "hosts": [nobody.1.to_string(), origin.host()] }] });
    let proxy = cell.start(&config().route_with("/", hosts));
    let mut client = proxy.client();
    for n in 0..20 {
        assert_eq!(client.get("/").status, 200, "request {n}");
        assert_eq!(client.post("/", b"body").status, 200, "post {n}");
    }
}

fn an_endpoint_that_comes_back_is_used(cell: Cell) {
    let scratch = Scratch::new();
    let path = scratch.path("origin");
    let host = format!("unix:{}", path.display());
    let proxy = cell.start(&config().route_with("/", json!({ "backends": [{ "host": host }] })));
    let mut client = proxy.client();
    assert_eq!(client.get("/").status, 503);
    let _origin = Origin::http1().route("/", "back").unix(&path).start();
    wait::until("it is used", || client.get("/").status == 200);
}

fn names_are_looked_up(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let host = format!("localhost:{}", origin.address().port());
    let proxy = cell.start(&config().route_with("/", json!({ "backends": [{ "host": host }] })));
    assert_eq!(proxy.client().get("/").body(), "hello");
}

/// In how many seconds the kernel will probe the connection with these two ends, seen from the
/// first; `None` when it will not.
fn probe_seconds(local: SocketAddr, remote: SocketAddr) -> Option<u64> {
    let hex = |address: SocketAddr| match address {
        SocketAddr::V4(v4) => {
            format!("{:08X}:{:04X}", u32::from_le_bytes(v4.ip().octets()), v4.port())
        }
        SocketAddr::V6(_) => unreachable!("these tests use IPv4"),
    };
    let table = scratch::read("/proc/net/tcp".as_ref());
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row[1] == hex(local) && row[2] == hex(remote));
    let row = row.unwrap_or_else(|| panic!("{local} {remote} is not connected"));
    let (kind, due) = row[5].split_once(':').expect("a timer and when it is due");
    // 2 is the keepalive timer; it is told in hundredths of a second.
    (kind == "02").then(|| u64::from_str_radix(due, 16).expect("hexadecimal") / 100)
}

/// By default upstream, after 180 s; towards clients when it is asked for.
fn keepalive_probes(cell: Cell) {
    let origin = Origin::script(|visit| {
        loop {
            visit.request()?;
            let peer = visit.wire.socket.peer_address().expect("TCP");
            visit.wire.send(origin::ok(peer.to_string()))?;
        }
    });
    let plain = config().route("/", &origin);
    let asked = json!({ "tcp": { "keepalives": { "time": "60s" } } });
    let short = json!({ "backend": { "keepalives": { "time": "30s" } } });
    let off = json!({ "backend": { "keepalives": { "enabled": false } } });
    let cases = [
        (plain.clone(), Some(180), None),
        (plain.clone().frontend(asked), Some(180), Some(60)),
        (plain.clone().process(short), Some(30), None),
        (plain.process(off), None, None),
    ];
    for (config, upstream, downstream) in cases {
        let proxy = cell.start(&config);
        let mut client = proxy.client();
        let mine: SocketAddr = client.get("/").body().parse().expect("an address");
        // The timer of what is not acknowledged yet comes first.
        let close = |seen: Option<u64>, wanted: Option<u64>| match (seen, wanted) {
            (Some(seen), Some(wanted)) => seen <= wanted && seen + 10 > wanted,
            (seen, wanted) => seen == wanted,
        };
        wait::until(&format!("{upstream:?} and {downstream:?}"), || {
            close(probe_seconds(mine, origin.address()), upstream)
                && close(probe_seconds(proxy.address(), client.address()), downstream)
        });
    }
}
