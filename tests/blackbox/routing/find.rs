//! Hosts, paths, methods, headers, queries; precedence as in the Gateway API; weights.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::*;

matrix! {
    hosts_and_wildcards,
    precedence,
    weights_are_kept,
}

drivers! {
    paths_go_by_segment,
    hostnames_of_routes,
    a_host_has_no_case_and_no_port,
    what_has_no_route,
    gateways_have_their_routes_at_the_top,
    many_routes,
    a_route_without_backends,
}

/// A route that says its name.
fn named(name: &str, matches: Value) -> Value {
    json!({
        "name": name,
        "matches": matches,
        "policies": { "directResponse": { "status": 200, "body": name } },
    })
}

fn ask(proxy: &Proxy, request: &str) -> String {
    let response = proxy.client().ask(&format!("{request}\r\n\r\n"));
    if response.status == 404 { "-".to_owned() } else { response.body() }
}

fn hosts_and_wildcards(cell: Cell) {
    let listener = |name: &str, hostname: Value| {
        let mut listener = json!({ "name": name, "routes": [named(name, json!([{}]))] });
        if !hostname.is_null() {
            listener["hostname"] = hostname;
        }
        listener
    };
    let proxy = cell.start(
        &config()
            .listener(listener("exact", json!("a.example.com")))
            .listener(listener("wild", json!("*.example.com")))
            .listener(listener("deep", json!("*.b.example.com")))
            .listener(listener("any", Value::Null)),
    );
    let cases = [
        ("a.example.com", "exact"),
        ("A.EXAMPLE.com", "exact"),
        ("a.example.com:8080", "exact"),
        ("x.example.com", "wild"),
        ("x.a.example.com", "wild"),
        ("x.b.example.com", "deep"),
        ("b.example.com", "wild"),
        ("example.com", "any"),
        ("notexample.com", "any"),
        ("127.0.0.1", "any"),
        ("[::1]:80", "any"),
    ];
    for (host, name) in cases {
        assert_eq!(ask(&proxy, &format!("GET / HTTP/1.1\r\nHost: {host}")), name, "{host}");
    }
}

fn a_host_has_no_case_and_no_port(cell: Cell) {
    let one = json!({ "hostname": "a.example", "routes": [named("a", json!([{}]))] });
    let proxy = cell.start(&config().listener(one));
    for host in ["a.example", "A.Example", "a.example:1", "a.example:65535"] {
        assert_eq!(ask(&proxy, &format!("GET / HTTP/1.1\r\nHost: {host}")), "a", "{host}");
    }
    for host in ["b.example", "a.example.org", "xa.example", "example", "127.0.0.1"] {
        let response = proxy.client().ask(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!((response.status, response.body()), (404, "listener not found".to_owned()));
    }
    let absolute = "GET http://a.example/ HTTP/1.1\r\nHost: b.example";
    assert_eq!(ask(&proxy, absolute), "a", "the target names the host");
}

fn hostnames_of_routes(cell: Cell) {
    let mut one = named("one", json!([{}]));
    one["hostnames"] = json!(["one.example", "*.one.example"]);
    let mut two = named("two", json!([{ "path": { "exact": "/two" } }]));
    two["hostnames"] = json!(["two.example"]);
    let proxy = cell.start(&config().route_as(one).route_as(two));
    let cases = [
        ("one.example", "/", "one"),
        ("x.one.example", "/", "one"),
        ("two.example", "/two", "two"),
        ("two.example", "/", "-"),
        ("three.example", "/", "-"),
    ];
    for (host, path, name) in cases {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}");
        assert_eq!(ask(&proxy, &request), name, "{host}{path}");
    }
}

fn paths_go_by_segment(cell: Cell) {
    let path = |kind: &str, value: &str| json!([{ "path": { kind: value } }]);
    let proxy = cell.start(
        &config()
            .route_as(named("exact", path("exact", "/exact")))
            .route_as(named("prefix", path("pathPrefix", "/prefix")))
            .route_as(named("deeper", path("pathPrefix", "/prefix/deeper")))
            .route_as(named("regex", path("regex", "/re/[0-9]+|/re/x"))),
    );
    let cases = [
        ("/exact", "exact"),
        ("/exact?x=1", "exact"),
        ("/exact/", "-"),
        ("/exact/more", "-"),
        ("/prefix", "prefix"),
        ("/prefix/", "prefix"),
        ("/prefix/more", "prefix"),
        ("/prefixed", "-"),
        ("/prefix/deeper", "deeper"),
        ("/prefix/deeper/x", "deeper"),
        ("/prefix/deepest", "prefix"),
        ("/re/12", "regex"),
        ("/re/x", "regex"),
        ("/re/12x", "-"),
        ("/x/re/12", "-"),
        ("/", "-"),
        // Routed as the origin will read it.
        ("/x/../prefix", "prefix"),
        ("/./exact", "exact"),
        ("/%65xact", "exact"),
        ("/prefix/deeper/..", "prefix"),
        ("/Exact", "-"),
    ];
    for (path, name) in cases {
        assert_eq!(ask(&proxy, &format!("GET {path} HTTP/1.1\r\nHost: a")), name, "{path}");
    }
}

