//! Fields into blocks. Owns the dynamic table that the peer's decoder follows.
//!
//! Compresses what repeats: a field that was sent before costs a byte or two. What is not likely to
//! come again stays out of the table, and what is secret never enters one.

use super::integer;
use super::known::{Name, PseudoName, STATIC_LEN, static_field};
use super::table::Table;
use crate::limits::{HPACK_TABLE_BYTES, HUFFMAN_FROM_BYTES, HUFFMAN_ONCE_FROM_BYTES};
use crate::proto::http1::FieldName;
use crate::proto::http2::huffman;

/// What becomes of a field that no table has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Indexing {
    /// As its name suggests.
    ByName,
    /// It enters the dynamic table.
    Add,
    /// It does when it comes for the second time.
    Repeated,
    /// It does not.
    Plain,
    /// It does not, nor may it anywhere behind the peer: RFC 7541 section 7.1.3.
    Never,
    /// `Plain`, or `Never` when it is so short that it could be guessed.
    UnlessShort,
}

pub struct Encoder {
    table: Table,
    /// Made when the first field is to be looked for.
    slots: Option<Box<Slots>>,
    /// The sizes that the next block has to begin with: the lowest since the last one, and whether
    /// there was any.
    lowest: Option<usize>,
    /// For names that are to be written in lower case.
    scratch: Vec<u8>,
}

/// Where fields may be: by a hash, one place each, so that a field can be missed but not mistaken.
struct Slots {
    /// Numbers of table entries, by name and value.
    fields: [u32; FIELD_SLOTS],
    /// Numbers of table entries, by name.
    names: [u32; NAME_SLOTS],
    /// Hashes of fields that were sent once and are not in the table.
    seen: [u32; SEEN_SLOTS],
}

const FIELD_SLOTS: usize = 128;
const NAME_SLOTS: usize = 64;
const SEEN_SLOTS: usize = 128;
/// A larger field would drive too much out of the table.
const INDEXED_BYTES_MAX: usize = HPACK_TABLE_BYTES / 4;
/// Below it a value can be tried byte by byte, if only it were in a table.
const GUESSABLE_BYTES_MAX: usize = 20;

const PATH_INDEXED_BYTES_MAX: usize = 128;

const INDEXED: u8 = 0x80;
/// In the static table.
const STATUS_200: usize = 8;
const INDEXED_BITS: u32 = 7;
const ADDED: u8 = 0x40;
const ADDED_BITS: u32 = 6;
const SIZE_UPDATE: u8 = 0x20;
const SIZE_UPDATE_BITS: u32 = 5;
const NEVER: u8 = 0x10;
const PLAIN: u8 = 0x00;
const PLAIN_BITS: u32 = 4;
const HUFFMAN: u8 = 0x80;
const LENGTH_BITS: u32 = 7;
const NAME_BYTES_KEPT: usize = 256;

impl Encoder {
    pub const fn new() -> Self {
        let table = Table::new(HPACK_TABLE_BYTES);
        Self { table, slots: None, lowest: None, scratch: Vec::new() }
    }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE. No more than `HPACK_TABLE_BYTES` of it is used.
    pub fn set_table_max(&mut self, allowed_bytes: usize) {
        let size = allowed_bytes.min(HPACK_TABLE_BYTES);
        if size != self.table.size_max() {
            self.table.resize(size);
            self.lowest = Some(self.lowest.map_or(size, |lowest| lowest.min(size)));
        }
    }

