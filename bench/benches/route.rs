//! Finding the route of a request: the cost must not grow with the number of routes.
//!
//! `cargo bench -p bench --bench route`

use divan::{Bencher, black_box};
use ringway::base::id::RouteId;
use ringway::route::{MatchSpec, PathSpec, RouteSpec, Subject, Table};

/// Hosts that the routes are spread over.
const HOSTS: usize = 100;
/// Requests asked in turn, in an order that no cache guesses.
const REQUESTS: usize = 4096;
/// A sample asks all of them: one alone would time a cold cache and the clock.
const ROUND: u32 = REQUESTS as u32;

fn main() {
    divan::main();
}

/// Half of the routes match a path exactly, half a prefix; every request finds its route.
#[divan::bench(args = [1, 100, 10_000], sample_size = ROUND)]
fn find(bencher: Bencher<'_, '_>, routes: usize) {
    let table = compiled(routes, |n| match n % 2 {
        0 => PathSpec::Exact(path(n)),
        _ => PathSpec::Prefix(path(n)),
    });
    let requests: Vec<Request> = (0..REQUESTS)
        .map(|k| {
            let n = k * 7919 % routes;
            let rest = if n.is_multiple_of(2) { "" } else { "/42" };
            Request { host: host(n), path: format!("{}{rest}", path(n)) }
        })
        .collect();
    ask(bencher, &table, &requests, true);
}

/// Ten regular expressions a host, which have to be tried.
#[divan::bench(args = [1000], sample_size = ROUND)]
fn find_expression(bencher: Bencher<'_, '_>, routes: usize) {
    let table = compiled(routes, |n| PathSpec::Regex(format!("{}/[0-9]+", path(n))));
    let requests: Vec<Request> = (0..REQUESTS)
        .map(|k| k * 7919 % routes)
        .map(|n| Request { host: host(n), path: format!("{}/42", path(n)) })
        .collect();
    ask(bencher, &table, &requests, true);
}

/// A path that no route of the host has.
#[divan::bench(args = [10_000], sample_size = ROUND)]
fn miss(bencher: Bencher<'_, '_>, routes: usize) {
    let table = compiled(routes, |n| PathSpec::Prefix(path(n)));
    let requests: Vec<Request> = (0..REQUESTS)
        .map(|n| Request { host: host(n), path: format!("/api/v0/nothing-{n}") })
        .collect();
    ask(bencher, &table, &requests, false);
}

struct Request {
    host: String,
    path: String,
}

impl Subject for Request {
    fn method(&self) -> &[u8] {
        b"GET"
    }

    fn host(&self) -> &[u8] {
        self.host.as_bytes()
    }

    fn path(&self) -> &[u8] {
        self.path.as_bytes()
    }

    fn query(&self) -> Option<&[u8]> {
        None
    }

    fn header(&self, _name: &[u8]) -> Option<&[u8]> {
        None
    }
}

fn ask(bencher: Bencher<'_, '_>, table: &Table, requests: &[Request], found: bool) {
    let mut turn = requests.iter().cycle();
    bencher.bench_local(|| {
        let request = turn.next().map(|request| table.find(black_box(request)));
        assert_eq!(request.map(|answer| answer.is_some()), Some(found));
    });
}

fn compiled(routes: usize, path: impl Fn(usize) -> PathSpec) -> Table {
    let specs: Vec<RouteSpec> = (0..routes)
        .map(|n| RouteSpec {
            hostnames: vec![host(n)],
            matches: vec![MatchSpec { path: Some(path(n)), ..MatchSpec::default() }],
            id: RouteId(n as u32),
            order: n as u32,
        })
        .collect();
    Table::compile(&specs).expect("the routes are well-formed")
}

fn host(n: usize) -> String {
    format!("service-{}.region.example.com", n % HOSTS)
}

fn path(n: usize) -> String {
    format!("/api/v{}/resource-{n}/list", n % 3)
}
