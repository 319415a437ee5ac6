//! Anthropic's Messages.

pub mod fault;
pub mod generation;
pub mod prompt;
pub mod stream;
