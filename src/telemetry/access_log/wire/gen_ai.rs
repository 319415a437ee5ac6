//! What a record has of a request for a model, behind everything else: most records have none.

use super::{Cursor, take};
use crate::limits::LABEL_VALUE_BYTES_MAX;
use crate::telemetry::access_log::GenAiPart;

/// How long it is, length included.
#[inline]
pub(super) fn bytes(part: Option<&GenAiPart<'_>>) -> usize {
    part.map_or(0, |part| FIXED_BYTES + texts(part).iter().map(|text| text.len()).sum::<usize>())
}

pub(super) fn encode(part: &GenAiPart<'_>, out: &mut Cursor<'_>) {
    for count in [part.input, part.output, part.cache_read, part.cache_written] {
        out.put(count.unwrap_or(NONE).to_ne_bytes());
    }
    for text in texts(part) {
        out.put((text.len() as u16).to_ne_bytes());
        out.put_text(text);
    }
}

pub(super) fn decode<'a>(input: &mut &'a [u8]) -> Option<GenAiPart<'a>> {
    let mut count = || {
        let count = u64::from_ne_bytes(take(input)?);
        Some((count != NONE).then_some(count))
    };
    let [input_tokens, output, cache_read, cache_written] =
        [count()?, count()?, count()?, count()?];
    let mut texts: [&[u8]; 4] = [&[]; 4];
    for text in &mut texts {
        let len = u16::from_ne_bytes(take(input)?);
        (*text, *input) = input.split_at_checked(usize::from(len))?;
    }
    let [operation, provider, request_model, response_model] = texts;
    let input = input_tokens;
    Some(GenAiPart {
        operation,
        provider,
        request_model,
        response_model,
        input,
        output,
        cache_read,
        cache_written,
    })
}

fn texts<'a>(part: &GenAiPart<'a>) -> [&'a [u8]; 4] {
    let texts = [part.operation, part.provider, part.request_model, part.response_model];
    texts.map(|text| &text[..text.len().min(LABEL_VALUE_BYTES_MAX)])
}

/// Four numbers, and the lengths of four texts.
const FIXED_BYTES: usize = 4 * 8 + 4 * 2;
/// It was not told.
const NONE: u64 = u64::MAX;
const _: () = assert!(LABEL_VALUE_BYTES_MAX < 65536);
