//! What a right answer is: a fast wrong one is an error, never a fast answer.

use ring::digest::{Context, SHA256};

use super::Refusal;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    pub statuses: Statuses,
    pub body_bytes: Option<u64>,
    /// SHA-256 of the whole body.
    pub body_sha256: Option<[u8; 32]>,
    pub header: Option<HeaderCheck>,
}

/// Which statuses are right: all of 2xx, unless it is said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(Vec<(u16, u16)>);

/// A field that must be there, and contain this text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderCheck {
    /// In lower case.
    pub name: String,
    pub contains: String,
}

impl Default for Statuses {
    fn default() -> Self {
        Self(vec![(200, 299)])
    }
}

impl Statuses {
    /// `200`, `2xx`, `200-204`, separated by commas; `any` for all of them.
    ///
    /// # Errors
    /// Which part is none of these.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text == "any" {
            return Ok(Self(vec![(0, 999)]));
        }
        let part = |part: &str| {
            let whole = |text: &str| text.parse().ok().filter(|n| (100..=599).contains(n));
            let range = match part.split_once('-') {
                Some((from, to)) => whole(from).zip(whole(to)),
                None => match part.strip_suffix("xx").and_then(|class| class.parse().ok()) {
                    Some(class @ 1..=5) => Some((class * 100, class * 100 + 99)),
                    _ => whole(part).map(|status| (status, status)),
                },
            };
            range.filter(|(from, to)| from <= to).ok_or_else(|| {
                Refusal(format!("{part:?} is no status: write 200, 2xx, 200-204 or any"))
            })
        };
        text.split(',').map(|one| part(one.trim())).collect::<Result<_, _>>().map(Self)
    }

    pub fn has(&self, status: u16) -> bool {
        self.0.iter().any(|&(from, to)| (from..=to).contains(&status))
    }
}

impl Check {
    /// Whether bodies have to be looked at, and not only counted.
    pub fn reads_bodies(&self) -> bool {
        self.body_sha256.is_some()
    }
}

impl HeaderCheck {
    /// `NAME` or `NAME: TEXT`.
    ///
    /// # Errors
    /// That the name is none.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let (name, contains) = text.split_once(':').unwrap_or((text, ""));
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refusal(format!("{text:?} names no header: write NAME or NAME: TEXT")));
        }
        Ok(Self { name: name.to_ascii_lowercase(), contains: contains.trim().to_owned() })
    }

    pub fn holds(&self, value: &[u8]) -> bool {
        self.contains.is_empty() || memchr::memmem::find(value, self.contains.as_bytes()).is_some()
    }
}

/// A hash as 64 hexadecimal digits.
///
/// # Errors
/// That it is none.
pub fn parse_sha256(text: &str) -> Result<[u8; 32], Refusal> {
    let digit = |at: usize| text.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    let mut hash = [0; 32];
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = digit(index * 2)
            .filter(|_| text.len() == 64)
            .ok_or_else(|| Refusal(format!("{text:?} is no SHA-256: 64 hexadecimal digits")))?;
    }
    Ok(hash)
}

/// The hash of a body that comes in pieces.
#[derive(Clone)]
pub struct BodyHash(Context);

impl Default for BodyHash {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl BodyHash {
    pub fn push(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    pub fn is(self, expected: &[u8; 32]) -> bool {
        self.0.finish().as_ref() == expected
    }
}

#[cfg(test)]
mod tests;
