use std::rc::Rc;

use super::*;
use crate::net::runtime::Driver;
use crate::net::tests::{Rig, on};
use crate::net::tls::Identity;
use crate::proxy::tests::{Scene, text};

/// One head in and one out. Lines that all have (ours at the end) are left out of most.
struct Case {
    config: &'static str,
    policies: &'static str,
    backend: &'static str,
    head: &'static str,
    expected: &'static str,
}

const PLAIN: Case = Case {
    config: "requestId: 'off'",
    policies: "",
    backend: "127.0.0.1:9",
    head: "",
    expected: "",
};

fn check(rig: &Rig, case: &Case) {
    let mut scene = Scene::simple(rig, case.config, case.policies, case.backend);
    let mut out = Buffer::with_capacity(1024);
    scene.ask(case.head);
    let exchange = std::mem::take(&mut scene.exchange);
    let changes = std::mem::take(&mut scene.changes);
    let routed = scene.routed();
    let new = Rewritten {
        changes: &changes,
        backend: &routed.route.backends[0],
        http2: false,
        tee: None,
    };
    encode(&mut out, &routed, &exchange, new);
    assert_eq!(text(&out), case.expected, "config {}, policies {}", case.config, case.policies);
}

fn check_all(cases: &'static [Case]) {
    on(Driver::Epoll, async move |rig| cases.iter().for_each(|case| check(&rig, case)));
}

#[test]
fn fields_of_one_hop_stay_behind_and_the_rest_passes_as_written() {
    check_all(&[
        Case {
            head: "GET /a?b=c HTTP/1.1\nhOsT: here:80\nAccept:  */* \nx-MiXed: Case\nCookie: a\n\
                   Cookie: b\n\n",
            expected: "GET /a?b=c HTTP/1.1\nhOsT: here:80\nAccept:  */* \nx-MiXed: Case\n\
                       Cookie: a\nCookie: b\nX-Forwarded-For: 192.0.2.7\n\
                       X-Forwarded-Proto: http\nX-Forwarded-Host: here:80\n\n",
            ..PLAIN
        },
        Case {
            head: "POST / HTTP/1.1\nHost: a\nConnection: keep-alive, X-Mine\nKeep-Alive: 5\n\
                   X-Mine: 1\nX-Yours: 2\nTE: trailers\nProxy-Connection: close\nContent-Length: 3\n\n",
            expected: "POST / HTTP/1.1\nHost: a\nX-Yours: 2\nContent-Length: 3\n\
                       X-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: http\n\
                       X-Forwarded-Host: a\n\n",
            ..PLAIN
        },
        Case {
            head: "PUT / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nExpect: 100-continue\n\n",
            expected: "PUT / HTTP/1.1\nHost: a\nExpect: 100-continue\nTransfer-Encoding: chunked\n\
                       X-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: http\n\
                       X-Forwarded-Host: a\n\n",
            ..PLAIN
        },
        Case {
            head: "GET /ws HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\n\
                   Sec-WebSocket-Key: k\n\n",
            expected: "GET /ws HTTP/1.1\nHost: a\nSec-WebSocket-Key: k\nConnection: upgrade\n\
                       Upgrade: websocket\nX-Forwarded-For: 192.0.2.7\n\
                       X-Forwarded-Proto: http\nX-Forwarded-Host: a\n\n",
            ..PLAIN
        },
    ]);
}

const CLAIMED: &str = "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\n\
                       x-forwarded-for: 3.3.3.3\nX-Forwarded-Proto: https\n\
                       X-Forwarded-Host: b\n\n";

#[test]
fn who_the_client_is_is_said_as_far_as_it_is_believed() {
    check_all(&[
        Case {
            head: CLAIMED,
            expected: "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 192.0.2.7\n\
                       X-Forwarded-Proto: http\nX-Forwarded-Host: a\n\n",
            ..PLAIN
        },
        Case {
            config: "mode: append, requestId: 'off'",
            head: CLAIMED,
            expected: "GET / HTTP/1.1\nHost: a\nX-Forwarded-Proto: https\nX-Forwarded-Host: b\n\
                       X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7\n\n",
            ..PLAIN
        },
        Case {
            config: "trustedHops: 2, requestId: 'off'",
            head: CLAIMED,
            expected: "GET / HTTP/1.1\nHost: a\nX-Forwarded-Proto: https\nX-Forwarded-Host: b\n\
                       X-Forwarded-For: 2.2.2.2, 3.3.3.3, 192.0.2.7\n\n",
            ..PLAIN
        },
        Case {
            config: "trustedHops: 9, requestId: 'off'",
            head: "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 1.1.1.1\n\n",
            expected: "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 1.1.1.1, 192.0.2.7\n\
                       X-Forwarded-Proto: http\nX-Forwarded-Host: a\n\n",
            ..PLAIN
        },
        Case {
            config: "mode: append, requestId: 'off'",
            head: "GET / HTTP/1.1\nHost: a\n\n",
            expected: "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 192.0.2.7\n\
                       X-Forwarded-Proto: http\nX-Forwarded-Host: a\n\n",
            ..PLAIN
        },
    ]);
}

