//! Local rate limits: what is let in, what is refused and how, and that it is the same number
//! whatever worker a request comes to.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::*;

matrix! {
    a_bucket_is_shared_by_all_workers,
    as_many_as_are_allowed_get_in,
    keys_have_buckets_of_their_own,
    expressions_are_keys,
    a_hundred_thousand_keys,
}

drivers! {
    several_buckets,
    a_reload_forgives_nobody,
    a_refusal_costs_no_connection,
}

fn limited(origin: &Origin, limits: Value) -> Value {
    json!({
        "policies": { "localRateLimit": limits },
        "backends": [{ "host": origin.host() }],
    })
}

/// A bucket that does not fill while a test runs.
fn bucket(tokens: u32) -> Value {
    json!({ "maxTokens": tokens, "tokensPerFill": 1, "fillInterval": "1h" })
}

fn keyed(tokens: u32, key: Value) -> Value {
    json!({ "maxTokens": tokens, "tokensPerFill": 1, "fillInterval": "1h", "key": key })
}

fn a_bucket_is_shared_by_all_workers(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(
        &config()
            .route_with("/free", limited(&origin, json!([])))
            .route_with("/", limited(&origin, json!([bucket(20)]))),
    );
    // A connection each, so that all workers have some.
    let mut clients: Vec<_> = (0..40).map(|_| proxy.client()).collect();
    let statuses: Vec<u16> = clients.iter_mut().map(|client| client.get("/").status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 20, "{statuses:?}");
    assert!(statuses[20..].iter().all(|status| *status == 429), "{statuses:?}");
    assert_eq!(origin.seen().len(), 20);

    let refused = clients[0].get("/");
    assert_eq!((refused.status, refused.body()), (429, "rate limit exceeded".to_owned()));
    assert_eq!(refused.field("x-ratelimit-limit"), Some("20"));
    assert_eq!(refused.field("x-ratelimit-remaining"), Some("0"));
    let wait = |name| refused.field(name).and_then(|seconds| seconds.parse::<u32>().ok());
    assert!(wait("retry-after").is_some_and(|seconds| (1..=3600).contains(&seconds)));
    assert_eq!(wait("retry-after"), wait("x-ratelimit-reset"));
    assert_eq!(clients[0].get("/free").status, 404, "no limit holds there");

    proxy.await_metric("ringway_rate_limit_admitted_total", &[], 20.0);
    proxy.await_metric("ringway_rate_limit_refused_total", &[], 21.0);
    let refused = [("status", "429"), ("reason", "RateLimit")];
    proxy.await_metric("agentgateway_requests_total", &refused, 21.0);
    let dumped = &proxy.config_dump()["compiled"]["rateLimits"];
    assert_eq!(dumped[0]["tokensMax"], 20);
    assert_eq!(dumped[0]["tokensLeft"], 0);
}

fn expressions_are_keys(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let key = json!("request.headers['x-user'].lowerAscii() + request.path");
    let proxy = cell.start(&config().route_with("/", limited(&origin, json!([keyed(2, key)]))));
    let ask = |user: &str, path: &str| {
        // A connection each, so that all workers have some.
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{user}\r\n");
        let mut asked = [(); 4].map(|()| proxy.client().ask(&request).status == 429);
        asked.sort_unstable();
        asked
    };
    let two_of_four = [false, false, true, true];
    assert_eq!(ask("X-User: A\r\n", "/"), two_of_four);
    assert_eq!(ask("X-User: a\r\n", "/"), [true; 4], "the same key");
    assert_eq!(ask("X-User: b\r\n", "/"), two_of_four);
    assert_eq!(ask("X-User: a\r\n", "/other"), two_of_four);
    assert_eq!(ask("", "/"), two_of_four, "those for which it fails share one");
    assert_eq!(ask("", "/other"), [true; 4]);
}

/// Far more is offered than is let in, by clients on every worker. The upper bound is exact: no
/// more can have come than there was and than came back since.
fn as_many_as_are_allowed_get_in(cell: Cell) {
    const RATE: u32 = 100;
    let origin = Origin::http1().route("/", "hello").start();
    let limit = json!([{ "maxTokens": RATE, "tokensPerFill": RATE, "fillInterval": "1s" }]);
    let proxy = cell.start(&config().route_with("/", limited(&origin, limit)));
    let begun = Instant::now();
    let (mut admitted, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        let offer = || {
            let mut client = proxy.client();
            let (mut admitted, mut refused) = (0, 0);
            while begun.elapsed() < Duration::from_secs(3) {
                match client.get("/").status {
                    200 => admitted += 1,
                    429 => refused += 1,
                    other => panic!("{other}"),
                }
            }
            (admitted, refused)
        };
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(offer)).collect();
        for client in clients {
            let counts: (u32, u32) = client.join().expect("a client ends");
            admitted += counts.0;
            refused += counts.1;
        }
    });
    let most = f64::from(RATE) * (1.0 + begun.elapsed().as_secs_f64());
    assert!(f64::from(admitted) <= most + 1.0, "{admitted} of {most} at most");
    // Where it was always more than was allowed, as much as was allowed got in: what the bucket
    // holds forgives a machine that stands still for a second.
    if refused > 2 * admitted {
        assert!(admitted >= 2 * RATE, "{admitted} admitted, {refused} refused");
    }
    assert!(refused > 0, "{admitted} were all that was offered");
}

