//! Requests of OpenAI's Responses.

mod items;
mod read;
mod tools;
mod write;

pub(super) use items::thinking;
pub use read::read;
pub use write::write;
