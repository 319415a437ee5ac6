//! Listening sockets: opened by control, one for each bind and worker in one SO_REUSEPORT group,
//! and accepted from in batches on the worker.
//!
//! A poll and then `accept4` until there is nothing left: no accept operation is ever in flight, so
//! none can leak the socket it accepted or take a connection from a successor.

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use monoio::net::TcpStream;

use super::socket::{self, Keepalive, RawAddress};
use super::stream::poll_only;

/// How long the kernel's queue of connections not yet accepted may be; `somaxconn` bounds it too.
pub const BACKLOG: i32 = 65535;

/// Opens one listening socket for each of `count` workers. With port 0 the kernel picks a port for
/// the first, which the others share.
///
/// With `alone` a probe without SO_REUSEPORT comes first: with that, a second process of the same user would
/// join the group and silently take half of the connections.
///
/// # Errors
/// `AddrInUse` when anybody listens there already; else what the socket calls say.
pub fn open(address: SocketAddr, count: usize, options: &Options) -> io::Result<Vec<OwnedFd>> {
    if options.alone {
        refuse_taken(address)?;
    }
    let mut sockets = Vec::with_capacity(count);
    let mut address = address;
    for _ in 0..count {
        let socket = open_one(address, options)?;
        if address.port() == 0 {
            let bound = socket::local_address(socket.as_raw_fd())?;
            address.set_port(bound.map_or(0, |bound| bound.port()));
        }
        sockets.push(socket);
    }
    if !options.join {
        sockets.iter().try_for_each(begin)?;
    }
    Ok(sockets)
}

/// Begins to listen. A socket that does so already only gets its queue's length.
///
/// # Errors
/// `listen(2)`'s.
pub fn begin(socket: &OwnedFd) -> io::Result<()> {
    socket::listen(socket.as_raw_fd(), BACKLOG)
}

/// Makes a listening socket that another process opened like one of ours.
///
/// # Errors
/// What the calls say.
pub fn inherit(socket: BorrowedFd<'_>, options: &Options) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    socket::set_nonblocking(fd)?;
    socket::set_nodelay(fd)?;
    options.keepalive.as_ref().map_or(Ok(()), |keepalive| socket::set_keepalive(fd, keepalive))
}

/// What the connections of a bind inherit from its listening sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub keepalive: Option<Keepalive>,
    /// Fail when anybody listens there already, this process included.
    pub alone: bool,
    /// Not yet in the group: the kernel gives it connections once `begin` is called.
    pub join: bool,
}

fn refuse_taken(address: SocketAddr) -> io::Result<()> {
    if address.port() == 0 {
        return Ok(());
    }
    let raw = RawAddress::inet(address);
    let probe = socket::stream_for(&raw)?;
    socket::set_option(probe.as_raw_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    both_families(probe.as_raw_fd(), address)?;
    // It does not listen: who connected to it would be reset when it closes.
    socket::bind(probe.as_raw_fd(), &raw)
}

fn open_one(address: SocketAddr, options: &Options) -> io::Result<OwnedFd> {
    let raw = RawAddress::inet(address);
    let socket = socket::stream_for(&raw)?;
    let fd = socket.as_raw_fd();
    socket::set_reuse(fd)?;
    both_families(fd, address)?;
    // Both are inherited by what is accepted.
    socket::set_nodelay(fd)?;
    if let Some(keepalive) = &options.keepalive {
        socket::set_keepalive(fd, keepalive)?;
    }
    socket::bind(fd, &raw)?;
    Ok(socket)
}

/// `[::]` takes IPv4 too, whatever `net.ipv6.bindv6only` says.
fn both_families(fd: RawFd, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv6() {
        socket::set_only_v6(fd, !address.ip().is_unspecified())?;
    }
    Ok(())
}

/// One listening socket on its worker.
pub struct Acceptor {
    poll: TcpStream,
    fd: RawFd,
}

/// How a batch of accepts ended.
#[derive(Debug)]
pub enum Batch {
    /// Nothing is left in the queue.
    Empty,
    /// There may be more: the batch was full.
    More,
    /// Descriptors or memory are used up: wait before the next try, the queue keeps.
    Exhausted(io::Error),
    /// The socket no longer listens.
    Closed(io::Error),
}

impl Acceptor {
    /// # Errors
    /// What registering the socket with the runtime says.
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        let fd = socket.as_raw_fd();
        Ok(Self { poll: poll_only(socket)?, fd })
    }

    /// Waits until a connection is queued. May be dropped.
    ///
    /// # Errors
    /// What the poll says.
    pub async fn ready(&self) -> io::Result<()> {
        self.poll.readable(false).await
    }

    /// Takes no new connection from now on, and finishes those that are being opened: the first
    /// packet of a new one is dropped. So the queue can be emptied before the socket is closed, and
    /// nobody in it is reset. Who was dropped tries again in a second, and is refused then.
    ///
    /// # Errors
    /// What `setsockopt(2)` says; the socket is as it was.
    pub fn refuse_new(&self) -> io::Result<()> {
        const FLAGS_OFFSET: u32 = 13;
        const SYN: u32 = 0x02;
        let statement = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
        let mut program = [
            statement(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, FLAGS_OFFSET),
            statement(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, 1, SYN),
            statement(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
            statement(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
        ];
        let length = program.len() as u16;
        let filter = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
        // SAFETY: the kernel copies a program of four statements, which outlives the call.
        socket::check(unsafe {
            libc::setsockopt(
                self.fd,
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                (&raw const filter).cast(),
                size_of::<libc::sock_fprog>() as libc::socklen_t,
            )
        })
        .map(drop)
    }

    /// Closes at once. Left to the runtime, the socket would take connections until the next turn
    /// of the loop, and reset them.
    pub fn close(self) {
        // SAFETY: the descriptor is taken out of the runtime's hands, and closed once.
        unsafe { libc::close(self.poll.into_raw_fd()) };
    }

    /// Accepts up to `most` queued connections.
    pub fn accept(&self, most: usize, mut each: impl FnMut(OwnedFd, Option<SocketAddr>)) -> Batch {
        for _ in 0..most {
            match self.accept_one() {
                Ok((socket, peer)) => each(socket, peer),
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN) => return Batch::Empty,
                    // The peer was gone before it was accepted, or a signal came: the next one.
                    Some(
                        libc::EINTR
                        | libc::ECONNABORTED
                        | libc::EPROTO
                        | libc::ENETDOWN
                        | libc::ENOPROTOOPT
                        | libc::EHOSTDOWN
                        | libc::ENONET
                        | libc::EHOSTUNREACH
                        | libc::ENETUNREACH
                        | libc::EPERM,
                    ) => {}
                    Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
                        return Batch::Exhausted(error);
                    }
                    _ => return Batch::Closed(error),
                },
            }
        }
        Batch::More
    }

    fn accept_one(&self) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
        let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
        let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        // SAFETY: the storage takes any address, and its length is given.
        let fd = socket::check(unsafe {
            libc::accept4(
                self.fd,
                storage.as_mut_ptr().cast(),
                &raw mut length,
                libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
            )
        })?;
        // SAFETY: the descriptor is new and ours; the storage was zeroed, so it is initialised.
        unsafe {
            let peer = socket::parse_address(storage.assume_init_ref());
            Ok((OwnedFd::from_raw_fd(fd), peer))
        }
    }
}

#[cfg(test)]
mod tests;
