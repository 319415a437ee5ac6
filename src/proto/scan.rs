//! Byte classes and the scans built on them: the inner loops of every parser here. Owns no state.

/// `tchar`, RFC 9110 section 5.6.2.
const TOKEN: u8 = 1;
/// Visible ASCII without `#` and `?`: what may stand in a target before its query.
const PATH: u8 = 2;
/// Visible ASCII without `#`: a fragment never goes over the wire, RFC 9112 section 3.2.
const QUERY: u8 = 4;
/// `unreserved`, RFC 3986 section 2.3.
const UNRESERVED: u8 = 8;
/// `HEXDIG` of either case.
const HEX: u8 = 16;

const CLASSES: [u8; 256] = classes();

/// Where the token that starts at `from` ends.
#[inline]
pub fn token_end(bytes: &[u8], from: usize) -> usize {
    class_end(bytes, from, TOKEN)
}

/// Where the part of a target before `?` ends.
#[inline]
pub fn path_end(bytes: &[u8], from: usize) -> usize {
    class_end(bytes, from, PATH)
}

/// Where a query ends.
#[inline]
pub fn query_end(bytes: &[u8], from: usize) -> usize {
    class_end(bytes, from, QUERY)
}

/// Where a run of `unreserved` characters ends.
#[inline]
pub fn unreserved_end(bytes: &[u8], from: usize) -> usize {
    class_end(bytes, from, UNRESERVED)
}

/// Where a run of hexadecimal digits ends.
#[inline]
pub fn hex_end(bytes: &[u8], from: usize) -> usize {
    class_end(bytes, from, HEX)
}

/// Where the field value that starts at `from` ends: at the first control byte that is not a tab.
/// Bytes above 0x7f are `obs-text` and pass, RFC 9110 section 5.5.
#[inline]
pub fn value_end(bytes: &[u8], from: usize) -> usize {
    const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const SPACES: u64 = u64::from_ne_bytes([0x20; 8]);
    const DELETES: u64 = u64::from_ne_bytes([0x7f; 8]);
    let mut at = from;
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*eight);
        // A borrow makes marks above the first true one unreliable; only the first is used.
        let below_space = word.wrapping_sub(SPACES) & !word;
        let delete = (word ^ DELETES).wrapping_sub(LOW) & !(word ^ DELETES);
        let marks = (below_space | delete) & HIGH;
        if marks == 0 {
            at += 8;
            continue;
        }
        at += (marks.trailing_zeros() / 8) as usize;
        if bytes[at] != b'\t' {
            return at;
        }
        at += 1;
    }
    while at < bytes.len() && !is_control(bytes[at]) {
        at += 1;
    }
    at.max(from)
}

/// Where a run within a text of JSON ends: at a quote, a backslash or a control byte, RFC 8259
/// section 7.
#[inline]
pub fn json_text_end(bytes: &[u8], from: usize) -> usize {
    const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const SPACES: u64 = u64::from_ne_bytes([0x20; 8]);
    const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
    const BACKSLASHES: u64 = u64::from_ne_bytes([b'\\'; 8]);
    let mut at = from;
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*eight);
        let zero = |word: u64| word.wrapping_sub(LOW) & !word;
        // A borrow makes marks above the first true one unreliable; only the first is used.
        let control = word.wrapping_sub(SPACES) & !word;
        let marks = (control | zero(word ^ QUOTES) | zero(word ^ BACKSLASHES)) & HIGH;
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let is_plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
    let rest = bytes[at..].iter().take_while(|byte| is_plain(byte));
    at + rest.count()
}

#[inline]
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && token_end(bytes, 0) == bytes.len()
}

#[inline]
pub const fn is_unreserved(byte: u8) -> bool {
    CLASSES[byte as usize] & UNRESERVED != 0
}

/// Optional white space, RFC 9110 section 5.6.3.
#[inline]
pub const fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// `bytes` without white space at its ends.
#[inline]
pub fn trim(bytes: &[u8]) -> &[u8] {
    let (start, end) = trimmed(bytes, 0, bytes.len());
    &bytes[start..end]
}

/// The bounds of `bytes[start..end]` without white space at its ends.
#[inline]
pub(super) fn trimmed(bytes: &[u8], mut start: usize, mut end: usize) -> (usize, usize) {
    while start < end && is_blank(bytes[start]) {
        start += 1;
    }
    while start < end && is_blank(bytes[end - 1]) {
        end -= 1;
    }
    (start, end)
}

/// The value of one hexadecimal digit.
#[inline]
pub const fn hex_value(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// What may not stand in a field value: a control byte that is not a tab.
#[inline]
const fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

#[inline]
fn class_end(bytes: &[u8], from: usize, class: u8) -> usize {
    let mut at = from;
    while at < bytes.len() && CLASSES[bytes[at] as usize] & class != 0 {
        at += 1;
    }
    at
}

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let byte = index as u8;
        let mut class = 0;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            class |= UNRESERVED | TOKEN;
        }
        let sign = matches!(byte, b'!' | b'$' | b'%' | b'&' | b'*' | b'+' | b'^' | b'`' | b'|');
        if sign || byte == b'#' || byte == b'\'' {
            class |= TOKEN;
        }
        if byte.is_ascii_graphic() && byte != b'#' {
            class |= QUERY;
            if byte != b'?' {
                class |= PATH;
            }
        }
        if byte.is_ascii_hexdigit() {
            class |= HEX;
        }
        table[index] = class;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests;
