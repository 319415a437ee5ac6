//! The upstream side of a connection.

pub mod h1;
pub mod h2;
pub mod waiters;
