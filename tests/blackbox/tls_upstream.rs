//! TLS towards endpoints: whom the proxy trusts, what it shows, and what it says first.

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::message::Wire;
use crate::harness::socket::Socket;
use crate::harness::tls::{Authority, Files, Issued, Shown};
use crate::harness::*;

matrix! {
    certificates_of_endpoints,
    an_endpoint_asks_for_a_certificate,
    connections_are_kept,
    ten_megabytes_up_and_down,
    a_header_comes_before_the_handshake,
    checks_go_out_in_tls,
}

drivers! {
    an_endpoint_that_speaks_no_tls,
    an_endpoint_that_never_shakes_hands,
    what_alpn_settles,
    the_name_that_is_asked_for,
    an_endpoint_that_cuts_its_answer,
    tcp_goes_out_in_tls,
    it_is_counted,
}

/// An authority that the proxy trusts, one that it does not, and the file of the first.
struct Bench {
    ours: Authority,
    theirs: Authority,
    files: Files,
}

impl Bench {
    fn new() -> Self {
        let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
        Self { ours, theirs, files: Files::new() }
    }

    fn root(&self) -> Value {
        json!(self.files.text("root.pem", self.ours.pem()))
    }
}

/// All to the origin, over TLS as told.
fn to(origin: &Origin, tls: Value) -> config::Config {
    let policies = json!({ "backendTLS": tls });
    let backends = json!([{ "host": origin.host(), "policies": policies }]);
    // What idles in a pool holds a buffer: it is closed before anybody gives up on the count.
    let idle = json!({ "backend": { "poolIdleTimeout": "5s" } });
    config().route_with("/", json!({ "backends": backends })).process(idle)
}

fn hello(shown: &Shown) -> Origin {
    Origin::http1().route("/", "hello").tls(shown).start()
}

fn certificates_of_endpoints(cell: Cell) {
    let bench = Bench::new();
    let ours = |names: &[&str]| bench.ours.issue(names);
    let root = bench.root();
    let cases: [(Issued, Value, u16); 15] = [
        (ours(&["a.test"]), json!({ "root": root, "hostname": "a.test" }), 200),
        (ours(&["b.test"]), json!({ "root": root, "hostname": "a.test" }), 503),
        (ours(&["*.a.test"]), json!({ "root": root, "hostname": "b.a.test" }), 200),
        // Without a hostname it is the endpoint's own.
        (ours(&["127.0.0.1"]), json!({ "root": root }), 200),
        (ours(&["a.test"]), json!({ "root": root }), 503),
        (bench.theirs.issue(&["a.test"]), json!({ "root": root, "hostname": "a.test" }), 503),
        (bench.ours.issue_expired(&["a.test"]), json!({ "root": root, "hostname": "a.test" }), 503),
        // Nobody of the system has made it.
        (ours(&["a.test"]), json!({ "hostname": "a.test" }), 503),
        (bench.theirs.issue_expired(&["b.test"]), json!({ "insecure": true }), 200),
        (ours(&["b.test"]), json!({ "root": root, "insecureHost": true }), 200),
        (bench.theirs.issue(&["b.test"]), json!({ "root": root, "insecureHost": true }), 503),
        (
            ours(&["spiffe://test/origin"]),
            json!({ "root": root, "hostname": "a.test",
                "subjectAltNames": ["spiffe://test/origin"] }),
            200,
        ),
        (
            ours(&["a.test"]),
            json!({ "root": root, "hostname": "a.test",
                "subjectAltNames": ["spiffe://test/origin", "b.test"] }),
            503,
        ),
        (ours(&["c.test"]), json!({ "root": root, "subjectAltNames": ["b.test", "c.test"] }), 200),
        (ours(&["127.0.0.2"]), json!({ "root": root, "subjectAltNames": ["127.0.0.2"] }), 200),
    ];
    let mut all = config();
    let mut origins = Vec::new();
    for (n, (issued, tls, _)) in cases.iter().enumerate() {
        let path = format!("/{n}");
        let origin = Origin::http1().route(&path, "hello").tls(&Shown::new(issued)).start();
        let policies = json!({ "backendTLS": tls });
        let backends = json!([{ "host": origin.host(), "policies": policies }]);
        all = all.route_with(&path, json!({ "backends": backends }));
        origins.push(origin);
    }
    let proxy = cell.start(&all);
    let mut client = proxy.client();
    for (n, (_, tls, status)) in cases.iter().enumerate() {
        for _ in 0..2 {
            let response = client.get(&format!("/{n}"));
            assert_eq!(response.status, *status, "{n}: {tls}");
            assert!(response.body() == "hello" || *status == 503);
        }
        let seen = if *status == 200 { 2 } else { 0 };
        assert_eq!(origins[n].seen().len(), seen, "{n}: a request before it was known to whom");
    }
}

