//! `Stream`: one connection with owned-buffer operations and a deadline of its own. What is below
//! it is one of three: a socket (TCP and Unix-domain are one thing here: the kernel's recv and send
//! do not tell them apart), a TLS session over a socket, or a lane in memory.

mod choice;
mod kept;
mod plain;
mod secure;

use std::any::Any;
use std::future::{Future, poll_fn, ready};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use monoio::io::Canceller;

use self::choice::Choice;
use self::plain::Plain;
use self::secure::Secure;
use super::deadline::{Action, Deadline, Ends, Wheel};
use super::lane::Lane;
use super::sending::Sending;
use super::socket::{self, Side};
use super::tls::{HandshakeFailure, Session, TlsError};
use crate::base::buffer::{Buffer, Buffers};
use crate::limits::TLS_RECORD_PATIENCE;

pub use self::kept::{ArmedRead, LastSend};
pub(super) use self::plain::poll_only;

/// What a finished operation gives back: how many bytes, and the buffer.
pub type Done = (io::Result<usize>, Buffer);

pub struct Stream {
    // Dropped before the socket, so that the wheel can never shut down a descriptor used anew.
    deadline: Deadline,
    below: Below,
    /// Something that lasts as long as the connection: a place among those that are counted.
    held: Option<Box<dyn Any>>,
}

enum Below {
    Plain(Plain),
    Secure(Rc<Secure>),
    Lane(LaneEnd),
}

/// The task's end of a lane: the driver is told when it is dropped.
struct LaneEnd(Rc<Lane>);

impl Drop for LaneEnd {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Stream {
    /// Takes a connected, non-blocking socket into this worker's runtime.
    ///
    /// # Errors
    /// What registering it says (epoll driver only).
    pub fn adopt(socket: OwnedFd, wheel: &Rc<Wheel>) -> io::Result<Self> {
        let fd = socket.as_raw_fd();
        let below = Below::Plain(Plain::new(socket)?);
        Ok(Self { deadline: wheel.register(Ends::Socket(fd)), below, held: None })
    }

    /// The task's end of a lane.
    pub fn of_lane(lane: Rc<Lane>, wheel: &Rc<Wheel>) -> Self {
        let deadline = wheel.register(Ends::Lane(Rc::clone(&lane)));
        Self { deadline, below: Below::Lane(LaneEnd(lane)), held: None }
    }

    /// Does a TLS handshake on a socket. `first` is ciphertext that was read already. The time it
    /// may take is the deadline's, which is set before.
    ///
    /// # Errors
    /// What ended the handshake; the peer was told by an alert. A deadline that fired shows as
    /// `HandshakeFailure::Closed`.
    pub async fn secure(
        &mut self,
        mut session: Session,
        first: Option<Buffer>,
        buffers: &Rc<Buffers>,
    ) -> Result<(), TlsError> {
        let Below::Plain(plain) = &self.below else {
            debug_assert!(false, "TLS is done on a socket");
            return Err(TlsError::Handshake(HandshakeFailure::Internal));
        };
        let rest = secure::handshake(plain, &mut session, first, buffers).await?;
        let wheel = Rc::clone(self.deadline.wheel());
        // SAFETY: what is read out is written back, inside of what takes its place, before anybody
        // can look: nothing in between can unwind.
        unsafe {
            if let Below::Plain(plain) = std::ptr::read(&raw const self.below) {
                let secure = Secure::new(plain, session, rest, Rc::clone(buffers), wheel);
                std::ptr::write(&raw mut self.below, Below::Secure(Rc::new(secure)));
            }
        }
        Ok(())
    }

    /// Keeps `held` until the connection is dropped.
    pub fn hold(&mut self, held: impl Any) {
        self.held = Some(Box::new(held));
    }

