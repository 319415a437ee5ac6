//! Requests of Bedrock's Converse.

mod blocks;
mod extras;
mod read;
mod turns;
mod write;

pub(super) use blocks::read_blocks;
pub use read::read;
pub(super) use turns::{write_call, write_thinking};
pub use write::write;
