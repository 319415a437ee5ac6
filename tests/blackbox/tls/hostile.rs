//! What no honest client sends. The connection ends, a counter says why, nobody else notices.

use std::io::{ErrorKind, Write};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Bench, get, is_well, plain, saying};
use crate::harness::socket::Socket;
use crate::harness::tool::tool;
use crate::harness::*;
use crate::tcp::hello;

matrix! {
    a_handshake_that_never_ends_is_ended,
    what_is_no_handshake_is_closed,
    garbage_inside_a_session,
    handshakes_of_a_worker,
}

drivers! {
    oversized_and_trickled_hellos,
    renegotiation_is_refused,
    a_handshake_that_is_left,
    a_request_that_is_cut,
}

fn a_handshake_that_never_ends_is_ended(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let limit = json!({ "tls": { "handshakeTimeout": "3s" } });
    let proxy = cell.start(&bench.only(&origin, json!({})).frontend(limit));
    let started = Instant::now();
    // Nothing, half a hello, a hello whose answer is never answered, half a record behind it.
    let hello = real_hello();
    let half = hello[..hello.len() / 2].to_vec();
    let more = [&hello[..], &[20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 99, 1]].concat();
    let mut clients: Vec<_> =
        [vec![], half, hello, more].iter().map(|bytes| plain(&proxy, bytes)).collect();
    for client in &mut clients {
        // The server's side of the handshake may come before the end.
        match client.wire.rest() {
            Ok(_) => (),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
        let took = started.elapsed();
        assert!((Duration::from_millis(2950)..wait::PATIENCE).contains(&took), "{took:?}");
    }
    proxy.await_metric("ringway_timeouts_total", &[("kind", "tls_handshake")], 4.0);
    proxy.await_metric("ringway_refused_connections_total", &[("reason", "hello_slow")], 2.0);
    proxy.await_metric("ringway_tls_handshake_failures_total", &[("reason", "slow")], 2.0);
    is_well(&proxy, &bench.caller());
}

/// The hello of a client that means it.
fn real_hello() -> Vec<u8> {
    use std::net::TcpListener;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let caller = Bench::new().caller();
    let calling = thread::spawn(move || caller.connect(address, "test").map(|_| ()));
    let (stream, _) = listener.accept().unwrap();
    let mut wire = message::Wire::new(Socket::Tcp(stream));
    let mut hello = wire.exactly(5).unwrap();
    let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
    hello.extend(wire.exactly(length).unwrap());
    drop(wire);
    assert!(calling.join().unwrap().is_err());
    hello
}

fn what_is_no_handshake_is_closed(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let proxy = cell.start(&bench.only(&origin, json!({})));
    let zeros = [0; 3000];
    let noise: Vec<u8> =
        (0..3000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let not_tls: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nHost: test\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &zeros,
        &noise,
        // An SSL 2.0 hello.
        &[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10],
    ];
    for bytes in not_tls {
        let mut client = plain(&proxy, bytes);
        client.wait_for_end();
    }
    proxy.await_metric("ringway_refused_connections_total", &[("reason", "hello_not_tls")], 5.0);
    // It begins as a hello, and goes on as nothing.
    let mut broken = real_hello();
    let end = broken.len();
    broken[44..end].fill(0xff);
    let mut client = plain(&proxy, &broken);
    let answer = client.wire.rest().unwrap_or_default();
    assert!(answer.is_empty() || answer[0] == 21, "{answer:?}");
    // A good hello, and noise in the place of what has to follow.
    let mut client = plain(&proxy, &[&real_hello()[..], &[23, 3, 3, 0, 40], &[9; 40]].concat());
    let answer = client.wire.rest().unwrap_or_default();
    assert!(answer.is_empty() || answer[0] == 22, "{:?}", &answer[..5]);
    proxy.await_metric("ringway_active_connections", &[], 0.0);
    let failures = proxy.metrics().sum("ringway_tls_handshake_failures_total", &[]);
    assert_eq!(failures, 1.0, "{}", proxy.metrics().text);
    assert_eq!(origin.accepted(), 0);
    is_well(&proxy, &bench.caller());
}

fn garbage_inside_a_session(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let proxy = cell.start(&bench.only(&origin, json!({})));
    let mut witness = bench.caller().must(proxy.address(), "test");
    assert_eq!(witness.ask(&get("test")).body(), "hello");
    let records: [&[u8]; 5] = [
        // Sealed by nobody; too long; plain where nothing is plain any more; of no kind; HTTP.
        &[&[23, 3, 3, 0, 40][..], &[7; 40]].concat(),
        &[&[23, 3, 3, 0xff, 0xff][..], &[7; 20_000]].concat(),
        &[21, 3, 3, 0, 2, 1, 0],
        &[99, 3, 3, 0, 1, 1],
        b"GET / HTTP/1.1\r\nHost: test\r\n\r\n",
    ];
    for bytes in records {
        let mut client = bench.caller().must(proxy.address(), "test");
        assert_eq!(client.ask(&get("test")).body(), "hello");
        let Socket::Tls(tls) = &mut client.wire.socket else { panic!("not TLS") };
        let _ = tls.tcp().write_all(bytes);
        // By an alert, which is an error here, by a close or by a reset: it is over.
        let rest = client.wire.rest().unwrap_or_default();
        assert!(rest.is_empty(), "{rest:?}");
        assert_eq!(witness.ask(&get("test")).body(), "hello");
    }
    drop(witness);
    is_well(&proxy, &bench.caller());
}

fn handshakes_of_a_worker(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let config = bench.only(&origin, json!({})).limits(json!({ "handshakesPerWorker": 2 }));
    let proxy = cell.start(&config);
    let bound = 2 * cell.workers;
    // One after the other; those above the limit are closed, wherever they land.
    let half = &real_hello()[..40];
    let mut clients: Vec<_> = (0..bound + 12).map(|_| plain(&proxy, half)).collect();
    let refused =
        || proxy.metrics().sum("ringway_refused_connections_total", &[("reason", "handshakes")]);
    wait::until("the last ones are refused", || refused() >= 12.0);
    let most = (bound + 12) as f64;
    wait::until("all others wait", || {
        proxy.metrics().sum("ringway_active_connections", &[]) + refused() == most
    });
    let waiting = proxy.metrics().sum("ringway_active_connections", &[]);
    assert!(waiting <= bound as f64, "{waiting} of {bound}");
    if cell.workers == 1 {
        assert_eq!(waiting, 2.0);
        clients.pop().unwrap().wait_for_end();
        assert!(bench.caller().connect(proxy.address(), "test").is_err());
    }
    drop(clients);
    proxy.await_metric("ringway_active_connections", &[], 0.0);
    is_well(&proxy, &bench.caller());
}

fn oversized_and_trickled_hellos(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let proxy = cell.start(&bench.only(&origin, json!({})));
    for piece in [100, 16_000] {
        let mut client = plain(&proxy, &hello::in_pieces(Some("test"), 60_000, piece));
        match client.wire.rest() {
            Ok(rest) => assert_eq!(rest, [21, 3, 3, 0, 2, 2, 50]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
    }
    let oversized = [("reason", "hello_oversized")];
    proxy.await_metric("ringway_refused_connections_total", &oversized, 2.0);
    // A byte at a time is slow, and no fault: the server answers.
    let mut client = proxy.client();
    for byte in real_hello() {
        client.send([byte]);
        thread::yield_now();
    }
    let answer = client.wire.exactly(6).unwrap();
    assert_eq!((answer[0], answer[5]), (22, 2), "a ServerHello");
    drop(client);
    is_well(&proxy, &bench.caller());
}

/// `R` on its own line asks openssl for it.
fn renegotiation_is_refused(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let proxy = cell.start(&bench.only(&origin, json!({})));
    let Some(mut openssl) = tool("openssl") else { return };
    let address = proxy.address().to_string();
    openssl.args(["s_client", "-tls1_2", "-servername", "test", "-connect", &address]);
    openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = openssl.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It takes `R` for a command only if it comes by itself.
    let one = "agentgateway_tls_handshake_duration_seconds_count";
    proxy.await_metric(one, &[], 1.0);
    stdin.write_all(b"R\n").unwrap();
    wait::until("the connection or the client ends", || {
        child.try_wait().unwrap().is_some()
            || proxy.metrics().sum("ringway_active_connections", &[]) == 0.0
    });
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(said.contains("RENEGOTIATING"), "{said}");
    assert!(said.contains("no renegotiation") || !output.status.success(), "{said}");
    assert_eq!(proxy.metrics().sum(one, &[]), 1.0, "a second handshake");
    assert_eq!(origin.accepted(), 0);
    is_well(&proxy, &bench.caller());
}

fn a_handshake_that_is_left(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let proxy = cell.start(&bench.only(&origin, json!({})));
    let hello = real_hello();
    for cut in [0, 1, 5, 50, hello.len() - 1, hello.len()] {
        let client = plain(&proxy, &hello[..cut]);
        client.shut_write();
        drop(client);
        plain(&proxy, &hello[..cut]).wire.socket.reset();
    }
    is_well(&proxy, &bench.caller());
}

/// The end of a connection without a word of TLS is no end of a body: RFC 9112 section 9.8.
fn a_request_that_is_cut(cell: Cell) {
    let bench = Bench::new();
    let origin = saying("hello");
    let proxy = cell.start(&bench.only(&origin, json!({})));
    let mut client = bench.caller().must(proxy.address(), "test");
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf");
    wait::until("the head is with the origin", || origin.accepted() == 1);
    client.shut_write();
    let _ = client.wire.rest();
    drop(client);
    wait::until("the origin's connection is closed", || origin.open() == 0);
    assert!(origin.seen().is_empty(), "it was taken for a whole one");
    is_well(&proxy, &bench.caller());
}
