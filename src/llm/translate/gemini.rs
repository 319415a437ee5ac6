//! Google's generateContent, of AI Studio and Vertex.

pub mod fault;
pub mod generation;
pub mod prompt;
pub mod stream;
