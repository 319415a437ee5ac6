//! The rules of the table once more, as plainly as they can be said: every match of every route
//! against the request, and the best by Gateway API's order. Nothing of the table is used.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;

use regex::Regex;

use super::Request;
use crate::base::id::RouteId;
use crate::base::random::Random;
use crate::route::{Found, MatchSpec, PathSpec, RouteSpec, ValueSpec};

pub(super) fn find(specs: &[RouteSpec], request: &Request) -> Option<Found> {
    let mut found = Vec::new();
    for spec in specs {
        let all = vec![MatchSpec::default()];
        let matches = if spec.matches.is_empty() { &all } else { &spec.matches };
        for (at, one) in matches.iter().enumerate() {
            let host = host_rank(spec, request);
            let path = path_rank(one, request);
            let (Some(host), Some((rank, prefix_len))) = (host, path) else { continue };
            if holds(one, request) {
                let counts = (one.method.is_some(), one.headers.len(), one.query.len());
                let key = (Reverse((host, rank, counts)), spec.order, at);
                found.push((key, Found { route: spec.id, prefix_len }));
            }
        }
    }
    found.into_iter().min_by_key(|(key, _)| *key).map(|(_, found)| found)
}

/// How specific the best of the route's hostnames is: exact, then by length of the wildcard.
fn host_rank(spec: &RouteSpec, request: &Request) -> Option<usize> {
    let host = request.authority.rsplit_once(':').map_or(&*request.authority, |(host, _)| host);
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if spec.hostnames.is_empty() {
        return Some(0);
    }
    let rank = |name: &String| {
        let name = name.to_ascii_lowercase();
        match name.strip_prefix('*') {
            Some("") => Some(0),
            Some(suffix) => {
                (host.len() > suffix.len() && host.ends_with(suffix)).then_some(suffix.len())
            }
            None => (host == name).then_some(usize::MAX),
        }
    };
    spec.hostnames.iter().filter_map(rank).max()
}

/// The kind of path, its lengths without and with the slash at its end; and the prefix.
fn path_rank(one: &MatchSpec, request: &Request) -> Option<((u8, usize, usize), usize)> {
    let path = if request.path.is_empty() { "/" } else { &*request.path };
    match &one.path {
        None => Some(((2, 0, 1), 0)),
        Some(PathSpec::Exact(exact)) => {
            (path == exact).then_some(((3, exact.len(), exact.len()), request.path.len()))
        }
        Some(PathSpec::Prefix(prefix)) => {
            let trimmed = prefix.trim_end_matches('/');
            let rest = path.strip_prefix(trimmed)?;
            let whole = rest.is_empty() || rest.starts_with('/');
            whole.then_some(((2, trimmed.len(), prefix.len()), trimmed.len()))
        }
        Some(PathSpec::Regex(text)) => matches_whole(text, &request.path)
            .then_some(((1, text.len(), text.len()), request.path.len())),
    }
}

fn holds(one: &MatchSpec, request: &Request) -> bool {
    let target = match &request.query {
        Some(query) => format!("{}?{query}", request.path),
        None => request.path.clone(),
    };
    let header = |name: &str| match name {
        ":method" => Some(request.method.clone()),
        ":path" => Some(target.clone()),
        ":authority" => Some(request.authority.clone()),
        _ => {
            let name = name.to_ascii_lowercase();
            request.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone())
        }
    };
    let query = parameters(request.query.as_deref().unwrap_or_default());
    one.method.as_ref().is_none_or(|method| *method == request.method)
        && one.headers.iter().all(|(name, value)| header(name).is_some_and(|v| fits(value, &v)))
        && one.query.iter().all(|(name, value)| query.get(name).is_some_and(|v| fits(value, v)))
}

fn fits(wanted: &ValueSpec, value: &str) -> bool {
    match wanted {
        ValueSpec::Exact(text) => value == text,
        ValueSpec::Regex(text) => matches_whole(text, value),
    }
}

fn matches_whole(expression: &str, text: &str) -> bool {
    thread_local! {
        static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        let compile = || Regex::new(&format!("^(?:{expression})$")).unwrap();
        compiled.entry(expression.to_owned()).or_insert_with(compile).is_match(text)
    })
}

