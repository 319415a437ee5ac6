use std::pin::pin;

use super::*;
use crate::base::clock::Instant;
use crate::net::deadline::Action;
use crate::net::tests::{Rig, buffer_of, on_both_drivers, pattern};
use crate::net::{Stream, Wheel};
use std::time::Duration;

fn lane() -> (Rc<Bell>, Rc<Lane>) {
    let bell = Rc::new(Bell::default());
    (Rc::clone(&bell), Lane::new(bell, 7))
}

fn stream(lane: &Rc<Lane>, wheel: &Rc<Wheel>) -> Stream {
    Stream::of_lane(Rc::clone(lane), wheel)
}

fn rang(bell: &Bell) -> Vec<u32> {
    let mut lanes = Vec::new();
    bell.answer(&mut lanes);
    lanes
}

async fn read(stream: &Stream) -> (io::Result<usize>, Vec<u8>) {
    let (result, buffer) = stream.recv(Buffer::with_capacity(100)).await;
    (result, buffer.filled().to_vec())
}

#[test]
fn what_is_put_is_read_and_what_is_written_is_taken() {
    on_both_drivers(async |rig: Rig| {
        let (bell, lane) = lane();
        let stream = stream(&lane, &rig.wheel);
        lane.put(|inward| inward.put(b"question"));
        assert_eq!(lane.unread(), 8);
        assert_eq!(read(&stream).await.1, b"question");
        assert_eq!((lane.unread(), rang(&bell)), (0, vec![7]));
        let (result, buffer) = stream.send_all(buffer_of(b"answer")).await;
        assert!(result.is_ok());
        assert_eq!(buffer.filled(), b"answer", "it comes back as it was given");
        assert!(rang(&bell).is_empty(), "a lane that was not looked at does not ring twice");
        lane.look();
        assert_eq!(lane.take(|outward| outward.filled().to_vec()), b"answer");
        lane.end();
        assert_eq!(read(&stream).await.0.unwrap(), 0);
    });
}

/// Takes some of what was written.
fn take(lane: &Lane, taken: &mut Vec<u8>) -> usize {
    lane.take(|outward| {
        let count = outward.len().min(10_000);
        taken.extend_from_slice(&outward.filled()[..count]);
        outward.consume(count);
        count
    })
}

#[test]
fn a_writer_waits_for_room_and_loses_nothing() {
    on_both_drivers(async |rig: Rig| {
        let (_, lane) = lane();
        let stream = stream(&lane, &rig.wheel);
        let bytes = pattern(3 * LANE_OUT_BYTES_MAX + 5);
        let mut large = Buffer::with_capacity(bytes.len());
        large.put(&bytes);
        let mut sending = pin!(stream.send_all(large));
        let mut taken = Vec::new();
        std::future::poll_fn(|context| {
            while sending.as_mut().poll(context).is_pending() {
                assert!(take(&lane, &mut taken) > 0, "a writer that waits has filled its room");
            }
            Poll::Ready(())
        })
        .await;
        while take(&lane, &mut taken) > 0 {}
        assert!(taken == bytes);
    });
}

#[test]
fn a_deadline_ends_a_lane_as_it_ends_a_socket() {
    on_both_drivers(async |rig: Rig| {
        let (_, lane) = lane();
        let stream = stream(&lane, &rig.wheel);
        let soon = |action| {
            let now: Instant = rig.wheel.clock().now();
            stream.deadline().set(now, Duration::from_millis(20), action);
        };
        soon(Action::EndRead);
        assert_eq!(read(&stream).await.0.unwrap(), 0);
        assert!(stream.deadline().fired());
        assert!(stream.send_all(buffer_of(b"408")).await.0.is_ok(), "it can still be answered");
        soon(Action::EndBoth);
        let mut large = Buffer::with_capacity(2 * LANE_OUT_BYTES_MAX);
        large.put(&vec![0; 2 * LANE_OUT_BYTES_MAX]);
        assert!(stream.send_all(large).await.0.is_err());
    });
}

#[test]
fn who_breaks_or_leaves_a_lane_is_noticed_by_the_other() {
    on_both_drivers(async |rig: Rig| {
        for unprocessed in [false, true] {
            let (_, lane) = lane();
            let stream = stream(&lane, &rig.wheel);
            assert!(!stream.is_dead());
            lane.break_off(unprocessed);
            assert!(read(&stream).await.0.is_err());
            assert!(stream.send(buffer_of(b"x")).await.0.is_err());
            assert!(stream.is_dead());
            assert_eq!(stream.is_unprocessed(), unprocessed);
        }
        let (bell, lane) = lane();
        let stream = stream(&lane, &rig.wheel);
        stream.reset_on_close();
        drop(stream);
        assert_eq!(rang(&bell), [7]);
        assert!(lane.is_gone() && lane.is_reset() && lane.write_ended());
    });
}
