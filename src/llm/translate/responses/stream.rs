//! Streamed answers of OpenAI's Responses.

mod read;
mod told;
mod write;

pub use read::Reader;
pub use write::Writer;
