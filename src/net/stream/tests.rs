use std::net::Shutdown;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use super::*;
use crate::base::clock::Instant;
use crate::net::deadline::{Action, Ends, TICK};
use crate::net::runtime::Driver;
use crate::net::tests::{Rig, buffer_of, on_both_drivers, pattern, read_some, sip, sockets, write};

/// What one way of reading with a time limit lost of the bytes that came just as the limit passed.
async fn lost<F>(rig: &Rig, rounds: u32, read: impl Fn(Rc<Stream>, Buffer) -> F) -> (u32, u32)
where
    F: Future<Output = Option<Buffer>>,
{
    let wheel = Wheel::new(rig.wheel.clock().clone(), rig.driver).unwrap();
    let (ours, peer) = sockets();
    ours.set_nonblocking(true).unwrap();
    let stream = Rc::new(Stream::adopt(ours.into(), &wheel).unwrap());
    let mut now = wheel.clock().now();
    let (mut timeouts, mut lost) = (0, 0);
    for round in 0..rounds {
        stream.deadline().set(now, TICK, Action::Wake);
        now = now.plus(3 * TICK);
        let mut reading = pin!(read(Rc::clone(&stream), buffer_of(b"")));
        poll_once(reading.as_mut()).await;
        // The bytes are there before the loop turns, and so is the end of the time.
        let bytes = round.to_le_bytes();
        race(&wheel, &peer, now, &bytes, round);
        let mut got = Vec::new();
        match reading.await {
            Some(buffer) => got.extend_from_slice(buffer.filled()),
            None => timeouts += 1,
        }
        if got.is_empty() {
            stream.deadline().set(rig.wheel.clock().now(), TICK, Action::Wake);
            got = rest(rig, &stream).await;
        }
        lost += u32::from(got != bytes);
    }
    (timeouts, lost)
}

/// In most rounds the bytes come first, in some the end of the time does.
fn race(wheel: &Wheel, peer: &std::net::TcpStream, now: Instant, bytes: &[u8], round: u32) {
    if round.is_multiple_of(4) {
        wheel.turn_to(now);
        write(peer, bytes);
    } else {
        write(peer, bytes);
        wheel.turn_to(now);
    }
}

