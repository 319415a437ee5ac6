use std::sync::Arc;

use crate::net::tls::tests::{OURS, THEIRS};
use crate::snapshot::Snapshot;
use crate::snapshot::compile::tests::Desk;
use crate::upstream::Cluster;
use crate::upstream::cluster::Wish;

fn desk() -> Desk {
    let mut desk = Desk::new();
    let own = OURS.issue(&["client.test"]);
    desk.files.insert("own.pem".into(), own.chain);
    desk.files.insert("own.key".into(), own.key);
    desk.files.insert("ca.pem".into(), OURS.pem().into());
    desk
}

/// One route with one backend.
fn one(route: &str, backend: &str) -> String {
    format!(
        "binds: [{{port: 1, listeners: [{{routes: [{{name: r, policies: {route}, backends: \
         [{backend}]}}]}}]}}]\n"
    )
}

fn named(policies: &str) -> String {
    format!("backends: [{{name: n, host: 'known.test:1', policies: {policies}}}]\n")
}

fn first(snapshot: &Snapshot) -> &Cluster {
    &snapshot.clusters[0]
}

/// What a cluster does in TLS, in a line.
fn short(cluster: &Cluster) -> String {
    let names: Vec<_> = cluster
        .endpoints
        .iter()
        .filter_map(|endpoint| endpoint.server_name.as_ref().map(|name| name.to_str().into_owned()))
        .collect();
    let http = cluster.settings.http;
    let Some(tls) = &cluster.settings.tls else { return format!("plain {http:?}") };
    let alpn = tls.settings.alpn.iter().map(|name| String::from_utf8_lossy(name).into_owned());
    let alpn = alpn.collect::<Vec<_>>().join(",");
    format!("{} {alpn} {http:?} {:?}", names.join(","), tls.settings.verification)
}

fn check(yaml: &str, expected: &str) {
    let snapshot = desk().compile(yaml, None);
    assert_eq!(short(first(&snapshot)), expected, "{yaml}");
}

fn check_wrong(yaml: &str, expected: &str) {
    let wrong = desk().try_compile(yaml, None).map(drop).unwrap_err();
    assert_eq!(wrong, expected, "{yaml}");
}

#[test]
fn the_nearest_policy_counts_as_a_whole() {
    let tls = |name: &str| format!("{{backendTLS: {{hostname: {name}.test, root: ca.pem}}}}");
    let to_named = |policies: &str| format!("{{backend: n, policies: {policies}}}");
    for (route, backend, named_has, expected) in [
        (tls("r"), to_named(&tls("b")), tls("n"), "b.test"),
        (tls("r"), to_named("{}"), tls("n"), "n.test"),
        (tls("r"), to_named("{}"), "{}".into(), "r.test"),
        ("{}".into(), to_named("{}"), tls("n"), "n.test"),
        // Not even a hostname is taken from the one behind it.
        (tls("r"), to_named("{backendTLS: {root: ca.pem}}"), tls("n"), "known.test"),
    ] {
        let yaml = one(&route, &backend) + &named(&named_has);
        check(&yaml, &format!("{expected} h2,http/1.1 Auto Host"));
    }
    let plain = one("{}", &to_named("{}")) + &named("{}");
    check(&plain, "plain Auto");
    let versions = one("{}", &to_named("{http: {requestTimeout: 1s}}"))
        + &named("{http: {version: HTTP/2.0}}");
    check(&versions, "plain Auto");
    let versions = one("{}", &to_named("{}")) + &named("{http: {version: HTTP/2.0}}");
    check(&versions, "plain Http2");
}

#[test]
fn what_is_offered_and_verified() {
    let to = |host: &str, policies: &str| {
        one("{}", &format!("{{host: '{host}', policies: {{{policies}}}}}"))
    };
    for (host, expected) in [
        ("known.test:1", "known.test"),
        ("192.0.2.7:1", "192.0.2.7"),
        ("[2001:db8::7]:1", "2001:db8::7"),
        ("unix:/run/a.sock", "127.0.0.1"),
    ] {
        let yaml = to(host, "backendTLS: {insecure: true}");
        check(&yaml, &format!("{expected} h2,http/1.1 Auto Nothing"));
    }
    for (tls, expected) in [
        ("root: ca.pem", "Host"),
        ("root: ca.pem, insecureHost: true", "Chain"),
        ("root: ca.pem, subjectAltNames: ['spiffe://a/b']", "Names([Uri(\"spiffe://a/b\")])"),
    ] {
        let yaml = to("known.test:1", &format!("backendTLS: {{{tls}}}"));
        check(&yaml, &format!("known.test h2,http/1.1 Auto {expected}"));
    }
    for (alpn, version, expected) in [
        ("", "http: {version: HTTP/1.1}", "http/1.1 Http11"),
        ("", "http: {version: HTTP/2.0}", "h2 Http2"),
        (", alpn: [http/1.1]", "http: {}", "http/1.1 Auto"),
        (", alpn: [http/1.1, h2]", "http: {}", "http/1.1,h2 Auto"),
        (", alpn: []", "http: {}", " Auto"),
        (", alpn: [h2]", "http: {}", "h2 Http2"),
        (", alpn: [http/1.1, h2]", "http: {version: HTTP/2.0}", "h2 Http2"),
    ] {
        let yaml = to("known.test:1", &format!("backendTLS: {{insecure: true{alpn}}}, {version}"));
        check(&yaml, &format!("known.test {expected} Nothing"));
    }
}

