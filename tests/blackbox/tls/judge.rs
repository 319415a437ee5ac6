//! testssl.sh, which knows what was broken in other people's TLS.

use serde_json::{Value, json};

use super::{Bench, https, is_well, saying};
use crate::harness::tool::{run, tool};
use crate::harness::*;

cells! { (testssl_finds_nothing) uring_1 }

/// What it checks. Left out: what browsers of the past would settle for, and headers, which are
/// the origin's.
const CHECKS: [&str; 6] = [
    "--protocols",
    "--standard",
    "--fs",
    "--server-preference",
    "--server-defaults",
    "--vulnerable",
];

/// Findings that a certificate of a private authority cannot be without, or that are no findings.
const EXPECTED: [&str; 2] = [
    // The authority of a test publishes no list of what it revoked, and answers no OCSP.
    "cert_revocation",
    // Of the openssl that testssl calls, not of the proxy.
    "engine_problem",
];

fn testssl_finds_nothing(cell: Cell) {
    let Some(mut testssl) = tool("testssl") else { return };
    let bench = Bench::new();
    let origin = saying("hello");
    let mut tls = bench.files.put("test", &bench.ours.issue_for_90_days(&["test"]));
    // An order of one's own, which it asks for. Without a list the client's holds.
    tls["cipherSuites"] = json!([
        "TLS_AES_256_GCM_SHA384",
        "TLS_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ]);
    let proxy = cell.start(&config().listener(https(None, tls, &origin)));
    let root = bench.files.text("root.pem", bench.ours.pem());
    let report = bench.files.text("report.json", "");
    // No name is looked up, and nobody else is asked.
    testssl.args(["--nodns", "none", "--ip", "127.0.0.1", "--warnings", "off", "--color", "0"]);
    testssl.arg("--add-ca").arg(&root).arg("--jsonfile").arg(&report).args(CHECKS);
    testssl.arg(format!("https://test:{}/", proxy.address().port()));
    let of = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let mut look = || {
        std::fs::remove_file(&report).unwrap();
        let output = run(&mut testssl, b"");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let found: Vec<Value> = serde_json::from_str(&scratch::read(&report))
            .unwrap_or_else(|error| panic!("{error}; testssl says: {text}"));
        (found, text)
    };
    // It waits for some of its connections by the clock: on a busy machine it gives up, and says so.
    let gave_up = |found: &[Value]| {
        found.iter().any(|finding| of(finding, "finding").contains("connect problem"))
    };
    let (mut found, mut text) = look();
    for _ in 0..2 {
        if gave_up(&found) {
            (found, text) = look();
        }
    }
    // It came to the end of each check.
    for id in ["TLS1_3", "cipherlist_STRONG", "cipher_order", "cert_trust", "RC4"] {
        assert!(found.iter().any(|finding| of(finding, "id").starts_with(id)), "{id}: {text}");
    }
    let is_bad = |finding: &&Value| {
        let is_fine = ["OK", "INFO", "LOW"].contains(&&*of(finding, "severity"));
        !is_fine && !EXPECTED.contains(&&*of(finding, "id"))
    };
    let bad: Vec<_> = found.iter().filter(is_bad).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    is_well(&proxy, &bench.caller());
}
