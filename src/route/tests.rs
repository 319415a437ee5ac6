use super::*;
use crate::base::random::Random;
use crate::limits::{GATE_PATTERNS_MAX, MATCHED_TEXT_BYTES_MAX};

mod naive_tests;
mod source_tests;
mod timing_tests;

/// A request of a test.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: Vec<(String, String)>,
}

impl Subject for Request {
    fn method(&self) -> &[u8] {
        self.method.as_bytes()
    }
    fn host(&self) -> &[u8] {
        let host = self.authority.rsplit_once(':').map_or(&*self.authority, |(host, _)| host);
        host.as_bytes()
    }
    fn authority(&self) -> &[u8] {
        self.authority.as_bytes()
    }
    fn path(&self) -> &[u8] {
        self.path.as_bytes()
    }
    fn query(&self) -> Option<&[u8]> {
        self.query.as_deref().map(str::as_bytes)
    }
    fn header(&self, name: &[u8]) -> Option<&[u8]> {
        let field = self.headers.iter().find(|(key, _)| key.as_bytes() == name)?;
        Some(field.1.as_bytes())
    }
}

/// `METHOD authority/path?query name=value ...`
fn request(text: &str) -> Request {
    let mut words = text.split(' ');
    let method = words.next().unwrap().to_owned();
    let address = words.next().unwrap();
    let (address, query) = match address.split_once('?') {
        Some((address, query)) => (address, Some(query.to_owned())),
        None => (address, None),
    };
    let (authority, path) = address.split_at(address.find('/').unwrap_or(address.len()));
    let headers = words.map(|word| {
        let (name, value) = word.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    });
    let headers = headers.collect();
    Request { method, authority: authority.to_owned(), path: path.to_owned(), query, headers }
}

/// `host,host METHOD path name=value ?name=value`; `-` is no host, no method, no path. A path with
/// `=` before it is exact, with `~` an expression; so is a value with `~`.
fn route(text: &str, place: u32) -> RouteSpec {
    let mut words = text.split(' ');
    let hostnames = match words.next().unwrap() {
        "-" => Vec::new(),
        hosts => hosts.split(',').map(str::to_owned).collect(),
    };
    let mut given = || words.next().filter(|word| *word != "-");
    let method = given().map(str::to_owned);
    let path = given().map(|word| match word.split_at(1) {
        ("=", path) => PathSpec::Exact(path.to_owned()),
        ("~", path) => PathSpec::Regex(path.to_owned()),
        _ => PathSpec::Prefix(word.to_owned()),
    });
    let mut one = MatchSpec { path, method, ..MatchSpec::default() };
    for word in words {
        let (list, word) = match word.strip_prefix('?') {
            Some(word) => (&mut one.query, word),
            None => (&mut one.headers, word),
        };
        let (name, value) = word.split_once('=').unwrap();
        let value = match value.strip_prefix('~') {
            Some(expression) => ValueSpec::Regex(expression.to_owned()),
            None => ValueSpec::Exact(value.to_owned()),
        };
        list.push((name.to_owned(), value));
    }
    RouteSpec { hostnames, matches: vec![one], id: RouteId(place), order: place }
}

fn routes(texts: &[&str]) -> Vec<RouteSpec> {
    texts.iter().zip(0..).map(|(text, place)| route(text, place)).collect()
}

/// Compiles the routes and asks for each request which of them it finds.
fn check(texts: &[&str], requests: &[(&str, Option<u32>)]) {
    let specs = routes(texts);
    let table = Table::compile(&specs).unwrap();
    for (text, expected) in requests {
        let request = request(text);
        let found = table.find(&request);
        assert_eq!(found.map(|found| found.route.0), *expected, "{text}");
        assert_eq!(found, naive_tests::find(&specs, &request), "{text}: the reference matcher");
    }
}

#[test]
fn hosts_go_from_the_most_specific_and_fall_back() {
    check(
        &[
            "- - /",
            "*.example.com - /",
            "*.b.example.com - /deep",
            "a.b.example.com - /exact",
            "example.com,other.org - /two",
        ],
        &[
            ("GET a.b.example.com/exact", Some(3)),
            ("GET A.B.example.com./exact", Some(3)),
            ("GET a.b.example.com:8080/exact", Some(3)),
            ("GET a.b.example.com/deep", Some(2)),
            ("GET a.b.example.com/", Some(1)),
            ("GET x.example.com/deep", Some(1)),
            ("GET example.com/two", Some(4)),
            ("GET other.org/two", Some(4)),
            ("GET example.com/one", Some(0)),
            ("GET else.net/exact", Some(0)),
            ("GET /", Some(0)),
        ],
    );
}

#[test]
fn a_more_specific_host_beats_a_more_specific_path() {
    check(
        &["- GET =/a/b x=1", "a.example - /"],
        &[("GET a.example/a/b x=1", Some(1)), ("GET b.example/a/b x=1", Some(0))],
    );
}

