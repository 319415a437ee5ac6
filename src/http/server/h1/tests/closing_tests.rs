//! What is left of a request that was not read to its end, and the last answer of a connection.

use std::io::Write as _;

use super::*;
use crate::net::tests::{is_at_end, read_all};

/// What is drained of a request's body, and whether the connection can go on.
async fn drained(seat: &mut Seat, limits: &Limits) -> bool {
    assert_eq!(seat.arrival(limits, false).await, Arrival::Head);
    let mut body = request_body(&seat.exchange);
    let length = seat.exchange.request.len;
    seat.exchange.input.as_mut().unwrap().consume(length);
    let Seat { connection, exchange, buffers, .. } = seat;
    connection.drain_body(exchange, &mut body, buffers, limits).await
}

fn post(length: usize) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n").into_bytes()
}

#[test]
fn a_short_body_is_thrown_away_and_the_next_request_is_behind_it() {
    on_both_drivers(async |rig| {
        let fixed = [post(30_000), vec![b'x'; 30_000], GET.to_vec()].concat();
        let chunked = [
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n",
            GET,
        ]
        .concat();
        for bytes in [fixed, chunked] {
            for size in [bytes.len(), 999, 61] {
                let mut seat = Seat::new(&rig);
                let writer = drip(&seat.client, &bytes, size, Duration::ZERO);
                assert!(drained(&mut seat, &limits()).await);
                assert_eq!(seat.arrival(&limits(), false).await, Arrival::Head);
                assert_eq!(seat.path(), b"/a");
                writer.join().unwrap();
            }
        }
    });
}

#[test]
fn a_body_that_is_long_or_slow_or_broken_ends_the_connection() {
    on_both_drivers(async |rig| {
        let limits = Limits { linger_bytes_max: 10_000, linger: SHORT, ..limits() };
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let cases: [(&str, Vec<u8>, bool); 5] = [
            ("too long", [post(20_000), vec![b'x'; 20_000]].concat(), false),
            ("as long as may be", [post(10_000), vec![b'x'; 10_000]].concat(), true),
            ("slow", [post(5_000), vec![b'x'; 4_999]].concat(), false),
            ("broken", format!("{head}zz\r\n").into_bytes(), false),
            ("whole", format!("{head}0\r\n\r\n").into_bytes(), true),
        ];
        for (what, bytes, expected) in cases {
            let mut seat = Seat::new(&rig);
            write(&seat.client, &bytes);
            assert_eq!(drained(&mut seat, &limits).await, expected, "{what}");
        }
        let mut seat = Seat::new(&rig);
        write(&seat.client, &post(5_000));
        seat.client.shutdown(Shutdown::Write).unwrap();
        assert!(!drained(&mut seat, &limits).await, "the client ended it");
    });
}

#[test]
fn the_deadline_of_draining_ends_with_it() {
    on_both_drivers(async |rig| {
        let limits = Limits { linger: 2 * SHORT, ..limits() };
        let mut seat = Seat::new(&rig);
        write(&seat.client, &[&post(5), &b"hello"[..], GET].concat());
        assert!(drained(&mut seat, &limits).await);
        assert_eq!(seat.arrival(&limits, false).await, Arrival::Head);
        rig.sleep(4 * SHORT).await;
        assert_eq!(came_later(&seat).await, 4, "the client's side was ended meanwhile");
    });
}

const REPLY: &[u8] = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n";

/// Answers before the body has come, and ends the connection.
async fn answer(mut seat: Seat, limits: &Limits) {
    assert_eq!(seat.arrival(limits, false).await, Arrival::Head);
    Box::pin(say_and_linger(seat, limits)).await;
}

async fn say_and_linger(mut seat: Seat, limits: &Limits) {
    let mut message = seat.buffers.take();
    message.put(REPLY);
    let (sent, message) = seat.connection.send(message, limits).await;
    sent.unwrap();
    seat.buffers.give(message);
    seat.connection.linger(&mut seat.exchange, &seat.buffers, limits).await;
    assert_eq!(seat.buffers.out_bytes(), 0);
}

