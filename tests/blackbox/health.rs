//! Endpoints that die, hang, flap, or answer with errors: they are left out, by what their answers
//! say and by checks, and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::harness::config::Config;
use crate::harness::*;

matrix! {
    failing_answers_eject_an_endpoint_and_it_comes_back,
    a_retry_after_of_a_year_is_bounded,
    an_expression_says_what_a_failure_is,
    an_endpoint_that_fails_its_checks_is_left_out,
}

drivers! {
    when_all_fail_only_a_share_is_ejected,
    without_panic_nobody_is_asked_when_all_are_ill,
    a_low_success_rate_ejects,
    a_failure_by_expression_says_how_long_it_lasts,
    an_endpoint_that_hangs_is_found_by_its_checks,
    checks_look_into_answers,
    grpc_endpoints_are_checked,
    tcp_endpoints_are_ejected_too,
    what_is_known_survives_a_reload,
}

const BROKEN: &[u8] = b"HTTP/1.1 500 Broken\r\nContent-Length: 6\r\n\r\nbroken";

/// An origin that is well or ill as told, and says which it is by its body.
struct Moody {
    origin: Origin,
    ill: Arc<AtomicBool>,
}

impl Moody {
    fn new(when_ill: &'static [u8]) -> Self {
        let ill = Arc::new(AtomicBool::new(false));
        let mood = Arc::clone(&ill);
        let origin = Origin::http1()
            .on("/", move |_, visit| match mood.load(Ordering::SeqCst) {
                true => visit.reply(when_ill),
                false => visit.reply(&origin::ok("moody")),
            })
            .start();
        Self { origin, ill }
    }

    fn set_ill(&self, ill: bool) {
        self.ill.store(ill, Ordering::SeqCst);
    }
}

fn steady() -> Origin {
    Origin::http1().route("/", "steady").start()
}

fn with(hosts: &[&str], health: Value) -> Config {
    with_balancer(hosts, health, json!({ "algorithm": "roundRobin" }))
}

fn with_balancer(hosts: &[&str], health: Value, balancer: Value) -> Config {
    let policies = json!({ "loadBalancer": balancer, "health": health });
    let backend = json!({ "hosts": hosts, "policies": policies });
    config().route_with("/", json!({ "backends": [backend] }))
}

fn healthy(proxy: &Proxy, endpoint: &Origin) -> bool {
    proxy.metrics().sum("ringway_endpoint_healthy", &[("endpoint", endpoint.host())]) == 1.0
}

fn failing_answers_eject_an_endpoint_and_it_comes_back(cell: Cell) {
    let (moody, steady) = (Moody::new(BROKEN), steady());
    let eviction = json!({ "consecutiveFailures": 3, "duration": "300ms" });
    let hosts = [moody.origin.host(), steady.host()];
    let proxy = cell.start(&with(&hosts, json!({ "eviction": eviction })));
    let mut client = proxy.client();
    moody.set_ill(true);
    let mut failed = 0;
    wait::until("it is ejected", || {
        failed += usize::from(client.get("/").status == 500);
        !healthy(&proxy, &moody.origin)
    });
    assert!(failed >= 3, "{failed} failures");
    let ejected = [("endpoint", moody.origin.host())];
    assert!(proxy.metrics().sum("ringway_endpoint_ejections_total", &ejected) >= 1.0);
    moody.set_ill(false);
    wait::until("it is back", || client.get("/").body() == "moody");
}

fn a_retry_after_of_a_year_is_bounded(cell: Cell) {
    let year = b"HTTP/1.1 503 Later\r\nRetry-After: 31536000\r\nContent-Length: 0\r\n\r\n";
    let (moody, steady) = (Moody::new(year), steady());
    let eviction = json!({ "consecutiveFailures": 100, "duration": "50ms", "maxDuration": "1s" });
    let hosts = [moody.origin.host(), steady.host()];
    let proxy = cell.start(&with(&hosts, json!({ "eviction": eviction })));
    let mut client = proxy.client();
    moody.set_ill(true);
    wait::until("one answer is enough", || client.get("/").status == 503);
    let ejected = [("endpoint", moody.origin.host())];
    proxy.await_metric("ringway_endpoint_ejections_total", &ejected, 1.0);
    moody.set_ill(false);
    wait::until("it is back within the bound", || client.get("/").body() == "moody");
}

