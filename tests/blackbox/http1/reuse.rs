//! Upstream connections: when one is used again, and when it must not be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::harness::*;

matrix! {
    stray_bytes_on_an_idle_connection_discard_it,
    bytes_behind_a_response_discard_the_connection,
}

drivers! {
    a_connection_that_the_origin_ends_is_not_used_again,
    an_idle_connection_is_closed_in_time,
    no_more_idle_connections_are_kept_than_allowed,
    the_pool_is_counted,
}

/// Response splitting: what an idle connection says is the answer to nothing.
fn stray_bytes_on_an_idle_connection_discard_it(cell: Cell) {
    let stray = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    let strays = Arc::new(AtomicUsize::new(0));
    let sent = Arc::clone(&strays);
    let origin = Origin::script(move |visit| {
        visit.request()?;
        visit.wire.send(origin::ok("good"))?;
        visit.wire.send(stray)?;
        // On loopback, what is sent is there.
        sent.fetch_add(1, Ordering::SeqCst);
        visit.until_closed();
        Ok(())
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for n in 1..30 {
        assert_eq!(client.get("/").body(), "good");
        wait::until("the stray bytes are there", || strays.load(Ordering::SeqCst) == n);
    }
}

/// The same, in the segment of the response.
fn bytes_behind_a_response_discard_the_connection(cell: Cell) {
    let origin = Origin::http1()
        .answer(
            "/",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood\
                 HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
        )
        .answer("/head", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
        .answer("/204", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\npoison")
        .start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for _ in 0..10 {
        assert_eq!(client.get("/").body(), "good");
        assert_eq!(client.ask("HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
        assert_eq!(client.get("/204").status, 204);
    }
    assert_eq!(origin.accepted(), 30);
}

fn a_connection_that_the_origin_ends_is_not_used_again(cell: Cell) {
    let origin = Origin::http1()
        .on("/", |_, visit| {
            visit.reply(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        })
        .answer("/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for (n, path) in (1..).zip(["/", "/", "/1.0", "/1.0", "/"]) {
        let response = client.get(path);
        assert_eq!(response.body(), "ok");
        assert!(!response.closes(), "the client's connection is another one");
        assert_eq!(origin.accepted(), n);
    }
}

fn an_idle_connection_is_closed_in_time(cell: Cell) {
    let origin = Origin::http1().route("/", "ok").start();
    let settings = json!({ "backend": { "poolIdleTimeout": "300ms" } });
    let proxy = cell.start(&config().route("/", &origin).process(settings));
    let mut client = proxy.client();
    assert_eq!(client.get("/").body(), "ok");
    assert_eq!(origin.accepted(), 1);
    wait::until("the idle connection is closed", || origin.open() == 0);
    assert_eq!(client.get("/").body(), "ok");
}

fn no_more_idle_connections_are_kept_than_allowed(cell: Cell) {
    let origin = Origin::http1().route("/", "ok").start();
    let settings = json!({ "backend": { "poolMaxSize": 2 } });
    let proxy = cell.start(&config().route("/", &origin).process(settings));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let mut client = proxy.client();
            std::thread::spawn(move || (0..20).for_each(|_| drop(client.get("/"))))
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    wait::until("two are left", || origin.open() <= 2);
}

fn the_pool_is_counted(cell: Cell) {
    let origin = Origin::http1().route("/", "ok").start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for _ in 0..5 {
        client.get("/");
    }
    proxy.await_metric("ringway_pool_misses_total", &[], 1.0);
    proxy.await_metric("ringway_pool_hits_total", &[], 4.0);
    proxy.await_metric("ringway_pool_idle_connections", &[], 1.0);
}
