//! Bodies that are whole before they go on: where a policy holds them, looks into them or makes others
//! of them. Boxed, and not looked into by any other route.
//!
//! What goes on has a length, whatever it came with. Who looks into a body sees it out of its coding;
//! what goes on is as it came, unless an expression made another: that has no coding, no digest of
//! the old one, and a weaker tag.

use std::rc::Rc;
use std::time::Duration;

use super::asked;
use super::failure::Failure;
use super::forward::{Message, Rest};
use super::llm::cost;
use super::place::{Place, Routed};
use super::upload::{self, Upload};
use super::{admission, respond, translated};
use crate::base::buffer::{Buffer, Buffers};
use crate::http::gathered::{Gather as Gathering, Gathered, Unwhole};
use crate::http::tee::Tee;
use crate::http::{Body, Broke, Exchange};
use crate::limits::BULK_BUFFER_BYTES;
use crate::net::stream::Stream;
use crate::policy::attributes::ResponsePart;
use crate::policy::gather::Gather;
use crate::proto::coding::{self, DecodeError};
use crate::proto::http1::{BodyLength, Field, FieldName, Method, Output, TargetForm};

/// Reads the rest of the request's body.
///
/// # Errors
/// It is too large, or what it came from broke; there is no room for it.
pub async fn request(
    place: &Place<'_>,
    exchange: &mut Exchange,
    wanted: Gather,
    limit: Option<Duration>,
) -> Result<(), Failure> {
    let request = &exchange.request;
    let bodiless = request.body == BodyLength::None;
    let tunnel = request.form == TargetForm::Authority || request.upgrade.is_some();
    if exchange.asked_body.is_none() {
        if bodiless && (tunnel || !wanted.replaced) {
            return Ok(());
        }
        whole(place, exchange, wanted, limit).await?;
    }
    match &mut exchange.asked_body {
        Some(gathered) if wanted.text && gathered.text.is_none() => {
            let bytes = exchange.input.as_ref().map_or(&[][..], Buffer::filled);
            let values = exchange.request.values(bytes, FieldName::ContentEncoding);
            show(gathered, values, wanted.bytes_max).map_err(|TooLarge| Failure::BodyTooLarge)
        }
        _ => Ok(()),
    }
}

async fn whole(
    place: &Place<'_>,
    exchange: &mut Exchange,
    wanted: Gather,
    limit: Option<Duration>,
) -> Result<(), Failure> {
    let connection = place.connection;
    let buffers = &place.view.resources.buffers;
    let bytes_max = wanted.bytes_max;
    if matches!(exchange.request.body, BodyLength::Fixed(bytes) if bytes > bytes_max as u64) {
        return Err(Failure::BodyTooLarge);
    }
    let mut came = buffers.take();
    came.put(&exchange.head_bytes()[exchange.request.len..]);
    if exchange.request.expect_continue
        && came.is_empty()
        && let Err(failure) = go_on(place).await
    {
        buffers.give(came);
        return Err(failure);
    }
    let mut body = Body::new(exchange.request.body, Output::Strip);
    let mut gathered = Box::new(Gathered::new(buffers, b""));
    let until = limit.map(|limit| exchange.outcome.started.plus(limit));
    let read_limit = place.bind.settings.limits.read;
    let from = &connection.stream;
    let gathering = Gathering { from, bytes_max, read_limit, until, buffers };
    let read = gathering.run(&mut body, came, &mut gathered).await;
    connection.received_bytes.set(connection.received_bytes.get() + gathered.received);
    let behind = read.map_err(|unwhole| match unwhole {
        Unwhole::Broke(Broke::ReadSlow) if until.is_some_and(|until| connection.now() >= until) => {
            Failure::RequestSlow
        }
        Unwhole::Broke(broke) => Failure::of_upload(broke),
        Unwhole::TooLarge => Failure::BodyTooLarge,
        Unwhole::Full => admission::full(&place.view.resources),
    })?;
    exchange.rest = Some(behind);
    exchange.outcome.request_bytes = gathered.length;
    if exchange.request.body != BodyLength::None {
        exchange.request.body = BodyLength::Fixed(gathered.length);
    }
    let framing = [FieldName::ContentLength, FieldName::Expect, FieldName::Trailer];
    hide(&mut exchange.request.fields, |field| framing.contains(&field.id));
    exchange.asked_body = Some(gathered);
    Ok(())
}

/// The request's body, where it was gathered and has not gone.
pub fn body(exchange: &Exchange) -> &[u8] {
    exchange.asked_body.as_ref().map_or(&[], |gathered| gathered.body())
}

