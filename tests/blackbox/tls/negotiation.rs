//! What a handshake settles: version, cipher suite, protocol, and whether a session is resumed.

use rustls::{ALL_VERSIONS, CipherSuite, ProtocolVersion};
use serde_json::{Value, json};

use super::{Bench, get, saying};
use crate::harness::tls::{Caller, ONLY_12, ONLY_13, Offer, Shown, Versions, settled};
use crate::harness::tool::{run, tool};
use crate::harness::*;

matrix! {
    versions,
    sessions_are_resumed_by_any_worker,
    curl_settles_the_version_of_http,
}

drivers! {
    cipher_suites,
    keys_of_rsa,
    protocols,
    groups,
}

fn versions(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let v12 = Some(ProtocolVersion::TLSv1_2);
    let v13 = Some(ProtocolVersion::TLSv1_3);
    let both: [(Versions, _); 3] = [(ONLY_12, v12), (ONLY_13, v13), (ALL_VERSIONS, v13)];
    let old: [(Versions, _); 3] = [(ONLY_12, v12), (ONLY_13, None), (ALL_VERSIONS, v12)];
    let new: [(Versions, _); 3] = [(ONLY_12, None), (ONLY_13, v13), (ALL_VERSIONS, v13)];
    for (written, expected) in [
        (json!({}), both),
        (json!({ "maxTLSVersion": "TLS_V1_2" }), old),
        (json!({ "minTLSVersion": "TLS_V1_3" }), new),
    ] {
        let proxy = cell.start(&bench.only(&origin, written.clone()));
        for (versions, expected) in expected {
            let offer = Offer { versions, ..Offer::default() };
            let caller = Caller::offering(&bench.ours, &offer);
            let Some(version) = expected else {
                let refusal = caller.refusal(proxy.address(), "test").to_lowercase();
                assert!(refusal.contains("version"), "{written}: {refusal}");
                let reason = [("reason", "no_shared_version")];
                proxy.await_metric("ringway_tls_handshake_failures_total", &reason, 1.0);
                continue;
            };
            let mut client = caller.must(proxy.address(), "test");
            assert_eq!(settled(&client).version, version, "{written}");
            assert_eq!(client.ask(&get("test")).body(), "hello");
        }
    }
}

/// On either side of the proxy, full and resumed.
fn keys_of_rsa(cell: Cell) {
    let bench = Bench::new();
    let shown = Shown::new(&bench.ours.issue_rsa(&["origin.test"]));
    let origin = Origin::http1().route("/", "hello").tls(&shown).start();
    let root = bench.files.text("root.pem", bench.ours.pem());
    let upstream = json!({ "backendTLS": { "root": root, "hostname": "origin.test" } });
    let listener = json!({
        "name": "rsa", "protocol": "HTTPS",
        "tls": bench.files.put("test", &bench.ours.issue_rsa(&["test"])),
        "routes": [{ "backends": [{ "host": origin.host(), "policies": upstream }] }],
    });
    let proxy = cell.start(&config().listener(listener));
    let rsa_12 = CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
    let rsa_13 = CipherSuite::TLS13_AES_128_GCM_SHA256;
    for (versions, suite) in [(ONLY_12, rsa_12), (ONLY_13, rsa_13)] {
        let offer = Offer { versions, suite: Some(suite), ..Offer::default() };
        let caller = Caller::offering(&bench.ours, &offer);
        for resumed in [false, true] {
            let mut client = caller.must(proxy.address(), "test");
            assert_eq!((settled(&client).suite, settled(&client).resumed), (suite, resumed));
            assert_eq!(client.ask(&get("test")).body(), "hello");
        }
    }
    // It has nothing to show to who wants a key of ECDSA.
    let ecdsa = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    let offer = Offer { versions: ONLY_12, suite: Some(ecdsa), ..Offer::default() };
    Caller::offering(&bench.ours, &offer).refusal(proxy.address(), "test");
}

fn cipher_suites(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let aes_12 = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    let aes_13 = CipherSuite::TLS13_AES_128_GCM_SHA256;
    let cha_13 = CipherSuite::TLS13_CHACHA20_POLY1305_SHA256;
    let names = ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"];
    let proxy = cell.start(&bench.only(&origin, json!({ "cipherSuites": names })));
    for (suite, versions, is_served) in [
        (aes_12, ONLY_12, true),
        (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, ONLY_12, false),
        (cha_13, ONLY_13, true),
        (aes_13, ONLY_13, false),
    ] {
        let offer = Offer { versions, suite: Some(suite), ..Offer::default() };
        let caller = Caller::offering(&bench.ours, &offer);
        if !is_served {
            caller.refusal(proxy.address(), "test");
            continue;
        }
        let mut client = caller.must(proxy.address(), "test");
        assert_eq!(settled(&client).suite, suite);
        assert_eq!(client.ask(&get("test")).body(), "hello");
    }
    let reason = [("reason", "no_shared_cipher")];
    proxy.await_metric("ringway_tls_handshake_failures_total", &reason, 2.0);
    // The order of the list is the server's preference.
    let names = ["TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"];
    for (names, expected) in [([names[0], names[1]], aes_13), ([names[1], names[0]], cha_13)] {
        let more = json!({ "cipherSuites": names, "minTLSVersion": "TLS_V1_3" });
        let proxy = cell.start(&bench.only(&origin, more));
        let client = bench.caller().must(proxy.address(), "test");
        assert_eq!(settled(&client).suite, expected);
    }
}