/// Path, then method, then the number of headers, then of query parameters, then the order.
fn precedence(cell: Cell) {
    let header = |value: &str| json!([{ "name": "x-h", "value": { "exact": value } }]);
    let query = |value: &str| json!([{ "name": "q", "value": { "regex": value } }]);
    let a = json!({ "pathPrefix": "/a" });
    let proxy = cell.start(
        &config()
            .route_as(named("first", json!([{ "path": a }])))
            .route_as(named("second", json!([{ "path": a }])))
            .route_as(named("query", json!([{ "path": a, "query": query("[0-9]+") }])))
            .route_as(named("header", json!([{ "path": a, "headers": header("1") }])))
            .route_as(named("method", json!([{ "path": a, "method": "PUT" }])))
            .route_as(named("longer", json!([{ "path": { "pathPrefix": "/a/b" } }])))
            .route_as(named("exact", json!([{ "path": { "exact": "/a/b/c" } }]))),
    );
    let cases = [
        ("GET /a HTTP/1.1\r\nHost: a", "first"),
        ("GET /a?q=12 HTTP/1.1\r\nHost: a", "query"),
        ("GET /a?q=x12 HTTP/1.1\r\nHost: a", "first"),
        ("GET /a?p=1&q=12 HTTP/1.1\r\nHost: a", "query"),
        ("GET /a?q=12 HTTP/1.1\r\nHost: a\r\nX-H: 1", "header"),
        ("GET /a HTTP/1.1\r\nHost: a\r\nx-h: 2", "first"),
        ("PUT /a?q=12 HTTP/1.1\r\nHost: a\r\nX-H: 1\r\nContent-Length: 0", "method"),
        ("PUT /a/b HTTP/1.1\r\nHost: a\r\nX-H: 1\r\nContent-Length: 0", "longer"),
        ("PUT /a/b/c HTTP/1.1\r\nHost: a\r\nX-H: 1\r\nContent-Length: 0", "exact"),
        ("GET /a/b/c/d HTTP/1.1\r\nHost: a", "longer"),
        ("GET /b HTTP/1.1\r\nHost: a", "-"),
    ];
    for (request, name) in cases {
        assert_eq!(ask(&proxy, request), name, "{request:?}");
    }
}

fn weights_are_kept(cell: Cell) {
    let origins = ["none", "one", "three"].map(|name| Origin::http1().route("/", name).start());
    let backend = |n: usize, weight: u32| json!({ "host": origins[n].host(), "weight": weight });
    let backends = json!({ "backends": [backend(0, 0), backend(1, 1), backend(2, 3)] });
    let proxy = cell.start(&config().route_with("/", backends));
    let mut count = BTreeMap::new();
    // On many connections: each worker has a cursor of its own.
    for _ in 0..20 {
        let mut client = proxy.client();
        for _ in 0..40 {
            *count.entry(client.get("/").body()).or_insert(0) += 1;
        }
    }
    let (one, three) = (count["one"], count["three"]);
    assert_eq!((one + three, count.len()), (800, 2));
    assert!((160..=240).contains(&one), "{count:?} is not 1 to 3");
}

fn what_has_no_route(cell: Cell) {
    let origin = Origin::http1().route("/a", "a").start();
    let proxy = cell.start(&config().route("/a", &origin));
    let mut client = proxy.client();
    for _ in 0..3 {
        let response = client.get("/b");
        assert_eq!((response.status, response.body()), (404, "route not found".to_owned()));
        assert!(!response.closes());
        assert_eq!(client.get("/a").body(), "a");
    }
    let missed = [("status", "404"), ("reason", "NotFound")];
    proxy.await_metric("agentgateway_requests_total", &missed, 3.0);
}

fn gateways_have_their_routes_at_the_top(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let text = json!({
        "config": {
            "adminAddr": "off", "statsAddr": "off", "readinessAddr": "off",
            "ringway": { "accessLog": { "to": "off" }, "pin": false },
        },
        "gateways": { "front": { "port": 0, "address": "127.0.0.1" } },
        "routes": [{ "gateways": "front", "backends": [{ "backend": "it" }] }],
        "backends": [{ "name": "it", "host": origin.host() }],
    });
    let proxy = Proxy::with_text(&text.to_string()).on(cell).start();
    assert_eq!(proxy.client().get("/").body(), "hello");
}

fn many_routes(cell: Cell) {
    let mut config = config();
    for n in 0..2000 {
        let name = n.to_string();
        config = config.route_as(named(&name, json!([{ "path": { "exact": format!("/{n}") } }])));
    }
    let proxy = cell.start(&config);
    let mut client = proxy.client();
    for n in (0..2000).step_by(97) {
        assert_eq!(client.get(&format!("/{n}")).body(), n.to_string());
    }
    assert_eq!(client.get("/2000").status, 404);
}

fn a_route_without_backends(cell: Cell) {
    let proxy = cell.start(&config().route_with("/", json!({})));
    let response = proxy.client().get("/");
    assert_eq!((response.status, response.body()), (500, "no valid backends".to_owned()));
}