/// What can still be read, for a short while.
async fn rest(rig: &Rig, stream: &Rc<Stream>) -> Vec<u8> {
    let watch = rig.wheel.register(Ends::Nothing);
    watch.set(rig.wheel.clock().now(), Duration::from_millis(100), Action::Wake);
    let canceller = Canceller::new();
    let mut read = pin!(stream.recv_cancelable(buffer_of(b""), canceller.handle()));
    let done = poll_fn(|context| match read.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => watch.poll_fired(context).map(|()| None),
    })
    .await;
    let (_, buffer) = match done {
        Some(done) => done,
        None => {
            canceller.cancel();
            read.await
        }
    };
    buffer.filled().to_vec()
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) {
    poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[test]
fn a_read_that_is_called_back_loses_no_byte() {
    on_both_drivers(async |rig| {
        let ours = async |stream: Rc<Stream>, buffer| match stream.recv_or_fired(buffer).await {
            (Ok(1..), buffer) => Some(buffer),
            (_, buffer) => {
                assert!(buffer.is_empty(), "an error and bytes at once");
                None
            }
        };
        let (timeouts, lost) = lost(&rig, 2_000, ours).await;
        println!("{}: {timeouts} called back in time, {lost} lost", rig.driver);
        assert_eq!(lost, 0, "of 2000");
    });
}

/// Without this the test above would show nothing.
#[test]
fn the_same_race_does_lose_the_bytes_of_a_read_that_is_dropped() {
    on_both_drivers(async |rig| {
        let naive = async |stream: Rc<Stream>, buffer| {
            let mut read = pin!(stream.recv(buffer));
            poll_fn(|context| match read.as_mut().poll(context) {
                Poll::Ready((_, buffer)) => Poll::Ready(Some(buffer)),
                Poll::Pending => stream.deadline().poll_fired(context).map(|()| None),
            })
            .await
        };
        let (timeouts, lost) = lost(&rig, 20, naive).await;
        println!("{}: {timeouts} timeouts, {lost} lost", rig.driver);
        assert!(lost > 0 || rig.driver == Driver::Epoll);
    });
}

#[test]
fn a_read_that_is_called_back_leaves_the_stream_usable() {
    on_both_drivers(async |rig| {
        let (stream, peer) = rig.pair();
        for _ in 0..3 {
            stream.deadline().set(rig.wheel.clock().now(), TICK, Action::Wake);
            let (result, buffer) = stream.recv_or_fired(buffer_of(b"before")).await;
            assert!(result.is_err() && stream.deadline().fired());
            assert_eq!(buffer.filled(), b"before", "the buffer is the one that was given");
        }
        stream.deadline().clear();
        write(&peer, b" after");
        let (result, buffer) = stream.recv_or_fired(buffer_of(b"before")).await;
        assert_eq!((result.unwrap(), buffer.filled()), (6, &b"before after"[..]));
    });
}

#[test]
fn send_all_goes_on_after_partial_sends() {
    on_both_drivers(async |rig| {
        let (stream, peer) = rig.pair();
        socket::set_option(stream.fd(), libc::SOL_SOCKET, libc::SO_SNDBUF, 4096).unwrap();
        let bytes = pattern(300_000);
        let reader = thread::spawn(move || sip(&peer, 300_000, 9_000, Duration::from_millis(1)));
        let mut buffer = buffer_of(b"consumed");
        buffer.put(&bytes);
        buffer.consume(8);
        let window = buffer.window();
        let (result, buffer) = stream.send_all(buffer).await;
        result.unwrap();
        assert_eq!(buffer.window(), window, "it comes back as it was given");
        assert!(buffer.filled() == bytes);
        assert!(reader.join().unwrap() == bytes, "the peer got something else");
    });
}

#[test]
fn send_all_gives_the_buffer_back_when_the_peer_is_gone() {
    on_both_drivers(async |rig| {
        let (stream, peer) = rig.pair();
        socket::set_option(stream.fd(), libc::SOL_SOCKET, libc::SO_SNDBUF, 4096).unwrap();
        let closer = thread::spawn(move || {
            read_some(&peer, 20_000);
            crate::net::tests::reset(peer);
        });
        let buffer = buffer_of(&vec![7; 8 << 20]);
        let window = buffer.window();
        let (result, buffer) = stream.send_all(buffer).await;
        assert!(result.is_err());
        assert_eq!(buffer.window(), window);
        closer.join().unwrap();
    });
}

fn place(armed: &ArmedRead) -> *const () {
    armed.place()
}

#[test]
fn an_armed_read_uses_its_box_again() {
    on_both_drivers(async |rig| {
        let (stream, peer) = rig.pair();
        let mut armed = ArmedRead::new(&stream, buffer_of(b""));
        let first = place(&armed);
        for round in 0..100_u32 {
            assert!(armed.is_armed());
            let mut context = Context::from_waker(Waker::noop());
            assert!(armed.poll(&mut context).is_pending(), "nothing came yet");
            let bytes = round.to_le_bytes();
            write(&peer, &bytes);
            let (result, mut buffer) = armed.finish().await;
            assert_eq!((result.unwrap(), buffer.filled()), (4, &bytes[..]));
            assert!(!armed.is_armed());
            buffer.clear();
            armed.arm(&stream, buffer);
            assert_eq!(place(&armed), first, "round {round}: another box");
        }
        peer.shutdown(Shutdown::Write).unwrap();
        let (result, _) = armed.finish().await;
        assert_eq!(result.unwrap(), 0, "the end of the stream");
    });
}

#[test]
#[should_panic(expected = "never dropped")]
fn a_read_in_flight_is_not_armed_over() {
    on_both_drivers(async |rig| {
        let (stream, _peer) = rig.pair();
        let mut armed = ArmedRead::new(&stream, buffer_of(b""));
        armed.arm(&stream, buffer_of(b""));
    });
}

#[test]
fn an_armed_read_that_is_dropped_writes_into_nobodys_memory() {
    on_both_drivers(async |rig| {
        for _ in 0..200 {
            let (stream, peer) = rig.pair();
            drop(ArmedRead::new(&stream, Buffer::with_capacity(1024)));
            // Of the same size, so that the block of the dropped one would be given again.
            let mut others: Vec<Buffer> = (0..8).map(|_| Buffer::with_capacity(1024)).collect();
            others.iter_mut().for_each(|buffer| buffer.put(&[0xAA; 1024]));
            write(&peer, &[0x55; 1024]);
            drop(stream);
            rig.sleep(Duration::from_nanos(1)).await;
            let spoiled = others.iter().any(|buffer| buffer.filled().contains(&0x55));
            assert!(!spoiled, "the kernel wrote into a buffer that was freed");
        }
    });
}

#[test]
fn reading_and_writing_at_once_do_not_disturb_each_other() {
    on_both_drivers(async |rig| {
        let (stream, peer) = rig.pair();
        let read = stream.recv(buffer_of(b""));
        let (sent, _) = stream.send_all(buffer_of(b"question")).await;
        sent.unwrap();
        assert_eq!(read_some(&peer, 8), b"question");
        write(&peer, b"answer");
        let (result, buffer) = read.await;
        assert_eq!((result.unwrap(), buffer.filled()), (6, &b"answer"[..]));
    });
}
