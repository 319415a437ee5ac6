//! `Max-Forwards`, RFC 9110 section 7.6.2: how many more intermediaries an OPTIONS or a TRACE may
//! pass. Who gets the last one answers for the origin. On other methods, and where it is no number,
//! it is a field like any other. Owns no state.

use super::failure::Failure;
use super::finish::End;
use super::place::Place;
use super::reply;
use crate::http::Exchange;
use crate::http::reply::Reply;
use crate::proto::http1::{FieldName, Method, RequestHead};

/// What the request says, if it is to be heeded.
pub fn of(request: &RequestHead, bytes: &[u8]) -> Option<u64> {
    if !matches!(request.method, Method::Options | Method::Trace) {
        return None;
    }
    let digits = request.value(bytes, FieldName::MaxForwards)?;
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let add =
        |number: u64, digit: &u8| number.saturating_mul(10).saturating_add((digit - b'0').into());
    is_number.then(|| digits.iter().fold(0, add))
}

/// Answers a request that may go no further. A TRACE is not reflected: what it would show is what
/// proxies in front of us have added.
///
/// # Errors
/// The client is gone, or takes nothing.
pub async fn answer(place: &Place<'_>, exchange: &mut Exchange) -> Result<End, Failure> {
    let status = if exchange.request.method == Method::Options { 200 } else { 405 };
    let fields = b"Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n";
    reply::send(place, exchange, &Reply { status, fields, body: b"" }).await?;
    Ok(End::Direct)
}

#[cfg(test)]
mod tests;