/// A copy of the request's body as it came, where it was gathered.
pub fn copy(exchange: &Exchange, books: &Rc<Buffers>) -> Option<Box<Gathered>> {
    let gathered = exchange.asked_body.as_ref()?;
    let mut copy = Box::new(Gathered::new(books, b""));
    copy.append(gathered.body());
    if let Some(text) = &gathered.text {
        copy.show(text.clone());
    }
    Some(copy)
}

/// Puts a copy in the place of a body that went.
pub fn put_back(exchange: &mut Exchange, copy: Box<Gathered>) {
    exchange.request.body = BodyLength::Fixed(copy.length);
    exchange.asked_body = Some(copy);
}

/// Tells a client that waits for a word that its body is wanted, RFC 9110 section 10.1.1.
async fn go_on(place: &Place<'_>) -> Result<(), Failure> {
    let buffers = &place.view.resources.buffers;
    let mut message = buffers.take();
    message.put(b"HTTP/1.1 100 Continue\r\n\r\n");
    let (sent, message) = place.connection.send(message, &place.bind.settings.limits).await;
    buffers.give(message);
    // The answer can still be anything.
    place.connection.head_sent.set(false);
    sent.map_err(Failure::of_download)
}

/// Puts what an expression made in the place of the request's body.
pub fn replace(exchange: &mut Exchange, made: Option<Vec<u8>>) {
    let Some(gathered) = &mut exchange.asked_body else { return };
    if let Some(made) = made {
        gathered.replace(&made);
        let bytes = exchange.input.as_ref().map_or(&[][..], Buffer::filled);
        hide(&mut exchange.request.fields, |field| is_of_body(field, bytes));
    }
    let bodiless = exchange.request.body == BodyLength::None;
    match gathered.length {
        // There was none, and there is none.
        0 if bodiless => exchange.asked_body = None,
        length => exchange.request.body = BodyLength::Fixed(length),
    }
}

/// The request, whose head is in `head`, with the body that was gathered.
pub fn message(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    mut head: Buffer,
    tee: Option<&Rc<Tee>>,
) -> Message {
    let buffers = &routed.view.resources.buffers;
    let gathered = exchange.asked_body.as_mut();
    let Some(bytes) = gathered.and_then(|gathered| gathered.bytes.take()) else {
        return Message { buffer: head, rest: None };
    };
    if let Some(tee) = tee {
        tee.push(bytes.filled());
        tee.end();
    }
    let together = head.len() + bytes.len();
    if together > BULK_BUFFER_BYTES {
        // It is counted while it is sent.
        exchange.outcome.request_bytes = 0;
        let body = Body::new(BodyLength::Fixed(bytes.len() as u64), Output::Keep);
        return Message {
            buffer: head,
            rest: Some(Box::new(Rest { body, came: bytes, tee: None })),
        };
    }
    exchange.outcome.request_bytes = bytes.len() as u64;
    if head.spare() < bytes.len() {
        let mut larger = buffers.take_bulk();
        larger.put(head.filled());
        buffers.give(std::mem::replace(&mut head, larger));
    }
    head.put(bytes.filled());
    buffers.give(bytes);
    Message { buffer: head, rest: None }
}

/// Reads the rest of a response's body: behind its head, in the buffer that is returned, is what goes
/// on. One that is not to be touched stays where it is.
///
/// # Errors
/// It is too large, or the endpoint broke it off; there is no room for it.
pub async fn response(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    up: &Stream,
    mut input: Buffer,
    upload: &mut Option<Upload<'_>>,
) -> Result<Buffer, Failure> {
    let wanted = translated::gathers(routed, exchange, input.filled());
    let wanted = wanted.or_else(|| cost::gathers(routed, exchange, input.filled()));
    let Some(wanted) = wanted else { return Ok(input) };
    let buffers = &routed.view.resources.buffers;
    let length = exchange.response.body_length(exchange.request.method);
    if !may_touch(exchange, input.filled()) {
        return Ok(input);
    }
    let head_alone = exchange.request.method == Method::Head;
    // RFC 9110 sections 6.4.1 and 15.3.6.
    if head_alone || matches!(exchange.response.status, 204 | 205 | 304) {
        if head_alone && wanted.replaced {
            // Of how long a body would be nothing is known.
            hide(&mut exchange.response.fields, |field| {
                field.id == FieldName::ContentLength || is_of_body(field, input.filled())
            });
        }
        return Ok(input);
    }
    if matches!(length, BodyLength::Fixed(bytes) if bytes > wanted.bytes_max as u64) {
        buffers.give(input);
        return Err(Failure::ResponseTooLarge);
    }
    let head = exchange.response.len;
    let mut gathered = Box::new(Gathered::new(buffers, &input.filled()[..head]));
    input.consume(head);
    let until = routed.edits.timeouts().request.map(|limit| exchange.outcome.started.plus(limit));
    let (bytes_max, read_limit) = (wanted.bytes_max, routed.bind.settings.limits.read);
    let gathering = Gathering { from: up, bytes_max, read_limit, until, buffers };
    let mut body = Body::new(length, Output::Strip);
    let read = gathering.run(&mut body, input, &mut gathered);
    let behind = upload::beside(upload, read).await.map_err(|unwhole| match unwhole {
        Unwhole::Broke(broke) => {
            respond::cut(broke, until.is_some_and(|until| routed.connection.now() >= until))
        }
        Unwhole::TooLarge => Failure::ResponseTooLarge,
        Unwhole::Full => admission::full(&routed.view.resources),
    })?;
    exchange.response.keep_alive &= behind.is_empty() && length != BodyLength::UntilClose;
    buffers.give(behind);
    treat(routed, exchange, &mut gathered, wanted)?;
    let whole = gathered.bytes.take().expect("it was gathered and did not go");
    exchange.told_body = Some(gathered);
    Ok(whole)
}

