//! Attempts: pick an endpoint, get a connection, send, wait, and once more where that is safe.

use std::rc::Rc;
use std::time::Duration;

use super::attempt::{self, Answered, Ended};
use super::choice::Choice;
use super::circuit::{self, Entry};
use super::failure::Failure;
use super::gather;
use super::hedge::{self, Hedging};
use super::judge;
use super::lease::{Lease, To};
use super::place::Routed;
use super::replay::{self, Replay, Why};
use super::request_head::{self, Rewritten};
use super::sign;
use crate::base::buffer::Buffer;
use crate::base::id::ClusterId;
use crate::http::server::h1::request_body;
use crate::http::tee::Tee;
use crate::http::{Body, Exchange};
use crate::limits::{CONNECT_ATTEMPTS_MAX, UNPROCESSED_RETRIES_MAX};
use crate::proto::http1::{BodyLength, FieldName, Method};
use crate::upstream::cluster::Wish;

/// What is sent to an endpoint: the head, with what came of the body so far.
pub struct Message {
    pub buffer: Buffer,
    /// Boxed: most requests have none, and theirs must not pay for its size.
    pub rest: Option<Box<Rest>>,
}

/// What is still to come of a body.
pub struct Rest {
    pub body: Body,
    /// What came of it and could not be sent yet.
    pub came: Buffer,
    /// Gets a copy.
    pub tee: Option<Rc<Tee>>,
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
    let settings = &local.cluster.settings;
    let wish = settings.wish(exchange.request.upgrade.is_some(), || is_grpc(exchange));
    let http2 = wish == Wish::Http2;
    let _entered = match circuit::enter(local) {
        Entry::Free(entered) => entered,
        Entry::Full => Some(Box::pin(circuit::wait_to_enter(routed.caller(), local)).await?),
    };
    exchange.outcome.backend = None;
    if let Some(auth) = &rewritten.backend.auth {
        exchange.outcome.backend = sign::place(routed, rewritten.backend);
        Box::pin(sign::prepare(routed, exchange, auth)).await?;
    }
    let mut message = Some({
        let message = message(routed, exchange, Rewritten { http2, ..rewritten })?;
        match message.rest.is_some() && replay::is_collected(routed, exchange) {
            true => Box::pin(replay::collect(routed, exchange, message)).await?,
            false => message,
        }
    });
    let mut tries = Tries { choice: Choice::of(routed, exchange, local), ..Tries::default() };
    tries.replay.keep(routed, message.as_ref());
    let result = loop {
        let endpoint = match tries.choice.pick(&routed.view.resources, local) {
            Ok(endpoint) => endpoint,
            Err(failure) => break give_up(routed, message, failure),
        };
        exchange.outcome.affine = tries.choice.is_news(local, endpoint);
        exchange.outcome.may_retry = tries.replay.may_follow(routed);
        let turn = local.begin(endpoint);
        let to = To { local, endpoint, wish };
        let alone = tries.fresh || settings.proxy_header.is_some();
        // What is in this block takes no room in the future of a connection behind it.
        let next = {
            let mut lease = if alone { None } else { Lease::reuse(routed.caller(), to) };
            if lease.is_none() {
                match Box::pin(tries.reach(routed, exchange, to)).await {
                    Reach::Lease(opened) => lease = Some(opened),
                    // Nothing was sent, so another endpoint may be asked.
                    Reach::Again => continue,
                    Reach::Failed(failure) => break give_up(routed, message, failure),
                }
            }
            let Some(leased) = &mut lease else { continue };
            leased.reused &= !tries.fresh;
            exchange.outcome.endpoint = Some((cluster, endpoint as u32));
            let ended = match tries.replay.hedges(routed, exchange, local) {
                None => attempt::run(routed, exchange, leased, &mut message).await,
                Some(after) => {
                    let hedged = tries.hedged(routed, exchange, leased, &mut message, (to, after));
                    Box::pin(hedged).await
                }
            };
            drop(turn);
            let to = To { endpoint: leased.endpoint(), ..to };
            match tries.conclude(routed, exchange, lease.take(), (to, ended)) {
                None => break Ok(()),
                Some(left) => Box::pin(tries.next(routed, exchange, to, left)),
            }
        };
        match next.await.and_then(|next| sign::again(routed, exchange, next)) {
            Ok(next) => message = Some(next),
            Err(failure) => break Err(failure),
        }
    };
    tries.replay.release(routed);
    result
}

/// A new connection to the endpoint, when the cluster may have one more.
async fn open(routed: &Routed<'_>, to: To<'_>) -> Result<Lease, Failure> {
    match Lease::open(routed.caller(), to).await {
        Err(Failure::CircuitOpen) => circuit::connection(routed.caller(), to).await,
        opened => opened,
    }
}

/// The exchange is over; its connection goes on if it can.
fn part(routed: &Routed<'_>, lease: Lease, Answered { buffer, clean }: Answered) {
    match clean {
        true => lease.give_back(routed.view, buffer),
        false => {
            routed.view.resources.buffers.give(buffer);
            lease.discard(routed.view);
        }
    }
}

/// Why an attempt brought nothing; and a request that the endpoint did not act on, with whether it
/// may be sent again for that.
type Left = (Why, Option<(bool, Message)>);

/// What came of asking for a connection.
#[expect(clippy::large_enum_variant, reason = "it is matched where it is made")]
enum Reach {
    Lease(Lease),
    Again,
    Failed(Failure),
}

/// What was tried for one request.
#[derive(Default)]
struct Tries {
    connects: usize,
    refusals: u32,
    choice: Choice,
    replay: Replay,
    /// No connection that may be as old as the one that failed.
    fresh: bool,
}

