//! Copies bytes both ways between two connections until both directions have ended: tunnels.
//! Each direction ends by itself (half-close); an error in one ends both, by a reset.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::deadline::{Action, Ends};
use super::socket::Side;
use super::stream::{Done, Stream};
use crate::base::buffer::{Buffer, Buffers};
use crate::base::clock::Instant;
use crate::limits::{
    BULK_BUFFER_BYTES, READ_BUFFER_BYTES, RELAY_BULK_UNTIL_BYTES, RELAY_PARK_FROM_BYTES,
    RELAY_PATIENCE,
};

/// One direction: what is known of it while it runs.
#[derive(Default)]
pub struct Flow {
    pub bytes: Cell<u64>,
    last: Cell<Instant>,
    /// The receiver has not taken all that was read.
    sending: Cell<bool>,
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
    let watch = wheel.register(Ends::Nothing);
    flows.0.last.set(now);
    flows.1.last.set(now);
    watch.set(now, idle, Action::Wake);
    let mut upward = pin!(one_way(down, up, firsts.0, buffers, flows));
    let mut downward = pin!(one_way(up, down, firsts.1, buffers, (flows.1, flows.0)));
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
    (flow, other): (&Flow, &Flow),
) -> bool {
    let clock = from.deadline().wheel().clock();
    let mut buffer = first;
    let clean = loop {
        if !buffer.is_empty() {
            let (count, full) = (buffer.len(), buffer.spare() == 0);
            flow.sending.set(true);
            let (result, back) = to.send_all(buffer).await;
            flow.sending.set(false);
            buffer = back;
            if result.is_err() {
                break false;
            }
            flow.bytes.set(flow.bytes.get() + count as u64);
            flow.last.set(clock.now());
            buffer = next_room(buffer, count, full, buffers);
        }
        let (result, back) = read(from, buffer, buffers).await;
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
        cut(from, to, other.sending.get());
    }
    clean
}

/// An empty buffer for the next read: a large one behind a read that filled its buffer, and a small
/// one again behind a read that would have fit in it.
fn next_room(mut buffer: Buffer, count: usize, full: bool, buffers: &Buffers) -> Buffer {
    let is_bulk = buffer.capacity() > BULK_BUFFER_BYTES;
    if full && !is_bulk && buffers.out_bytes() < RELAY_BULK_UNTIL_BYTES {
        buffers.give(buffer);
        return buffers.take_bulk();
    }
    if is_bulk && count <= READ_BUFFER_BYTES {
        buffers.give(buffer);
        return buffers.take();
    }
    buffer.clear();
    buffer
}

/// Reads what comes. A large buffer is given back when nothing does for a while; where many are out
/// a small one too, and what comes is waited for without. To be able to call a read back costs a
/// little on each, so that few quiet connections keep their small buffers.
async fn read(from: &Stream, buffer: Buffer, buffers: &Buffers) -> Done {
    let is_bulk = buffer.capacity() > BULK_BUFFER_BYTES;
    if !is_bulk && buffers.out_bytes() < RELAY_PARK_FROM_BYTES {
        return from.recv(buffer).await;
    }
    let deadline = from.deadline();
    deadline.set(deadline.wheel().clock().now(), RELAY_PATIENCE, Action::Wake);
    let (result, buffer) = from.recv_or_fired(buffer).await;
    deadline.clear();
    match result {
        Err(error) if error.raw_os_error() == Some(libc::ECANCELED) => {
            buffers.give(buffer);
            if buffers.out_bytes() >= RELAY_PARK_FROM_BYTES {
                // Whatever the poll says, the read says more.
                let _ = from.readable().await;
            }
            from.recv(buffers.take()).await
        }
        result => (result, buffer),
    }
}

/// What broke on one side is not ended cleanly on the other: both are reset when they are closed.
/// Until then only what the other direction waits for is ended; to end more would send a FIN.
fn cut(from: &Stream, to: &Stream, back_is_sending: bool) {
    for stream in [from, to] {
        // A socket that is gone already needs no reset.
        stream.reset_on_close();
    }
    to.shutdown(Side::Read);
    from.shutdown(if back_is_sending { Side::Both } else { Side::Read });
}

#[cfg(test)]
mod tests;
