//! Origins that stop in the middle, at every byte there is, and origins that are very slow.

use crate::harness::message::Framing;
use crate::harness::*;

drivers! {
    a_close_at_every_byte,
    a_reset_at_every_byte,
    one_byte_at_a_time,
}

const RESPONSES: &[&str] = &[
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nX: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
];

/// Sends a response up to a byte, both named in the target, then ends.
fn cutting(reset: bool) -> Origin {
    Origin::script(move |visit| {
        let request = visit.request()?;
        let (case, cut) = numbers(&request.target);
        visit.wire.send(&RESPONSES[case][..cut])?;
        if reset {
            visit.wire.socket.another().reset();
        }
        Ok(())
    })
}

fn numbers(target: &str) -> (usize, usize) {
    let (case, cut) = target.trim_start_matches("/?").split_once(',').unwrap();
    (case.parse().unwrap(), cut.parse().unwrap())
}

fn cuts(cell: Cell, reset: bool) {
    let origin = cutting(reset);
    let proxy = cell.start(&config().route("/", &origin));
    for (case, response) in RESPONSES.iter().enumerate() {
        for cut in 0..=response.len() {
            let request = format!("GET /?{case},{cut} HTTP/1.1\r\nHost: a\r\n\r\n");
            let what = format!("{:?}", &response[..cut]);
            let answer = proxy.client().try_ask(&request);
            let body = response
                .rfind("200 OK")
                .and_then(|at| response[at..].find("\r\n\r\n").map(|end| at + end + 4));
            match answer {
                Ok(answer) if answer.status == 502 => assert!(cut < response.len(), "{what}"),
                // A reset may overtake what was sent before it.
                Ok(answer) => {
                    assert_eq!((cut, answer.status), (response.len(), 200), "{what}");
                    assert_eq!(answer.body(), "hello");
                    assert_ne!(answer.head.response_framing("GET").unwrap(), Framing::UntilClose);
                }
                Err(error) => {
                    let begun = body.is_some_and(|body| cut >= body);
                    let whole = cut == response.len() && !reset;
                    assert!(begun && !whole, "{what}: {error}");
                }
            }
        }
    }
    proxy.await_metric("ringway_panics_total", &[], 0.0);
    assert_eq!(proxy.client().ask("GET /?0,44 HTTP/1.1\r\nHost: a\r\n\r\n").status, 502);
}

fn a_close_at_every_byte(cell: Cell) {
    cuts(cell, false);
}

fn a_reset_at_every_byte(cell: Cell) {
    cuts(cell, true);
}

fn one_byte_at_a_time(cell: Cell) {
    let origin = Origin::script(|visit| {
        loop {
            let request = visit.request()?;
            for byte in RESPONSES[numbers(&request.target).0].as_bytes() {
                visit.wire.send([*byte])?;
                std::thread::yield_now();
            }
        }
    });
    let proxy = cell.start(&config().route("/", &origin));
    let mut client = proxy.client();
    for _ in 0..3 {
        for (case, response) in RESPONSES.iter().enumerate() {
            let request = format!("GET /?{case},0 HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(client.ask(&request).body(), "hello", "{response:?}");
        }
    }
    assert_eq!(origin.accepted(), 1);
}
