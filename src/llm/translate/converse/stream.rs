//! Streamed answers of Bedrock's Converse: frames of AWS's event streams.

mod read;
mod write;

pub use read::Reader;
pub use write::Writer;
