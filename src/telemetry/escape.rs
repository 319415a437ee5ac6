//! Text that came from outside, made safe to print: a hostile path cannot end a value, forge a
//! field or a line, nor break the JSON around it. Each escaping is reversible. Owns no state.

/// A value inside the quotes of a Prometheus label.
pub(crate) fn label(out: &mut String, value: &str) {
    for symbol in value.chars() {
        match symbol {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}

/// A value of a `key=value` line: as it is when no reader can misread it, else quoted, with every
/// byte that is not printable ASCII as `\xNN`. (Bytes above 127 are not text by any rule of HTTP,
/// and a terminal may obey some of them.)
pub(crate) fn text(out: &mut Vec<u8>, value: &[u8]) {
    if !value.is_empty() && value.iter().all(|byte| PLAIN[usize::from(*byte)]) {
        return out.extend_from_slice(value);
    }
    out.push(b'"');
    for byte in value {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            b' '..=b'~' => out.push(*byte),
            other => out.extend([b'\\', b'x', hex(other >> 4), hex(other & 15)]),
        }
    }
    out.push(b'"');
}

/// A JSON string with its quotes. Bytes above 127 become U+0080 to U+00FF, as ISO 8859-1 reads
/// them: no other byte sequence gives the same string.
pub(crate) fn json(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    if value.iter().all(|byte| PLAIN[usize::from(*byte)]) {
        out.extend_from_slice(value);
    } else {
        for byte in value {
            match byte {
                b'"' | b'\\' => out.extend([b'\\', *byte]),
                b' '..=b'~' => out.push(*byte),
                other => {
                    out.extend(b"\\u00");
                    out.extend([hex(other >> 4), hex(other & 15)]);
                }
            }
        }
    }
    out.push(b'"');
}

const fn hex(digit: u8) -> u8 {
    b"0123456789abcdef"[digit as usize]
}

/// Bytes that need neither quotes nor escapes in a text line. `=` may stand in a value, as it does
/// in every query: a reader splits at the first one.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        plain[byte as usize] = !matches!(byte, b'"' | b'\\');
        byte += 1;
    }
    plain
};

#[cfg(test)]
mod tests;
