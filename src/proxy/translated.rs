//! An answer of a provider whose caller speaks another dialect, or that is an error in nobody's:
//! whether it is gathered first, what is made of it, and what its head says then. Statuses stay, and
//! so does when to come back. What is an answer in the caller's own shape passes as it came.

use std::borrow::Cow;
use std::cell::RefCell;

use super::failure::Failure;
use super::gather;
use super::place::Routed;
use crate::http::Exchange;
use crate::http::exchange::Outcome;
use crate::http::gathered::Gathered;
use crate::http::reply::Shape;
use crate::limits::TRANSLATED_ANSWER_BYTES_MAX;
use crate::llm::answer::Form;
use crate::llm::translate::{Broken, Dialect};
use crate::llm::translation::Told;
use crate::llm::{Answer, Error};
use crate::policy::gather::Gather;
use crate::proto::coding;
use crate::proto::http1::head::ResponseHead;
use crate::proto::http1::{Field, FieldName};

/// Whether `gathers` may say so of a response, whatever its head is.
pub fn may_gather(routed: &Routed<'_>, exchange: &Exchange) -> bool {
    routed.watch.is_some_and(|watch| {
        let answer = watch.borrow();
        answer.translation.is_some() || (is_error(exchange) && answer.dialect.is_some())
    })
}

/// What has to be there of a response before any of it goes on: what the policies want to see, what
/// is translated as a whole, and errors of models.
pub fn gathers(routed: &Routed<'_>, exchange: &Exchange, bytes: &[u8]) -> Option<Gather> {
    let wanted = routed.edits.gathers_response();
    let Some(watch) = routed.watch.filter(|_| wanted.is_none()) else { return wanted };
    let answer = watch.borrow();
    let is_whole = match &answer.translation {
        _ if is_error(exchange) => answer.dialect.is_some(),
        Some(translation) => !translation.is_stream(form(&exchange.response, bytes)),
        None => false,
    };
    let bytes_max = TRANSLATED_ANSWER_BYTES_MAX;
    is_whole.then_some(Gather { bytes_max, text: false, replaced: false })
}

/// Puts what the caller understands in the place of a body that was gathered.
///
/// # Errors
/// It is no answer of a model.
pub fn treat(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    gathered: &mut Gathered,
    head: &[u8],
) -> Result<(), Failure> {
    let Some(watch) = routed.watch else { return Ok(()) };
    let mut answer = watch.borrow_mut();
    let made = {
        let codings = exchange.response.values(head, FieldName::ContentEncoding);
        let plain = coding::undo(codings, gathered.body(), TRANSLATED_ANSWER_BYTES_MAX);
        let body = match &plain {
            Ok(Some(plain)) => Cow::Borrowed(&plain[..]),
            // As it came, or in no coding that is known: then it is no JSON either.
            _ => Cow::Borrowed(gathered.body()),
        };
        match is_error(exchange) {
            true => fault(&answer, &exchange.response, head, &body),
            false => whole(routed, &mut answer, form(&exchange.response, head), &body)?,
        }
    };
    let Some(made) = made else { return Ok(()) };
    gathered.replace(&made);
    let is_translated = answer.translation.is_some();
    let shape = exchange.outcome.shape;
    let mut fields = routed.view.resources.buffers.take();
    match &answer.translation {
        Some(translation) if translation.is_begun() => fields.put(translation.stream_type()),
        _ if is_error(exchange) => shape.put_fields(&mut fields, exchange.response.status),
        _ => fields.put(b"Content-Type: application/json\r\n"),
    }
    answer.lines.clear();
    answer.lines.extend_from_slice(fields.filled());
    routed.view.resources.buffers.give(fields);
    mend(exchange, &mut answer.lines, head, is_translated);
    Ok(())
}

/// What the head of a stream says that is going to be translated.
pub fn begin(answer: &mut Answer, exchange: &mut Exchange, bytes: &[u8]) {
    let Answer { translation, lines, .. } = answer;
    let Some(translation) = translation else { return };
    lines.clear();
    lines.extend_from_slice(translation.stream_type());
    mend(exchange, lines, bytes, true);
}

/// Whether the body that goes on is not one to be looked at: it was read already.
pub fn is_done(exchange: &Exchange, watch: &RefCell<Answer>) -> bool {
    exchange.told_body.is_some() && (is_error(exchange) || watch.borrow().translation.is_some())
}

