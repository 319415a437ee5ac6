//! What a request shows of itself to the route table.

use crate::http::Exchange;
use crate::proto::uri::{self, PathError, RoutingPath};
use crate::route::Subject;

use super::failure::Failure;
use crate::proto::http1::{ParseError, Span, TargetForm};

/// Borrowed from the exchange for the time of one look-up.
pub struct Asked<'a> {
    exchange: &'a Exchange,
    host: &'a [u8],
    path: &'a [u8],
    query: Option<&'a [u8]>,
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
        Self { exchange, host, path, query: request.query.map(|query| query.of(bytes)) }
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
