//! Blobs: what a model seals is text in other dialects and bytes in this one, which is base64 on
//! the wire. Bytes that are no text stay as they are on the wire, with a mark before them.

/// The text of a blob.
pub(super) fn read(wire: &str) -> String {
    let text = decode(wire).and_then(|bytes| String::from_utf8(bytes).ok());
    text.unwrap_or_else(|| format!("{MARK}{wire}"))
}

/// The blob of a text.
pub(super) fn write(text: &str) -> String {
    match text.strip_prefix(MARK) {
        Some(wire) => wire.to_owned(),
        None => encode(text.as_bytes()),
    }
}

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * place)) as usize & 63];
            out.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// `None`: it is no base64, padded as it must be.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let letters = text.strip_suffix('=').unwrap_or(text);
    let letters = letters.strip_suffix('=').unwrap_or(letters);
    let mut out = Vec::with_capacity(letters.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in letters.bytes() {
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(six)) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const MARK: &str = "bedrock:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_blobs_come_back() {
        assert_eq!((encode(b"fo").as_str(), encode(b"foo").as_str()), ("Zm8=", "Zm9v"));
        for text in
            ["", "f", "fo", "foo", "gAAAA-_é", "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl"]
        {
            assert_eq!(read(&write(text)), text);
        }
        for wire in ["/w==", "gIGC", "not base64", "Zg=", "===="] {
            assert_eq!(write(&read(wire)), wire);
        }
    }
}
