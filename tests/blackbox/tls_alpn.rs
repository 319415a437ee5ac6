//! HTTP/1.1 or HTTP/2 to endpoints behind TLS, where the configuration leaves it to them.

use std::thread;

use serde_json::json;

use crate::harness::tls::{Authority, Files, Issued, Shown};
use crate::harness::*;

matrix! {
    the_endpoint_chooses,
    a_burst_opens_few_connections,
    another_choice_after_a_restart,
}

drivers! {
    an_upgrade_needs_http_1,
    grpc_leaves_no_choice,
    what_is_configured_is_not_asked_for,
    an_endpoint_that_fails_is_a_503,
}

struct Bench {
    ours: Authority,
    issued: Issued,
    files: Files,
}

impl Bench {
    fn new() -> Self {
        let ours = Authority::new("ours");
        let issued = ours.issue(&["a.test"]);
        Self { ours, issued, files: Files::new() }
    }

    fn speaking(&self, alpn: &[&str]) -> Shown {
        Shown::with(&self.issued, None, alpn)
    }

    fn to(&self, host: &str, more: serde_json::Value) -> config::Config {
        let root = self.files.text("root.pem", self.ours.pem());
        let mut policies = json!({ "backendTLS": { "root": root, "hostname": "a.test" } });
        policies.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let backends = json!([{ "host": host, "policies": policies }]);
        config().route_with("/", json!({ "backends": backends }))
    }
}

/// Asks once with each of so many clients at the same time: what each was answered.
fn burst(proxy: &Proxy, clients: usize) -> Vec<String> {
    let address = proxy.address();
    let ask = move || {
        let response = Client::http1(address).get("/");
        assert_eq!(response.status, 200);
        response.body()
    };
    let clients: Vec<_> = (0..clients).map(|_| thread::spawn(ask)).collect();
    clients.into_iter().map(|client| client.join().unwrap()).collect()
}

fn the_endpoint_chooses(cell: Cell) {
    let bench = Bench::new();
    for (speaks, expected) in [
        (&["h2"][..], "h2"),
        (&["http/1.1"], "http/1.1"),
        (&["h2", "http/1.1"], "h2"),
        (&["http/1.1", "h2"], "http/1.1"),
        // It does not know of ALPN.
        (&[], "http/1.1"),
    ] {
        let origin = BothOrigin::start(&bench.speaking(speaks));
        let proxy = cell.start(&bench.to(&origin.host(), json!({})));
        let mut client = proxy.client();
        for _ in 0..20 {
            assert_eq!(client.get("/").body(), expected, "{speaks:?}");
        }
        assert_eq!(origin.requests(expected), 20);
        // One connection, which carries all that comes one by one.
        assert_eq!(origin.seen().offers, [["h2", "http/1.1"]], "{speaks:?}");
    }
}

fn a_burst_opens_few_connections(cell: Cell) {
    let bench = Bench::new();
    let origin = BothOrigin::start(&bench.speaking(&["h2", "http/1.1"]));
    let proxy = cell.start(&bench.to(&origin.host(), json!({})));
    assert!(burst(&proxy, 40).iter().all(|answer| answer == "h2"));
    let opened = origin.seen().offers.len();
    assert!(opened <= cell.workers, "{opened} connections of {} workers", cell.workers);
    // Of HTTP/1.1 each that is at work needs one, and none more.
    let origin = BothOrigin::start(&bench.speaking(&["http/1.1"]));
    let proxy = cell.start(&bench.to(&origin.host(), json!({})));
    assert!(burst(&proxy, 40).iter().all(|answer| answer == "http/1.1"));
    let opened = origin.seen().offers.len();
    assert!(opened <= 40, "{opened} connections for 40 requests");
    assert_eq!(proxy.metrics().sum("ringway_panics_total", &[]), 0.0);
}