#[test]
fn an_id_is_kept_or_made_or_left_alone() {
    const WITH: &str = "GET / HTTP/1.0\nX-Request-ID: theirs\n\n";
    const WITHOUT: &str = "GET / HTTP/1.0\n\n";
    const FORWARDED: &str = "X-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: http\n";
    // HTTP/1.1 has a Host, whatever HTTP/1.0 came with.
    const HOST: &str = "Host: 127.0.0.1:9\n";
    const OURS: &str = "X-Request-Id: ffffffffffffffffffffffffffffffff\n";
    on(Driver::Epoll, async |rig| {
        for (config, head, theirs, ours) in [
            ("requestId: keep", WITH, true, false),
            ("requestId: keep", WITHOUT, false, true),
            ("requestId: make", WITH, false, true),
            ("requestId: make", WITHOUT, false, true),
            ("requestId: 'off'", WITH, true, false),
            ("requestId: 'off'", WITHOUT, false, false),
        ] {
            let theirs = if theirs { "X-Request-ID: theirs\n" } else { "" };
            let ours = if ours { OURS } else { "" };
            let expected = format!("GET / HTTP/1.1\n{HOST}{theirs}{FORWARDED}{ours}\n");
            check(&rig, &Case { config, head, expected: expected.leak(), ..PLAIN });
        }
    });
}

#[test]
fn via_names_the_version_that_came() {
    const TAIL: &str = "X-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: http\n";
    on(Driver::Epoll, async |rig| {
        for (version, host, sent, forwarded, via) in [
            ("1.0", "", "Host: 127.0.0.1:9\n", "", "Via: 1.0 ringway\n"),
            ("1.1", "Host: a\n", "Host: a\n", "X-Forwarded-Host: a\n", "Via: 1.1 ringway\n"),
        ] {
            let head = format!("GET / HTTP/{version}\n{host}Via: 1.1 other\n\n");
            let expected =
                format!("GET / HTTP/1.1\n{sent}Via: 1.1 other\n{TAIL}{forwarded}{via}\n");
            check(
                &rig,
                &Case {
                    config: "requestId: 'off', via: true",
                    head: head.leak(),
                    expected: expected.leak(),
                    ..PLAIN
                },
            );
        }
    });
}

/// The first two lines of what is sent.
fn lines(rig: &Rig, policies: &str, backend: &str, head: &str) -> String {
    let mut scene = Scene::simple(rig, "requestId: 'off'", policies, backend);
    scene.ask(head);
    let exchange = std::mem::take(&mut scene.exchange);
    let changes = std::mem::take(&mut scene.changes);
    let routed = scene.routed();
    let mut out = Buffer::with_capacity(1024);
    encode(
        &mut out,
        &routed,
        &exchange,
        Rewritten {
            changes: &changes,
            backend: &routed.route.backends[0],
            http2: false,
            tee: None,
        },
    );
    let text = text(&out);
    assert_eq!(text.matches("\nHost:").count(), 1, "one Host in {text}");
    text.lines().take(2).collect::<Vec<_>>().join(" | ")
}

#[test]
fn the_target_is_in_origin_form_and_the_host_is_the_right_one() {
    const ADDRESS: &str = "127.0.0.1:9";
    const NAME: &str = "known.test:9";
    const REWRITE: &str = "urlRewrite: {authority: {full: 'new.test'}, path: {full: '/new'}}";
    const KEEP: &str = "urlRewrite: {authority: none}";
    const PREFIX: &str = "urlRewrite: {path: {prefix: '/v2'}}";
    on(Driver::Epoll, async |rig| {
        for (policies, backend, target, expected) in [
            ("", ADDRESS, "/a", "GET /a HTTP/1.1 | Host: a.test"),
            ("", ADDRESS, "http://b.test/a?q", "GET /a?q HTTP/1.1 | Host: b.test"),
            ("", ADDRESS, "http://b.test", "GET / HTTP/1.1 | Host: b.test"),
            ("", ADDRESS, "http://b.test?q", "GET /?q HTTP/1.1 | Host: b.test"),
            ("", ADDRESS, "/a/./b/../c?q", "GET /a/c?q HTTP/1.1 | Host: a.test"),
            ("", ADDRESS, "/%61?%61", "GET /a?%61 HTTP/1.1 | Host: a.test"),
            // A backend that is known by a name is asked for by it.
            ("", NAME, "/a", "GET /a HTTP/1.1 | Host: known.test:9"),
            ("", NAME, "http://b.test/a", "GET /a HTTP/1.1 | Host: known.test:9"),
            (KEEP, NAME, "/a", "GET /a HTTP/1.1 | Host: a.test"),
            (REWRITE, NAME, "/a?q", "GET /new?q HTTP/1.1 | Host: new.test"),
            (REWRITE, ADDRESS, "http://b.test/a", "GET /new HTTP/1.1 | Host: new.test"),
            (PREFIX, ADDRESS, "/a", "GET /v2/a HTTP/1.1 | Host: a.test"),
        ] {
            let head = format!("GET {target} HTTP/1.1\nHost: a.test\n\n");
            let got = lines(&rig, policies, backend, &head);
            assert_eq!(got, expected, "{target}, {policies}, {backend}");
        }
        let all = lines(&rig, "", ADDRESS, "OPTIONS * HTTP/1.1\nHost: a.test\n\n");
        assert_eq!(all, "OPTIONS * HTTP/1.1 | Host: a.test");
        // An absolute-form without a path asks for the server too: RFC 9112 section 3.2.4.
        for (target, path) in
            [("http://b.test:80", "*"), ("http://b.test:80/", "/"), ("http://b.test:80?q", "/?q")]
        {
            let head = format!("OPTIONS {target} HTTP/1.1\nHost: a.test\n\n");
            let got = lines(&rig, "", ADDRESS, &head);
            assert_eq!(got, format!("OPTIONS {path} HTTP/1.1 | Host: b.test:80"), "{target}");
        }
    });
}

