use std::thread;

use super::*;
use crate::net::deadline::Action;
use crate::net::tests::{Rig, buffer_of, on_both_drivers, pause, read_some, write};

fn connection(rig: &Rig, buffers: &Buffers) -> (Connection, std::net::TcpStream) {
    let (stream, peer) = rig.pair();
    (Connection::new(stream, buffers), peer)
}

#[test]
fn an_exchange_after_the_other_on_one_connection() {
    on_both_drivers(async |rig| {
        let buffers = Buffers::default();
        let (mut connection, peer) = connection(&rig, &buffers);
        for round in 0..5 {
            assert!(connection.is_quiet(&buffers));
            assert_eq!(connection.served, round);
            let (stream, armed) = connection.parts();
            let (sent, _) = stream.send_all(buffer_of(b"question")).await;
            sent.unwrap();
            assert_eq!(read_some(&peer, 8), b"question");
            write(&peer, b"answer");
            let (result, mut buffer) = armed.finish().await;
            assert_eq!((result.unwrap(), buffer.filled()), (6, &b"answer"[..]));
            assert!(!connection.is_armed());
            assert!(!connection.is_quiet(&buffers), "not one that has no read armed");
            buffer.clear();
            connection.rest(buffer, rig.wheel.clock().now());
            assert!(connection.is_armed());
        }
        let later = connection.idle_since.plus(Duration::from_secs(3));
        assert_eq!(connection.idle_for(later), Duration::from_secs(3));
        connection.close(&buffers).await;
        assert_eq!(buffers.out_bytes(), 0);
        assert!(crate::net::tests::is_at_end(&peer));
    });
}

/// Reads a response head that comes in pieces of `size`.
async fn read(rig: &Rig, bytes: &'static [u8], size: usize, close: bool) -> Result<usize, Broke> {
    let (stream, peer) = rig.pair();
    let writer = thread::spawn(move || {
        for piece in bytes.chunks(size) {
            write(&peer, piece);
            pause(Duration::from_micros(200));
        }
        (!close).then_some(peer)
    });
    // Only a head that never comes is to be slow.
    let limit =
        Duration::from_millis(if bytes.ends_with(b"\n\r\n") || close { 20_000 } else { 100 });
    stream.deadline().set(rig.wheel.clock().now(), limit, Action::EndBoth);
    let mut head = ResponseHead::default();
    let mut buffer = Some(Buffer::with_capacity(1024));
    let result = read_head(&stream, &mut head, &mut buffer, &HeadLimits::default()).await;
    drop(writer.join().unwrap());
    result.map(|()| head.len)
}

#[test]
fn a_response_head_may_come_in_pieces_or_not_at_all() {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    on_both_drivers(async |rig| {
        for size in [1, 5, HEAD.len()] {
            assert_eq!(read(&rig, HEAD, size, false).await, Ok(HEAD.len()));
        }
        assert_eq!(read(&rig, &HEAD[..20], 20, true).await, Err(Broke::ReadClosed));
        assert_eq!(read(&rig, b"", 1, true).await, Err(Broke::ReadClosed));
        assert_eq!(read(&rig, &HEAD[..20], 20, false).await, Err(Broke::ReadSlow));
        let bad = read(&rig, b"HTTP/1.1 20\r\n\r\n", 99, false).await;
        assert!(matches!(bad, Err(Broke::Malformed(_))), "{bad:?}");
    });
}

#[test]
fn a_response_head_may_outgrow_its_buffer_and_not_the_limit() {
    on_both_drivers(async |rig| {
        for (fields, expected) in [(3, true), (6, false)] {
            let (stream, peer) = rig.pair();
            let field = format!("x: {}\r\n", "y".repeat(7_000));
            let head = format!("HTTP/1.1 200 OK\r\n{}\r\n", field.repeat(fields));
            let length = head.len();
            let writer = thread::spawn(move || {
                let _ = std::io::Write::write_all(&mut &peer, head.as_bytes());
                peer
            });
            let mut parsed = ResponseHead::default();
            let mut buffer = Some(Buffer::with_capacity(1024));
            let limits = HeadLimits::default();
            let result = read_head(&stream, &mut parsed, &mut buffer, &limits).await;
            match expected {
                true => assert_eq!((result, parsed.len), (Ok(()), length)),
                false => assert_eq!(result, Err(Broke::Malformed(ParseError::HeadTooLarge))),
            }
            drop(writer.join().unwrap());
        }
    });
}
