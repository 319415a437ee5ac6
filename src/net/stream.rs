//! `Stream`: one connected socket with owned-buffer operations and a deadline of its own. TCP and
//! Unix-domain sockets are one thing here: the kernel's recv and send do not tell them apart.

use std::cell::UnsafeCell;
use std::future::Future;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use monoio::io::{AsyncReadRent, AsyncWriteRent, CancelHandle, CancelableAsyncReadRent, Canceller};
use monoio::net::TcpStream;

use super::deadline::{Deadline, Wheel};
use super::sending::Sending;
use super::socket::{self, Side};
use crate::base::buffer::Buffer;

/// What a finished operation gives back: how many bytes, and the buffer.
pub type Done = (io::Result<usize>, Buffer);

pub struct Stream {
    // Dropped before the socket, so that the wheel can never shut down a descriptor used anew.
    deadline: Deadline,
    io: UnsafeCell<TcpStream>,
    fd: RawFd,
}

impl Stream {
    /// Takes a connected, non-blocking socket into this worker's runtime.
    ///
    /// # Errors
    /// What registering it says (epoll driver only).
    pub fn adopt(socket: OwnedFd, wheel: &Rc<Wheel>) -> io::Result<Self> {
        let fd = socket.as_raw_fd();
        let io = UnsafeCell::new(poll_only(socket)?);
        Ok(Self { deadline: wheel.register(fd), io, fd })
    }

    /// What ends the operations of this stream when they take too long.
    pub fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// Reads what there is, behind what `buffer` holds. The operation is on the ring when this
    /// returns, not when it is first polled; 0 bytes are the end of the stream.
    pub fn recv(&self, buffer: Buffer) -> impl Future<Output = Done> + use<> {
        debug_assert!(buffer.spare() > 0, "a read needs room");
        self.io().read(buffer)
    }

    /// As `recv`, but can be called back: `ECANCELED` then, and no byte is lost.
    pub fn recv_cancelable(
        &self,
        buffer: Buffer,
        handle: CancelHandle,
    ) -> impl Future<Output = Done> {
        debug_assert!(buffer.spare() > 0, "a read needs room");
        self.io().cancelable_read(buffer, handle)
    }

    /// Reads until the deadline fires, and then calls the read back instead of ending the stream:
    /// an idle connection that is asked for its buffer.
    pub async fn recv_or_fired(&self, buffer: Buffer) -> Done {
        let canceller = Canceller::new();
        let mut read = pin!(self.recv_cancelable(buffer, canceller.handle()));
        let fired = std::future::poll_fn(|context| match read.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => self.deadline.poll_fired(context).map(|()| None),
        });
        if let Some(done) = fired.await {
            return done;
        }
        canceller.cancel();
        read.await
    }

    /// Sends some of what `buffer` holds.
    pub fn send(&self, buffer: Buffer) -> impl Future<Output = Done> + use<> {
        self.io().write(buffer)
    }

    /// Sends all that `buffer` holds; nobody has to wait for it. The operation is on the ring when
    /// this returns.
    pub fn send_quietly(&self, buffer: Buffer) -> Sending<impl Future<Output = Done> + use<>> {
        let bytes = buffer.len();
        let on_ring = self.deadline.wheel().is_on_ring();
        Sending::new(self.send(buffer), bytes, on_ring)
    }

    /// Sends all that `buffer` holds. It comes back as it was given.
    pub async fn send_all(&self, buffer: Buffer) -> (io::Result<()>, Buffer) {
        let (result, buffer) = self.send(buffer).await;
        match result {
            Ok(count) if count == buffer.len() => (Ok(()), buffer),
            Ok(count) => self.send_rest(count, buffer).await,
            Err(error) => (Err(error), buffer),
        }
    }

    /// A partial send goes on from where it stopped. Rare, so it is boxed out of the futures that
    /// every connection carries.
    #[cold]
    pub(super) fn send_rest(
        &self,
        sent: usize,
        mut buffer: Buffer,
    ) -> Pin<Box<dyn Future<Output = (io::Result<()>, Buffer)> + '_>> {
        Box::pin(async move {
            let window = buffer.window();
            buffer.consume(sent);
            let mut result = Ok(sent);
            while let Ok(1..) = result
                && !buffer.is_empty()
            {
                (result, buffer) = self.send(buffer).await;
                buffer.consume(result.as_ref().copied().unwrap_or(0));
            }
            let complete = buffer.is_empty();
            buffer.restore(window);
            match result {
                Err(error) => (Err(error), buffer),
                Ok(_) if complete => (Ok(()), buffer),
                Ok(_) => (Err(io::ErrorKind::WriteZero.into()), buffer),
            }
        })
    }

    /// Waits until there is something to read, or the end of the stream, without a buffer. May be
    /// dropped: a poll carries no bytes.
    ///
    /// # Errors
    /// What the poll says.
    pub async fn readable(&self) -> io::Result<()> {
        self.io().readable(false).await
    }

    /// Waits until there is room to write, or an error to fetch. May be dropped.
    ///
    /// # Errors
    /// What the poll says.
    pub async fn writable(&self) -> io::Result<()> {
        self.io().writable(false).await
    }

    pub fn shutdown(&self, side: Side) {
        socket::shutdown(self.fd, side);
    }

    pub fn fd(&self) -> RawFd {
        self.fd
    }

    /// The runtime's stream wants `&mut self` to read and to write; its operations only copy the
    /// reference-counted descriptor out of it, so that reading and writing at once is sound.
    /// The lifetime is unbounded because an operation outlives the borrow it is made with.
    fn io(&self) -> &'static mut TcpStream {
        // SAFETY: `Stream` is neither `Send` nor `Sync`, so nothing runs at the same time. monoio
        // is pinned to the version whose `read`, `write` and polls clone the reference-counted
        // descriptor when they are called and do not touch the `TcpStream` afterwards; the async
        // ones that do (`cancelable_read`, `readable`, `writable`) are only awaited while `self`
        // is borrowed.
        unsafe { &mut *self.io.get() }
    }
}

