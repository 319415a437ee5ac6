//! Lines out of the text of a head that our own encoder wrote. Owns no state.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::proto::http1::FieldName;
use crate::proto::http2::hpack::Name;
use crate::proto::scan;

/// Behind the empty line that ends the head at the start of `bytes`.
#[inline]
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(EMPTY_LINE));
    FINDER.find(bytes).map(|at| at + EMPTY_LINE.len())
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

    /// A line whose name is one that we know, and ends as our encoder ends lines. Nothing is lost
    /// where there is none.
    #[inline]
    fn known(&mut self) -> Option<(Name<'a>, &'a [u8])> {
        let text = self.rest;
        let (id, colon) = FieldName::recognise(text)?;
        let end = scan::value_end(text, colon + 1);
        self.rest = text.get(end..)?.strip_prefix(b"\r\n")?;
        Some((Name::with_id(&text[..colon], id), scan::trim(&text[colon + 1..end])))
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (Name<'a>, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(field) = self.known() {
            return Some(field);
        }
        loop {
            let (line, rest) = split_line(self.rest)?;
            if line.is_empty() {
                return None;
            }
            self.rest = rest;
            // The strict parser has seen that what stands before a colon is a token.
            if let Some(colon @ 1..) = line.iter().position(|&byte| byte == b':') {
                return Some((Name::of(&line[..colon]), scan::trim(&line[colon + 1..])));
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

/// With the end of the line before it.
const EMPTY_LINE: &[u8] = b"\n\r\n";

#[cfg(test)]
mod tests;
