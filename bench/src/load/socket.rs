//! The two socket calls that the standard library does not have: a connect that does not wait, and
//! a read that throws the bytes away inside the kernel.
#![allow(unsafe_code)]

use std::io;
use std::mem::size_of;
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};

/// A non-blocking connection, perhaps still under way: the first write says.
///
/// TCP_NODELAY is left out on purpose: a request is one small write on a connection where nothing
/// is in flight, which Nagle's algorithm never holds back.
pub(super) fn connect(address: SocketAddrV4) -> io::Result<TcpStream> {
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: takes no pointers.
    let fd = unsafe { libc::socket(libc::AF_INET, kind, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `fd` was opened above and has no other owner.
    let stream = unsafe { TcpStream::from_raw_fd(fd) };
    let name = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    };
    let name_bytes = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: `name` is a whole sockaddr_in, alive during the call, and its length is given.
    let result = unsafe { libc::connect(fd, (&raw const name).cast(), name_bytes) };
    if result == 0 {
        return Ok(stream);
    }
    match io::Error::last_os_error() {
        wait if wait.raw_os_error() == Some(libc::EINPROGRESS) => Ok(stream),
        error => Err(error),
    }
}

/// Takes up to `scratch.len()` bytes off the stream without copying them (MSG_TRUNC, tcp(7)): the
/// load's core is better spent on asking than on copying bodies nobody looks at.
pub(super) fn discard(stream: &TcpStream, scratch: &mut [u8]) -> io::Result<usize> {
    let (start, bytes) = (scratch.as_mut_ptr().cast(), scratch.len());
    // SAFETY: `scratch` is writable for `bytes`, so the call is sound even if it did copy.
    let read = unsafe { libc::recv(stream.as_raw_fd(), start, bytes, libc::MSG_TRUNC) };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}
