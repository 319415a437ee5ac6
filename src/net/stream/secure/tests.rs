use std::future::{Future, poll_fn};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use super::*;
use crate::base::random::Random;
use crate::limits::{TLS_SMALL_RECORD_BYTES, TLS_SMALL_RECORDS_BYTES};
use crate::net::deadline::{Action, TICK};
use crate::net::stream::{ArmedRead, Below, Stream};
use crate::net::tests::{Rig, buffer_of, drip, on_both_drivers, pattern, pause, reset};
use crate::net::tls::server_name;
use crate::net::tls::tests::{client, make, record_lengths, server};

type Peer = StreamOwned<ClientConnection, TcpStream>;

const SHORT: Duration = Duration::from_millis(100);

/// A server's stream that has shaken hands, its buffers, and the blocking client.
async fn joined(rig: &Rig) -> (Stream, Peer, Rc<Buffers>) {
    let (mut ours, theirs) = rig.pair();
    let calling = thread::spawn(move || {
        let config =
            rustls::ClientConfig::clone(&crate::net::tls::client_config(&client()).unwrap());
        let name = server_name("example.com").unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut peer = StreamOwned::new(session, theirs);
        while peer.conn.is_handshaking() {
            peer.conn.complete_io(&mut peer.sock).unwrap();
        }
        peer
    });
    let buffers = Rc::new(Buffers::default());
    let session = Session::server(make(&server()), Some("example.com")).unwrap();
    ours.secure(session, None, &buffers).await.unwrap();
    (ours, calling.join().unwrap(), buffers)
}

impl Stream {
    fn below_secure(&self) -> &Secure {
        let Below::Secure(secure) = &self.below else { panic!("not TLS") };
        secure
    }
}

/// What the client would send, without sending it.
fn sealed(peer: &mut Peer, bytes: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    peer.conn.writer().write_all(bytes).unwrap();
    while peer.conn.wants_write() {
        peer.conn.write_tls(&mut wire).unwrap();
    }
    wire
}

/// Reads until `count` bytes are there, each time with so much room.
async fn read_exact(stream: &Stream, count: usize, room: usize) -> Vec<u8> {
    let mut got = Vec::with_capacity(count);
    while got.len() < count {
        let (read, buffer) = stream.recv(Buffer::with_capacity(room)).await;
        assert_eq!(read.unwrap(), buffer.len());
        assert!(!buffer.is_empty(), "the end after {} of {count}", got.len());
        got.extend_from_slice(buffer.filled());
    }
    got
}

async fn write_all(stream: &Stream, bytes: &[u8]) {
    let (sent, back) = stream.send_all(buffer_of(bytes)).await;
    sent.unwrap();
    assert!(back.filled() == bytes, "a buffer comes back as it was given");
}

/// Both, whichever moves.
async fn beside<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(output) = a.as_mut().poll(context)
        {
            first = Some(output);
        }
        if second.is_none()
            && let Poll::Ready(output) = b.as_mut().poll(context)
        {
            second = Some(output);
        }
        if first.is_some() && second.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    (first.expect("it is ready"), second.expect("it is ready"))
}

/// Sends everything back until the end, and ends then.
fn echo(mut peer: Peer) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut piece = vec![0; 50_000];
        loop {
            match peer.read(&mut piece).unwrap() {
                0 => return,
                count => peer.write_all(&piece[..count]).unwrap(),
            }
        }
    })
}

#[test]
fn bytes_go_both_ways_in_any_cuts() {
    on_both_drivers(async |rig| {
        let (stream, peer, buffers) = joined(&rig).await;
        let echoing = echo(peer);
        let random = Random::seeded(1);
        for round in 0..300 {
            let most = if round % 10 == 0 { 40_000 } else { 300 };
            let bytes = pattern(1 + random.below(most) as usize);
            let room = 1 + random.below(20_000) as usize;
            write_all(&stream, &bytes).await;
            assert!(read_exact(&stream, bytes.len(), room).await == bytes, "{}", bytes.len());
        }
        assert_eq!(buffers.out_bytes(), 0);
        drop(stream);
        echoing.join().unwrap();
    });
}

#[test]
fn four_mebibytes_both_ways_at_once() {
    const COUNT: usize = 4 << 20;
    on_both_drivers(async |rig| {
        let (stream, mut peer, buffers) = joined(&rig).await;
        let (up, down) = (pattern(COUNT), pattern(COUNT + 8));
        let (sent, wanted) = (up.clone(), down.clone());
        let talking = thread::spawn(move || {
            let mut got = vec![0; 64 * 1024];
            let mut wanted = wanted.chunks(got.len());
            for piece in sent.chunks(got.len()) {
                peer.write_all(piece).unwrap();
                peer.read_exact(&mut got).unwrap();
                assert!(got == wanted.next().unwrap(), "they came different");
            }
            peer
        });
        let sending = async {
            for piece in down[..COUNT].chunks(100_000) {
                write_all(&stream, piece).await;
            }
        };
        let (got, ()) = beside(read_exact(&stream, COUNT, 30_000), sending).await;
        assert!(got == up, "they came different");
        talking.join().unwrap();
        assert_eq!(buffers.out_bytes(), 0);
    });
}

