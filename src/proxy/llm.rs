//! A request for a model: which API its path speaks, which provider has the model that its body
//! names, what that one is told; and what its answer cost. A body is gathered to be read, and goes
//! on as it was but for the edits of `llm::request`. Every error is told in the caller's own shape.

mod admit;
pub mod cost;
mod limits;
mod others;
mod prompt;
mod record;
mod told;
mod tries;

use super::asked::Asked;
use super::dispatch::{self, Answer as Said};
use super::failure::Failure;
use super::finish::End;
use super::gather;
use super::place::Routed;
use super::reply;
use crate::base::buffer::Buffer;
use crate::base::id::{LabelsId, LlmId};
use crate::http::Exchange;
use crate::http::exchange::Usage;
use crate::http::reply::Shape;
use crate::limits::JSON_TEXT_BYTES_MAX;
use crate::llm::answer::Form;
use crate::llm::line::{self, InPath};
use crate::llm::request::Asked as AskedFor;
use crate::llm::translate::Dialect;
use crate::llm::{Api, Error, Llm, Plan};
use crate::policy::Changes;
use crate::policy::gather::Gather;
use crate::proto::http1::{BodyLength, FieldName, Method};
use crate::route::target::Target;
pub use others::Others;

/// Asks a model, and records what that cost.
///
/// # Errors
/// The failure that ends the exchange.
pub async fn ask<'a>(
    routed: Routed<'a>,
    exchange: &mut Exchange,
    changes: &'a mut Changes,
    labels: &mut LabelsId,
    id: LlmId,
) -> Result<End, Failure> {
    let llm = &*routed.place.view.snapshot.llms[id.index()];
    let api = begin(llm, exchange);
    let method = exchange.request.method;
    if matches!(method, Method::Get | Method::Head) {
        let path = Asked::of(exchange).path_bytes();
        let may_ask = |model: &[u8]| admit::may_ask(&routed, exchange, model);
        if let Some(one) = llm.listing.one(path, exchange.outcome.shape, may_ask)? {
            return dispatch::answered(&routed, exchange, changes, Said::Fixed(one)).await;
        }
    }
    let request = match api {
        Api::Models if matches!(method, Method::Get | Method::Head) => {
            if let Some(own) = admit::listing(&routed, exchange, llm) {
                return dispatch::answered(&routed, exchange, changes, Said::Fixed(&own)).await;
            }
            let list = llm.listing.all(exchange.outcome.shape);
            return dispatch::answered(&routed, exchange, changes, Said::Fixed(list)).await;
        }
        Api::Models => return Err(Failure::Llm(Error::BadMethod)),
        Api::Realtime => {
            let plan = realtime(llm, exchange)?;
            Request { llm, api, plan, asked: None }
        }
        Api::Other if !is_json(exchange) => {
            Request { llm, api, plan: llm.find_any()?, asked: None }
        }
        _ if method != Method::Post && api != Api::Other => {
            return Err(Failure::Llm(Error::BadMethod));
        }
        _ => read(&routed, exchange, (llm, api)).await?,
    };
    limits::reserve(&routed, exchange, (llm, api))?;
    let admitted = match admit::admit(&routed, exchange, &request) {
        Ok(admitted) => admitted,
        Err(failure) => {
            limits::settle(&routed, exchange, llm);
            return Err(failure);
        }
    };
    record::keep_prompt(&routed, exchange);
    let end = tries::send(&routed, exchange, changes, labels, &request).await;
    if let Some(admitted) = admitted {
        admitted.settle(exchange, end.is_ok());
    }
    limits::settle(&routed, exchange, llm);
    end
}

/// A failure of the policies in front of a model is told in the shape of its API, too.
#[cold]
pub fn shaped(routed: &Routed<'_>, exchange: &mut Exchange, failure: Failure) -> Failure {
    if let Target::Llm(id) = &routed.route.target {
        begin(&routed.view.snapshot.llms[id.index()], exchange);
    }
    failure
}

/// Which API it is.
fn begin(llm: &Llm, exchange: &mut Exchange) -> Api {
    let api = llm.suffixes.find(Asked::of(exchange).path_bytes());
    let bytes = exchange.head_bytes();
    let has = |name: &[u8]| exchange.request.find(bytes, name).is_some();
    let shape = match api {
        Api::Models | Api::Other if has(b"anthropic-version") => Shape::Anthropic,
        Api::Models | Api::Other if has(b"x-goog-api-key") => Shape::Google,
        _ => api.shape(),
    };
    exchange.outcome.shape = shape;
    exchange.outcome.is_gen_ai = true;
    let known = exchange.gen_ai_mut();
    known.clear();
    known.operation = api.operation();
    api
}

