//! Opens a connection to an endpoint, with its socket options set before and a deadline. The
//! runtime's own connect has neither, and resolves names on the worker.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::deadline::{Action, Wheel};
use super::socket::{self, Keepalive, RawAddress};
use super::stream::Stream;

/// Where an endpoint is, in the kernel's form, made once at load.
#[derive(Clone)]
pub struct Address {
    raw: RawAddress,
    is_inet: bool,
}

impl Address {
    pub fn inet(address: SocketAddr) -> Self {
        Self { raw: RawAddress::inet(address), is_inet: true }
    }

    /// # Errors
    /// `InvalidInput` for a path that no Unix socket can have.
    pub fn unix(path: &Path) -> io::Result<Self> {
        Ok(Self { raw: RawAddress::unix(path)?, is_inet: false })
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub enum ConnectError {
    /// Nobody answered in time.
    Slow,
    /// Refused, unreachable, or descriptors used up.
    Failed(io::Error),
}

/// # Errors
/// See `ConnectError`.
pub async fn connect(
    address: &Address,
    keepalive: Option<&Keepalive>,
    limit: Duration,
    wheel: &Rc<Wheel>,
) -> Result<Stream, ConnectError> {
    let begun = begin(address, keepalive, wheel).map_err(ConnectError::Failed)?;
    let (stream, connected) = begun;
    if connected {
        return Ok(stream);
    }
    stream.deadline().set(wheel.clock().now(), limit, Action::EndBoth);
    let waited = stream.writable().await;
    let result = waited.and_then(|()| socket::take_error(stream.fd()));
    if stream.deadline().fired() {
        return Err(ConnectError::Slow);
    }
    stream.deadline().clear();
    result.map(|()| stream).map_err(ConnectError::Failed)
}

fn begin(
    address: &Address,
    keepalive: Option<&Keepalive>,
    wheel: &Rc<Wheel>,
) -> io::Result<(Stream, bool)> {
    let socket = socket::stream_for(&address.raw)?;
    if address.is_inet {
        socket::set_nodelay(socket.as_raw_fd())?;
        if let Some(keepalive) = keepalive {
            socket::set_keepalive(socket.as_raw_fd(), keepalive)?;
        }
    }
    let connected = match socket::connect(socket.as_raw_fd(), &address.raw) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock && address.is_inet => false,
        // A Unix socket whose queue is full says EAGAIN, and there is nothing to wait for.
        Err(error) => return Err(error),
    };
    Ok((Stream::adopt(socket, wheel)?, connected))
}

#[cfg(test)]
mod tests;