#[test]
fn a_record_may_be_larger_than_the_room() {
    on_both_drivers(async |rig| {
        let (stream, mut peer, buffers) = joined(&rig).await;
        for (count, room) in [(16_384, 100), (16_384, 16_383), (3, 1), (16_000, 1000)] {
            let bytes = pattern(count);
            let wire = sealed(&mut peer, &bytes);
            peer.sock.write_all(&wire).unwrap();
            assert!(read_exact(&stream, count, room).await == bytes, "{count} into {room}");
            assert_eq!(buffers.out_bytes(), 0, "{count} into {room}");
        }
    });
}

#[test]
fn a_read_that_is_called_back_loses_nothing() {
    on_both_drivers(async |rig| {
        let (stream, mut peer, buffers) = joined(&rig).await;
        let bytes = pattern(2000);
        let mut wire = Vec::new();
        for piece in bytes.chunks(100) {
            wire.extend(sealed(&mut peer, piece));
        }
        // Cut where no record ends.
        let dripping = drip(&peer.sock, &wire, 101, 4 * TICK);
        let (mut got, mut called_back) = (Vec::new(), 0);
        while got.len() < bytes.len() {
            stream.deadline().set(rig.wheel.clock().now(), TICK, Action::Wake);
            let (read, buffer) = stream.recv_or_fired(buffer_of(b"")).await;
            match read {
                Ok(count) => assert!(count > 0, "the end"),
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(libc::ECANCELED), "{error}");
                    assert!(buffer.is_empty(), "an error and bytes at once");
                    called_back += 1;
                }
            }
            got.extend_from_slice(buffer.filled());
        }
        assert!(got == bytes, "they came different");
        assert!(called_back > 0, "nothing was called back");
        dripping.join().unwrap();
        drop(stream);
        assert_eq!(buffers.out_bytes(), 0);
    });
}

#[test]
fn records_may_come_byte_by_byte() {
    on_both_drivers(async |rig| {
        let (stream, mut peer, _) = joined(&rig).await;
        let bytes = pattern(40);
        let wire = sealed(&mut peer, &bytes);
        let dripping = drip(&peer.sock, &wire, 1, Duration::from_millis(1));
        assert_eq!(read_exact(&stream, 40, 100).await, bytes);
        dripping.join().unwrap();
    });
}

#[test]
fn a_deadline_ends_a_read() {
    on_both_drivers(async |rig| {
        // A peer that is silent, and one that drips a record which never becomes whole.
        for count in [0, 60] {
            let (stream, mut peer, buffers) = joined(&rig).await;
            let wire = sealed(&mut peer, &pattern(200));
            let dripping = drip(&peer.sock, &wire[..count], 1, Duration::from_millis(5));
            let begun = rig.wheel.clock().now();
            stream.deadline().set(begun, SHORT, Action::EndRead);
            let (read, buffer) = stream.recv(buffer_of(b"")).await;
            assert!(read.is_err() && buffer.is_empty(), "{read:?}");
            assert!(stream.deadline().fired());
            let took = Duration::from_nanos(rig.wheel.clock().now().nanos_since(begun));
            assert!(took < crate::net::tests::PATIENCE / 2, "{took:?}");
            drop(stream);
            assert_eq!(buffers.out_bytes(), 0);
            // It may have nobody left to send to.
            let _ = dripping.join();
        }
    });
}

#[test]
fn a_deadline_ends_a_write() {
    on_both_drivers(async |rig| {
        let (stream, _peer, buffers) = joined(&rig).await;
        stream.deadline().set(rig.wheel.clock().now(), SHORT, Action::EndBoth);
        let error = loop {
            let (sent, _) = stream.send_all(buffer_of(&[0; 200_000])).await;
            if let Err(error) = sent {
                break error;
            }
        };
        assert!(stream.deadline().fired(), "{error}");
        drop(stream);
        assert_eq!(buffers.out_bytes(), 0);
    });
}

#[test]
fn only_the_word_of_tls_is_an_end() {
    on_both_drivers(async |rig| {
        let (stream, mut peer, buffers) = joined(&rig).await;
        peer.write_all(b"last words").unwrap();
        peer.conn.send_close_notify();
        peer.flush().unwrap();
        assert_eq!(read_exact(&stream, 10, 100).await, b"last words");
        for _ in 0..2 {
            let (read, buffer) = stream.recv(buffer_of(b"")).await;
            assert_eq!((read.unwrap(), buffer.len()), (0, 0));
        }
        // The other direction is as it was.
        write_all(&stream, b"and more").await;
        let mut heard = [0; 8];
        peer.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"and more");
        drop(stream);
        assert_eq!(peer.read(&mut heard).unwrap(), 0, "our end is told too");
        assert_eq!(buffers.out_bytes(), 0);
    });
}

