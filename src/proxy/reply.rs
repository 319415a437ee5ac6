//! Answers of the proxy's own: failures, redirects, direct responses.

use std::borrow::Cow;

use super::failure::Failure;
use super::place::{Place, Routed};
use super::response_head::connection_line;
use super::{asked, coded_reply};
use crate::base::buffer::Buffer;
use crate::http::Exchange;
use crate::http::reply::Reply;
use crate::llm::Error;
use crate::policy::attributes::ResponsePart;
use crate::policy::rate_limit::Exceeded;
use crate::proto::http1::{BodyLength, Method, encode};
use crate::route::target::FixedReply;

/// Tells the client of a failure, if it can still be told anything. `lines` are what steps add to
/// whatever answers the request: a page of another origin may read why.
pub async fn failure(place: &Place<'_>, exchange: &mut Exchange, failure: Failure, lines: &[u8]) {
    let row = failure.row();
    if failure.closes() {
        place.connection.closing.set(true);
    }
    if place.connection.head_sent.get() {
        return; // the response was cut in the middle: only closing can say so
    }
    exchange.outcome.status = row.status;
    if failure.is_silent() {
        return;
    }
    let shape = exchange.outcome.shape;
    let fields: &[u8] = match failure {
        Failure::ConnectRefused => b"Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n",
        Failure::Llm(Error::BadMethod) => b"Allow: POST\r\n",
        Failure::Overload(_) => b"Retry-After: 1\r\n",
        // RFC 9110 section 11.6.1.
        Failure::Unidentified(_) => b"WWW-Authenticate: Bearer realm=\"ringway\"\r\n",
        // The libraries of OpenAI and Anthropic would ask again at once.
        Failure::OverBudget(_) => b"x-should-retry: false\r\n",
        _ => b"",
    };
    if let Failure::RateLimited(exceeded) = failure {
        return limited(place, exchange, exceeded, lines).await;
    }
    let buffers = &place.view.resources.buffers;
    let mut told = buffers.take();
    shape.put_fields(&mut told, row.status);
    told.put(fields);
    if let Failure::Llm(Error::Limited(seconds @ 1..)) | Failure::OverBudget(Some(seconds)) =
        failure
    {
        told.put(b"Retry-After: ");
        encode::decimal(&mut told, u64::from(seconds));
        told.put(b"\r\n");
    }
    told.put(lines);
    let head = told.len();
    let refused = exchange.gen_ai().map(|known| known.refused.as_str());
    let text = match (failure, refused) {
        (Failure::Llm(Error::Refused), Some(refused)) => refused,
        _ => row.text,
    };
    shape.put(&mut told, row.status, text, failure.code());
    let (fields, body) = told.filled().split_at(head);
    let reply = Reply { status: row.status, fields, body };
    // That the client takes it or not makes no difference to the failure.
    let _ = send(place, exchange, &reply).await;
    buffers.give(told);
}

/// Tells who asks too often when to come back, RFC 6585 section 4. The `x-ratelimit-` fields are
/// what agentgateway's clients read; none is left, or this one would have been let in.
async fn limited(place: &Place<'_>, exchange: &mut Exchange, exceeded: Exceeded, lines: &[u8]) {
    let buffers = &place.view.resources.buffers;
    let mut fields = buffers.take();
    let shape = exchange.outcome.shape;
    shape.put_fields(&mut fields, 429);
    fields.put(b"x-ratelimit-limit: ");
    encode::decimal(&mut fields, u64::from(exceeded.limit));
    fields.put(b"\r\nx-ratelimit-remaining: 0\r\nx-ratelimit-reset: ");
    encode::decimal(&mut fields, u64::from(exceeded.wait_seconds));
    fields.put(b"\r\nRetry-After: ");
    encode::decimal(&mut fields, u64::from(exceeded.wait_seconds));
    fields.put(b"\r\n");
    fields.put(lines);
    let failure = Failure::RateLimited(exceeded);
    let row = failure.row();
    let head = fields.len();
    shape.put(&mut fields, row.status, row.text, failure.code());
    let (head, body) = fields.filled().split_at(head);
    let reply = Reply { status: row.status, fields: head, body };
    let _ = send(place, exchange, &reply).await;
    buffers.give(fields);
}

/// Answers with what the configuration says.
///
/// # Errors
/// The client is gone, or takes nothing.
pub async fn fixed(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    fixed: &FixedReply,
) -> Result<(), Failure> {
    edited(routed, exchange, fixed.status(), fixed.fields(), fixed.body()).await
}

/// The same where there is no route, with lines of the listener's policies.
///
/// # Errors
/// The client is gone, or takes nothing.
pub async fn plain(
    place: &Place<'_>,
    exchange: &mut Exchange,
    fixed: &FixedReply,
    lines: &[u8],
) -> Result<(), Failure> {
    let mut fields = place.view.resources.buffers.take();
    fields.put(fixed.fields());
    fields.put(lines);
    let reply = Reply { status: fixed.status(), fields: fields.filled(), body: fixed.body() };
    let sent = send(place, exchange, &reply).await;
    place.view.resources.buffers.give(fields);
    sent
}

