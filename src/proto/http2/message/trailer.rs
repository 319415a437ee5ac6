//! Trailer sections, RFC 9113 section 8.1. Owns no state.

use super::text::Lines;
use super::{Malformed, rules};
use crate::base::buffer::Buffer;
use crate::proto::http1::FieldName;
use crate::proto::http2::fields::Fields;
use crate::proto::http2::hpack::{Encoder, Indexing};

/// Writes the lines of a trailer section, without the empty line that ends it. What has no place in
/// one is left out, RFC 9110 section 6.5.1. On an error nothing is written.
pub fn trailer_text(fields: &Fields, out: &mut Buffer) -> Result<(), Malformed> {
    let start = out.len();
    for (id, name, value) in fields.known() {
        match rules::field(id, name, value) {
            Ok(FieldName::Te) => return refuse(Malformed::ConnectionSpecific, start, out),
            Ok(id) if id.is_forbidden_in_trailers() => {}
            Ok(_) => rules::put(out, name, value),
            Err(malformed) => return refuse(malformed, start, out),
        }
    }
    Ok(())
}

/// Encodes a trailer section: the text from behind the last chunk to the empty line, or as far as
/// it goes. Returns how many fields it had.
pub fn trailer_fields(section: &[u8], encoder: &mut Encoder, out: &mut Vec<u8>) -> usize {
    encoder.begin(out);
    let mut count = 0;
    for (name, value) in Lines::of(section) {
        if !name.id.is_forbidden_in_trailers() {
            encoder.named(name, value, Indexing::ByName, out);
            count += 1;
        }
    }
    count
}

fn refuse(malformed: Malformed, start: usize, out: &mut Buffer) -> Result<(), Malformed> {
    out.truncate(start);
    Err(malformed)
}

#[cfg(test)]
mod tests;
