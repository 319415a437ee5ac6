//! Who a client is by its certificate: in the log, in routes, and told to the origin; over HTTP/1.1
//! and HTTP/2 alike.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::Bench;
use crate::harness::config::Config;
use crate::harness::h2_client::H2;
use crate::harness::scratch::{self, Scratch};
use crate::harness::tls::{Caller, Issued, ONLY_12, ONLY_13, Offer, settled};
use crate::harness::*;

matrix! {
    it_is_in_the_log_and_in_routes,
    expressions_see_it,
    the_origin_is_told,
}

drivers! {
    a_ticket_is_no_longer_good_than_its_certificate,
    a_tcp_route_logs_it,
}

const ALICE: &str = "spiffe://test/ns/a/sa/alice";

/// A route for each kind of client, tried from the top.
fn routes() -> Value {
    let says = |name: &str, source: Value| {
        let mut route = json!({
            "name": name,
            "policies": { "directResponse": { "status": 200, "body": name } },
            "matches": [{}],
        });
        if !source.is_null() {
            route["matches"][0]["source"] = source;
        }
        route
    };
    json!([
        says("nobody", Value::Null),
        says("alice", json!({ "identity": { "exact": ALICE } })),
        says("named", json!({ "subjectCn": { "regex": "bob|carol" } })),
        says(
            "known",
            json!({
                "issuer": { "exact": "CN=ours" },
                "subjectAltName": { "exact": "dave.test" },
            })
        ),
    ])
}

struct Stand {
    bench: Bench,
    scratch: Scratch,
    clients: [(Option<Issued>, &'static str, &'static str); 5],
}

impl Stand {
    fn new() -> Self {
        let bench = Bench::new();
        let clients = [
            (None, "", "nobody"),
            (Some(bench.ours.issue(&["alice", ALICE])), "CN=alice", "alice"),
            (Some(bench.ours.issue(&["bob"])), "CN=bob", "named"),
            (Some(bench.ours.issue(&["dave.test"])), "CN=dave.test", "known"),
            // Known by its certificate, and asked for by no route.
            (Some(bench.ours.issue(&["eve", "spiffe://test/eve"])), "CN=eve", "nobody"),
        ];
        Self { bench, scratch: Scratch::new(), clients }
    }

    fn log(&self) -> PathBuf {
        self.scratch.path("access.log")
    }