/// A read that was put on the ring before anybody waits for it, kept with its connection: an idle
/// upstream connection notices in it that the peer closed, or sent what nobody asked for. The one
/// box is used again for each read, so arming allocates once a connection.
pub struct ArmedRead {
    future: Pin<Box<dyn Future<Output = Done>>>,
    done: bool,
}

impl ArmedRead {
    pub fn new(stream: &Stream, buffer: Buffer) -> Self {
        Self { future: Box::pin(stream.recv(buffer)), done: false }
    }

    /// Arms the next read in the box of the last one, which must be finished.
    pub fn arm(&mut self, stream: &Stream, buffer: Buffer) {
        assert!(self.done, "a read in flight is finished, never dropped");
        self.future = replace(self, stream.recv(buffer));
        self.done = false;
    }

    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Done> {
        debug_assert!(!self.done, "a read is taken once");
        let polled = self.future.as_mut().poll(context);
        self.done = polled.is_ready();
        polled
    }

    /// Waits for the read.
    pub async fn finish(&mut self) -> Done {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    pub fn is_armed(&self) -> bool {
        !self.done
    }
}

/// Puts `next` into the box that `armed` holds. All reads are of one type, so the box fits.
fn replace<F: Future<Output = Done> + 'static>(
    armed: &mut ArmedRead,
    next: F,
) -> Pin<Box<dyn Future<Output = Done>>> {
    let empty: Pin<Box<dyn Future<Output = Done>>> = Box::pin(std::future::pending());
    let old = std::mem::replace(&mut armed.future, empty);
    if size_of_val(&*old) != size_of::<F>() || align_of_val(&*old) != align_of::<F>() {
        return Box::pin(next);
    }
    // SAFETY: the box has the size and alignment of `F`. The finished future in it is dropped in
    // place first, and pinning is kept: the place does not move, its old content is gone.
    unsafe {
        let place = Box::into_raw(Pin::into_inner_unchecked(old));
        std::ptr::drop_in_place(place);
        let place = place.cast::<F>();
        place.write(next);
        Pin::new_unchecked(Box::from_raw(place))
    }
}

/// Any pollable descriptor in the runtime's stream type, which is nothing but a descriptor.
pub(super) fn poll_only(fd: OwnedFd) -> io::Result<TcpStream> {
    // SAFETY: ownership of an open descriptor is passed on. That it may be no TCP socket is known
    // to every caller: only operations that the kernel allows on it are used.
    let stream = unsafe { std::net::TcpStream::from_raw_fd(fd.into_raw_fd()) };
    TcpStream::from_std(stream)
}

#[cfg(test)]
mod tests;
