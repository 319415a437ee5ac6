use std::cell::Cell;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use super::*;
use crate::http::transfer::tests::Ends;
use crate::net::tests::{
    Rig, on_both_drivers, option, pattern, pause, read_some, reset, sockets, write,
};
use crate::proto::http1::{BodyLength, Output};

const LONG: Duration = Duration::from_secs(20);
const COUNT: usize = 10 << 20;

fn batch_of(ends: &Ends) -> i32 {
    option(ends.from.fd(), libc::SOL_SOCKET, libc::SO_RCVLOWAT)
}

async fn bulk(ends: &Ends, count: usize) -> Result<(), Broke> {
    let transfer = ends.transfer(false, LONG, LONG);
    let mut body = Body::new(BodyLength::Fixed(count as u64), Output::Keep);
    let pipe = ends.pipes.take().unwrap();
    let result = Bulk::new(&transfer, pipe).run(&mut body, ends.buffers.take()).await;
    let result = result.map(|buffer| ends.buffers.give(buffer));
    assert_eq!(body.is_empty(), result.is_ok());
    assert_eq!(ends.buffers.out_bytes(), 0, "the buffer came back");
    assert_eq!(batch_of(ends), 1, "waits end with the first byte again");
    assert_eq!(ends.pipes.take().unwrap().held(), 0, "no pipe has another's bytes in it");
    result
}

/// Sends 10 MiB through, with holds-up on either side, and compares them.
async fn pass(rig: &Rig, send_step: usize, hold_up: Duration, read_step: usize) {
    let ends = Ends::new(rig);
    let sender = ends.sender.try_clone().unwrap();
    let writer = thread::spawn(move || {
        for (index, piece) in pattern(COUNT).chunks(send_step).enumerate() {
            if index % 8 == 0 {
                pause(hold_up);
            }
            write(&sender, piece);
        }
        // What follows the body is not the body's.
        write(&sender, b"NEXT");
    });
    let receiver = ends.receiver.try_clone().unwrap();
    let reader = thread::spawn(move || {
        let mut got = Vec::with_capacity(COUNT);
        while got.len() < COUNT {
            if (got.len() / read_step) % 8 == 1 {
                pause(hold_up);
            }
            got.extend(read_some(&receiver, read_step.min(COUNT - got.len())));
        }
        got
    });
    bulk(&ends, COUNT).await.unwrap();
    assert_eq!(ends.moved.get(), COUNT as u64);
    assert!(reader.join().unwrap() == pattern(COUNT), "other bytes");
    writer.join().unwrap();
    let (_, tail) = ends.from.recv(ends.buffers.take()).await;
    assert!(b"NEXT".starts_with(tail.filled()) && !tail.is_empty());
}

#[test]
fn ten_mebibytes_arrive_as_they_were_sent() {
    on_both_drivers(async |rig| {
        pass(&rig, COUNT, Duration::ZERO, COUNT).await;
    });
}

#[test]
fn they_do_so_from_a_slow_sender_and_to_a_slow_receiver() {
    on_both_drivers(async |rig| {
        pass(&rig, 50_000, Duration::from_millis(2), COUNT).await;
        pass(&rig, COUNT, Duration::from_millis(2), 50_000).await;
    });
}

#[test]
fn a_sender_that_turns_slow_is_not_waited_for() {
    on_both_drivers(async |rig| {
        let ends = Ends::new(&rig);
        let peers = (ends.sender.try_clone().unwrap(), ends.receiver.try_clone().unwrap());
        let slow = thread::spawn(move || {
            let (sender, receiver) = peers;
            let fast = 4 << 20;
            let writing = sender.try_clone().unwrap();
            let writer = thread::spawn(move || write(&writing, &vec![1; fast]));
            read_some(&receiver, fast);
            writer.join().unwrap();
            for _ in 0..10 {
                // Less than any batch; the next comes only once this has arrived.
                write(&sender, &[2; 500]);
                assert_eq!(read_some(&receiver, 500), [2; 500]);
            }
            write(&sender, &[3; 5_000]);
            read_some(&receiver, 5_000);
        });
        let begun = rig.wheel.clock().now();
        bulk(&ends, (4 << 20) + 10_000).await.unwrap();
        slow.join().unwrap();
        let took = Duration::from_nanos(rig.wheel.clock().now().nanos_since(begun));
        assert!(took < Duration::from_secs(10), "{took:?}");
    });
}

#[test]
fn a_sender_that_dies_in_the_middle_has_closed() {
    on_both_drivers(async |rig| {
        for dies_by_reset in [false, true] {
            let mut ends = Ends::new(&rig);
            let sender = std::mem::replace(&mut ends.sender, sockets().0);
            let receiver = ends.receiver.try_clone().unwrap();
            let peer = thread::spawn(move || {
                let writing = sender.try_clone().unwrap();
                let writer = thread::spawn(move || write(&writing, &vec![1; 3 << 20]));
                read_some(&receiver, 3 << 20);
                writer.join().unwrap();
                match dies_by_reset {
                    true => reset(sender),
                    false => sender.shutdown(Shutdown::Write).unwrap(),
                }
            });
            assert_eq!(bulk(&ends, COUNT).await, Err(Broke::ReadClosed));
            assert_eq!(ends.moved.get(), 3 << 20);
            peer.join().unwrap();
        }
    });
}

#[test]
fn a_receiver_that_dies_in_the_middle_leaves_no_bytes_behind() {
    on_both_drivers(async |rig| {
        let mut ends = Ends::new(&rig);
        let receiver = std::mem::replace(&mut ends.receiver, sockets().0);
        let sender = ends.sender.try_clone().unwrap();
        let writer = thread::spawn(move || {
            let _ = io::Write::write_all(&mut &sender, &vec![1; COUNT]);
        });
        let closer = thread::spawn(move || {
            read_some(&receiver, 1 << 20);
            // Until the pipe is full of what the receiver did not take.
            pause(Duration::from_millis(50));
            reset(receiver);
        });
        assert_eq!(bulk(&ends, COUNT).await, Err(Broke::WriteClosed));
        closer.join().unwrap();
        drop(ends);
        rig.sleep(Duration::from_millis(1)).await;
        writer.join().unwrap();
    });
}

#[test]
fn neither_side_is_waited_for_too_long() {
    on_both_drivers(async |rig| {
        let short = Duration::from_millis(1500);
        for (read, write_limit, expected) in
            [(short, LONG, Broke::ReadSlow), (LONG, short, Broke::WriteSlow)]
        {
            let ends = Ends::new(&rig);
            let sender = ends.sender.try_clone().unwrap();
            let receiver = ends.receiver.try_clone().unwrap();
            let peer = thread::spawn(move || match expected {
                Broke::ReadSlow => {
                    let writing = sender.try_clone().unwrap();
                    let writer = thread::spawn(move || write(&writing, &vec![1; 2 << 20]));
                    read_some(&receiver, 2 << 20);
                    writer.join().unwrap();
                }
                _ => drop(io::Write::write_all(&mut &sender, &vec![1; 64 << 20])),
            });
            let moved = Cell::new(0);
            let transfer = Transfer { moved: &moved, ..ends.transfer(false, read, write_limit) };
            let mut body = Body::new(BodyLength::Fixed(64 << 20), Output::Keep);
            let pipe = ends.pipes.take().unwrap();
            let result = Bulk::new(&transfer, pipe).run(&mut body, ends.buffers.take()).await;
            assert_eq!(result.map(drop), Err(expected));
            assert_eq!(batch_of(&ends), 1);
            drop(ends);
            rig.sleep(Duration::from_millis(1)).await;
            peer.join().unwrap();
        }
    });
}
