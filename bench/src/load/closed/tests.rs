use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::thread;

use super::*;
use crate::load::Life;

const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

#[test]
fn only_whole_and_right_responses_count() {
    let cases: [(&str, Life, &str); 8] = [
        (GOOD, Life::KeptAlive, "ok"),
        (GOOD, Life::OneRequest, "ok"),
        ("HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nabc", Life::KeptAlive, "status 503"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", Life::KeptAlive, "a body of 2 bytes"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", Life::KeptAlive, "bytes after"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", Life::OneRequest, "bytes after"),
        ("HTTP/1.1 200 OK\r\n\r\n", Life::KeptAlive, "malformed"),
        ("", Life::KeptAlive, "closed in the middle"),
    ];
    for (answer, life, expected) in cases {
        let job = Job::new(origin(answer), "/", 3, life);
        let outcome = measure(job);
        let text = outcome.map_or_else(|error| error.to_string(), |()| "ok".into());
        assert!(text.starts_with(expected), "{answer:?} {life:?}: {text}");
    }
}

fn measure(job: Job) -> Result<(), Error> {
    let mut load = Closed::start(job, 4)?;
    let tally = load.run(Duration::from_millis(300))?;
    assert!(tally.responses > 0 && tally.per_second() > 0.0);
    load.finish()
}

/// Answers each request on each connection with `answer`; an empty one is a close.
fn origin(answer: &'static str) -> SocketAddrV4 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let SocketAddr::V4(address) = listener.local_addr().unwrap() else { unreachable!() };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream, answer));
        }
    });
    address
}

fn serve(mut stream: TcpStream, answer: &str) {
    let mut request = [0; 1024];
    while let Ok(read_bytes) = stream.read(&mut request) {
        let close = String::from_utf8_lossy(&request[..read_bytes]).contains("Connection: close");
        if read_bytes == 0 || answer.is_empty() || stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
        if close {
            return;
        }
    }
}