#[test]
fn exact_paths_beat_prefixes_and_prefixes_beat_expressions() {
    check(
        &["- - ~/a/.*", "- - /a", "- - =/a/b", "- - /a/b", "- - ~/c/[0-9]+", "- - ~/c/.*"],
        &[
            ("GET h/a/b", Some(2)),
            ("GET h/a/b/", Some(3)),
            ("GET h/a/b/c", Some(3)),
            ("GET h/a/c", Some(1)),
            ("GET h/ab", None),
            ("GET h/c/1", Some(4)),
            ("GET h/c/x", Some(5)),
            ("GET h/c/1/x", Some(5)),
            ("GET h/c", None),
            ("GET h/x/c/1", None),
        ],
    );
}

#[test]
fn prefixes_are_segment_wise_and_the_longest_wins() {
    check(
        &["- - /foo", "- - /foo/bar/", "- - /foo/bar/baz", "- - =/foo/", "- - /one/"],
        &[
            ("GET h/foo", Some(0)),
            ("GET h/foo/", Some(3)),
            ("GET h/foo/ba", Some(0)),
            ("GET h/foobar", None),
            ("GET h/foo/bar", Some(1)),
            ("GET h/foo/bar/", Some(1)),
            ("GET h/foo/barbaz", Some(0)),
            ("GET h/foo/bar/baz", Some(2)),
            ("GET h/foo/bar/baz/x/y", Some(2)),
            ("GET h/FOO", None),
            ("GET h/one", Some(4)),
            ("GET h/one/", Some(4)),
            ("GET h/", None),
        ],
    );
}

#[test]
fn the_root_takes_what_is_no_path_too() {
    check(&["- - =/", "- - /"], &[("GET h", Some(0)), ("GET h/", Some(0)), ("GET h/x", Some(1))]);
    let table = Table::compile(&routes(&["- - =/", "- - /", "- - ~.*"])).unwrap();
    let star = Request { method: "OPTIONS".into(), path: "*".into(), ..Request::default() };
    assert_eq!(table.find(&star), Some(Found { route: RouteId(1), prefix_len: 0 }));
}

#[test]
fn then_method_headers_query_and_place_decide() {
    check(
        &[
            "- - /a",
            "- - /a ?p=1",
            "- - /a x=1",
            "- - /a x=1 y=1",
            "- - /a x=1 ?p=1",
            "- GET /a",
            "- GET /a x=1",
            "- - /a",
            "- POST /a/b ",
        ]
        .map(str::trim_end),
        &[
            ("PUT h/a", Some(0)),
            ("PUT h/a?p=1", Some(1)),
            ("PUT h/a?p=1 x=1", Some(4)),
            ("PUT h/a x=1", Some(2)),
            ("PUT h/a?p=1 x=1 y=1", Some(3)),
            ("GET h/a", Some(5)),
            ("GET h/a x=1 y=1", Some(6)),
            ("GET h/a/b", Some(5)),
            ("POST h/a/b x=1 y=1", Some(8)),
            ("get h/a", Some(0)),
        ],
    );
}

#[test]
fn the_first_of_equals_wins_whatever_the_ids_say() {
    let mut specs = routes(&["- - /a", "- - /a"]);
    specs[0].order = 9;
    let table = Table::compile(&specs).unwrap();
    assert_eq!(table.find(&request("GET h/a")).map(|found| found.route), Some(RouteId(1)));
}

#[test]
fn a_route_may_match_in_several_ways() {
    let mut specs = routes(&["- - /a", "- - /b"]);
    let second = specs.remove(1).matches.remove(0);
    specs[0].matches.push(second);
    specs.push(RouteSpec { hostnames: vec![], matches: vec![], id: RouteId(7), order: 7 });
    let table = Table::compile(&specs).unwrap();
    let found =
        |text: &str| table.find(&request(text)).map(|found| (found.route.0, found.prefix_len));
    assert_eq!(found("GET h/a/x"), Some((0, 2)));
    assert_eq!(found("GET h/b"), Some((0, 2)));
    assert_eq!(found("GET h/c"), Some((7, 0)));
}

#[test]
fn predicates_see_pseudo_headers_and_decoded_queries() {
    check(
        &[
            "- - =/m :method=~P.*",
            "- - =/p :path=/p?x=1",
            "- - =/p :path=~/p.y=.*",
            "- - =/p :path=/p",
            "- - =/a :authority=h.example:81",
            "- - =/q ?name=a+b",
            "- - =/q ?name=~[a-z]",
            "- - =/h X-Test=~test-[0-9]",
        ],
        &[
            ("PUT h/m", Some(0)),
            ("GET h/m", None),
            ("GET h/p?x=1", Some(1)),
            ("GET h/p?y=2", Some(2)),
            ("GET h/p", Some(3)),
            ("GET h/p?", None),
            ("GET h.example:81/a", Some(4)),
            ("GET h.example/a", None),
            ("GET h/q?name=a%2Bb", Some(5)),
            ("GET h/q?name=a+b", None),
            ("GET h/q?name=%61", Some(6)),
            ("GET h/q?name=b", Some(6)),
            ("GET h/q?name=bb", None),
            ("GET h/q", None),
            ("GET h/h x-test=test-5", Some(7)),
            ("GET h/h x-test=test-55", None),
            ("GET h/h", None),
        ],
    );
}

