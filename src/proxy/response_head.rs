//! The head that goes to the client, out of the one that came from the endpoint.

use crate::base::buffer::Buffer;
use crate::http::Exchange;
use crate::policy::ResponseEdits;
use crate::policy::attributes::ResponsePart;
use crate::policy::compression::Treatment;
use crate::policy::edit::HeadEdits;
use crate::proto::header::lists;
use crate::proto::http1::head::ResponseHead;
use crate::proto::http1::{BodyLength, FieldName, encode};

use super::asked;
use super::dispatch::hex_of;
use super::llm::cost;
use super::place::Routed;
use crate::upstream::balance;

/// How the client is told where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// As the endpoint said it, or there is no body.
    AsItCame,
    /// The endpoint closes at the end; the client gets chunks.
    Chunked,
    /// By closing: an HTTP/1.0 client knows nothing else.
    ByClose,
}

/// What becomes of the body, as far as the head tells it.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// As the endpoint sends it.
    pub length: BodyLength,
    pub told: Told,
    /// It came as HTTP/2.
    pub http2: bool,
    pub treatment: Treatment,
    /// The body was gathered: how long it is now.
    pub gathered: Option<u64>,
}

/// Decides it, from the response and the client's version.
pub fn told(length: BodyLength, client_is_1_1: bool) -> Told {
    match length {
        BodyLength::None | BodyLength::Fixed(_) => Told::AsItCame,
        BodyLength::Chunked if client_is_1_1 => Told::AsItCame,
        BodyLength::UntilClose if client_is_1_1 => Told::Chunked,
        BodyLength::Chunked | BodyLength::UntilClose => Told::ByClose,
    }
}

/// Writes the head of a final response, with its empty line.
pub fn encode(
    out: &mut Buffer,
    routed: &Routed<'_>,
    exchange: &Exchange,
    bytes: &[u8],
    shape: Shape,
) {
    let Shape { length, told, http2, treatment, gathered } = shape;
    let response = &exchange.response;
    let edits = routed.edits.on_response();
    let made = edits.and_then(|edits| Made::by(edits, routed, exchange, bytes));
    let status = made.as_ref().and_then(|made| made.status);
    match edits.map_or(response.status, |edits| edits.or_status(status, response.status)) {
        status if status != response.status => encode::status_line(out, status),
        same => encode::status_line_with(out, same, response.reason.of(bytes)),
    }
    let edits = edits.map(|edits| &edits.fields);
    let mut dated = false;
    encode::copy_fields(out, bytes, &response.fields, |field| {
        dated |= field.id == FieldName::Date;
        !field.hop
            && !treatment.replaces(field, bytes)
            && !edits.is_some_and(|edits| edits.drops(field.name.of(bytes)))
    });
    if !dated {
        // RFC 9110 section 6.6.1: who forwards a response without a date adds one.
        out.put(&routed.view.resources.date.get());
    }
    if told == Told::Chunked || (told == Told::AsItCame && length == BodyLength::Chunked) {
        out.put(b"Transfer-Encoding: chunked\r\n");
    }
    if let Some(bytes) = gathered.filter(|_| told == Told::AsItCame) {
        encode::content_length(out, bytes);
    }
    if treatment.varies || treatment.weakened {
        put_coding(out, response, bytes, treatment, edits);
    }
    if let Some(watch) = routed.watch {
        out.put(&watch.borrow().lines);
    }
    if let Some(edits) = edits {
        out.put(edits.appended());
    }
    if let Some(made) = made {
        out.put(made.lines.filled());
        routed.view.resources.buffers.give(made.lines);
    }
    out.put(routed.lines);
    if exchange.outcome.is_gen_ai {
        cost::put(out, routed, exchange, bytes);
    }
    if exchange.outcome.affine {
        put_affinity(out, routed, exchange);
    }
    if routed.bind.settings.forwarded.via {
        out.put(b"Via: ");
        out.put(match (http2, response.version.is_1_1()) {
            (true, _) => b"2.0 ",
            (false, true) => b"1.1 ",
            (false, false) => b"1.0 ",
        });
        out.put(b"ringway\r\n");
    }
    out.put(connection_line(routed.connection.closing.get(), exchange.request.version.is_1_1()));
    out.put(b"\r\n");
}