    /// What ends the operations of this stream when they take too long.
    pub fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// One more deadline of its own for a direction.
    pub fn another_deadline(&self) -> Deadline {
        let ends = match &self.below {
            Below::Lane(LaneEnd(lane)) => Ends::Lane(Rc::clone(lane)),
            Below::Plain(_) | Below::Secure(_) => Ends::Socket(self.fd()),
        };
        self.deadline.wheel().register(ends)
    }

    /// Reads what there is, behind what `buffer` holds; 0 bytes are the end of the stream. On a
    /// plain socket the operation is on the ring when this returns, otherwise when it is first
    /// polled.
    pub fn recv(&self, buffer: Buffer) -> impl Future<Output = Done> + use<> {
        debug_assert!(buffer.spare() > 0, "a read needs room");
        match &self.below {
            Below::Plain(plain) => Choice::Plain(plain.recv(buffer)),
            Below::Secure(secure) => {
                Choice::Secure(Box::pin(Secure::recv(Rc::clone(secure), buffer)))
            }
            Below::Lane(LaneEnd(lane)) => Choice::Lane(lane_recv(Rc::clone(lane), buffer)),
        }
    }

    /// A read on a plain socket that can be called back.
    #[cfg(test)]
    fn recv_cancelable(
        &self,
        buffer: Buffer,
        handle: monoio::io::CancelHandle,
    ) -> impl Future<Output = Done> {
        let Below::Plain(plain) = &self.below else { panic!("only a socket's read can be") };
        plain.recv_cancelable(buffer, handle)
    }

    /// Reads until the deadline fires, and then calls the read back instead of ending the stream:
    /// an idle connection that is asked for its buffer. `ECANCELED` then, and no byte is lost.
    pub async fn recv_or_fired(&self, buffer: Buffer) -> Done {
        self.recv_with_patience(buffer, TLS_RECORD_PATIENCE).await
    }

    /// The same. `patience` is how long the rest of a TLS record may take that has begun.
    pub async fn recv_with_patience(&self, buffer: Buffer, patience: Duration) -> Done {
        let Below::Plain(plain) = &self.below else {
            return self.recv_when_readable(buffer, patience).await;
        };
        let canceller = Canceller::new();
        let mut read = pin!(plain.recv_cancelable(buffer, canceller.handle()));
        if let Some(done) = self.or_fired(read.as_mut()).await {
            return done;
        }
        canceller.cancel();
        read.await
    }

    /// A read of several steps cannot be called back. So what is waited for is a sign that it will
    /// end soon, and that may be dropped.
    async fn recv_when_readable(&self, buffer: Buffer, patience: Duration) -> Done {
        let sign = self.or_fired(pin!(self.readable())).await;
        match sign {
            None => (Err(io::Error::from_raw_os_error(libc::ECANCELED)), buffer),
            Some(Err(error)) => (Err(error), buffer),
            Some(Ok(())) => {
                // Something came, if only the beginning of it: the rest has to follow.
                let now = self.deadline.wheel().clock().now();
                self.deadline.set(now, patience, Action::EndRead);
                self.recv(buffer).await
            }
        }
    }

    async fn or_fired<F: Future>(&self, mut main: Pin<&mut F>) -> Option<F::Output> {
        poll_fn(|context| match main.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => self.deadline.poll_fired(context).map(|()| None),
        })
        .await
    }

    /// Sends some of what `buffer` holds.
    pub fn send(&self, buffer: Buffer) -> impl Future<Output = Done> + use<> {
        match &self.below {
            Below::Plain(plain) => Choice::Plain(plain.send(buffer)),
            Below::Secure(secure) => {
                Choice::Secure(Box::pin(Secure::send(Rc::clone(secure), buffer)))
            }
            Below::Lane(LaneEnd(lane)) => Choice::Lane(lane_send(Rc::clone(lane), buffer)),
        }
    }

    /// Sends all that `buffer` holds; nobody has to wait for it. The operation is on the ring when
    /// this returns.
    pub fn send_quietly(&self, buffer: Buffer) -> Sending<impl Future<Output = Done> + use<>> {
        let bytes = buffer.len();
        let goes_on = self.goes_on_by_itself();
        Sending::new(self.send(buffer), bytes, goes_on)
    }

