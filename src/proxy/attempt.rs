//! One attempt at one endpoint: the request goes out, the first bytes of a response come in.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use super::failure::Failure;
use super::forward::{Message, Rest, attempt_limit};
use super::lease::Lease;
use super::place::Routed;
use super::reply;
use super::respond;
use super::upload::{self, Upload, UploadDeadlines};
use crate::base::buffer::{Buffer, Buffers};
use crate::http::Exchange;
use crate::limits::CLIENT_WATCH_EVERY;
use crate::net::deadline::Action;
use crate::net::sending::{Sending, Sent};
use crate::net::socket::Side;
use crate::net::stream::{ArmedRead, Done, Stream};

/// How an attempt ended.
pub enum Ended {
    /// The response is with the client.
    Answered(Answered),
    Failed(Failure),
    /// The response was thrown away for its status, and the request can be sent again.
    Turned(Answered),
    /// A reused connection turned out to be closed, and the request can be sent again.
    Stale(Message),
}

/// What is left of an exchange that came to its end.
pub struct Answered {
    /// What was read last; empty when the connection can be used again.
    pub buffer: Buffer,
    /// Both messages are complete, and the endpoint keeps the connection.
    pub clean: bool,
}

/// Sends `message`, which is taken, on the lease, and the response to the client. By reference: it
/// would take room in the future of a connection for as long as the attempt lasts.
pub async fn run(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    lease: &mut Lease,
    message: &mut Option<Message>,
) -> Ended {
    let limit = attempt_limit(routed, exchange);
    let slow = limit.map_or(Failure::AttemptSlow, |(_, slow)| slow);
    let whole = message.take_if(|message| message.rest.is_none());
    if let Some(buffer) = whole.map(|message| message.buffer) {
        return plain(routed, exchange, lease, buffer, limit, slow).await;
    }
    let sending = message
        .take()
        .map(|message| Box::pin(sent_first(routed, exchange, lease, message, limit, slow)));
    sending.expect("there is a message to be sent").await
}

/// The whole request leaves in one write: the common case. Nobody waits for that write alone: it is
/// on the ring, and done by the time a response comes. So an exchange is woken once here, not twice.
async fn plain(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    lease: &mut Lease,
    message: Buffer,
    limit: Option<(Duration, Failure)>,
    slow: Failure,
) -> Ended {
    let reused = lease.reused;
    let (stream, armed) = lease.connection.parts();
    let now = routed.connection.now();
    exchange.outcome.sent = Some(now);
    let limits = &routed.bind.settings.limits;
    match limit {
        Some((limit, _)) => stream.deadline().set(now, limit, Action::EndBoth),
        None => stream.deadline().clear(),
    }
    let buffers = &routed.view.resources.buffers;
    let down = &routed.connection.stream;
    let (waited, Sent { message, begun, .. }) = {
        let mut sending = pin!(stream.send_quietly(message));
        let waited = first_bytes(down, stream, armed, sending.as_mut(), buffers).await;
        (waited, sending.finish(stream, limits.write).await)
    };
    let (result, first) = match waited {
        Ok(done) => done,
        Err(failure) => {
            buffers.give(message);
            return Ended::Failed(failure);
        }
    };
    if matches!(result, Ok(1..)) {
        let heads = (message, first);
        return respond::respond(routed, exchange, stream, heads, &mut None, slow).await;
    }
    let fired = stream.deadline().fired();
    buffers.give(first);
    // Nothing of a response came. To send the request again is safe when the endpoint had closed an
    // idle connection, and either saw nothing of the request or may do it twice: RFC 9112
    // section 9.3.1.
    // And when the endpoint says that it did not look: RFC 9113 section 8.7.
    let again = reused && (!begun || exchange.request.method.is_idempotent());
    if !fired && (again || stream.is_unprocessed()) {
        return Ended::Stale(Message { buffer: message, rest: None });
    }
    buffers.give(message);
    Ended::Failed(if fired { slow } else { Failure::UpstreamClosed })
}

/// A request whose body is still coming: its head goes first, with what there is.
async fn sent_first(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    lease: &mut Lease,
    message: Message,
    limit: Option<(Duration, Failure)>,
    slow: Failure,
) -> Ended {
    let now = routed.connection.now();
    let write = routed.bind.settings.limits.write;
    let first = limit.map_or(write, |(limit, _)| limit.min(write));
    lease.connection.stream.deadline().set(now, first, Action::EndBoth);
    let Message { buffer, rest } = message;
    let stream = &lease.connection.stream;
    let Sent { result, message: buffer, begun } =
        pin!(stream.send_quietly(buffer)).finish(stream, first).await;
    if result.is_err() {
        let message = Message { buffer, rest };
        return unsent(routed, lease, message, begun, limit.map(|(_, slow)| slow));
    }
    exchange.outcome.sent = Some(routed.connection.now());
    match limit {
        Some((limit, _)) => lease.connection.stream.deadline().set(now, limit, Action::EndBoth),
        None => lease.connection.stream.deadline().clear(),
    }
    let rest = *rest.expect("without a rest the request is sent in one write");
    streamed(routed, exchange, lease, buffer, rest, slow).await
}

