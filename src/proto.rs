//! Wire formats as pure functions and state machines: bytes in, bytes out.
//!
//! Nothing here knows a socket, a clock or a configuration; nothing allocates per message. What a
//! peer sends ends in a value or in a `ParseError`, never in a panic.

pub mod header;
pub mod http1;
pub mod scan;
pub mod uri;
