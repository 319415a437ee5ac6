//! Answers of the proxy's own: failures, redirects, direct responses.

use super::failure::Failure;
use super::place::{Place, Routed};
use super::response_head::connection_line;
use crate::base::buffer::Buffer;
use crate::http::Exchange;
use crate::http::reply::Reply;
use crate::policy::ResponseEdits;
use crate::policy::rate_limit::Exceeded;
use crate::proto::http1::{BodyLength, Method, encode};
use crate::route::target::FixedReply;

/// Tells the client of a failure, if it can still be told anything.
pub async fn failure(place: &Place<'_>, exchange: &mut Exchange, failure: Failure) {
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
    let fields: &[u8] = match failure {
        Failure::ConnectRefused => {
            b"Content-Type: text/plain\r\nAllow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n"
        }
        Failure::Overload(_) => b"Content-Type: text/plain\r\nRetry-After: 1\r\n",
        _ => b"Content-Type: text/plain\r\n",
    };
    if let Failure::RateLimited(exceeded) = failure {
        return limited(place, exchange, exceeded).await;
    }
    let reply = Reply { status: row.status, fields, body: row.text.as_bytes() };
    // That the client takes it or not makes no difference to the failure.
    let _ = send(place, exchange, &reply).await;
}

/// Tells who asks too often when to come back, RFC 6585 section 4. The `x-ratelimit-` fields are
/// what agentgateway's clients read; none is left, or this one would have been let in.
async fn limited(place: &Place<'_>, exchange: &mut Exchange, exceeded: Exceeded) {
    let buffers = &place.view.resources.buffers;
    let mut fields = buffers.take();
    fields.put(b"Content-Type: text/plain\r\nx-ratelimit-limit: ");
    encode::decimal(&mut fields, u64::from(exceeded.limit));
    fields.put(b"\r\nx-ratelimit-remaining: 0\r\nx-ratelimit-reset: ");
    encode::decimal(&mut fields, u64::from(exceeded.wait_seconds));
    fields.put(b"\r\nRetry-After: ");
    encode::decimal(&mut fields, u64::from(exceeded.wait_seconds));
    fields.put(b"\r\n");
    let row = Failure::RateLimited(exceeded).row();
    let reply = Reply { status: row.status, fields: fields.filled(), body: row.text.as_bytes() };
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
    let mut fields = routed.view.resources.buffers.take();
    put_edited(&mut fields, fixed.fields(), routed.edits.on_response());
    let status = edited_status(fixed.status(), routed.edits.on_response());
    let reply = Reply { status, fields: fields.filled(), body: fixed.body() };
    let sent = send(routed, exchange, &reply).await;
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
    if let Some(edits) = routed.edits.on_response() {
        fields.put(edits.fields.appended());
    }
    let reply = Reply { status, fields: fields.filled(), body: b"" };
    let sent = send(routed, exchange, &reply).await;
    routed.view.resources.buffers.give(fields);
    sent
}

/// Sends a reply to the request in the exchange.
async fn send(
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

fn edited_status(status: u16, edits: Option<&ResponseEdits>) -> u16 {
    edits.map_or(status, |edits| edits.status(status))
}

/// The lines of a reply, as the route's response policies leave them.
fn put_edited(out: &mut Buffer, fields: &[u8], edits: Option<&ResponseEdits>) {
    let Some(edits) = edits else {
        out.put(fields);
        return;
    };
    for line in fields.split_inclusive(|byte| *byte == b'\n') {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if !edits.fields.drops(name) {
            out.put(line);
        }
    }
    out.put(edits.fields.appended());
}
