//! Listeners of protocol TCP.

use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::message::Wire;
use crate::harness::scratch::{self, Scratch};
use crate::harness::*;

matrix! {
    bytes_are_echoed,
    each_direction_ends_by_itself,
    ten_megabytes_both_ways,
    endpoints_take_turns,
    an_endpoint_that_refuses_is_passed_by,
    a_reset_goes_through,
    a_drain_lets_it_run_and_cuts_it,
    a_reload_leaves_it_where_it_is,
    nothing_is_left_of_many,
}

drivers! {
    the_server_may_speak_first,
    weights_share_connections_out,
    silence_ends_it,
    a_connection_that_nobody_takes_is_reset,
    a_slow_reader_slows_the_sender,
    it_is_counted,
    it_has_a_line_in_the_log,
    a_gateway_has_tcp_routes,
    a_name_is_looked_up,
}

/// Sends everything back, and a last word when the other side has ended.
fn echo() -> Origin {
    Origin::script(|visit| {
        loop {
            let bytes = std::mem::take(&mut visit.wire.unread);
            visit.wire.send(bytes)?;
            if !visit.wire.fill()? {
                return visit.wire.send("bye");
            }
        }
    })
}

fn greeting(word: &'static str) -> Origin {
    Origin::script(move |visit| {
        visit.wire.send(word)?;
        visit.until_closed();
        Ok(())
    })
}

fn tcp(backends: Value) -> config::Config {
    let routes = json!([{ "name": "only", "backends": backends }]);
    config().listener(json!({ "name": "raw", "protocol": "TCP", "tcpRoutes": routes }))
}

fn to(origin: &Origin) -> config::Config {
    tcp(json!([{ "host": origin.host() }]))
}

fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|n| (n ^ (n >> 9)) as u8).collect()
}

fn bytes_are_echoed(cell: Cell) {
    let origin = echo();
    let proxy = cell.start(&to(&origin));
    for _ in 0..5 {
        let mut client = proxy.client();
        for n in 0..50 {
            let bytes = format!("\0GET / HTTP/1.1\r\n\r\n{n}");
            client.send(&bytes);
            assert_eq!(client.wire.exactly(bytes.len()).unwrap(), bytes.as_bytes());
        }
    }
}

fn each_direction_ends_by_itself(cell: Cell) {
    let origin = echo();
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    client.send("last words;");
    client.shut_write();
    assert_eq!(client.wire.rest().unwrap(), b"last words;bye");
    wait::until("the upstream connection is closed", || origin.open() == 0);
    // The other way round: the endpoint ends first, and still listens.
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let hearing = std::sync::Arc::clone(&heard);
    let origin = Origin::script(move |visit| {
        visit.wire.send("all I say")?;
        visit.wire.socket.shutdown(Shutdown::Write);
        *hearing.lock().unwrap() = visit.wire.rest()?;
        Ok(())
    });
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    assert_eq!(client.wire.rest().unwrap(), b"all I say");
    client.send("and all I answer");
    client.shut_write();
    wait::until("the endpoint heard it", || *heard.lock().unwrap() == b"and all I answer");
}

fn ten_megabytes_both_ways(cell: Cell) {
    let origin = echo();
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    let bytes = pattern(10_000_000);
    let mut sender = Wire::new(client.wire.socket.another());
    let sent = bytes.clone();
    let sending = thread::spawn(move || {
        let result = sender.send(sent);
        sender.socket.shutdown(Shutdown::Write);
        result
    });
    assert!(client.wire.exactly(bytes.len()).unwrap() == bytes, "they came back different");
    assert_eq!(client.wire.rest().unwrap(), b"bye");
    sending.join().unwrap().unwrap();
    let tcp = [("protocol", "tcp")];
    proxy.await_metric("agentgateway_downstream_received_bytes_total", &tcp, 1e7);
    proxy.await_metric("agentgateway_downstream_sent_bytes_total", &tcp, 1e7 + 3.0);
    proxy.await_buffers(1);
}

