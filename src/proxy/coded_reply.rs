//! An answer of our own in a content coding: as the route's `compression` has it for those of backends,
//! but with its length, since all of it is there. Nothing is looked at on a route without.

use super::coding;
use super::place::Routed;
use super::response_head;
use crate::base::buffer::Buffer;
use crate::http::Exchange;
use crate::http::coders::Coder;
use crate::limits::CODED_STEP_BYTES;
use crate::policy::compression::{Answer, Treatment};
use crate::proto::coding::Then;
use crate::proto::http1::head::ResponseHead;
use crate::proto::http1::{FieldName, Parsed, encode};
use crate::telemetry::value::Limit;

/// The fields and the body that are sent in place of these; none where they stay as they are.
pub fn code(
    routed: &Routed<'_>,
    exchange: &Exchange,
    status: u16,
    (fields, body): (&[u8], &[u8]),
) -> Option<(Buffer, Option<Vec<u8>>)> {
    let policy = routed.edits.compression().filter(|_| !body.is_empty())?;
    let (head, text) = head_of(routed, status, (fields, body))?;
    let mut treatment = policy.treat(Answer {
        request: &exchange.request,
        request_bytes: exchange.head_bytes(),
        response: &head,
        response_bytes: &text,
    });
    if !treatment.varies {
        return None;
    }
    let resources = &routed.view.resources;
    let coder = treatment.coding.and_then(|(coding, level)| resources.coders.take(coding, level));
    if coder.is_none() && treatment.coding.is_some() {
        resources.shard.limit_hit(Limit::Coders);
    }
    let coded = coder.and_then(|coder| whole(coder, body));
    if coded.is_none() {
        treatment = Treatment { weakened: false, coding: None, ..treatment };
    }
    let mut out = resources.buffers.take();
    encode::copy_fields(&mut out, &text, &head.fields, |field| {
        field.id != FieldName::ContentLength && !treatment.replaces(field, &text)
    });
    let edits = routed.edits.on_response().map(|edits| &edits.fields);
    response_head::put_coding(&mut out, &head, &text, treatment, edits);
    let length = coded.as_ref().map_or(body.len(), Vec::len) as u64;
    encode::content_length(&mut out, length);
    if let Some((coding, _)) = treatment.coding {
        resources.shard.coded(coding::label(coding), body.len() as u64, length);
    }
    Some((out, coded))
}

/// The answer as a policy sees those of backends.
fn head_of(
    routed: &Routed<'_>,
    status: u16,
    (fields, body): (&[u8], &[u8]),
) -> Option<(ResponseHead, Vec<u8>)> {
    let mut text = format!("HTTP/1.1 {status} OK\r\n").into_bytes();
    let has_length = |line: &[u8]| {
        line.get(..LENGTH.len()).is_some_and(|name| name.eq_ignore_ascii_case(LENGTH))
    };
    for line in fields.split_inclusive(|byte| *byte == b'\n').filter(|line| !has_length(line)) {
        text.extend_from_slice(line);
    }
    text.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    let mut head = ResponseHead::default();
    let parsed = head.parse(&text, &routed.bind.settings.limits.head);
    (parsed == Ok(Parsed::Complete)).then_some((head, text))
}

/// None when the encoder broke: the body goes as it is.
fn whole(mut coder: Coder<'_>, mut body: &[u8]) -> Option<Vec<u8>> {
    let mut coded = Vec::new();
    loop {
        let written = coded.len();
        coded.resize(written + CODED_STEP_BYTES, 0);
        let step = coder.encoder().step(body, &mut coded[written..], Then::End).ok()?;
        coded.truncate(written + step.written);
        body = &body[step.read..];
        if step.done {
            coder.give_back();
            return Some(coded);
        }
    }
}

const LENGTH: &[u8] = b"content-length:";
