//! What the route says is done: its steps are run, and what it points to is asked.

use std::time::Duration;

use super::connect;
use super::failure::{Failure, Overloaded};
use super::finish::End;
use super::forward;
use super::place::{Place, Routed};
use super::reply;
use super::request_head::Rewritten;
use crate::base::id::LabelsId;
use crate::http::Exchange;
use crate::policy::gradient::Permit;
use crate::policy::rate_limit::Decision;
use crate::policy::step::Step;
use crate::policy::verdict::Refusal;
use crate::policy::{Changes, Pipeline, Verdict};
use crate::proto::http1::{FieldName, TargetForm};
use crate::route::rewrite::Address;
use crate::route::target::{FixedReply, Target};
use crate::snapshot::bind::{RequestId, Route};
use crate::telemetry::value::Counter;

use super::asked::{self, Asked};
use super::gather;
use super::hold;
use super::llm;
use super::mirror;

/// Runs the route's steps and asks its target.
///
/// # Errors
/// The failure that ends the exchange.
pub async fn to_target<'a>(
    place: &Place<'a>,
    (route, prefix_len): (&'a Route, usize),
    exchange: &mut Exchange,
    changes: &'a mut Changes,
    labels: &mut LabelsId,
) -> Result<End, Failure> {
    // Made here: what is handed to a future takes its room twice.
    let edits = &route.pipeline;
    let (place, lines) = (*place, &b""[..]);
    let mut routed = Routed { place, route, edits, prefix_len, lines, watch: None, others: None };
    match acted(&routed, &routed.route.pipeline, exchange, changes).await {
        Ok(None) => (),
        Ok(Some(answer)) => return answered(&routed, exchange, changes, answer).await,
        Err(failure) => return Err(llm::shaped(&routed, exchange, failure)),
    }
    let clusters = match &routed.route.target {
        Target::Clusters(clusters) => clusters,
        Target::Llm(id) => {
            return Box::pin(llm::ask(routed, exchange, changes, labels, *id)).await;
        }
        Target::Reply(reply) => {
            return answered(&routed, exchange, changes, Answer::Fixed(reply)).await;
        }
    };
    let (place, cluster) = clusters.pick(routed.view.resources.random.next());
    *labels = routed.route.labels(Some(place));
    let backend = &routed.route.backends[place];
    if let Some(pipeline) = &backend.pipeline {
        routed.edits = pipeline;
        if let Some(answer) = acted(&routed, pipeline, exchange, changes).await? {
            return answered(&routed, exchange, changes, answer).await;
        }
    }
    let changes: &'a Changes = changes;
    routed.lines = changes.response_lines();
    identify(&routed, exchange);
    if exchange.request.form == TargetForm::Authority {
        Box::pin(connect::tunnel(&routed, exchange, *cluster)).await?;
        return Ok(End::Upstream);
    }
    let mirror = routed.route.mirror.as_ref();
    let shadow = mirror.and_then(|mirror| mirror::begin(&routed, exchange, changes, mirror));
    let tee = shadow.as_ref().map(mirror::Shadow::tee);
    let rewritten = Rewritten { changes, backend, http2: false, tee };
    let _permit = permit(&routed)?;
    forward::forward(&routed, exchange, *cluster, rewritten).await?;
    measured(&routed, exchange);
    Ok(End::Upstream)
}

/// The right to ask a backend that has a bound. It counts until its answer is with the client.
///
/// # Errors
/// It has as much to do as it may have.
pub fn permit<'a>(routed: &Routed<'a>) -> Result<Option<Permit<'a>>, Failure> {
    match routed.edits.concurrency() {
        Some(gradient) => {
            Ok(Some(gradient.admit().ok_or(Failure::Overload(Overloaded::Concurrency))?))
        }
        None => Ok(None),
    }
}

/// Tells the bound how long the answer took.
pub fn measured(routed: &Routed<'_>, exchange: &Exchange) {
    let outcome = &exchange.outcome;
    if let (Some(gradient), Some(sent), Some(answered)) =
        (routed.edits.concurrency(), outcome.sent, outcome.answered)
    {
        gradient.answered(answered.nanos_since(sent), answered);
    }
}

/// What the rate limits said, for the books.
fn count(place: &Place<'_>, decision: Decision) {
    let shard = &place.view.resources.shard;
    let counter = match decision.result {
        Ok(()) => Counter::RateLimitAdmitted,
        Err(_) => Counter::RateLimitRefused,
    };
    shard.add(counter, 1);
    if decision.evicted > 0 {
        shard.add(Counter::RateLimitEvictions, decision.evicted);
    }
}

/// A request that no route takes: the listener's policies have their say first. A preflight is
/// answered, whatever methods the routes are for.
///
/// # Errors
/// `NoRoute`, or the policies refuse it.
pub async fn without_route(
    place: &Place<'_>,
    exchange: &mut Exchange,
    changes: &mut Changes,
    pipeline: &Pipeline,
) -> Result<End, Failure> {
    let all = pipeline.steps();
    let answer = match pipeline.gathers_request() {
        None if all.is_empty() => None,
        None => steps(place, 0, (pipeline, all), exchange, changes)?,
        Some(_) => Box::pin(stopped(place, (0, None), pipeline, exchange, changes)).await?,
    };
    if let Some(Answer::Fixed(fixed)) = answer {
        reply::plain(place, exchange, fixed, changes.response_lines()).await?;
        return Ok(End::Direct);
    }
    Err(Failure::NoRoute)
}

