//! What a request shows of itself to the route table.

use crate::base::buffer::Buffer;
use crate::http::Exchange;
use crate::http::server::h1::Connection;
use crate::net::tls::Identity;
use crate::policy::attributes::{Attributes, Known, RequestPart, ResponsePart, Source};
use crate::policy::transform::Transform;
use crate::proto::uri::{self, PathError, RoutingPath};
use crate::route::Subject;
use crate::route::rewrite::Scheme;
use crate::telemetry::value::Counter;

use super::failure::Failure;
use super::place::Place;
use crate::proto::http1::{ParseError, Span, TargetForm};

/// Borrowed from the exchange for the time of one look-up.
pub struct Asked<'a> {
    exchange: &'a Exchange,
    host: &'a [u8],
    path: &'a [u8],
    query: Option<&'a [u8]>,
    identity: Option<&'a Identity>,
}

impl<'a> Asked<'a> {
    pub fn of(exchange: &'a Exchange) -> Self {
        let bytes = exchange.head_bytes();
        let request = &exchange.request;
        let authority = request.host.of(bytes);
        let host = host_of(authority);
        let path = match exchange.path.as_slice() {
            // Who asks for a tunnel names no path (RFC 9112 section 3.2.3): any prefix of `/`.
            b"" if request.form == TargetForm::Authority => b"/",
            b"" => request.path(bytes),
            normal => normal,
        };
        let query = request.query.map(|query| query.of(bytes));
        Self { exchange, host, path, query, identity: None }
    }

    /// The same, with who asks.
    pub fn by(self, connection: &'a Connection) -> Self {
        Self { identity: connection.identity(), ..self }
    }

    pub fn host_name(&self) -> &'a [u8] {
        self.host
    }

    pub fn path_bytes(&self) -> &'a [u8] {
        self.path
    }

    pub fn query_bytes(&self) -> Option<&'a [u8]> {
        self.query
    }
}

/// What expressions see of the exchange; `response` once there is one.
pub fn attributes<'a>(
    place: &Place<'a>,
    exchange: &'a Exchange,
    response: Option<ResponsePart<'a>>,
) -> Attributes<'a> {
    let bytes = exchange.head_bytes();
    let request = &exchange.request;
    let request = RequestPart {
        head: request,
        bytes,
        scheme: scheme(place),
        path: Asked::of(exchange).path,
        target: match exchange.target.as_slice() {
            b"" => request.path_and_query.of(bytes),
            normal => normal,
        },
        body: exchange.asked_text(),
        started: exchange.outcome.started,
    };
    let seed = place.view.resources.random.next();
    let connection = place.connection;
    let source = Source { address: connection.peer.address, identity: connection.identity() };
    let attributes = Attributes::new(request, response, source, seed).of_model(exchange.gen_ai());
    let keys = &*place.view.snapshot.keys;
    if keys.is_empty() {
        return attributes;
    }
    let now = place.view.resources.unix_micros(connection.now()) / 1_000_000;
    attributes.with(Known { keys, now: now.cast_signed(), key: exchange.outcome.key })
}

/// Appends what expressions make of a response, and tells the status, if they make one.
pub fn transform<'a>(
    out: &mut Buffer,
    place: &Place<'_>,
    exchange: &'a Exchange,
    transform: &Transform,
    response: ResponsePart<'a>,
) -> Option<u16> {
    let attributes = attributes(place, exchange, Some(response));
    let mut lines = Vec::new();
    transform.write(&attributes, &mut lines);
    out.put(&lines);
    let status = transform.status(&attributes);
    count_failures(place, &attributes);
    status
}

/// Counts the expressions that gave nothing.
pub fn count_failures(place: &Place<'_>, attributes: &Attributes<'_>) {
    let failures = attributes.failures();
    if failures > 0 {
        place.view.resources.shard.add(Counter::ExpressionFailures, u64::from(failures));
    }
}

pub fn scheme(place: &Place<'_>) -> Scheme {
    if place.connection.carrier.tls { Scheme::Https } else { Scheme::Http }
}

impl Subject for Asked<'_> {
    fn method(&self) -> &[u8] {
        self.exchange.request.method_name.of(self.exchange.head_bytes())
    }

    fn host(&self) -> &[u8] {
        self.host
    }

    fn authority(&self) -> &[u8] {
        self.exchange.request.host.of(self.exchange.head_bytes())
    }

    fn path(&self) -> &[u8] {
        self.path
    }

    fn query(&self) -> Option<&[u8]> {
        self.query
    }

    fn header(&self, name: &[u8]) -> Option<&[u8]> {
        let bytes = self.exchange.head_bytes();
        self.exchange.request.find(bytes, name).map(|value| value.of(bytes))
    }

    fn identity(&self) -> Option<&Identity> {
        self.identity
    }
}

/// The authority without its port. That it is a valid one was checked with the head.
fn host_of(authority: &[u8]) -> &[u8] {
    let end = match authority.first() {
        Some(b'[') => memchr::memchr(b']', authority).map(|close| close + 1),
        _ => memchr::memchr(b':', authority),
    };
    &authority[..end.unwrap_or(authority.len())]
}

/// Brings the path into the form that is routed on and forwarded. Most are in it already.
///
/// # Errors
/// `Malformed`: a path that origins may read in different ways.
pub fn normalise(exchange: &mut Exchange) -> Result<(), Failure> {
    exchange.path.clear();
    exchange.target.clear();
    if matches!(exchange.request.form, TargetForm::Asterisk | TargetForm::Authority) {
        return Ok(());
    }
    let bytes = exchange.input.as_ref().map_or(&[][..], |input| input.filled());
    let path = exchange.request.path(bytes);
    match uri::routing_path(path, &mut exchange.path) {
        Ok(RoutingPath::AsWritten(path)) => {
            // `http://host?query` has no path, and its origin form has one.
            if !exchange.request.path_and_query.of(bytes).starts_with(path) {
                put_target(&mut exchange.target, path, exchange.request.query, bytes);
            }
            exchange.path.clear();
            Ok(())
        }
        Ok(RoutingPath::Rewritten(path)) => {
            put_target(&mut exchange.target, path, exchange.request.query, bytes);
            Ok(())
        }
        Err(
            PathError::BadByte
            | PathError::BadEscape
            | PathError::Null
            | PathError::Backslash
            | PathError::HiddenDots,
        ) => {
            exchange.path.clear();
            Err(Failure::Malformed(ParseError::BadTarget))
        }
    }
}

fn put_target(target: &mut Vec<u8>, path: &[u8], query: Option<Span>, bytes: &[u8]) {
    target.extend_from_slice(path);
    if let Some(query) = query {
        target.push(b'?');
        target.extend_from_slice(query.of(bytes));
    }
}