fn another_choice_after_a_restart(cell: Cell) {
    let bench = Bench::new();
    let (h2, http1) = (bench.speaking(&["h2"]), bench.speaking(&["http/1.1"]));
    let origin = BothOrigin::start(&h2);
    let proxy = cell.start(&bench.to(&origin.host(), json!({})));
    assert!(burst(&proxy, 8).iter().all(|answer| answer == "h2"));
    for (shown, expected) in [(&http1, "http/1.1"), (&h2, "h2"), (&http1, "http/1.1"), (&h2, "h2")]
    {
        origin.restart(shown);
        wait::until("the old connections are gone", || origin.seen().open == 0);
        // All at once, each of which may find what the last one was to be gone.
        let answers = burst(&proxy, 16);
        assert!(answers.iter().all(|answer| answer == expected), "{expected}: {answers:?}");
        let mut client = proxy.client();
        for _ in 0..5 {
            assert_eq!(client.get("/").body(), expected);
        }
    }
    assert_eq!(proxy.metrics().sum("ringway_panics_total", &[]), 0.0);
}

fn an_upgrade_needs_http_1(cell: Cell) {
    let bench = Bench::new();
    let origin = BothOrigin::start(&bench.speaking(&["h2", "http/1.1"]));
    let proxy = cell.start(&bench.to(&origin.host(), json!({})));
    let mut client = proxy.client();
    assert_eq!(client.get("/").body(), "h2");
    let mut upgraded = proxy.client();
    upgraded.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    assert!(upgraded.head().first_line.contains(" 101 "));
    upgraded.send("ping");
    assert_eq!(upgraded.wire.exactly(4).unwrap(), b"ping");
    assert_eq!(client.get("/").body(), "h2", "the others go on as they were");
    assert_eq!(origin.seen().offers, [vec!["h2", "http/1.1"], vec!["http/1.1"]]);
}

const GRPC: &str = "POST /a.B/C HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n\
                    Content-Length: 0\r\n\r\n";

fn grpc_leaves_no_choice(cell: Cell) {
    let bench = Bench::new();
    let origin = BothOrigin::start(&bench.speaking(&["http/1.1", "h2"]));
    let proxy = cell.start(&bench.to(&origin.host(), json!({})));
    let mut client = proxy.client();
    assert_eq!(client.ask(GRPC).body(), "h2");
    assert_eq!(client.get("/").body(), "http/1.1");
    assert_eq!(client.ask(GRPC).body(), "h2");
    assert_eq!(origin.seen().offers, [vec!["h2"], vec!["h2", "http/1.1"]]);
    // Where there is no HTTP/2 for it, the others do not suffer.
    let origin = BothOrigin::start(&bench.speaking(&["http/1.1"]));
    let proxy = cell.start(&bench.to(&origin.host(), json!({})));
    let address = proxy.address();
    let threads: Vec<_> = (0..12)
        .map(|n| {
            thread::spawn(move || {
                let mut client = Client::http1(address);
                for _ in 0..5 {
                    match n % 2 {
                        0 => assert_eq!(client.ask(GRPC).status, 503),
                        _ => assert_eq!(client.get("/").body(), "http/1.1"),
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn what_is_configured_is_not_asked_for(cell: Cell) {
    let bench = Bench::new();
    let origin = BothOrigin::start(&bench.speaking(&["h2", "http/1.1"]));
    for (version, expected) in [("HTTP/1.1", "http/1.1"), ("HTTP/2.0", "h2")] {
        let http = json!({ "http": { "version": version } });
        let proxy = cell.start(&bench.to(&origin.host(), http));
        assert_eq!(proxy.client().get("/").body(), expected);
        assert_eq!(origin.seen().offers.last().unwrap(), &[expected]);
    }
}

fn an_endpoint_that_fails_is_a_503(cell: Cell) {
    let bench = Bench::new();
    let theirs = Authority::new("theirs").issue(&["a.test"]);
    let origin = BothOrigin::start(&Shown::with(&theirs, None, &["h2", "http/1.1"]));
    let proxy = cell.start(&bench.to(&origin.host(), json!({})));
    let address = proxy.address();
    let clients: Vec<_> =
        (0..10).map(|_| thread::spawn(move || Client::http1(address).get("/").status)).collect();
    for client in clients {
        assert_eq!(client.join().unwrap(), 503);
    }
    // It is asked anew once it is well.
    origin.restart(&bench.speaking(&["h2"]));
    assert_eq!(proxy.client().get("/").body(), "h2");
}
