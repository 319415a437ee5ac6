//! Requests of Google's generateContent.

mod read;
mod settings;
mod tools;
mod turns;
mod write;

pub use read::read;
pub(super) use read::{Request, take};
pub(super) use turns::media;
pub(super) use write::Body;
pub use write::write;
