//! One connection from a client: how long it lives, what goes over it in which order, and the
//! forms that a request line has.

use crate::harness::message::Framing;
use crate::harness::*;

matrix! {
    keep_alive,
    a_hundred_pipelined_requests_are_answered_in_order,
    pipelined_bodies_keep_their_borders,
    a_client_that_asks_to_close_is_closed,
    a_half_closed_client_is_answered,
    a_request_may_come_one_byte_at_a_time,
    descriptors_are_given_back,
}

drivers! {
    responses_without_a_body_leave_the_connection_usable,
    a_client_of_http_1_0,
    http_1_0_needs_no_host,
    absolute_form_names_the_host,
    options_of_the_server_as_a_whole,
    connect_is_refused,
    empty_lines_before_a_request_are_skipped,
}

/// Answers with the target it was asked for.
fn naming() -> Origin {
    Origin::http1().on("/", |request, visit| visit.reply(&origin::ok(&*request.target))).start()
}

fn keep_alive(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for _ in 0..10 {
        let response = client.get("/");
        assert_eq!((response.status, response.body()), (200, "hello".to_owned()));
        assert!(!response.closes());
    }
    assert_eq!(origin.accepted(), 1, "one upstream connection carries them all");
}

fn a_hundred_pipelined_requests_are_answered_in_order(cell: Cell) {
    let origin = naming();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    let request = |n| format!("GET /?n={n} HTTP/1.1\r\nHost: test\r\n\r\n");
    client.send((0..100).map(request).collect::<String>());
    for n in 0..100 {
        assert_eq!(client.response().body(), format!("/?n={n}"));
    }
    let order: Vec<String> = origin.seen().into_iter().map(|request| request.target).collect();
    assert_eq!(order, (0..100).map(|n| format!("/?n={n}")).collect::<Vec<_>>());
}

fn pipelined_bodies_keep_their_borders(cell: Cell) {
    let origin =
        Origin::http1().on("/", |request, visit| visit.reply(&origin::ok(&*request.body))).start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    let request = |n: usize| {
        let body = n.to_string().repeat(n);
        let length = body.len();
        let chunked = "Transfer-Encoding: chunked";
        match n % 2 {
            0 => format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}"),
            _ => format!(
                "POST / HTTP/1.1\r\nHost: a\r\n{chunked}\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
            ),
        }
    };
    client.send((0..40).map(request).collect::<String>());
    for n in 0..40usize {
        assert_eq!(client.response().body(), n.to_string().repeat(n));
    }
}

fn a_client_that_asks_to_close_is_closed(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    let response = client.ask("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert_eq!(response.body(), "hello");
    assert!(response.closes());
    client.wait_for_close();
    assert_eq!(proxy.client().get("/").body(), "hello");
    if cell.workers == 1 {
        assert_eq!(origin.accepted(), 1, "the close is the client's, not the upstream's");
    }
}

fn a_half_closed_client_is_answered(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin));
    for _ in 0..20 {
        let mut client = proxy.client();
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        client.shut_write();
        assert_eq!(client.response().body(), "hello");
        client.wait_for_close();
    }
}

fn a_request_may_come_one_byte_at_a_time(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin));
    let request = "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\
                   Connection: close\r\n\r\n5;x=\"y\"\r\nabcde\r\n1\r\nf\r\n0\r\nT: 1\r\n\r\n";
    let answer = raw::drip(proxy.address(), request.as_bytes());
    assert_eq!(answer.statuses(), [200]);
    assert_eq!(origin.last().body, b"abcdef");
}

fn descriptors_are_given_back(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin));
    assert_eq!(proxy.client().get("/").body(), "hello");
    proxy.await_metric("ringway_active_connections", &[], 0.0);
    let before = proxy.open_files();
    let mut clients: Vec<_> = (0..200).map(|_| proxy.client()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        match n % 3 {
            0 => assert_eq!(client.get("/").body(), "hello"),
            1 => client.send("GET / HTTP/1.1\r\nHo"),
            _ => (),
        }
    }
    drop(clients);
    proxy.await_metric("ringway_active_connections", &[], 0.0);
    // Each worker may keep a connection to the origin.
    wait::until("their descriptors are closed", || proxy.open_files() <= before + 5);
}

