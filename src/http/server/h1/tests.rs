use std::net::{Shutdown, TcpStream};
use std::thread;

use super::*;
use crate::limits::SEND_QUIETLY_BYTES_MAX;
use crate::net::tests::{Rig, drip, on_both_drivers, pause, read_some, write};
use crate::proto::http1::HeadLimits;

mod closing_tests;
mod last_send_tests;

const LONG: Duration = Duration::from_secs(20);
const SECOND: Duration = Duration::from_secs(1);
const SHORT: Duration = Duration::from_millis(60);
const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: here\r\n\r\n";

fn limits() -> Limits {
    Limits {
        head: HeadLimits::default(),
        header: LONG,
        idle: LONG,
        read: LONG,
        write: LONG,
        requests_max: 100,
        linger_bytes_max: 64 << 10,
        linger: LONG,
        tunnel_idle: LONG,
        connection: None,
    }
}

/// A connection with what a worker has for it, and its client.
struct Seat {
    connection: Connection,
    client: TcpStream,
    exchange: Exchange,
    buffers: Buffers,
}

impl Seat {
    fn new(rig: &Rig) -> Self {
        let (stream, client) = rig.pair();
        let connection = Connection::new(stream, Peer::new(None));
        Self { connection, client, exchange: Exchange::default(), buffers: Buffers::default() }
    }

    async fn arrival(&mut self, limits: &Limits, park: bool) -> Arrival {
        self.connection.arrival(&mut self.exchange, &self.buffers, limits, park).await
    }

    /// The first that is none of idling, for a peer that may be slow to begin.
    async fn arrival_at_last(&mut self, limits: &Limits, park: bool) -> Arrival {
        loop {
            match self.arrival(limits, park).await {
                Arrival::Idle => {}
                arrival => return arrival,
            }
        }
    }

    fn path(&self) -> &[u8] {
        self.exchange.request.path(self.exchange.head_bytes())
    }

    fn advance(&mut self) {
        self.exchange.consumed = self.exchange.request.len;
        self.exchange.advance(&self.buffers);
    }
}

#[test]
fn a_head_may_come_in_pieces() {
    on_both_drivers(async |rig| {
        for park in [false, true] {
            for size in [1, 2, 7, GET.len()] {
                let mut seat = Seat::new(&rig);
                let writer = drip(&seat.client, GET, size, Duration::from_micros(300));
                assert_eq!(seat.arrival_at_last(&limits(), park).await, Arrival::Head);
                assert_eq!(seat.path(), b"/a");
                assert_eq!(seat.exchange.request.len, GET.len());
                assert_eq!(seat.connection.received_bytes.get(), GET.len() as u64);
                writer.join().unwrap();
            }
        }
    });
}

#[test]
fn a_head_may_be_larger_than_a_read() {
    on_both_drivers(async |rig| {
        let mut seat = Seat::new(&rig);
        let long = "x".repeat(7_000);
        let mut head = String::from("GET /a HTTP/1.1\r\nHost: here\r\n");
        (0..4).for_each(|index| head += &format!("x-{index}: {long}\r\n"));
        write(&seat.client, format!("{head}\r\n").as_bytes());
        assert_eq!(seat.arrival(&limits(), false).await, Arrival::Head);
        assert_eq!(seat.exchange.request.fields.len(), 5);
        // What is in use is counted as what was taken, whatever became of it.
        let other = seat.buffers.take();
        seat.exchange.release(&seat.buffers);
        assert_eq!(seat.buffers.out_bytes(), other.capacity());
        // And may not be larger than what is allowed.
        let mut seat = Seat::new(&rig);
        (4..9).for_each(|index| head += &format!("x-{index}: {long}\r\n"));
        let client = seat.client.try_clone().unwrap();
        let writer = thread::spawn(move || {
            let _ = std::io::Write::write_all(&mut &client, head.as_bytes());
        });
        let arrival = seat.arrival(&limits(), false).await;
        assert_eq!(arrival, Arrival::Malformed(ParseError::HeadTooLarge));
        writer.join().unwrap();
    });
}

#[test]
fn requests_in_one_segment_are_served_one_after_the_other() {
    on_both_drivers(async |rig| {
        let mut seat = Seat::new(&rig);
        write(
            &seat.client,
            b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGE",
        );
        for path in [b"/1", b"/2"] {
            assert_eq!(seat.arrival(&limits(), false).await, Arrival::Head);
            assert_eq!(seat.path(), path);
            assert!(seat.exchange.input.as_ref().unwrap().len() > seat.exchange.request.len);
            seat.advance();
        }
        // The third has begun: its head has to come in the time of a head, not of idling.
        let hurried = Limits { header: SHORT, ..limits() };
        assert_eq!(seat.arrival(&hurried, true).await, Arrival::Slow);
        let mut seat = Seat::new(&rig);
        write(&seat.client, &[GET, &GET[..9]].concat());
        assert_eq!(seat.arrival(&limits(), false).await, Arrival::Head);
        seat.advance();
        write(&seat.client, &GET[9..]);
        assert_eq!(seat.arrival(&limits(), false).await, Arrival::Head);
        assert_eq!((seat.path(), seat.exchange.has_more()), (&b"/a"[..], true));
        seat.advance();
        assert!(!seat.exchange.has_more());
    });
}

#[test]
fn who_idles_gives_its_memory_back_and_is_still_heard() {
    on_both_drivers(async |rig| {
        let mut seat = Seat::new(&rig);
        assert_eq!(seat.arrival(&limits(), true).await, Arrival::Idle);
        assert!(seat.exchange.input.is_none());
        assert_eq!(seat.buffers.out_bytes(), 0);
        let client = seat.client.try_clone().unwrap();
        let writer = thread::spawn(move || {
            pause(Duration::from_millis(20));
            write(&client, GET);
        });
        assert!(seat.connection.parked(LONG).await);
        assert_eq!(seat.arrival(&limits(), true).await, Arrival::Head);
        assert_eq!(seat.path(), b"/a");
        writer.join().unwrap();
    });
}

