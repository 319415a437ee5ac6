//! Copies bytes both ways between two connections until both directions have ended: tunnels.
//! Each direction ends by itself (half-close); an error in one ends both.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::deadline::Action;
use super::socket::Side;
use super::stream::Stream;
use crate::base::buffer::{Buffer, Buffers};
use crate::base::clock::Instant;

/// One direction: what is known of it while it runs.
#[derive(Default)]
pub struct Flow {
    pub bytes: Cell<u64>,
    last: Cell<Instant>,
}

/// How a relay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides closed.
    Closed,
    /// One side failed, and the other was ended with it.
    Broken,
    /// No byte went either way for the idle limit.
    Idle,
}

/// Runs until both directions have ended. `first_up` and `first_down` are bytes that had already
/// arrived from either side.
pub async fn relay(
    down: &Stream,
    up: &Stream,
    firsts: (Buffer, Buffer),
    buffers: &Buffers,
    idle: Duration,
    flows: (&Flow, &Flow),
) -> End {
    let wheel = down.deadline().wheel();
    let now = wheel.clock().now();
    down.deadline().clear();
    up.deadline().clear();
    let watch = wheel.register(-1);
    flows.0.last.set(now);
    flows.1.last.set(now);
    watch.set(now, idle, Action::Wake);
    let mut upward = pin!(one_way(down, up, firsts.0, buffers, flows.0));
    let mut downward = pin!(one_way(up, down, firsts.1, buffers, flows.1));
    let (mut up_end, mut down_end) = (None, None);
    let mut idled = false;
    poll_fn(|context| {
        if up_end.is_none()
            && let Poll::Ready(end) = upward.as_mut().poll(context)
        {
            up_end = Some(end);
        }
        if down_end.is_none()
            && let Poll::Ready(end) = downward.as_mut().poll(context)
        {
            down_end = Some(end);
        }
        while watch.poll_fired(context).is_ready() {
            let now = wheel.clock().now();
            let last = flows.0.last.get().max(flows.1.last.get());
            let quiet = Duration::from_nanos(now.nanos_since(last));
            if quiet >= idle {
                idled = true;
                watch.clear();
                down.shutdown(Side::Both);
                up.shutdown(Side::Both);
                break;
            }
            watch.set(now, idle - quiet, Action::Wake);
        }
        if up_end.is_some() && down_end.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    match (idled, up_end, down_end) {
        (true, ..) => End::Idle,
        (false, Some(true), Some(true)) => End::Closed,
        _ => End::Broken,
    }
}

/// True when the sender ended it, false when something broke.
async fn one_way(
    from: &Stream,
    to: &Stream,
    first: Buffer,
    buffers: &Buffers,
    flow: &Flow,
) -> bool {
    let clock = from.deadline().wheel().clock();
    let mut buffer = first;
    let clean = loop {
        if !buffer.is_empty() {
            let count = buffer.len() as u64;
            let (result, back) = to.send_all(buffer).await;
            buffer = back;
            if result.is_err() {
                break false;
            }
            flow.bytes.set(flow.bytes.get() + count);
            flow.last.set(clock.now());
            buffer.clear();
        }
        let (result, back) = from.recv(buffer).await;
        buffer = back;
        match result {
            Ok(0) => break true,
            Ok(_) => flow.last.set(clock.now()),
            Err(_) => break false,
        }
    };
    buffers.give(buffer);
    if clean {
        to.shutdown(Side::Write);
    } else {
        from.shutdown(Side::Both);
        to.shutdown(Side::Both);
    }
    clean
}

#[cfg(test)]
mod tests;