fn endpoints_take_turns(cell: Cell) {
    let origins = [greeting("a"), greeting("b"), greeting("c")];
    let hosts: Vec<_> = origins.iter().map(Origin::host).collect();
    let policies = json!({ "loadBalancer": { "algorithm": "roundRobin" } });
    let proxy = cell.start(&tcp(json!([{ "hosts": hosts, "policies": policies }])));
    let mut clients: Vec<_> = (0..24).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.wire.exactly(1).unwrap();
    }
    for origin in &origins {
        // Each worker turns by itself.
        assert!((8 - 4..=8 + 4).contains(&origin.accepted()), "{}", origin.accepted());
    }
}

fn an_endpoint_that_refuses_is_passed_by(cell: Cell) {
    let origin = greeting("here");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let proxy = cell.start(&tcp(json!([{ "hosts": [refusing, origin.host()] }])));
    for _ in 0..12 {
        let mut client = proxy.client();
        assert_eq!(client.wire.exactly(4).unwrap(), b"here");
    }
}

fn a_reset_goes_through(cell: Cell) {
    let origin = Origin::script(|visit| {
        if visit.wire.exactly(1)? == b"r" {
            visit.wire.send("some")?;
            visit.wire.exactly(1)?;
            // The last descriptor to be closed sends it.
            visit.wire.socket.another().reset();
            return Ok(());
        }
        visit.until_closed();
        Ok(())
    });
    let proxy = cell.start(&to(&origin));
    // Of the endpoint: its answer was cut, and that can be told from a whole one.
    let mut client = proxy.client();
    client.send("r");
    assert_eq!(client.wire.exactly(4).unwrap(), b"some");
    client.send(".");
    let end = client.wire.rest().unwrap_err().kind();
    assert_eq!(end, std::io::ErrorKind::ConnectionReset);
    // Of the client.
    let mut client = proxy.client();
    client.send("s");
    wait::until("the tunnel stands", || origin.open() == 1);
    client.wire.socket.reset();
    wait::until("the endpoint is told", || origin.open() == 0);
}

fn a_drain_lets_it_run_and_cuts_it(cell: Cell) {
    let origin = echo();
    let mut proxy = cell.start(&to(&origin).drain("0s", "5s"));
    let mut clients: Vec<_> = (0..3).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.send("before");
        client.wire.exactly(6).unwrap();
    }
    let started = Instant::now();
    proxy.drain();
    for client in &mut clients {
        client.send("still here");
        assert_eq!(client.wire.exactly(10).unwrap(), b"still here");
    }
    assert_eq!(proxy.wait_for_exit(Duration::from_secs(5) + wait::PATIENCE).code(), Some(0));
    assert!(started.elapsed() >= Duration::from_millis(4950));
    let said = proxy.stderr();
    assert!(said.contains("3 connections that were cut"), "{said}");
    let lines = said.lines().filter(|line| line.contains("kind=\"tcp\""));
    let counts = lines.filter_map(|line| line.split("count=").nth(1)?.trim().parse::<u32>().ok());
    assert_eq!(counts.sum::<u32>(), 3, "{said}");
    for client in &mut clients {
        // It has ended, whatever of the endpoint's last word still came.
        let _ = client.wire.rest();
    }
}

fn a_reload_leaves_it_where_it_is(cell: Cell) {
    let (old, new) = (echo(), greeting("new"));
    let proxy = cell.start(&to(&old));
    let mut client = proxy.client();
    client.send("one");
    assert_eq!(client.wire.exactly(3).unwrap(), b"one");
    proxy.reload(&to(&new));
    client.send("two");
    assert_eq!(client.wire.exactly(3).unwrap(), b"two");
    assert_eq!(proxy.client().wire.exactly(3).unwrap(), b"new");
    client.shut_write();
    assert_eq!(client.wire.rest().unwrap(), b"bye");
}

