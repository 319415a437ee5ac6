//! Policies that say themselves what they are for, and policies of backends: what is nearer goes before,
//! rules hold everywhere, and a limit is one limit for all who have it.

use serde_json::{Value, json};

use crate::harness::*;

matrix! {
    what_is_nearer_goes_before,
    backends_have_policies_of_their_own,
    one_limit_for_all_routes,
}

drivers! {
    groups_have_it_from_the_route_above,
    targets_that_are_not_there,
}

/// A configuration with policies at its top.
fn with(config: &config::Config, policies: Value) -> String {
    let mut text: Value = serde_json::from_str(&config.text()).expect("what was written");
    text["policies"] = policies;
    text.to_string()
}

fn start(cell: Cell, config: &config::Config, policies: Value) -> Proxy {
    Proxy::with_text(&with(config, policies)).on(cell).start()
}

fn attached(target: Value, policy: Value) -> Value {
    json!({ "name": { "name": "any" }, "target": target, "policy": policy })
}

fn says(who: &str) -> Value {
    json!({ "requestHeaderModifier": { "set": { "x-by": who } } })
}

fn gateway() -> Value {
    json!({ "gateway": { "gatewayName": "default" } })
}

/// Routes on two listeners of one bind.
fn two_listeners(origin: &Origin) -> config::Config {
    let route = |name: &str, policies: Value| {
        json!({
            "name": name,
            "matches": [{ "path": { "pathPrefix": format!("/{name}") } }],
            "policies": policies,
            "backends": [{ "host": origin.host() }],
        })
    };
    let listener = |name: &str, host: &str, routes: Value| {
        json!({
            "name": name, "protocol": "HTTP", "hostname": host, "routes": routes,
        })
    };
    config()
        .listener(listener(
            "first",
            "first.test",
            json!([
                route("own", says("own")),
                route("named", json!({})),
                route("plain", json!({})),
            ]),
        ))
        .listener(listener("second", "second.test", json!([route("plain", json!({}))])))
}

fn what_is_nearer_goes_before(cell: Cell) {
    let origin = Origin::http1().start();
    let config = two_listeners(&origin);
    let deny = |header: &str| {
        json!({ "authorization": { "rules": [
        { "deny": format!("'{header}' in request.headers") },
    ] } })
    };
    let mut of_gateway = says("gateway");
    of_gateway["authorization"] = deny("x-gateway")["authorization"].clone();
    let mut of_route = says("route");
    of_route["authorization"] = deny("x-route")["authorization"].clone();
    let mut whole = attached(gateway(), deny("x-whole"));
    whole["phase"] = json!("gateway");
    let proxy = start(
        cell,
        &config,
        json!([
            attached(json!({ "route": { "name": "named" } }), of_route),
            attached(gateway(), of_gateway),
            attached(
                json!({ "gateway": { "gatewayName": "default", "listenerName": "first" } }),
                says("listener")
            ),
            whole,
        ]),
    );
    let mut client = proxy.client();
    let mut ask = |host: &str, path: &str, field: &str| {
        client.ask(&format!("GET /{path} HTTP/1.1\r\nHost: {host}.test\r\n{field}\r\n")).status
    };
    for (host, path, by) in [
        ("first", "own", "own"),
        ("first", "named", "route"),
        ("first", "plain", "listener"),
        ("second", "plain", "gateway"),
    ] {
        assert_eq!(ask(host, path, ""), 404, "the origin's answer");
        assert_eq!(origin.last().head.all("x-by"), [by], "{host} {path}");
        for (field, refused) in [
            ("x-whole: 1\r\n", true),
            ("x-gateway: 1\r\n", true),
            ("x-route: 1\r\n", path == "named"),
        ] {
            let expected = if refused { 403 } else { 404 };
            assert_eq!(ask(host, path, field), expected, "{host} {path} {field}");
        }
    }
    let seen = origin.seen().len();
    assert_eq!(ask("first", "nowhere", "x-whole: 1\r\n"), 403, "the gateway's own rules");
    assert_eq!(ask("first", "nowhere", "x-gateway: 1\r\n"), 404);
    assert_eq!(origin.seen().len(), seen);
}

