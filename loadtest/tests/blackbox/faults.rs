//! Servers that hang, reset, lie and talk nonsense: each is one line of the error table, and the
//! run ends when it should.

use std::io::{BufReader, Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use super::support::certificate::Certificate;
use super::support::server::{Request, ok};
use super::support::{Ended, Server, load};

/// A short load on a server that misbehaves; the line must be there, and the exit code say so.
fn check(server: &Server, line: &str) -> Ended {
    let ended = load(&format!("{} -c 4 -d 300ms --timeout 5s", server.url()));
    assert!(ended.errors(line) > 0, "{line}: {ended:?}");
    assert_eq!((ended.code(), ended.number("/answers")), (Some(1), 0.0), "{ended:?}");
    ended
}

/// Reads a request, answers by these bytes, and closes.
fn answers(bytes: &'static [u8]) -> Server {
    Server::start(move |mut stream| {
        let mut reader = BufReader::new(stream.try_clone()?);
        Request::read(&mut reader)?;
        stream.write_all(bytes)
    })
}

#[test]
fn a_server_that_closes_without_an_answer() {
    check(&answers(b""), "closed without an answer");
}

#[test]
fn a_server_that_talks_nonsense() {
    check(&answers(b"220 smtp ready\r\n"), "malformed answer");
    check(&answers(b"HTTP/1.1 2xx OK\r\n\r\n"), "bad status line");
}

#[test]
fn a_server_that_closes_within_the_body() {
    check(&answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "within the answer");
    check(&answers(b"HTTP/1.1 200 OK\r\nContent-Len"), "within the answer");
}

#[test]
fn a_server_that_answers_more_than_was_asked() {
    let twice = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n\r\n";
    let server = answers(twice);
    let ended = load(&format!("{} -c 2 -d 300ms", server.url()));
    assert!(ended.errors("not asked for") > 0, "{ended:?}");
}

#[test]
fn a_server_that_answers_1xx_for_ever() {
    let server = Server::start(|mut stream| {
        let mut reader = BufReader::new(stream.try_clone()?);
        Request::read(&mut reader)?;
        loop {
            stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n")?;
        }
    });
    check(&server, "endless 1xx");
}

#[test]
fn a_server_that_resets() {
    let server = Server::start(|stream| {
        // What is unread when a socket is closed turns the close into a reset.
        let mut byte = [0];
        (&stream).read_exact(&mut byte)?;
        Ok(())
    });
    check(&server, "connection reset");
}

#[test]
fn a_server_that_never_answers_is_waited_for_no_longer_than_was_said() {
    let hang = || {
        Server::start(|mut stream| {
            // Until the client has gone.
            while stream.read(&mut [0; 1024])? > 0 {}
            Ok(())
        })
    };
    let url = hang().url();
    let ended = load(&format!("{url} -c 4 -d 1s --timeout 200ms"));
    assert!(ended.errors("no answer in time") >= 4, "{ended:?}");
    // At the end of the run, what still waits is given the time of grace, and counted.
    let ended = load(&format!("{url} -c 4 -d 500ms --grace 200ms --timeout 40s"));
    assert_eq!(ended.errors("not answered when the run ended"), 4, "{ended:?}");
    assert!(ended.took < Duration::from_secs(20), "{ended:?}");
    // Of an open loop, requests that found no connection are errors, too, and have their time.
    let ended = load(&format!("{url} -c 1 -d 500ms --grace 0s --rate 100 --timeout 40s"));
    assert_eq!(ended.number("/errors"), 50.0, "{ended:?}");
    assert!(ended.errors("never sent") >= 45, "{ended:?}");
    assert_eq!(ended.number("/latency_ns/count"), 50.0, "{ended:?}");
    // However many they are, to count them takes no time that anybody would notice.
    let ended = load(&format!("{url} -c 1 -d 500ms --grace 0s --rate 90M --timeout 40s"));
    assert!((44e6..46e6).contains(&ended.number("/errors")), "{ended:?}");
    let ended = load(&format!("{url} --http2 --streams 2 -c 2 -d 300ms --connect-timeout 200ms"));
    assert!(ended.number("/errors") > 0.0 && ended.code() == Some(1), "{ended:?}");
}

#[test]
fn a_port_that_nobody_has() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    for flags in ["", "--rate 50", "--http2 --streams 1", "--requests-per-connection 1"] {
        let ended = load(&format!("http://{address}/ -c 2 -d 300ms {flags}"));
        assert!(ended.errors("connection refused") > 0, "{flags}: {ended:?}");
        assert_eq!(ended.code(), Some(1), "{ended:?}");
    }
}

#[test]
fn a_name_that_leads_nowhere() {
    let ended = load("http://nowhere.invalid/ -d 300ms");
    assert_eq!((ended.errors("nowhere.invalid"), ended.code()), (1, Some(1)), "{ended:?}");
}

#[test]
fn tls_that_fails() {
    let plain = answers(b"HTTP/1.1 400 Bad\r\n\r\n");
    let address = plain.address;
    let ended = load(&format!("https://localhost:{}/ -c 2 -d 300ms", address.port()));
    assert!(ended.errors("TLS:") > 0, "{ended:?}");
    // A certificate of nobody's.
    let server = Certificate::new(&[]).hello();
    let url = format!("https://localhost:{}/", server.address.port());
    let ended = load(&format!("{url} -c 2 -d 300ms"));
    assert!(ended.errors("TLS: invalid peer certificate") > 0, "{ended:?}");
    // HTTP/2 that is not to be had.
    let server = Certificate::new(&["http/1.1"]).hello();
    let url = format!("https://localhost:{}/", server.address.port());
    let ended = load(&format!("{url} -c 2 -d 300ms --http2 -k"));
    assert!(ended.errors("TLS") > 0 && ended.number("/answers") == 0.0, "{ended:?}");
}

#[test]
fn fast_wrong_answers_are_errors() {
    let server = Server::http(|request| match request.line() {
        line if line.contains("/missing") => {
            b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".to_vec()
        }
        _ => ok("hello"),
    });
    let url = server.url();
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let wrong = "0".repeat(64);
    for (flags, line) in [
        ("--expect-bytes 6".to_owned(), "body of a wrong length"),
        (format!("--expect-sha256 {wrong}"), "body with a wrong hash"),
        ("--expect-header x-there".to_owned(), "header x-there"),
        ("--expect-status 201".to_owned(), "status 200"),
    ] {
        let ended = load(&format!("{url} -c 2 -d 200ms {flags}"));
        assert!(ended.errors(line) > 0 && ended.number("/answers") == 0.0, "{flags}: {ended:?}");
        assert!(ended.json()["latency_ns"].is_null(), "{ended:?}");
    }
    let ended = load(&format!("{url}missing -c 2 -d 200ms"));
    assert!(ended.errors("status 404") > 0, "{ended:?}");
    let flags = format!("--expect-sha256 {hash} --expect-bytes 5 --expect-header content-length:5");
    let ended = load(&format!("{url} -c 2 -d 200ms {flags}"));
    assert!(ended.number("/answers") > 0.0 && ended.number("/errors") == 0.0, "{ended:?}");
    let ended = load(&format!("{url}missing {url} -c 2 -d 200ms --errors-max 1"));
    assert_eq!(ended.code(), Some(1), "half of them are too many: {ended:?}");
}
