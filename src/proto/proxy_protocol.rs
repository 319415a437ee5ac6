//! The PROXY protocol, versions 1 and 2: who the client of a connection was before a balancer in
//! front took it (HAProxy, "The PROXY protocol"). Read strictly, written in the one form there is.
//!
//! Refuses a header that is cut, too long or not in normal form: two ports with a leading zero, or
//! two spaces, are two readings. Owns no state.

mod v1;
mod v2;

use std::net::SocketAddr;

use super::Parsed;
use crate::base::buffer::Buffer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// Which versions a listener takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accepted {
    V1,
    #[default]
    V2,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub version: Version,
    pub origin: Origin,
    /// Bytes of the header: the connection's own begin behind them.
    pub len: usize,
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The balancer speaks for itself (a health check): the addresses of the socket hold.
    Local,
    /// A client of a kind without addresses that we know (a Unix socket, or not told): as for
    /// `Local`, the addresses of the socket are all there is.
    Unknown,
    Client {
        source: SocketAddr,
        destination: SocketAddr,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyError {
    /// The bytes are no header of a version that is taken here. An optional header is absent.
    NotProxy,
    /// More bytes than a header may have.
    Oversized,
    /// A version 1 line that is not in the specification's form.
    BadLine,
    BadAddress,
    BadPort,
    /// A version 2 header of another version or with another command.
    BadCommand,
    /// A family or transport that does not exist, or is not for streams.
    BadFamily,
    /// Lengths that do not fit into each other.
    BadLength,
    /// A version 2 header that was damaged on its way, as it says itself.
    BadChecksum,
}

/// Reads the header at the front of `input`.
///
/// # Errors
/// Why this is none.
pub fn parse(input: &[u8], accepted: Accepted) -> Result<Parsed<Header>, ProxyError> {
    let one = accepted != Accepted::V2;
    let two = accepted != Accepted::V1;
    if one && begins(input, v1::SIGNATURE) {
        v1::parse(input)
    } else if two && begins(input, v2::SIGNATURE) {
        v2::parse(input)
    } else {
        Err(ProxyError::NotProxy)
    }
}

/// Appends a header that says who the client is.
pub fn encode(version: Version, source: SocketAddr, destination: SocketAddr, out: &mut Buffer) {
    let (source, destination) = alike(source, destination);
    match version {
        Version::V1 => v1::encode(source, destination, out),
        Version::V2 => v2::encode(source, destination, out),
    }
}

/// Appends a header for a connection of our own, such as a health check.
pub fn encode_local(version: Version, out: &mut Buffer) {
    match version {
        Version::V1 => out.put(v1::UNKNOWN),
        Version::V2 => v2::encode_local(out),
    }
}

/// Does `input` begin like `signature`, as far as it goes?
fn begins(input: &[u8], signature: &[u8]) -> bool {
    input.iter().zip(signature).all(|(a, b)| a == b)
}

/// Both addresses of a header are of one family. IPv4 that was mapped into IPv6 by a socket that
/// takes both is written as the IPv4 that it is.
fn alike(source: SocketAddr, destination: SocketAddr) -> (SocketAddr, SocketAddr) {
    let plain = |at: SocketAddr| SocketAddr::new(at.ip().to_canonical(), at.port());
    match (plain(source), plain(destination)) {
        (a, b) if a.is_ipv4() == b.is_ipv4() => (a, b),
        (a, b) => (mapped(a), mapped(b)),
    }
}

fn mapped(at: SocketAddr) -> SocketAddr {
    match at {
        SocketAddr::V4(v4) => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
        SocketAddr::V6(_) => at,
    }
}

#[cfg(test)]
mod tests;