/// Answers with what expressions made: fields, whole lines, and a body.
///
/// # Errors
/// The client is gone, or takes nothing.
pub async fn made(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    status: u16,
    (lines, body): (&[u8], &[u8]),
) -> Result<(), Failure> {
    let mut fields = routed.view.resources.buffers.take();
    fields.put(lines);
    // RFC 9110 section 8.6.
    if !matches!(status, 204 | 304) {
        fields.put(b"content-length: ");
        encode::decimal(&mut fields, body.len() as u64);
        fields.put(b"\r\n");
    }
    let sent = edited(routed, exchange, status, fields.filled(), body).await;
    routed.view.resources.buffers.give(fields);
    sent
}

/// Sends the client elsewhere.
///
/// # Errors
/// The client is gone, or takes nothing.
pub async fn redirect(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    status: u16,
    location: &[u8],
) -> Result<(), Failure> {
    let mut fields = routed.view.resources.buffers.take();
    encode::field(&mut fields, b"Location", location);
    fields.put(b"Content-Length: 0\r\n");
    // The policies of responses add to a redirect, and take nothing from it.
    put_lines(&mut fields, routed, exchange, (status, b""));
    let reply = Reply { status, fields: fields.filled(), body: b"" };
    let sent = send(routed, exchange, &reply).await;
    routed.view.resources.buffers.give(fields);
    sent
}

/// Sends a reply as the route's response policies leave it.
async fn edited(
    routed: &Routed<'_>,
    exchange: &mut Exchange,
    status: u16,
    lines: &[u8],
    body: &[u8],
) -> Result<(), Failure> {
    let edits = routed.edits.on_response();
    let other = other_body(routed, exchange, status, body);
    let body = other.as_deref().unwrap_or(body);
    let mut fields = routed.view.resources.buffers.take();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let old = other.is_some() && name.eq_ignore_ascii_case(b"content-length");
        if !old && !edits.is_some_and(|edits| edits.fields.drops(name)) {
            fields.put(line);
        }
    }
    let made = put_lines(&mut fields, routed, exchange, (status, body));
    let status = edits.map_or(status, |edits| edits.or_status(made, status));
    let mut body = Cow::Borrowed(body);
    if let Some((other, coded)) =
        coded_reply::code(routed, exchange, status, (fields.filled(), &body))
    {
        routed.view.resources.buffers.give(std::mem::replace(&mut fields, other));
        body = coded.map_or(body, Cow::Owned);
    }
    let reply = Reply { status, fields: fields.filled(), body: &body };
    let sent = send(routed, exchange, &reply).await;
    routed.view.resources.buffers.give(fields);
    sent
}

/// What an expression puts in the place of a reply's body.
fn other_body(
    routed: &Routed<'_>,
    exchange: &Exchange,
    status: u16,
    body: &[u8],
) -> Option<Vec<u8>> {
    let edits = routed.edits.on_response().filter(|edits| edits.transform.has_body())?;
    if matches!(status, 204 | 205 | 304) {
        return None;
    }
    let response = ResponsePart { status, head: None, body: Some(body) };
    let attributes = asked::attributes(routed, exchange, Some(response));
    let other = edits.transform.body(&attributes);
    asked::count_failures(routed, &attributes);
    other
}

/// What policies add to a reply with this status; and the status, if an expression makes another.
fn put_lines(
    out: &mut Buffer,
    routed: &Routed<'_>,
    exchange: &Exchange,
    (status, body): (u16, &[u8]),
) -> Option<u16> {
    let mut made = None;
    if let Some(edits) = routed.edits.on_response() {
        out.put(edits.fields.appended());
        if !edits.transform.is_empty() {
            let response = ResponsePart { status, head: None, body: Some(body) };
            made = asked::transform(out, routed, exchange, &edits.transform, response);
        }
    }
    out.put(routed.lines);
    made
}

/// Sends a reply to the request in the exchange.
///
/// # Errors
/// The client is gone, or takes nothing.
pub async fn send(
    place: &Place<'_>,
    exchange: &mut Exchange,
    reply: &Reply<'_>,
) -> Result<(), Failure> {
    let connection = place.connection;
    let resources = &place.view.resources;
    let request = &exchange.request;
    if leaves_too_much(place, exchange) {
        connection.closing.set(true);
    }
    let line = connection_line(connection.closing.get(), request.version.is_1_1());
    let mut message = resources.buffers.take();
    let to_head = request.method == Method::Head;
    reply.encode(&mut message, &resources.date.get(), line, to_head);
    exchange.outcome.status = reply.status;
    exchange.outcome.response_bytes = if to_head { 0 } else { reply.body.len() as u64 };
    let (result, message) = connection.send(message, &place.bind.settings.limits).await;
    resources.buffers.give(message);
    result.map_err(Failure::of_download)
}

/// Whether more of the request is unread than is thrown away to keep a connection. Of a chunked
/// body that is not known; and who waits for a word before it sends a body may send none.
fn leaves_too_much(place: &Place<'_>, exchange: &Exchange) -> bool {
    let request = &exchange.request;
    match request.body {
        _ if exchange.rest.is_some() => false,
        BodyLength::None => false,
        BodyLength::Fixed(length) => {
            let whole = length.saturating_add(request.len as u64);
            let there = exchange.head_bytes().len() as u64;
            request.expect_continue
                || whole.saturating_sub(there) > place.bind.settings.limits.linger_bytes_max as u64
        }
        BodyLength::Chunked | BodyLength::UntilClose => true,
    }
}