/// How a peer may end that does not say so.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Cut {
    BetweenRecords,
    InARecord,
    Reset,
}

#[test]
fn a_cut_is_an_error() {
    on_both_drivers(async |rig| {
        for cut in [Cut::BetweenRecords, Cut::InARecord, Cut::Reset] {
            let (stream, mut peer, buffers) = joined(&rig).await;
            peer.write_all(b"last words").unwrap();
            assert_eq!(read_exact(&stream, 10, 100).await, b"last words");
            let wire = sealed(&mut peer, b"never whole");
            if cut == Cut::InARecord {
                peer.sock.write_all(&wire[..wire.len() - 1]).unwrap();
            }
            match cut {
                Cut::Reset => reset(peer.sock.try_clone().unwrap()),
                _ => peer.sock.shutdown(Shutdown::Write).unwrap(),
            }
            let (_, sock) = peer.into_parts();
            drop((cut == Cut::Reset).then_some(sock));
            let (read, buffer) = stream.recv(buffer_of(b"")).await;
            assert!(read.is_err() && buffer.is_empty(), "{cut:?}: {read:?}");
            drop(stream);
            assert_eq!(buffers.out_bytes(), 0, "{cut:?}");
        }
    });
}

#[test]
fn garbage_is_an_error_and_the_peer_is_told() {
    on_both_drivers(async |rig| {
        let (stream, mut peer, buffers) = joined(&rig).await;
        peer.sock.write_all(&[&[23, 3, 3, 0, 40][..], &[7; 40]].concat()).unwrap();
        let (read, buffer) = stream.recv(buffer_of(b"")).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidData);
        assert!(buffer.is_empty());
        let told = peer.read(&mut [0; 10]).unwrap_err();
        assert!(told.to_string().to_lowercase().contains("alert"), "{told}");
        let (sent, _) = stream.send_all(buffer_of(b"anybody?")).await;
        assert!(sent.is_err(), "what was sealed for a session that is over");
        drop(stream);
        assert_eq!(buffers.out_bytes(), 0);
    });
}

/// Ends the peer's side, with a word of TLS or without.
fn hang_up(peer: &mut Peer, is_told: bool) {
    if is_told {
        peer.conn.send_close_notify();
        peer.flush().unwrap();
    }
    peer.sock.shutdown(Shutdown::Write).unwrap();
}

#[test]
fn an_armed_read_notices_the_close() {
    on_both_drivers(async |rig| {
        for is_told in [true, false] {
            let (stream, mut peer, _) = joined(&rig).await;
            let mut armed = ArmedRead::new(&stream, buffer_of(b""));
            let closing = thread::spawn(move || {
                pause(Duration::from_millis(30));
                hang_up(&mut peer, is_told);
                peer
            });
            let (read, _) = armed.finish().await;
            assert_eq!(read.ok(), is_told.then_some(0));
            closing.join().unwrap();
        }
    });
}

#[test]
fn an_idle_session_holds_no_buffer() {
    on_both_drivers(async |rig| {
        let (stream, mut peer, buffers) = joined(&rig).await;
        assert_eq!(buffers.out_bytes(), 0, "behind a handshake");
        peer.write_all(b"hello").unwrap();
        assert_eq!(read_exact(&stream, 5, 100).await, b"hello");
        assert_eq!(buffers.out_bytes(), 0, "behind a read");
        // To wait for bytes takes no buffer.
        stream.deadline().set(rig.wheel.clock().now(), TICK, Action::Wake);
        let reading = stream.recv_or_fired(buffer_of(b""));
        let (read, out_bytes) = beside(reading, async { buffers.out_bytes() }).await;
        assert_eq!(read.0.unwrap_err().raw_os_error(), Some(libc::ECANCELED));
        assert_eq!(out_bytes, 0, "while it waits");
    });
}

#[test]
fn what_was_not_read_is_given_back() {
    on_both_drivers(async |rig| {
        let (stream, mut peer, buffers) = joined(&rig).await;
        // Read with the first: half of a second record.
        let mut wire = sealed(&mut peer, b"one");
        wire.extend_from_slice(&sealed(&mut peer, b"two")[..10]);
        peer.sock.write_all(&wire).unwrap();
        assert_eq!(read_exact(&stream, 3, 100).await, b"one");
        drop(stream);
        assert_eq!(buffers.out_bytes(), 0, "ciphertext");
        let (stream, mut peer, buffers) = joined(&rig).await;
        peer.write_all(&pattern(5000)).unwrap();
        read_exact(&stream, 10, 10).await;
        drop(stream);
        assert_eq!(buffers.out_bytes(), 0, "plaintext for which there was no room");
    });
}

