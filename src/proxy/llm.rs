//! A request for a model: which API its path speaks, which provider has the model that its body
//! names, what that one is told; and what its answer cost. A body is gathered to be read, and goes
//! on as it was but for the edits of `llm::request`. Every error is told in the caller's own shape.

pub mod cost;
mod limits;
mod prompt;
mod record;

use std::cell::RefCell;

use super::asked::Asked;
use super::dispatch::{self, Answer as Said};
use super::failure::Failure;
use super::finish::End;
use super::forward;
use super::gather;
use super::place::Routed;
use super::request_head::Rewritten;
use crate::base::id::{LabelsId, LlmId};
use crate::http::Exchange;
use crate::http::reply::Shape;
use crate::llm::answer::Form;
use crate::llm::request::Asked as AskedFor;
use crate::llm::{Answer, Api, Chosen, Error, Llm};
use crate::policy::Changes;
use crate::policy::gather::Gather;
use crate::proto::http1::{BodyLength, FieldName, Method};
use crate::route::target::Target;

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
    let request = match api {
        Api::Models if matches!(method, Method::Get | Method::Head) => {
            let list = &llm.listing[usize::from(exchange.outcome.shape == Shape::Anthropic)];
            return dispatch::answered(&routed, exchange, changes, Said::Fixed(list)).await;
        }
        Api::Models => return Err(Failure::Llm(Error::BadMethod)),
        Api::Other if !is_json(exchange) => {
            let chosen = llm.choose_any(routed.view.resources.random.next())?;
            Request { api, chosen, asked: None }
        }
        _ if method != Method::Post && api != Api::Other => {
            return Err(Failure::Llm(Error::BadMethod));
        }
        _ => read(&routed, exchange, (llm, api)).await?,
    };
    limits::reserve(&routed, exchange, (llm, api))?;
    record::keep_prompt(&routed, exchange);
    let sent = send(routed, exchange, changes, labels, request).await;
    limits::settle(&routed, exchange, llm);
    sent
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
    let is_anthropic = || exchange.request.find(bytes, b"anthropic-version").is_some();
    let shape = match api {
        Api::Models | Api::Other if is_anthropic() => Shape::Anthropic,
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
    api: Api,
    chosen: Chosen<'a>,
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
    let wanted = Gather { bytes_max: llm.body_bytes_max, text: false, replaced: false };
    gather::request(routed, exchange, wanted, routed.edits.timeouts().request).await?;
    let asked_for = prompt::edit(routed, exchange, (llm, api))?;
    let random = routed.view.resources.random.next();
    let mut name = std::mem::take(&mut exchange.gen_ai_mut().request_model);
    let read = AskedFor::read(gather::body(exchange), &mut name);
    if let Some(asked_for) = asked_for {
        prompt::look_up_by(exchange, asked_for, &mut name);
    }
    let read = read.and_then(|asked| {
        let chosen = match asked.model.is_some() {
            true => llm.choose(&name, random),
            false if api == Api::Other => llm.choose_any(random),
            false => Err(Error::NoModel),
        };
        Ok((asked, chosen?))
    });
    exchange.gen_ai_mut().request_model = name;
    let (asked, chosen) = read?;
    Ok(Request { api, chosen, asked: Some(asked) })
}

/// Runs what is the backend's own, and sends the request to it.
async fn send<'a>(
    mut routed: Routed<'a>,
    exchange: &mut Exchange,
    changes: &'a mut Changes,
    labels: &mut LabelsId,
    request: Request<'a>,
) -> Result<End, Failure> {
    let Request { api, chosen, asked } = request;
    let backend = &routed.route.backends[chosen.place];
    *labels = routed.route.labels(Some(chosen.place));
    exchange.gen_ai_mut().provider.push_str(&chosen.provider.label);
    if !put_target(exchange, changes, &chosen, api) {
        return Err(Failure::Llm(Error::NotSpoken));
    }
    if let Some(pipeline) = &backend.pipeline {
        routed.edits = pipeline;
        if let Some(said) = dispatch::acted(&routed, pipeline, exchange, changes).await? {
            return dispatch::answered(&routed, exchange, changes, said).await;
        }
    }
    let _permit = dispatch::permit(&routed)?;
    let name = std::mem::take(&mut exchange.gen_ai_mut().request_model);
    let edits = asked.map(|asked| {
        let edits = asked.edits(chosen.sent, &name, api == Api::Completions);
        let body = gather::body(exchange);
        (edits.hides_usage, (!edits.is_empty()).then(|| edits.of(body)))
    });
    let (hides_usage, edited) = edits.unwrap_or_default();
    if edited.is_some() {
        gather::replace(exchange, edited);
    }
    exchange.gen_ai_mut().request_model = name;
    cost::told(exchange, chosen.sent);
    record::sent(&mut exchange.gen_ai_mut().request_model, chosen.sent);
    let changes: &'a Changes = changes;
    dispatch::identify(&routed, exchange);
    // In a box: it is a quarter of all that a request for a model takes.
    let answer = Box::new(RefCell::new(Answer::new(hides_usage)));
    let lines = changes.response_lines();
    let routed = Routed { lines, watch: Some(&answer), ..routed };
    let rewritten = Rewritten { changes, backend, http2: false, tee: None };
    let result = forward::forward(&routed, exchange, chosen.provider.cluster, rewritten).await;
    dispatch::measured(&routed, exchange);
    record::record(&routed, exchange, (api, &answer.borrow()));
    result.map(|()| End::Upstream)
}

/// Where the provider has it, whatever rewrites said.
fn put_target(
    exchange: &mut Exchange,
    changes: &mut Changes,
    chosen: &Chosen<'_>,
    api: Api,
) -> bool {
    let mut target = std::mem::take(&mut exchange.target);
    target.clear();
    let asked = Asked::of(exchange);
    let rewritten = changes.target().map(|target| {
        let end = memchr::memchr(b'?', target).unwrap_or(target.len());
        (&target[..end], target.get(end + 1..))
    });
    let (path, query) = match rewritten {
        Some(rewritten) => rewritten,
        None => (asked.path_bytes(), asked.query_bytes()),
    };
    let put = chosen.provider.put_target(&mut target, api, path, query);
    exchange.target = target;
    changes.forget_target();
    put
}