impl Tries {
    /// An attempt that has another one beside it, if it takes long.
    async fn hedged(
        &mut self,
        routed: &Routed<'_>,
        exchange: &mut Exchange,
        lease: &mut Lease,
        message: &mut Option<Message>,
        (to, after): (To<'_>, Duration),
    ) -> Ended {
        let whole = message.take_if(|message| message.rest.is_none());
        let Some(Message { buffer, .. }) = whole else {
            return attempt::run(routed, exchange, lease, message).await;
        };
        let hedging = Hedging { after, to, choice: self.choice, replay: &mut self.replay };
        hedge::run(routed, exchange, lease, buffer, hedging).await
    }

    /// A new connection, or what becomes of the request without one.
    async fn reach(&mut self, routed: &Routed<'_>, exchange: &mut Exchange, to: To<'_>) -> Reach {
        match open(routed, to).await {
            Ok(lease) => Reach::Lease(lease),
            Err(failure) => match self.unreachable(routed, exchange, to, failure).await {
                true => Reach::Again,
                false => Reach::Failed(failure),
            },
        }
    }

    /// No connection was to be had. Whether another endpoint may be asked, or this one again.
    async fn unreachable(
        &mut self,
        routed: &Routed<'_>,
        exchange: &mut Exchange,
        to: To<'_>,
        failure: Failure,
    ) -> bool {
        judge::failed(routed, exchange, (to.local, to.endpoint), failure);
        self.connects += 1;
        self.choice.avoid(to.endpoint);
        if failure == Failure::CircuitOpen {
            return false;
        }
        if self.connects < CONNECT_ATTEMPTS_MAX.min(to.local.cluster.endpoints.len()) {
            exchange.outcome.retries += 1;
            return true;
        }
        if routed.retry().is_none() {
            return false;
        }
        self.replay.again(routed, exchange, to.local, Why::Failed(failure)).await
    }

    /// The request may be sent again: the endpoint had closed the connection while it idled, or
    /// `refused` to look at it. Whether it is.
    fn again(&mut self, endpoint: usize, refused: bool) -> bool {
        self.fresh = true;
        if refused {
            self.refusals += 1;
            self.choice.avoid(endpoint);
        }
        self.refusals <= UNPROCESSED_RETRIES_MAX
    }

    /// Parts with the connection of an attempt; what is left to be done for the request, if it was
    /// not answered.
    fn conclude(
        &mut self,
        routed: &Routed<'_>,
        exchange: &Exchange,
        lease: Option<Lease>,
        (to, ended): (To<'_>, Ended),
    ) -> Option<Left> {
        let lease = lease.expect("an attempt was made on it");
        let (local, endpoint) = (to.local, to.endpoint);
        match ended {
            Ended::Answered(answered) => {
                judge::answered(routed, exchange, local, endpoint);
                part(routed, lease, answered);
                None
            }
            Ended::Turned(answered) => {
                judge::answered(routed, exchange, local, endpoint);
                part(routed, lease, answered);
                Some((Why::Code, None))
            }
            Ended::Failed(failure) => {
                judge::failed(routed, exchange, (local, endpoint), failure);
                lease.discard(routed.view);
                Some((Why::Failed(failure), None))
            }
            Ended::Stale(back) => {
                let refused = lease.connection.stream.is_unprocessed();
                lease.discard(routed.view);
                let again = self.again(endpoint, refused);
                Some((Why::Failed(Failure::StreamsRefused), Some((again, back))))
            }
        }
    }

    /// What is sent next, after an attempt that brought nothing.
    async fn next(
        &mut self,
        routed: &Routed<'_>,
        exchange: &mut Exchange,
        to: To<'_>,
        (why, back): Left,
    ) -> Result<Message, Failure> {
        match back {
            Some((true, back)) => {
                exchange.outcome.retries += 1;
                return Ok(back);
            }
            Some((false, back)) => release(routed, back),
            None => (),
        }
        if routed.retry().is_some() {
            self.choice.avoid(to.endpoint);
            if self.replay.again(routed, exchange, to.local, why).await
                && let Some(message) = self.replay.message(routed)
            {
                return Ok(message);
            }
        }
        Err(match why {
            Why::Failed(failure) => failure,
            Why::Code if routed.others.is_some() => Failure::Turned,
            // It was thrown away because there is another attempt: only the client can have left.
            Why::Code => Failure::ClientGone,
        })
    }
}

/// gRPC: HTTP/2 or nothing.
pub fn is_grpc(exchange: &Exchange) -> bool {
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
    if let Some(auth) = &rewritten.backend.auth
        && let Err(failure) = sign::put(routed, auth, &mut buffer, gather::body(exchange))
    {
        buffers.give(buffer);
        return Err(failure);
    }
    buffers.count(&mut buffer);
    let tee = rewritten.tee;
    exchange.consumed = exchange.request.len;
    if exchange.asked_body.is_some() {
        return Ok(gather::message(routed, exchange, buffer, tee));
    }
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
    if let Some(tee) = tee {
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
    Ok(Message { buffer, rest: Some(Box::new(Rest { body, came: rest, tee: tee.cloned() })) })
}

fn give_up(routed: &Routed<'_>, message: Option<Message>, failure: Failure) -> Result<(), Failure> {
    if let Some(message) = message {
        release(routed, message);
    }
    Err(failure)
}

fn release(routed: &Routed<'_>, message: Message) {
    let buffers = &routed.view.resources.buffers;
    buffers.give(message.buffer);
    if let Some(rest) = message.rest {
        buffers.give(rest.came);
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
    let first_token = routed.others.and_then(|others| others.first_token);
    let first_token = first_token.map(|limit| (limit, Failure::FirstTokenSlow));
    let limits = [request, attempt, first_token];
    limits.into_iter().flatten().min_by_key(|(limit, _)| *limit)
}
