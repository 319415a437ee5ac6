//! The rules that hold for every field of every message, RFC 9113 section 8.2. Owns no state.

use super::Malformed;
use crate::base::buffer::Buffer;
use crate::proto::http1::{FieldName, encode};
use crate::proto::scan;

/// Checks a regular field, and says which it is. A `te` is left to the caller: only a request may
/// have it. `known` is which name it is, in lower case, where whoever decoded it has seen that.
#[inline]
pub(super) fn field(known: FieldName, name: &[u8], value: &[u8]) -> Result<FieldName, Malformed> {
    let id = if known == FieldName::Other { of_name(name)? } else { known };
    check_value(value)?;
    if id.is_hop_by_hop() && id != FieldName::Te {
        return Err(Malformed::ConnectionSpecific);
    }
    Ok(id)
}

fn of_name(name: &[u8]) -> Result<FieldName, Malformed> {
    if name.is_empty() || !name.iter().all(|&byte| NAME[byte as usize]) {
        let pseudo = name.first() == Some(&b':');
        return Err(if pseudo { Malformed::MisplacedPseudo } else { Malformed::BadName });
    }
    Ok(FieldName::parse(name))
}

/// Section 8.2.1, and all other control characters: the next parser would refuse them.
#[inline]
pub(super) fn check_value(value: &[u8]) -> Result<(), Malformed> {
    let blank = |byte: Option<&u8>| byte.is_some_and(|&byte| scan::is_blank(byte));
    if scan::value_end(value, 0) != value.len() || blank(value.first()) || blank(value.last()) {
        return Err(Malformed::BadValue);
    }
    Ok(())
}

/// Puts a pseudo-header field into its place, once.
#[inline]
pub(super) fn once<'a>(place: &mut Option<&'a [u8]>, value: &'a [u8]) -> Result<(), Malformed> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Malformed::RepeatedPseudo),
    }
}

/// One line; name and value were checked.
#[inline]
pub(super) fn put(out: &mut Buffer, name: &[u8], value: &[u8]) {
    out.put(name);
    out.put(b": ");
    out.put(value);
    out.put(b"\r\n");
}

/// The `content-length` fields of one message.
#[derive(Clone, Copy, Default)]
pub(super) struct Length(pub Option<u64>);

impl Length {
    /// Takes one. An equal one is no contradiction: only one of them is written.
    pub(super) fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
        let length = decimal(value).ok_or(Malformed::BadContentLength)?;
        match self.0.replace(length) {
            Some(before) if before != length => Err(Malformed::TwoLengths),
            _ => Ok(()),
        }
    }

    pub(super) fn put(self, out: &mut Buffer) {
        if let Some(length) = self.0 {
            encode::content_length(out, length);
        }
    }
}

/// `1*DIGIT` up to 2^63 - 1, as in `http1::framing`.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| {
        let unit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(unit).filter(|&value| value <= i64::MAX as u64)
    })
}

/// `tchar` without the upper case, sections 8.2 and 8.2.1.
static NAME: [bool; 256] = names();

const fn names() -> [bool; 256] {
    let mut table = [false; 256];
    let mut index = 0;
    while index < 256 {
        let byte = index as u8;
        table[index] = byte.is_ascii_lowercase()
            || byte.is_ascii_digit()
            || matches!(
                byte,
                b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_'
            )
            || matches!(byte, b'`' | b'|' | b'~');
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests;
