//! The listening sockets of all binds: one per bind and worker, opened here, handed to the workers.
//!
//! Control keeps a copy of each, so that a reload that does not touch a bind does not touch its
//! sockets either. A copy is closed *before* a worker is told to close its own: the kernel queues
//! connections on a socket as long as anybody holds it, and then nobody would accept them.
//!
//! How a socket is opened is `net`'s, given as a function. Owned by the control loop.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use crate::base::id::{BindId, WorkerId};
use crate::bus::BindSocket;

/// A bind of a snapshot, as far as opening it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    pub id: BindId,
    /// As in metrics and logs: `bind/8080`.
    pub name: String,
    pub address: SocketAddr,
}

/// Opens that many listening sockets in one SO_REUSEPORT group; `net::listen` in the product.
pub type Open<'a> = &'a mut dyn FnMut(&Bind, Group) -> io::Result<Vec<OwnedFd>>;

/// What is to be opened for a bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    pub sockets: usize,
    /// Fail when somebody listens there already: SO_REUSEPORT alone would let a second process of
    /// the same user join in and take half of the connections. Not asked for when it is this
    /// process that does, on the way from one address to another of the same port.
    pub alone: bool,
}

#[derive(Debug, Default)]
pub struct Listening {
    open: BTreeMap<Key, Held>,
    /// Of the version that is being published: what it opened, and which binds it keeps.
    fresh: BTreeMap<Key, Held>,
    wanted: Vec<Key>,
}

/// Workers know their sockets by the name of the bind, and a socket keeps its address.
type Key = (String, SocketAddr);

#[derive(Debug)]
struct Held {
    /// As bound: the port is not 0.
    address: SocketAddr,
    /// By worker; none for one that is gone.
    sockets: Vec<Option<OwnedFd>>,
}

impl Listening {
    /// Opens what `binds` need and is not open yet, for each worker that lives. The sockets are
    /// given by worker; all that is wrong is said at once, a line each, and then nothing is kept.
    pub fn prepare(
        &mut self,
        binds: &[Bind],
        alive: &[bool],
        open: Open<'_>,
    ) -> Result<Vec<Vec<BindSocket>>, Vec<String>> {
        self.abort();
        let mut sockets: Vec<Vec<BindSocket>> =
            std::iter::repeat_with(Vec::new).take(alive.len()).collect();
        let mut wrong = Vec::new();
        for bind in binds {
            let key = (bind.name.clone(), bind.address);
            if !self.open.contains_key(&key) {
                match self.open_bind(bind, alive, &mut sockets, open) {
                    Ok(held) => drop(self.fresh.insert(key.clone(), held)),
                    Err(error) => wrong.push(complaint(bind, &error)),
                }
            }
            self.wanted.push(key);
        }
        if wrong.is_empty() {
            return Ok(sockets);
        }
        self.abort();
        Err(wrong)
    }

    /// All workers have their sockets: those of binds that are no more are closed here, before the
    /// workers are told.
    pub fn commit(&mut self) {
        let wanted = std::mem::take(&mut self.wanted);
        self.open.append(&mut self.fresh);
        self.open.retain(|key, _| wanted.contains(key));
    }

    /// What was prepared is not published.
    pub fn abort(&mut self) {
        self.fresh.clear();
        self.wanted.clear();
    }

    /// The workers are about to stop accepting.
    pub fn close(&mut self) {
        self.abort();
        self.open.clear();
    }

    /// A worker is gone: its sockets leave the groups, so that no connection is queued for it.
    pub fn close_worker(&mut self, worker: WorkerId) {
        for held in self.open.values_mut().chain(self.fresh.values_mut()) {
            held.sockets[worker.index()] = None;
        }
    }

    /// Name and address of each open bind.
    pub fn addresses(&self) -> Vec<(&str, SocketAddr)> {
        self.open.iter().map(|((name, _), held)| (name.as_str(), held.address)).collect()
    }

    fn open_bind(
        &self,
        bind: &Bind,
        alive: &[bool],
        sockets: &mut [Vec<BindSocket>],
        open: Open<'_>,
    ) -> io::Result<Held> {
        let ours = |held: &Held| held.address.port() == bind.address.port();
        let alone = !self.open.values().chain(self.fresh.values()).any(ours);
        let living = alive.iter().filter(|alive| **alive).count();
        let mut opened = open(bind, Group { sockets: living, alone })?.into_iter();
        let mut held = Held { address: bind.address, sockets: Vec::new() };
        let mut copies = Vec::new();
        for alive in alive {
            let socket = if *alive { opened.next() } else { None };
            let listener = socket.map(TcpListener::from);
            if let Some(listener) = &listener {
                held.address = listener.local_addr()?;
            }
            copies.push(listener.as_ref().map(TcpListener::try_clone).transpose()?);
            held.sockets.push(listener.map(OwnedFd::from));
        }
        // Only now that nothing can fail: a worker gets a socket of every bind or of none.
        for (copy, sockets) in copies.into_iter().zip(sockets) {
            let socket = copy.map(|copy| BindSocket { bind: bind.id, socket: copy.into() });
            sockets.extend(socket);
        }
        Ok(held)
    }
}

fn complaint(bind: &Bind, error: &io::Error) -> String {
    let Bind { name, address, .. } = bind;
    format!("cannot listen on {address} (bind `{name}`): {}", explain(error, address.port()))
}

/// The reason of a failed bind, and what to do about it.
pub fn explain(error: &io::Error, port: u16) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("address in use; which process: ss -ltnp 'sport = :{port}'")
        }
        io::ErrorKind::PermissionDenied if port < 1024 => {
            "permission denied; ports below 1024 need CAP_NET_BIND_SERVICE".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "no interface of this host has that address".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
