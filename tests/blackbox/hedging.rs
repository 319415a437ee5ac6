//! Requests that a second endpoint is asked for when the first takes long: the first answer is the
//! client's, and the other attempt is ended without a trace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::config::Config;
use crate::harness::h2_origin::{H2Origin, Manners};
use crate::harness::*;

matrix! {
    a_silent_endpoint_is_overtaken,
    whoever_is_first_each_answer_is_its_requests,
    streams_are_hedged_too,
}

drivers! {
    what_may_do_harm_is_asked_once,
    the_budget_of_retries_bounds_it,
    the_first_may_win_after_all,
    when_one_fails_the_other_answers,
}

fn hedged(hosts: &[&str], retry: Value, http: Value) -> Config {
    let policies = json!({ "loadBalancer": { "algorithm": "roundRobin" }, "http": http });
    let backend = json!({ "hosts": hosts, "policies": policies });
    config().route_with("/", json!({ "policies": { "retry": retry }, "backends": [backend] }))
}

fn soon() -> Value {
    json!({ "attempts": 1, "hedgeAfter": "20ms" })
}

/// Answers nothing before it is told to.
struct Silent {
    origin: Origin,
    speaks: Arc<AtomicBool>,
}

impl Silent {
    fn start() -> Self {
        let speaks = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&speaks);
        let origin = Origin::script(move |visit| {
            visit.request()?;
            if told.load(Ordering::SeqCst) {
                return visit.wire.send(origin::ok("at last"));
            }
            visit.until_closed();
            Ok(())
        });
        Self { origin, speaks }
    }
}

fn quick() -> Origin {
    Origin::http1().answer("/", origin::ok("quick")).start()
}

fn hedges(proxy: &Proxy) -> (f64, f64) {
    let metrics = proxy.metrics();
    (metrics.sum("ringway_hedges_total", &[]), metrics.sum("ringway_hedges_won_total", &[]))
}

fn a_silent_endpoint_is_overtaken(cell: Cell) {
    let (silent, quick) = (Silent::start(), quick());
    let proxy = cell.start(&hedged(&[silent.origin.host(), quick.host()], soon(), json!({})));
    let mut client = proxy.client();
    for _ in 0..10 {
        assert_eq!(client.get("/").body(), "quick");
    }
    // On a machine that is busy the quick one is hedged too: that is not a turn of the silent one.
    let is_first = |one: &&origin::Request| one.head.field("x-retry-attempt").is_none();
    let asked = silent.origin.seen().iter().filter(is_first).count();
    assert!(asked >= 1, "its turn came");
    wait::until("they are counted", || hedges(&proxy).1 >= asked as f64);
    assert!(quick.seen().iter().any(|one| one.head.field("x-retry-attempt") == Some("1")));
    wait::until("what came too late is closed", || silent.origin.open() == 0);
    silent.speaks.store(true, Ordering::SeqCst);
    wait::until("it is asked as before", || client.get("/").body() == "at last");
}