#[test]
fn whoever_forwards_an_options_has_used_one_of_its_forwards() {
    const OURS: &str = "X-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: http\n\
                        X-Forwarded-Host: a\n";
    on(Driver::Epoll, async |rig| {
        for (method, written, before, after) in [
            ("OPTIONS", "Max-Forwards: 7\nmax-forwards: 9\n", "", "Max-Forwards: 6\n"),
            ("TRACE", "Max-Forwards: 1\n", "", "Max-Forwards: 0\n"),
            ("OPTIONS", "Max-Forwards: x\n", "Max-Forwards: x\n", ""),
            ("GET", "Max-Forwards: 7\n", "Max-Forwards: 7\n", ""),
        ] {
            let head = format!("{method} /a HTTP/1.1\nHost: a\n{written}X: y\n\n");
            let expected = format!("{method} /a HTTP/1.1\nHost: a\n{before}X: y\n{after}{OURS}\n");
            check(&rig, &Case { head: head.leak(), expected: expected.leak(), ..PLAIN });
        }
    });
}

#[test]
fn edits_of_the_route_are_made() {
    check_all(&[Case {
        policies: "requestHeaderModifier: {set: {X-Set: new}, add: {X-Add: more}, remove: [X-Gone]}",
        head: "GET / HTTP/1.1\nHost: a\nx-set: old\nX-SET: older\nX-Add: one\nx-gone: 1\n\n",
        expected: "GET / HTTP/1.1\nHost: a\nX-Add: one\nX-Forwarded-For: 192.0.2.7\n\
                   X-Forwarded-Proto: http\nX-Forwarded-Host: a\nX-Add: more\nX-Set: new\n\n",
        ..PLAIN
    }]);
}

#[test]
fn nobody_but_us_says_whose_certificate_it_is() {
    const SAID: &str = "GET / HTTP/1.1\nHost: a\nX-Forwarded-Client-Cert: Hash=1\n\
                        x-forwarded-CLIENT-cert: Hash=2\n\n";
    const OURS: &str = "\nX-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: http\n\
                        X-Forwarded-Host: a\n";
    on(Driver::Epoll, async |rig| {
        let heads = |config: &str, policies: &str, identity: Option<Identity>| {
            let mut scene = Scene::simple(&rig, config, policies, "127.0.0.1:9");
            scene.connection.carrier.identity = identity.map(Rc::new);
            let mut out = Buffer::with_capacity(1024);
            scene.ask(SAID);
            let exchange = std::mem::take(&mut scene.exchange);
            let changes = std::mem::take(&mut scene.changes);
            let routed = scene.routed();
            let backend = &routed.route.backends[0];
            encode(
                &mut out,
                &routed,
                &exchange,
                Rewritten { changes: &changes, backend, http2: false, tee: None },
            );
            text(&out)
        };
        let alice = Identity {
            subject: "CN=alice".into(),
            fingerprint: "00".into(),
            uris: vec!["spiffe://a/b".into()],
            ..Identity::default()
        };
        let on = "requestId: 'off', clientCertificate: true";
        let first = "GET / HTTP/1.1\nHost: a";
        assert_eq!(heads(on, "", None), format!("{first}{OURS}\n"));
        let line = "X-Forwarded-Client-Cert: Hash=00;Subject=\"CN=alice\";URI=spiffe://a/b\n";
        assert_eq!(heads(on, "", Some(alice.clone())), format!("{first}{OURS}{line}\n"));
        let off = heads("requestId: 'off'", "", Some(alice.clone()));
        assert!(off.contains("Hash=1") && off.contains("Hash=2") && !off.contains("alice"));
        let removed = "requestHeaderModifier: {remove: [x-forwarded-client-cert]}";
        assert_eq!(heads(on, removed, Some(alice)), format!("{first}{OURS}\n"));
    });
}
