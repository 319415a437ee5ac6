//! Certificates that change on disk while clients come and go.

use serde_json::json;

use super::{Bench, get, saying};
use crate::harness::load::{Habit, Load};
use crate::harness::tls::settled;
use crate::harness::*;

matrix! {
    a_certificate_is_renewed_under_load,
    a_certificate_is_renewed_under_http2,
    a_broken_one_leaves_the_old_one,
}

const CROWD: [Habit; 4] = [Habit::Churn, Habit::Churn, Habit::KeepAlive, Habit::Churn];

fn a_certificate_is_renewed_under_load(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let proxy = cell.start(&bench.only(&origin, json!({})));
    // Full handshakes, for a session that is resumed shows what it began with.
    let fresh = || bench.caller().must(proxy.address(), "test");
    let load = Load::start_tls(proxy.address(), &bench.caller(), "hello", &CROWD);
    load.wait_for(20);
    let mut kept = fresh();
    assert_eq!(kept.ask(&get("test")).body(), "hello");
    for _ in 0..3 {
        let next = bench.ours.issue(&["test"]);
        bench.files.put("test", &next);
        wait::until("the new one is shown", || settled(&fresh()).shown == next.der());
        load.wait_for(20);
    }
    // A connection outlives the certificate that it began with.
    assert_eq!(kept.ask(&get("test")).body(), "hello");
    load.stop();
    assert_eq!(proxy.metrics().sum("ringway_tls_handshake_failures_total", &[]), 0.0);
}

/// The same, with connections of many streams: those that began with the old one go on.
fn a_certificate_is_renewed_under_http2(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let proxy = cell.start(&bench.only(&origin, json!({})));
    let fresh = || bench.caller().must(proxy.address(), "test");
    let load = Load::start_h2(proxy.address(), &bench.http2_caller(), "hello", &CROWD);
    load.wait_for(80);
    for _ in 0..3 {
        let next = bench.ours.issue(&["test"]);
        bench.files.put("test", &next);
        wait::until("the new one is shown", || settled(&fresh()).shown == next.der());
        load.wait_for(80);
    }
    load.stop();
    assert_eq!(proxy.metrics().sum("ringway_tls_handshake_failures_total", &[]), 0.0);
    assert_eq!(proxy.metrics().sum("ringway_http2_connection_errors_total", &[]), 0.0);
}

fn a_broken_one_leaves_the_old_one(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let old = bench.ours.issue(&["test"]);
    let tls = bench.files.put("test", &old);
    let proxy = cell.start(&config().listener(super::https(None, tls, &origin)));
    let fresh = || bench.caller().must(proxy.address(), "test");
    let load = Load::start_tls(proxy.address(), &bench.caller(), "hello", &CROWD);
    load.wait_for(10);
    let rejected = || proxy.metrics().sum("ringway_config_reloads_total", &[("result", "refused")]);
    let stranger = bench.ours.issue(&["test"]);
    // No certificate; nothing; one whose key is another's.
    for broken in ["-----BEGIN CERTIFICATE-----\nAAAA\n", "", &stranger.chain] {
        let before = rejected();
        bench.files.text("test.pem", broken);
        wait::until("it is read and refused", || rejected() > before);
        assert_eq!(settled(&fresh()).shown, old.der());
        load.wait_for(10);
    }
    bench.files.put("test", &stranger);
    wait::until("the repaired one is shown", || settled(&fresh()).shown == stranger.der());
    load.wait_for(10);
    load.stop();
}