    /// Starts a block: says what became of the table's size, RFC 7541 section 4.2.
    #[inline]
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        let Some(lowest) = self.lowest.take() else { return };
        let size = self.table.size_max();
        if lowest < size {
            integer::encode(lowest, SIZE_UPDATE_BITS, SIZE_UPDATE, out);
        }
        integer::encode(size, SIZE_UPDATE_BITS, SIZE_UPDATE, out);
    }

    /// `:status`.
    pub fn status(&mut self, status: u16, out: &mut Vec<u8>) {
        debug_assert!((100..1000).contains(&status), "a status has three digits");
        let digit = |unit: u16| b'0' + (status / unit % 10) as u8;
        let digits = [digit(100), digit(10), digit(1)];
        if digits == *b"200" {
            return integer::encode(STATUS_200, INDEXED_BITS, INDEXED, out);
        }
        self.pseudo(PseudoName::Status, &digits, out);
    }

    /// A pseudo-header field.
    #[inline]
    pub fn pseudo(&mut self, pseudo: PseudoName, value: &[u8], out: &mut Vec<u8>) {
        self.named(Name::pseudo(pseudo), value, Indexing::ByName, out);
    }

    /// `:path`. One without a query is likely to come again, where an interface is called by it;
    /// a query is not, and may have secrets.
    pub fn path(&mut self, path: &[u8], out: &mut Vec<u8>) {
        let repeats = path.len() <= PATH_INDEXED_BYTES_MAX && !path.contains(&b'?');
        let indexing = if repeats { Indexing::Repeated } else { Indexing::Plain };
        self.named(Name::pseudo(PseudoName::Path), path, indexing, out);
    }

    /// Appends one field. The name may be in any case, and goes out in lower case.
    #[inline]
    pub fn field(&mut self, name: &[u8], value: &[u8], indexing: Indexing, out: &mut Vec<u8>) {
        self.named(Name::of(name), value, indexing, out);
    }

    /// The same with a name that has been looked up.
    pub fn named(&mut self, name: Name<'_>, value: &[u8], indexing: Indexing, out: &mut Vec<u8>) {
        let Some(known) = name.known else {
            return self.unknown(name.written, value, indexing, out);
        };
        if let Some(index) = static_field(known, value) {
            return integer::encode(index, INDEXED_BITS, INDEXED, out);
        }
        let indexing = if indexing == Indexing::ByName { known.indexing } else { indexing };
        let index = usize::from(known.index);
        let name = TableName { text: known.name.as_bytes(), hash: known.hash, index };
        self.dynamic(&name, value, indexing, out);
    }

    /// A field whose name is none of ours: worth its place when it comes again.
    fn unknown(&mut self, name: &[u8], value: &[u8], indexing: Indexing, out: &mut Vec<u8>) {
        let indexing = match indexing {
            Indexing::ByName => Indexing::Repeated,
            told => told,
        };
        if !name.iter().any(u8::is_ascii_uppercase) {
            return self.dynamic(&TableName::unknown(name), value, indexing, out);
        }
        let mut lower = std::mem::take(&mut self.scratch);
        lower.clear();
        lower.shrink_to(NAME_BYTES_KEPT);
        lower.extend(name.iter().map(u8::to_ascii_lowercase));
        self.dynamic(&TableName::unknown(&lower), value, indexing, out);
        self.scratch = lower;
    }

    /// A field that the static table does not have whole.
    fn dynamic(
        &mut self,
        name: &TableName<'_>,
        value: &[u8],
        indexing: Indexing,
        out: &mut Vec<u8>,
    ) {
        let text = name.text;
        let adds = matches!(indexing, Indexing::Add | Indexing::Repeated)
            && text.len() + value.len() <= INDEXED_BYTES_MAX
            && self.table.size_max() > 0;
        if !adds {
            let never = indexing == Indexing::Never
                || (indexing == Indexing::UnlessShort && value.len() < GUESSABLE_BYTES_MAX);
            let pattern = if never { NEVER } else { PLAIN };
            return literal(pattern, PLAIN_BITS, text, self.name_index(name), value, out);
        }
        let hash = hash(name.hash, value);
        let slots = self.slots.get_or_insert_with(Slots::new);
        let age = self.table.age_of(slots.fields[hash as usize % FIELD_SLOTS]);
        if self.table.recent(age) == Some((text, value)) {
            return integer::encode(STATIC_LEN + 1 + age, INDEXED_BITS, INDEXED, out);
        }
        let seen = &mut slots.seen[hash as usize % SEEN_SLOTS];
        let tag = (hash >> u32::BITS) as u32;
        if indexing == Indexing::Repeated && std::mem::replace(seen, tag) != tag {
            return literal(PLAIN, PLAIN_BITS, text, self.name_index(name), value, out);
        }
        literal(ADDED, ADDED_BITS, text, self.name_index(name), value, out);
        self.add(name, value, hash);
    }

    /// Adds a field that was just written.
    fn add(&mut self, name: &TableName<'_>, value: &[u8], hash: u64) {
        let number = self.table.next_number();
        if self.table.add(FieldName::Other, name.text, value)
            && let Some(slots) = &mut self.slots
        {
            slots.fields[hash as usize % FIELD_SLOTS] = number;
            slots.names[name.hash as usize % NAME_SLOTS] = number;
        }
    }

    /// The index by which a name can be told, or 0.
    #[inline]
    fn name_index(&self, name: &TableName<'_>) -> usize {
        let Some(slots) = self.slots.as_ref().filter(|_| name.index == 0) else {
            return name.index;
        };
        let age = self.table.age_of(slots.names[name.hash as usize % NAME_SLOTS]);
        match self.table.recent(age) {
            Some((found, _)) if found == name.text => STATIC_LEN + 1 + age,
            _ => 0,
        }
    }
}

/// A name in lower case, as the tables know it.
struct TableName<'a> {
    text: &'a [u8],
    hash: u64,
    /// In the static table, or 0.
    index: usize,
}

impl<'a> TableName<'a> {
    fn unknown(text: &'a [u8]) -> Self {
        Self { text, hash: hash(0, text), index: 0 }
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Slots {
    fn new() -> Box<Self> {
        Box::new(Self { fields: [0; FIELD_SLOTS], names: [0; NAME_SLOTS], seen: [0; SEEN_SLOTS] })
    }
}

/// A literal field, RFC 7541 section 6.2, with the name by its index or, at 0, in full.
fn literal(
    pattern: u8,
    prefix_bits: u32,
    name: &[u8],
    index: usize,
    value: &[u8],
    out: &mut Vec<u8>,
) {
    integer::encode(index, prefix_bits, pattern, out);
    // What enters the table is coded once for many times.
    let from = if pattern == ADDED { HUFFMAN_FROM_BYTES } else { HUFFMAN_ONCE_FROM_BYTES };
    if index == 0 {
        string(name, from, out);
    }
    string(value, from, out);
}

fn string(text: &[u8], coded_from: usize, out: &mut Vec<u8>) {
    if text.len() >= coded_from {
        let coded_bytes = huffman::coded_bytes(text);
        if coded_bytes < text.len() {
            integer::encode(coded_bytes, LENGTH_BITS, HUFFMAN, out);
            return huffman::encode(text, out);
        }
    }
    integer::encode(text.len(), LENGTH_BITS, 0, out);
    out.extend_from_slice(text);
}

/// Eight bytes a step. Good enough to spread, and nothing depends on it: what is found is compared.
#[inline]
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(FACTOR);
        (product as u64) ^ (product >> u64::BITS) as u64
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = mixed(seed, bytes.len() as u64 + 1);
    for word in words {
        hash = mixed(hash, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mixed(hash, u64::from_le_bytes(last))
}

#[cfg(test)]
mod tests;