/// Connections that end in every way there is, at once.
fn nothing_is_left_of_many(cell: Cell) {
    let origin = Origin::script(|visit| {
        let how = visit.wire.exactly(1)?;
        let _ = visit.wire.send(pattern(300_000));
        match how[0] % 3 {
            0 => visit.wire.socket.another().reset(),
            1 => drop(visit.until_closed()),
            _ => (),
        }
        Ok(())
    });
    let proxy = cell.start(&to(&origin));
    let tasks = proxy.metrics().sum("ringway_num_alive_tasks", &[]);
    let one = |n: u8| {
        let address = proxy.address();
        thread::spawn(move || {
            let mut client = Client::http1(address);
            let _ = client.wire.send([n]);
            match n / 3 % 4 {
                0 => client.wire.socket.reset(),
                1 => drop(client.wire.exactly(1000)),
                2 => {
                    client.shut_write();
                    let _ = client.wire.rest();
                }
                _ => {
                    let _ = client.wire.send(pattern(200_000));
                    let _ = client.wire.exactly(100_000);
                }
            }
        })
    };
    let threads: Vec<_> = (0..120).map(one).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    wait::until("the origin is rid of them", || origin.open() == 0);
    proxy.await_metric("ringway_active_connections", &[], 0.0);
    proxy.await_metric("ringway_num_alive_tasks", &[], tasks);
    proxy.await_buffers(1);
    proxy.await_metric("ringway_panics_total", &[], 0.0);
}

fn the_server_may_speak_first(cell: Cell) {
    let origin = greeting("220 mail\r\n");
    let proxy = cell.start(&to(&origin));
    assert_eq!(proxy.client().wire.exactly(10).unwrap(), b"220 mail\r\n");
}

fn weights_share_connections_out(cell: Cell) {
    let (often, never) = (greeting("a"), greeting("b"));
    let proxy = cell.start(&tcp(json!([
        { "host": often.host(), "weight": 3 },
        { "host": never.host(), "weight": 0 },
    ])));
    for _ in 0..20 {
        assert_eq!(proxy.client().wire.exactly(1).unwrap(), b"a");
    }
    assert_eq!(never.accepted(), 0);
}

fn silence_ends_it(cell: Cell) {
    let origin = echo();
    let proxy = cell.start(&to(&origin).limits(json!({ "tcpIdleTimeout": "1500ms" })));
    let mut whole = false;
    // A machine that stalls makes a silence where none is meant.
    for _ in 0..20 {
        whole = talk_and_fall_silent(&proxy);
        if whole {
            break;
        }
    }
    assert!(whole, "a byte now and then is no silence");
    wait::until("the endpoint is told", || origin.open() == 0);
    let ended = || proxy.metrics().sum("ringway_timeouts_total", &[("kind", "tcp_idle")]);
    wait::until("it is counted", || ended() >= 1.0);
}

/// For longer than the limit, a byte now and then. Whether all of it was said before the end came;
/// which it may not before the limit has passed since the last byte.
fn talk_and_fall_silent(proxy: &Proxy) -> bool {
    let mut client = proxy.client();
    let mut last = Instant::now();
    let whole = (0..8).all(|_| {
        let now = Instant::now();
        let heard = client.wire.send(".").and_then(|()| client.wire.exactly(1)).is_ok();
        if heard {
            last = now;
            wait::never("a pause", Duration::from_millis(250), || false);
        }
        heard
    });
    let _ = client.wire.rest();
    assert!(last.elapsed() >= Duration::from_millis(1450), "{:?}", last.elapsed());
    whole
}

fn a_connection_that_nobody_takes_is_reset(cell: Cell) {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let proxy = cell.start(&tcp(json!([{ "host": refusing }])));
    // It may be over before the client has looked whether it is connected.
    match Client::connect(proxy.address()) {
        Ok(mut client) => assert!(client.wire.rest().is_err(), "an empty answer is another thing"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    let failed = [("protocol", "tcp"), ("reason", "UpstreamFailure")];
    proxy.await_metric("agentgateway_request_duration_seconds_count", &failed, 1.0);
}

/// What nobody reads stays with the sender: memory does not grow with it.
fn a_slow_reader_slows_the_sender(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.wire.exactly(1)?;
        let bytes = vec![0; 1 << 20];
        for _ in 0..256 {
            visit.wire.send(&bytes)?;
        }
        Ok(())
    });
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    let before = proxy.resident_bytes();
    client.send(".");
    wait::never("memory grows", Duration::from_millis(500), || {
        proxy.resident_bytes().saturating_sub(before) > 16 << 20
    });
    assert_eq!(origin.open(), 1);
    assert_eq!(client.wire.rest().unwrap().len(), 256 << 20);
}