/// The same race over and over, with both sometimes first: no answer goes to another request, and
/// connections that lost are not used again.
fn whoever_is_first_each_answer_is_its_requests(cell: Cell) {
    const CLIENTS: usize = 8;
    const REQUESTS: usize = 40;
    let echo = || {
        let count = AtomicUsize::new(0);
        Origin::script(move |visit| {
            loop {
                let request = visit.request()?;
                let line = request.head.first_line.clone();
                // As long as the hedge takes, about: a little more or less.
                let turn = count.fetch_add(1, Ordering::SeqCst) as u64 % 5;
                thread::sleep(Duration::from_millis(turn));
                visit.wire.send(origin::ok(line))?;
            }
        })
    };
    let (one, other) = (echo(), echo());
    let retry = json!({
        "attempts": 1, "hedgeAfter": "1ms", "budget": { "percent": 100, "minRetries": 100 },
    });
    let proxy = cell.start(&hedged(&[one.host(), other.host()], retry, json!({})));
    let address = proxy.address();
    let ask = |who: usize| {
        thread::spawn(move || {
            let mut client = Client::http1(address);
            for turn in 0..REQUESTS {
                let path = format!("/{who}/{turn}");
                let response = client.get(&path);
                assert_eq!(response.status, 200);
                assert_eq!(response.body(), format!("GET {path} HTTP/1.1"));
            }
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(ask).collect();
    clients.into_iter().for_each(|client| client.join().expect("each answer is its own"));
    let (made, won) = hedges(&proxy);
    assert!(made >= 1.0 && won <= made, "{made} made, {won} won");
    proxy.await_metric("ringway_active_requests", &[], 0.0);
}

fn streams_are_hedged_too(cell: Cell) {
    let both = [(); 2].map(|()| H2Origin::start(Manners::default()));
    let hosts = both.each_ref().map(H2Origin::host);
    let hosts = hosts.each_ref().map(String::as_str);
    let proxy = cell.start(&hedged(&hosts, soon(), json!({ "version": "HTTP/2.0" })));
    let address = proxy.address();
    let asked = || both.each_ref().map(|origin| origin.asked("/held"));
    let client = thread::spawn(move || Client::http1(address).get("/held").body());
    wait::until("both are asked", || asked() == [1, 1]);
    both[1].release();
    assert_eq!(client.join().unwrap(), "hello");
    both[0].release();
    // The connection goes on, without the stream.
    let mut client = proxy.client();
    for _ in 0..10 {
        assert_eq!(client.get("/").body(), "hello");
    }
    assert!(both.iter().all(|origin| origin.accepted() <= 2 * cell.workers));
}

fn what_may_do_harm_is_asked_once(cell: Cell) {
    let (speaks, answered) = (Arc::new(AtomicBool::new(false)), quick());
    let told = Arc::clone(&speaks);
    let slow = Origin::script(move |visit| {
        loop {
            visit.request()?;
            wait::until("it may answer", || told.load(Ordering::SeqCst));
            visit.wire.send(origin::ok("slow"))?;
        }
    });
    let proxy = cell.start(&hedged(&[slow.host(), answered.host()], soon(), json!({})));
    let mut clients: Vec<_> = (0..2).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    }
    wait::until("one waits", || slow.seen().len() == 1);
    // A GET that is hedged meanwhile shows that time has gone by.
    wait::until("others are hedged", || {
        proxy.client().get("/");
        hedges(&proxy).0 >= 1.0
    });
    let posts = |origin: &Origin| {
        origin.seen().iter().filter(|one| one.head.first_line.starts_with("POST")).count()
    };
    wait::until("the other has its own", || posts(&answered) == 1);
    assert_eq!(posts(&slow), 1);
    speaks.store(true, Ordering::SeqCst);
    for client in &mut clients {
        assert_eq!(client.response().status, 200);
    }
}

fn the_budget_of_retries_bounds_it(cell: Cell) {
    let (silent, quick) = (Silent::start(), quick());
    let none = json!({ "percent": 0, "minRetries": 0 });
    let retry = json!({ "attempts": 1, "hedgeAfter": "5ms", "budget": none });
    let proxy = cell.start(&hedged(&[silent.origin.host(), quick.host()], retry, json!({})));
    let mut clients: Vec<_> = (0..2).map(|_| proxy.client()).collect();
    clients.iter_mut().for_each(|client| client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    let refused = || proxy.metrics().sum("ringway_retry_budget_exhausted_total", &[]);
    wait::until("a hedge is refused", || refused() >= 1.0);
    wait::until("the other is asked", || quick.seen().len() == 1);
    assert_eq!(hedges(&proxy), (0.0, 0.0));
}

/// The second has not answered either when the first does.
fn the_first_may_win_after_all(cell: Cell) {
    let speaks: [_; 2] = std::array::from_fn(|_| Arc::new(AtomicBool::new(false)));
    let both = speaks.each_ref().map(|speaks| {
        let told = Arc::clone(speaks);
        Origin::script(move |visit| {
            let request = visit.request()?;
            let hedge = request.head.field("x-retry-attempt").is_some();
            if hedge {
                visit.until_closed();
                return Ok(());
            }
            wait::until("it may answer", || told.load(Ordering::SeqCst));
            visit.wire.send(origin::ok("first"))
        })
    });
    let hosts = both.each_ref().map(Origin::host);
    let proxy = cell.start(&hedged(&hosts, soon(), json!({})));
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wait::until("both are asked", || both.iter().all(|one| one.seen().len() == 1));
    speaks.iter().for_each(|speaks| speaks.store(true, Ordering::SeqCst));
    assert_eq!(client.response().body(), "first");
    assert_eq!(hedges(&proxy), (1.0, 0.0));
    // The one that came too late is ended: its origin sees the close.
    wait::until("both are closed", || both.iter().all(|one| one.open() == 0));
}

fn when_one_fails_the_other_answers(cell: Cell) {
    let (hang_up, answer) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (hangs_up, answers) = (Arc::clone(&hang_up), Arc::clone(&answer));
    let script = move |visit: &mut origin::Visit| {
        let request = visit.request()?;
        if request.head.field("x-retry-attempt").is_none() {
            wait::until("it may hang up", || hangs_up.load(Ordering::SeqCst));
            return Ok(());
        }
        wait::until("it may answer", || answers.load(Ordering::SeqCst));
        visit.wire.send(origin::ok("second"))
    };
    let both = [Origin::script(script.clone()), Origin::script(script)];
    let hosts = both.each_ref().map(Origin::host);
    let proxy = cell.start(&hedged(&hosts, soon(), json!({})));
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wait::until("both are asked", || both.iter().all(|one| one.seen().len() == 1));
    hang_up.store(true, Ordering::SeqCst);
    wait::until("the first is gone", || both.iter().any(|one| one.open() == 0));
    answer.store(true, Ordering::SeqCst);
    assert_eq!(client.response().body(), "second");
    assert_eq!(hedges(&proxy), (1.0, 1.0));
}
