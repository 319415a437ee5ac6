//! What a look-up costs. Run by hand in a release build:
//! `cargo test --release --lib route::tests::timing_tests_tests -- --ignored --nocapture`

use std::hint::black_box;
use std::time::Instant;

use super::{Request, RouteSpec, Table, route};

#[test]
#[ignore = "measures; says nothing in a debug build"]
fn nanoseconds_for_each_look_up() {
    for (label, specs, requests) in [one(), mixed(100), mixed(10_000), expressions(1000)] {
        let begin = Instant::now();
        let table = Table::compile(&specs).unwrap();
        let compiled = begin.elapsed();
        let best = (0..7).map(|_| nanos(&table, &requests)).min().unwrap();
        println!("{label}: {best} ns a look-up, compiled in {compiled:?}");
    }
}

fn nanos(table: &Table, requests: &[Request]) -> u128 {
    const ROUNDS: usize = 500_000;
    let begin = Instant::now();
    for request in requests.iter().cycle().take(ROUNDS) {
        assert!(black_box(table.find(black_box(request))).is_some());
    }
    begin.elapsed().as_nanos() / ROUNDS as u128
}

type Case = (String, Vec<RouteSpec>, Vec<Request>);

fn one() -> Case {
    let requests = vec![request("localhost:8080", "/api/v1/users/42")];
    ("1 route".into(), vec![route("- - /", 0)], requests)
}

/// Routes over 100 hosts, half of them exact; requests in an order that no cache guesses.
fn mixed(count: usize) -> Case {
    let host = |n: usize| format!("service-{}.region.example.com", n % 100);
    let specs = (0..count).map(|n| {
        let exact = if n.is_multiple_of(2) { "=" } else { "" };
        route(&format!("{} - {exact}/api/v{}/resource-{n}/list", host(n), n % 3), n as u32)
    });
    let requests = (0..4096).map(|k| {
        let n = k * 7919 % count;
        let rest = if n.is_multiple_of(2) { "" } else { "/42" };
        request(&host(n), &format!("/api/v{}/resource-{n}/list{rest}", n % 3))
    });
    (format!("{count} routes, exact and prefix"), specs.collect(), requests.collect())
}

fn expressions(count: usize) -> Case {
    let host = |n: usize| format!("service-{}.region.example.com", n % 100);
    let specs =
        (0..count).map(|n| route(&format!("{} - ~/api/resource-{n}/[0-9]+", host(n)), n as u32));
    let requests = (0..4096).map(|k| {
        let n = k * 7919 % count;
        request(&host(n), &format!("/api/resource-{n}/42"))
    });
    (format!("{count} expressions"), specs.collect(), requests.collect())
}

fn request(authority: &str, path: &str) -> Request {
    Request {
        method: "GET".into(),
        authority: authority.into(),
        path: path.into(),
        ..Request::default()
    }
}
