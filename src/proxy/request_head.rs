//! The head that goes to the endpoint, out of the one that came: hop-by-hop fields and what
//! `Connection` lists are left out, who the client is is said, the rest passes as it was written.

mod client_certificate;

use std::rc::Rc;

use client_certificate::NAME as CLIENT_CERTIFICATE;

use crate::base::buffer::Buffer;
use crate::http::Exchange;
use crate::http::tee::Tee;
use crate::policy::Changes;
use crate::policy::changes::NewAuthority;
use crate::policy::edit::HeadEdits;
use crate::proto::header::elements;
use crate::proto::http1::{BodyLength, Field, FieldName, Method, TargetForm, encode};
use crate::snapshot::bind::{Backend, Forwarded, RequestId};

use super::max_forwards;
use super::place::Routed;

/// What policies and the backend make of the request line and the host.
#[derive(Clone, Copy)]
pub struct Rewritten<'a> {
    pub changes: &'a Changes,
    pub backend: &'a Backend,
    /// The request goes out as HTTP/2, whoever takes it.
    pub http2: bool,
    /// Gets a copy of the body.
    pub tee: Option<&'a Rc<Tee>>,
}

/// Writes the head into `out`, with its empty line.
pub fn encode(out: &mut Buffer, routed: &Routed<'_>, exchange: &Exchange, new: Rewritten<'_>) {
    let bytes = exchange.head_bytes();
    let request = &exchange.request;
    let settings = &routed.bind.settings.forwarded;
    let edits = routed.edits.request_edits();
    let method = new.changes.method().unwrap_or_else(|| request.method_name.of(bytes));
    encode::request_line(out, method, target(exchange, new));
    let authority = authority(exchange, new);
    if let Some(authority) = authority {
        encode::field(out, b"Host", authority);
    }
    let max_forwards = max_forwards::of(request, bytes);
    let keep = Keep { settings, edits, own_host: authority.is_some(), max_forwards };
    encode::copy_fields(out, bytes, &request.fields, |field| keep.keeps(field, bytes));
    if let Some(gathered) = &exchange.asked_body {
        encode::content_length(out, gathered.length);
    } else if request.body == BodyLength::Chunked {
        out.put(b"Transfer-Encoding: chunked\r\n");
    }
    if new.http2 && request.te_trailers {
        // The one transfer coding that HTTP/2 has a word for: gRPC asks for it.
        out.put(b"TE: trailers\r\n");
    }
    if let Some(upgrade) = request.upgrade {
        out.put(b"Connection: upgrade\r\n");
        encode::field(out, b"Upgrade", upgrade.of(bytes));
    }
    if let Some(left) = max_forwards
        && !keep.edited(b"max-forwards")
    {
        out.put(b"Max-Forwards: ");
        encode::decimal(out, left.saturating_sub(1));
        out.put(b"\r\n");
    }
    put_forwarded(out, routed, exchange, &keep);
    if let Some(edits) = edits {
        out.put(edits.appended());
    }
    out.put(new.changes.request_lines());
    out.put(b"\r\n");
}

/// The target in origin form, `*` for a server-wide OPTIONS.
fn target<'a>(exchange: &'a Exchange, new: Rewritten<'a>) -> &'a [u8] {
    if let Some(target) = new.changes.target() {
        return target;
    }
    let bytes = exchange.head_bytes();
    match exchange.request.form {
        TargetForm::Asterisk => b"*",
        // RFC 9112 section 3.2.4: without a path it asks for the server, not for its root.
        TargetForm::Absolute
            if exchange.request.method == Method::Options
                && exchange.request.path_and_query.is_empty() =>
        {
            b"*"
        }
        _ if !exchange.target.is_empty() => &exchange.target,
        _ => exchange.request.path_and_query.of(bytes),
    }
}

/// The Host to be sent in the place of the client's.
fn authority<'a>(exchange: &'a Exchange, new: Rewritten<'a>) -> Option<&'a [u8]> {
    let request = &exchange.request;
    let own = new.backend.authority.as_deref();
    match new.changes.authority() {
        NewAuthority::To(authority) => Some(authority),
        NewAuthority::Auto | NewAuthority::Unset if own.is_some() => own,
        // An absolute-form target names the host, whatever the Host field says: RFC 9112
        // section 3.2.2.
        _ if request.form == TargetForm::Absolute => Some(request.host.of(exchange.head_bytes())),
        // HTTP/1.0 may go without a Host, HTTP/1.1 may not.
        _ if request.host.is_empty() => Some(&new.backend.name),
        _ => None,
    }
}

