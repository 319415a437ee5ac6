//! Lines out of the text of a head that our own encoder wrote. Owns no state.

use crate::proto::scan;

/// Behind the empty line that ends the head at the start of `bytes`.
#[inline]
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut ends = memchr::memchr_iter(b'\n', bytes);
    ends.find(|&at| bytes[at..].starts_with(b"\n\r\n")).map(|at| at + "\n\r\n".len())
}

/// The first line, without its end, and what follows it.
#[inline]
pub(super) fn start_line(head: &[u8]) -> Option<(&[u8], Lines<'_>)> {
    let (line, rest) = split_line(head)?;
    Some((line, Lines { rest }))
}

/// The fields of a head or of a trailer section, up to the empty line. What is no field line is
/// passed over.
#[derive(Clone)]
pub(super) struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    pub(super) const fn of(section: &'a [u8]) -> Self {
        Self { rest: section }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (line, rest) = split_line(self.rest)?;
            if line.is_empty() {
                return None;
            }
            self.rest = rest;
            // The strict parser has seen that what stands before a colon is a token.
            if let Some(colon @ 1..) = memchr::memchr(b':', line) {
                return Some((&line[..colon], scan::trim(&line[colon + 1..])));
            }
        }
    }
}

/// A line that has an end, without it.
#[inline]
fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', text)?;
    let line = &text[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &text[end + 1..]))
}

#[cfg(test)]
mod tests;
