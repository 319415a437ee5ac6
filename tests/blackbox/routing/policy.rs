//! What routes do: rewrite, redirect, answer themselves, change headers.

use serde_json::{Value, json};

use crate::harness::*;

drivers! {
    rewrites,
    redirects,
    direct_responses,
    request_headers,
    response_headers,
    policies_are_the_routes_own,
}

fn with(origin: &Origin, policies: Value) -> Value {
    json!({ "policies": policies, "backends": [{ "host": origin.host() }] })
}

fn rewrites(cell: Cell) {
    let origin = Origin::http1().start();
    let prefix = |to: &str| with(&origin, json!({ "urlRewrite": { "path": { "prefix": to } } }));
    let full = json!({ "urlRewrite": {
        "path": { "full": "/all" }, "authority": { "full": "inner.example:81" },
    } });
    let host = json!({ "urlRewrite": { "authority": { "host": "inner.example" } } });
    let proxy = cell.start(
        &config()
            .route_with("/to", prefix("/new"))
            .route_with("/cut", prefix("/"))
            .route_with("/full", with(&origin, full))
            .route_with("/host", with(&origin, host)),
    );
    let cases = [
        ("/to", "/new", "out.example:8080"),
        ("/to/a/b?x=1&y", "/new/a/b?x=1&y", "out.example:8080"),
        ("/to/", "/new/", "out.example:8080"),
        ("/to/%41%2f", "/new/A%2f", "out.example:8080"),
        ("/cut/a", "/a", "out.example:8080"),
        ("/cut", "/", "out.example:8080"),
        ("/full/a?x=1", "/all?x=1", "inner.example:81"),
        ("/host/a", "/host/a", "inner.example"),
    ];
    for (path, target, host) in cases {
        let request = format!("GET {path} HTTP/1.1\r\nHost: out.example:8080\r\n\r\n");
        proxy.client().ask(&request);
        let seen = origin.last();
        // Escapes may be put into their normal form, RFC 3986 section 6.2.2.
        let normal = seen.target.replace("%41", "A").replace("%2F", "%2f");
        assert_eq!(normal, target, "{path}");
        assert_eq!(seen.head.all("host"), [host], "{path}");
        assert_eq!(seen.head.all("x-forwarded-host"), ["out.example:8080"], "as the client said");
    }
}

fn redirects(cell: Cell) {
    let redirect = |keys: Value| json!({ "policies": { "requestRedirect": keys } });
    let proxy = cell.start(
        &config()
            .route_with("/tls", redirect(json!({ "scheme": "https", "status": 301 })))
            .route_with("/host", redirect(json!({ "authority": { "host": "new.example" } })))
            .route_with(
                "/full",
                redirect(json!({
                    "authority": { "full": "new.example:81" },
                    "path": { "full": "/there" },
                    "status": 308,
                })),
            )
            .route_with(
                "/prefix",
                redirect(json!({
                    "path": { "prefix": "/new" }, "status": 307,
                })),
            ),
    );
    let cases = [
        ("/tls/a?x=1", 301, "https://a.example/tls/a?x=1"),
        ("/host", 302, "http://new.example/host"),
        ("/full/a?x", 308, "http://new.example:81/there?x"),
        ("/prefix/a?x", 307, "http://a.example/new/a?x"),
    ];
    let mut client = proxy.client();
    for (path, status, location) in cases {
        let response = client.ask(&format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n"));
        assert_eq!((response.status, response.field("location")), (status, Some(location)));
        assert!(!response.closes());
    }
    // Nobody else's header comes out of a path.
    let answer = raw::exchange(
        proxy.address(),
        b"GET /host/%0d%0aSet-Cookie:%20a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    let response = answer.responses.first();
    assert!(response.is_some_and(|response| response.field("set-cookie").is_none()));
}

fn direct_responses(cell: Cell) {
    let direct = |keys: Value| json!({ "policies": { "directResponse": keys } });
    let proxy = cell.start(
        &config()
            .route_with("/text", direct(json!({ "status": 418, "body": "tea\n" })))
            .route_with("/empty", direct(json!({ "status": 204 })))
            .route_with("/bytes", direct(json!({ "status": 200, "body": [0, 255, 10] }))),
    );
    let mut client = proxy.client();
    for _ in 0..3 {
        let text = client.get("/text");
        assert_eq!((text.status, text.body()), (418, "tea\n".to_owned()));
        assert_eq!(text.field("content-length"), Some("4"));
        let head = client.ask("HEAD /text HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((head.status, head.field("content-length")), (418, Some("4")));
        let empty = client.get("/empty");
        assert_eq!((empty.status, empty.field("content-length")), (204, None));
        assert_eq!(client.get("/bytes").bytes, [0, 255, 10]);
        assert_eq!(client.post("/text", b"some body").status, 418);
    }
    let direct = [("reason", "DirectResponse")];
    proxy.await_metric("agentgateway_requests_total", &direct, 15.0);
}

fn request_headers(cell: Cell) {
    let origin = Origin::http1().start();
    let policies = json!({ "requestHeaderModifier": {
        "add": { "x-added": "1" },
        "set": { "x-set": "new", "X-Forwarded-Proto": "https" },
        "remove": ["x-gone", "X-Gone-Too"],
    } });
    let proxy = cell.start(&config().route_with("/", with(&origin, policies)));
    let request = "GET / HTTP/1.1\r\nHost: a\r\nX-Added: 0\r\nX-Set: old\r\nx-set: older\r\n\
                   X-Gone: 1\r\nx-gone-too: 2\r\nX-Kept: 3\r\n\r\n";
    let mut client = proxy.client();
    for _ in 0..3 {
        client.ask(request);
        let head = origin.last().head;
        assert_eq!(head.all("x-added"), ["0", "1"]);
        assert_eq!(head.all("x-set"), ["new"]);
        assert_eq!(head.all("x-forwarded-proto"), ["https"]);
        assert_eq!((head.field("x-gone"), head.field("x-gone-too")), (None, None));
        assert_eq!(head.field("x-kept"), Some("3"));
    }
}

fn response_headers(cell: Cell) {
    let origin = Origin::http1()
        .answer(
            "/",
            "HTTP/1.1 200 OK\r\nServer: secret\r\nX-Set: old\r\nX-Added: 0\r\n\
             Content-Length: 2\r\n\r\nok",
        )
        .start();
    let policies = json!({ "responseHeaderModifier": {
        "add": { "x-added": "1" },
        "set": { "x-set": "new" },
        "remove": ["server"],
    } });
    let proxy = cell.start(&config().route_with("/", with(&origin, policies)));
    let mut client = proxy.client();
    for _ in 0..3 {
        let response = client.get("/");
        assert_eq!(response.head.all("x-added"), ["0", "1"]);
        assert_eq!(response.head.all("x-set"), ["new"]);
        assert_eq!(response.field("server"), None);
        assert_eq!(response.body(), "ok");
    }
}

fn policies_are_the_routes_own(cell: Cell) {
    let origin = Origin::http1().start();
    let set = |value: &str| {
        with(&origin, json!({ "requestHeaderModifier": { "set": { "x-route": value } } }))
    };
    let proxy = cell.start(&config().route_with("/a", set("a")).route_with("/b", set("b")));
    let mut client = proxy.client();
    for route in ["a", "b", "a", "a", "b"] {
        client.get(&format!("/{route}"));
        assert_eq!(origin.last().head.all("x-route"), [route]);
    }
}
