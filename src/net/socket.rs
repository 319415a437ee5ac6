//! Sockets and their options, by name. Every socket is non-blocking and closes on exec.

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// TCP keepalive: probes of an idle connection. Defaults are the seeds': 9 probes, 180 s, 180 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    pub retries: u32,
    pub time: Duration,
    pub interval: Duration,
}

impl Default for Keepalive {
    fn default() -> Self {
        let (time, interval) = (Duration::from_secs(180), Duration::from_secs(180));
        Self { retries: 9, time, interval }
    }
}

/// An address in the kernel's form, with its length.
#[derive(Clone, Copy)]
pub struct RawAddress {
    storage: libc::sockaddr_storage,
    length: libc::socklen_t,
}

impl RawAddress {
    pub fn inet(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => Self::of(
                libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: v4.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                    sin_zero: [0; 8],
                },
                size_of::<libc::sockaddr_in>(),
            ),
            SocketAddr::V6(v6) => Self::of(
                libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: v6.flowinfo(),
                    sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                    sin6_scope_id: v6.scope_id(),
                },
                size_of::<libc::sockaddr_in6>(),
            ),
        }
    }

    /// # Errors
    /// `InvalidInput` when the path is longer than the kernel's 107 bytes or has a NUL.
    pub fn unix(path: &Path) -> io::Result<Self> {
        let bytes = path.as_os_str().as_bytes();
        let mut address = libc::sockaddr_un {
            sun_family: libc::AF_UNIX as libc::sa_family_t,
            sun_path: [0; 108],
        };
        if bytes.len() >= address.sun_path.len() || bytes.contains(&0) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        for (to, from) in address.sun_path.iter_mut().zip(bytes) {
            *to = from.cast_signed();
        }
        let length = size_of::<libc::sa_family_t>() + bytes.len() + 1;
        Ok(Self::of(address, length))
    }

    fn of<T>(address: T, length: usize) -> Self {
        const { assert!(size_of::<T>() <= size_of::<libc::sockaddr_storage>()) };
        let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
        // SAFETY: the storage is large enough for every address, zeroed, and only then read.
        let storage = unsafe {
            storage.as_mut_ptr().cast::<T>().write(address);
            storage.assume_init()
        };
        Self { storage, length: length as libc::socklen_t }
    }

    fn family(&self) -> libc::c_int {
        libc::c_int::from(self.storage.ss_family)
    }

    fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }
}

/// The peer's address of an accepted connection; none for a Unix socket.
pub(super) fn parse_address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the kernel says that an IPv4 address is in the storage.
            let v4 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: the kernel says that an IPv6 address is in the storage.
            let v6 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// A new stream socket for `address`.
///
/// # Errors
/// What `socket(2)` says: descriptors used up, or a family that the kernel does not have.
pub fn stream_for(address: &RawAddress) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers; a descriptor that is returned is new and ours.
    let fd = check(unsafe { libc::socket(address.family(), kind, 0) })?;
    // SAFETY: as above.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// # Errors
/// `connect(2)`'s; `WouldBlock` stands for a connection under way.
pub fn connect(fd: RawFd, address: &RawAddress) -> io::Result<()> {
    // SAFETY: pointer and length are of one live value.
    match check(unsafe { libc::connect(fd, address.as_ptr(), address.length) }) {
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        result => result.map(drop),
    }
}

/// # Errors
/// `bind(2)`'s.
pub fn bind(fd: RawFd, address: &RawAddress) -> io::Result<()> {
    // SAFETY: pointer and length are of one live value.
    check(unsafe { libc::bind(fd, address.as_ptr(), address.length) }).map(drop)
}

/// # Errors
/// `listen(2)`'s.
pub fn listen(fd: RawFd, backlog: i32) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::listen(fd, backlog) }).map(drop)
}

/// A wait for bytes ends only when so many are there, or the end of the stream is. 1 is the
/// kernel's own.
pub fn set_receive_batch(fd: RawFd, bytes: usize) {
    let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
    // A kernel that refuses wakes us more often, and that is all.
    let _ = set_option(fd, libc::SOL_SOCKET, libc::SO_RCVLOWAT, bytes);
}

