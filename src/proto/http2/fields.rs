//! `Fields`: the names and values of one message, in one block of bytes that is used again.
//!
//! Knows nothing of what a field means: whatever a decoder found is kept, in its order.

use crate::limits::{
    FIELD_LINES_KEPT, FIELD_LINES_MAX, FIELD_LIST_BYTES_KEPT, FIELD_LIST_BYTES_MAX,
};
use crate::proto::http1::FieldName;

/// A field list. Owned by whoever reads messages, cleared between them.
#[derive(Default)]
pub struct Fields {
    bytes: Vec<u8>,
    ends: Vec<Ends>,
}

/// The bounds of one field list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldLimits {
    /// Each field counts with its name, its value and `FIELD_OVERHEAD_BYTES`.
    pub list_bytes_max: usize,
    pub fields_max: usize,
}

impl Default for FieldLimits {
    fn default() -> Self {
        Self { list_bytes_max: FIELD_LIST_BYTES_MAX, fields_max: FIELD_LINES_MAX }
    }
}

/// What a field counts beyond its bytes, in a list as in a dynamic table: RFC 7541 section 4.1.
pub const FIELD_OVERHEAD_BYTES: usize = 32;

/// Where a field ends; it begins where the one before it ends.
#[derive(Clone, Copy)]
struct Ends {
    name: u32,
    value: u32,
    id: FieldName,
}

impl Fields {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Which name each has, its name and its value, in the order in which they came. A number says
    /// that the name is that one, in lower case; `Other` says nothing about it.
    #[inline]
    pub fn known(&self) -> impl Iterator<Item = (FieldName, &[u8], &[u8])> + Clone {
        self.iter().zip(&self.ends).map(|((name, value), ends)| (ends.id, name, value))
    }

    /// Names and values, in the order in which they came.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |ends| {
            let (name_end, end) = (ends.name as usize, ends.value as usize);
            let field = (&self.bytes[start..name_end], &self.bytes[name_end..end]);
            start = end;
            field
        })
    }

    /// Forgets everything but the room, and of that what is far more than usual.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        if self.bytes.capacity() > FIELD_LIST_BYTES_KEPT {
            self.bytes.shrink_to(FIELD_LIST_BYTES_KEPT);
        }
        if self.ends.capacity() > FIELD_LINES_KEPT {
            self.ends.shrink_to(FIELD_LINES_KEPT);
        }
    }

    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.push_known(FieldName::Other, name, value);
    }

    #[inline]
    pub(super) fn push_known(&mut self, id: FieldName, name: &[u8], value: &[u8]) {
        let draft = self.draft();
        self.bytes.extend_from_slice(name);
        let name_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.keep(id, draft, name_end);
    }

    /// Where a field that is being written begins.
    #[inline]
    pub(super) fn draft(&self) -> usize {
        self.bytes.len()
    }

    /// Where the bytes of a draft are written: the name, then the value.
    #[inline]
    pub(super) fn draft_bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The draft is a field; its name ends at `name_end`.
    #[inline]
    pub(super) fn keep(&mut self, id: FieldName, draft: usize, name_end: usize) {
        debug_assert!(draft <= name_end && name_end <= self.bytes.len(), "a name, then a value");
        self.ends.push(Ends { name: name_end as u32, value: self.bytes.len() as u32, id });
    }

    /// The draft is none.
    #[inline]
    pub(super) fn drop_draft(&mut self, draft: usize) {
        self.bytes.truncate(draft);
    }
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        out.debug_map().entries(self.iter().map(|(name, value)| (text(name), text(value)))).finish()
    }
}

#[cfg(test)]
mod tests;
