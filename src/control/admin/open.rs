//! Opens the addresses of the admin, metrics and readiness servers.
//!
//! `localhost` is both loopback addresses, as far as the host has them. An unspecified IPv6
//! address becomes the IPv4 one where IPv6 is off. A taken port is an error of one line.

use std::fs::{self, Permissions};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use super::serve::Door;
use crate::config::scalar::Address;
use crate::control::inherit::{Inherited, Key};
use crate::control::listen::explain;

/// What listens for one server, and its address as announced; none when it is off.
#[derive(Debug, Default)]
pub struct Opened {
    pub doors: Vec<Door>,
    pub address: Option<String>,
}

impl Opened {
    /// Copies of what listens, for a process that takes over from this one.
    pub fn copies(&self, key: &Key) -> io::Result<Vec<(Key, OwnedFd)>> {
        let copy = |door: &Door| {
            let socket = match door {
                Door::Tcp(listener) => listener.as_fd(),
                Door::Unix(listener) => listener.as_fd(),
            };
            Ok((key.clone(), socket.try_clone_to_owned()?))
        };
        self.doors.iter().map(copy).collect()
    }
}

/// `what` is the key of the configuration, for the message. Within a tokio runtime.
pub fn open(
    what: &str,
    address: &Address,
    ipv6: bool,
    inherited: &mut Inherited,
) -> Result<Opened, String> {
    let given = inherited.of_server(&Key::new(what, address), address);
    if !given.is_empty() {
        return adopt(address, given).map_err(|error| refusal(what, address, &error.to_string()));
    }
    let port = match address {
        Address::Localhost(port) => *port,
        Address::Socket(socket) => socket.port(),
        Address::Off | Address::Unix(_) => 0,
    };
    let opened = match address {
        Address::Off => return Ok(Opened::default()),
        Address::Localhost(port) => localhost(*port, ipv6),
        Address::Socket(socket) => any_family(*socket, ipv6).map(|listener| vec![listener]),
        Address::Unix(path) => {
            return unix(path).map_err(|error| refusal(what, address, &error.to_string()));
        }
    };
    let opened = opened.and_then(|listeners| {
        let first = listeners.first().map(TcpListener::local_addr).transpose()?;
        let doors = listeners.into_iter().map(door).collect::<io::Result<_>>()?;
        Ok(Opened { doors, address: first.map(|address| address.to_string()) })
    });
    opened.map_err(|error| refusal(what, address, &explain(&error, port)))
}

/// What another process opened.
fn adopt(address: &Address, given: Vec<OwnedFd>) -> io::Result<Opened> {
    let mut opened = Opened::default();
    for socket in given {
        let listener = TcpListener::from(socket);
        let at = match address {
            Address::Unix(path) => {
                let listener = UnixListener::from(OwnedFd::from(listener));
                listener.set_nonblocking(true)?;
                opened.doors.push(Door::Unix(tokio::net::UnixListener::from_std(listener)?));
                format!("unix:{}", path.display())
            }
            _ => {
                let at = listener.local_addr()?;
                opened.doors.push(door(listener)?);
                at.to_string()
            }
        };
        opened.address.get_or_insert(at);
    }
    Ok(opened)
}

fn refusal(what: &str, address: &Address, why: &str) -> String {
    format!("cannot listen on {address} (`{what}`): {why}")
}

fn door(listener: TcpListener) -> io::Result<Door> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener).map(Door::Tcp)
}

fn localhost(port: u16, ipv6: bool) -> io::Result<Vec<TcpListener>> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    if !ipv6 {
        return Ok(vec![first?]);
    }
    let chosen = match &first {
        Ok(listener) => listener.local_addr()?.port(),
        Err(error) if absent(error) => port,
        Err(_) => return Ok(vec![first?]),
    };
    match (first, TcpListener::bind((Ipv6Addr::LOCALHOST, chosen))) {
        (Ok(first), Ok(second)) => Ok(vec![first, second]),
        (Ok(only), Err(error)) if absent(&error) || port == 0 => Ok(vec![only]),
        (Err(_), Ok(only)) => Ok(vec![only]),
        (_, Err(error)) => Err(error),
    }
}

fn any_family(address: SocketAddr, ipv6: bool) -> io::Result<TcpListener> {
    if address.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        return TcpListener::bind(address);
    }
    let fallback = || TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port()));
    if !ipv6 {
        return fallback();
    }
    match TcpListener::bind(address) {
        Err(error) if absent(&error) => fallback(),
        bound => bound,
    }
}

/// The host does not have this address family, or not this address of it.
fn absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}

fn unix(path: &Path) -> io::Result<Opened> {
    let listener = match UnixListener::bind(path) {
        // A file without a listener is what an earlier process left behind.
        Err(error)
            if error.kind() == io::ErrorKind::AddrInUse && UnixStream::connect(path).is_err() =>
        {
            fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        bound => bound?,
    };
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    let door = Door::Unix(tokio::net::UnixListener::from_std(listener)?);
    Ok(Opened { doors: vec![door], address: Some(format!("unix:{}", path.display())) })
}

#[cfg(test)]
mod tests;