fn it_is_counted(cell: Cell) {
    let origin = echo();
    let proxy = cell.start(&to(&origin));
    let mut client = proxy.client();
    client.send("12345");
    client.shut_write();
    assert_eq!(client.wire.rest().unwrap(), b"12345bye");
    let of = [("protocol", "tcp"), ("listener", "raw"), ("gateway", "default/default")];
    proxy.await_metric("agentgateway_downstream_connections_total", &of, 1.0);
    proxy.await_metric("agentgateway_downstream_received_bytes_total", &of, 5.0);
    proxy.await_metric("agentgateway_downstream_sent_bytes_total", &of, 8.0);
    proxy.await_metric("ringway_active_connections", &of, 0.0);
    let backend = [("backend", origin.host()), ("protocol", "tcp"), ("reason", "Upstream")];
    proxy.await_metric("agentgateway_request_duration_seconds_count", &backend, 1.0);
    proxy.await_metric("agentgateway_response_bytes_total", &backend, 8.0);
    let metrics = proxy.metrics();
    assert_eq!(metrics.sum("agentgateway_requests_total", &[("protocol", "tcp")]), 0.0);
    let connect = "agentgateway_upstream_connect_duration_seconds_count";
    assert_eq!(metrics.sum(connect, &[("transport", "plaintext")]), 1.0);
}

fn it_has_a_line_in_the_log(cell: Cell) {
    let scratch = Scratch::new();
    let file = scratch.path("access.log");
    let log = json!({ "ringway": { "accessLog": { "to": { "file": file }, "format": "json" } } });
    let origin = echo();
    let proxy = cell.start(&to(&origin).process(log));
    let mut client = proxy.client();
    let source = client.address().to_string();
    client.send("12345");
    client.shut_write();
    client.wire.rest().unwrap();
    let line = wait::eventually("the line", || {
        let text = scratch::read(&file);
        text.lines().next().map(|line| serde_json::from_str::<Value>(line).unwrap())
    });
    for (key, value) in [
        ("listener", json!("raw")),
        ("route", json!("default/only")),
        ("endpoint", json!(origin.host())),
        ("src.addr", json!(source)),
        ("protocol", json!("tcp")),
        ("bytes.received", json!(5)),
        ("bytes.sent", json!(8)),
        ("http.method", Value::Null),
        ("http.status", Value::Null),
    ] {
        assert_eq!(line[key], value, "{key} of {line}");
    }
}

fn a_gateway_has_tcp_routes(cell: Cell) {
    let origin = greeting("by gateway");
    let mut text: Value = serde_json::from_str(&config().text()).unwrap();
    text.as_object_mut().unwrap().remove("binds");
    text["gateways"] = json!({ "raw": { "port": 0, "address": "127.0.0.1", "protocol": "TCP" } });
    let backends = json!([{ "backend": "named" }]);
    text["tcpRoutes"] = json!([{ "gateways": ["raw"], "backends": backends }]);
    text["backends"] = json!([{ "name": "named", "host": origin.host() }]);
    let proxy = Proxy::with_text(&text.to_string()).on(cell).start();
    assert_eq!(proxy.client().wire.exactly(10).unwrap(), b"by gateway");
}

fn a_name_is_looked_up(cell: Cell) {
    let origin = greeting("hello");
    let host = format!("localhost:{}", origin.address().port());
    let proxy = cell.start(&tcp(json!([{ "host": host }])));
    assert_eq!(proxy.client().wire.exactly(5).unwrap(), b"hello");
}
