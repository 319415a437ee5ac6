//! Upgrade and the tunnel behind it. No byte behind the head goes upstream before the 101, and
//! anything but a 101 ends the upgrade: RFC 9110 section 7.8.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::harness::*;

matrix! {
    a_tunnel_echoes,
    half_close_goes_through,
    early_bytes_wait_for_the_switch,
    a_refused_upgrade_is_an_ordinary_response,
    large_frames_both_ways,
}

drivers! {
    either_end_ends_both,
    a_request_behind_a_refused_upgrade_is_routed,
    an_upgrade_on_http_1_0_is_ignored,
    a_tunnel_is_counted,
}

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Switches, greets, and sends everything back until the other side has closed.
fn echo() -> Origin {
    Origin::script(|visit| {
        let head = visit.head()?;
        assert_eq!(head.field("upgrade"), Some("websocket"));
        let connection = head.field("connection").unwrap_or_default().to_ascii_lowercase();
        assert_eq!(connection, "upgrade");
        visit.note(head, Vec::new(), Vec::new());
        // In one segment with the first bytes of the tunnel.
        visit.wire.send(format!("{SWITCH}welcome;"))?;
        loop {
            let bytes = std::mem::take(&mut visit.wire.unread);
            visit.wire.send(bytes)?;
            if !visit.wire.fill()? {
                return visit.wire.send("bye");
            }
        }
    })
}

fn switched(proxy: &Proxy) -> Client {
    let mut client = proxy.client();
    client.send(UPGRADE);
    let head = client.head();
    assert_eq!(head.status().unwrap(), 101);
    assert_eq!(head.field("upgrade"), Some("websocket"));
    assert_eq!(head.field("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
    assert_eq!(head.field("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(client.wire.exactly(8).unwrap(), b"welcome;");
    client
}

fn a_tunnel_echoes(cell: Cell) {
    let origin = echo();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = switched(&proxy);
    for n in 0..100 {
        let frame = format!("\u{1}frame {n}\r\n\r\nGET / HTTP/1.1\r\n\r\n\0");
        client.send(&frame);
        assert_eq!(client.wire.exactly(frame.len()).unwrap(), frame.as_bytes());
    }
    let key = origin.last().head.field("sec-websocket-key").map(str::to_owned);
    assert_eq!(key.as_deref(), Some("dGhlIHNhbXBsZSBub25jZQ=="));
}

fn half_close_goes_through(cell: Cell) {
    let origin = echo();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = switched(&proxy);
    client.send("last words;");
    client.shut_write();
    assert_eq!(client.wire.rest().unwrap(), b"last words;bye");
    wait::until("the upstream connection is closed", || origin.open() == 0);
}

fn early_bytes_wait_for_the_switch(cell: Cell) {
    let gate = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&gate);
    let origin = Origin::script(move |visit| {
        visit.head()?;
        visit.wire.socket.set_read_timeout(Duration::from_millis(200));
        let early = visit.wire.fill();
        visit.wire.socket.prepare();
        assert!(early.is_err() && visit.wire.unread.is_empty(), "bytes before the 101");
        open.store(true, Ordering::SeqCst);
        visit.wire.send(SWITCH)?;
        let came = visit.wire.exactly(11)?;
        visit.wire.send(came)
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    client.send(format!("{UPGRADE}early "));
    client.send("bytes");
    assert_eq!(client.head().status().unwrap(), 101);
    assert!(gate.load(Ordering::SeqCst));
    assert_eq!(client.wire.exactly(11).unwrap(), b"early bytes");
}

fn a_refused_upgrade_is_an_ordinary_response(cell: Cell) {
    let origin = Origin::http1().route("/ws", "not here").route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for _ in 0..3 {
        let response = client.ask(UPGRADE);
        assert_eq!((response.status, response.body()), (200, "not here".to_owned()));
        assert_eq!(client.get("/").body(), "hello");
    }
}

fn large_frames_both_ways(cell: Cell) {
    let origin = echo();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = switched(&proxy);
    let bytes: Vec<u8> = (0..3_000_000usize).map(|n| (n ^ (n >> 9)) as u8).collect();
    let mut sender = message::Wire::new(client.wire.socket.another());
    let sent = bytes.clone();
    let sending = std::thread::spawn(move || sender.send(sent));
    assert!(client.wire.exactly(bytes.len()).unwrap() == bytes, "they came back different");
    sending.join().unwrap().unwrap();
}

fn either_end_ends_both(cell: Cell) {
    let origin = Origin::script(|visit| {
        let head = visit.head()?;
        visit.wire.send(SWITCH)?;
        if head.first_line.contains("/stay") {
            visit.until_closed()
        } else {
            Vec::new()
        };
        Ok(())
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    client.send(UPGRADE);
    assert_eq!(client.head().status().unwrap(), 101);
    client.wait_for_close();
    drop(client);
    for reset in [false, true] {
        let mut client = proxy.client();
        client.send(UPGRADE.replace("/ws", "/stay"));
        assert_eq!(client.head().status().unwrap(), 101);
        wait::until("the tunnel stands", || origin.open() == 1);
        if reset {
            client.wire.socket.reset()
        } else {
            drop(client)
        }
        wait::until("the origin is told", || origin.open() == 0);
    }
    wait::until("no connection is left", || {
        proxy.metrics().sum("ringway_active_connections", &[]) == 0.0
    });
}

/// Pingora's CVE-2026-2833: what stands behind an upgrade that was refused is a request of its own.
fn a_request_behind_a_refused_upgrade_is_routed(cell: Cell) {
    let inner = Origin::http1().route("/ws", "inner").route("/secret", "reached").start();
    let proxy = cell.start(&config().route("/ws", &inner));
    let mut client = proxy.client();
    client.send(format!("{UPGRADE}GET /secret HTTP/1.1\r\nHost: test\r\n\r\n"));
    assert_eq!(client.response().body(), "inner");
    assert_eq!(client.response().status, 404, "it has no route");
    assert!(!inner.seen().iter().any(|request| request.target == "/secret"));
}

fn an_upgrade_on_http_1_0_is_ignored(cell: Cell) {
    let origin = Origin::http1().route("/ws", "plain").start();
    let proxy = cell.start(&config().route("/", &origin));
    let response = proxy.client().ask(&UPGRADE.replace("HTTP/1.1", "HTTP/1.0"));
    assert_eq!(response.body(), "plain");
    assert_eq!(origin.last().head.field("upgrade"), None);
}

fn a_tunnel_is_counted(cell: Cell) {
    let origin = echo();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = switched(&proxy);
    client.send("x".repeat(10_000));
    client.wire.exactly(10_000).unwrap();
    client.shut_write();
    client.wire.rest().unwrap();
    proxy.await_metric("agentgateway_requests_total", &[("status", "101")], 1.0);
    proxy.await_metric("ringway_active_connections", &[], 0.0);
    let received = proxy.metrics().sum("agentgateway_downstream_received_bytes_total", &[]);
    assert_eq!(received, (UPGRADE.len() + 10_000) as f64);
}
