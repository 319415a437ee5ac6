//! What an answer of a model cost: found out when its usage is known, which is at its end; or before
//! its head goes, where the head is to tell it. Then an answer that is no stream is gathered. The
//! cost of a stream stands in the books alone: its head is gone long before, and trailers of
//! HTTP/1.1 reach nobody who did not ask for them.

use super::super::coding::Through;
use super::super::place::Routed;
use crate::base::buffer::Buffer;
use crate::http::Exchange;
use crate::http::exchange::GenAi;
use crate::http::watched::Watch;
use crate::llm::answer::Form;
use crate::llm::model::Sent;
use crate::llm::price::Prices;
use crate::llm::usage::Facts;
use crate::llm::{Api, Llm};
use crate::policy::gather::Gather;
use crate::proto::http1::{BodyLength, FieldName, encode};
use crate::route::target::Target;
use crate::telemetry::gen_ai::PriceLookup;

/// What the route says of models, if it is one of those.
fn llm<'a>(routed: &Routed<'a>) -> Option<&'a Llm> {
    match &routed.route.target {
        Target::Llm(id) => Some(&routed.place.view.snapshot.llms[id.index()]),
        _ => None,
    }
}

pub(super) fn prices<'a>(routed: &Routed<'a>) -> Option<&'a Prices> {
    llm(routed)?.prices.as_deref()
}

/// What the provider is told the model is: prices are for its names, not for ours.
pub(super) fn told(exchange: &mut Exchange, sent: &Sent) {
    let known = exchange.gen_ai_mut();
    let asked = &*known.request_model;
    let name = match sent {
        Sent::Same if !known.made_model.is_empty() => &known.made_model,
        sent => sent.of(asked),
    };
    known.sent_model.clear();
    known.sent_model.extend_from_slice(name);
}

/// What the answer told of itself.
pub(super) fn learn(exchange: &mut Exchange, facts: &Facts) {
    let known = exchange.gen_ai_mut();
    known.response_model.clear();
    known.response_model.extend_from_slice(facts.model());
    known.usage = facts.usage();
}

/// Finds out what the tokens cost. What is not known to have taken any is not looked up.
pub(super) fn bill(prices: Option<&Prices>, known: &mut GenAi) -> Option<PriceLookup> {
    if known.usage.input.is_none() && known.usage.output.is_none() {
        return None;
    }
    let Some(prices) = prices else { return Some(PriceLookup::NoCatalog) };
    let models = [&*known.response_model, &*known.sent_model];
    let (lookup, cost) = prices.bill(&known.provider, models, &known.usage);
    known.cost = cost;
    known.cost_nanos_usd = cost.map(|cost| cost.nanos());
    Some(lookup)
}

/// Whether `gathers` may say so of an answer, whatever its head is.
pub fn may_gather(routed: &Routed<'_>) -> bool {
    let tells = || llm(routed).is_some_and(|llm| llm.cost_field.is_some());
    routed.edits.gathers_response().is_some() || (routed.watch.is_some() && tells())
}

/// What has to be there of an answer, whose head is in `bytes`, before its head goes: what the pipeline
/// says; or all of it, where the head tells what it cost.
pub fn gathers(routed: &Routed<'_>, exchange: &Exchange, bytes: &[u8]) -> Option<Gather> {
    if let Some(wanted) = routed.edits.gathers_response() {
        return Some(wanted);
    }
    routed.watch?;
    let llm = llm(routed)?;
    llm.cost_field.as_ref()?;
    let response = &exchange.response;
    let form = Form::of(response.value(bytes, FieldName::ContentType));
    let bytes_max = llm.body_bytes_max;
    // One that is too large goes on untold, as far as that is known.
    let length = response.body_length(exchange.request.method);
    let fits = !matches!(length, BodyLength::Fixed(bytes) if bytes > bytes_max as u64);
    let wanted = Gather { bytes_max, text: false, replaced: false };
    (form == Form::Json && fits).then_some(wanted)
}

/// Looks at an answer that is whole before its head goes; then nobody has to look at it later.
pub fn look<'a>(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    input: &mut Buffer,
    through: Through<'a>,
) -> Through<'a> {
    let is_whole = exchange.told_body.is_some();
    if !is_whole || llm(routed).is_none_or(|llm| llm.cost_field.is_none()) {
        return through;
    }
    let Some(watch) = routed.watch else { return through };
    let mut answer = watch.borrow_mut();
    if answer.form() != Form::Json {
        return through;
    }
    // One that was translated has been read already.
    if matches!(through, Through::Watch(_)) {
        let head = exchange.response.len;
        answer.see(&mut input.filled_mut()[head..], true, routed.connection.now());
    }
    learn(exchange, &answer.facts);
    let known = exchange.gen_ai_mut();
    if known.operation != Api::CountTokens.operation() {
        bill(prices(routed), known);
    }
    Through::Nothing
}

/// What is left of the limits on tokens, unless the provider tells of its own.
fn put_left(out: &mut Buffer, exchange: &Exchange, bytes: &[u8]) {
    let left = exchange.gen_ai().and_then(|known| known.tokens_left);
    let Some((limit, remaining, reset)) = left else { return };
    let told = |name: &[u8]| exchange.response.find(bytes, name).is_some();
    if LEFT.iter().any(|name| told(name)) {
        return;
    }
    for (name, value) in LEFT.iter().zip([limit, remaining, u64::from(reset)]) {
        out.put(name);
        out.put(b": ");
        encode::decimal(out, value);
        out.put(b"\r\n");
    }
}

/// Tells it in the head, whose first bytes came as `bytes`, and what is left of limits on tokens.
pub fn put(out: &mut Buffer, routed: &Routed<'_>, exchange: &Exchange, bytes: &[u8]) {
    put_left(out, exchange, bytes);
    let Some(nanos) = exchange.gen_ai().and_then(|known| known.cost_nanos_usd) else { return };
    let Some(field) = llm(routed).and_then(|llm| llm.cost_field.as_ref()) else { return };
    out.put(field);
    out.put(b": ");
    encode::decimal(out, nanos / NANOS);
    let mut digits = *b".000000000";
    let mut rest = nanos % NANOS;
    for digit in digits[1..].iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    out.put(&digits);
    out.put(b"\r\n");
}

/// As agentgateway calls them.
const LEFT: [&[u8]; 3] = [b"x-ratelimit-limit", b"x-ratelimit-remaining", b"x-ratelimit-reset"];
const NANOS: u64 = 1_000_000_000;
