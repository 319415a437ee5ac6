//! Streamed answers of OpenAI's chat completions.

mod chunk;
mod read;
mod write;

pub use read::Reader;
pub use write::Writer;
