//! HTTP/2, RFC 9113: frames, header compression and the rules of a message, without a socket.
//!
//! `Connection` is the engine of one connection in either role: bytes in, events and bytes out. It
//! owns streams, windows and budgets, and allocates nothing per frame or stream once it has seen
//! the load it carries. Field blocks go through it as they are, complete and bounded: whoever
//! drives it decodes them (`hpack`) and translates them from and to HTTP/1.1 text (`message`).

pub mod carry;
pub mod connection;
pub mod error;
pub mod fields;
pub mod flood;
pub mod flow;
pub mod frame;
mod history;
pub mod hpack;
pub mod huffman;
mod ids;
pub mod message;
pub mod preface;
pub mod settings;
mod stream;
mod streams;

pub use connection::{Advanced, Connection, Event, HeadKind, Refused};
pub use error::{ConnectionError, ErrorCode, Reason};
pub use flood::Flood;
pub use settings::{PeerSettings, Settings};

/// Which side of the connection we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Server,
    Client,
}

/// Names one stream. `slot` is small and reused, so that a driver can keep what it knows of a stream
/// in a `Vec`; `id` tells one stream of a slot from the next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StreamKey {
    pub id: u32,
    pub slot: u32,
}

#[cfg(test)]
mod tests;
