//! Who is asked: weights, priorities, algorithms, affinity. The shares that the algorithms promise
//! are tested where they are, with a seed; here it is that the whole of the proxy keeps them.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::config::Config;
use crate::harness::*;

matrix! {
    every_algorithm_serves_and_uses_all,
    one_user_stays_with_one_endpoint,
    a_cookie_leads_back_to_the_endpoint,
    an_expression_says_who_belongs_together,
    a_later_priority_is_for_when_the_first_is_gone,
}

drivers! {
    weights_are_kept,
    a_slow_endpoint_is_left_alone,
    endpoints_are_told_of,
    tcp_is_balanced_too,
    bad_balancing_is_refused,
}

fn origins(count: usize) -> Vec<Origin> {
    (0..count).map(|number| Origin::http1().route("/", format!("{number}")).start()).collect()
}

fn balanced(hosts: &[Value], policies: Value) -> Config {
    let backend = json!({ "hosts": hosts, "policies": policies });
    config().route_with("/", json!({ "backends": [backend] }))
}

fn hosts(origins: &[Origin]) -> Vec<Value> {
    origins.iter().map(|origin| json!(origin.host())).collect()
}

fn by(algorithm: &str) -> Value {
    json!({ "loadBalancer": { "algorithm": algorithm } })
}

fn seen(origins: &[Origin]) -> Vec<usize> {
    origins.iter().map(|origin| origin.seen().len()).collect()
}

fn every_algorithm_serves_and_uses_all(cell: Cell) {
    for algorithm in ["peakEwma", "roundRobin", "leastRequest", "random", "ringHash", "maglev"] {
        let origins = origins(3);
        let mut policies = by(algorithm);
        if ["ringHash", "maglev"].contains(&algorithm) {
            policies["loadBalancer"]["hash"] = json!({ "header": "X-User" });
        }
        let proxy = cell.start(&balanced(&hosts(&origins), policies));
        let mut client = proxy.client();
        // By chance one of three may be missed: once in 10^50 times.
        for user in 0..300 {
            let request = format!("GET / HTTP/1.1\r\nHost: a\r\nx-user: {user}\r\n\r\n");
            assert_eq!(client.ask(&request).status, 200);
        }
        // Who measures may well find that one of them is slow, on a machine that is busy.
        let least = if algorithm == "peakEwma" { 1 } else { 10 };
        let seen = seen(&origins);
        assert!(seen.iter().all(|count| *count >= least), "{algorithm} {seen:?}");
    }
}

fn one_user_stays_with_one_endpoint(cell: Cell) {
    for (algorithm, hash, field) in [
        ("ringHash", json!({ "header": "x-user" }), "x-user: "),
        ("maglev", json!({ "header": "x-user" }), "x-user: "),
        ("maglev", json!({ "cookie": "session" }), "Cookie: a=b; session="),
        ("ringHash", json!({ "source": true }), "x-ignored: "),
    ] {
        let origins = origins(4);
        let policies = json!({ "loadBalancer": { "algorithm": algorithm, "hash": hash } });
        let proxy = cell.start(&balanced(&hosts(&origins), policies));
        let mut homes = BTreeSet::new();
        for user in 0..20 {
            let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{field}{user}\r\n\r\n");
            // Other connections reach other workers.
            let asked = [(); 6].map(|()| proxy.client().ask(&request).body());
            assert!(asked.iter().all(|body| *body == asked[0]), "user {user}: {asked:?}");
            homes.insert(asked[0].clone());
        }
        let wanted = if field.contains("ignored") { 1..=1 } else { 2..=4 };
        assert!(wanted.contains(&homes.len()), "{algorithm} {hash}: {homes:?}");
    }
}

fn an_expression_says_who_belongs_together(cell: Cell) {
    let key = "request.headers['x-user'] + request.path";
    for policies in [
        json!({ "loadBalancer": { "algorithm": "maglev", "hash": key } }),
        json!({ "loadBalancer": { "algorithm": "ringHash", "hash": key } }),
        json!({ "sessionAffinity": { "key": key } }),
    ] {
        let origins = origins(4);
        let proxy = cell.start(&balanced(&hosts(&origins), policies.clone()));
        let mut homes = BTreeSet::new();
        for user in 0..20 {
            let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX-User: {user}\r\n\r\n");
            let asked = [(); 6].map(|()| proxy.client().ask(&request).body());
            assert!(asked.iter().all(|body| *body == asked[0]), "user {user}: {asked:?}");
            homes.insert(asked[0].clone());
        }
        assert!((2..=4).contains(&homes.len()), "{policies}: {homes:?}");
        // Those for which it fails go anywhere, and are served.
        assert_eq!(proxy.client().get("/").status, 200);
        proxy.await_metric("ringway_expression_failures_total", &[], 1.0);
    }
}

