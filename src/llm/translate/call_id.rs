//! Ids of calls: a signature that travels at the end of one, and ids that a provider takes.

use std::borrow::Cow;

/// What stands in an id between what it was and the signature.
const MARK: &str = "__thought__";

/// The id, and the signature that came with it.
pub(super) fn split(mut id: String) -> (String, Option<String>) {
    let Some(at) = id.find(MARK).filter(|at| at + MARK.len() < id.len()) else { return (id, None) };
    let signature = id.split_off(at + MARK.len());
    id.truncate(at);
    (id, Some(signature))
}

/// An id for the call at that place of an answer, where the provider gave none.
pub(super) fn or_made(id: &str, index: usize, seed: u64) -> Cow<'_, str> {
    match id {
        "" => Cow::Owned(format!("call_{seed:016x}{index:04x}")),
        id => Cow::Borrowed(id),
    }
}

/// The id as the caller is told it.
pub(super) fn join<'a>(id: &'a str, signature: Option<&str>) -> Cow<'a, str> {
    match signature {
        Some(signature) if !signature.is_empty() => Cow::Owned(format!("{id}{MARK}{signature}")),
        _ => Cow::Borrowed(id),
    }
}

/// The id as it is, where it is short enough and has no other characters; else one made of it, the
/// same for the same.
pub(super) fn fit(id: &str, bytes_max: usize, fits: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !id.is_empty() && id.len() <= bytes_max && id.chars().all(&fits) {
        return Cow::Borrowed(id);
    }
    let end = format!("_{:016x}", hash(id.as_bytes()));
    let mut fitting: String = id.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    let mut len = fitting.len().min(bytes_max.saturating_sub(end.len()));
    while !fitting.is_char_boundary(len) {
        len -= 1;
    }
    fitting.truncate(len);
    Cow::Owned(fitting + &end)
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_travels_in_an_id() {
        let told = join("call_1", Some("AbC=")).into_owned();
        assert_eq!(told, "call_1__thought__AbC=");
        assert_eq!(split(told), ("call_1".into(), Some("AbC=".into())));
        assert_eq!(join("call_1", None), "call_1");
        assert_eq!(or_made("call_1", 2, 7), "call_1");
        assert_eq!(or_made("", 2, 7), "call_00000000000000070002");
        for plain in ["", "call_1", "call_1__thought__"] {
            assert_eq!(split(plain.into()), (plain.into(), None));
        }
    }

    #[test]
    fn ids_are_made_to_fit() {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert_eq!(fit("a-1", 32, fits), "a-1");
        for id in ["", "a/1", "a.1", &"é".repeat(40), &"x".repeat(33)] {
            let made = fit(id, 32, fits).into_owned();
            assert!(made.len() <= 32 && made.chars().all(|c| fits(c) || c == '_'), "{made}");
            assert_eq!(made, fit(id, 32, fits));
        }
        assert_ne!(fit("a/1", 32, fits), fit("a.1", 32, fits));
    }
}
