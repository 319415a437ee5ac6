//! Blocks into field lists. Owns the dynamic table that the peer's encoder writes.

use super::HpackError;
use super::integer;
use super::known::{STATIC, STATIC_IDS, STATIC_LEN};
use super::table::Table;
use crate::proto::http1::FieldName;
use crate::proto::http2::fields::{FIELD_OVERHEAD_BYTES, FieldLimits, Fields};
use crate::proto::http2::huffman;

/// What became of a block that could be decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decoded {
    Whole,
    /// The list is above its limits: what was found up to there is in it, the rest is nowhere. The
    /// connection may go on, the message may not.
    TooLarge,
}

pub struct Decoder {
    table: Table,
    /// What our settings allow, once the peer has acknowledged them.
    allowed: usize,
    /// The lowest size allowed since the last block, when the table was larger: the next block has
    /// to begin with a size within it.
    due: Option<usize>,
}

/// The bits of a byte that starts a field, RFC 7541 section 6.
const INDEXED: u8 = 0x80;
const INDEXED_BITS: u32 = 7;
const ADDED: u8 = 0x40;
const ADDED_BITS: u32 = 6;
const SIZE_UPDATE: u8 = 0x20;
const SIZE_UPDATE_BITS: u32 = 5;
const PLAIN_BITS: u32 = 4;
const HUFFMAN: u8 = 0x80;
const LENGTH_BITS: u32 = 7;

const SIZE_UPDATES_MAX: usize = 2;

impl Decoder {
    pub const fn new(table_bytes_max: usize) -> Self {
        Self { table: Table::new(table_bytes_max), allowed: table_bytes_max, due: None }
    }

    /// The setting changed: to be called when the peer has acknowledged it.
    pub fn set_table_max(&mut self, table_bytes_max: usize) {
        self.allowed = table_bytes_max;
        if table_bytes_max < self.table.size_max() {
            self.due = Some(self.due.map_or(table_bytes_max, |due| due.min(table_bytes_max)));
        }
    }

    /// What the dynamic table takes, as RFC 7541 section 4.1 counts it.
    pub const fn table_bytes(&self) -> usize {
        self.table.size()
    }

    /// Decodes a whole block and appends what it says to `fields`. Also a list above its limits is
    /// read to its end, since the table goes on. For that `fields` may for a while take 8/5 of the
    /// block above its limits: who collects blocks bounds them.
    pub fn decode(
        &mut self,
        block: &[u8],
        fields: &mut Fields,
        limits: &FieldLimits,
    ) -> Result<Decoded, HpackError> {
        let mut rest = self.size_updates(block)?;
        let mut list = List { fields, limits, list_bytes: 0, full: false };
        while let Some(&first) = rest.first() {
            if first & INDEXED != 0 {
                let index = integer::decode(&mut rest, INDEXED_BITS)?;
                let (id, name, value) = self.entry(index)?;
                list.push(id, name, value);
            } else if first & ADDED != 0 {
                self.literal(&mut rest, ADDED_BITS, &mut list)?;
            } else if first & SIZE_UPDATE != 0 {
                return Err(HpackError::SizeMisplaced);
            } else {
                self.literal(&mut rest, PLAIN_BITS, &mut list)?;
            }
        }
        Ok(if list.full { Decoded::TooLarge } else { Decoded::Whole })
    }

