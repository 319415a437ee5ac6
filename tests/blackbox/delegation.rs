//! Routes that lead to groups of routes: who decides, and what is inherited on the way.

use serde_json::{Value, json};

use crate::harness::origin::ok;
use crate::harness::*;

matrix! {
    groups_decide_further,
    policies_are_inherited_on_the_way,
}

fn file(groups: &Value, routes: &Value) -> String {
    let mut text: Value = serde_json::from_str(&config().text()).expect("it is JSON");
    text["routeGroups"] = groups.clone();
    text["binds"][0]["listeners"][0]["routes"] = routes.clone();
    text.to_string()
}

fn at(path: &str, rest: Value) -> Value {
    let mut route = rest;
    route["matches"] = json!([{ "path": { "pathPrefix": path } }]);
    route
}

fn reply(body: &str) -> Value {
    json!({ "policies": { "directResponse": { "status": 200, "body": body } } })
}

fn to(group: &str) -> Value {
    json!({ "backends": [{ "routeGroup": group }] })
}

fn groups_decide_further(cell: Cell) {
    let groups = json!([
        { "name": "team", "routes": [at("/team/a", reply("a")), at("/team/deep", to("deep"))] },
        { "name": "deep", "routes": [at("/team/deep/b", reply("b")), at("/x", reply("x"))] },
    ]);
    let routes = json!([at("/team", to("team")), at("/", reply("rest"))]);
    let proxy = Proxy::with_text(&file(&groups, &routes)).on(cell).start();
    let mut client = proxy.client();
    let cases = [
        ("/", 200, "rest"),
        ("/x", 200, "rest"),
        ("/team/a/1", 200, "a"),
        ("/team/deep/b", 200, "b"),
        // The group was asked, and knows nothing of it: nobody else is.
        ("/team", 404, "route not found"),
        ("/team/c", 404, "route not found"),
        ("/team/deep", 404, "route not found"),
        ("/team/a/../c", 404, "route not found"),
    ];
    for (path, status, body) in cases {
        let response = client.get(path);
        assert_eq!((response.status, response.body()), (status, body.to_owned()), "{path}");
    }
}

fn policies_are_inherited_on_the_way(cell: Cell) {
    let origin = Origin::http1().answer("/new/x", ok("in")).start();
    let backends = json!([{ "host": origin.host() }]);
    let transform = |name: &str, value: &str| {
        json!({ "request": { "set": {
        name: format!("'{value}'"), "x-last": format!("'{value}'"),
    } } })
    };
    let outer = json!({
        "requestHeaderModifier": { "set": { "x-static": "outer", "x-outer": "1" } },
        "responseHeaderModifier": { "set": { "x-out": "outer" } },
        "transformations": transform("x-made", "outer"),
        "authorization": { "rules": [{ "deny": "'x-evil' in request.headers" }] },
        "urlRewrite": { "path": { "full": "/outer" } },
        "cors": { "allowOrigins": ["https://outer.example"] },
    });
    let inner = json!({
        "requestHeaderModifier": { "set": { "x-static": "inner" } },
        "transformations": transform("x-inner", "inner"),
        "authorization": { "rules": [{ "deny": "'x-bad' in request.headers" }] },
        "urlRewrite": { "path": { "full": "/new/x" } },
    });
    let mut lead = at("/team", to("team"));
    lead["policies"] = outer;
    let groups = json!([{ "name": "team", "routes": [
        at("/team/own", json!({ "policies": inner, "backends": backends })),
        at("/team/plain", json!({ "backends": backends })),
    ] }]);
    let proxy = Proxy::with_text(&file(&groups, &json!([lead]))).on(cell).start();
    let mut client = proxy.client();
    let mut ask = |path: &str, fields: &str| {
        client.ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
    };
    let own = ask("/team/own", "Origin: https://outer.example\r\n");
    assert_eq!((own.status, own.body()), (200, "in".to_owned()));
    assert_eq!(own.field("x-out"), Some("outer"));
    assert_eq!(own.field("access-control-allow-origin"), Some("https://outer.example"));
    let seen = origin.last();
    assert_eq!(seen.target, "/new/x", "what is nearer rewrites");
    assert_eq!(seen.head.all("x-static"), ["inner"]);
    assert_eq!(seen.head.all("x-outer"), ["1"]);
    assert_eq!(seen.head.all("x-last"), ["inner"]);
    assert_eq!(
        (seen.head.field("x-made"), seen.head.field("x-inner")),
        (Some("outer"), Some("inner"))
    );

    ask("/team/plain", "");
    let seen = origin.last();
    assert_eq!((seen.target.as_str(), seen.head.field("x-last")), ("/outer", Some("outer")));
    assert_eq!(seen.head.all("x-static"), ["outer"]);

    let cases = [
        ("/team/own", "X-Evil: 1\r\n", 403),
        ("/team/own", "X-Bad: 1\r\n", 403),
        ("/team/plain", "X-Evil: 1\r\n", 403),
        ("/team/plain", "X-Bad: 1\r\n", 404),
        ("/team/none", "X-Evil: 1\r\n", 403),
        ("/team/none", "", 404),
    ];
    let before = origin.seen().len();
    for (path, fields, status) in cases {
        assert_eq!(ask(path, fields).status, status, "{path} {fields}");
    }
    assert_eq!(origin.seen().len(), before + 1, "one of them was let in, and not found there");
}
