//! Requests of OpenAI's chat completions.

mod read;
mod said;
mod tools;
mod write;
mod written;

pub use read::read;
pub use write::write;
