//! Parameters of a query, as `application/x-www-form-urlencoded` reads it: `&` between them, `=`
//! before the value, `+` for a space, `%XX` for a byte. Decodes while it compares, so that a
//! look-up allocates nothing. An escape that is none stands for itself.

/// The value, still encoded, of the first parameter with this (decoded) name. Gateway API leaves a
/// parameter that comes twice open, and recommends the first.
pub(super) fn value<'a>(query: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    query.split(|&byte| byte == b'&').find_map(|parameter| {
        let end = parameter.iter().position(|&byte| byte == b'=');
        let (key, value) = match end {
            Some(end) => (&parameter[..end], &parameter[end + 1..]),
            // `a=1&&b=2` has two parameters, not an unnamed third one.
            None if parameter.is_empty() => return None,
            None => (parameter, &parameter[parameter.len()..]),
        };
        equals(key, name).then_some(value)
    })
}

/// Whether `encoded` decodes to `wanted`.
pub(super) fn equals(encoded: &[u8], wanted: &[u8]) -> bool {
    if is_plain(encoded) { encoded == wanted } else { Decoded(encoded).eq(wanted.iter().copied()) }
}

/// Whether decoding changes nothing.
pub(super) fn is_plain(encoded: &[u8]) -> bool {
    !encoded.iter().any(|&byte| byte == b'%' || byte == b'+')
}

/// The bytes that an encoded value stands for.
pub(super) struct Decoded<'a>(pub(super) &'a [u8]);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if let [b'%', high, low, rest @ ..] = self.0
            && let (Some(high), Some(low)) = (nibble(*high), nibble(*low))
        {
            self.0 = rest;
            return Some(high << 4 | low);
        }
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(if first == b'+' { b' ' } else { first })
    }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests;
