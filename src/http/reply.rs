//! `Reply`: a response that the proxy makes itself.

mod shape;

pub use shape::Shape;

use crate::base::buffer::Buffer;
use crate::proto::http1::encode;

/// Status, fields and body of an answer of our own. Borrowed from a table or from the snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    pub status: u16,
    /// Encoded lines, each with its line end: `Content-Type`, `Location`, `Retry-After`.
    pub fields: &'a [u8],
    pub body: &'a [u8],
}

impl Reply<'_> {
    /// Writes the whole message. `date` and `connection` are encoded field lines. A reply to HEAD
    /// has no body, and says how long it would be; 204 and 304 have none and do not say. A length
    /// among `fields` is left as it is.
    pub fn encode(&self, out: &mut Buffer, date: &[u8], connection: &[u8], to_head: bool) {
        encode::status_line(out, self.status);
        out.put(date);
        out.put(self.fields);
        let bodiless = matches!(self.status, 204 | 304);
        if !bodiless && !has_length(self.fields) {
            encode::content_length(out, self.body.len() as u64);
        }
        out.put(connection);
        out.put(b"\r\n");
        if !to_head && !bodiless {
            out.put(self.body);
        }
    }
}

fn has_length(fields: &[u8]) -> bool {
    const NAME: &[u8] = b"content-length:";
    fields
        .split(|byte| *byte == b'\n')
        .any(|line| line.len() >= NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME))
}

#[cfg(test)]
mod tests;