/// By the settings of the backend: whom it trusts, whom it asks for, who it is itself.
fn checks_go_out_in_tls(cell: Cell) {
    let bench = Bench::new();
    let shown = Shown::with(&bench.ours.issue(&["a.test"]), Some(&bench.ours), &["http/1.1"]);
    let known = bench.files.put("proxy", &bench.ours.issue(&["proxy"]));
    let (cert, key) = (&known["cert"], &known["key"]);
    let root = bench.root();
    let cases = [
        (json!({ "root": root, "hostname": "a.test", "cert": cert, "key": key }), true),
        (json!({ "insecure": true, "cert": cert, "key": key }), true),
        (json!({ "root": root, "hostname": "b.test", "cert": cert, "key": key }), false),
        (json!({ "hostname": "a.test", "cert": cert, "key": key }), false),
        // It shows nothing of its own.
        (json!({ "root": root, "hostname": "a.test" }), false),
    ];
    let mut all = config();
    let mut origins = Vec::new();
    for (n, (tls, _)) in cases.iter().enumerate() {
        let origin = Origin::http1().route("/ready", "yes").tls(&shown).start();
        let check = json!({
            "http": { "path": "/ready", "body": "yes" }, "interval": "20ms", "timeout": "10s",
        });
        let policies = json!({ "backendTLS": tls, "health": { "check": check } });
        let backends = json!([{ "host": origin.host(), "policies": policies }]);
        all = all.route_with(&format!("/{n}"), json!({ "backends": backends }));
        origins.push(origin);
    }
    let proxy = cell.start(&all);
    for ((tls, passes), origin) in cases.iter().zip(&origins) {
        let result = if *passes { "passed" } else { "failed" };
        let checks = |result| [("endpoint", origin.host()), ("result", result)];
        wait::until("it was checked often enough", || {
            proxy.metrics().sum("ringway_endpoint_checks_total", &checks(result)) >= 3.0
        });
        let others = checks(if *passes { "failed" } else { "passed" });
        assert_eq!(proxy.metrics().sum("ringway_endpoint_checks_total", &others), 0.0, "{tls}");
        let healthy = || proxy.metrics().sum("ringway_endpoint_healthy", &others[..1]) == 1.0;
        wait::until("that is believed", || healthy() == *passes);
    }
}

fn an_endpoint_asks_for_a_certificate(cell: Cell) {
    let bench = Bench::new();
    let shown = Shown::with(&bench.ours.issue(&["a.test"]), Some(&bench.ours), &["http/1.1"]);
    let origin = hello(&shown);
    let base = json!({ "root": bench.root(), "hostname": "a.test" });
    let with = |name: &str, issued: &Issued| {
        let (mut tls, pair) = (base.clone(), bench.files.put(name, issued));
        (tls["cert"], tls["key"]) = (pair["cert"].clone(), pair["key"].clone());
        tls
    };
    for (tls, is_served) in [
        (with("right", &bench.ours.issue(&["proxy"])), true),
        (with("wrong", &bench.theirs.issue(&["proxy"])), false),
        (base.clone(), false),
    ] {
        let proxy = cell.start(&to(&origin, tls));
        let status = proxy.client().get("/").status;
        // In TLS 1.3 the refusal comes behind the handshake: as the answer to the request.
        assert!(if is_served { status == 200 } else { [502, 503].contains(&status) }, "{status}");
    }
    assert_eq!(origin.seen().len(), 1);
}

fn connections_are_kept(cell: Cell) {
    let bench = Bench::new();
    let origin = hello(&Shown::new(&bench.ours.issue(&["a.test"])));
    let tls = json!({ "root": bench.root(), "hostname": "a.test" });
    let proxy = cell.start(&to(&origin, tls));
    let mut client = proxy.client();
    for _ in 0..50 {
        assert_eq!(client.get("/").body(), "hello");
    }
    assert_eq!(origin.accepted(), 1);
    drop(client);
    proxy.await_buffers(2);
}