    fn config(&self, demand: &str, routes: &Value) -> Config {
        let root = self.bench.files.text("clients.pem", self.bench.ours.pem());
        let more = json!({ "root": root, "clientCertificate": demand });
        let listener = json!({
            "name": "secure",
            "protocol": "HTTPS",
            "tls": self.bench.tls(&["test"], more),
            "routes": routes,
        });
        let to = json!({ "to": { "file": self.log() }, "format": "json" });
        config().listener(listener).process(json!({ "ringway": { "accessLog": to } }))
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = scratch::read(path);
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Asks twice for `path` in the version of HTTP that `alpn` is: the body of the answers.
fn ask(
    bench: &Bench,
    proxy: &Proxy,
    shown: Option<&Issued>,
    alpn: &'static [&str],
    path: &str,
) -> String {
    let caller = Caller::with(&bench.ours, &Offer { alpn, ..Offer::default() }, shown);
    let mut client = caller.must(proxy.address(), "test");
    assert_eq!(settled(&client).alpn.as_deref(), Some(alpn[0]));
    if alpn == ["http/1.1"] {
        let first = client.get(path).body();
        assert_eq!(client.get(path).body(), first, "the same on one connection");
        return first;
    }
    let mut client = H2::over(client.wire.socket, &[]);
    let first = client.get(path).body();
    assert_eq!(client.get(path).body(), first, "the same on one connection");
    first
}

fn it_is_in_the_log_and_in_routes(cell: Cell) {
    for demand in ["optional", "required"] {
        let stand = Stand::new();
        let proxy = cell.start(&stand.config(demand, &routes()));
        let mut expected = Vec::new();
        for (shown, subject, body) in &stand.clients {
            if demand == "required" && shown.is_none() {
                continue;
            }
            for (alpn, version) in [(&["http/1.1"], "HTTP/1.1"), (&["h2"], "HTTP/2.0")] {
                let path = format!("/{}", expected.len());
                let got = ask(&stand.bench, &proxy, shown.as_ref(), alpn, &path);
                assert_eq!(got, *body, "{subject}");
                expected.push((version, *subject, *body));
            }
        }
        wait::until("all lines are written", || lines(&stand.log()).len() >= 2 * expected.len());
        for line in lines(&stand.log()) {
            let path = line["http.path"].as_str().unwrap();
            let (version, subject, body) = expected[path[1..].parse::<usize>().unwrap()];
            let id = match subject {
                "CN=alice" => json!(ALICE),
                "CN=eve" => json!("spiffe://test/eve"),
                _ => Value::Null,
            };
            let subject = if subject.is_empty() { Value::Null } else { json!(subject) };
            assert_eq!((&line["src.identity"], &line["src.subject"]), (&id, &subject), "{line}");
            assert_eq!(line["route"], format!("default/{body}"));
            assert_eq!(line["http.version"], version);
            // A client speaks TLS with us, and the backend is asked over HTTP all the same.
            assert_eq!(line["protocol"], "http");
        }
        let requests = "agentgateway_requests_total";
        assert!(proxy.metrics().sum(requests, &[("protocol", "http")]) > 0.0);
        assert_eq!(proxy.metrics().sum(requests, &[("protocol", "https")]), 0.0);
        let connections = "agentgateway_downstream_connections_total";
        assert!(proxy.metrics().sum(connections, &[("protocol", "https")]) > 0.0);
    }
}

fn expressions_see_it(cell: Cell) {
    let stand = Stand::new();
    let direct = |path: &str, body: &str, rules: Value| {
        json!({
            "matches": [{ "path": { "pathPrefix": path } }],
            "policies": {
                "authorization": { "rules": rules },
                "directResponse": { "status": 200, "bodyExpression": body },
            },
        })
    };
    let told = "default(source.subject, 'nobody') + ' ' + default(source.subjectCn, '-') + ' ' + \
                default(source.identity.serviceAccount, '-') + ' ' + default(source.spiffeId, '-')";
    let routes = json!([
        direct("/who", told, json!([])),
        direct("/team", "'in'", json!(["source.identity.namespace == 'a'"])),
        direct(
            "/named",
            "source.subjectAltNames[0] + ' ' + source.issuer",
            json!([{ "require": "source.subjectAltNames.exists(name, name == 'dave.test')" }])
        ),
        // Of whom nothing is known it cannot be said that he is not the one.
        direct("/not-bob", "'in'", json!([{ "deny": "source.subjectCn == 'bob'" }])),
    ]);
    let proxy = cell.start(&stand.config("optional", &routes));
    for (shown, subject, _) in &stand.clients {
        for alpn in [&["http/1.1"][..], &["h2"]] {
            let ask = |path| ask(&stand.bench, &proxy, shown.as_ref(), alpn, path);
            let who = match *subject {
                "" => "nobody - - -".to_owned(),
                "CN=alice" => format!("CN=alice alice alice {ALICE}"),
                "CN=eve" => "CN=eve eve - spiffe://test/eve".to_owned(),
                other => format!("{other} {} - -", &other[3..]),
            };
            const REFUSED: &str = "authorization failed";
            assert_eq!(ask("/who"), who);
            assert_eq!(ask("/team"), if *subject == "CN=alice" { "in" } else { REFUSED });
            let named = if *subject == "CN=dave.test" { "dave.test CN=ours" } else { REFUSED };
            assert_eq!(ask("/named"), named, "{subject}");
            let out = ["", "CN=bob"].contains(subject);
            assert_eq!(ask("/not-bob"), if out { REFUSED } else { "in" }, "{subject}");
        }
    }
}

fn the_origin_is_told(cell: Cell) {
    let stand = Stand::new();
    let origin = Origin::http1().route("/", "hello").start();
    let to = json!([{ "backends": [{ "host": origin.host() }] }]);
    let told = stand.config("optional", &to).forwarded(json!({ "clientCertificate": true }));
    let proxy = cell.start(&told);
    let lie = "GET / HTTP/1.1\r\nHost: test\r\nX-Forwarded-Client-Cert: Hash=lie\r\n\
               x-forwarded-client-cert: Hash=lie\r\n\r\n";
    for (shown, subject, _) in &stand.clients {
        for alpn in [&["http/1.1"][..], &["h2"]] {
            ask_lying(&stand.bench, &proxy, shown.as_ref(), alpn, lie);
            let head = origin.last().head;
            let found = head.all("x-forwarded-client-cert");
            if shown.is_none() {
                assert!(found.is_empty(), "{found:?}");
                continue;
            }
            assert_eq!(found.len(), 1, "{found:?}");
            let parts = found[0].strip_prefix("Hash=").unwrap().split_once(';').unwrap();
            assert_eq!(parts.0.len(), 64);
            let names = match *subject {
                "CN=alice" => format!(";URI={ALICE};DNS=alice"),
                "CN=eve" => ";URI=spiffe://test/eve;DNS=eve".to_owned(),
                subject => format!(";DNS={}", &subject[3..]),
            };
            assert_eq!(parts.1, format!("Subject=\"{subject}\"{names}"));
        }
    }
    // Where it is not asked for, nothing is said, and what a client sends is nobody's business.
    let quiet = stand.config("optional", &to);
    proxy.reload(&quiet);
    wait::until("the header goes through", || {
        ask_lying(&stand.bench, &proxy, stand.clients[1].0.as_ref(), &["http/1.1"], lie);
        origin.last().head.all("x-forwarded-client-cert").len() == 2
    });
}

fn ask_lying(
    bench: &Bench,
    proxy: &Proxy,
    shown: Option<&Issued>,
    alpn: &'static [&str],
    lie: &str,
) {
    let caller = Caller::with(&bench.ours, &Offer { alpn, ..Offer::default() }, shown);
    let mut client = caller.must(proxy.address(), "test");
    if alpn == ["http/1.1"] {
        assert_eq!(client.ask(lie).status, 200);
        return;
    }
    let mut client = H2::over(client.wire.socket, &[]);
    let mut fields = h2_client::asked("GET", "/");
    fields.extend([("x-forwarded-client-cert", "Hash=lie"); 2]);
    let id = client.open(&fields, true);
    assert_eq!(client.reply(id).status(), 200);
}

/// Sessions are resumed for hours without a look at the certificate.
fn a_ticket_is_no_longer_good_than_its_certificate(cell: Cell) {
    let stand = Stand::new();
    let proxy = cell.start(&stand.config("required", &routes()));
    for versions in [ONLY_12, ONLY_13] {
        // Short, and longer where the machine is slow.
        let mut lifetime = Duration::from_secs(3);
        loop {
            let ends = SystemTime::now() + lifetime;
            let shown = stand.bench.ours.issue_until(&["alice"], ends);
            let offer = Offer { versions, ..Offer::default() };
            let caller = Caller::with(&stand.bench.ours, &offer, Some(&shown));
            let asked = || {
                let mut client = caller.connect(proxy.address(), "test")?;
                client.try_ask(&super::get("test"))?;
                Ok::<_, std::io::Error>(settled(&client).resumed)
            };
            if !matches!((asked(), asked()), (Ok(false), Ok(true))) {
                assert!(lifetime < Duration::from_secs(60), "never good, however long");
                lifetime *= 2;
                continue;
            }
            let over = ends + Duration::from_secs(2);
            let patience = Duration::from_secs(120);
            wait::within(patience, "it has expired", || (SystemTime::now() > over).then_some(()));
            caller.refusal(proxy.address(), "test");
            break;
        }
    }
    let expired = [("reason", "certificate_expired")];
    proxy.await_metric("ringway_tls_handshake_failures_total", &expired, 2.0);
}

fn a_tcp_route_logs_it(cell: Cell) {
    let stand = Stand::new();
    let origin = Origin::http1().route("/", "hello").start();
    let root = stand.bench.files.text("clients.pem", stand.bench.ours.pem());
    let listener = json!({
        "name": "raw",
        "protocol": "TLS",
        "tls": stand.bench.tls(&["test"], json!({ "root": root })),
        "tcpRoutes": [{ "backends": [{ "host": origin.host() }] }],
    });
    let to = json!({ "to": { "file": stand.log() }, "format": "json" });
    let config = config().listener(listener).process(json!({ "ringway": { "accessLog": to } }));
    let proxy = cell.start(&config);
    let alice = stand.clients[1].0.as_ref();
    let caller = Caller::with(&stand.bench.ours, &Offer::default(), alice);
    let mut client = caller.must(proxy.address(), "test");
    assert_eq!(client.get("/").body(), "hello");
    drop(client);
    wait::until("the line is written", || !lines(&stand.log()).is_empty());
    let line = &lines(&stand.log())[0];
    assert_eq!((&line["src.identity"], &line["src.subject"]), (&json!(ALICE), &json!("CN=alice")));
}
