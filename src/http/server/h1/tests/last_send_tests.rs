//! A response that was left to itself: what becomes of it when the client does not take it.

use super::*;
use crate::net::runtime::{self, Driver, DriverChoice};
use crate::net::tests::on;
use std::io::Read as _;

/// Only a ring goes on with a write that nobody polls.
fn on_the_ring(body: impl AsyncFnOnce(Rig) + Send + 'static) {
    match runtime::probe(DriverChoice::Uring) {
        Ok(Driver::Epoll) | Err(_) => println!("skipped: no io_uring here"),
        Ok(driver) => on(driver, body),
    }
}

fn leave(seat: &Seat, bytes: usize) {
    let mut message = Buffer::with_capacity(bytes);
    message.put(&vec![b'r'; bytes]);
    seat.connection.send_last(message);
}

/// Takes `bytes` of a response, asks again, and takes what comes until nothing does.
fn client(seat: &Seat, bytes: usize, wait: Duration) -> thread::JoinHandle<()> {
    let mut client = seat.client.try_clone().unwrap();
    thread::spawn(move || {
        pause(wait);
        client.read_exact(&mut vec![0; bytes]).unwrap();
        write(&client, GET);
    })
}

#[test]
fn a_response_that_was_left_is_whole_before_the_next_request_is_served() {
    on_the_ring(async |rig| {
        // The larger ones are more than the socket takes at once: they are written in parts, and
        // whoever reads them is not asked to ask again first.
        for bytes in [1, SEND_QUIETLY_BYTES_MAX, 8 << 20] {
            served_after(&rig, bytes, false).await;
            served_after(&rig, bytes, true).await;
        }
    });
}

async fn served_after(rig: &Rig, bytes: usize, park: bool) {
    let mut seat = Seat::new(rig);
    leave(&seat, bytes);
    let reader = client(&seat, bytes, Duration::ZERO);
    let arrival = seat.arrival_at_last(&limits(), park).await;
    assert_eq!(arrival, Arrival::Head, "{bytes} bytes, park {park}");
    assert_eq!(seat.connection.sent_bytes.get(), bytes as u64);
    reader.join().unwrap();
}

#[test]
fn a_client_that_takes_nothing_is_given_the_time_of_a_write() {
    on_the_ring(async |rig| {
        let hurried = Limits { write: SHORT, ..limits() };
        let mut seat = Seat::new(&rig);
        leave(&seat, 32 << 20);
        assert_eq!(seat.arrival(&hurried, false).await, Arrival::Gone);
    });
}

#[test]
fn to_look_at_the_last_send_does_not_lengthen_the_idle_time() {
    on_the_ring(async |rig| {
        let mut seat = Seat::new(&rig);
        leave(&seat, 10);
        let begun = std::time::Instant::now();
        let idle = Limits { idle: 3 * SHORT, ..limits() };
        assert_eq!(seat.arrival(&idle, false).await, Arrival::Expired);
        let spent = begun.elapsed();
        assert!(spent >= 3 * SHORT && spent < LONG, "{spent:?}");
    });
}

/// Nor does it make a head that has begun one that may take as long as idling.
#[test]
fn a_head_that_has_begun_has_its_own_time_behind_a_response_that_was_left() {
    on_the_ring(async |rig| {
        for park in [false, true] {
            let mut seat = Seat::new(&rig);
            leave(&seat, 10);
            write(&seat.client, &GET[..9]);
            let hurried = Limits { header: SHORT, ..limits() };
            let begun = std::time::Instant::now();
            assert_eq!(seat.arrival_at_last(&hurried, park).await, Arrival::Slow);
            assert!(begun.elapsed() < LONG / 2, "{:?}", begun.elapsed());
        }
    });
}
