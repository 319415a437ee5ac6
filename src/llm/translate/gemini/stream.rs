//! Streamed answers of Google's generateContent: a row of answers, each with what is new.

mod read;
mod write;

pub use read::Reader;
pub use write::Writer;