/// The body is still on its way while the response is waited for.
async fn streamed(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    lease: &mut Lease,
    message: Buffer,
    rest: Rest,
    slow: Failure,
) -> Ended {
    let (stream, armed) = lease.connection.parts();
    let deadlines = UploadDeadlines::new(routed, stream);
    let mut upload = Some(Upload::begin(routed.place, stream, &deadlines, rest));
    let sent = pin!(Sending::nothing());
    let buffers = &routed.view.resources.buffers;
    let wait = first_bytes(&routed.connection.stream, stream, armed, sent, buffers);
    let ended = match upload::beside(&mut upload, wait).await {
        Ok((Ok(1..), first)) => {
            respond::respond(routed, exchange, stream, (message, first), &mut upload, slow).await
        }
        Ok((_, first)) => {
            buffers.give(first);
            buffers.give(message);
            Ended::Failed(match stream.deadline().fired() {
                true => slow,
                // Some of the body is gone, so it cannot be sent again.
                false if stream.is_unprocessed() => Failure::StreamsRefused,
                false => Failure::UpstreamClosed,
            })
        }
        Err(failure) => {
            buffers.give(message);
            Ended::Failed(failure)
        }
    };
    let upload = upload.expect("an upload stays where it was put");
    settle(routed, exchange, upload, &deadlines, ended).await
}

/// Ends the upload, one way or the other, and says what that means for the exchange.
async fn settle(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    upload: Upload<'_>,
    deadlines: &UploadDeadlines,
    ended: Ended,
) -> Ended {
    let outcome = upload.outcome();
    exchange.outcome.request_bytes += deadlines.moved.get();
    if let Some(Ok(())) = outcome {
        let behind = upload.finish().await.ok();
        match &exchange.asked_body {
            // What came behind a body that was gathered is kept already.
            Some(_) => behind.into_iter().for_each(|left| routed.view.resources.buffers.give(left)),
            None => exchange.rest = behind,
        }
        return ended;
    }
    if routed.others.is_some() {
        // The body was held, and may go to somebody else: the client is left as it is.
        upload.abandon(deadlines, None).await;
        return match ended {
            Ended::Answered(answered) => Ended::Answered(Answered { clean: false, ..answered }),
            Ended::Turned(answered) => Ended::Turned(Answered { clean: false, ..answered }),
            ended => ended,
        };
    }
    routed.connection.closing.set(true);
    let ended = match (ended, outcome) {
        (Ended::Answered(answered), _) => Ended::Answered(Answered { clean: false, ..answered }),
        // The exchange failed because the body did.
        (Ended::Failed(Failure::UpstreamClosed), Some(Err(broke))) => {
            Ended::Failed(Failure::of_upload(broke))
        }
        (ended, _) => ended,
    };
    if let Ended::Failed(failure) = &ended {
        // Told now, while the client can still be listened to without a reset.
        reply::failure(routed, exchange, *failure, routed.lines).await;
    }
    upload.abandon(deadlines, Some(routed.bind.settings.limits.linger)).await;
    ended
}

/// A write that failed. `begun` says that the endpoint may have seen some of it.
fn unsent(
    routed: &Routed<'_>,
    lease: &Lease,
    message: Message,
    begun: bool,
    slow: Option<Failure>,
) -> Ended {
    let fired = lease.connection.stream.deadline().fired();
    let unprocessed = lease.connection.stream.is_unprocessed();
    if !fired && (unprocessed || (lease.reused && !begun)) {
        // The kernel refused the write, or the endpoint says so: it saw nothing of the request.
        return Ended::Stale(message);
    }
    let buffers = &routed.view.resources.buffers;
    buffers.give(message.buffer);
    if let Some(rest) = message.rest {
        buffers.give(rest.came);
    }
    Ended::Failed(match (fired, slow) {
        (true, Some(slow)) => slow,
        (true, None) => Failure::UpstreamStuck,
        (false, _) => Failure::UpstreamClosed,
    })
}

/// Waits for the armed read, beside a write that is under way. A client that reset its connection
/// meanwhile ends the wait: nobody is left to be answered. That is looked at now and then, not
/// watched for: a watch would cost an operation on every request. So is the write.
async fn first_bytes(
    down: &Stream,
    up: &Stream,
    armed: &mut ArmedRead,
    mut sending: Pin<&mut Sending<impl Future<Output = Done>>>,
    buffers: &Buffers,
) -> Result<Done, Failure> {
    let clock = down.deadline().wheel().clock();
    down.deadline().set(clock.now(), CLIENT_WATCH_EVERY, Action::Wake);
    sending.as_mut().start(up).await;
    loop {
        let done = poll_fn(|context| match armed.poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => down.deadline().poll_fired(context).map(|()| None),
        })
        .await;
        if let Some(done) = done {
            down.deadline().clear();
            return Ok(done);
        }
        if down.is_dead() {
            up.shutdown(Side::Both);
            let (_, buffer) = armed.finish().await;
            buffers.give(buffer);
            return Err(Failure::ClientGone);
        }
        sending.as_mut().look(up).await;
        down.deadline().set(clock.now(), CLIENT_WATCH_EVERY, Action::Wake);
    }
}

#[cfg(test)]
mod tests;