/// The error that a connection under way ended with, if it did.
///
/// # Errors
/// That error.
pub fn take_error(fd: RawFd) -> io::Result<()> {
    match option(fd, libc::SOL_SOCKET, libc::SO_ERROR)? {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// The address that a socket is bound to.
///
/// # Errors
/// `getsockname(2)`'s.
pub fn local_address(fd: RawFd) -> io::Result<Option<SocketAddr>> {
    let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: the storage takes any address; it was zeroed, so it is initialised whatever is left.
    check(unsafe { libc::getsockname(fd, storage.as_mut_ptr().cast(), &raw mut length) })?;
    // SAFETY: as above.
    Ok(parse_address(unsafe { storage.assume_init_ref() }))
}

/// Whether the peer reset the connection, or it died otherwise. A peer that only said that it will
/// send no more is still there: it may be waiting for its answer.
pub fn is_dead(fd: RawFd) -> bool {
    let mut state = 0_u8;
    let mut length = 1 as libc::socklen_t;
    // SAFETY: the kernel writes one byte, the first of `tcp_info`, into one byte.
    let result = unsafe {
        libc::getsockopt(
            fd,
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut state).cast(),
            &raw mut length,
        )
    };
    const TCP_CLOSE: u8 = 7;
    result == 0 && state == TCP_CLOSE
}

/// Which sides of a connection `shutdown` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Read,
    Write,
    Both,
}

/// Ends one or both sides. That it is ended already is no error to anybody.
pub fn shutdown(fd: RawFd, side: Side) {
    let how = match side {
        Side::Read => libc::SHUT_RD,
        Side::Write => libc::SHUT_WR,
        Side::Both => libc::SHUT_RDWR,
    };
    // SAFETY: no pointers; ENOTCONN is what is wanted anyway.
    unsafe { libc::shutdown(fd, how) };
}

/// Gives the kernel what it takes at once, and says how much that was.
pub fn send_now(fd: RawFd, bytes: &[u8]) -> usize {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: pointer and length are of one live slice.
    let count = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) };
    usize::try_from(count).unwrap_or(0)
}

/// # Errors
/// `setsockopt(2)`'s.
pub fn set_nodelay(fd: RawFd) -> io::Result<()> {
    set_option(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)
}

/// # Errors
/// `fcntl(2)`'s.
pub fn set_nonblocking(fd: RawFd) -> io::Result<()> {
    // SAFETY: no pointers.
    let flags = check(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    // SAFETY: as above.
    check(unsafe { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) }).map(drop)
}

/// Whether it is a stream socket that listens.
pub fn is_listening(fd: RawFd) -> bool {
    let is = |name, wanted| option(fd, libc::SOL_SOCKET, name).is_ok_and(|value| value == wanted);
    is(libc::SO_TYPE, libc::SOCK_STREAM) && is(libc::SO_ACCEPTCONN, 1)
}

/// Closing resets the connection instead of finishing it: nothing lingers in the kernel.
///
/// # Errors
/// `setsockopt(2)`'s.
pub fn set_reset_on_close(fd: RawFd) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: pointer and length are of one live value.
    check(unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        )
    })
    .map(drop)
}

/// # Errors
/// `setsockopt(2)`'s.
pub fn set_reuse(fd: RawFd) -> io::Result<()> {
    set_option(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    set_option(fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)
}

/// # Errors
/// `setsockopt(2)`'s.
pub fn set_only_v6(fd: RawFd, only: bool) -> io::Result<()> {
    set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, i32::from(only))
}

/// # Errors
/// `setsockopt(2)`'s: times beyond 32,767 s are refused by the kernel.
pub fn set_keepalive(fd: RawFd, keepalive: &Keepalive) -> io::Result<()> {
    let seconds = |time: Duration| i32::try_from(time.as_secs().max(1)).unwrap_or(i32::MAX);
    set_option(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
    set_option(fd, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, seconds(keepalive.time))?;
    set_option(fd, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, seconds(keepalive.interval))?;
    let retries = i32::try_from(keepalive.retries).unwrap_or(i32::MAX);
    set_option(fd, libc::IPPROTO_TCP, libc::TCP_KEEPCNT, retries)
}

/// # Errors
/// `setsockopt(2)`'s.
pub fn set_option(fd: RawFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: pointer and length are of one live value.
    check(unsafe {
        libc::setsockopt(
            fd,
            level,
            name,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    })
    .map(drop)
}

fn option(fd: RawFd, level: i32, name: i32) -> io::Result<i32> {
    let mut value = 0_i32;
    let mut length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: pointer and length are of one live value.
    check(unsafe { libc::getsockopt(fd, level, name, (&raw mut value).cast(), &raw mut length) })?;
    Ok(value)
}

pub(super) fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
