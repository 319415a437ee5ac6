//! Listening sockets that somebody else opened: the process that this one takes over from, or
//! systemd (socket activation). What asks for a socket takes its own from here first, and opens one
//! only where nothing was given.
//!
//! It refuses to serve what nobody asked for: what is left over is closed. That costs nobody a
//! connection while the other process holds it too.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use serde::{Deserialize, Serialize};

use crate::config::scalar::Address;
use crate::limits::GIVEN_SOCKETS_MAX;
use crate::net::{rights, socket};

/// What a socket is for: who asked for it (`bind/8080`, `adminAddr`), and at what address, as it
/// was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    pub name: String,
    pub address: String,
}

impl Key {
    pub fn new(name: &str, address: impl ToString) -> Self {
        Self { name: name.to_owned(), address: address.to_string() }
    }
}

/// Sockets that wait for who asks for them.
#[derive(Debug, Default)]
pub struct Inherited {
    /// Of another process of ours, which says what each is for. One key may have several.
    known: Vec<(Key, OwnedFd)>,
    /// Of systemd: with the name that its unit gives it.
    given: Vec<(String, OwnedFd)>,
    taken: Vec<Key>,
}

impl Inherited {
    pub fn from_process(known: Vec<(Key, OwnedFd)>) -> Self {
        Self { known, ..Self::default() }
    }

    /// Those that `sd_listen_fds(3)` would find. Called once, at the start.
    pub fn from_systemd() -> Self {
        let variable = |name| std::env::var(name).unwrap_or_default();
        if variable("LISTEN_PID") != std::process::id().to_string() {
            return Self::default();
        }
        let count = variable("LISTEN_FDS").parse::<usize>().unwrap_or(0).min(GIVEN_SOCKETS_MAX);
        let names = variable("LISTEN_FDNAMES");
        let names = names.split(':').chain(std::iter::repeat("unknown"));
        let mut given = Vec::new();
        for (fd, name) in (FIRST_GIVEN..).zip(names).take(count) {
            match rights::take(fd) {
                Ok(socket) if socket::is_listening(socket.as_raw_fd()) => {
                    given.push((name.to_owned(), socket));
                }
                Ok(_) => tracing::warn!("`{name}` of systemd is no socket that listens"),
                Err(error) => tracing::warn!("`{name}` of systemd cannot be used: {error}"),
            }
        }
        Self { given, ..Self::default() }
    }

    /// The sockets of a bind: for its name and address, or at its address, or of its name.
    pub fn of_bind(&mut self, key: &Key, address: SocketAddr) -> Vec<OwnedFd> {
        self.take(key, |at| at == Some(address))
    }

    /// The sockets of one of control's servers.
    pub fn of_server(&mut self, key: &Key, address: &Address) -> Vec<OwnedFd> {
        self.take(key, |at| match (address, at) {
            (Address::Socket(socket), Some(at)) => at == *socket,
            (Address::Localhost(port), Some(at)) => at.ip().is_loopback() && at.port() == *port,
            _ => false,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.given.is_empty()
    }

    /// What was asked for, and so is held by this process from now on.
    pub fn taken(&self) -> &[Key] {
        &self.taken
    }

    /// Nobody else will ask: closes what is left, and says what that is.
    pub fn finish(&mut self) -> Vec<String> {
        let known = self.known.drain(..).map(|(key, _)| key.name);
        let names = known.chain(self.given.drain(..).map(|(name, _)| name));
        let mut names: Vec<String> = names.collect();
        names.dedup();
        names
    }

    fn take(&mut self, key: &Key, is_at: impl Fn(Option<SocketAddr>) -> bool) -> Vec<OwnedFd> {
        let known = self.known.extract_if(.., |(known, _)| known == key);
        let mut found: Vec<OwnedFd> = known.map(|(_, socket)| socket).collect();
        let is_its = |(name, socket): &mut (String, OwnedFd)| {
            let at = socket::local_address(socket.as_fd().as_raw_fd()).ok().flatten();
            *name == key.name || is_at(at)
        };
        found.extend(self.given.extract_if(.., is_its).map(|(_, socket)| socket));
        if !found.is_empty() {
            self.taken.push(key.clone());
        }
        found
    }
}

/// `SD_LISTEN_FDS_START`.
const FIRST_GIVEN: i32 = 3;

#[cfg(test)]
mod tests;
