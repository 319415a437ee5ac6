//! Signatures: Gemini's of calls, which other dialects carry in the id of the call, and others',
//! which callers of Gemini carry as bytes.

/// What stands in an id between what it was and the signature.
const MARK: &str = "__thought__";

/// The id and the signature that came with it.
pub(super) fn split(id: &str) -> (&str, Option<&str>) {
    match id.split_once(MARK) {
        Some((id, signature)) if !signature.is_empty() => (id, Some(signature)),
        _ => (id, None),
    }
}

pub(super) fn join(id: &str, signature: &str) -> String {
    format!("{id}{MARK}{signature}")
}

/// What a provider keeps secret of a thought, as a caller of Gemini may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Signature,
    Sealed,
}

/// `thoughtSignature` is bytes: libraries decode it and write it in an alphabet of their own. What
/// is inside stays as it was.
pub(super) fn wrap(kind: Kind, text: &str) -> String {
    let head = match kind {
        Kind::Signature => SIGNATURE,
        Kind::Sealed => SEALED,
    };
    encode(&[head, text.as_bytes()].concat())
}

/// `None`: it is not of our making.
pub(super) fn unwrap(wrapped: &str) -> Option<(Kind, String)> {
    let bytes = decode(wrapped)?;
    let (kind, text) = match (bytes.strip_prefix(SIGNATURE), bytes.strip_prefix(SEALED)) {
        (Some(text), _) => (Kind::Signature, text),
        (_, Some(text)) => (Kind::Sealed, text),
        _ => return None,
    };
    Some((kind, str::from_utf8(text).ok()?.to_owned()))
}

fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let six = (bits >> (18 - 6 * place)) as usize & 63;
            out.push(if place <= group.len() { char::from(ALPHABET[six]) } else { '=' });
        }
    }
    out
}

/// Of either alphabet, padded or not.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text {
        let six = match byte {
            b'-' => 62,
            b'_' => 63,
            _ => ALPHABET.iter().position(|letter| letter == byte)? as u32,
        };
        bits = bits << 6 | six;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(out)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SIGNATURE: &[u8] = b"ringway:sign:";
const SEALED: &[u8] = b"ringway:seal:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_comes_back_from_either_alphabet() {
        for length in 0..9 {
            let secret: String = "~?>\u{7f}é+/_-".chars().cycle().take(length).collect();
            for kind in [Kind::Signature, Kind::Sealed] {
                let wrapped = wrap(kind, &secret);
                let web = wrapped.replace('+', "-").replace('/', "_");
                let back = Some((kind, secret.clone()));
                let bare = web.trim_end_matches('=');
                assert_eq!([unwrap(&wrapped), unwrap(&web), unwrap(bare)].each_ref(), [&back; 3]);
            }
        }
    }

    #[test]
    fn what_others_made_is_theirs() {
        for other in ["", "AAAA", "c3RhbmQtaW4=", "%%%", "skip_thought_signature_validator"] {
            assert_eq!(unwrap(other), None);
        }
    }

    #[test]
    fn a_signature_travels_in_an_id() {
        assert_eq!(split(&join("call_1", "AbC=")), ("call_1", Some("AbC=")));
        assert_eq!(split("call_1"), ("call_1", None));
        assert_eq!(split("call_1__thought__"), ("call_1__thought__", None));
    }
}
