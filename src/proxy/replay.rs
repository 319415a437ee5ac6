//! A request kept to be sent again, and the decision whether it is. Routes without a `retry` policy
//! keep nothing. Refuses once a byte of a response went out, and where doing it twice may do harm.

use std::time::Duration;

use super::failure::Failure;
use super::forward::{Message, Rest};
use super::place::Routed;
use crate::base::buffer::Buffer;
use crate::http::Exchange;
use crate::limits::{BULK_BUFFER_BYTES, REPLAY_BYTES_MAX};
use crate::net::deadline::Action;
use crate::proto::http1::BodyLength;
use crate::telemetry::series::ClusterSeries;
use crate::upstream::Local;
use crate::upstream::retry::{Retry, Retrying};

const _: () = assert!(REPLAY_BYTES_MAX + crate::limits::HEAD_BYTES_CEILING < BULK_BUFFER_BYTES);

/// What one exchange has of retries.
#[derive(Default)]
pub struct Replay {
    kept: Option<Buffer>,
    /// Retries that were made.
    made: u32,
    /// The right to make them.
    retrying: Option<Retrying>,
}

/// Why an attempt brought nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Failed(Failure),
    /// The endpoint answered with a status that counts as a failure.
    Code,
}

impl Replay {
    /// Keeps a copy of a request that is whole, where it may be wanted.
    pub fn keep(&mut self, routed: &Routed<'_>, message: Option<&Message>) {
        let Some((retry, message)) = routed.retry().zip(message) else { return };
        let small = message.buffer.len() <= retry.replay_bytes.max(HEAD_BYTES);
        if self.kept.is_some() || message.rest.is_some() || !small {
            return;
        }
        let mut kept = room(routed, message.buffer.len() + LINE_BYTES);
        kept.put(message.buffer.filled());
        self.kept = Some(kept);
    }

    /// Whether a response may be thrown away for its status: there is another attempt.
    pub fn may_follow(&self, routed: &Routed<'_>) -> bool {
        let left = |retry: &Retry| self.made < retry.attempts && self.kept.is_some();
        routed.retry().is_some_and(left)
    }

    /// After how long without an answer another endpoint is asked as well, if that may be.
    pub fn hedges(
        &self,
        routed: &Routed<'_>,
        exchange: &Exchange,
        local: &Local,
    ) -> Option<Duration> {
        let retry = routed.retry()?;
        let after = retry.hedge_after?;
        let request = &exchange.request;
        let fits = self.may_follow(routed)
            && request.method.is_idempotent()
            && request.upgrade.is_none()
            && local.cluster.endpoints.len() > 1
            // A connection that begins with who the client is belongs to one attempt.
            && local.cluster.settings.proxy_header.is_none();
        fits.then_some(after)
    }

    /// The right to ask another endpoint beside the first, and the request; it counts as a retry.
    pub fn hedge(
        &mut self,
        routed: &Routed<'_>,
        exchange: &mut Exchange,
        local: &Local,
    ) -> Option<(Retrying, Buffer)> {
        let retry = routed.retry()?;
        let series = routed.view.resources.shard.cluster(local.cluster.labels);
        let Some(retrying) = retry.admit(local, active(series)) else {
            series.retries_refused.add(1);
            return None;
        };
        self.made += 1;
        exchange.outcome.retries += 1;
        exchange.outcome.may_retry = self.may_follow(routed);
        self.message(routed).map(|message| (retrying, message.buffer))
    }

    /// Whether the request is sent again; if so, after a while.
    pub async fn again(
        &mut self,
        routed: &Routed<'_>,
        exchange: &mut Exchange,
        local: &Local,
        why: Why,
    ) -> bool {
        let Some(retry) = routed.retry() else { return false };
        if self.made >= retry.attempts || !may_try(routed, exchange, retry, why) {
            return false;
        }
        let resources = &routed.view.resources;
        let wait = retry.wait(self.made + 1, &resources.random);
        if time_left(routed, exchange).is_some_and(|left| left <= wait) {
            return false;
        }
        let series = resources.shard.cluster(local.cluster.labels);
        if self.retrying.is_none() {
            self.retrying = retry.admit(local, active(series));
        }
        exchange.outcome.is_retry = self.retrying.is_some();
        if self.retrying.is_none() {
            series.retries_refused.add(1);
            return false;
        }
        self.made += 1;
        exchange.outcome.retries += 1;
        if !wait.is_zero() {
            resources.wheel.sleep(wait).await;
        }
        !routed.connection.stream.is_dead()
    }

    /// The request, with the number of its attempt; `None` if nothing was kept.
    pub fn message(&self, routed: &Routed<'_>) -> Option<Message> {
        let kept = self.kept.as_ref()?.filled();
        let head = memchr::memmem::find(kept, b"\r\n\r\n")? + 2;
        let mut buffer = room(routed, kept.len() + LINE_BYTES);
        buffer.put(&kept[..head]);
        if self.made > 0 {
            let mut line = *b"x-retry-attempt: 00\r\n";
            line[17] = b'0' + (self.made / 10 % 10) as u8;
            line[18] = b'0' + (self.made % 10) as u8;
            let digits = if self.made < 10 { 18 } else { 17 };
            buffer.put(&line[..17]);
            buffer.put(&line[digits..]);
        }
        buffer.put(&kept[head..]);
        Some(Message { buffer, rest: None })
    }