/// What the body's coding makes of the fields that speak of the body.
pub fn put_coding(
    out: &mut Buffer,
    response: &ResponseHead,
    bytes: &[u8],
    treatment: Treatment,
    edits: Option<&HeadEdits>,
) {
    let dropped = |name: &[u8]| edits.is_some_and(|edits| edits.drops(name));
    if let Some((coding, _)) = treatment.coding {
        encode::field(out, b"Content-Encoding", coding.name().as_bytes());
    }
    let tag = response.field(FieldName::Etag).filter(|tag| treatment.replaces(tag, bytes));
    if let Some(tag) = tag.filter(|_| !dropped(b"etag")) {
        // RFC 9110 section 8.8.1: it is one tag for bodies that differ in their bytes.
        out.put(b"ETag: W/");
        out.put(tag.value.of(bytes));
        out.put(b"\r\n");
    }
    if !treatment.varies {
        return;
    }
    let covers = |value| lists(value, b"*") || lists(value, b"accept-encoding");
    if !response.values(bytes, FieldName::Vary).any(covers) && !dropped(b"vary") {
        out.put(b"Vary: Accept-Encoding\r\n");
    }
}

/// What expressions make of the response.
struct Made {
    status: Option<u16>,
    lines: Buffer,
}

impl Made {
    fn by(
        edits: &ResponseEdits,
        routed: &Routed<'_>,
        exchange: &Exchange,
        bytes: &[u8],
    ) -> Option<Self> {
        if edits.transform.is_empty() {
            return None;
        }
        let head = &exchange.response;
        let response = ResponsePart {
            status: head.status,
            head: Some((head, bytes)),
            body: exchange.told_text(),
        };
        let mut lines = routed.view.resources.buffers.take();
        let status = asked::transform(&mut lines, routed, exchange, &edits.transform, response);
        Some(Self { status, lines })
    }
}

/// Tells the client which endpoint it has, so that it comes back to it.
fn put_affinity(out: &mut Buffer, routed: &Routed<'_>, exchange: &Exchange) {
    let Some((cluster, endpoint)) = exchange.outcome.endpoint else { return };
    let Some(local) = routed.view.local(cluster) else { return };
    let Some(affinity) = &local.cluster.settings.balancing.affinity else { return };
    out.put(b"Set-Cookie: ");
    out.put(&affinity.cookie);
    out.put(b"=");
    out.put(&hex_of(balance::tag(&local.cluster.endpoints[endpoint as usize])));
    out.put(&affinity.attributes);
    out.put(b"\r\n");
}

/// Writes an interim response (1xx), or the 101 that ends HTTP on the connection.
pub fn encode_interim(out: &mut Buffer, exchange: &Exchange, bytes: &[u8]) {
    let response = &exchange.response;
    encode::status_line_with(out, response.status, response.reason.of(bytes));
    encode::copy_fields(out, bytes, &response.fields, |field| !field.hop);
    if response.status == 101
        && let Some(upgrade) = exchange.response.upgrade
    {
        out.put(b"Connection: upgrade\r\n");
        encode::field(out, b"Upgrade", upgrade.of(bytes));
    }
    out.put(b"\r\n");
}

/// HTTP/1.1 keeps a connection unless it says not to, HTTP/1.0 closes unless it says not to.
pub const fn connection_line(closing: bool, client_is_1_1: bool) -> &'static [u8] {
    match (closing, client_is_1_1) {
        (true, _) => b"Connection: close\r\n",
        (false, true) => b"",
        (false, false) => b"Connection: keep-alive\r\n",
    }
}

#[cfg(test)]
mod tests;
