//! The key of who asks, taken out of the head that he sent it in: whoever is asked next, every
//! expression behind and the access log see a request without it.
//!
//! A field is marked as one that ends here. A cookie and a parameter of the query are parts of
//! something that goes on: what stands behind them moves up, in the bytes themselves, and the marks
//! of the head become shorter. A field goes on as the line that it is, so that there are blanks
//! behind a cookie where the key was. Nothing is allocated.

use std::ops::Range;

use crate::http::Exchange;
use crate::policy::Changes;
use crate::policy::api_key::Place;
use crate::proto::http1::Span;

pub fn take_out(exchange: &mut Exchange, changes: &mut Changes) {
    for place in changes.key_places() {
        match place {
            Place::Field(at) => end_field(exchange, *at),
            Place::Cookie(at, range) => take_cookie(exchange, *at, range.clone()),
            Place::Query(range) => take_parameter(exchange, range.clone()),
        }
    }
    changes.forget_key_places();
}

/// And all others of its name: who sends several means the first.
fn end_field(exchange: &mut Exchange, at: usize) {
    let Some(input) = &exchange.input else { return };
    let bytes = input.filled();
    let fields = &mut exchange.request.fields;
    let Some(name) = fields.get(at).map(|field| field.name.of(bytes)) else { return };
    for field in fields.iter_mut() {
        field.hop |= field.name.of(bytes).eq_ignore_ascii_case(name);
    }
}

fn take_cookie(exchange: &mut Exchange, at: usize, range: Range<usize>) {
    let Some(input) = &mut exchange.input else { return };
    let Some(field) = exchange.request.fields.get_mut(at) else { return };
    let bytes = input.filled_mut();
    let value = field.value;
    let rest = close(bytes, value, range, b';');
    let trimmed = bytes[value.start as usize..][..rest].trim_ascii();
    // A list of cookies begins with no blank.
    let blanks = bytes[value.start as usize..][..rest].iter().take_while(|b| **b == b' ').count();
    let start = value.start as usize + blanks;
    field.value = Span { start: start as u16, len: trimmed.len() as u16 };
    field.hop |= trimmed.is_empty();
}

fn take_parameter(exchange: &mut Exchange, range: Range<usize>) {
    let (Some(input), Some(query)) = (&mut exchange.input, exchange.request.query) else { return };
    let request = &mut exchange.request;
    let rest = close(input.filled_mut(), query, range, b'&');
    // Without a parameter there is no question mark either.
    let gone = usize::from(query.len) - rest + usize::from(rest == 0);
    let shorter = |span: Span| Span { len: span.len - gone as u16, ..span };
    request.query = (rest > 0).then_some(Span { len: rest as u16, ..query });
    if request.path_and_query.end() == query.end() {
        request.path_and_query = shorter(request.path_and_query);
    }
    if request.target.end() == query.end() {
        request.target = shorter(request.target);
    }
    let target = &mut exchange.target;
    if let Some(mark) = memchr::memchr(b'?', target) {
        target.truncate(mark);
        if let Some(query) = request.query {
            target.push(b'?');
            target.extend_from_slice(query.of(input.filled()));
        }
    }
}

/// Takes one part and a separator of it out of a list; how long the list is then.
fn close(bytes: &mut [u8], list: Span, part: Range<usize>, separator: u8) -> usize {
    let list = list.range();
    let mut gone = part;
    if gone.end < list.end && bytes[gone.end] == separator {
        gone.end += 1;
    } else if gone.start > list.start && bytes[gone.start - 1] == separator {
        gone.start -= 1;
    }
    bytes.copy_within(gone.end..list.end, gone.start);
    let rest = list.len() - gone.len();
    bytes[list.start + rest..list.end].fill(b' ');
    rest
}

#[cfg(test)]
mod tests;
