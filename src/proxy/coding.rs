//! What becomes of the body of a response on its way: whether it is coded, by what the route's policy
//! says of it and whether the worker has an encoder left; or looked at, where it is a model's.

use std::cell::RefCell;

use super::failure::Failure;
use super::llm::cost;
use super::place::Routed;
use super::translated;
use crate::base::buffer::Buffer;
use crate::http::Exchange;
use crate::http::coders::Coder;
use crate::llm::Error;
use crate::llm::answer::{Answer as ModelAnswer, Form};
use crate::policy::OnBody;
use crate::policy::compression::{Answer, Compression, Treatment};
use crate::proto::coding::Coding;
use crate::proto::http1::{BodyLength, FieldName};
use crate::telemetry::value::{ContentCoding, Limit};

/// What a body goes through.
pub enum Through<'a> {
    Nothing,
    Coder(Coder<'a>),
    Watch(&'a RefCell<ModelAnswer>),
}

/// As `choose`, with what came first of the response; what is whole by now is looked at.
///
/// # Errors
/// It is no answer of a model.
pub fn begin<'a>(
    routed: &Routed<'a>,
    exchange: &mut Exchange,
    input: &mut Buffer,
    length: BodyLength,
) -> Result<(Treatment, Through<'a>), Failure> {
    let (treatment, through) = choose(routed, exchange, input.filled(), length)?;
    Ok((treatment, cost::look(routed, exchange, input, through)))
}

/// What is said of the body in the head, and what it goes through. `bytes` are those of the
/// response's head.
///
/// # Errors
/// It is no answer of a model.
pub fn choose<'a>(
    routed: &Routed<'a>,
    exchange: &mut Exchange,
    bytes: &[u8],
    length: BodyLength,
) -> Result<(Treatment, Through<'a>), Failure> {
    let untouched = (Treatment::default(), Through::Nothing);
    let Some(on_body) = routed.edits.on_body() else { return Ok(untouched) };
    let policy = match (on_body, routed.watch) {
        (OnBody::Code(policy), _) => policy,
        (OnBody::Watch, None) => return Ok(untouched),
        (OnBody::Watch, Some(watch)) if translated::is_done(exchange, watch) => {
            return Ok(untouched);
        }
        (OnBody::Watch, Some(watch)) => {
            let through = watched(watch, exchange, bytes, length)?;
            watch.borrow_mut().keep(routed.bind.settings.completion_bytes_logged);
            return Ok((Treatment::default(), through));
        }
    };
    Ok(coded(routed, exchange, bytes, length, policy))
}

/// A page for people is no answer of a model, whatever its status: the caller could not read it.
fn watched<'a>(
    watch: &'a RefCell<ModelAnswer>,
    exchange: &mut Exchange,
    bytes: &[u8],
    length: BodyLength,
) -> Result<Through<'a>, Failure> {
    let mut answer = watch.borrow_mut();
    let is_known_api = answer.dialect.is_some();
    let response = &mut exchange.response;
    let is_coded = response.field(FieldName::ContentEncoding).is_some();
    let form = match is_coded {
        true => Form::Other,
        false => Form::of(response.value(bytes, FieldName::ContentType)),
    };
    let is_stream = answer.translation.as_ref().is_some_and(|told| told.is_stream(form));
    let is_other = answer.translation.is_some() && !is_stream;
    let is_empty = matches!(length, BodyLength::None | BodyLength::Fixed(0));
    if is_other || (is_empty && is_stream) {
        return Err(Failure::Llm(Error::BadAnswer));
    }
    if is_empty {
        return Ok(Through::Nothing);
    }
    if form == Form::Other && !is_coded && is_known_api {
        return Err(Failure::Llm(Error::BadAnswer));
    }
    answer.begin(form);
    if answer.has_other_length() {
        let lengths = response.fields.iter_mut().filter(|f| f.id == FieldName::ContentLength);
        lengths.for_each(|field| field.hop = true);
        translated::begin(&mut answer, exchange, bytes);
    }
    drop(answer);
    Ok(Through::Watch(watch))
}

fn coded<'a>(
    routed: &Routed<'a>,
    exchange: &Exchange,
    bytes: &[u8],
    length: BodyLength,
    policy: &Compression,
) -> (Treatment, Through<'a>) {
    let treatment = policy.treat(Answer {
        request: &exchange.request,
        request_bytes: exchange.head_bytes(),
        response: &exchange.response,
        response_bytes: bytes,
    });
    // Who asked for the head alone is told of a coding that nobody does.
    let (Some((coding, level)), false) = (treatment.coding, length == BodyLength::None) else {
        return (treatment, Through::Nothing);
    };
    let resources = &routed.place.view.resources;
    match resources.coders.take(coding, level) {
        Some(coder) => (treatment, Through::Coder(coder)),
        None => {
            resources.shard.limit_hit(Limit::Coders);
            (Treatment { weakened: false, coding: None, ..treatment }, Through::Nothing)
        }
    }
}

/// As it stands in the metrics.
pub const fn label(coding: Coding) -> ContentCoding {
    match coding {
        Coding::Brotli => ContentCoding::Brotli,
        Coding::Zstd => ContentCoding::Zstd,
        Coding::Gzip => ContentCoding::Gzip,
    }
}
