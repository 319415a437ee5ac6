//! Bodies under flow control, and what becomes of those that nobody wants.

use super::*;
use crate::net::tests::pattern;

const UPLOAD: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n";

#[test]
fn an_upload_goes_as_far_as_the_windows_let_it() {
    on_both_drivers(async |rig: Rig| {
        let bench = Bench::new(&rig, takes_step_by_step);
        let mut lane = bench.lane();
        send(&lane, UPLOAD).await;
        let (sent, _) = lane.stream.send_all(buffer_of(&pattern(300_000))).await;
        sent.expect("all of it is taken");
        expect(&mut lane, &bench.buffers, "HTTP/1.1 204 No Content\r\n\r\n").await;
        bench.join().await;
    });
}

#[test]
fn a_reader_that_does_not_read_holds_the_endpoint_back() {
    on_both_drivers(async |rig: Rig| {
        let bench = Bench::new(&rig, is_held_back);
        bench.settled().await;
        let (mut slow, mut other) = (bench.lane(), bench.lane());
        send(&slow, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        bench
            .until("the window is used up", || {
                bench.client.lanes.of(0).is_some_and(|lane| lane.unread() > 65_000)
            })
            .await;
        send(&other, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        expect(&mut other, &bench.buffers, "HTTP/1.1 204 No Content\r\n\r\n").await;
        let most = bench.client.lanes.of(0).map(|lane| lane.unread());
        assert!(most.is_some_and(|bytes| bytes < 70_000), "{most:?}");
        send(&other, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let mut came = Vec::new();
        let (_, armed) = slow.parts();
        let (mut result, mut buffer) = armed.finish().await;
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n";
        loop {
            assert!(result.expect("there is more") > 0);
            came.extend_from_slice(buffer.filled());
            buffer.clear();
            if came.len() >= head.len() + 300_000 {
                break;
            }
            (result, buffer) = slow.stream.recv(buffer).await;
        }
        assert!(came[head.len()..] == pattern(300_000));
        expect(&mut other, &bench.buffers, "HTTP/1.1 204 No Content\r\n\r\n").await;
        bench.join().await;
    });
}

#[test]
fn who_leaves_in_the_middle_cancels_the_stream() {
    on_both_drivers(async |rig: Rig| {
        let bench = Bench::new(&rig, |endpoint| {
            for _ in 0..3 {
                let (asked, ..) = endpoint.head();
                endpoint.answer(asked, &[(":status", "200")], false);
                endpoint.body(asked, b"some", false);
                let reset = endpoint.next();
                assert!(
                    matches!(reset, Seen::Reset { stream, code: 8 } if stream == asked),
                    "{reset:?}"
                );
            }
        });
        bench.settled().await;
        for _ in 0..3 {
            let mut lane = bench.lane();
            send(&lane, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let (_, armed) = lane.parts();
            let (result, buffer) = armed.finish().await;
            assert!(result.is_ok_and(|count| count > 0));
            bench.buffers.give(buffer);
        }
        bench.until("all lanes are free", || bench.client.lanes.room() == 10).await;
        bench.join().await;
    });
}

/// RFC 9113 section 8.1: with a word of the endpoint that it wants no more, or without.
#[test]
fn an_answer_before_the_end_of_the_request_is_the_end_of_it() {
    on_both_drivers(async |rig: Rig| {
        for says_so in [true, false] {
            let bench = Bench::new(&rig, move |endpoint| answers_early(endpoint, says_so));
            let mut lane = bench.lane();
            send(&lane, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n").await;
            let full = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n";
            expect(&mut lane, &bench.buffers, full).await;
            // The rest has to go somewhere, and the next request stands behind it.
            let (sent, _) = lane.stream.send_all(buffer_of(&pattern(100_000))).await;
            sent.expect("it is thrown away");
            send(&lane, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n").await;
            expect(&mut lane, &bench.buffers, "HTTP/1.1 204 No Content\r\n\r\n").await;
            bench.join().await;
        }
    });
}

fn takes_step_by_step(endpoint: &mut Endpoint) {
    endpoint.releases = false;
    let (stream, ..) = endpoint.head();
    let mut body = Vec::new();
    while body.len() < 65_536 {
        let Seen::Body { bytes, .. } = endpoint.next() else { panic!("no body") };
        body.extend_from_slice(&bytes);
    }
    assert_eq!(body.len(), 65_536, "a window's worth");
    endpoint.releases = true;
    endpoint.engine().release(stream, 65_536);
    endpoint.flush();
    let (rest, end) = endpoint.body_of(stream);
    body.extend_from_slice(&rest);
    assert!(end && body == pattern(300_000));
    endpoint.answer(stream, &[(":status", "204")], true);
}

fn is_held_back(endpoint: &mut Endpoint) {
    let (slow, ..) = endpoint.head();
    let body = pattern(300_000);
    endpoint.answer(slow, &[(":status", "200"), ("content-length", "300000")], false);
    let mut sent = endpoint.body(slow, &body, true);
    assert!(sent < 200_000, "{sent} bytes go out at once");
    // Another stream is not held up by it; what comes first is that nothing is given back.
    let (other, ..) = endpoint.head();
    assert_eq!(endpoint.engine().send_capacity(slow), 0);
    endpoint.answer(other, &[(":status", "204")], true);
    // Its reader has begun to read.
    let (last, ..) = endpoint.head();
    while sent < body.len() {
        let more = endpoint.body(slow, &body[sent..], true);
        sent += more;
        if more == 0 {
            endpoint.pass();
        }
    }
    endpoint.answer(last, &[(":status", "204")], true);
}

fn answers_early(endpoint: &mut Endpoint, says_so: bool) {
    let (stream, ..) = endpoint.head();
    endpoint.answer(stream, &[(":status", "413"), ("content-length", "0")], true);
    if says_so {
        endpoint.engine().reset(stream, crate::proto::http2::ErrorCode::NO_ERROR);
        endpoint.flush();
    }
    let (next, fields, _) = endpoint.head_past_bodies();
    assert!(text(&fields).contains(":path /next"), "{}", text(&fields));
    endpoint.answer(next, &[(":status", "204")], true);
}
