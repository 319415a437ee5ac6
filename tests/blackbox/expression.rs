//! Policies with expressions in them, and the ones that come with them: who may, whose pages may,
//! headers that are made, answers that are made, faults that are injected.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::origin::ok;
use crate::harness::*;

matrix! {
    headers_are_made_of_the_request,
    headers_are_made_of_the_response,
    rules_let_in_and_keep_out,
    pages_of_other_origins,
    requests_of_other_origins,
    answers_are_made,
    the_first_case_that_holds,
    a_delay_holds_one_request_alone,
    a_delay_ends_with_the_time_of_the_request,
    routes_inherit_from_listeners,
}

drivers! {
    expressions_that_fail_are_counted,
    hostile_values_stay_values,
    a_body_that_was_refused_leaves_the_connection_usable,
}

fn with(origin: &Origin, policies: Value) -> Value {
    json!({ "policies": policies, "backends": [{ "host": origin.host() }] })
}

fn headers_are_made_of_the_request(cell: Cell) {
    let origin = Origin::http1().start();
    let policies = json!({ "transformations": { "request": {
        "add": { "x-added": "request.method + ' ' + request.path" },
        "set": {
            "x-set": "request.headers['x-in'].upperAscii()",
            "x-missing": "request.headers['x-none']",
            "x-source": "source.address",
            ":path": "'/made' + request.path + '?' + request.headers['x-in']",
            ":method": "request.method == 'POST' ? 'PUT' : request.method",
            "host": "'made.example'",
        },
        "remove": ["x-gone"],
    } } });
    let proxy = cell.start(&config().route_with("/", with(&origin, policies)));
    let mut client = proxy.client();
    for turn in 0..3 {
        client.send(format!(
            "POST /a HTTP/1.1\r\nHost: a\r\nX-In: v{turn}\r\nX-Set: mine\r\nX-Set: too\r\n\
             X-Missing: mine\r\nX-Added: mine\r\nX-Gone: 1\r\nContent-Length: 2\r\n\r\nok"
        ));
        client.response();
        let seen = origin.last();
        assert_eq!(seen.head.first_line, format!("PUT /made/a?v{turn} HTTP/1.1"));
        assert_eq!(seen.body, b"ok");
        assert_eq!(seen.head.all("x-set"), [format!("V{turn}")]);
        assert_eq!(seen.head.all("x-added"), ["mine", "POST /a"]);
        assert_eq!(seen.head.all("x-source"), ["127.0.0.1"]);
        assert_eq!(seen.head.all("host"), ["made.example"]);
        // What could not be made is not left to the client.
        assert_eq!((seen.head.field("x-missing"), seen.head.field("x-gone")), (None, None));
    }
}

fn headers_are_made_of_the_response(cell: Cell) {
    let answer = "HTTP/1.1 500 Odd\r\nServer: secret\r\nX-In: v\r\nContent-Length: 2\r\n\r\nok";
    let origin = Origin::http1().answer("/", answer).start();
    let policies = json!({
        "responseHeaderModifier": { "set": { "x-code": "overwritten", "x-static": "1" } },
        "transformations": { "response": {
            "set": {
                "x-code": "response.code",
                "x-both": "request.path + ' ' + response.headers['x-in']",
                ":status": "response.code == 500 ? 503 : response.code",
            },
            "remove": ["server"],
        } },
    });
    let direct = json!({ "policies": {
        "directResponse": { "status": 418, "body": "tea" },
        "transformations": { "response": { "set": { "x-code": "response.code" } } },
    } });
    let proxy = cell
        .start(&config().route_with("/", with(&origin, policies)).route_with("/direct", direct));
    let mut client = proxy.client();
    for _ in 0..3 {
        let response = client.get("/");
        assert_eq!((response.status, response.body()), (503, "ok".to_owned()));
        assert_eq!(response.head.all("x-code"), ["500"]);
        assert_eq!(response.field("x-both"), Some("/ v"));
        assert_eq!(response.field("x-static"), Some("1"));
        assert_eq!(response.field("server"), None);
        let direct = client.get("/direct");
        assert_eq!((direct.status, direct.field("x-code")), (418, Some("418")));
    }
}

