//! Limits on tokens: what a request will use is taken before it is sent, and mended when it is known
//! what it used. Of what failed nothing is known to be used, and nobody is charged; of an answer
//! whose provider told no usage the estimate stays.

use super::super::asked;
use super::super::dispatch;
use super::super::failure::Failure;
use super::super::place::Routed;
use crate::http::Exchange;
use crate::llm::{Api, Llm, estimate};
use crate::policy::rate_limit::tokens;
use crate::telemetry::value::Counter;

/// Takes what the request whose body this is will use.
///
/// # Errors
/// A limit has less.
pub(super) fn reserve(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    (llm, api): (&Llm, Api),
) -> Result<(), Failure> {
    if llm.token_limits.is_empty() || api == Api::CountTokens {
        return Ok(());
    }
    let estimate = estimate::of(super::gather::body(exchange));
    let mut taken = std::mem::take(&mut exchange.gen_ai_mut().reserved);
    let attributes = asked::attributes(routed, exchange, None);
    let now = routed.connection.now();
    let (decision, left) =
        tokens::reserve(&llm.token_limits, &attributes, estimate, (&mut taken, now));
    asked::count_failures(routed, &attributes);
    dispatch::count(routed, decision);
    let known = exchange.gen_ai_mut();
    known.reserved = taken;
    known.tokens_left = left.map(|left| (left.limit, left.remaining, left.reset_seconds));
    decision.result.map_err(Failure::RateLimited)
}

/// Mends it.
pub(super) fn settle(routed: &Routed<'_>, exchange: &mut Exchange, llm: &Llm) {
    if llm.token_limits.is_empty() {
        return;
    }
    let is_answered = exchange.outcome.answered.is_some() && exchange.response.status < 400;
    let known = exchange.gen_ai_mut();
    let used = match (known.usage.input, known.usage.output) {
        _ if !is_answered => 0,
        // What was taken is all that is known.
        (None, None) => return,
        (input, output) => input.unwrap_or(0).saturating_add(output.unwrap_or(0)),
    };
    let now = routed.connection.now();
    let evicted = tokens::settle(&llm.token_limits, &mut known.reserved, used, now);
    if evicted > 0 {
        routed.view.resources.shard.add(Counter::RateLimitEvictions, evicted);
    }
}
