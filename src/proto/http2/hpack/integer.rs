//! Integers with a prefix, RFC 7541 section 5.1. Owns no state.

use super::HpackError;

/// Bytes that may follow a prefix: enough for 28 bits, and a few that are padded with zeros.
const CONTINUATIONS_MAX: u32 = 5;
/// No length, index or size of ours is near it, and sums of them fit in any `usize`.
pub(super) const INTEGER_MAX: u32 = (1 << 28) - 1;

/// Reads the integer at the front of `block`, whose first byte has `prefix_bits` of it.
#[inline]
pub(super) fn decode(block: &mut &[u8], prefix_bits: u32) -> Result<usize, HpackError> {
    let Some((&first, rest)) = block.split_first() else { return Err(HpackError::Truncated) };
    *block = rest;
    let mask = full(prefix_bits);
    let prefix = first & mask;
    if prefix < mask { Ok(usize::from(prefix)) } else { continued(block, u64::from(mask)) }
}

fn continued(block: &mut &[u8], prefix: u64) -> Result<usize, HpackError> {
    let mut value = prefix;
    for index in 0..CONTINUATIONS_MAX {
        let Some((&byte, rest)) = block.split_first() else { return Err(HpackError::Truncated) };
        *block = rest;
        value += u64::from(byte & 0x7f) << (7 * index);
        if value > u64::from(INTEGER_MAX) {
            return Err(HpackError::IntegerTooLarge);
        }
        if byte & 0x80 == 0 {
            return Ok(value as usize);
        }
    }
    Err(HpackError::IntegerTooLarge)
}

/// Appends `value`; the bits of the first byte above the prefix are those of `pattern`.
#[inline]
pub(super) fn encode(value: usize, prefix_bits: u32, pattern: u8, out: &mut Vec<u8>) {
    let mask = full(prefix_bits);
    debug_assert!(pattern & mask == 0, "a pattern stands above its prefix");
    if value < usize::from(mask) {
        out.push(pattern | value as u8);
        return;
    }
    out.push(pattern | mask);
    let mut rest = value - usize::from(mask);
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[inline]
const fn full(prefix_bits: u32) -> u8 {
    (0xff_u16 >> (u8::BITS - prefix_bits)) as u8
}

#[cfg(test)]
mod tests;
