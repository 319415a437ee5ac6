//! The upstream side of a connection.

pub mod h1;
