//! Streamed answers of Anthropic's Messages.

mod read;
mod write;

pub use read::Reader;
pub use write::Writer;