/// The lengths of the records that `count` bytes are sent in, without those of TLS 1.3 around them.
async fn sent_in(stream: &Stream, peer: &Peer, count: usize) -> Vec<usize> {
    const AROUND: usize = 17;
    let mut socket = peer.sock.try_clone().unwrap();
    let reading = thread::spawn(move || {
        let (mut wire, mut plain_bytes) = (Vec::new(), 0);
        while plain_bytes < count {
            let mut head = [0; 5];
            socket.read_exact(&mut head).unwrap();
            let mut record = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
            socket.read_exact(&mut record).unwrap();
            plain_bytes += record.len() - AROUND;
            wire.extend([&head[..], &record].concat());
        }
        wire
    });
    write_all(stream, &pattern(count)).await;
    let lengths = record_lengths(&reading.join().unwrap());
    lengths.into_iter().map(|length| length - AROUND).collect()
}

#[test]
fn records_are_small_again_after_a_pause() {
    on_both_drivers(async |rig| {
        let (stream, mut peer, _) = joined(&rig).await;
        // Behind the tickets of the handshake.
        write_all(&stream, b"x").await;
        peer.read_exact(&mut [0]).unwrap();
        rig.sleep(TLS_BURST_PAUSE + TICK).await;
        let small = TLS_SMALL_RECORDS_BYTES / TLS_SMALL_RECORD_BYTES;
        let rest = 3 * TLS_SMALL_RECORD_BYTES;
        for _ in 0..2 {
            let lengths = sent_in(&stream, &peer, TLS_SMALL_RECORDS_BYTES + rest).await;
            assert_eq!(lengths, [vec![TLS_SMALL_RECORD_BYTES; small], vec![rest]].concat());
            rig.sleep(TLS_BURST_PAUSE + TICK).await;
        }
        // It is the pause that makes them small. A machine that stalls makes one where none is
        // meant, so what counts is a try that was quick.
        let is_quick = async || {
            sent_in(&stream, &peer, TLS_SMALL_RECORDS_BYTES).await;
            let begun = stream.below_secure().sent_at.get();
            let lengths = sent_in(&stream, &peer, rest).await;
            let took = rig.wheel.clock().now().nanos_since(begun);
            let is_quick = u128::from(took) < TLS_BURST_PAUSE.as_nanos();
            assert!(!is_quick || lengths == [rest], "{lengths:?} after {took} ns");
            is_quick
        };
        for _ in 0..100 {
            if is_quick().await {
                return;
            }
        }
        panic!("there was a pause each time");
    });
}

#[test]
fn a_flood_of_key_updates_fills_nothing() {
    on_both_drivers(async |rig| {
        let (stream, mut peer, buffers) = joined(&rig).await;
        // Each wants one in return, and a byte behind it makes it a legal one.
        let mut flood = Vec::new();
        for _ in 0..2000 {
            peer.conn.refresh_traffic_keys().unwrap();
            flood.extend(sealed(&mut peer, b"x"));
        }
        let down = pattern(8 << 20);
        let mut heard = vec![0; down.len()];
        let attacking = thread::spawn(move || {
            peer.sock.write_all(&flood).unwrap();
            // Only now is room made for what is being written all the time.
            peer.read_exact(&mut heard).unwrap();
            (peer, heard)
        });
        let unsent_bytes = || stream.below_secure().unsent.borrow().as_ref().map_or(0, Buffer::len);
        let reading = async {
            for n in 0..2000 {
                assert_eq!(read_exact(&stream, 1, 1).await, b"x");
                assert!(unsent_bytes() <= 100, "{} bytes after {n}", unsent_bytes());
            }
        };
        beside(reading, write_all(&stream, &down)).await;
        let (mut peer, heard) = attacking.join().unwrap();
        assert!(heard == down, "they came different");
        // Nothing was lost of either side's keys.
        peer.write_all(b"thanks").unwrap();
        assert_eq!(read_exact(&stream, 6, 100).await, b"thanks");
        assert_eq!((unsent_bytes(), buffers.out_bytes()), (0, 0));
        // With nothing behind them they are an attack.
        let mut flood = Vec::new();
        for _ in 0..40 {
            peer.conn.refresh_traffic_keys().unwrap();
            flood.extend(sealed(&mut peer, b""));
        }
        peer.sock.write_all(&flood).unwrap();
        let (read, _) = stream.recv(buffer_of(b"")).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidData);
        assert!(unsent_bytes() <= 100, "{} bytes at the end", unsent_bytes());
        drop(stream);
        assert_eq!(buffers.out_bytes(), 0);
    });
}
