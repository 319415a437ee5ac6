//! A socket's operations: what goes to the ring as it is.

use std::cell::UnsafeCell;
use std::future::Future;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use monoio::io::{AsyncReadRent, AsyncWriteRent, CancelHandle, CancelableAsyncReadRent};
use monoio::net::TcpStream;

use super::Done;
use crate::base::buffer::Buffer;

pub(super) struct Plain {
    io: UnsafeCell<TcpStream>,
    fd: RawFd,
}

impl Plain {
    pub(super) fn new(socket: OwnedFd) -> io::Result<Self> {
        let fd = socket.as_raw_fd();
        Ok(Self { io: UnsafeCell::new(poll_only(socket)?), fd })
    }

    pub(super) fn fd(&self) -> RawFd {
        self.fd
    }

    /// On the ring when this returns.
    pub(super) fn recv(&self, buffer: Buffer) -> impl Future<Output = Done> + use<> {
        self.io().read(buffer)
    }

    pub(super) fn recv_cancelable(
        &self,
        buffer: Buffer,
        handle: CancelHandle,
    ) -> impl Future<Output = Done> {
        self.io().cancelable_read(buffer, handle)
    }

    pub(super) fn send(&self, buffer: Buffer) -> impl Future<Output = Done> + use<> {
        self.io().write(buffer)
    }

    pub(super) async fn readable(&self) -> io::Result<()> {
        self.io().readable(false).await
    }

    pub(super) async fn writable(&self) -> io::Result<()> {
        self.io().writable(false).await
    }

    /// The runtime's stream wants `&mut self` to read and to write; its operations only copy the
    /// reference-counted descriptor out of it, so that reading and writing at once is sound.
    /// The lifetime is unbounded because an operation outlives the borrow it is made with.
    fn io(&self) -> &'static mut TcpStream {
        // SAFETY: `Plain` is neither `Send` nor `Sync`, so nothing runs at the same time. monoio
        // is pinned to the version whose `read`, `write` and polls clone the reference-counted
        // descriptor when they are called and do not touch the `TcpStream` afterwards; the async
        // ones that do (`cancelable_read`, `readable`, `writable`) are only awaited while `self`
        // is borrowed.
        unsafe { &mut *self.io.get() }
    }
}

/// Any pollable descriptor in the runtime's stream type, which is nothing but a descriptor.
pub(in crate::net) fn poll_only(fd: OwnedFd) -> io::Result<TcpStream> {
    // SAFETY: ownership of an open descriptor is passed on. That it may be no TCP socket is known
    // to every caller: only operations that the kernel allows on it are used.
    let stream = unsafe { std::net::TcpStream::from_raw_fd(fd.into_raw_fd()) };
    TcpStream::from_std(stream)
}