#[test]
fn what_cannot_be_is_told_with_its_place() {
    let tls = |tls: &str| format!("{{host: 'known.test:1', policies: {{backendTLS: {tls}}}}}");
    check_wrong(
        &one("{}", &tls("{root: none.pem, cert: own.pem, key: ca.pem}")),
        "test.yaml:1:129: binds[0].listeners[0].routes[0].backends[0].policies.backendTLS.root: \
         cannot read none.pem: no such file\ntest.yaml:1:159: \
         binds[0].listeners[0].routes[0].backends[0].policies.backendTLS.key: ca.pem: there is no \
         private key in it (PKCS#8, PKCS#1 or SEC1)",
    );
    check_wrong(
        &one("{}", &tls("{root: ca.pem, alpn: [spdy/3]}")),
        "route `default/r`: backendTLS: alpn: `spdy/3` is neither h2 nor http/1.1",
    );
    let route = "{backendTLS: {root: ca.pem, alpn: [h2]}}";
    check_wrong(
        &one(route, "{host: 'known.test:1', policies: {http: {version: HTTP/1.1}}}"),
        "route `default/r`: backendTLS: alpn has not the protocol that http.version wants",
    );
    let two = "{backend: n}, {backend: n, weight: 2, policies: {tcp: {connectTimeout: 1s}}}";
    for (target, expected) in [
        ("builtin: origin", "the built-in origin speaks no TLS"),
        ("host: 'unix:/a'", "it needs `hostname`: a Unix socket has none of its own"),
    ] {
        let yaml = one(route, two) + &format!("backends: [{{name: n, {target}}}]\n");
        check_wrong(&yaml, &format!("route `default/r`: backendTLS: {expected}"));
    }
}

#[test]
fn equal_settings_share_their_sessions_and_keep_them_over_reloads() {
    let yaml = |root: &str| {
        let backend = |port: u16| {
            format!("{{host: 'known.test:{port}', policies: {{backendTLS: {{root: {root}}}}}}}")
        };
        one("{}", &[backend(1), backend(2)].join(", "))
    };
    let mut desk = desk();
    let first = desk.compile(&yaml("ca.pem"), None);
    let config = |snapshot: &Snapshot, index: usize| {
        let tls = snapshot.clusters[index].settings.tls.as_ref();
        Arc::clone(tls.expect("it has TLS").config(Wish::Either))
    };
    assert!(Arc::ptr_eq(&config(&first, 0), &config(&first, 1)));
    // The file has another name now, and holds the same.
    desk.files.insert("new.pem".into(), OURS.pem().into());
    let second = desk.compile(&yaml("new.pem"), Some(&first));
    assert!(Arc::ptr_eq(&first.clusters[0], &second.clusters[0]));
    let other = THEIRS.pem();
    desk.files.insert("new.pem".into(), other.into());
    let third = desk.compile(&yaml("new.pem"), Some(&second));
    assert!(!Arc::ptr_eq(&second.clusters[0], &third.clusters[0]));
    assert!(!Arc::ptr_eq(&config(&second, 0), &config(&third, 0)));
}

#[test]
fn what_a_connection_is_opened_with_tells_clusters_apart() {
    let same = "host: 'known.test:1'";
    let policies = [
        "{}",
        "{backendTLS: {insecure: true}}",
        "{backendTLS: {insecure: true, hostname: a.test}}",
        "{http: {version: HTTP/2.0}}",
        "{http: {version: HTTP/2.0}}",
    ];
    let backends = policies.map(|policies| format!("{{{same}, policies: {policies}}}"));
    let snapshot = desk().compile(&one("{}", &backends.join(", ")), None);
    assert_eq!(snapshot.clusters.len(), 4, "the last two are one");
    let again = desk().compile(&one("{}", &backends.join(", ")), Some(&snapshot));
    let kept =
        snapshot.clusters.iter().zip(&again.clusters).map(|(old, new)| Arc::ptr_eq(old, new));
    // Labels are those of another desk: equal all the same.
    assert!(kept.clone().all(|kept| kept), "{:?}", kept.collect::<Vec<_>>());
}

#[test]
fn what_each_connection_offers() {
    use Wish::{Either, Http1, Http2};
    let offers = |policies: &str| {
        let yaml = one("{}", &format!("{{host: 'known.test:1', policies: {{{policies}}}}}"));
        let snapshot = desk().compile(&yaml, None);
        let settings = &first(&snapshot).settings;
        let tls = settings.tls.as_ref().unwrap();
        let names = |wish| {
            let names = &tls.config(wish).alpn_protocols;
            names.iter().map(|name| String::from_utf8_lossy(name)).collect::<Vec<_>>().join(",")
        };
        let all = [Http1, Http2, Either].map(names);
        let wish = |is_upgrade, is_grpc| settings.wish(is_upgrade, || is_grpc);
        (all.join(" "), [wish(false, false), wish(true, false), wish(false, true)])
    };
    let both = "http/1.1 h2 h2,http/1.1".to_owned();
    for (policies, expected) in [
        ("backendTLS: {insecure: true}", (both.clone(), [Either, Http1, Http2])),
        (
            "backendTLS: {insecure: true, alpn: [http/1.1, h2]}",
            ("http/1.1 h2 http/1.1,h2".to_owned(), [Either, Http1, Http2]),
        ),
        (
            "backendTLS: {insecure: true, alpn: [http/1.1]}",
            ("http/1.1 h2 http/1.1".to_owned(), [Http1, Http1, Http2]),
        ),
        (
            "backendTLS: {insecure: true}, http: {version: HTTP/1.1}",
            ("http/1.1 h2 http/1.1".to_owned(), [Http1; 3]),
        ),
        (
            "backendTLS: {insecure: true}, http: {version: HTTP/2.0}",
            ("http/1.1 h2 h2".to_owned(), [Http2; 3]),
        ),
        ("backendTLS: {insecure: true}, tcp: {proxyProtocol: v1}", (both, [Http1; 3])),
    ] {
        assert_eq!(offers(policies), expected, "{policies}");
    }
}
