//! The listening sockets of all binds: one per bind and worker, opened here, handed to the workers.
//!
//! Control keeps a copy of each, so that a reload that does not touch a bind does not touch its
//! sockets either. A copy is closed *before* a worker is told to close its own: the kernel queues
//! connections on a socket as long as anybody holds it, and then nobody would accept them.
//!
//! How a socket is opened is `net`'s, given as a function. Sockets that another process opened go
//! before those (`Inherited`): all of them, however many workers there are. Owned by the control
//! loop.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use super::inherit::{self, Inherited};
use crate::base::id::{BindId, WorkerId};
use crate::bus::BindSocket;
use crate::net::listen;

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
    /// They are to join sockets that another process opened, and do not listen yet: who connected
    /// to one would be reset if nothing came of it.
    pub join: bool,
}

#[derive(Debug, Default)]
pub struct Listening {
    open: BTreeMap<Key, Held>,
    /// What another process opened, for the first configuration to take from.
    inherited: Inherited,
    /// Of the version that is being published: what it opened, and which binds it keeps.
    fresh: BTreeMap<Key, Held>,
    wanted: Vec<Key>,
}

/// Workers know their sockets by the name of the bind, and a socket keeps its address.
type Key = (String, SocketAddr);

fn inherited_key(key: &Key) -> inherit::Key {
    inherit::Key::new(&key.0, key.1)
}

#[derive(Debug)]
struct Held {
    /// As bound: the port is not 0.
    address: SocketAddr,
    /// By worker; none for one that is gone, several where another process had more workers.
    sockets: Vec<Vec<OwnedFd>>,
}

impl Listening {
    pub fn inheriting(inherited: Inherited) -> Self {
        Self { inherited, ..Self::default() }
    }

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
        for socket in self.fresh.values().flat_map(|held| held.sockets.iter().flatten()) {
            // Those that joined a group begin here; to the others it is nothing new.
            if let Err(error) = listen::begin(socket) {
                tracing::error!("a socket cannot listen: {error}");
            }
        }
        self.open.append(&mut self.fresh);
        self.open.retain(|key, _| wanted.contains(key));
    }

    /// The first configuration is served: closes what it did not ask for, and says what that is;
    /// and what it did.
    pub fn settle(&mut self) -> (Vec<String>, Vec<inherit::Key>) {
        let inherited = &mut self.inherited;
        (inherited.finish(), inherited.taken().to_vec())
    }

    /// A copy of each socket with what it is for, in the order of the workers.
    pub fn copies(&self) -> io::Result<Vec<(inherit::Key, OwnedFd)>> {
        let mut copies = Vec::new();
        for (key, held) in &self.open {
            for socket in held.sockets.iter().flatten() {
                copies.push((inherited_key(key), socket.try_clone()?));
            }
        }
        Ok(copies)
    }

    /// The names of those binds that `keys` are of.
    pub fn names_of(&self, keys: &[inherit::Key]) -> Vec<String> {
        let kept = self.open.keys().filter(|key| keys.contains(&inherited_key(key)));
        kept.map(|(name, _)| name.clone()).collect()
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
            held.sockets[worker.index()].clear();
        }
    }

    /// Name and address of each open bind.
    pub fn addresses(&self) -> Vec<(&str, SocketAddr)> {
        self.open.iter().map(|((name, _), held)| (name.as_str(), held.address)).collect()
    }

    fn open_bind(
        &mut self,
        bind: &Bind,
        alive: &[bool],
        sockets: &mut [Vec<BindSocket>],
        open: Open<'_>,
    ) -> io::Result<Held> {
        let key = (bind.name.clone(), bind.address);
        let given = self.inherited.of_bind(&inherited_key(&key), bind.address);
        let ours = |held: &Held| held.address.port() == bind.address.port();
        let alone = !self.open.values().chain(self.fresh.values()).any(ours);
        let living = alive.iter().filter(|alive| **alive).count();
        let opened = if given.is_empty() {
            open(bind, Group { sockets: living, alone, join: false })?
        } else {
            complete(bind, given, living, open)?
        };
        let workers: Vec<usize> = (0..alive.len()).filter(|worker| alive[*worker]).collect();
        let mut held = Held { address: bind.address, sockets: Vec::new() };
        held.sockets.resize_with(alive.len(), Vec::new);
        let mut copies = Vec::new();
        for (socket, worker) in opened.into_iter().zip(workers.iter().copied().cycle()) {
            let listener = TcpListener::from(socket);
            held.address = listener.local_addr()?;
            copies.push((worker, listener.try_clone()?));
            held.sockets[worker].push(listener.into());
        }
        // Only now that nothing can fail: a worker gets a socket of every bind or of none.
        for (worker, copy) in copies {
            sockets[worker].push(BindSocket { bind: bind.id, socket: copy.into() });
        }
        Ok(held)
    }
}

/// At least as many sockets as there are workers: others beside those that were given, or the same
/// ones for several workers where nobody may join their group. None is left out, so that nobody in
/// its queue is.
fn complete(
    bind: &Bind,
    mut given: Vec<OwnedFd>,
    workers: usize,
    open: Open<'_>,
) -> io::Result<Vec<OwnedFd>> {
    let missing = workers.saturating_sub(given.len());
    if missing == 0 {
        return Ok(given);
    }
    let first = TcpListener::from(given[0].try_clone()?);
    let bound = Bind { address: first.local_addr()?, ..bind.clone() };
    match open(&bound, Group { sockets: missing, alone: false, join: true }) {
        Ok(more) => given.extend(more),
        Err(error) => {
            tracing::info!("workers share the sockets of `{}`: {error}", bind.name);
            for place in 0..missing {
                given.push(given[place].try_clone()?);
            }
        }
    }
    Ok(given)
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
