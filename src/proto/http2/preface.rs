//! The client's connection preface, RFC 9113 section 3.4. Owns no state.

pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Match {
    Yes,
    No,
    /// All bytes so far are those of the preface.
    SoFar,
}

/// Does a connection that starts with `input` speak HTTP/2 by prior knowledge? No HTTP/1 request
/// starts so: `PRI` is reserved for it.
pub fn matches(input: &[u8]) -> Match {
    let seen = input.len().min(PREFACE.len());
    match input[..seen] == PREFACE[..seen] {
        false => Match::No,
        true if seen == PREFACE.len() => Match::Yes,
        true => Match::SoFar,
    }
}

#[cfg(test)]
mod tests;