    /// Size updates stand before all fields, and two can say all there is to be said: the lowest
    /// size since the last block, and the size that holds now. RFC 7541 section 4.2.
    fn size_updates<'a>(&mut self, block: &'a [u8]) -> Result<&'a [u8], HpackError> {
        let mut rest = block;
        for _ in 0..SIZE_UPDATES_MAX {
            match rest.first() {
                Some(first) if first & !full_mask(SIZE_UPDATE_BITS) == SIZE_UPDATE => {}
                _ => break,
            }
            let size = integer::decode(&mut rest, SIZE_UPDATE_BITS)?;
            if size > self.due.take().unwrap_or(self.allowed) {
                return Err(HpackError::SizeTooLarge);
            }
            self.table.resize(size);
        }
        if self.due.is_some() { Err(HpackError::SizeMissing) } else { Ok(rest) }
    }

    /// A field whose value, and perhaps whose name, stands in the block.
    fn literal(
        &mut self,
        rest: &mut &[u8],
        prefix_bits: u32,
        list: &mut List<'_>,
    ) -> Result<(), HpackError> {
        let index = integer::decode(rest, prefix_bits)?;
        let draft = list.fields.draft();
        let mut id = FieldName::Other;
        if index == 0 {
            string(rest, list.fields.draft_bytes())?;
        } else {
            let (known, name, _) = self.entry(index)?;
            list.fields.draft_bytes().extend_from_slice(name);
            id = known;
        }
        let name_end = list.fields.draft();
        string(rest, list.fields.draft_bytes())?;
        if prefix_bits == ADDED_BITS {
            let (name, value) = list.fields.draft_bytes()[draft..].split_at(name_end - draft);
            if index == 0 {
                // Looked up once, for all the times that the entry is named.
                id = number_of(name);
            }
            self.table.add(id, name, value);
        }
        list.keep(id, draft, name_end);
        Ok(())
    }

    #[inline]
    fn entry(&self, index: usize) -> Result<(FieldName, &[u8], &[u8]), HpackError> {
        let place = index.checked_sub(1).ok_or(HpackError::BadIndex)?;
        match STATIC.get(place) {
            Some((name, value)) => Ok((STATIC_IDS[place], name.as_bytes(), value.as_bytes())),
            None => {
                let age = place - STATIC_LEN;
                let (name, value) = self.table.recent(age).ok_or(HpackError::BadIndex)?;
                Ok((self.table.recent_id(age), name, value))
            }
        }
    }
}

/// Which name it is, if it is in lower case.
fn number_of(name: &[u8]) -> FieldName {
    Some(FieldName::parse(name))
        .filter(|found| found.as_str().as_bytes() == name)
        .unwrap_or_default()
}

/// A string literal, RFC 7541 section 5.2.
#[inline]
fn string(rest: &mut &[u8], out: &mut Vec<u8>) -> Result<(), HpackError> {
    let coded = rest.first().is_some_and(|first| first & HUFFMAN != 0);
    let length = integer::decode(rest, LENGTH_BITS)?;
    let (bytes, behind) = rest.split_at_checked(length).ok_or(HpackError::Truncated)?;
    *rest = behind;
    if coded {
        return huffman::decode(bytes, out).map_err(|_| HpackError::BadHuffman);
    }
    out.extend_from_slice(bytes);
    Ok(())
}

const fn full_mask(bits: u32) -> u8 {
    (1 << bits) - 1
}

/// The list that is filled, up to its limits.
struct List<'a> {
    fields: &'a mut Fields,
    limits: &'a FieldLimits,
    list_bytes: usize,
    full: bool,
}

impl List<'_> {
    /// Counts a field; false when the list has no room for it. Once full it stays so: a message
    /// with a hole in it would be another message.
    #[inline]
    fn takes(&mut self, bytes: usize) -> bool {
        self.list_bytes = self.list_bytes.saturating_add(bytes + FIELD_OVERHEAD_BYTES);
        self.full |= self.list_bytes > self.limits.list_bytes_max
            || self.fields.len() >= self.limits.fields_max;
        !self.full
    }

    #[inline]
    fn push(&mut self, id: FieldName, name: &[u8], value: &[u8]) {
        if self.takes(name.len() + value.len()) {
            self.fields.push_known(id, name, value);
        }
    }

    #[inline]
    fn keep(&mut self, id: FieldName, draft: usize, name_end: usize) {
        if self.takes(self.fields.draft() - draft) {
            self.fields.keep(id, draft, name_end);
        } else {
            self.fields.drop_draft(draft);
        }
    }
}

#[cfg(test)]
mod tests;
