//! Wire formats as pure functions and state machines: bytes in, bytes out.
//!
//! Nothing here knows a socket, a clock or a configuration; nothing allocates per message. What a
//! peer sends ends in a value or in a `ParseError`, never in a panic.

pub mod aws_sigv4;
pub mod client_hello;
pub mod coding;
pub mod event_stream;
pub mod header;
pub mod http1;
pub mod http2;
pub mod json_scan;
pub mod proxy_protocol;
pub mod scan;
pub mod uri;

/// What was made of the first bytes of a connection, by a parser that reads them all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed<T> {
    Complete(T),
    /// More bytes are needed, and the answer will not depend on how they come.
    Partial,
}

#[cfg(test)]
mod wire_tests;
