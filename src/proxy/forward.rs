//! Attempts: pick an endpoint, get a connection, send, wait, and once more where that is safe.

use std::time::Duration;

use super::attempt::{self, Answered, Ended};
use super::failure::Failure;
use super::lease::{Lease, To};
use super::place::Routed;
use super::request_head::{self, Rewritten};
use crate::base::buffer::Buffer;
use crate::base::id::ClusterId;
use crate::http::server::h1::request_body;
use crate::http::{Body, Exchange};
use crate::limits::{CONNECT_ATTEMPTS_MAX, UNPROCESSED_RETRIES_MAX};
use crate::proto::http1::{BodyLength, FieldName, Method};
use crate::upstream::balance;

/// What is sent to an endpoint: the head, with what came of the body so far.
pub struct Message {
    pub buffer: Buffer,
    /// What is still to come of the body, with what came of it and could not be sent yet.
    pub rest: Option<(Body, Buffer)>,
}

/// Sends the request to the cluster and the response to the client.
///
/// # Errors
/// The failure; the client was told nothing yet, unless `head_sent` says so.
pub async fn forward(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    cluster: ClusterId,
    rewritten: Rewritten<'_>,
) -> Result<(), Failure> {
    let local = routed.view.local(cluster).ok_or(Failure::NoBackend)?;
    let buffers = &routed.view.resources.buffers;
    let settings = &local.cluster.settings;
    // A connection that begins with who the client is has one client.
    let shares = settings.proxy_header.is_none();
    let http2 = shares && settings.http.is_http2(|| is_grpc(exchange));
    let mut message = message(routed, exchange, Rewritten { http2, ..rewritten })?;
    let mut tries = Tries::default();
    loop {
        let Some(endpoint) = balance::pick(local, tries.avoid) else {
            release(routed, message);
            return Err(Failure::NoBackend);
        };
        let to = To { local, endpoint, http2 };
        let alone = tries.fresh || local.cluster.settings.proxy_header.is_some();
        let reused = if alone { None } else { Lease::reuse(routed, to) };
        let mut lease = match reused {
            Some(lease) => lease,
            None => match Lease::open(routed, to).await {
                Ok(lease) => lease,
                // Nothing was sent, so another endpoint may be asked.
                Err(failure) => {
                    if tries.unreachable(endpoint, local.cluster.endpoints.len()) {
                        exchange.outcome.retries += 1;
                        continue;
                    }
                    release(routed, message);
                    return Err(failure);
                }
            },
        };
        lease.reused &= !tries.fresh;
        exchange.outcome.endpoint = Some((cluster, endpoint as u32));
        match attempt::run(routed, exchange, &mut lease, message).await {
            Ended::Answered(Answered { buffer, clean: true }) => {
                lease.give_back(routed.view, buffer);
                return Ok(());
            }
            Ended::Answered(Answered { buffer, clean: false }) => {
                buffers.give(buffer);
                return Ok(());
            }
            Ended::Failed(failure) => {
                lease.discard(routed.view);
                return Err(failure);
            }
            Ended::Stale(back) => {
                let refused = lease.connection.stream.is_unprocessed();
                lease.discard(routed.view);
                if !tries.again(endpoint, refused) {
                    release(routed, back);
                    return Err(Failure::StreamsRefused);
                }
                exchange.outcome.retries += 1;
                message = back;
            }
        }
    }
}

/// What was tried for one request.
#[derive(Default)]
struct Tries {
    connects: usize,
    refusals: u32,
    /// An endpoint that just failed.
    avoid: Option<usize>,
    /// No connection that may be as old as the one that failed.
    fresh: bool,
}

impl Tries {
    /// No connection was to be had. Whether another endpoint may be asked.
    fn unreachable(&mut self, endpoint: usize, endpoints: usize) -> bool {
        self.connects += 1;
        self.avoid = Some(endpoint);
        self.connects < CONNECT_ATTEMPTS_MAX.min(endpoints)
    }

    /// The request may be sent again: the endpoint had closed the connection while it idled, or
    /// `refused` to look at it. Whether it is.
    fn again(&mut self, endpoint: usize, refused: bool) -> bool {
        self.fresh = true;
        if refused {
            self.refusals += 1;
            self.avoid = Some(endpoint);
        }
        self.refusals <= UNPROCESSED_RETRIES_MAX
    }
}

/// gRPC: HTTP/2 or nothing.
fn is_grpc(exchange: &Exchange) -> bool {
    const NAME: &[u8] = b"application/grpc";
    let request = &exchange.request;
    let value = || request.value(exchange.head_bytes(), FieldName::ContentType);
    let is_named = |value: &[u8]| {
        value.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME))
            && matches!(value.get(NAME.len()), None | Some(b'+' | b';' | b' '))
    };
    request.method == Method::Post && value().is_some_and(is_named)
}

/// The head, with what there is of the body behind it: a small request leaves in one write.
fn message(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    rewritten: Rewritten<'_>,
) -> Result<Message, Failure> {
    let buffers = &routed.view.resources.buffers;
    let mut buffer = buffers.take();
    request_head::encode(&mut buffer, routed, exchange, rewritten);
    exchange.consumed = exchange.request.len;
    if exchange.request.body == BodyLength::None {
        return Ok(Message { buffer, rest: None });
    }
    let mut body = request_body(exchange);
    let Some(input) = exchange.input.as_mut() else { return Ok(Message { buffer, rest: None }) };
    let behind = &mut input.filled_mut()[exchange.request.len..];
    let piece = match body.take(behind) {
        Ok(piece) => piece,
        Err(error) => {
            buffers.give(buffer);
            return Err(Failure::Malformed(error));
        }
    };
    buffer.put(&behind[..piece.forward]);
    if let Some(tee) = routed.tee {
        tee.push(&behind[..piece.forward]);
        if piece.done {
            tee.end();
        }
    }
    exchange.outcome.request_bytes = piece.forward as u64;
    exchange.consumed += piece.consumed;
    if piece.done {
        return Ok(Message { buffer, rest: None });
    }
    let mut rest = buffers.take();
    rest.put(&behind[piece.consumed..]);
    exchange.consumed = input.len();
    Ok(Message { buffer, rest: Some((body, rest)) })
}

fn release(routed: &Routed<'_>, message: Message) {
    let buffers = &routed.view.resources.buffers;
    buffers.give(message.buffer);
    if let Some((_, rest)) = message.rest {
        buffers.give(rest);
    }
}

/// How long this attempt may take: what the route says, and what is left of the request's time.
pub fn attempt_limit(routed: &Routed<'_>, exchange: &Exchange) -> Option<(Duration, Failure)> {
    let timeouts = routed.edits.timeouts();
    let request = timeouts.request.map(|limit| {
        let spent = routed.connection.now().nanos_since(exchange.outcome.started);
        (limit.saturating_sub(Duration::from_nanos(spent)), Failure::RequestSlow)
    });
    let attempt = timeouts.per_try.map(|limit| (limit, Failure::AttemptSlow));
    match (request, attempt) {
        (Some(request), Some(attempt)) if attempt.0 < request.0 => Some(attempt),
        (Some(request), _) => Some(request),
        (None, attempt) => attempt,
    }
}