    pub fn release(&mut self, routed: &Routed<'_>) {
        if let Some(kept) = self.kept.take() {
            routed.view.resources.buffers.give(kept);
        }
    }
}

/// Whether a response is thrown away for its status: the route would rather ask again, and nothing
/// stands in the way of that.
pub fn is_turned(routed: &Routed<'_>, exchange: &Exchange) -> bool {
    let Some(retry) = routed.retry() else { return false };
    if !retry.is_code(exchange.response.status) || !may_try(routed, exchange, retry, Why::Code) {
        return false;
    }
    if time_left(routed, exchange).is_some_and(|left| left <= retry.backoff_max) {
        return false;
    }
    let Some((cluster, _)) = exchange.outcome.endpoint else { return false };
    let Some(local) = routed.view.local(cluster) else { return false };
    let series = routed.view.resources.shard.cluster(local.cluster.labels);
    let admitted = exchange.outcome.is_retry || retry.admit(local, active(series)).is_some();
    if !admitted {
        series.retries_refused.add(1);
    }
    admitted
}

pub fn active(series: &ClusterSeries) -> u64 {
    u64::try_from(series.active_requests.value()).unwrap_or(0)
}

fn may_try(routed: &Routed<'_>, exchange: &Exchange, retry: &Retry, why: Why) -> bool {
    if routed.connection.head_sent.get() || exchange.outcome.answered.is_some() {
        return false;
    }
    match why {
        Why::Code => true,
        // It saw nothing of the request.
        Why::Failed(
            Failure::ConnectFailed
            | Failure::ConnectSlow
            | Failure::TlsFailed
            | Failure::StreamsRefused,
        ) => true,
        Why::Failed(Failure::UpstreamClosed | Failure::AttemptSlow | Failure::UpstreamStuck) => {
            retry.any_method || exchange.request.method.is_idempotent()
        }
        Why::Failed(_) => false,
    }
}

/// Of the time for the whole request.
pub fn time_left(routed: &Routed<'_>, exchange: &Exchange) -> Option<Duration> {
    let limit = routed.edits.timeouts().request?;
    let spent = routed.connection.now().nanos_since(exchange.outcome.started);
    Some(limit.saturating_sub(Duration::from_nanos(spent)))
}

/// Whether the rest of a body is waited for, so that it can be sent again.
pub fn is_collected(routed: &Routed<'_>, exchange: &Exchange) -> bool {
    let Some(retry) = routed.retry() else { return false };
    match exchange.request.body {
        BodyLength::Fixed(length) => {
            length <= retry.replay_bytes as u64 && !exchange.request.expect_continue
        }
        // Nobody knows when it ends: its sender may wait for an answer first.
        _ => false,
    }
}

/// Reads the rest of a short body.
///
/// # Errors
/// The client left, was too slow, or what it sent is no body.
pub async fn collect(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    message: Message,
) -> Result<Message, Failure> {
    let Message { buffer: head, rest: Some(still) } = message else {
        return Ok(message);
    };
    let Rest { mut body, came: mut rest, tee } = *still;
    let buffers = &routed.view.resources.buffers;
    let connection = routed.connection;
    let mut whole = buffers.take_bulk();
    whole.put(head.filled());
    buffers.give(head);
    let ended = loop {
        let piece = match body.take(rest.filled_mut()) {
            Ok(piece) => piece,
            Err(error) => break Err(Failure::Malformed(error)),
        };
        whole.put(&rest.filled()[..piece.forward]);
        if let Some(tee) = &tee {
            tee.push(&rest.filled()[..piece.forward]);
        }
        rest.consume(piece.consumed);
        exchange.outcome.request_bytes += piece.forward as u64;
        if piece.done {
            tee.inspect(|tee| tee.end());
            break Ok(());
        }
        rest.compact();
        let limit = routed.bind.settings.limits.read;
        connection.stream.deadline().set(connection.now(), limit, Action::EndRead);
        let (result, back) = connection.stream.recv(rest).await;
        rest = back;
        let came = result.unwrap_or(0);
        connection.received_bytes.set(connection.received_bytes.get() + came as u64);
        if came == 0 {
            let slow = connection.stream.deadline().fired();
            break Err(if slow { Failure::BodySlow } else { Failure::ClientGone });
        }
    };
    connection.stream.deadline().clear();
    match ended {
        Ok(()) => {
            exchange.rest = Some(rest);
            Ok(Message { buffer: whole, rest: None })
        }
        Err(failure) => {
            buffers.give(rest);
            buffers.give(whole);
            Err(failure)
        }
    }
}

fn room(routed: &Routed<'_>, bytes: usize) -> Buffer {
    let buffers = &routed.view.resources.buffers;
    let small = buffers.take();
    if small.spare() >= bytes {
        return small;
    }
    buffers.give(small);
    buffers.take_bulk()
}

/// A head is always kept: `replay_bytes` is for bodies.
const HEAD_BYTES: usize = 16 * crate::limits::KIB;
/// Of the line that tells the number of an attempt.
const LINE_BYTES: usize = 32;
