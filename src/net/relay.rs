//! Copies bytes both ways between two connections until both directions have ended: TCP, CONNECT,
//! upgrades. Each direction ends by itself (half-close); an error in one ends both, by a reset.
//!
//! What a direction does is in `way`; here is what both share: how long nothing moved, and when
//! writes that nobody waits for are looked at. Owns no state: it lives as long as its connections.

mod way;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use self::way::Way;
use super::deadline::{Action, Deadline, Ends};
use super::socket::Side;
use super::stream::Stream;
use crate::base::buffer::{Buffer, Buffers};
use crate::base::clock::Instant;
use crate::limits::LAST_SEND_LOOKED_AT_AFTER;

/// One direction: what is known of it while it runs.
#[derive(Default)]
pub struct Flow {
    /// What the receiver's side has taken.
    pub bytes: Cell<u64>,
    last: Cell<Instant>,
    /// The receiver has not taken all that was read, and that is waited for.
    sending: Cell<bool>,
    /// A write was left to itself, and not looked at since.
    left: Cell<bool>,
    /// It is to be looked at, and wakes us when it is done.
    look: Cell<bool>,
    /// A write failed.
    failed: Cell<bool>,
    /// It found that the receiver is gone, though it had not ended what it sends.
    refused: Cell<bool>,
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
    relay_seen(down, up, firsts, buffers, idle, flows, |_| ()).await
}

/// The same, with somebody who sees what `up` sends, in the pieces that it comes in.
pub async fn relay_seen(
    down: &Stream,
    up: &Stream,
    (first_up, first_down): (Buffer, Buffer),
    buffers: &Buffers,
    idle: Duration,
    (upward, downward): (&Flow, &Flow),
    see: impl Fn(&[u8]),
) -> End {
    down.deadline().clear();
    up.deadline().clear();
    let watch = Watch::begin(down.deadline(), idle, [upward, downward]);
    let way = |from, to, flow, back| Way { from, to, buffers, flow, back, watch: &watch };
    let (way_up, way_down) = (way(down, up, upward, downward), way(up, down, downward, upward));
    let mut run_up = pin!(way_up.run(first_up, |_| ()));
    let mut run_down = pin!(way_down.run(first_down, see));
    let (mut up_end, mut down_end) = (None, None);
    let mut idled = false;
    poll_fn(|context| {
        if watch.poll_idle(context) {
            idled = true;
            down.shutdown(Side::Both);
            up.shutdown(Side::Both);
        }
        loop {
            advance(run_up.as_mut(), &mut up_end, context);
            advance(run_down.as_mut(), &mut down_end, context);
            if !watch.again.take() {
                break;
            }
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

fn advance(run: Pin<&mut impl Future<Output = bool>>, end: &mut Option<bool>, with: &mut Context) {
    if end.is_none()
        && let Poll::Ready(clean) = run.poll(with)
    {
        *end = Some(clean);
    }
}

/// What both directions share: one deadline, for silence and for writes left to themselves.
struct Watch<'a> {
    deadline: Deadline,
    idle: Duration,
    flows: [&'a Flow; 2],
    /// The deadline is a near one: a write is going to be looked at.
    near: Cell<bool>,
    /// One direction wants to know what became of the other before it goes on.
    again: Cell<bool>,
}

impl<'a> Watch<'a> {
    fn begin(of: &Deadline, idle: Duration, flows: [&'a Flow; 2]) -> Self {
        let deadline = of.wheel().register(Ends::Nothing);
        let now = of.wheel().clock().now();
        flows.iter().for_each(|flow| flow.last.set(now));
        deadline.set(now, idle, Action::Wake);
        let (near, again) = (Cell::new(false), Cell::new(false));
        Self { deadline, idle, flows, near, again }
    }

    /// Says that a write was left to itself. While bytes flow this is a look at a flag.
    fn look_soon(&self, now: Instant) {
        if !self.near.replace(true) {
            self.deadline.set(now, LAST_SEND_LOOKED_AT_AFTER.min(self.idle), Action::Wake);
        }
    }

    /// True, once, when nothing moved for the idle limit. Otherwise it asks for a look at what was
    /// left to itself, now and then.
    fn poll_idle(&self, context: &Context<'_>) -> bool {
        while self.deadline.poll_fired(context).is_ready() {
            let now = self.deadline.wheel().clock().now();
            let last = self.flows[0].last.get().max(self.flows[1].last.get());
            let quiet = Duration::from_nanos(now.nanos_since(last));
            if quiet >= self.idle {
                self.deadline.clear();
                return true;
            }
            let mut next = self.idle - quiet;
            let left = self.flows.iter().any(|flow| flow.left.get());
            if left {
                self.flows.iter().for_each(|flow| flow.look.set(flow.left.get()));
                next = next.min(LAST_SEND_LOOKED_AT_AFTER);
            }
            self.near.set(left);
            self.deadline.set(now, next, Action::Wake);
        }
        false
    }
}

#[cfg(test)]
mod tests;