#[test]
fn a_parked_connection_expires_and_hears_its_end() {
    on_both_drivers(async |rig| {
        let seat = Seat::new(&rig);
        assert!(!seat.connection.parked(SHORT).await, "not a byte in time");
        let mut seat = Seat::new(&rig);
        seat.client.shutdown(Shutdown::Both).unwrap();
        // To be ready is all that it can tell; the read finds out.
        assert!(seat.connection.parked(LONG).await);
        assert_eq!(seat.arrival(&limits(), true).await, Arrival::Gone);
    });
}

#[test]
fn not_a_byte_for_the_idle_limit_expires() {
    on_both_drivers(async |rig| {
        let mut seat = Seat::new(&rig);
        let impatient = Limits { idle: SHORT, ..limits() };
        assert_eq!(seat.arrival(&impatient, false).await, Arrival::Expired);
        assert_eq!(seat.buffers.out_bytes(), 0);
        // Between two requests as before the first.
        let mut seat = Seat::new(&rig);
        write(&seat.client, GET);
        assert_eq!(seat.arrival(&impatient, false).await, Arrival::Head);
        seat.advance();
        assert_eq!(seat.arrival(&impatient, false).await, Arrival::Expired);
    });
}

#[test]
fn a_head_that_drips_is_slow_and_can_be_answered() {
    on_both_drivers(async |rig| {
        for park in [false, true] {
            let mut seat = Seat::new(&rig);
            // Each byte comes well within the limit; the head does not, however they are read.
            let never_whole = &GET[..GET.len() - 1];
            let writer = drip(&seat.client, never_whole, 1, Duration::from_millis(20));
            let hurried = Limits { header: Duration::from_millis(150), ..limits() };
            assert_eq!(seat.arrival_at_last(&hurried, park).await, Arrival::Slow);
            let mut message = seat.buffers.take();
            message.put(b"HTTP/1.1 408 ");
            let (sent, message) = seat.connection.send(message, &limits()).await;
            sent.unwrap();
            seat.buffers.give(message);
            assert_eq!(read_some(&seat.client, 13), b"HTTP/1.1 408 ");
            assert_eq!(seat.buffers.out_bytes(), 0);
            writer.join().unwrap();
        }
    });
}

fn leave(client: TcpStream, by_reset: bool) {
    pause(Duration::from_millis(5));
    match by_reset {
        true => crate::net::tests::reset(client),
        false => drop(client),
    }
}

#[test]
fn who_leaves_is_gone() {
    on_both_drivers(async |rig| {
        for (sent, by_reset) in [(0, false), (0, true), (9, false), (9, true)] {
            for park in [false, true] {
                let mut seat = Seat::new(&rig);
                let client = std::mem::replace(&mut seat.client, crate::net::tests::sockets().0);
                write(&client, &GET[..sent]);
                let leaver = thread::spawn(move || leave(client, by_reset));
                assert_eq!(seat.arrival_at_last(&limits(), park).await, Arrival::Gone);
                assert_eq!(seat.buffers.out_bytes(), 0);
                leaver.join().unwrap();
            }
        }
    });
}

#[test]
fn what_is_no_request_is_malformed() {
    on_both_drivers(async |rig| {
        for (bytes, error) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], ParseError::NoHost),
            (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", ParseError::VersionUnsupported),
        ] {
            let mut seat = Seat::new(&rig);
            write(&seat.client, bytes);
            assert_eq!(seat.arrival(&limits(), true).await, Arrival::Malformed(error));
        }
    });
}

/// Bytes that come while they are waited for.
async fn came_later(seat: &Seat) -> usize {
    let reading = seat.connection.stream.recv(seat.buffers.take());
    let client = seat.client.try_clone().unwrap();
    let writer = thread::spawn(move || {
        pause(Duration::from_millis(20));
        write(&client, b"more");
    });
    let (result, _) = reading.await;
    writer.join().unwrap();
    result.unwrap()
}

/// The limits of waiting for a head are not those of what is done with it.
#[test]
fn the_deadline_of_a_head_ends_with_it() {
    on_both_drivers(async |rig| {
        for size in [GET.len(), 20] {
            let mut seat = Seat::new(&rig);
            let writer = drip(&seat.client, GET, size, Duration::from_millis(5));
            let time = 3 * SECOND;
            let short = Limits { header: time, idle: time, ..limits() };
            assert_eq!(seat.arrival(&short, false).await, Arrival::Head);
            writer.join().unwrap();
            // An endpoint that takes its time to be connected to.
            rig.sleep(time + 4 * SHORT).await;
            assert_eq!(came_later(&seat).await, 4, "the client's side was ended meanwhile");
        }
    });
}

#[test]
fn a_peer_is_told_as_text() {
    for (address, text) in [
        (Some("192.0.2.1:80"), "192.0.2.1"),
        (Some("[::ffff:192.0.2.1]:80"), "192.0.2.1"),
        (Some("[2001:db8::1]:80"), "2001:db8::1"),
        (
            Some("[1111:2222:3333:4444:5555:6666:7777:8888]:80"),
            "1111:2222:3333:4444:5555:6666:7777:8888",
        ),
        (None, "unknown"),
    ] {
        let peer = Peer::new(address.map(|address| address.parse().unwrap()));
        assert_eq!(peer.ip_text(), text.as_bytes());
    }
}