fn rules_let_in_and_keep_out(cell: Cell) {
    let origin = Origin::http1().answer("/a", ok("in")).start();
    let policies = json!({ "authorization": { "rules": [
        "request.headers['x-tenant'] == 'blue'",
        { "allow": "cidr('10.0.0.0/8').containsIP(source.address)" },
        { "deny": "request.method == 'DELETE'" },
        { "require": "request.path.matches('^/a$')" },
    ] } });
    let proxy = cell.start(&config().route_with("/", with(&origin, policies)));
    let mut client = proxy.client();
    let cases = [
        ("GET /a", "X-Tenant: blue\r\n", 200),
        ("GET /a", "x-tenant: blue\r\n", 200),
        ("GET /a", "X-Tenant: red\r\n", 403),
        ("GET /a", "", 403),
        ("DELETE /a", "X-Tenant: blue\r\n", 403),
        ("GET /a/b", "X-Tenant: blue\r\n", 403),
        // What it is routed by is what it is judged by.
        ("GET /b/../a", "X-Tenant: blue\r\n", 200),
        ("GET /a", "X-Tenant: blue\r\nX-Tenant: red\r\n", 403),
    ];
    for (line, fields, status) in cases {
        let before = origin.seen().len();
        let response = client.ask(&format!("{line} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        assert_eq!(response.status, status, "{line} {fields}");
        let reached = origin.seen().len() - before;
        assert_eq!(reached, usize::from(status == 200), "{line} {fields}");
        if status == 403 {
            assert_eq!(response.body(), "authorization failed");
        }
    }
    let labels = [("reason", "Authorization"), ("status", "403")];
    proxy.await_metric("agentgateway_requests_total", &labels, 5.0);
}

fn pages_of_other_origins(cell: Cell) {
    let answer = "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nVary: Accept\r\n\
                  Content-Length: 2\r\n\r\nok";
    let origin = Origin::http1().answer("/", answer).start();
    let cors = json!({ "cors": {
        "allowOrigins": ["https://*.example"], "allowMethods": ["GET", "PUT"],
        "allowHeaders": ["x-one"], "exposeHeaders": ["x-out"], "allowCredentials": true,
        "maxAge": "10m",
    } });
    let mut denied = cors.clone();
    denied["authorization"] = json!({ "rules": ["false"] });
    let proxy = cell.start(
        &config().route_with("/", with(&origin, cors)).route_with("/denied", with(&origin, denied)),
    );
    let mut client = proxy.client();
    let page = "Origin: https://a.example\r\n";
    let preflight = client.ask(&format!(
        "OPTIONS / HTTP/1.1\r\nHost: h\r\n{page}Access-Control-Request-Method: PUT\r\n\r\n"
    ));
    assert_eq!(preflight.status, 200);
    assert_eq!(preflight.head.all("access-control-allow-origin"), ["https://a.example"]);
    assert_eq!(preflight.field("access-control-allow-methods"), Some("GET, PUT"));
    assert_eq!(preflight.field("access-control-allow-headers"), Some("x-one"));
    assert_eq!(preflight.field("access-control-max-age"), Some("600"));
    assert_eq!(origin.seen().len(), 0, "a preflight is answered here");

    let told = client.ask(&format!("GET / HTTP/1.1\r\nHost: h\r\n{page}\r\n"));
    assert_eq!((told.status, told.body()), (200, "ok".to_owned()));
    assert_eq!(told.head.all("access-control-allow-origin"), ["https://a.example"]);
    assert_eq!(told.head.all("access-control-allow-credentials"), ["true"]);
    assert_eq!(told.field("access-control-expose-headers"), Some("x-out"));
    assert_eq!(told.head.all("vary"), ["Accept", "Origin"]);

    // The lines of one request are not those of the next; a stranger is told nothing.
    for fields in ["", "Origin: https://evil.test\r\n"] {
        let other = client.ask(&format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
        assert_eq!(other.status, 200);
        assert_eq!(other.field("access-control-allow-origin"), None, "{fields}");
        assert_eq!(other.head.all("vary"), ["Accept"]);
    }
    // A page may read why it was refused.
    let refused = client.ask(&format!("GET /denied HTTP/1.1\r\nHost: h\r\n{page}\r\n"));
    assert_eq!(refused.status, 403);
    assert_eq!(refused.field("access-control-allow-origin"), Some("https://a.example"));
}

fn requests_of_other_origins(cell: Cell) {
    let origin = Origin::http1().answer("/", ok("in")).start();
    let policies = json!({ "csrf": { "additionalOrigins": ["https://app.example"] } });
    let proxy = cell.start(&config().route_with("/", with(&origin, policies)));
    let mut client = proxy.client();
    let cases = [
        ("POST", "", 200),
        ("GET", "Sec-Fetch-Site: cross-site\r\n", 200),
        ("POST", "Sec-Fetch-Site: same-origin\r\n", 200),
        ("POST", "Sec-Fetch-Site: cross-site\r\n", 403),
        ("POST", "Sec-Fetch-Site: cross-site\r\nOrigin: https://app.example\r\n", 200),
        ("POST", "Origin: https://h.example\r\n", 200),
        ("POST", "Origin: https://evil.example\r\n", 403),
    ];
    for (method, fields, status) in cases {
        let request =
            format!("{method} / HTTP/1.1\r\nHost: h.example\r\n{fields}Content-Length: 0\r\n\r\n");
        let response = client.ask(&request);
        assert_eq!(response.status, status, "{request}");
        if status == 403 {
            assert_eq!(response.body(), "CSRF validation failed");
        }
    }
}

fn answers_are_made(cell: Cell) {
    let direct = |keys: Value| json!({ "policies": { "directResponse": keys } });
    let proxy = cell.start(
        &config()
            .route_with(
                "/made",
                direct(json!({
                    "status": 200,
                    "bodyExpression": "request.method + ' ' + request.path",
                    "headers": { "x-host": "request.host", "x-none": "request.headers.none" },
                })),
            )
            .route_with(
                "/headers",
                direct(json!({
                    "status": 201, "body": "written", "headers": { "x-code": "'1'" },
                })),
            )
            .route_with(
                "/fails",
                direct(json!({
                    "status": 200, "bodyExpression": "request.headers.none",
                })),
            ),
    );
    let mut client = proxy.client();
    for path in ["/made/a", "/made/longer", "/made/b"] {
        let made = client.get(path);
        assert_eq!((made.status, made.body()), (200, format!("GET {path}")));
        assert_eq!((made.field("x-host"), made.field("x-none")), (Some("test"), None));
        let head = client.ask(&format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let length = format!("HEAD {path}").len().to_string();
        assert_eq!((head.status, head.field("content-length")), (200, Some(length.as_str())));
    }
    let headers = client.get("/headers");
    assert_eq!((headers.status, headers.body()), (201, "written".to_owned()));
    assert_eq!(headers.field("x-code"), Some("1"));
    assert_eq!(client.get("/fails").field("content-length"), Some("0"));
}

fn the_first_case_that_holds(cell: Cell) {
    let origin = Origin::http1().answer("/a", ok("origin")).start();
    let header = |value: &str| format!("request.headers['x-case'] == '{value}'");
    let policies = json!({
        "directResponse": { "conditional": [
            { "condition": header("one"), "status": 201 },
            { "condition": header("two"), "status": 202, "bodyExpression": "request.path" },
        ] },
        "requestRedirect": { "conditional": [
            { "condition": header("away"), "authority": { "host": "away.example" } },
        ] },
        "urlRewrite": { "conditional": [
            { "condition": header("moved"), "path": { "full": "/a" } },
        ] },
        "authorization": { "conditional": [
            { "condition": "request.method == 'DELETE'", "rules": [{ "deny": "true" }] },
        ] },
    });
    let proxy = cell.start(&config().route_with("/", with(&origin, policies)));
    let mut client = proxy.client();
    let mut ask = |method: &str, path: &str, case: &str| {
        client.ask(&format!("{method} {path} HTTP/1.1\r\nHost: a\r\nX-Case: {case}\r\n\r\n"))
    };
    for _ in 0..2 {
        assert_eq!(ask("GET", "/a", "one").status, 201);
        assert_eq!(ask("GET", "/a", "two").body(), "/a");
        assert_eq!(ask("GET", "/a", "none").body(), "origin");
        assert_eq!(ask("GET", "/x", "moved").body(), "origin");
        let away = ask("GET", "/a", "away");
        assert_eq!((away.status, away.field("location")), (302, Some("http://away.example/a")));
        assert_eq!(ask("DELETE", "/a", "one").status, 403);
    }
}

fn a_delay_holds_one_request_alone(cell: Cell) {
    let origin = Origin::http1().answer("/", ok("late")).start();
    let policies = json!({
        "delay": { "duration": "int(default(request.headers['x-wait'], '0'))" },
    });
    let proxy = cell.start(&config().route_with("/", with(&origin, policies)));
    let mut slow = proxy.client();
    let mut quick = proxy.client();
    let started = Instant::now();
    slow.send("GET / HTTP/1.1\r\nHost: a\r\nX-Wait: 1500\r\n\r\n");
    assert_eq!(quick.get("/").status, 200);
    slow.stays_silent(Duration::from_millis(300));
    assert_eq!(slow.response().body(), "late");
    assert!(started.elapsed() >= Duration::from_millis(1500), "{:?}", started.elapsed());
    assert_eq!(slow.get("/").status, 200, "the connection goes on");

    // A client that leaves is not waited for.
    let mut gone = proxy.client();
    gone.send("GET / HTTP/1.1\r\nHost: a\r\nX-Wait: 60000\r\n\r\n");
    proxy.await_metric("ringway_active_requests", &[], 1.0);
    gone.wire.socket.reset();
    proxy.await_metric("ringway_active_requests", &[], 0.0);
}

fn a_delay_ends_with_the_time_of_the_request(cell: Cell) {
    let origin = Origin::http1().answer("/", ok("never")).start();
    let policies = json!({
        "delay": { "duration": "60000" },
        "timeout": { "requestTimeout": "300ms" },
    });
    let proxy = cell.start(&config().route_with("/", with(&origin, policies)));
    let mut client = proxy.client();
    let response = client.get("/");
    assert_eq!((response.status, response.body()), (504, "request timeout".to_owned()));
    assert_eq!(origin.seen().len(), 0);
    assert_eq!(client.get("/").status, 504);
}

fn routes_inherit_from_listeners(cell: Cell) {
    let origin = Origin::http1().answer("/", ok("in")).start();
    let set = |name: &str, value: &str| {
        json!({ "transformations": { "request": {
        "set": { name: format!("'{value}'"), "x-last": format!("'{value}'") },
    } } })
    };
    let route = |path: &str, policies: Value| {
        json!({
            "matches": [{ "path": { "pathPrefix": path }, "method": "GET" }],
            "policies": policies,
            "backends": [{ "host": origin.host() }],
        })
    };
    let mut of_listener = set("x-listener", "listener");
    of_listener["cors"] = json!({ "allowOrigins": ["https://listener.example"] });
    of_listener["authorization"] = json!({ "rules": [{ "deny": "'x-evil' in request.headers" }] });
    let mut own = set("x-route", "route");
    own["cors"] = json!({ "allowOrigins": ["https://route.example"] });
    own["authorization"] = json!({ "rules": [{ "deny": "'x-bad' in request.headers" }] });
    let proxy = cell.start(&config().listener(json!({
        "protocol": "HTTP",
        "policies": of_listener,
        "routes": [route("/plain", json!({})), route("/own", own)],
    })));
    let mut client = proxy.client();
    let mut ask = |path: &str, fields: &str| {
        client.ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
    };
    let allowed = "access-control-allow-origin";
    let (listener, route) = ("https://listener.example", "https://route.example");
    let plain = ask("/plain", &format!("Origin: {listener}\r\n"));
    assert_eq!(plain.field(allowed), Some(listener));
    let seen = origin.last().head;
    assert_eq!(
        (seen.field("x-listener"), seen.field("x-last")),
        (Some("listener"), Some("listener"))
    );
    // The route's cors is in the place of the listener's.
    assert_eq!(ask("/own", &format!("Origin: {listener}\r\n")).field(allowed), None);
    assert_eq!(ask("/own", &format!("Origin: {route}\r\n")).field(allowed), Some(route));
    let seen = origin.last().head;
    assert_eq!(
        (seen.field("x-listener"), seen.field("x-route")),
        (Some("listener"), Some("route"))
    );
    assert_eq!(seen.all("x-last"), ["route"], "what is nearer comes later");
    // Both have to let a request in.
    for (path, fields, status) in [
        ("/plain", "X-Evil: 1\r\n", 403),
        ("/plain", "X-Bad: 1\r\n", 404),
        ("/own", "X-Evil: 1\r\n", 403),
        ("/own", "X-Bad: 1\r\n", 403),
        ("/elsewhere", "X-Evil: 1\r\n", 403),
        ("/elsewhere", "", 404),
    ] {
        let got = ask(path, fields).status;
        // The origin knows no such path: what matters is who answers.
        assert_eq!(got, status, "{path} {fields}");
    }
    // No route is for OPTIONS; the preflight is the listener's.
    let preflight = client.ask(&format!(
        "OPTIONS /plain HTTP/1.1\r\nHost: a\r\nOrigin: {listener}\r\n\
         Access-Control-Request-Method: GET\r\n\r\n"
    ));
    assert_eq!((preflight.status, preflight.field(allowed)), (200, Some(listener)));
    let missed =
        client.ask(&format!("GET /none HTTP/1.1\r\nHost: a\r\nOrigin: {listener}\r\n\r\n"));
    assert_eq!((missed.status, missed.field(allowed)), (404, Some(listener)));
}

fn expressions_that_fail_are_counted(cell: Cell) {
    let origin = Origin::http1().answer("/", ok("in")).start();
    let policies = json!({ "transformations": { "request": { "set": {
        "x-a": "request.headers.none", "x-b": "request.headers.here",
    } } } });
    let proxy = cell.start(&config().route_with("/", with(&origin, policies)));
    let mut client = proxy.client();
    for _ in 0..3 {
        client.ask("GET / HTTP/1.1\r\nHost: a\r\nHere: 1\r\n\r\n");
    }
    proxy.await_metric("ringway_expression_failures_total", &[], 3.0);
}

/// Values come from clients: none of them becomes a header of its own, or a line of the request.
fn hostile_values_stay_values(cell: Cell) {
    let origin = Origin::http1().start();
    let policies = json!({ "transformations": { "request": { "set": {
        "x-copy": "request.headers['x-in'] + request.pathAndQuery",
        ":path": "'/' + request.headers['x-in']",
    } } } });
    let proxy = cell.start(&config().route_with("/", with(&origin, policies)));
    let mut client = proxy.client();
    for value in
        ["a b", "a%0d%0aX-Evil:%201", "a\tX-Evil: 1", "\u{e9}", "a HTTP/1.1 X-Evil: 1", "a#b"]
    {
        client.ask(&format!("GET /%0d%0ab HTTP/1.1\r\nHost: a\r\nX-In: {value}\r\n\r\n"));
        let seen = origin.last();
        assert_eq!(seen.head.field("x-evil"), None, "{value}");
        assert_eq!(seen.head.first_line.split(' ').count(), 3, "{value}: {}", seen.head.first_line);
        assert_eq!(seen.head.all("x-copy").len(), 1, "{value}");
    }
}

fn a_body_that_was_refused_leaves_the_connection_usable(cell: Cell) {
    let origin = Origin::http1().answer("/", ok("in")).start();
    let policies =
        json!({ "authorization": { "rules": [{ "deny": "request.method == 'POST'" }] } });
    let proxy = cell.start(&config().route_with("/", with(&origin, policies)));
    let mut client = proxy.client();
    for _ in 0..3 {
        assert_eq!(client.post("/", b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").status, 403);
        assert_eq!(client.get("/").body(), "in");
    }
    assert_eq!(origin.seen().len(), 3);
}