struct Keep<'a> {
    settings: &'a Forwarded,
    edits: Option<&'a HeadEdits>,
    own_host: bool,
    /// What is said under this name is said anew.
    max_forwards: Option<u64>,
}

impl Keep<'_> {
    /// A policy has the last word on this field: set or removed, ours is not put.
    #[inline]
    fn edited(&self, name: &[u8]) -> bool {
        self.edits.is_some_and(|edits| edits.drops(name))
    }

    #[inline]
    fn keeps(&self, field: &Field, bytes: &[u8]) -> bool {
        if field.hop {
            return false;
        }
        let own = match field.id {
            FieldName::Other if self.settings.client_certificate => {
                field.name.of(bytes).eq_ignore_ascii_case(CLIENT_CERTIFICATE)
            }
            FieldName::MaxForwards => self.max_forwards.is_some(),
            FieldName::Host => self.own_host,
            FieldName::XForwardedFor => true,
            FieldName::XForwardedProto | FieldName::XForwardedHost => !self.settings.append,
            FieldName::XRequestId => self.settings.request_id == RequestId::Make,
            _ => false,
        };
        !own && !self.edits.is_some_and(|edits| edits.drops(field.name.of(bytes)))
    }
}

/// `X-Forwarded-For`, `-Proto`, `-Host`, `-Client-Cert`, `X-Request-Id`, `Via`.
fn put_forwarded(out: &mut Buffer, routed: &Routed<'_>, exchange: &Exchange, keep: &Keep<'_>) {
    let bytes = exchange.head_bytes();
    let request = &exchange.request;
    let settings = keep.settings;
    let told = Told::by(exchange, settings);
    if !keep.edited(b"x-forwarded-for") {
        out.put(b"X-Forwarded-For: ");
        if told.forwarded_for {
            put_believed(out, exchange, settings.trusted_hops as usize);
        }
        out.put(routed.connection.peer.ip_text());
        out.put(b"\r\n");
    }
    if !told.proto && !keep.edited(b"x-forwarded-proto") {
        out.put(match routed.connection.carrier.tls {
            true => b"X-Forwarded-Proto: https\r\n",
            false => b"X-Forwarded-Proto: http\r\n",
        });
    }
    if !told.host && !request.host.is_empty() && !keep.edited(b"x-forwarded-host") {
        encode::field(out, b"X-Forwarded-Host", request.host.of(bytes));
    }
    let id = match settings.request_id {
        RequestId::Off => None,
        RequestId::Keep if told.request_id => None,
        _ if keep.edited(b"x-request-id") => None,
        RequestId::Keep | RequestId::Make => Some(&exchange.request_id),
    };
    if let Some(id) = id {
        encode::field(out, b"X-Request-Id", id);
    }
    if settings.client_certificate
        && let Some(identity) = routed.connection.identity()
        && !keep.edited(b"x-forwarded-client-cert")
    {
        client_certificate::put(out, identity);
    }
    if settings.via {
        let version: &[u8] = match (routed.connection.carrier.http2, request.version.is_1_1()) {
            (true, _) => b"2.0 ",
            (false, true) => b"1.1 ",
            (false, false) => b"1.0 ",
        };
        out.put(b"Via: ");
        out.put(version);
        out.put(b"ringway\r\n");
    }
}

/// What came in `X-Forwarded-For`, each entry with its comma: all of it, or the last `hops`.
fn put_believed(out: &mut Buffer, exchange: &Exchange, hops: usize) {
    let bytes = exchange.head_bytes();
    let values = || exchange.request.values(bytes, FieldName::XForwardedFor);
    let entries = || values().flat_map(elements);
    let unbelieved = if hops == 0 { 0 } else { entries().count().saturating_sub(hops) };
    for entry in entries().skip(unbelieved) {
        out.put(entry);
        out.put(b", ");
    }
}

/// What the client said already, where that is believed.
#[derive(Default)]
struct Told {
    forwarded_for: bool,
    proto: bool,
    host: bool,
    request_id: bool,
}

impl Told {
    fn by(exchange: &Exchange, settings: &Forwarded) -> Self {
        let mut told = Self::default();
        for field in &exchange.request.fields {
            match field.id {
                FieldName::XForwardedFor => told.forwarded_for = settings.append,
                FieldName::XForwardedProto => told.proto = settings.append,
                FieldName::XForwardedHost => told.host = settings.append,
                FieldName::XRequestId => told.request_id = true,
                _ => {}
            }
        }
        told
    }
}

#[cfg(test)]
mod tests;
