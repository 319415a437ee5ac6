//! Names and ids that a provider does not take as they are, made to fit: the same one always to the
//! same, so that nothing has to be remembered but what the answer needs.

use std::borrow::Cow;

use super::Caller;

/// What a provider is told that takes letters, digits, `_` and `-`, so many at most.
pub(super) fn name(name: &str, len_max: usize) -> Cow<'_, str> {
    if name.len() <= len_max && !name.is_empty() && name.bytes().all(is_plain) {
        return Cow::Borrowed(name);
    }
    let plain = |byte: u8| if is_plain(byte) { char::from(byte) } else { '_' };
    let mut told: String = name.bytes().map(plain).take(len_max - HASH_LEN - 1).collect();
    told.push_str(&format!("_{:08x}", fold(hash(name.as_bytes()))));
    Cow::Owned(told)
}

/// The same of a tool, which an answer may call: the caller's own name is put down.
pub(super) fn tool<'a>(own: &'a str, len_max: usize, caller: &mut Caller) -> Cow<'a, str> {
    let told = name(own, len_max);
    if let Cow::Owned(told) = &told {
        caller.renamed.push((told.clone(), own.to_owned()));
    }
    told
}

/// Two hashes in one: what is cut off is still told apart.
pub(super) fn digest(text: &str) -> String {
    let first = hash(text.as_bytes());
    format!("{first:016x}{:016x}", text.bytes().fold(first, step))
}

/// An id out of a seed.
pub(super) fn made(prefix: &str, seed: u64, place: usize) -> String {
    format!("{prefix}{seed:016x}{place:04x}")
}

/// Takes the signature off an id that ends with one.
pub(super) fn unsigned(mut id: String) -> (String, Option<String>) {
    let Some(at) = id.find(SIGNED) else { return (id, None) };
    let signature = id[at + SIGNED.len()..].to_owned();
    id.truncate(at);
    (id, Some(signature))
}

/// An id that ends with a signature.
pub(super) fn signed<'a>(id: &'a str, signature: Option<&str>) -> Cow<'a, str> {
    match signature {
        None => Cow::Borrowed(id),
        Some(signature) => Cow::Owned(format!("{id}{SIGNED}{signature}")),
    }
}

/// The offset of 64-bit FNV-1a. Nothing that an enemy could gain depends on it.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().copied().fold(0xcbf2_9ce4_8422_2325, step)
}

fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

fn fold(hash: u64) -> u32 {
    let bytes = hash.to_le_bytes();
    let half =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    half(0) ^ half(4)
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

const SIGNED: &str = "__thought__";
const HASH_LEN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays() {
        let mut caller = Caller::default();
        assert_eq!(tool("get_weather-2", 64, &mut caller), "get_weather-2");
        assert!(caller.renamed.is_empty());
    }

    #[test]
    fn what_does_not_is_told_apart_and_called_back() {
        let mut caller = Caller::default();
        let long = "mcp__".repeat(20);
        for own in [long.as_str(), "a.b", "a:b", "", "wetter_für_morgen"] {
            let told = tool(own, 64, &mut caller).into_owned();
            assert!(told.len() <= 64 && !told.is_empty() && told.bytes().all(is_plain), "{told}");
            assert_eq!(told, name(own, 64), "the same to the same");
            assert_eq!(caller.tool(&told), own);
        }
        assert_ne!(name("a.b", 64), name("a:b", 64));
    }

    #[test]
    fn signatures_come_off_again() {
        let id = signed("call_1", Some("c2ln")).into_owned();
        assert_eq!(id, "call_1__thought__c2ln");
        assert_eq!(unsigned(id), ("call_1".to_owned(), Some("c2ln".to_owned())));
        assert_eq!(unsigned("call_1".to_owned()), ("call_1".to_owned(), None));
    }
}
