use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::thread;

use super::*;
use crate::load::Life;

const STALL: Duration = Duration::from_millis(200);
const RATE_PER_SECOND: f64 = 500.0;

/// A server that stops for 200 ms once, under 500 requests a second on one connection: about 100
/// requests should have been sent meanwhile. A load that waits with sending would see one late
/// answer; this one must see them all, late by 100 ms in the middle.
#[test]
fn a_stall_shows_in_every_request_that_it_delayed() {
    let job = Job::new(stalling_origin(20), "/", 2, Life::KeptAlive);
    let mut load = Paced::start(job, 1, RATE_PER_SECOND).unwrap();
    let seen = load.run(Duration::from_millis(1000)).unwrap();
    let late = seen.latency.count_between(STALL.as_nanos() as u64 / 2, u64::MAX);
    assert!((25..=500).contains(&late), "{late} requests were late by half the stall or more");
    assert!(seen.latency.max() >= STALL.as_nanos() as u64 * 9 / 10, "{}", seen.latency.max());
}

/// The stall begins with the window's last requests: what was due before its end still counts.
#[test]
fn a_stall_at_the_end_is_not_forgotten() {
    let job = Job::new(stalling_origin(0), "/", 2, Life::KeptAlive);
    let mut load = Paced::start(job, 1, RATE_PER_SECOND).unwrap();
    let seen = load.run(Duration::from_millis(100)).unwrap();
    assert!(seen.tally.responses > 20, "{:?}", seen.tally);
    let late = seen.latency.count_between(STALL.as_nanos() as u64 / 3, u64::MAX);
    assert_eq!(late, seen.tally.responses, "all were due while the origin stood still");
}

#[test]
fn the_schedule_keeps_its_rate_and_is_the_same_every_time() {
    let start = Instant::now();
    let times = || {
        let mut schedule = Schedule::new(start, 10_000.0);
        (0..20_000).map(|_| schedule.advance()).for_each(drop);
        schedule.next - start
    };
    assert_eq!(times(), times());
    let seconds = times().as_secs_f64();
    assert!((1.9..2.1).contains(&seconds), "{seconds}");
}

/// Answers request after request on one connection, and waits once before answer `stall_at`.
fn stalling_origin(stall_at: usize) -> SocketAddrV4 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let SocketAddr::V4(address) = listener.local_addr().unwrap() else { unreachable!() };
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        for answered in 0.. {
            if !matches!(stream.read(&mut request), Ok(1..)) {
                return;
            }
            if answered == stall_at {
                thread::sleep(STALL);
            }
            if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
    });
    address
}
