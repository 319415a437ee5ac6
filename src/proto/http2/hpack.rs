//! Header compression, RFC 7541: field blocks into field lists and back.
//!
//! A connection owns one `Decoder` and one `Encoder`; each has the dynamic table of its direction.
//! Every block of a connection must go through them, in order, also that of a message nobody wants.

mod decode;
mod encode;
mod integer;
mod known;
mod table;

pub use decode::{Decoded, Decoder};
pub use encode::{Encoder, Indexing};
pub use known::{Name, PseudoName};

/// Why a block cannot be decoded: always an error of the whole connection (COMPRESSION_ERROR),
/// since nobody knows the state of the dynamic table afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HpackError {
    /// The block ends inside a field.
    Truncated,
    /// An integer that no length, index or size can have.
    IntegerTooLarge,
    /// An index of 0, or of nothing that is in the tables.
    BadIndex,
    BadHuffman,
    /// A table size above the setting.
    SizeTooLarge,
    /// A size update that does not stand at the start of its block, or a third one.
    SizeMisplaced,
    /// The setting was lowered, and the block does not begin with a size within it: RFC 9113
    /// section 4.3.1.
    SizeMissing,
}

#[cfg(test)]
mod tests;