/// Looks into a response's body, and makes another of it.
fn treat(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    gathered: &mut Gathered,
    wanted: Gather,
) -> Result<(), Failure> {
    let whole = gathered.bytes.as_ref().map_or(&[][..], Buffer::filled);
    let head = whole[..exchange.response.len].to_vec();
    translated::treat(routed, exchange, gathered, &head)?;
    if wanted.text {
        let values = exchange.response.values(&head, FieldName::ContentEncoding);
        let shown = show(gathered, values, wanted.bytes_max);
        shown.map_err(|TooLarge| Failure::ResponseTooLarge)?;
    }
    let framing = [FieldName::ContentLength, FieldName::Trailer];
    let made = routed.edits.on_response().filter(|edits| edits.transform.has_body());
    let made = made.and_then(|edits| {
        let response = &exchange.response;
        let body = gathered.text.as_deref();
        let part = ResponsePart { status: response.status, head: Some((response, &head)), body };
        let attributes = asked::attributes(routed, exchange, Some(part));
        let made = edits.transform.body(&attributes);
        asked::count_failures(routed, &attributes);
        made
    });
    let fields = &mut exchange.response.fields;
    hide(fields, |field| framing.contains(&field.id));
    if let Some(made) = made {
        gathered.replace(&made);
        hide(fields, |field| is_of_body(field, &head));
    }
    Ok(())
}

/// A part of something has a length that it must keep, and what gRPC says is in its trailers.
fn may_touch(exchange: &Exchange, bytes: &[u8]) -> bool {
    let response = &exchange.response;
    let kind = response.value(bytes, FieldName::ContentType).unwrap_or_default();
    let grpc = kind.get(..GRPC.len()).is_some_and(|name| name.eq_ignore_ascii_case(GRPC));
    response.status != 206 && response.field(FieldName::ContentRange).is_none() && !grpc
}

/// Out of the coding there is more than may be held.
struct TooLarge;

/// What expressions see: nothing of a body in a coding that is not known, or that is broken.
fn show<'a>(
    gathered: &mut Gathered,
    codings: impl Iterator<Item = &'a [u8]>,
    bytes_max: usize,
) -> Result<(), TooLarge> {
    match coding::undo(codings, gathered.body(), bytes_max) {
        Ok(Some(text)) => gathered.show(text),
        Ok(None) | Err(DecodeError::Cut | DecodeError::Malformed) => (),
        Err(DecodeError::TooLarge) => return Err(TooLarge),
    }
    Ok(())
}

/// Leaves fields out of the head that goes on.
pub fn hide(fields: &mut [Field], which: impl Fn(&Field) -> bool) {
    fields.iter_mut().filter(|field| which(field)).for_each(|field| field.hop = true);
}

/// Whether it is not true of another body.
pub fn is_of_body(field: &Field, bytes: &[u8]) -> bool {
    let name = field.name.of(bytes);
    field.id == FieldName::ContentEncoding || OLD.iter().any(|old| name.eq_ignore_ascii_case(old))
}

/// RFC 9530, RFC 3230, RFC 1864; and ranges would be of the old body.
const OLD: [&[u8]; 5] =
    [b"content-digest", b"repr-digest", b"digest", b"content-md5", b"accept-ranges"];
const GRPC: &[u8] = b"application/grpc";
