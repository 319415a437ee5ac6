use super::*;
use crate::policy::attributes::tests::with_request;

fn origins(of: &[&str]) -> Origins {
    Origins::compile(&of.iter().map(|origin| (*origin).to_owned()).collect::<Vec<_>>())
}

#[test]
fn origins_are_allowed_as_they_are_written() {
    let cases = [
        ("https://a.example", "https://a.example", true),
        ("https://a.example", "HTTPS://A.example", true),
        ("https://a.example", "http://a.example", false),
        ("https://a.example", "https://a.example:8443", false),
        ("https://*.a.example", "https://x.a.example", true),
        ("https://*.a.example", "https://x.y.a.example", true),
        ("https://*.a.example", "https://a.example", false),
        ("https://*.a.example", "https://.a.example", false),
        ("https://*.a.example", "https://xa.example", false),
        ("https://*.a.example", "https://evil.example/.a.example", false),
        ("https://*.a.example", "https://evil.example#.a.example", false),
        ("https://*.a.example", "https://evil.example:1@.a.example", false),
        ("http://localhost:*", "http://localhost:3000", true),
        ("http://localhost:*", "http://localhost", false),
        ("http://localhost:*", "http://localhost:3000/x", false),
        ("null", "null", true),
        ("https://a.example", "null", false),
        ("*", "https://anything.example", true),
    ];
    for (allowed, origin, expected) in cases {
        assert_eq!(origins(&[allowed]).allow(origin.as_bytes()), expected, "{origin} by {allowed}");
    }
    assert!(!origins(&[]).allow(b"https://a.example"));
}

/// The lines for a request, and whether it was a preflight.
fn told(spec: &CorsSpec, request: &str) -> (String, bool) {
    let cors = Cors::compile(spec);
    let mut changes = Changes::default();
    let answered = with_request(request, |attributes| {
        matches!(cors.run(attributes, &mut changes), Verdict::Reply(_))
    });
    (String::from_utf8(changes.response_lines().to_vec()).unwrap(), answered)
}

const PREFLIGHT: &str = "OPTIONS / HTTP/1.1\nHost: a\nOrigin: https://a.example\n\
    Access-Control-Request-Method: PUT\nAccess-Control-Request-Headers: x-one, x-two\n\n";
const PLAIN: &str = "GET / HTTP/1.1\nHost: a\nOrigin: https://a.example\n\n";

fn words(of: &[&str]) -> Vec<String> {
    of.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn preflights_are_answered_and_others_are_told() {
    let spec = CorsSpec {
        allow_origins: words(&["https://a.example"]),
        allow_methods: words(&["GET", "PUT"]),
        allow_headers: words(&["x-one"]),
        expose_headers: words(&["x-out", "x-more"]),
        allow_credentials: true,
        max_age_seconds: Some(600),
    };
    let allowed = "access-control-allow-origin: https://a.example\r\nvary: Origin\r\n\
                   access-control-allow-credentials: true\r\n";
    let preflight = "access-control-allow-methods: GET, PUT\r\n\
                     access-control-allow-headers: x-one\r\naccess-control-max-age: 600\r\n";
    assert_eq!(told(&spec, PREFLIGHT), (format!("{allowed}{preflight}"), true));
    let exposed = "access-control-expose-headers: x-out, x-more\r\n";
    assert_eq!(told(&spec, PLAIN), (format!("{allowed}{exposed}"), false));
    let nothing = (String::new(), false);
    assert_eq!(told(&spec, "GET / HTTP/1.1\nHost: a\n\n"), nothing);
    assert_eq!(told(&spec, &PREFLIGHT.replace("a.example", "b.example")), nothing);
    // Two origins are none.
    assert_eq!(told(&spec, &PLAIN.replace("\n\n", "\nOrigin: https://b.example\n\n")), nothing);
    // OPTIONS without the question is a request like any other.
    let options = PLAIN.replace("GET", "OPTIONS");
    assert_eq!(told(&spec, &options), (format!("{allowed}{exposed}"), false));
}

#[test]
fn a_star_is_told_only_without_credentials() {
    let mut spec = CorsSpec {
        allow_origins: words(&["*"]),
        allow_methods: words(&["*"]),
        allow_headers: words(&["*"]),
        ..CorsSpec::default()
    };
    let asked = "access-control-allow-methods: PUT\r\n\
                 access-control-allow-headers: x-one, x-two\r\n";
    let (lines, _) = told(&spec, PREFLIGHT);
    assert_eq!(lines, format!("access-control-allow-origin: *\r\n{asked}"));
    spec.allow_credentials = true;
    let (lines, _) = told(&spec, PREFLIGHT);
    let origin = "access-control-allow-origin: https://a.example\r\nvary: Origin\r\n";
    let credentials = "access-control-allow-credentials: true\r\n";
    assert_eq!(lines, format!("{origin}{credentials}{asked}"));
}