fn is_json(exchange: &Exchange) -> bool {
    let kind = exchange.request.value(exchange.head_bytes(), FieldName::ContentType);
    exchange.request.body != BodyLength::None && Form::of(kind) == Form::Json
}

/// What is asked, and of whom.
struct Request<'a> {
    llm: &'a Llm,
    api: Api,
    /// Who is asked.
    plan: &'a Plan,
    /// Of the body that was gathered. None: it is not looked at, and streamed.
    asked: Option<AskedFor>,
}

/// Gathers the body, and finds out what it asks and who has that.
async fn read<'a>(
    routed: &Routed<'a>,
    exchange: &mut Exchange,
    (llm, api): (&'a Llm, Api),
) -> Result<Request<'a>, Failure> {
    if routed.place.view.resources.buffers.is_full() {
        return Err(Failure::Overload(super::failure::Overloaded::Buffers));
    }
    let wanted = Gather { bytes_max: llm.body_bytes_max, text: llm.reads_body, replaced: false };
    gather::request(routed, exchange, wanted, routed.edits.timeouts().request).await?;
    let asked_for = prompt::edit(routed, exchange, (llm, api))?;
    let in_path = line::read(api, Asked::of(exchange).path_bytes())?;
    let mut name = std::mem::take(&mut exchange.gen_ai_mut().request_model);
    let read = AskedFor::read(gather::body(exchange), &mut name);
    if let Some(asked_for) = asked_for {
        prompt::look_up_by(exchange, asked_for, &mut name);
    }
    let (head, bytes) = (&exchange.request, exchange.head_bytes());
    let field = |name: &[u8]| head.find(bytes, name).map(|value| value.of(bytes));
    let read = read.and_then(|mut asked| {
        let is_named = in_path.is_some() || asked.model.is_some();
        if let Some(InPath { model, streams }) = in_path {
            name = model;
            (asked.model, asked.stream) = (None, streams);
        }
        let plan = match is_named {
            true => llm.find(&name, &field),
            false if api == Api::GenerateCount => llm.find_any(),
            false if api == Api::Other => llm.find_any(),
            false => Err(Error::NoModel),
        };
        Ok((asked, plan?))
    });
    exchange.gen_ai_mut().request_model = name;
    let (asked, plan) = read?;
    Ok(Request { llm, api, plan, asked: Some(asked) })
}

/// Answers who wants a prompt counted by a provider that cannot: by an estimate of our own.
async fn counted(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    words: Dialect,
) -> Result<End, Failure> {
    let (body, tokens) = told::estimate(exchange, words)?;
    exchange.gen_ai_mut().usage = Usage { input: Some(tokens), ..Usage::default() };
    let said = (&b"Content-Type: application/json\r\n"[..], &body[..]);
    reply::made(routed, exchange, 200, said).await?;
    Ok(End::Direct)
}

/// Who is asked for a connection. What both ends say on it is not compressed: it is looked at.
fn realtime<'a>(llm: &'a Llm, exchange: &mut Exchange) -> Result<&'a Plan, Failure> {
    let query = Asked::of(exchange).query_bytes().unwrap_or_default();
    let named = query.split(|byte| *byte == b'&').find_map(|pair| pair.strip_prefix(b"model="));
    let model = named.map(|name| line::decoded(name).ok_or(Error::BadModel)).transpose()?;
    let Exchange { input, request, .. } = exchange;
    let bytes = input.as_ref().map_or(&[][..], Buffer::filled);
    gather::hide(&mut request.fields, |field| {
        field.name.of(bytes).eq_ignore_ascii_case(b"sec-websocket-extensions")
    });
    let Some(model) = model else { return Ok(llm.find_any()?) };
    if model.len() > JSON_TEXT_BYTES_MAX || str::from_utf8(&model).is_err() {
        return Err(Failure::Llm(Error::BadModel));
    }
    let (head, bytes) = (&exchange.request, exchange.head_bytes());
    let field = |name: &[u8]| head.find(bytes, name).map(|value| value.of(bytes));
    let plan = llm.find(&model, &field)?;
    exchange.gen_ai_mut().request_model = model;
    Ok(plan)
}
