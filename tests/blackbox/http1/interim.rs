//! Interim responses, RFC 9110 section 15.2: all of them reach the client, and the final one too.

use crate::harness::*;

matrix! {
    interim_responses_are_relayed,
    an_early_hint_is_early,
}

drivers! {
    interim_responses_arrive_in_pieces,
    endless_interim_responses_are_cut,
    a_switch_that_nobody_asked_for_is_an_error,
}

fn interim_responses_are_relayed(cell: Cell) {
    let origin = Origin::http1()
        .answer(
            "/",
            "HTTP/1.1 102 Processing\r\n\r\n\
                 HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n\
                 HTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\nConnection: x-h\r\nX-H: 1\r\n\r\n\
                 HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        )
        .start();
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for _ in 0..5 {
        let response = client.get("/");
        let statuses = response.interim.iter().map(|head| head.status().unwrap());
        assert_eq!(statuses.collect::<Vec<_>>(), [102, 103, 103]);
        assert_eq!(response.interim[1].all("link"), ["</a.css>; rel=preload"]);
        assert_eq!(response.interim[2].field("x-h"), None, "hop-by-hop here too");
        assert_eq!((response.status, response.body()), (200, "hello".to_owned()));
    }
    assert_eq!(origin.accepted(), 1);
}

/// Not held back until the final response is there.
fn an_early_hint_is_early(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.request()?;
        visit.wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")?;
        // The next request is the sign that the hint was seen.
        visit.until_closed();
        Ok(())
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.head().status().unwrap(), 103);
}

fn interim_responses_arrive_in_pieces(cell: Cell) {
    let bytes = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n\
                 HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let origin = Origin::script(move |visit| {
        visit.request()?;
        for byte in bytes.as_bytes() {
            visit.wire.send([*byte])?;
            std::thread::yield_now();
        }
        Ok(())
    });
    let proxy = cell.start(&config().route("/", &origin));
    let response = proxy.client().get("/");
    assert_eq!((response.interim.len(), response.status), (2, 200));
    assert_eq!(response.body(), "ok");
}

/// Nobody may keep a request alive with them for ever.
fn endless_interim_responses_are_cut(cell: Cell) {
    let origin = Origin::script(|visit| {
        visit.request()?;
        loop {
            visit.wire.send("HTTP/1.1 103 Early Hints\r\n\r\n")?;
        }
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    let answer = raw::read_answer(&mut client.wire, "GET");
    let interim = answer.responses.first().map_or(0, |response| response.interim.len());
    assert!(interim <= 100, "{interim}");
    wait::until("the origin is rid of it", || origin.open() == 0);
}

fn a_switch_that_nobody_asked_for_is_an_error(cell: Cell) {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\
                  Upgrade: websocket\r\n\r\n";
    let origin = Origin::answering(switch);
    let proxy = cell.start(&config().route("/", &origin));
    assert_eq!(proxy.client().get("/").status, 502);
}
