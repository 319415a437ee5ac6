//! What is counted is what happened, under the names that dashboards and alerts know.

use ringway::telemetry::catalog::FAMILIES;
use serde_json::json;

use crate::harness::tool::{run, tool};
use crate::harness::*;

matrix! {
    counters_are_what_was_sent,
}

drivers! {
    every_family_appears,
    promtool_has_no_complaint,
    formats_and_paths,
    labels,
    gauges_go_back,
}

/// Something of everything.
fn traffic(proxy: &Proxy) {
    let mut client = proxy.client();
    client.get("/");
    client.get("/");
    client.get("/missing");
    client.post("/", b"body");
    let mut broken = proxy.client();
    broken.send("nonsense\r\n\r\n");
    assert_eq!(broken.response().status, 400);
}

fn served(cell: Cell, origin: &Origin) -> Proxy {
    let fixed = json!({ "policies": { "directResponse": { "status": 404 } } });
    cell.start(&config().route("/", origin).route_with("/missing", fixed))
}

fn every_family_appears(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = served(cell, &origin);
    traffic(&proxy);
    let metrics = proxy.metrics();
    let missing: Vec<_> = FAMILIES
        .iter()
        .map(|family| family.name)
        .filter(|name| !metrics.text.contains(&format!("# TYPE {name} ")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn promtool_has_no_complaint(cell: Cell) {
    let Some(mut promtool) = tool("promtool") else { return };
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = served(cell, &origin);
    traffic(&proxy);
    let text = proxy.metrics().text;
    let judged = run(promtool.args(["check", "metrics"]), text.as_bytes());
    let said = String::from_utf8_lossy(&judged.stderr).into_owned();
    let said = said + &String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "{said}");
    assert_eq!(said.trim(), "");
}

fn formats_and_paths(cell: Cell) {
    let origin = Origin::http1().start();
    let proxy = served(cell, &origin);
    let mut client = Client::http1(proxy.stats());
    for path in ["/metrics", "/stats/prometheus"] {
        let response = client.get(path);
        let kind = response.field("content-type").unwrap_or_default();
        assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
        assert!(response.body().contains("agentgateway_build_info{"));
    }
    let open = client.ask(
        "GET /metrics HTTP/1.1\r\nHost: a\r\n\
         Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n",
    );
    let kind = open.field("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(open.body().ends_with("# EOF\n"));
}

fn counters_are_what_was_sent(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = served(cell, &origin);
    let get = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
    let post = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody";
    let missing = "GET /missing HTTP/1.1\r\nHost: test\r\n\r\n";
    let (mut sent, mut received) = (0, 0);
    for _ in 0..10 {
        let mut client = proxy.client();
        for request in [get, post, get, missing, get] {
            sent += request.len();
            let response = client.ask(request);
            received += response.head.raw.len() + response.bytes.len();
        }
    }
    let total = "agentgateway_requests_total";
    proxy.await_metric(total, &[], 50.0);
    proxy.await_metric(total, &[("method", "GET"), ("status", "200")], 30.0);
    proxy.await_metric(total, &[("method", "POST"), ("status", "200")], 10.0);
    let direct = [("status", "404"), ("reason", "DirectResponse")];
    proxy.await_metric(total, &direct, 10.0);
    proxy.await_metric(total, &[("reason", "Upstream")], 40.0);
    proxy.await_metric("agentgateway_request_duration_seconds_count", &[], 50.0);
    proxy.await_metric("agentgateway_request_processing_seconds_count", &[], 40.0);
    proxy.await_metric("agentgateway_response_processing_seconds_count", &[], 40.0);
    let bodies = [("reason", "Upstream")];
    proxy.await_metric("agentgateway_response_bytes_total", &bodies, 40.0 * 5.0);
    proxy.await_metric("agentgateway_downstream_connections_total", &[], 10.0);
    // Of connections that are still open too, sooner or later; of closed ones at once.
    proxy.await_metric("agentgateway_downstream_received_bytes_total", &[], sent as f64);
    proxy.await_metric("agentgateway_downstream_sent_bytes_total", &[], received as f64);
    let connected =
        proxy.metrics().sum("agentgateway_upstream_connect_duration_seconds_count", &[]);
    assert_eq!(connected, origin.accepted() as f64);
    let (hits, misses) = ("ringway_pool_hits_total", "ringway_pool_misses_total");
    let pool = proxy.metrics().sum(hits, &[]) + proxy.metrics().sum(misses, &[]);
    assert_eq!((pool, origin.seen().len()), (40.0, 40));
}

/// As the reference has them: an alert that sums by one of these must find it.
fn labels(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route_as(json!({
        "name": "to-it", "ruleName": "rule", "backends": [{ "host": origin.host() }],
    })));
    proxy.client().get("/");
    let metrics = wait::eventually("it is counted", || {
        Some(proxy.metrics()).filter(|metrics| metrics.has("agentgateway_requests_total", &[]))
    });
    let mut names = metrics.label_names("agentgateway_requests_total");
    names.sort();
    let wanted = [
        "backend",
        "bind",
        "gateway",
        "listener",
        "method",
        "protocol",
        "reason",
        "route",
        "route_rule",
        "status",
    ];
    assert_eq!(names, wanted);
    let of = |label: &str| metrics.values("agentgateway_requests_total", label).join(",");
    assert_eq!(
        (of("bind"), of("method"), of("status")),
        ("bind/0".to_owned(), "GET".to_owned(), "200".to_owned())
    );
    assert!(of("route").ends_with("to-it"), "{}", of("route"));
    assert_eq!((of("route_rule"), of("protocol")), ("rule".to_owned(), "http".to_owned()));
    assert!(of("backend").contains(origin.host()), "{}", of("backend"));
    let connect =
        metrics.values("agentgateway_upstream_connect_duration_seconds_count", "transport");
    assert!(connect.contains(&"plaintext".to_owned()), "{connect:?}");
}

fn gauges_go_back(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.request()?;
        visit.until_closed();
        Ok(())
    });
    let proxy = cell.start(&config().route("/", &origin));
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let mut client = proxy.client();
            client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
            client
        })
        .collect();
    proxy.await_metric("ringway_active_requests", &[], 3.0);
    proxy.await_metric("ringway_active_connections", &[], 3.0);
    proxy.await_metric("ringway_backend_active_requests", &[], 3.0);
    // A client that only closes might still read: one that resets is gone.
    clients.into_iter().for_each(|client| client.wire.socket.reset());
    proxy.await_metric("ringway_active_requests", &[], 0.0);
    proxy.await_metric("ringway_active_connections", &[], 0.0);
    proxy.await_metric("ringway_backend_active_requests", &[], 0.0);
}
