//! Requests whose answer comes before they are complete, and requests that never are.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::harness::raw::read_answer;
use crate::harness::socket::Socket;
use crate::harness::*;

matrix! {
    an_early_answer_reaches_a_client_that_still_uploads,
    an_answer_of_the_proxy_reaches_a_client_that_still_uploads,
    the_rest_of_a_body_is_no_request,
    a_request_behind_a_body_that_failed_is_whole,
    a_client_that_leaves_takes_its_upstream_connection_with_it,
    a_body_that_stops_short_is_not_an_end,
}

const UPLOAD_BYTES: usize = 10 * 1024 * 1024;

/// Sends a body until it is done or refused, while somebody else reads the answer.
fn upload(mut socket: Socket) -> thread::JoinHandle<usize> {
    thread::spawn(move || {
        let piece = vec![b'x'; 64 * 1024];
        let mut sent = 0;
        while sent < UPLOAD_BYTES && socket.write_all(&piece).is_ok() {
            sent += piece.len();
        }
        sent
    })
}

fn post_head(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {UPLOAD_BYTES}\r\n\r\n")
}

/// RFC 9112 section 9.6: the answer must not be destroyed by the close behind it.
fn an_early_answer_reaches_a_client_that_still_uploads(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.head()?;
        // Should all of the body get through, the connection must not be used again.
        let head = "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 2\r\n\r\n";
        visit.wire.send(format!("{head}no"))?;
        visit.until_closed();
        Ok(())
    });
    let proxy = cell.start(&config().route("/", &origin));
    for _ in 0..10 {
        let mut client = proxy.client();
        client.send(post_head("/"));
        let sending = upload(client.wire.socket.another());
        let response = client.response();
        assert_eq!((response.status, response.body()), (401, "no".to_owned()));
        // Either the body was taken to its end, or the connection ends and says so.
        drop(read_answer_if_closing(&mut client, &response));
        drop(client);
        sending.join().unwrap();
    }
    wait::until("upstream connections with half a body are closed", || origin.open() == 0);
}

fn an_answer_of_the_proxy_reaches_a_client_that_still_uploads(cell: Cell) {
    let origin = Origin::http1().start();
    let routes = config().route_with(
        "/fixed",
        serde_json::json!({
            "policies": { "directResponse": { "status": 403, "body": "no" } },
        }),
    );
    let proxy = cell.start(&routes.route("/other", &origin));
    for path in ["/fixed", "/missing"] {
        for _ in 0..10 {
            let mut client = proxy.client();
            client.send(post_head(path));
            let sending = upload(client.wire.socket.another());
            let response = client.response();
            assert!([403, 404].contains(&response.status), "{}", response.status);
            drop(read_answer_if_closing(&mut client, &response));
            drop(client);
            sending.join().unwrap();
        }
    }
    assert!(origin.seen().is_empty());
}

/// What follows an unread body is never taken for a request.
fn the_rest_of_a_body_is_no_request(cell: Cell) {
    let origin = Origin::http1().start();
    let proxy = cell.start(&config().route("/other", &origin));
    let hidden = "GET /other/hidden HTTP/1.1\r\nHost: test\r\n\r\n";
    for length in [hidden.len(), 300_000] {
        let mut client = proxy.client();
        let mut request = format!(
            "POST /missing HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{hidden}"
        );
        request.push_str(&" ".repeat(length - hidden.len()));
        client.send(request);
        let response = client.response();
        assert_eq!(response.status, 404);
        if !response.closes() {
            assert_eq!(client.get("/other").status, 404);
        }
    }
    let hidden = |request: &origin::Request| request.target == "/other/hidden";
    assert!(!origin.seen().iter().any(hidden), "a body was taken for a request");
}

/// A body that was sent on to its end leaves nothing behind when its request fails: what comes next
/// is the next request, from its first byte.
fn a_request_behind_a_body_that_failed_is_whole(cell: Cell) {
    let heads = Arc::new(AtomicUsize::new(0));
    let came = Arc::clone(&heads);
    let origin = Origin::script(move |visit| {
        loop {
            let head = visit.head()?;
            let is_post = head.first_line.starts_with("POST");
            came.fetch_add(usize::from(is_post), Ordering::SeqCst);
            let request = visit.rest_of(head)?;
            match &*request.target {
                "/closes" => return Ok(()),
                "/babbles" => visit.wire.send("no answer\r\n\r\n")?,
                _ => visit.wire.send(origin::ok("next"))?,
            }
        }
    });
    let proxy = cell.start(&config().route("/", &origin));
    let next = "GET /next HTTP/1.1\r\nHost: test\r\n\r\n";
    let cases = [("/closes", ""), ("/closes", next), ("/babbles", ""), ("/babbles", next)];
    for (n, (path, behind)) in cases.into_iter().enumerate() {
        let mut client = proxy.client();
        client.send(format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n"));
        wait::until("the head is with the origin", || heads.load(Ordering::SeqCst) == n + 1);
        client.send(format!("body{behind}"));
        let response = client.response();
        assert_eq!((response.status, response.closes()), (502, false), "{path}");
        if behind.is_empty() {
            client.send(next);
        }
        assert_eq!(client.response().body(), "next", "behind {path}");
    }
}

fn a_client_that_leaves_takes_its_upstream_connection_with_it(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.head()?;
        visit.until_closed();
        Ok(())
    });
    let proxy = cell.start(&config().route("/", &origin));
    for reset in [false, true] {
        let mut client = proxy.client();
        client.send(post_head("/"));
        client.send(vec![b'x'; 1000]);
        wait::until("the request is with the origin", || origin.open() > 0);
        if reset {
            client.wire.socket.reset()
        } else {
            drop(client)
        }
        wait::until("the origin is told", || origin.open() == 0);
    }
}

fn a_body_that_stops_short_is_not_an_end(cell: Cell) {
    let origin = Origin::script(|visit| {
        if visit.request().is_ok() {
            visit.wire.send(origin::ok("whole"))?;
        }
        Ok(())
    });
    let proxy = cell.start(&config().route("/", &origin));
    let cases = [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n",
    ];
    for request in cases {
        let mut client = proxy.client();
        client.send(request);
        client.shut_write();
        let answer = read_answer(&mut client.wire, "POST");
        assert!(answer.statuses().iter().all(|status| *status >= 400), "{answer:?}");
    }
    wait::until("no upstream connection is left", || origin.open() == 0);
    assert!(origin.seen().is_empty(), "half a body was given out for a whole one");
}

fn read_answer_if_closing(client: &mut Client, response: &Response) -> Option<raw::Answer> {
    client.wire.socket.set_read_timeout(Duration::from_secs(5));
    response.closes().then(|| read_answer(&mut client.wire, "POST"))
}