fn ten_megabytes_up_and_down(cell: Cell) {
    let bench = Bench::new();
    let echo = Origin::http1()
        .on("/", |request, visit| visit.reply(&origin::ok(&*request.body)))
        .tls(&Shown::new(&bench.ours.issue(&["a.test"])))
        .start();
    let tls = json!({ "root": bench.root(), "hostname": "a.test" });
    let proxy = cell.start(&to(&echo, tls));
    let body: Vec<u8> = (0..10_u32 << 20).map(|n| (n ^ (n >> 9)) as u8).collect();
    let mut client = proxy.client();
    for size in [body.len(), 0, 1, 16_384, 16_385] {
        let response = client.post("/", &body[..size]);
        assert!(response.status == 200 && response.bytes == body[..size], "{size}");
    }
    drop(client);
    proxy.await_buffers(2);
}

fn a_header_comes_before_the_handshake(cell: Cell) {
    let bench = Bench::new();
    let shown = Shown::new(&bench.ours.issue(&["a.test"]));
    let origin = Origin::script(move |visit| {
        // To the byte: what follows is TLS.
        let mut header = [0; 28];
        visit.wire.socket.read_exact(&mut header)?;
        assert_eq!(header[..12], *b"\r\n\r\n\0\r\nQUIT\n");
        let mut wire = Wire::new(shown.over(visit.wire.socket.another()));
        wire.head()?;
        let port = u16::from_be_bytes([header[24], header[25]]);
        wire.send(origin::ok(port.to_string()))?;
        wire.rest().map(drop)
    });
    let tls = json!({ "root": bench.root(), "hostname": "a.test" });
    let policies = json!({ "backendTLS": tls, "tcp": { "proxyProtocol": "v2" } });
    let backends = json!([{ "host": origin.host(), "policies": policies }]);
    let proxy = cell.start(&config().route_with("/", json!({ "backends": backends })));
    for _ in 0..4 {
        let mut client = proxy.client();
        let port = client.address().port().to_string();
        assert_eq!(client.get("/").body(), port);
    }
}

fn an_endpoint_that_speaks_no_tls(cell: Cell) {
    let bench = Bench::new();
    let tls = json!({ "root": bench.root(), "hostname": "a.test" });
    let plain = Origin::script(|visit| {
        visit.wire.fill()?;
        visit.wire.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")?;
        visit.until_closed();
        Ok(())
    });
    let noise = Origin::script(|visit| {
        visit.wire.fill()?;
        visit.wire.send([22, 3, 3, 0, 50].repeat(20))
    });
    let gone = Origin::script(|visit| visit.wire.fill().map(drop));
    for origin in [&plain, &noise, &gone] {
        let proxy = cell.start(&to(origin, tls.clone()));
        let mut client = proxy.client();
        for _ in 0..2 {
            assert_eq!(client.get("/").status, 503);
        }
        drop(client);
        proxy.await_buffers(2);
    }
}

fn an_endpoint_that_never_shakes_hands(cell: Cell) {
    let bench = Bench::new();
    let silent = Origin::script(|visit| {
        visit.until_closed();
        Ok(())
    });
    let tls = json!({ "root": bench.root(), "hostname": "a.test" });
    let policies = json!({ "backendTLS": tls, "tcp": { "connectTimeout": "500ms" } });
    let backends = json!([{ "host": silent.host(), "policies": policies }]);
    let proxy = cell.start(&config().route_with("/", json!({ "backends": backends })));
    let started = Instant::now();
    assert_eq!(proxy.client().get("/").status, 504);
    let took = started.elapsed();
    assert!((Duration::from_millis(450)..wait::PATIENCE).contains(&took), "{took:?}");
    wait::until("the endpoint is let go", || silent.open() == 0);
    proxy.await_metric("ringway_timeouts_total", &[("kind", "connect")], 1.0);
    proxy.await_buffers(2);
}