fn responses_without_a_body_leave_the_connection_usable(cell: Cell) {
    let origin = Origin::http1()
        .on("/head", |_, visit| visit.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"))
        .answer("/204", "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n")
        .answer("/304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n")
        .answer("/head-chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        .route("/", "hello")
        .start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for _ in 0..3 {
        let head = client.ask("HEAD /head HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!((head.status, head.field("content-length")), (200, Some("99")));
        assert_eq!(client.get("/").body(), "hello");
        let chunked = client.ask("HEAD /head-chunked HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(chunked.status, 200);
        let empty = client.get("/204");
        assert_eq!((empty.status, empty.field("content-length")), (204, None));
        assert_eq!(empty.field("transfer-encoding"), None);
        let unmodified = client.get("/304");
        assert_eq!((unmodified.status, unmodified.field("content-length")), (304, Some("99")));
        assert_eq!(client.get("/").body(), "hello");
    }
    assert_eq!(origin.accepted(), 1);
}

fn a_client_of_http_1_0(cell: Cell) {
    let origin = Origin::http1()
        .route("/", "hello")
        .answer(
            "/chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n6\r\n there\r\n0\r\nX-T: 1\r\n\r\n",
        )
        .answer(
            "/hints",
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
                 HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        )
        .start();
    let proxy = cell.start(&config().route("/", &origin));

    let mut client = proxy.client();
    let response = client.ask("GET / HTTP/1.0\r\nHost: test\r\n\r\n");
    assert_eq!(response.body(), "hello");
    client.wait_for_close();
    assert!(origin.last().head.first_line.ends_with("HTTP/1.1"), "our version, not theirs");

    let mut client = proxy.client();
    for _ in 0..3 {
        let kept = "GET / HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n";
        let response = client.ask(kept);
        assert_eq!(response.body(), "hello");
        assert_eq!(response.field("connection"), Some("keep-alive"));
    }
    // It knows no chunks: the end of the body is the end of the connection.
    let kept = "GET /chunked HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n";
    let response = client.ask(kept);
    let framing = response.head.response_framing("GET").unwrap();
    assert_eq!((framing, response.body()), (Framing::UntilClose, "hello there".to_owned()));

    let mut client = proxy.client();
    let response = client.ask("GET /hints HTTP/1.0\r\nHost: test\r\n\r\n");
    assert_eq!((response.interim.len(), response.body()), (0, "hello".to_owned()));
}

fn http_1_0_needs_no_host(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin));
    let response = proxy.client().ask("GET / HTTP/1.0\r\n\r\n");
    assert_eq!((response.status, response.body()), (200, "hello".to_owned()));
    assert_eq!(origin.last().head.all("host").len(), 1, "an HTTP/1.1 request has a Host");
}

fn absolute_form_names_the_host(cell: Cell) {
    let origin = naming();
    let proxy = cell.start(&config().route("/", &origin));
    let cases = [
        ("http://a.example/?x=1", "/?x=1", "a.example"),
        ("http://a.example:81/?x", "/?x", "a.example:81"),
        ("http://a.example", "/", "a.example"),
        ("HTTP://A.example/", "/", "A.example"),
        ("http://[::1]:80/", "/", "[::1]:80"),
    ];
    for (target, path, host) in cases {
        let request = format!("GET {target} HTTP/1.1\r\nHost: other.example\r\n\r\n");
        assert_eq!(proxy.client().ask(&request).status, 200, "{target}");
        let seen = origin.last();
        assert_eq!((seen.target.as_str(), seen.head.all("host")), (path, vec![host]));
    }
}

fn options_of_the_server_as_a_whole(cell: Cell) {
    let origin = Origin::http1().route("*", "all of it").start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    let response = client.ask("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!((response.status, response.body()), (200, "all of it".to_owned()));
    assert_eq!(origin.last().target, "*");
    let response = client.ask("GET * HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(response.status, 400, "no other method has that form");
    // Who has no forwards left is answered by whoever has the request: RFC 9110 section 7.6.2.
    let mut client = proxy.client();
    for (method, left, status) in [("OPTIONS", 1, 200), ("OPTIONS", 0, 200), ("TRACE", 0, 405)] {
        let seen = origin.seen().len();
        let target = if method == "TRACE" { "/" } else { "*" };
        let head = format!("{method} {target} HTTP/1.1\r\nHost: test\r\nMax-Forwards: {left}");
        let response = client.ask(&format!("{head}\r\n\r\n"));
        assert_eq!((response.status, response.closes()), (status, false), "{head}");
        assert_eq!(response.field("allow").is_some(), left == 0, "{head}");
        assert_eq!(origin.seen().len() - seen, left, "{head}");
    }
    assert_eq!(origin.last().head.all("max-forwards"), ["0"]);
}

fn connect_is_refused(cell: Cell) {
    let origin = naming();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    client.send("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n");
    assert_eq!(client.response().status, 405);
    assert!(origin.seen().is_empty());
}

fn empty_lines_before_a_request_are_skipped(cell: Cell) {
    let origin = Origin::http1().route("/", "hello").start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    client.send("\r\n\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n\r\n");
    assert_eq!(client.response().body(), "hello");
    assert_eq!(client.get("/").body(), "hello");
}
