//! Hedging: where an endpoint takes long to begin its answer, another one is asked as well, and the
//! first answer is the client's. Only for requests that may be done twice, that are kept to be sent
//! again, and within the budget of retries; a route without `hedgeAfter` knows nothing of it.
//!
//! The second attempt is a task of its own. It owns its connection until its first bytes are there,
//! and hands both over; told that it comes too late, it ends its read, and waits for that. So no
//! operation is dropped, whoever wins.

mod leg;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use self::leg::{Leg, Won};
use super::attempt::Ended;
use super::choice::Choice;
use super::failure::Failure;
use super::forward::{Message, attempt_limit};
use super::judge;
use super::lease::{Lease, To};
use super::place::Routed;
use super::replay::Replay;
use super::respond;
use crate::base::buffer::{Buffer, Buffers};
use crate::http::Exchange;
use crate::limits::CLIENT_WATCH_EVERY;
use crate::net::deadline::Action;
use crate::net::sending::{Sending, Sent};
use crate::net::socket::Side;
use crate::net::stream::{ArmedRead, Done, Stream};
use crate::telemetry::value::Counter;

/// What a second attempt takes.
pub struct Hedging<'a> {
    pub after: Duration,
    pub to: To<'a>,
    pub choice: Choice,
    pub replay: &'a mut Replay,
}

/// As `attempt::run` of a request that is whole. When the second attempt wins, `lease` is its.
pub async fn run(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    lease: &mut Lease,
    message: Buffer,
    hedging: Hedging<'_>,
) -> Ended {
    let limit = attempt_limit(routed, exchange);
    let slow = limit.map_or(Failure::AttemptSlow, |(_, slow)| slow);
    let (choice, to) = (hedging.choice, hedging.to);
    let reused = lease.reused;
    let buffers = &routed.view.resources.buffers;
    let (raced, Sent { message, .. }) = {
        let (stream, armed) = lease.connection.parts();
        let now = routed.connection.now();
        exchange.outcome.sent = Some(now);
        match limit {
            Some((limit, _)) => stream.deadline().set(now, limit, Action::EndBoth),
            None => stream.deadline().clear(),
        }
        let mut sending = pin!(stream.send_quietly(message));
        let raced = race(routed, exchange, (stream, armed), sending.as_mut(), hedging).await;
        (raced, sending.finish(stream, routed.bind.settings.limits.write).await)
    };
    let first = match raced {
        Raced::First((Ok(1..), first)) => first,
        Raced::First((_, first)) => {
            let stream = &lease.connection.stream;
            let fired = stream.deadline().fired();
            buffers.give(first);
            // As in `attempt`; the request is one that may be done twice.
            if !fired && (reused || stream.is_unprocessed()) {
                return Ended::Stale(Message { buffer: message, rest: None });
            }
            buffers.give(message);
            return Ended::Failed(if fired { slow } else { Failure::UpstreamClosed });
        }
        Raced::Gone => {
            buffers.give(message);
            return Ended::Failed(Failure::ClientGone);
        }
        Raced::Second(won) => {
            judge::outrun(routed, exchange, to);
            let Won { lease: other, first, sent, turn } = *won;
            let (cluster, endpoint) = (exchange.outcome.endpoint, other.endpoint());
            std::mem::replace(lease, other).discard(routed.view);
            exchange.outcome.sent = Some(sent);
            exchange.outcome.endpoint = cluster.map(|(cluster, _)| (cluster, endpoint as u32));
            exchange.outcome.affine = choice.is_news(to.local, endpoint);
            routed.view.resources.shard.add(Counter::HedgesWon, 1);
            let stream = &lease.connection.stream;
            let heads = (message, first);
            let ended = respond::respond(routed, exchange, stream, heads, &mut None, slow).await;
            drop(turn);
            return ended;
        }
    };
    let stream = &lease.connection.stream;
    respond::respond(routed, exchange, stream, (message, first), &mut None, slow).await
}

/// Who was first.
enum Raced {
    First(Done),
    Second(Box<Won>),
    /// The client left.
    Gone,
}

enum Event {
    First(Done),
    /// What it won with; nothing: it failed.
    Second(Option<Box<Won>>),
    /// It is time to look at the client, at the write, and whether a second attempt is due.
    Look,
}

/// Waits for the first bytes of an answer. One that fails leaves the other to answer.
async fn race(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    (up, armed): (&Stream, &mut ArmedRead),
    mut sending: Pin<&mut Sending<impl Future<Output = Done>>>,
    mut hedging: Hedging<'_>,
) -> Raced {
    let down = &routed.connection.stream;
    let buffers = &routed.view.resources.buffers;
    let due = routed.connection.now().plus(hedging.after);
    let (mut leg, mut begun, mut failed): (Option<Leg>, bool, Option<Done>) = (None, false, None);
    let watch = |limit: Duration| {
        down.deadline().set(routed.connection.now(), limit.min(CLIENT_WATCH_EVERY), Action::Wake);
    };
    watch(hedging.after);
    sending.as_mut().start(up).await;
    let raced = loop {
        let event = poll_fn(|context| {
            if failed.is_none()
                && let Poll::Ready(done) = armed.poll(context)
            {
                return Poll::Ready(Event::First(done));
            }
            if let Some(leg) = &leg
                && let Poll::Ready(won) = leg.poll(context)
            {
                return Poll::Ready(Event::Second(won));
            }
            down.deadline().poll_fired(context).map(|()| Event::Look)
        });
        match event.await {
            Event::First(done) if leg.is_none() || matches!(done.0, Ok(1..)) => {
                break Raced::First(done);
            }
            Event::First(done) => failed = Some(done),
            Event::Second(Some(won)) => {
                end(up, armed, failed, buffers).await;
                break Raced::Second(won);
            }
            Event::Second(None) => {
                leg = None;
                if let Some(done) = failed.take() {
                    break Raced::First(done);
                }
            }
            Event::Look if down.is_dead() => {
                end(up, armed, failed, buffers).await;
                break Raced::Gone;
            }
            Event::Look => {
                sending.as_mut().look(up).await;
                let left = due.nanos_since(routed.connection.now());
                if !begun && left == 0 {
                    begun = true;
                    leg = Leg::begin(routed, exchange, &mut hedging);
                }
                watch(if begun { CLIENT_WATCH_EVERY } else { Duration::from_nanos(left) });
            }
        }
    };
    down.deadline().clear();
    raced
}

/// Ends the first attempt's read, unless it came to its end by itself.
async fn end(up: &Stream, armed: &mut ArmedRead, failed: Option<Done>, buffers: &Buffers) {
    let (_, buffer) = match failed {
        Some(done) => done,
        None => {
            up.shutdown(Side::Both);
            armed.finish().await
        }
    };
    buffers.give(buffer);
}