#[test]
fn who_keeps_sending_reads_its_answer() {
    on_both_drivers(async |rig| {
        let limits = Limits { linger: LONG / 2, ..limits() };
        let mut read = 0;
        for _ in 0..200 {
            let mut seat = Seat::new(&rig);
            let client = std::mem::replace(&mut seat.client, crate::net::tests::sockets().0);
            let sender = thread::spawn(move || {
                write(&client, &post(10 << 20));
                // As much as it is let; that it is refused in the middle is no surprise to it.
                let piece = [b'x'; 32 << 10];
                let _ = (0..320).try_for_each(|_| (&client).write_all(&piece));
                let mut got = vec![0; REPLY.len()];
                std::io::Read::read_exact(&mut &client, &mut got).map(|()| got == REPLY)
            });
            answer(seat, &limits).await;
            // The ring closes the descriptor on its next turn.
            rig.sleep(Duration::from_nanos(1)).await;
            read += u32::from(sender.join().unwrap().is_ok_and(|same| same));
        }
        assert_eq!(read, 200, "of 200");
    });
}

#[test]
fn who_ends_its_request_after_the_answer_is_not_reset() {
    on_both_drivers(async |rig| {
        for _ in 0..20 {
            let mut seat = Seat::new(&rig);
            let client = std::mem::replace(&mut seat.client, crate::net::tests::sockets().0);
            let sender = thread::spawn(move || {
                write(&client, &post(50_000));
                assert_eq!(read_some(&client, REPLY.len()), REPLY);
                assert!(is_at_end(&client), "no more is to come");
                write(&client, &[b'x'; 50_000]);
                client.shutdown(Shutdown::Write).unwrap();
                assert!(read_all(&client).is_empty());
            });
            answer(seat, &limits()).await;
            rig.sleep(Duration::from_nanos(1)).await;
            sender.join().unwrap();
        }
    });
}

#[test]
fn who_was_too_slow_and_sends_on_is_not_reset() {
    on_both_drivers(async |rig| {
        for park in [false, true] {
            let mut seat = Seat::new(&rig);
            let client = std::mem::replace(&mut seat.client, crate::net::tests::sockets().0);
            let sender = thread::spawn(move || {
                write(&client, &GET[..9]);
                assert_eq!(read_some(&client, REPLY.len()), REPLY);
                assert!(is_at_end(&client), "no more is to come");
                drip(&client, &[b'x'; 40], 4, Duration::from_millis(1)).join().unwrap();
                client.shutdown(Shutdown::Write).unwrap();
                assert!(read_all(&client).is_empty());
            });
            let hurried = Limits { header: SHORT, ..limits() };
            assert_eq!(seat.arrival_at_last(&hurried, park).await, Arrival::Slow);
            say_and_linger(seat, &limits()).await;
            rig.sleep(Duration::from_nanos(1)).await;
            sender.join().unwrap();
        }
    });
}

#[test]
fn lingering_has_bounds() {
    on_both_drivers(async |rig| {
        // In time: the client neither sends nor closes.
        let mut seat = Seat::new(&rig);
        let begun = seat.connection.now();
        let short = Limits { linger: SHORT, ..limits() };
        seat.connection.linger(&mut seat.exchange, &seat.buffers, &short).await;
        let took = Duration::from_nanos(seat.connection.now().nanos_since(begun));
        assert!(took >= SHORT && took < Duration::from_secs(10), "{took:?}");
        assert!(!seat.connection.stream.deadline().fired(), "cleared");
        // In bytes: the client sends without an end.
        let mut seat = Seat::new(&rig);
        let client = seat.client.try_clone().unwrap();
        let sender = thread::spawn(move || while (&client).write_all(&[b'x'; 1 << 10]).is_ok() {});
        let narrow = Limits { linger_bytes_max: 10_000, ..limits() };
        let begun = seat.connection.now();
        seat.connection.linger(&mut seat.exchange, &seat.buffers, &narrow).await;
        let took = Duration::from_nanos(seat.connection.now().nanos_since(begun));
        assert!(took < LONG / 2, "{took:?}");
        drop(seat);
        rig.sleep(Duration::from_millis(1)).await;
        sender.join().unwrap();
    });
}
