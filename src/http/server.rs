//! The client's side of a connection.

pub mod h1;
pub mod h2;
