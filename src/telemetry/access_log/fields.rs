//! Fields of a record that the configuration asks for: each a name and a value of JSON, one behind
//! the other.

/// Appends one. Names are short, and what is longer than a length can say is left out.
pub fn put(out: &mut Vec<u8>, name: &str, json: &[u8]) {
    if let (Ok(name_len), Ok(len)) = (u8::try_from(name.len()), u16::try_from(json.len())) {
        out.push(name_len);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&len.to_ne_bytes());
        out.extend_from_slice(json);
    }
}

/// All of them.
pub(super) fn of(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let (len, rest) = bytes.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(*len))?;
        let (len, rest) = rest.split_first_chunk()?;
        let (json, rest) = rest.split_at_checked(usize::from(u16::from_ne_bytes(*len)))?;
        bytes = rest;
        Some((name, json))
    })
}
