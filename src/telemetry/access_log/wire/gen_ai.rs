//! What a record has of a request for a model, behind everything else: most records have none.

use super::{Cursor, take};
use crate::limits::{LABEL_VALUE_BYTES_MAX, LOG_MESSAGES_BYTES_CEILING};
use crate::telemetry::access_log::GenAiPart;

/// How long it is, length included.
#[inline]
pub(super) fn bytes(part: Option<&GenAiPart<'_>>) -> usize {
    part.map_or(0, |part| FIXED_BYTES + texts(part).iter().map(|text| text.len()).sum::<usize>())
}

pub(super) fn encode(part: &GenAiPart<'_>, out: &mut Cursor<'_>) {
    for count in [
        part.input,
        part.output,
        part.cache_read,
        part.cache_written,
        part.reasoning,
        part.first_token_nanos,
        part.each_token_nanos,
        part.cost_nanos,
    ] {
        out.put(count.unwrap_or(NONE).to_ne_bytes());
    }
    for text in texts(part) {
        out.put((text.len() as u16).to_ne_bytes());
        out.put_text(text);
    }
}

pub(super) fn decode<'a>(input: &mut &'a [u8]) -> Option<GenAiPart<'a>> {
    let mut counts = [None; COUNTS];
    for count in &mut counts {
        *count = Some(u64::from_ne_bytes(take(input)?)).filter(|count| *count != NONE);
    }
    let mut texts: [&[u8]; TEXTS] = [&[]; TEXTS];
    for text in &mut texts {
        let len = u16::from_ne_bytes(take(input)?);
        (*text, *input) = input.split_at_checked(usize::from(len))?;
    }
    let [operation, provider, request_model, response_model, prompt, completion] = texts;
    let [input, output, cache_read, cache_written, reasoning, first, each, cost_nanos] = counts;
    Some(GenAiPart {
        operation,
        provider,
        request_model,
        response_model,
        input,
        output,
        cache_read,
        cache_written,
        reasoning,
        first_token_nanos: first,
        each_token_nanos: each,
        cost_nanos,
        prompt,
        completion,
    })
}

fn texts<'a>(part: &GenAiPart<'a>) -> [&'a [u8]; TEXTS] {
    let [short, long] = [LABEL_VALUE_BYTES_MAX, LOG_MESSAGES_BYTES_CEILING];
    [
        (part.operation, short),
        (part.provider, short),
        (part.request_model, short),
        (part.response_model, short),
        (part.prompt, long),
        (part.completion, long),
    ]
    .map(|(text, most)| &text[..text.len().min(most)])
}

const COUNTS: usize = 8;
const TEXTS: usize = 6;
/// The numbers, and the lengths of the texts.
const FIXED_BYTES: usize = COUNTS * 8 + TEXTS * 2;
/// It was not told.
const NONE: u64 = u64::MAX;
const _: () = assert!(LABEL_VALUE_BYTES_MAX < 65536 && LOG_MESSAGES_BYTES_CEILING < 65536);