fn backends_have_policies_of_their_own(cell: Cell) {
    let origin = Origin::http1().route("/", "told").start();
    let set = |pairs: Value| json!({ "request": { "set": pairs } });
    let route = json!({
        "policies": {
            "requestHeaderModifier": { "set": { "x-static": "route", "x-far": "route" } },
            "transformations": set(json!({
                "x-made": "'route'", "x-other": "'route'", "x-gone": "'route'", "x-fixed": "'route'",
            })),
            "authorization": { "rules": [{ "deny": "'x-route' in request.headers" }] },
        },
        "backends": [{ "host": origin.host(), "policies": {
            "requestHeaderModifier": {
                "set": { "x-fixed": "backend", "x-static": "backend" }, "remove": ["x-gone"],
            },
            "responseHeaderModifier": { "set": { "x-answered": "backend" } },
            "transformations": {
                "request": {
                    "set": { "x-made": "'backend ' + request.path", "x-far": "'backend'" },
                    "body": "'<' + request.body + '>'",
                },
                "response": { "body": "response.body + '!'" },
            },
            "authorization": { "rules": [{ "deny": "'x-backend' in request.headers" }] },
            "requestRedirect": { "conditional": [
                { "condition": "request.path == '/away'", "authority": { "host": "away.example" } },
            ] },
        } }],
    });
    let proxy = cell.start(&config().route_with("/", route));
    let mut client = proxy.client();
    for _ in 0..3 {
        let response = client.post("/", b"body");
        assert_eq!((response.status, response.body().as_str()), (200, "told!"));
        assert_eq!(response.field("x-answered"), Some("backend"));
        let seen = origin.last();
        assert_eq!(seen.body, b"<body>");
        for (name, value) in [
            ("x-made", &["backend /"][..]),
            ("x-other", &["route"]),
            ("x-gone", &[]),
            ("x-fixed", &["backend"]),
            ("x-static", &["backend"]),
            ("x-far", &["backend"]),
        ] {
            assert_eq!(seen.head.all(name), value, "{name}");
        }
        for (field, status) in [("X-Route", 403), ("X-Backend", 403), ("X-Other", 200)] {
            let asked = format!("GET / HTTP/1.1\r\nHost: a\r\n{field}: 1\r\n\r\n");
            assert_eq!(client.ask(&asked).status, status, "{field}");
        }
        let away = client.get("/away");
        assert_eq!(away.field("location"), Some("http://away.example/away"));
    }
}

fn one_limit_for_all_routes(cell: Cell) {
    let origin = Origin::http1().start();
    let limit = |tokens: u32| {
        json!({ "localRateLimit": [
        { "maxTokens": tokens, "tokensPerFill": 1, "fillInterval": "1h" },
    ] })
    };
    let backends = json!([{ "host": origin.host() }]);
    let config = config()
        .route_with("/own", json!({ "policies": limit(1), "backends": backends }))
        .route_with("/a", json!({ "backends": backends }))
        .route_with("/b", json!({ "backends": backends }));
    let proxy = start(cell, &config, json!([attached(gateway(), limit(3))]));
    let ask = |path: &str| proxy.client().get(path).status;
    let of_both = [ask("/a"), ask("/b"), ask("/a"), ask("/b"), ask("/a")];
    assert_eq!(of_both, [404, 404, 404, 429, 429]);
    assert_eq!([ask("/own"), ask("/own")], [404, 429], "its own goes before");
}

fn groups_have_it_from_the_route_above(cell: Cell) {
    let origin = Origin::http1().start();
    let inner = json!({ "name": "inner", "backends": [{ "host": origin.host() }] });
    let outer = json!({
        "matches": [{ "path": { "pathPrefix": "/" } }],
        "policies": { "transformations": { "request": { "set": { "x-outer": "'1'" } } } },
        "backends": [{ "routeGroup": "group" }],
    });
    let config = config().route_as(outer);
    let mut text: Value = serde_json::from_str(&config.text()).expect("what was written");
    text["routeGroups"] = json!([{ "name": "group", "routes": [inner] }]);
    text["policies"] = json!([
        attached(gateway(), says("gateway")),
        attached(
            json!({ "route": { "name": "inner" } }),
            json!({ "responseHeaderModifier": { "set": { "x-inner": "1" } } })
        ),
    ]);
    let proxy = Proxy::with_text(&text.to_string()).on(cell).start();
    let response = proxy.client().get("/");
    assert_eq!((response.status, response.field("x-inner")), (404, Some("1")));
    let head = origin.last().head;
    assert_eq!((head.all("x-by"), head.field("x-outer")), (vec!["gateway"], Some("1")));
}

fn targets_that_are_not_there(_: Cell) {
    let config = config().route_with(
        "/",
        json!({ "name": "there", "policies": {
        "directResponse": { "status": 200 },
    } }),
    );
    for (target, policy, told) in [
        (json!({ "route": { "name": "ther" } }), json!({}), "did you mean `there`?"),
        (json!({ "gateway": { "gatewayName": "other" } }), json!({}), "no gateway has the name"),
        (
            json!({ "backend": { "backend": { "name": "b" } } }),
            json!({}),
            "no backend has the name",
        ),
        (json!({ "backend": { "service": {} } }), json!({}), "not supported by Ringway yet"),
        (json!({}), json!({}), "exactly one of gateway, route, backend"),
        (gateway(), json!({ "authorisation": {} }), "did you mean `authorization`?"),
    ] {
        let scratch = scratch::Scratch::new();
        let text = with(&config, json!([attached(target, policy)]));
        let file = scratch.replace("bad.yaml", &text);
        let mut command = proxy::executable();
        let output = command.arg("-f").arg(file).arg("--validate-only").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && said.contains(told), "{told}: {said}");
    }
}