fn protocols(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let both: Value = json!(["h2", "http/1.1"]);
    for (written, offered, expected) in [
        (&both, &["http/1.1"][..], Some(Some("http/1.1"))),
        (&both, &["h2", "http/1.1"], Some(Some("h2"))),
        (&both, &["http/1.1", "h2"], Some(Some("h2"))),
        (&both, &["spdy/3", "http/1.1"], Some(Some("http/1.1"))),
        (&both, &[], Some(None)),
        (&both, &["spdy/3"], None),
        (&json!(["http/1.1"]), &["h2", "http/1.1"], Some(Some("http/1.1"))),
        (&json!(["h2"]), &["http/1.1"], None),
    ] {
        let frontend = json!({ "tls": { "alpn": written } });
        let proxy = cell.start(&bench.only(&origin, json!({})).frontend(frontend));
        let offer = Offer { alpn: offered, ..Offer::default() };
        let caller = Caller::offering(&bench.ours, &offer);
        let Some(expected) = expected else {
            let refusal = caller.refusal(proxy.address(), "test").to_lowercase();
            assert!(refusal.contains("protocol"), "{refusal}");
            let reason = [("reason", "no_shared_protocol")];
            proxy.await_metric("ringway_tls_handshake_failures_total", &reason, 1.0);
            continue;
        };
        let mut client = caller.must(proxy.address(), "test");
        assert_eq!(settled(&client).alpn.as_deref(), expected, "{written} {offered:?}");
        if expected != Some("h2") {
            assert_eq!(client.ask(&get("test")).body(), "hello");
        }
    }
}

fn groups(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let more = json!({ "keyExchangeGroups": ["P-384"] });
    let proxy = cell.start(&bench.only(&origin, more));
    // The client guesses another one, and is asked to try again: RFC 8446 section 4.1.4.
    for _ in 0..3 {
        let mut client = bench.caller().must(proxy.address(), "test");
        assert_eq!(client.ask(&get("test")).body(), "hello");
    }
}

fn sessions_are_resumed_by_any_worker(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let config = bench.only(&origin, json!({}));
    let proxy = cell.start(&config);
    for versions in [ONLY_12, ONLY_13] {
        let offer = Offer { versions, ..Offer::default() };
        let caller = Caller::offering(&bench.ours, &offer);
        // Where a connection lands is a matter of its port.
        for round in 0..24 {
            let mut client = caller.must(proxy.address(), "test");
            assert_eq!(settled(&client).resumed, round > 0, "{versions:?}, {round}");
            assert_eq!(client.ask(&get("test")).body(), "hello");
        }
        let mut client = caller.anew().must(proxy.address(), "test");
        assert!(!settled(&client).resumed);
        assert_eq!(client.ask(&get("test")).body(), "hello");
    }
    proxy.await_metric("ringway_tls_resumed_handshakes_total", &[], 46.0);
    proxy.await_metric("agentgateway_tls_handshake_duration_seconds_count", &[], 50.0);
    // A reload does not forget.
    let caller = bench.caller();
    caller.must(proxy.address(), "test").ask(&get("test"));
    proxy.reload(&config.limits(json!({ "headBytes": "8KiB" })));
    let client = caller.must(proxy.address(), "test");
    assert!(settled(&client).resumed);
}

fn curl_settles_the_version_of_http(cell: Cell) {
    let bench = Bench::new();
    let echo = Origin::http1()
        .route("/", "hello")
        .on("/echo", |request, visit| visit.reply(&origin::ok(&*request.body)))
        .start();
    let proxy = cell.start(&bench.only(&echo, json!({})));
    let root = bench.files.text("root.pem", bench.ours.pem());
    let port = proxy.address().port();
    let big = "0123456789abcdef".repeat(200_000);
    for (version, path, input, expected) in [
        ("--http1.1", "/", "", "1.1 hello"),
        ("--http2", "/", "", "2 hello"),
        ("--http2-prior-knowledge", "/", "", "2 hello"),
        ("--http1.1", "/echo", big.as_str(), &format!("1.1 {big}")),
        ("--http2", "/echo", big.as_str(), &format!("2 {big}")),
    ] {
        let Some(mut curl) = tool("curl") else { return };
        curl.args(["--silent", "--show-error", "--max-time", "20", version, "--cacert"]);
        curl.arg(&root).args(["--resolve", &format!("test:{port}:127.0.0.1")]);
        if !input.is_empty() {
            curl.args(["-T", "-"]);
        }
        curl.args(["--write-out", "%{stderr}%{http_version} "]);
        curl.arg(format!("https://test:{port}{path}"));
        let output = run(&mut curl, input.as_bytes());
        let text = [output.stderr, output.stdout].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(text == expected, "{version} {path}: {}", &text[..text.len().min(300)]);
    }
}
