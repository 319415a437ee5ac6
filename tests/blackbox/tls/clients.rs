//! Clients that show certificates, or have to.

use std::net::SocketAddr;

use serde_json::json;

use super::{Bench, get, https, is_well, saying};
use crate::harness::tls::{Authority, Caller, Issued, ONLY_12, ONLY_13, Offer, settled};
use crate::harness::*;

matrix! {
    a_certificate_is_required,
    a_certificate_may_be_optional,
    a_ticket_does_not_get_past_another_policy,
}

drivers! {
    one_listener_asks_and_the_other_does_not,
}

/// What clients come with: served or not where one is required, where it is optional, and why not.
fn cases(bench: &Bench) -> [(Option<Issued>, bool, bool, &'static str); 4] {
    let theirs = Authority::new("theirs");
    [
        (Some(bench.ours.issue(&["client"])), true, true, ""),
        (None, false, true, "certificate_missing"),
        (Some(theirs.issue(&["client"])), false, false, "certificate_unknown_issuer"),
        (Some(bench.ours.issue_expired(&["client"])), false, false, "certificate_expired"),
    ]
}

fn a_certificate_is_required(cell: Cell) {
    certificates(cell, "required");
}

fn a_certificate_may_be_optional(cell: Cell) {
    certificates(cell, "optional");
}

fn certificates(cell: Cell, demand: &str) {
    let bench = Bench::new();
    let origin = saying("hello");
    let root = bench.files.text("clients.pem", bench.ours.pem());
    let more = json!({ "root": root, "clientCertificate": demand });
    let proxy = cell.start(&bench.only(&origin, more));
    let cases = cases(&bench);
    for versions in [ONLY_12, ONLY_13] {
        let offer = Offer { versions, ..Offer::default() };
        for (shown, by_required, by_optional, _) in &cases {
            let caller = Caller::with(&bench.ours, &offer, shown.as_ref());
            let is_served = if demand == "required" { by_required } else { by_optional };
            if !is_served {
                caller.refusal(proxy.address(), "test");
                continue;
            }
            // The second connection is resumed, and keeps what was verified.
            for resumed in [false, true] {
                let mut client = caller.must(proxy.address(), "test");
                assert_eq!(settled(&client).resumed, resumed, "{demand}");
                assert_eq!(client.ask(&get("test")).body(), "hello");
            }
        }
    }
    for (_, by_required, by_optional, reason) in &cases {
        let is_served = if demand == "required" { by_required } else { by_optional };
        if !is_served {
            let reason = [("reason", *reason)];
            proxy.await_metric("ringway_tls_handshake_failures_total", &reason, 2.0);
        }
    }
    let good = cases[0].0.as_ref().unwrap();
    is_well(&proxy, &Caller::showing(&bench.ours, good));
}

/// The bug of nginx that is CVE-2025-23419.
fn a_ticket_does_not_get_past_another_policy(cell: Cell) {
    let bench = Bench::new();
    let theirs = Authority::new("theirs");
    let origin = saying("hello");
    let root = |name: &str, authority: &Authority| json!({ "root": bench.files.text(name, authority.pem()) });
    let (a, b) = (root("ours.pem", &bench.ours), root("theirs.pem", &theirs));
    let bind = |more| {
        let listener = https(None, bench.tls(&["test"], more), &origin);
        json!({ "port": 0, "address": "127.0.0.1", "listeners": [listener] })
    };
    let open = https(None, bench.tls(&["test"], json!({})), &origin);
    let config = config().listener(open).bind(bind(a.clone())).bind(bind(b)).bind(bind(a));
    let proxy = cell.start(&config);
    let shown = bench.ours.issue(&["client"]);
    // The kernel chose the ports; which bind is whose shows in what it lets in.
    let is_served = |address: SocketAddr, caller: &Caller| {
        let client = caller.connect(address, "test");
        client.and_then(|mut client| client.try_ask(&get("test"))).is_ok()
    };
    let (nothing, right) = (bench.caller(), Caller::showing(&bench.ours, &shown));
    let addresses = proxy.addresses();
    let lets = |caller: &Caller| {
        let lets = addresses.iter().filter(|address| is_served(**address, &caller.anew()));
        lets.copied().collect::<Vec<_>>()
    };
    let (open, for_ours) = (lets(&nothing), lets(&right));
    assert_eq!((open.len(), for_ours.len(), addresses.len()), (1, 3, 4));
    let strict = |address: &&SocketAddr| !open.contains(address);
    let asking: Vec<_> = addresses.iter().filter(strict).copied().collect();
    let of_ours: Vec<_> = for_ours.iter().filter(strict).copied().collect();
    // A ticket from where nobody is asked.
    for versions in [ONLY_12, ONLY_13] {
        let offer = Offer { versions, ..Offer::default() };
        let caller = Caller::with(&bench.ours, &offer, None);
        assert!(is_served(open[0], &caller));
        assert!(asking.iter().all(|address| !is_served(*address, &caller)));
        // A ticket from where a certificate of ours is asked: good where the same is asked, and
        // nowhere else.
        let caller = Caller::with(&bench.ours, &offer, Some(&shown));
        assert!(is_served(of_ours[0], &caller));
        let mut client = caller.must(of_ours[1], "test");
        assert!(settled(&client).resumed);
        assert_eq!(client.ask(&get("test")).status, 200);
        for address in asking.iter().filter(|address| !of_ours.contains(address)) {
            assert!(!is_served(*address, &caller));
        }
    }
}

fn one_listener_asks_and_the_other_does_not(cell: Cell) {
    let bench = Bench::new();
    let (open, closed) = (saying("open"), saying("closed"));
    let root = bench.files.text("clients.pem", bench.ours.pem());
    let tls = bench.tls(&["open.test", "closed.test"], json!({}));
    let mut asking = tls.clone();
    asking["root"] = json!(root);
    let proxy =
        cell.start(&config().listener(https(Some("open.test"), tls, &open)).listener(https(
            Some("closed.test"),
            asking,
            &closed,
        )));
    // By the name of one to the requests of the other: there is no such way in.
    let mut client = bench.caller().must(proxy.address(), "open.test");
    assert_eq!(client.ask(&get("closed.test")).status, 421);
    assert_eq!(client.ask(&get("open.test")).body(), "open");
    bench.caller().refusal(proxy.address(), "closed.test");
    assert_eq!(closed.accepted(), 0);
    let shown = bench.ours.issue(&["client"]);
    let mut client = Caller::showing(&bench.ours, &shown).must(proxy.address(), "closed.test");
    assert_eq!(client.ask(&get("closed.test")).body(), "closed");
    // Nor the other way: who is known there is not known here.
    assert_eq!(client.ask(&get("open.test")).status, 421);
}
