//! The life of a request: `handle`, top to bottom. Every decision is taken here; every step is a
//! name to jump to. Owns no state: all of it is the worker's or the exchange's.

pub mod admission;
pub mod asked;
pub mod attempt;
pub mod choice;
pub mod circuit;
pub mod coded_reply;
pub mod coding;
pub mod connect;
pub mod dispatch;
pub mod failure;
pub mod finish;
pub mod forward;
pub mod gather;
pub mod hedge;
pub mod hold;
pub mod judge;
pub mod lease;
pub mod llm;
pub mod max_forwards;
pub mod mirror;
pub mod open;
pub mod place;
pub mod replay;
pub mod reply;
pub mod request_head;
pub mod respond;
pub mod response_head;
pub mod sign;
pub mod tcp;
pub mod translated;
pub mod tunnel;
pub mod upload;

use asked::Asked;
use failure::Failure;
use finish::End;
use place::Place;

use crate::base::id::LabelsId;
use crate::http::Exchange;
use crate::http::exchange::NO_ID;
use crate::http::server::h1::request_body;
use crate::policy::Changes;
use crate::proto::http1::TargetForm;
use crate::telemetry::shard::Shard;
use crate::telemetry::value::{Gauge, Limit, Work};

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The next request.
    Keep,
    /// Nothing is unread: it can be closed.
    Close,
    /// The client may still be sending: it is listened to before it is closed.
    Linger,
    /// The message was cut in a way that a clean close would hide.
    Reset,
}

/// Serves the request whose head is in the exchange.
pub async fn handle(place: &Place<'_>, exchange: &mut Exchange, changes: &mut Changes) -> After {
    begin(place, exchange);
    changes.clear();
    let active = Active::count(&place.view.resources.shard);
    let mut labels = place.bind.labels;
    let result = find(place, exchange, changes, &mut labels).await;
    let end = match result {
        Ok(end) => end,
        Err(failure) => {
            reply::failure(place, exchange, failure, changes.response_lines()).await;
            End::Failed(failure)
        }
    };
    drop(active);
    finish::finish(place, exchange, labels, end);
    exchange.asked_body = None;
    exchange.told_body = None;
    after(place, exchange, end).await
}

/// Counts a request for as long as it is served, a panic included.
struct Active<'a>(&'a Shard);

impl<'a> Active<'a> {
    fn count(shard: &'a Shard) -> Self {
        shard.gauge_add(Gauge::ActiveRequests, 1);
        Self(shard)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.gauge_add(Gauge::ActiveRequests, -1);
    }
}

/// Answers what is no request.
pub async fn refuse(place: &Place<'_>, exchange: &mut Exchange, failure: Failure) -> After {
    begin(place, exchange);
    place.connection.closing.set(true);
    reply::failure(place, exchange, failure, b"").await;
    finish::finish(place, exchange, place.bind.labels, End::Failed(failure));
    After::Linger
}

fn begin(place: &Place<'_>, exchange: &mut Exchange) {
    exchange.outcome = crate::http::exchange::Outcome::default();
    exchange.outcome.started = place.connection.now();
    exchange.request_id = NO_ID;
    exchange.consumed = exchange.request.len;
    drop_h2c(exchange);
    place.connection.requests.set(place.connection.requests.get().saturating_add(1));
    if place.connection.requests.get() >= place.bind.settings.limits.requests_max {
        place.view.resources.shard.limit_hit(Limit::RequestsPerConnection);
    }
    place.connection.closing.set(!exchange.request.keep_alive || place.is_closing());
}

/// An upgrade to HTTP/2 is obsolete (RFC 9113 section 3.1), and a way past the proxy: what is sent
/// after it is not looked at. The request is served as if it had not been asked for.
fn drop_h2c(exchange: &mut Exchange) {
    if let Some(upgrade) = exchange.request.upgrade
        && upgrade.of(exchange.head_bytes()).eq_ignore_ascii_case(b"h2c")
    {
        exchange.request.upgrade = None;
    }
}

/// Finds the route and does what it says. `labels` are those of what was found so far.
async fn find(
    place: &Place<'_>,
    exchange: &mut Exchange,
    changes: &mut Changes,
    labels: &mut LabelsId,
) -> Result<End, Failure> {
    if exchange.request.form == TargetForm::Authority
        && let Some(end) = Box::pin(connect::admit(place, exchange)).await?
    {
        return Ok(end);
    }
    admission::admit(place, exchange)?;
    if max_forwards::of(&exchange.request, exchange.head_bytes()) == Some(0) {
        return Box::pin(max_forwards::answer(place, exchange)).await;
    }
    asked::normalise(exchange)?;
    let asked = Asked::of(exchange).by(place.connection);
    let listener = place.bind.hosts.find(asked.host_name()).ok_or(Failure::NoListener)?;
    if !place.bind.serves(place.connection.carrier.accepted, *listener) {
        return Err(Failure::Misdirected);
    }
    let listener = &place.bind.listeners[*listener as usize];
    *labels = listener.labels;
    let Some(found) = listener.table.find(&asked) else {
        return Box::pin(dispatch::without_route(place, exchange, changes, &listener.pipeline))
            .await;
    };
    let mut found = found;
    let mut route = &listener.routes[found.route.index()];
    *labels = route.labels(None);
    while let Some(group) = &route.group {
        let Some(inner) = group.table.find(&asked) else {
            return Box::pin(dispatch::without_route(place, exchange, changes, &route.pipeline))
                .await;
        };
        found = inner;
        route = &group.routes[found.route.index()];
        *labels = route.labels(None);
    }
    dispatch::to_target(place, (route, found.prefix_len), exchange, changes, labels).await
}

/// What becomes of the connection, now that the exchange is over.
async fn after(place: &Place<'_>, exchange: &mut Exchange, end: End) -> After {
    let connection = place.connection;
    if let End::Failed(failure) = end
        && (connection.head_sent.get() && exchange.outcome.status != failure.row().status)
    {
        // The response was cut: closing is all that can tell.
        return After::Close;
    }
    if connection.work.get() == Work::Tunnel {
        return After::Close;
    }
    if !matches!(end, End::Upstream) && exchange.leaves_body() {
        return unread(place, exchange).await;
    }
    match connection.closing.get() {
        false => After::Keep,
        // Bytes that nobody will read would turn the close into a reset.
        true if exchange.request.keep_alive || exchange.has_more() => After::Linger,
        true => After::Close,
    }
}

/// A request that was not forwarded leaves its body behind. A short one is thrown away, and the
/// connection goes on behind it; nothing is ever taken for a request in the middle of a body.
async fn unread(place: &Place<'_>, exchange: &mut Exchange) -> After {
    if place.connection.closing.get() {
        return After::Linger;
    }
    let mut body = request_body(exchange);
    if let Some(input) = &mut exchange.input {
        input.consume(exchange.request.len);
    }
    exchange.consumed = 0;
    let limits = &place.bind.settings.limits;
    let buffers = &place.view.resources.buffers;
    if place.connection.drain_body(exchange, &mut body, buffers, limits).await {
        After::Keep
    } else {
        After::Linger
    }
}

#[cfg(test)]
pub(crate) mod tests;
