use super::super::request_head::{self, Rewritten};
use super::super::tests::{Scene, text};
use super::*;
use crate::base::buffer::Buffer;
use crate::net::runtime::Driver;
use crate::net::tests::{Rig, on};

const KEYS: &str = "keys: [{key: secret, name: one}], mode: strict";

/// What is sent on of a request, and what the log has for its path.
fn sent(rig: &Rig, policy: &str, request: &str) -> (String, String) {
    let policies = format!("apiKey: {{{KEYS}{policy}}}");
    let mut scene = Scene::simple(rig, "requestId: 'off'", &policies, "127.0.0.1:9");
    scene.ask(request);
    take_out(&mut scene.exchange, &mut scene.changes);
    let mut out = Buffer::with_capacity(4096);
    let routed = scene.routed();
    let rewritten = Rewritten {
        changes: &scene.changes,
        backend: &routed.route.backends[0],
        http2: false,
        tee: None,
    };
    request_head::encode(&mut out, &routed, &scene.exchange, rewritten);
    let head = &scene.exchange.request;
    let logged = head.path_and_query.of(scene.exchange.head_bytes());
    (text(&out), String::from_utf8(logged.to_vec()).unwrap())
}

#[test]
fn no_key_goes_on() {
    on(Driver::Epoll, async |rig| {
        a_field_ends_here(&rig);
        the_rest_of_a_cookie_goes_on(&rig);
        the_rest_of_a_query_goes_on(&rig);
    });
}

fn a_field_ends_here(rig: &Rig) {
    let (head, _) = sent(
        rig,
        "",
        "GET /a HTTP/1.1\nHost: a\nX-One: 1\nauthorization: Bearer secret\nX-Two: 2\n\
         Authorization: Bearer secret\n\n",
    );
    assert!(!head.contains("secret") && !head.to_lowercase().contains("authorization"), "{head}");
    assert!(head.contains("X-One: 1\n") && head.contains("X-Two: 2\n"), "{head}");
}

fn the_rest_of_a_cookie_goes_on(rig: &Rig) {
    for (cookie, left) in [
        ("key=secret", None),
        ("a=b; key=secret", Some("a=b")),
        ("key=secret; a=b", Some("a=b")),
        ("a=b; key=secret; c=d", Some("a=b; c=d")),
        ("a=b;key=secret;c=d", Some("a=b;c=d")),
    ] {
        let request = format!("GET /a HTTP/1.1\nHost: a\nCookie: {cookie}\nX-Two: 2\n\n");
        let (head, _) = sent(rig, ", location: {cookie: {name: key}}", &request);
        assert!(!head.contains("secret") && head.contains("X-Two: 2\n"), "{head}");
        let found = head.lines().find_map(|line| line.strip_prefix("Cookie: "));
        let found = found.map(str::trim);
        assert_eq!(found, left, "{cookie}");
    }
}

fn the_rest_of_a_query_goes_on(rig: &Rig) {
    for (target, left) in [
        ("/a?key=secret", "/a"),
        ("/a?b=c&key=secret", "/a?b=c"),
        ("/a?key=secret&b=c", "/a?b=c"),
        ("/a?b=c&key=secret&d=e", "/a?b=c&d=e"),
        ("/a?key=secret&", "/a"),
        ("/x/../a?b&key=secret&d", "/a?b&d"),
        ("/x/../a?key=secret", "/a"),
        ("http://a/a?key=secret&b=c", "/a?b=c"),
        ("http://a?key=secret", "/"),
    ] {
        let request = format!("GET {target} HTTP/1.1\nHost: a\nX-Two: 2\n\n");
        let (head, logged) = sent(rig, ", location: {queryParameter: {name: key}}", &request);
        let line = head.lines().next().unwrap();
        assert_eq!(line, format!("GET {left} HTTP/1.1"), "{target}");
        assert!(!head.contains("secret") && !logged.contains("secret"), "{head} {logged}");
        assert!(head.contains("X-Two: 2\n"), "{head}");
    }
}
