//! Limits on the tokens of models. What a request will use is not known before its answer is there,
//! so that an estimate is taken first, and mended then: what was too much is given back, what was too
//! little is charged, whether it is there or not. So a long answer is not cut; it is paid for by
//! those that come after it, and by nobody twice.
//!
//! A request is let in while all buckets have what is estimated, or are full. Owns no state: what was
//! taken is the exchange's, the buckets are the limits'.

use std::sync::Arc;

use super::{Attributes, Buckets, Decision, Exceeded, RateLimit, whole_seconds};
use crate::base::clock::Instant;
use crate::base::gcra::Taken;

/// What a request will use, as far as that can be told from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    pub input: u64,
    /// As many as its answer may have, if it says that.
    pub output_max: Option<u64>,
}

/// What was taken of one limit: which key it was for, and how many.
pub type Reserved = (u64, u64);

/// The limit that has the least left, as clients are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    pub limit: u64,
    pub remaining: u64,
    /// Until all of it is there again.
    pub reset_seconds: u32,
}

/// Takes the estimate of each, or nothing of any. `taken` is what `settle` wants to know.
pub fn reserve(
    limits: &[Arc<RateLimit>],
    asking: &Attributes<'_>,
    estimate: Estimate,
    (taken, now): (&mut Vec<Reserved>, Instant),
) -> (Decision, Option<Left>) {
    taken.clear();
    let (mut evicted, mut least) = (0, None::<Left>);
    for limit in limits {
        let rate = limit.spec.rate;
        let most = limit.spec.tokens.unwrap_or(0);
        let output = estimate.output_max.map_or(0, |output| output.min(most));
        let tokens = estimate.input.saturating_add(output).max(1);
        let key = limit.buckets.key(asking);
        let (got, gave_way) = match &limit.buckets {
            Buckets::One(bucket) => (bucket.take_many(rate, tokens, now), false),
            Buckets::By(_, keyed) => keyed.take_many(key, rate, tokens, now),
        };
        evicted += u64::from(gave_way);
        match got {
            Taken::Yes { left } => {
                taken.push((key, tokens));
                if least.is_none_or(|least| left < least.remaining) {
                    let missing = rate.depth().saturating_sub(left);
                    let reset_seconds = whole_seconds(rate.refill(missing));
                    least = Some(Left { limit: rate.depth(), remaining: left, reset_seconds });
                }
            }
            Taken::No { wait } => {
                settle(limits, taken, 0, now);
                let limit = u32::try_from(rate.depth()).unwrap_or(u32::MAX);
                let result = Err(Exceeded { limit, wait_seconds: whole_seconds(wait) });
                return (Decision { result, evicted }, None);
            }
        }
    }
    (Decision { result: Ok(()), evicted }, least)
}

/// Mends what was taken, now that it is known what was used. Returns how many keys gave way.
pub fn settle(
    limits: &[Arc<RateLimit>],
    taken: &mut Vec<Reserved>,
    used: u64,
    now: Instant,
) -> u64 {
    let mut evicted = 0;
    for (limit, (key, tokens)) in limits.iter().zip(taken.drain(..)) {
        let rate = limit.spec.rate;
        match (&limit.buckets, used.checked_sub(tokens)) {
            (_, Some(0)) => (),
            (Buckets::One(bucket), Some(more)) => bucket.charge(rate, more, now),
            (Buckets::One(bucket), None) => bucket.give_many(rate, tokens - used),
            (Buckets::By(_, keyed), Some(more)) => {
                evicted += u64::from(keyed.charge(key, rate, more, now));
            }
            (Buckets::By(_, keyed), None) => keyed.give_many(key, rate, tokens - used),
        }
    }
    evicted
}

#[cfg(test)]
mod tests;