/// Each is read and bounded, and one is enough: far fewer failures than would eject otherwise.
fn a_failure_by_expression_says_how_long_it_lasts(cell: Cell) {
    for field in [
        "Retry-After: 31536000",
        "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT",
        "Retry-After-Ms: 31536000000",
    ] {
        let head = format!("HTTP/1.1 418 Later\r\n{field}\r\nContent-Length: 0\r\n\r\n");
        let (moody, steady) = (Moody::new(head.leak().as_bytes()), steady());
        let eviction =
            json!({ "consecutiveFailures": 1000, "duration": "50ms", "maxDuration": "1s" });
        let condition = "response.code == 418";
        let health = json!({ "unhealthyExpression": condition, "eviction": eviction });
        let proxy = cell.start(&with(&[moody.origin.host(), steady.host()], health));
        let mut client = proxy.client();
        moody.set_ill(true);
        wait::until("one answer is enough", || client.get("/").status == 418);
        let ejected = [("endpoint", moody.origin.host())];
        proxy.await_metric("ringway_endpoint_ejections_total", &ejected, 1.0);
        moody.set_ill(false);
        wait::until("it is back within the bound", || client.get("/").body() == "moody");
    }
}

/// An answer of 200 that says that it is none, and a status that is none of the endpoint's fault.
fn an_expression_says_what_a_failure_is(cell: Cell) {
    let sorry = b"HTTP/1.1 200 OK\r\nX-Overloaded: yes\r\nContent-Length: 5\r\n\r\nsorry";
    let (moody, steady) = (Moody::new(sorry), Moody::new(BROKEN));
    steady.set_ill(true);
    let eviction = json!({ "consecutiveFailures": 3, "duration": "1h", "maxDuration": "1h" });
    let condition = "response.code != 500 && response.headers['x-overloaded'] == 'yes'";
    let health = json!({ "unhealthyExpression": condition, "eviction": eviction });
    let hosts = [moody.origin.host(), steady.origin.host()];
    let proxy = cell.start(&with(&hosts, health));
    let mut client = proxy.client();
    moody.set_ill(true);
    wait::until("it is ejected", || {
        client.get("/");
        !healthy(&proxy, &moody.origin)
    });
    for _ in 0..20 {
        assert_eq!(client.get("/").status, 500, "which counts for nothing here");
    }
    assert!(healthy(&proxy, &steady.origin));
    assert_eq!(proxy.metrics().sum("ringway_endpoint_ejections_total", &[]), 1.0);
}

/// Both are ill: to send everything to one of them would help nobody.
fn when_all_fail_only_a_share_is_ejected(cell: Cell) {
    let both = [Moody::new(BROKEN), Moody::new(BROKEN)];
    let hosts = both.each_ref().map(|moody| moody.origin.host());
    let eviction = json!({ "consecutiveFailures": 2, "duration": "1h", "maxDuration": "1h" });
    let proxy = cell.start(&with(&hosts, json!({ "eviction": eviction })));
    let mut client = proxy.client();
    both.iter().for_each(|moody| moody.set_ill(true));
    for _ in 0..40 {
        assert_eq!(client.get("/").status, 500, "asked all the same");
    }
    let metrics = proxy.metrics();
    assert_eq!(metrics.sum("ringway_endpoint_ejections_total", &[]), 1.0);
    assert!(metrics.sum("ringway_endpoint_ejections_spared_total", &[]) > 1.0);
    both.iter().for_each(|moody| moody.set_ill(false));
    assert_eq!(client.get("/").status, 200, "the one that was left is asked");
}

fn without_panic_nobody_is_asked_when_all_are_ill(cell: Cell) {
    let dead = Origin::script(|_| Ok(()));
    let check = json!({ "http": {}, "interval": "20ms", "timeout": "5s", "unhealthyThreshold": 1 });
    let balancer = json!({ "panicThreshold": 0 });
    let config = with_balancer(&[dead.host()], json!({ "check": check }), balancer);
    let proxy = cell.start(&config);
    let mut client = proxy.client();
    wait::until("it is known to be ill", || client.get("/").status == 503);
    let response = client.get("/");
    assert_eq!((response.status, response.body().as_str()), (503, "no healthy backends"));
    let labels = [("status", "503"), ("reason", "NoHealthyBackend")];
    wait::until("they are counted", || {
        proxy.metrics().sum("agentgateway_requests_total", &labels) >= 2.0
    });
}

fn a_low_success_rate_ejects(cell: Cell) {
    let count = AtomicUsize::new(0);
    // Never two failures in a row.
    let flaky = Origin::http1()
        .on("/", move |_, visit| match count.fetch_add(1, Ordering::SeqCst) % 2 {
            0 => visit.reply(BROKEN),
            _ => visit.reply(&origin::ok("flaky")),
        })
        .start();
    let steady = steady();
    let eviction = json!({
        "successRate": 80, "successRateRequests": 10, "interval": "1h", "duration": "1h",
        "maxDuration": "1h",
    });
    let proxy = cell.start(&with(&[flaky.host(), steady.host()], json!({ "eviction": eviction })));
    let mut client = proxy.client();
    for _ in 0..60 {
        client.get("/");
    }
    wait::until("it is told", || !healthy(&proxy, &flaky) && healthy(&proxy, &steady));
    let before = flaky.seen().len();
    assert!((0..20).all(|_| client.get("/").body() == "steady"));
    assert_eq!(flaky.seen().len(), before);
}