fn what_alpn_settles(cell: Cell) {
    let bench = Bench::new();
    let issued = bench.ours.issue(&["a.test"]);
    let root = bench.root();
    // (what the endpoint takes, what is offered if that is written, whether it is served)
    for (taken, offered, is_served) in [
        (&["http/1.1"][..], None, true),
        (&[], None, true),
        (&["http/1.1"], Some(json!(["http/1.1"])), true),
        (&["spdy/3"], Some(json!(["http/1.1"])), false),
    ] {
        let origin = hello(&Shown::with(&issued, None, taken));
        let mut tls = json!({ "root": root, "hostname": "a.test" });
        if let Some(offered) = offered {
            tls["alpn"] = offered;
        }
        let proxy = cell.start(&to(&origin, tls));
        let expected = if is_served { 200 } else { 503 };
        assert_eq!(proxy.client().get("/").status, expected, "{taken:?}");
    }
}

fn the_name_that_is_asked_for(cell: Cell) {
    let bench = Bench::new();
    for (tls, wanted) in [
        (json!({ "hostname": "a.test", "insecure": true }), true),
        // An address is none: RFC 6066 section 3.
        (json!({ "insecure": true }), false),
    ] {
        let origin = Origin::script(|visit| {
            let hello = visit.wire.exactly(5)?;
            let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
            let hello = visit.wire.exactly(length)?;
            visit.note(message::Head::default(), hello, Vec::new());
            Ok(())
        });
        let proxy = cell.start(&to(&origin, tls));
        assert_eq!(proxy.client().get("/").status, 503);
        let hello = origin.last().body;
        assert_eq!(message::position(&hello, b"a.test").is_some(), wanted);
        assert!(message::position(&hello, b"127.0.0.1").is_none());
    }
    drop(bench);
}

fn cut(wire: &Wire) -> std::io::Result<()> {
    let Socket::Tls(tls) = &wire.socket else { panic!("not TLS") };
    tls.tcp().shutdown(std::net::Shutdown::Both)
}

/// Without a word of TLS the end of a connection is no end of a response.
fn an_endpoint_that_cuts_its_answer(cell: Cell) {
    let bench = Bench::new();
    let root = bench.root();
    let issued = bench.ours.issue(&["a.test"]);
    for is_cut in [false, true] {
        let shown = Shown::new(&issued);
        let origin = Origin::script(move |visit| {
            let mut wire = Wire::new(shown.over(visit.wire.socket.another()));
            wire.head()?;
            wire.send("HTTP/1.1 200 OK\r\n\r\nuntil the end")?;
            if is_cut {
                cut(&wire)?;
            }
            Ok(())
        });
        let proxy = cell.start(&to(&origin, json!({ "root": root, "hostname": "a.test" })));
        let mut client = proxy.client();
        let response = client.try_ask("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        match response {
            Ok(response) => {
                assert!(!is_cut, "a cut response was passed on as a whole one");
                assert_eq!(response.body(), "until the end");
            }
            Err(error) => assert!(is_cut, "{error}"),
        }
    }
}

fn tcp_goes_out_in_tls(cell: Cell) {
    let bench = Bench::new();
    let origin = hello(&Shown::with(&bench.ours.issue(&["a.test"]), None, &[]));
    let policies = json!({ "backendTLS": { "root": bench.root(), "hostname": "a.test" } });
    let backends = json!([{ "host": origin.host(), "policies": policies }]);
    let routes = json!([{ "backends": backends }]);
    let listener = json!({ "name": "raw", "protocol": "TCP", "tcpRoutes": routes });
    let proxy = cell.start(&config().listener(listener));
    for _ in 0..3 {
        let mut client = proxy.client();
        for _ in 0..3 {
            assert_eq!(client.get("/").body(), "hello");
        }
        client.shut_write();
        client.wait_for_close();
    }
    wait::until("the endpoint's connections are closed", || origin.open() == 0);
}

fn it_is_counted(cell: Cell) {
    let bench = Bench::new();
    let origin = hello(&Shown::new(&bench.ours.issue(&["a.test"])));
    let plain = Origin::http1().route("/plain", "plain").start();
    let tls = json!({ "root": bench.root(), "hostname": "a.test" });
    let config = to(&origin, tls).route("/plain", &plain);
    let proxy = cell.start(&config);
    let mut client = proxy.client();
    assert_eq!(client.get("/").body(), "hello");
    assert_eq!(client.get("/plain").body(), "plain");
    for transport in ["tls", "plaintext"] {
        let of = [("transport", transport)];
        proxy.await_metric("agentgateway_upstream_connect_duration_seconds_count", &of, 1.0);
    }
}