/// None: it is not translated.
fn whole(
    routed: &Routed<'_>,
    answer: &mut Answer,
    form: Form,
    body: &[u8],
) -> Result<Option<Vec<u8>>, Failure> {
    let Answer { translation, facts, first_token, .. } = answer;
    let Some(translation) = translation else { return Ok(None) };
    if translation.is_stream(form) {
        // A policy wanted to see all of it.
        translation.begin(form);
        let now = routed.connection.now();
        translation.push(body, true, &mut Told { facts, first_token, now });
        let out = translation.out().to_vec();
        translation.taken();
        return Ok(Some(out));
    }
    let made = translation.whole(body, facts).map_err(|Broken| Failure::Llm(Error::BadAnswer))?;
    Ok(Some(made))
}

/// An error in the caller's words. None: it is in them already.
fn fault(answer: &Answer, head: &ResponseHead, bytes: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    let kind = head.find(bytes, b"x-amzn-errortype").map(|kind| kind.of(bytes));
    let kind = kind.and_then(|kind| str::from_utf8(kind).ok());
    if let Some(translation) = &answer.translation {
        return Some(translation.fault(head.status, kind, body));
    }
    let dialect = answer.dialect?;
    if is_fault_of(dialect, body) {
        return None;
    }
    let mut out = Vec::new();
    dialect.write_fault(&dialect.read_fault(head.status, kind, body), &mut out);
    Some(out)
}

/// Whether a body is an error as the dialect's libraries read it.
fn is_fault_of(dialect: Dialect, body: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else { return false };
    match dialect {
        Dialect::Converse => ["message", "Message"].iter().any(|name| value.get(name).is_some()),
        Dialect::Messages => value.get("error").is_some_and(serde_json::Value::is_object),
        // Some say it in one text.
        _ => value.get("error").is_some_and(|error| error.is_object() || error.is_string()),
    }
}

/// Leaves out what the head says of the old body, and what only the provider's API has; what the
/// provider calls the request is told under the caller's name for that.
fn mend(exchange: &mut Exchange, lines: &mut Vec<u8>, bytes: &[u8], is_translated: bool) {
    let Exchange { response, outcome, .. } = exchange;
    if is_translated {
        put_request_id(lines, outcome, response, bytes);
    }
    let hidden = |field: &Field| {
        let name = field.name.of(bytes);
        let starts = |front: &&[u8]| {
            name.get(..front.len()).is_some_and(|own| own.eq_ignore_ascii_case(front))
        };
        let is_of_body = matches!(field.id, FieldName::ContentType | FieldName::ContentLength)
            || gather::is_of_body(field, bytes)
            || field.id == FieldName::Etag;
        let is_word = || {
            WORDS.iter().any(starts) || REQUEST_IDS.iter().any(|id| name.eq_ignore_ascii_case(id))
        };
        is_of_body || (is_translated && is_word())
    };
    gather::hide(&mut response.fields, hidden);
}

fn put_request_id(lines: &mut Vec<u8>, told: &Outcome, head: &ResponseHead, bytes: &[u8]) {
    let name = match told.shape {
        Shape::OpenAi => REQUEST_IDS[0],
        Shape::Anthropic => REQUEST_IDS[1],
        Shape::Aws => REQUEST_IDS[2],
        Shape::Plain | Shape::Google => return,
    };
    let Some(id) = REQUEST_IDS.iter().find_map(|name| head.find(bytes, name)) else { return };
    for part in [name, b": ", id.of(bytes), b"\r\n"] {
        lines.extend_from_slice(part);
    }
}

fn is_error(exchange: &Exchange) -> bool {
    exchange.response.status >= 400
}

fn form(head: &ResponseHead, bytes: &[u8]) -> Form {
    match head.field(FieldName::ContentEncoding) {
        Some(_) => Form::Other,
        None => Form::of(head.value(bytes, FieldName::ContentType)),
    }
}

/// OpenAI's, Anthropic's, and AWS's.
const REQUEST_IDS: [&[u8]; 3] = [b"x-request-id", b"request-id", b"x-amzn-requestid"];
/// What the names of fields begin with that only one API has.
const WORDS: [&[u8]; 8] = [
    b"anthropic-",
    b"openai-",
    b"x-amzn-",
    b"x-goog-",
    b"x-ms-",
    b"apim-",
    b"azureml-",
    b"x-gemini-",
];