fn an_endpoint_that_fails_its_checks_is_left_out(cell: Cell) {
    let (moody, steady) = (Moody::new(BROKEN), steady());
    let check = json!({ "http": {}, "interval": "20ms", "timeout": "5s" });
    let hosts = [moody.origin.host(), steady.host()];
    let proxy = cell.start(&with(&hosts, json!({ "check": check })));
    let mut client = proxy.client();
    moody.set_ill(true);
    wait::until("its checks fail", || !healthy(&proxy, &moody.origin));
    assert!((0..20).all(|_| client.get("/").body() == "steady"));
    moody.set_ill(false);
    wait::until("its checks pass", || healthy(&proxy, &moody.origin));
    wait::until("it is asked again", || client.get("/").body() == "moody");
    let checks = [("endpoint", moody.origin.host()), ("result", "failed")];
    assert!(proxy.metrics().sum("ringway_endpoint_checks_total", &checks) >= 3.0);
}

/// It accepts connections and says nothing: no request has to wait for it to be found out.
fn an_endpoint_that_hangs_is_found_by_its_checks(cell: Cell) {
    let hanging = Origin::script(|visit| {
        visit.until_closed();
        Ok(())
    });
    let steady = steady();
    let check = json!({ "http": {}, "interval": "20ms", "timeout": "200ms" });
    let proxy = cell.start(&with(&[hanging.host(), steady.host()], json!({ "check": check })));
    wait::until("its checks fail", || !healthy(&proxy, &hanging));
    let mut client = proxy.client();
    assert!((0..20).all(|_| client.get("/").body() == "steady"));
}

fn checks_look_into_answers(cell: Cell) {
    let good = Origin::http1().route("/ready", "all is well").route("/", "good").start();
    let wrong = Origin::http1().route("/ready", "not yet").route("/", "wrong").start();
    let http = json!({ "path": "/ready", "statuses": ["200-204"], "body": "all is well" });
    let check = json!({ "http": http, "interval": "20ms", "timeout": "5s" });
    let proxy = cell.start(&with(&[good.host(), wrong.host()], json!({ "check": check })));
    wait::until("one is found wrong", || !healthy(&proxy, &wrong));
    assert!(healthy(&proxy, &good));
    let mut client = proxy.client();
    assert!((0..10).all(|_| client.get("/").body() == "good"));
}

/// An HTTP/1.1 origin speaks no gRPC.
fn grpc_endpoints_are_checked(cell: Cell) {
    let steady = steady();
    let check = json!({ "grpc": {}, "interval": "20ms", "timeout": "5s" });
    let proxy = cell.start(&with(&[steady.host()], json!({ "check": check })));
    wait::until("it is found wrong", || !healthy(&proxy, &steady));
    // The only one there is: it is asked all the same.
    assert_eq!(proxy.client().get("/").status, 200);
}

fn tcp_endpoints_are_ejected_too(cell: Cell) {
    let steady = steady();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let eviction = json!({ "consecutiveFailures": 1, "duration": "1h", "maxDuration": "1h" });
    let policies = json!({
        "loadBalancer": { "algorithm": "roundRobin" },
        "health": { "eviction": eviction },
    });
    let backend = json!({ "hosts": [address, steady.host()], "policies": policies });
    let listener = json!({ "protocol": "TCP", "tcpRoutes": [{ "backends": [backend] }] });
    let proxy = cell.start(&config().listener(listener));
    for _ in 0..10 {
        assert_eq!(proxy.client().get("/").body(), "steady");
    }
    let ejected = [("endpoint", address.as_str())];
    proxy.await_metric("ringway_endpoint_ejections_total", &ejected, 1.0);
}

fn what_is_known_survives_a_reload(cell: Cell) {
    let (moody, steady) = (Moody::new(BROKEN), steady());
    let eviction = json!({ "consecutiveFailures": 1, "duration": "1h", "maxDuration": "1h" });
    let hosts = [moody.origin.host(), steady.host()];
    let config = with(&hosts, json!({ "eviction": eviction }));
    let proxy = cell.start(&config);
    let mut client = proxy.client();
    moody.set_ill(true);
    wait::until("it is ejected", || client.get("/").status == 500);
    moody.set_ill(false);
    wait::until("that is told", || !healthy(&proxy, &moody.origin));
    proxy.reload(&config.route("/other", &steady));
    assert!(!healthy(&proxy, &moody.origin));
    assert!((0..10).all(|_| client.get("/").body() == "steady"));
    // One more host: the others stay who they are.
    let third = Origin::http1().route("/", "third").start();
    let hosts = [moody.origin.host(), steady.host(), third.host()];
    let eviction = json!({ "consecutiveFailures": 1, "duration": "1h", "maxDuration": "1h" });
    proxy.reload(&with(&hosts, json!({ "eviction": eviction })));
    wait::until("the third is asked", || client.get("/").body() == "third");
}