fn a_cookie_leads_back_to_the_endpoint(cell: Cell) {
    let origins = origins(4);
    let cookie = json!({ "name": "home", "ttl": "1h", "path": "/" });
    let policies = json!({ "sessionAffinity": { "cookie": cookie } });
    let proxy = cell.start(&balanced(&hosts(&origins), policies));
    for _ in 0..10 {
        let first = proxy.client().get("/");
        let told = first.field("set-cookie").expect("a new client is told").to_owned();
        assert!(told.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600"), "{told}");
        let value = told.split(';').next().unwrap();
        assert!(!value.contains(&origins[0].address().port().to_string()), "{told}");
        for _ in 0..5 {
            let request = format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: x=1; {value}\r\n\r\n");
            let again = proxy.client().ask(&request);
            assert_eq!((again.body(), again.field("set-cookie")), (first.body(), None));
        }
    }
    let made_up = "GET / HTTP/1.1\r\nHost: a\r\nCookie: home=ffffffffffffffff\r\n\r\n";
    let response = proxy.client().ask(made_up);
    assert!(response.status == 200 && response.field("set-cookie").is_some());
}

fn a_later_priority_is_for_when_the_first_is_gone(cell: Cell) {
    let (first, second) = (Origin::http1().route("/", "1").start(), origins(1));
    let dead = Origin::script(|_| Ok(()));
    let hosts = [
        json!({ "host": second[0].host(), "priority": 1 }),
        json!({ "host": first.host(), "priority": 0 }),
    ];
    let proxy = cell.start(&balanced(&hosts, json!({})));
    let mut client = proxy.client();
    for _ in 0..20 {
        assert_eq!(client.get("/").body(), "1");
    }
    drop(proxy);
    // The first tier fails its checks.
    let hosts = [
        json!({ "host": second[0].host(), "priority": 7 }),
        json!({ "host": dead.host(), "priority": 0 }),
    ];
    let check = json!({ "http": {}, "interval": "20ms", "timeout": "2s", "unhealthyThreshold": 1 });
    let proxy = cell.start(&balanced(&hosts, json!({ "health": { "check": check } })));
    let mut client = proxy.client();
    wait::until("the second tier takes over", || client.get("/").status == 200);
    for _ in 0..20 {
        assert_eq!(client.get("/").body(), "0");
    }
}

fn weights_are_kept(cell: Cell) {
    let origins = origins(3);
    let weighted =
        |place: usize, weight| json!({ "host": origins[place].host(), "weight": weight });
    let hosts = [weighted(0, 6), weighted(1, 3), weighted(2, 0)];
    let proxy = cell.start(&balanced(&hosts, by("roundRobin")));
    let mut client = proxy.client();
    for _ in 0..90 {
        assert_eq!(client.get("/").status, 200);
    }
    assert_eq!(seen(&origins), [60, 30, 0]);
}

/// What the default is for: how many requests had to wait for the slow one.
fn a_slow_endpoint_is_left_alone(cell: Cell) {
    let slow = Origin::http1()
        .on("/", |_, visit| {
            thread::sleep(Duration::from_millis(200));
            visit.reply(&origin::ok("slow"))
        })
        .start();
    let quick = origins(4);
    let mut all = hosts(&quick);
    all.push(json!(slow.host()));
    let waits = |algorithm: &str| {
        let before = slow.seen().len();
        let proxy = cell.start(&balanced(&all, by(algorithm)));
        let mut client = proxy.client();
        for _ in 0..100 {
            assert_eq!(client.get("/").status, 200);
        }
        slow.seen().len() - before
    };
    assert_eq!(waits("roundRobin"), 20);
    let found = waits("peakEwma");
    assert!(found <= 5, "{found} of 100 waited for the slow one");
}

fn endpoints_are_told_of(cell: Cell) {
    let origins = origins(2);
    let proxy = cell.start(&balanced(&hosts(&origins), by("roundRobin")));
    let mut client = proxy.client();
    for _ in 0..10 {
        client.get("/");
    }
    for origin in &origins {
        let labels = [("endpoint", origin.host())];
        proxy.await_metric("ringway_endpoint_requests_total", &labels, 5.0);
        proxy.await_metric("ringway_endpoint_active_requests", &labels, 0.0);
        proxy.await_metric("ringway_endpoint_healthy", &labels, 1.0);
    }
    let mut admin = Client::http1(proxy.admin());
    let list: Value = serde_json::from_str(&admin.get("/clusters").body()).unwrap();
    let cluster = &list["clusters"][0];
    assert_eq!(cluster["algorithm"], "RoundRobin");
    assert_eq!(cluster["endpoints"][0]["address"], origins[0].host());
    assert_eq!(cluster["endpoints"][1]["state"], "healthy");
    let text = admin.get("/clusters?format=text").body();
    assert!(
        text.contains(&format!("  {} weight 1 priority 0 healthy", origins[1].host())),
        "{text}"
    );
}

fn tcp_is_balanced_too(cell: Cell) {
    let origins = origins(2);
    let policies = json!({ "loadBalancer": { "algorithm": "maglev", "hash": { "source": true } } });
    let backend = json!({ "hosts": hosts(&origins), "policies": policies });
    let listener = json!({ "protocol": "TCP", "tcpRoutes": [{ "backends": [backend] }] });
    let proxy = cell.start(&config().listener(listener));
    let bodies: BTreeSet<_> = (0..10).map(|_| proxy.client().get("/").body()).collect();
    assert_eq!(bodies.len(), 1, "one client, one endpoint: {bodies:?}");
}

fn bad_balancing_is_refused(_: Cell) {
    for (policies, path, why) in [
        (
            json!({ "loadBalancer": { "algorithm": "ringHash" } }),
            "loadBalancer",
            "`hash` is missing",
        ),
        (
            json!({ "loadBalancer": { "hash": { "source": true } } }),
            "loadBalancer",
            "for the algorithms ringHash and maglev",
        ),
        (by("fastest"), "loadBalancer.algorithm", "not a value of this key"),
        (
            json!({ "sessionAffinity": { "key": "jwt.sub" } }),
            "sessionAffinity.key",
            "not supported by Ringway yet",
        ),
        (json!({ "health": { "check": {} } }), "health.check", "exactly one of http, tcp, grpc"),
        (json!({ "circuit": {} }), "circuit", "nothing is bounded"),
    ] {
        let text = balanced(&[json!("127.0.0.1:9")], policies.clone()).text();
        let scratch = scratch::Scratch::new();
        let file = scratch.replace("bad.yaml", &text);
        let mut command = proxy::executable();
        let output = command.arg("-f").arg(file).arg("--validate-only").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && told.contains(path) && told.contains(why), "{told}");
    }
}