/// Decodes by splitting at `%`; the first of a name stays.
fn parameters(query: &str) -> HashMap<String, String> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        let mut parts = text.split('%');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            match part.get(..2).map(|hex| u8::from_str_radix(hex, 16)) {
                Some(Ok(byte)) => out.extend([&char::from(byte).to_string(), &part[2..]]),
                _ => out.extend(["%", part]),
            }
        }
        out
    };
    let mut found = HashMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        found.entry(decode(name)).or_insert_with(|| decode(value));
    }
    found
}

/// One of `list`: small alphabets, so that routes and requests meet.
fn one<'a>(random: &Random, list: &[&'a str]) -> &'a str {
    list[random.below(list.len() as u64) as usize]
}

fn sometimes(random: &Random) -> bool {
    random.below(4) == 0
}

fn path(random: &Random) -> String {
    let segments =
        (0..=random.below(4)).map(|_| format!("/{}", one(random, &["a", "b", "ab", ""])));
    segments.collect()
}

fn value(random: &Random) -> ValueSpec {
    match one(random, &["1", "1", "2", "12", "2", "a b", "a b", "~1|12"]).split_at(1) {
        ("~", expression) => ValueSpec::Regex(expression.to_owned()),
        (first, rest) => ValueSpec::Exact(format!("{first}{rest}")),
    }
}

pub(super) fn random_route(random: &Random, place: u32) -> RouteSpec {
    const HOSTS: &[&str] = &["a.b.c", "B.c", "*.c", "*.b.c", "c", "*", "*.a.b.c"];
    let random_match = || {
        let path = match random.below(12) {
            0 | 1 => None,
            2..=5 => Some(PathSpec::Exact(path(random))),
            6..=9 => Some(PathSpec::Prefix(path(random))),
            _ => Some(PathSpec::Regex(one(random, REGEXES).to_owned())),
        };
        let mut spec = MatchSpec { path, ..MatchSpec::default() };
        if sometimes(random) {
            spec.method = Some(one(random, &["GET", "PUT"]).to_owned());
        }
        while sometimes(random) {
            let name = one(random, &["x", "Y", ":method", ":path", ":authority"]);
            spec.headers.push((name.to_owned(), value(random)));
        }
        while sometimes(random) {
            spec.query.push((one(random, &["p", "q"]).to_owned(), value(random)));
        }
        spec
    };
    let hostnames = (0..random.below(3)).map(|_| one(random, HOSTS).to_owned()).collect();
    let matches = (0..random.below(3)).map(|_| random_match()).collect();
    RouteSpec { hostnames, matches, id: RouteId(place), order: place }
}

/// Routes of expressions alone, so that many match one path.
pub(super) fn random_expression(random: &Random, place: u32) -> RouteSpec {
    let path = Some(PathSpec::Regex(one(random, REGEXES).to_owned()));
    let method = sometimes(random).then(|| "PUT".to_owned());
    let matches = vec![MatchSpec { path, method, ..MatchSpec::default() }];
    RouteSpec { hostnames: Vec::new(), matches, id: RouteId(place), order: place }
}

pub(super) fn random_request(random: &Random) -> Request {
    const HOSTS: &[&str] = &["a.b.c", "A.B.C:80", "b.c", "x.c", "x.b.c.", "c", "d", "", "x.a.b.c"];
    const QUERIES: &[&str] =
        &["p=1", "p=2&p=1", "q=12&p=1", "p=a+b", "p=a%20b&q=1", "%70=%31", "p", "q=%zz&&p=2"];
    let mut request = Request {
        method: one(random, &["GET", "PUT", "POST"]).to_owned(),
        authority: one(random, HOSTS).to_owned(),
        path: if random.below(50) == 0 { String::new() } else { path(random) },
        ..Request::default()
    };
    if random.below(2) == 0 {
        request.query = Some(one(random, QUERIES).to_owned());
    }
    for name in ["x", "y", "x"] {
        if random.below(2) == 0 {
            let value = one(random, &["1", "2", "12", "a b"]);
            request.headers.push((name.to_owned(), value.to_owned()));
        }
    }
    request
}

/// With their first segments plain, or not; matching much the same paths, at different lengths.
const REGEXES: &[&str] = &[
    "/a.*",
    "/a|/ab",
    "/[ab]+",
    ".*",
    "/.*/b",
    "/",
    "/a/a.*",
    "/a/b/?",
    "/a/a/b?",
    "//a?/b*",
    "(?:/[ab]*)+",
    "/a/b.*",
    "/a/[ab/]*",
    "(/a)+/?[ab/]*",
];
