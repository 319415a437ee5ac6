//! Wakes a worker from another thread: an eventfd whose readiness is awaited on the worker's ring.
//! The runtime's own cross-thread wakers are switched off, since they cost every turn of the loop.

use std::io;
use std::os::fd::OwnedFd;

use monoio::net::TcpStream;

use super::stream::poll_only;

/// The worker's end.
pub struct Doorbell {
    poll: TcpStream,
}

impl Doorbell {
    /// `event` is the worker's own copy of the eventfd, non-blocking.
    ///
    /// # Errors
    /// What registering the descriptor with the runtime says.
    pub fn new(event: OwnedFd) -> io::Result<Self> {
        Ok(Self { poll: poll_only(event)? })
    }

    /// Waits until it is rung. Whoever empties the mailbox behind it silences it.
    ///
    /// # Errors
    /// What polling the descriptor says.
    pub async fn rung(&self) -> io::Result<()> {
        self.poll.readable(false).await
    }
}