/// What a step answers in the place of a target.
pub enum Answer<'a> {
    Fixed(&'a FixedReply),
    /// With the fields and the body in the exchange's changes.
    Made(u16),
    /// To the Location in the exchange's changes.
    Redirect(u16),
}

/// Runs the steps of a pipeline, and waits where one of them holds the request.
///
/// # Errors
/// One of them refuses it.
pub async fn acted<'a>(
    routed: &Routed<'a>,
    pipeline: &'a Pipeline,
    exchange: &mut Exchange,
    changes: &mut Changes,
) -> Result<Option<Answer<'a>>, Failure> {
    let all = pipeline.steps();
    let answer = match pipeline.gathers_request() {
        None if all.is_empty() => return Ok(None),
        None => steps(routed, routed.prefix_len, (pipeline, all), exchange, changes)?,
        Some(_) => {
            let limit = routed.edits.timeouts().request;
            let prefix_len = routed.prefix_len;
            let whole = stopped(routed, (prefix_len, limit), pipeline, exchange, changes);
            Box::pin(whole).await?
        }
    };
    let delay = changes.take_delay();
    if !delay.is_zero() {
        Box::pin(hold::hold(routed, exchange, delay)).await?;
    }
    Ok(answer)
}

/// Runs the steps of a pipeline, and stops among them until the request's body is there.
async fn stopped<'a>(
    place: &Place<'_>,
    (prefix_len, limit): (usize, Option<Duration>),
    pipeline: &'a Pipeline,
    exchange: &mut Exchange,
    changes: &mut Changes,
) -> Result<Option<Answer<'a>>, Failure> {
    let Some(wanted) = pipeline.gathers_request() else { return Ok(None) };
    let (before, behind) = pipeline.steps().split_at(wanted.before);
    let answer = steps(place, prefix_len, (pipeline, before), exchange, changes)?;
    if answer.is_some() {
        return Ok(answer);
    }
    gather::request(place, exchange, wanted.gather, limit).await?;
    let answer = steps(place, prefix_len, (pipeline, behind), exchange, changes)?;
    if wanted.gather.replaced {
        gather::replace(exchange, changes.take_body());
    }
    Ok(answer)
}

/// Runs some steps of a pipeline.
///
/// # Errors
/// One of them refuses the request.
pub fn steps<'a>(
    place: &Place<'_>,
    prefix_len: usize,
    (pipeline, part): (&'a Pipeline, &'a [Step]),
    exchange: &Exchange,
    changes: &mut Changes,
) -> Result<Option<Answer<'a>>, Failure> {
    let asked = Asked::of(exchange);
    let address = Address {
        scheme: asked::scheme(place),
        authority: exchange.request.host.of(exchange.head_bytes()),
        path: asked.path_bytes(),
        query: asked.query_bytes(),
        prefix_len,
    };
    let attributes = asked::attributes(place, exchange, None);
    let verdict = pipeline.run(part, &address, &attributes, changes);
    asked::count_failures(place, &attributes);
    if let Some(decision) = changes.take_decision() {
        count(place, decision);
    }
    match verdict {
        Verdict::Continue => Ok(None),
        Verdict::Reply(reply) => Ok(Some(Answer::Fixed(reply))),
        Verdict::Made { status } => Ok(Some(Answer::Made(status))),
        Verdict::Redirect { status } => Ok(Some(Answer::Redirect(status))),
        Verdict::Refuse(Refusal::Authorization) => Err(Failure::Unauthorized),
        Verdict::Refuse(Refusal::Csrf) => Err(Failure::CsrfRefused),
        Verdict::Refuse(Refusal::RateLimit(exceeded)) => Err(Failure::RateLimited(exceeded)),
    }
}

/// Sends what was answered in the place of a target.
///
/// # Errors
/// The client is gone, or takes nothing; or it asked for a tunnel.
pub async fn answered(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    changes: &Changes,
    answer: Answer<'_>,
) -> Result<End, Failure> {
    let status = match &answer {
        Answer::Fixed(fixed) => fixed.status(),
        Answer::Made(status) | Answer::Redirect(status) => *status,
    };
    // To CONNECT a 2xx promises a tunnel, RFC 9110 section 9.3.6, and there is none.
    if exchange.request.form == TargetForm::Authority && status < 300 {
        return Err(Failure::ConnectRefused);
    }
    let routed = &Routed { lines: changes.response_lines(), ..*routed };
    match answer {
        Answer::Fixed(fixed) => reply::fixed(routed, exchange, fixed).await?,
        Answer::Made(status) => reply::made(routed, exchange, status, changes.reply()).await?,
        Answer::Redirect(status) => {
            reply::redirect(routed, exchange, status, changes.location()).await?;
        }
    }
    Ok(End::Direct)
}

/// Makes the request's id, where the configuration wants one and the client brought none.
pub fn identify(routed: &Routed<'_>, exchange: &mut Exchange) {
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
pub fn hex_of(word: u64) -> [u8; 16] {
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