    /// Whether a small write is done without anybody polling it.
    fn goes_on_by_itself(&self) -> bool {
        matches!(self.below, Below::Plain(_)) && self.deadline.wheel().is_on_ring()
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
    pub fn send_rest(
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
        match &self.below {
            Below::Plain(plain) => plain.readable().await,
            Below::Secure(secure) => secure.readable().await,
            Below::Lane(LaneEnd(lane)) => {
                poll_fn(|context| lane.poll_readable(context)).await;
                Ok(())
            }
        }
    }

    /// Waits until there is room to write, or an error to fetch. May be dropped.
    ///
    /// # Errors
    /// What the poll says.
    pub async fn writable(&self) -> io::Result<()> {
        match &self.below {
            Below::Plain(plain) => plain.writable().await,
            Below::Secure(secure) => secure.plain().writable().await,
            Below::Lane(_) => ready(Ok(())).await,
        }
    }

    pub fn shutdown(&self, side: Side) {
        match &self.below {
            Below::Plain(plain) => socket::shutdown(plain.fd(), side),
            Below::Secure(secure) => secure.shutdown(side),
            Below::Lane(LaneEnd(lane)) => lane.shutdown(side),
        }
    }

    /// Nobody is at the other end any more: it reset the connection.
    pub fn is_dead(&self) -> bool {
        match &self.below {
            Below::Plain(_) | Below::Secure(_) => socket::is_dead(self.fd()),
            Below::Lane(LaneEnd(lane)) => lane.is_broken(),
        }
    }

    /// Ready when whoever is at the other end is known to have left. Only a lane knows by itself:
    /// of a socket one would have to ask the kernel.
    #[inline]
    pub fn poll_dead(&self, context: &Context<'_>) -> Poll<()> {
        match &self.below {
            Below::Lane(LaneEnd(lane)) => lane.poll_broken(context),
            Below::Plain(_) | Below::Secure(_) => Poll::Pending,
        }
    }

    /// To drop the stream will not look like a clean end.
    pub fn reset_on_close(&self) {
        match &self.below {
            Below::Plain(_) | Below::Secure(_) => {
                let _ = socket::set_reset_on_close(self.fd());
            }
            Below::Lane(LaneEnd(lane)) => lane.set_reset(),
        }
    }

    /// The peer said that it did not look at what was sent: HTTP/2 does.
    pub fn is_unprocessed(&self) -> bool {
        matches!(&self.below, Below::Lane(LaneEnd(lane)) if lane.is_unprocessed())
    }

    /// Bytes are what is on the socket: the kernel may move them by itself.
    pub fn is_plain(&self) -> bool {
        matches!(self.below, Below::Plain(_))
    }

    /// A stream of HTTP/2 carries it.
    pub fn is_lane(&self) -> bool {
        matches!(self.below, Below::Lane(_))
    }

    /// The TLS session, if there is one.
    pub fn session<T>(&self, ask: impl FnOnce(&Session) -> T) -> Option<T> {
        match &self.below {
            Below::Secure(secure) => Some(secure.ask(ask)),
            Below::Plain(_) | Below::Lane(_) => None,
        }
    }

    /// The socket's descriptor. A lane has none.
    pub fn fd(&self) -> RawFd {
        match &self.below {
            Below::Plain(plain) => plain.fd(),
            Below::Secure(secure) => secure.plain().fd(),
            Below::Lane(_) => -1,
        }
    }
}

async fn lane_recv(lane: Rc<Lane>, mut buffer: Buffer) -> Done {
    let result = poll_fn(|context| lane.poll_recv(context, &mut buffer)).await;
    (result, buffer)
}

async fn lane_send(lane: Rc<Lane>, buffer: Buffer) -> Done {
    let result = poll_fn(|context| lane.poll_send(context, &buffer)).await;
    (result, buffer)
}

#[cfg(test)]
mod tests;
