//! A request that a `delay` holds. Only this exchange waits: on its connection's deadline, looking
//! now and then whether the client is still there. Nothing is sent and nothing is read meanwhile.

use std::future::poll_fn;
use std::time::Duration;

use super::failure::Failure;
use super::place::Routed;
use crate::http::Exchange;
use crate::limits::CLIENT_WATCH_EVERY;
use crate::net::deadline::Action;

/// Waits, no longer than the request may take.
///
/// # Errors
/// The client left, or the request's time is over.
pub async fn hold(routed: &Routed<'_>, exchange: &Exchange, by: Duration) -> Result<(), Failure> {
    let down = &routed.connection.stream;
    let clock = down.deadline().wheel().clock();
    let end = clock.now().plus(by);
    let limit = routed.edits.timeouts().request;
    let late = limit.map(|limit| exchange.outcome.started.plus(limit));
    loop {
        let now = clock.now();
        if late.is_some_and(|late| now >= late) {
            down.deadline().clear();
            return Err(Failure::RequestSlow);
        }
        if now >= end {
            down.deadline().clear();
            return Ok(());
        }
        let until = late.map_or(end, |late| late.min(end));
        let left = Duration::from_nanos(until.nanos_since(now));
        down.deadline().set(now, left.min(CLIENT_WATCH_EVERY), Action::Wake);
        poll_fn(|context| down.deadline().poll_fired(context)).await;
        if down.is_dead() {
            return Err(Failure::ClientGone);
        }
    }
}
