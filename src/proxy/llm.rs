//! A request for a model: which API its path speaks, which provider has the model that its body
//! names, what that one is told; and what its answer cost. A body is gathered to be read, and goes
//! on as it was but for the edits of `llm::request`. Every error is told in the caller's own shape.

mod record;

use std::cell::RefCell;

use super::asked::Asked;
use super::dispatch::{self, Answer as Said};
use super::failure::Failure;
use super::finish::End;
use super::forward::{self, Message, Rest};
use super::place::Routed;
use super::request_head::{self, Rewritten};
use crate::base::buffer::{Buffers, Held};
use crate::base::id::{LabelsId, LlmId};
use crate::http::exchange::GenAi;
use crate::http::gather::{self, Gathered, Ungathered};
use crate::http::reply::Shape;
use crate::http::{Body, Exchange};
use crate::limits::BULK_BUFFER_BYTES;
use crate::llm::answer::Form;
use crate::llm::request::{Asked as AskedFor, Edits};
use crate::llm::{Answer, Api, Chosen, Error, Llm};
use crate::policy::Changes;
use crate::proto::http1::{BodyLength, FieldName, Method, Output, encode};
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
            Request { api, chosen, body: None }
        }
        _ if method != Method::Post && api != Api::Other => {
            return Err(Failure::Llm(Error::BadMethod));
        }
        _ => read(&routed, exchange, (llm, api)).await?,
    };
    send(routed, exchange, changes, labels, request).await
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
    let GenAi { operation, provider, request_model, response_model, usage } = known;
    *operation = api.operation();
    *usage = crate::http::exchange::Usage::default();
    provider.clear();
    request_model.clear();
    response_model.clear();
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
    /// None: it is not looked at, and streamed.
    body: Option<(Gathered<'a>, AskedFor)>,
}

/// Gathers the body, and finds out what it asks and who has that.
async fn read<'a>(
    routed: &Routed<'a>,
    exchange: &mut Exchange,
    (llm, api): (&'a Llm, Api),
) -> Result<Request<'a>, Failure> {
    let buffers = &routed.place.view.resources.buffers;
    if buffers.is_full() {
        return Err(Failure::Overload(super::failure::Overloaded::Buffers));
    }
    let limits = &routed.bind.settings.limits;
    let gathered =
        gather::gather(routed.connection, exchange, buffers, limits, llm.body_bytes_max).await;
    let gathered = gathered.map_err(|ungathered| match ungathered {
        Ungathered::TooLarge => Failure::BodyTooLarge,
        Ungathered::Broke(broke) => Failure::of_upload(broke),
    })?;
    let random = routed.view.resources.random.next();
    let mut name = std::mem::take(&mut exchange.gen_ai_mut().request_model);
    let read = AskedFor::read(gathered.bytes(exchange), &mut name).and_then(|asked| {
        let chosen = match asked.model.is_some() {
            true => llm.choose(&name, random),
            false if api == Api::Other => llm.choose_any(random),
            false => Err(Error::NoModel),
        };
        Ok((asked, chosen?))
    });
    exchange.gen_ai_mut().request_model = name;
    let (asked, chosen) = read?;
    Ok(Request { api, chosen, body: Some((gathered, asked)) })
}

/// Runs what is the backend's own, and sends the request to it.
async fn send<'a>(
    mut routed: Routed<'a>,
    exchange: &mut Exchange,
    changes: &'a mut Changes,
    labels: &mut LabelsId,
    request: Request<'a>,
) -> Result<End, Failure> {
    let Request { api, chosen, body } = request;
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
    let edits = match &body {
        Some((_, asked)) => asked.edits(chosen.sent, &name, api == Api::Completions),
        None => Edits::default(),
    };
    let len = body.as_ref().map(|(gathered, _)| edits.len(gathered.bytes(exchange)));
    if let Some(len) = len {
        own_length(exchange, changes, len);
    }
    let changes: &'a Changes = changes;
    dispatch::identify(&routed, exchange);
    // In a box: it is a quarter of all that a request for a model takes.
    let answer = Box::new(RefCell::new(Answer::new(edits.hides_usage)));
    let lines = changes.response_lines();
    let routed = Routed { lines, watch: Some(&answer), ..routed };
    let buffers = &routed.place.view.resources.buffers;
    let mut held = None;
    let rewritten = Rewritten { changes, backend, http2: false, tee: None };
    let behind = exchange.rest.take();
    let gathered = body.map(|(gathered, _)| gathered);
    let make = |routed: &Routed<'_>, exchange: &mut Exchange, http2: bool| {
        let rewritten = Rewritten { http2, ..rewritten };
        match gathered {
            None => forward::message(routed, exchange, rewritten),
            Some(gathered) => {
                let body = Whole { gathered, edits: &edits, buffers, held: &mut held };
                Ok(message(routed, exchange, rewritten, body))
            }
        }
    };
    let result = forward::forward(&routed, exchange, chosen.provider.cluster, make).await;
    if len.is_some() {
        // An upload leaves an empty buffer where the next request is looked for.
        if let Some(own) = std::mem::replace(&mut exchange.rest, behind) {
            routed.view.resources.buffers.give(own);
        }
    }
    exchange.gen_ai_mut().request_model = name;
    record::sent(&mut exchange.gen_ai_mut().request_model, chosen.sent);
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

/// The length of the body is ours, and nobody waits to send it.
fn own_length(exchange: &mut Exchange, changes: &mut Changes, len: usize) {
    for field in &mut exchange.request.fields {
        field.hop |= matches!(field.id, FieldName::ContentLength | FieldName::Expect);
    }
    exchange.request.expect_continue = false;
    let lines = changes.request_lines_mut();
    lines.extend_from_slice(b"Content-Length: ");
    lines.extend_from_slice(encode::digits(len as u64, &mut [0; 20]));
    lines.extend_from_slice(b"\r\n");
}

/// A body that is sent as a whole.
struct Whole<'a, 'b> {
    gathered: Gathered<'a>,
    edits: &'b Edits<'b>,
    buffers: &'a Buffers,
    /// Gets what says how large it is.
    held: &'b mut Option<Held<'a>>,
}

/// Head and body. A large body goes beside the wait for the answer: who refuses it may say so
/// before it has come.
fn message<'a>(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    rewritten: Rewritten<'_>,
    whole: Whole<'a, '_>,
) -> Message {
    let Whole { mut gathered, edits, buffers, held } = whole;
    let mut head = buffers.take();
    request_head::encode(&mut head, routed, exchange, rewritten);
    let body = gathered.bytes(exchange);
    let len = edits.len(body);
    if head.len() + len <= BULK_BUFFER_BYTES {
        let mut buffer = head;
        if buffer.spare() < len {
            let mut larger = buffers.take_bulk();
            larger.put(buffer.filled());
            buffers.give(std::mem::replace(&mut buffer, larger));
        }
        edits.write(body, &mut buffer);
        return Message { buffer, rest: None };
    }
    // It is counted as it goes.
    exchange.outcome.request_bytes = 0;
    let came = match (edits.is_empty(), gathered.take_own()) {
        (false, (Some(own), _)) => {
            let (mut edited, size) = buffers.take_large(len);
            edits.write(own.filled(), &mut edited);
            buffers.give(own);
            *held = Some(size);
            edited
        }
        (_, (own, size)) => {
            *held = size;
            own.expect("what is so large is not in a buffer for heads")
        }
    };
    let body = Body::new(BodyLength::Fixed(len as u64), Output::Strip);
    Message { buffer: head, rest: Some(Box::new(Rest { body, came, tee: None })) }
}