#[test]
fn the_prefix_is_what_the_match_spoke_of() {
    let table = Table::compile(&routes(&["- - /a/", "- - =/b/c", "- - ~/d/.*"])).unwrap();
    let found = |text: &str| table.find(&request(text)).map(|found| found.prefix_len);
    for (text, expected) in [("GET h/a/b", 2), ("GET h/b/c", 4), ("GET h/d/efg", 6)] {
        assert_eq!(found(text), Some(expected), "{text}");
    }
}

#[test]
fn expressions_keep_their_order_behind_gates() {
    let count = GATE_PATTERNS_MAX * 3 + 1;
    // As long as each other, so that the place in the file decides; the last takes everything.
    let mut texts: Vec<String> =
        (0..count).map(|n| format!("- - ~/[a-z]{{1,3}}{n:05}/.*")).collect();
    texts.push("- - ~/.*".into());
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let table = Table::compile(&routes(&texts)).unwrap();
    for n in 0..count {
        let found = table.find(&request(&format!("GET h/ab{n:05}/x")));
        assert_eq!(found.map(|found| found.route.0), Some(n as u32));
    }
    let found = table.find(&request("GET h/else"));
    assert_eq!(found.map(|found| found.route.0), Some(count as u32));
}

#[test]
fn an_encoded_value_of_any_length_is_safe() {
    let table = Table::compile(&routes(&["- - / ?p=~(?s).*"])).unwrap();
    let find = |len: usize| {
        let query = Some(format!("p=%20{}", "x".repeat(len)));
        table.find(&Request { path: "/".into(), query, ..Request::default() })
    };
    assert!(find(MATCHED_TEXT_BYTES_MAX - 3).is_some());
    assert!(find(MATCHED_TEXT_BYTES_MAX - 2).is_none());
    assert!(find(100_000).is_none());
}

#[test]
fn what_is_wrong_is_named() {
    use crate::base::pattern::PatternError;
    use host::HostnameError;
    let header = Place::Header { of_match: 0, at: 0 };
    let query = Place::Query { of_match: 0, at: 0 };
    let pattern = |error| Reason::Pattern(error);
    let cases = [
        ("a..b - /", Place::Hostname(0), Reason::Hostname(HostnameError::EmptyLabel)),
        ("a,b:80 - /", Place::Hostname(1), Reason::Hostname(HostnameError::BadCharacter)),
        ("- - a", Place::Path(0), Reason::BadPath),
        ("- - =a", Place::Path(0), Reason::BadPath),
        ("- - =", Place::Path(0), Reason::BadPath),
        ("- - /a?b", Place::Path(0), Reason::BadPath),
        ("- - /a#b", Place::Path(0), Reason::BadPath),
        ("- - /a/../b", Place::Path(0), Reason::BadPath),
        ("- - /ä", Place::Path(0), Reason::BadPath),
        ("- - ~(", Place::Path(0), pattern(PatternError::Syntax)),
        ("- G,ET /", Place::Method(0), Reason::BadMethod),
        ("- - / a:b=1", header, Reason::BadHeaderName),
        ("- - / :scheme=http", header, Reason::BadHeaderName),
        ("- - / a=~(", header, pattern(PatternError::Syntax)),
        ("- - / ?=1", query, Reason::BadQueryName),
        ("- - / ?a=~[", query, pattern(PatternError::Syntax)),
    ];
    for (text, place, reason) in cases {
        let error = Table::compile(&routes(&["- - /", text])).unwrap_err();
        assert_eq!(error, CompileError { route: RouteId(1), place, reason }, "{text}");
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn workers_share_a_table() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&Table::compile(&[]).unwrap());
    shared(&target::Target::Clusters(split::Split::single(crate::base::id::ClusterId(0))));
    assert_eq!(Table::compile(&[]).unwrap().find(&request("GET h/")), None);
}

#[test]
fn the_table_agrees_with_the_reference_matcher() {
    for seed in 0..1500 {
        let random = Random::seeded(seed);
        // Sets of expressions take long to compile.
        let (random_route, count_max): (fn(&Random, u32) -> RouteSpec, _) = match seed % 8 {
            0 => (naive_tests::random_expression, 9),
            _ => (naive_tests::random_route, 24),
        };
        let count = random.below(count_max) as u32;
        let specs: Vec<RouteSpec> = (0..count).map(|n| random_route(&random, n)).collect();
        let table = Table::compile(&specs).unwrap();
        for _ in 0..24 {
            let request = naive_tests::random_request(&random);
            let expected = naive_tests::find(&specs, &request);
            assert_eq!(table.find(&request), expected, "seed {seed}: {request:?} in {specs:#?}");
        }
    }
}
