//! The dynamic table of one direction, RFC 7541 sections 2.3.2 and 4.
//!
//! All entries stand in one block of bytes, oldest first: what is added goes to its end, what is
//! evicted leaves at its front, and when the front half is empty the rest moves down. So an entry
//! is always one slice, nothing is allocated for it, and a byte is moved about once in its life.
//! An unused table has no block.

use std::collections::VecDeque;

use crate::proto::http1::FieldName;
use crate::proto::http2::fields::FIELD_OVERHEAD_BYTES;

pub(super) struct Table {
    bytes: Vec<u8>,
    /// Where the oldest entry starts.
    start: usize,
    /// Oldest first.
    entries: VecDeque<Entry>,
    /// Entries ever added: an entry keeps its number while its index grows.
    added: u32,
    /// As RFC 7541 section 4.1 counts it.
    size: usize,
    size_max: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Counted from the first byte that was ever added, modulo 2^32.
    at: u32,
    name_len: u32,
    value_len: u32,
    /// Which name it is, where that is known: in lower case then.
    id: FieldName,
}

impl Table {
    pub(super) const fn new(size_max: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, entries: VecDeque::new(), added: 0, size: 0, size_max }
    }

    pub(super) const fn size_max(&self) -> usize {
        self.size_max
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }

    pub(super) fn resize(&mut self, size_max: usize) {
        self.size_max = size_max;
        self.make_room(0);
        if size_max == 0 {
            *self = Self { added: self.added, ..Self::new(0) };
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entry so many places behind the newest, which has 0.
    #[inline]
    pub(super) fn recent(&self, age: usize) -> Option<(&[u8], &[u8])> {
        let place = self.entries.len().checked_sub(age + 1)?;
        let entry = self.entries[place];
        let oldest = self.entries[0];
        let at = self.start + entry.at.wrapping_sub(oldest.at) as usize;
        let name_end = at + entry.name_len as usize;
        let end = name_end + entry.value_len as usize;
        Some((&self.bytes[at..name_end], &self.bytes[name_end..end]))
    }

    /// Which name the entry has.
    #[inline]
    pub(super) fn recent_id(&self, age: usize) -> FieldName {
        let place = self.entries.len().checked_sub(age + 1);
        place.map_or(FieldName::Other, |place| self.entries[place].id)
    }

    /// The number that the next entry gets.
    #[inline]
    pub(super) const fn next_number(&self) -> u32 {
        self.added
    }

    /// How many places the entry of that number is behind the newest; its slot may be long gone.
    #[inline]
    pub(super) const fn age_of(&self, number: u32) -> usize {
        self.added.wrapping_sub(number).wrapping_sub(1) as usize
    }

    /// Adds an entry, and evicts the oldest until it fits. One that is larger than the table
    /// empties it and is not added, RFC 7541 section 4.4. Returns whether it was added.
    pub(super) fn add(&mut self, id: FieldName, name: &[u8], value: &[u8]) -> bool {
        let size = name.len() + value.len() + FIELD_OVERHEAD_BYTES;
        self.make_room(size);
        if size > self.size_max {
            return false;
        }
        if self.entries.is_empty() {
            self.bytes.clear();
            self.start = 0;
        } else if self.start > self.size_max / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        let at = match self.entries.back() {
            Some(last) => last.at.wrapping_add(last.name_len).wrapping_add(last.value_len),
            None => 0,
        };
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value);
        let (name_len, value_len) = (name.len() as u32, value.len() as u32);
        self.entries.push_back(Entry { at, name_len, value_len, id });
        self.added = self.added.wrapping_add(1);
        self.size += size;
        true
    }

    /// Evicts until `size` more is within the bound, or nothing is left.
    fn make_room(&mut self, size: usize) {
        while self.size + size > self.size_max
            && let Some(oldest) = self.entries.pop_front()
        {
            let bytes = (oldest.name_len + oldest.value_len) as usize;
            self.start += bytes;
            self.size -= bytes + FIELD_OVERHEAD_BYTES;
        }
    }
}

#[cfg(test)]
mod tests;
