//! Requests of Anthropic's Messages.

mod format;
mod model;
mod read;
mod said;
mod tools;
mod write;
mod written;

pub use read::read;
pub use write::write;