fn keys_have_buckets_of_their_own(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let header = json!([keyed(2, json!({ "header": "X-Client" }))]);
    let proxy = cell.start(
        &config()
            .route_with("/source", limited(&origin, json!([keyed(3, json!({ "source": {} }))])))
            .route_with("/", limited(&origin, header)),
    );
    let ask = |client: &mut Client, name: &str| {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\nx-client: {name}\r\n\r\n");
        client.ask(&request).status
    };
    for name in ["alice", "bob", "carol"] {
        let statuses: Vec<u16> = (0..4).map(|_| ask(&mut proxy.client(), name)).collect();
        assert_eq!(statuses, [200, 200, 429, 429], "{name}");
    }
    // Without the header they share one; the other route has its own.
    let statuses: Vec<u16> = (0..3).map(|_| proxy.client().get("/").status).collect();
    assert_eq!(statuses, [200, 200, 429]);
    let statuses: Vec<u16> = (0..4).map(|_| proxy.client().get("/source").status).collect();
    assert_eq!(statuses, [404, 404, 404, 429]);
    let dumped = &proxy.config_dump()["compiled"]["rateLimits"];
    let keys: Vec<&Value> = (0..2).map(|one| &dumped[one]["keys"]["inUse"]).collect();
    assert_eq!(keys, [&json!(1), &json!(4)]);
}

/// The bad input: everybody brings a name of his own, and there is room for a thousand. Who
/// was held back before stays so, and the memory does not grow with the names.
fn a_hundred_thousand_keys(cell: Cell) {
    const NAMES: usize = 100_000;
    let limit = json!([{
        "maxTokens": 5, "tokensPerFill": 1, "fillInterval": "1h",
        "key": { "header": "x-client" }, "maxKeys": 1000,
    }]);
    let route = json!({ "policies": {
        "localRateLimit": limit, "directResponse": { "status": 204 },
    } });
    let proxy = cell.start(&config().route_with("/", route));
    let request = |name: &str| format!("GET / HTTP/1.1\r\nHost: a\r\nX-Client: {name}\r\n\r\n");
    let mut client = proxy.client();
    let statuses: Vec<u16> = (0..6).map(|_| client.ask(&request("held")).status).collect();
    assert_eq!(statuses, [204, 204, 204, 204, 204, 429]);
    let offer = |names: std::ops::Range<usize>| {
        let mut client = proxy.client();
        let names: Vec<usize> = names.collect();
        for some in names.chunks(50) {
            client.send(some.iter().map(|name| request(&format!("{name}"))).collect::<String>());
            for _ in some {
                assert_eq!(client.response().status, 204);
            }
        }
    };
    offer(0..NAMES / 10);
    let before = proxy.resident_bytes();
    let share = NAMES * 9 / 10 / 4;
    std::thread::scope(|scope| {
        for part in 0..4 {
            let first = NAMES / 10 + part * share;
            scope.spawn(move || offer(first..first + share));
        }
    });
    let grown = proxy.resident_bytes().saturating_sub(before);
    assert!(grown < 4_000_000, "{grown} bytes for {NAMES} names");
    assert_eq!(client.ask(&request("held")).status, 429);
    let evictions = proxy.metrics().sum("ringway_rate_limit_evictions_total", &[]);
    assert!(evictions > NAMES as f64 * 0.9, "{evictions}");
    let keys = proxy.config_dump()["compiled"]["rateLimits"][0]["keys"].clone();
    assert!(keys["inUse"].as_u64() <= keys["room"].as_u64(), "{keys}");
    // 512 sets of seven: twice as many as were asked for, and up to a power of two.
    assert_eq!(keys["room"], 3584);
}

/// Who is refused by one has not used up the other.
fn several_buckets(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let limits = json!([bucket(4), keyed(1, json!({ "header": "x-client" }))]);
    let proxy = cell.start(&config().route_with("/", limited(&origin, limits)));
    let mut client = proxy.client();
    let mut ask =
        |name: &str| client.ask(&format!("GET / HTTP/1.1\r\nHost: a\r\nX-Client: {name}\r\n\r\n"));
    let told = |response: &Response| response.field("x-ratelimit-limit").map(str::to_owned);
    assert_eq!(ask("a").status, 200);
    for _ in 0..10 {
        let refused = ask("a");
        assert_eq!((refused.status, told(&refused)), (429, Some("1".to_owned())));
    }
    for name in ["b", "c", "d"] {
        assert_eq!(ask(name).status, 200, "{name}");
    }
    let refused = ask("e");
    assert_eq!((refused.status, told(&refused)), (429, Some("4".to_owned())));
}

fn a_reload_forgives_nobody(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let with = |tokens, path: &str| {
        let free = limited(&origin, json!([]));
        config().route_with(path, free).route_with("/", limited(&origin, json!([bucket(tokens)])))
    };
    let proxy = cell.start(&with(3, "/one"));
    let mut client = proxy.client();
    let mut statuses =
        |count: usize| -> Vec<u16> { (0..count).map(|_| client.get("/").status).collect() };
    assert_eq!(statuses(4), [200, 200, 200, 429]);
    proxy.reload(&with(3, "/two"));
    assert_eq!(statuses(1), [429], "something else changed");
    proxy.reload(&with(5, "/two"));
    assert_eq!(statuses(6), [200, 200, 200, 200, 200, 429], "another limit, another bucket");
}

fn a_refusal_costs_no_connection(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route_with("/", limited(&origin, json!([bucket(1)]))));
    let mut client = proxy.client();
    assert_eq!(client.post("/", b"a body").status, 200);
    for _ in 0..5 {
        let refused = client.post("/", b"a body");
        assert_eq!((refused.status, refused.closes()), (429, false));
    }
    let head = client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((head.status, head.field("content-length")), (429, Some("19")));
    let mut streams = h2_client::H2::connect(proxy.address());
    assert_eq!(streams.get("/").status(), 429);
}
