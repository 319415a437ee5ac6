//! HTTP connections: `proto` and `net` joined. Knows how a message is read and written on either
//! side; knows no route and no policy. A connection's state is owned by its task.

pub mod body;
pub mod bulk;
pub mod client;
pub mod coded;
pub mod coders;
pub mod error;
pub mod exchange;
pub mod gathered;
pub mod reply;
pub mod server;
pub mod tee;
pub mod transfer;
pub mod watched;

pub use body::Body;
pub use error::Broke;
pub use exchange::Exchange;

use std::time::Duration;

use crate::proto::http1::HeadLimits;

/// How much and how long a message may take; from the configuration, the same for a whole bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub head: HeadLimits,
    /// From the first byte of a head to its last.
    pub header: Duration,
    /// Between two requests of a connection.
    pub idle: Duration,
    /// Without a byte of a body.
    pub read: Duration,
    /// Without a byte taken by the peer.
    pub write: Duration,
    /// Requests of one connection; the last is answered with `Connection: close`.
    pub requests_max: u32,
    /// Bytes of an unread request body that are thrown away to keep a connection, and the time
    /// that a closing connection is listened to so that its last answer is not destroyed.
    pub linger_bytes_max: usize,
    pub linger: Duration,
    /// Without a byte either way through a tunnel.
    pub tunnel_idle: Duration,
    /// From its begin to the last request that a connection takes.
    pub connection: Option<Duration>,
}
