//! What the route says is done: its steps are run, and what it points to is asked.

use super::connect;
use super::failure::{Failure, Overloaded};
use super::finish::End;
use super::forward;
use super::place::Routed;
use super::reply;
use super::request_head::Rewritten;
use crate::base::id::LabelsId;
use crate::http::Exchange;
use crate::policy::rate_limit::{self, Asking};
use crate::policy::{Changes, Pipeline, Verdict};
use crate::proto::http1::{FieldName, TargetForm};
use crate::route::rewrite::{Address, Scheme};
use crate::route::target::{FixedReply, Target};
use crate::snapshot::bind::RequestId;
use crate::telemetry::value::Counter;

use super::asked::Asked;

/// Runs the route's steps and asks its target.
///
/// # Errors
/// The failure that ends the exchange.
pub async fn to_target(
    mut routed: Routed<'_>,
    exchange: &mut Exchange,
    changes: &mut Changes,
    labels: &mut LabelsId,
) -> Result<End, Failure> {
    changes.clear();
    if !routed.route.pipeline.rate_limits().is_empty() {
        limit(&routed, exchange)?;
    }
    if let Some(answer) = steps(&routed, &routed.route.pipeline, exchange, changes) {
        return answered(&routed, exchange, changes, answer).await;
    }
    let clusters = match &routed.route.target {
        Target::Clusters(clusters) => clusters,
        Target::Reply(reply) => {
            return answered(&routed, exchange, changes, Answer::Fixed(reply)).await;
        }
    };
    let (place, cluster) = clusters.pick(routed.view.resources.random.next());
    *labels = routed.route.labels(Some(place));
    let backend = &routed.route.backends[place];
    if let Some(pipeline) = &backend.pipeline {
        routed.edits = pipeline;
        if let Some(answer) = steps(&routed, pipeline, exchange, changes) {
            return answered(&routed, exchange, changes, answer).await;
        }
    }
    identify(&routed, exchange);
    if exchange.request.form == TargetForm::Authority {
        Box::pin(connect::tunnel(&routed, exchange, *cluster)).await?;
        return Ok(End::Upstream);
    }
    let rewritten = Rewritten { changes, backend, http2: false };
    let Some(gradient) = routed.edits.concurrency() else {
        forward::forward(&routed, exchange, *cluster, rewritten).await?;
        return Ok(End::Upstream);
    };
    // It counts until its answer is with the client.
    let _permit = gradient.admit().ok_or(Failure::Overload(Overloaded::Concurrency))?;
    forward::forward(&routed, exchange, *cluster, rewritten).await?;
    let outcome = &exchange.outcome;
    if let (Some(sent), Some(answered)) = (outcome.sent, outcome.answered) {
        gradient.answered(answered.nanos_since(sent), answered);
    }
    Ok(End::Upstream)
}

/// Takes a token of each limit of the route.
fn limit(routed: &Routed<'_>, exchange: &Exchange) -> Result<(), Failure> {
    let asking = Asking {
        request: &exchange.request,
        bytes: exchange.head_bytes(),
        source: routed.connection.peer.address.map(|address| address.ip()),
        now: exchange.outcome.started,
    };
    let decision = rate_limit::take(routed.route.pipeline.rate_limits(), asking);
    let shard = &routed.view.resources.shard;
    if decision.evicted > 0 {
        shard.add(Counter::RateLimitEvictions, decision.evicted);
    }
    match decision.result {
        Ok(()) => {
            shard.add(Counter::RateLimitAdmitted, 1);
            Ok(())
        }
        Err(exceeded) => {
            shard.add(Counter::RateLimitRefused, 1);
            Err(Failure::RateLimited(exceeded))
        }
    }
}

/// What a step answers in the place of a target.
enum Answer<'a> {
    Fixed(&'a FixedReply),
    /// To the Location in the exchange's changes.
    Redirect(u16),
}

fn steps<'a>(
    routed: &Routed<'a>,
    pipeline: &'a Pipeline,
    exchange: &Exchange,
    changes: &mut Changes,
) -> Option<Answer<'a>> {
    // `*` asks about the whole server: there is no path to be rewritten.
    if pipeline.steps().is_empty() || exchange.request.form == TargetForm::Asterisk {
        return None;
    }
    let asked = Asked::of(exchange);
    let address = Address {
        scheme: if routed.connection.carrier.tls { Scheme::Https } else { Scheme::Http },
        authority: exchange.request.host.of(exchange.head_bytes()),
        path: asked.path_bytes(),
        query: asked.query_bytes(),
        prefix_len: routed.prefix_len,
    };
    match pipeline.on_request(&address, changes) {
        Verdict::Continue => None,
        Verdict::Reply(reply) => Some(Answer::Fixed(reply)),
        Verdict::Redirect { status } => Some(Answer::Redirect(status)),
    }
}

async fn answered(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    changes: &Changes,
    answer: Answer<'_>,
) -> Result<End, Failure> {
    match answer {
        // To CONNECT a 2xx promises a tunnel, RFC 9110 section 9.3.6, and there is none.
        Answer::Fixed(fixed)
            if exchange.request.form == TargetForm::Authority && fixed.status() < 300 =>
        {
            return Err(Failure::ConnectRefused);
        }
        Answer::Fixed(fixed) => reply::fixed(routed, exchange, fixed).await?,
        Answer::Redirect(status) => {
            reply::redirect(routed, exchange, status, changes.location()).await?;
        }
    }
    Ok(End::Direct)
}

/// Makes the request's id, where the configuration wants one and the client brought none.
fn identify(routed: &Routed<'_>, exchange: &mut Exchange) {
    let wanted = match routed.bind.settings.forwarded.request_id {
        RequestId::Off => false,
        RequestId::Make => true,
        RequestId::Keep => exchange.request.field(FieldName::XRequestId).is_none(),
    };
    if wanted {
        let random = &routed.view.resources.random;
        hex(&mut exchange.request_id, random.next(), random.next());
    }
}

/// 128 random bits as 32 hexadecimal digits.
fn hex(out: &mut [u8; 32], high: u64, low: u64) {
    out[..16].copy_from_slice(&hex_of(high));
    out[16..].copy_from_slice(&hex_of(low));
}

/// The digits of a word, two at a time.
fn hex_of(word: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(word.to_be_bytes()) {
        pair.copy_from_slice(&PAIRS[byte as usize]);
    }
    digits
}

/// Every byte as two hexadecimal digits.
const PAIRS: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    #[test]
    fn hexadecimal_digits_are_those_of_the_standard_library() {
        for word in [0, 1, 9, 10, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, u64::MAX] {
            assert_eq!(super::hex_of(word), *format!("{word:016x}").as_bytes());
        }
    }
}
