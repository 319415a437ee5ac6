//! A connection for a library that polls: two tasks move bytes between the socket and two buffers,
//! through TLS where there is any. Both buffers have a limit; nothing here drops an operation.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use monoio::io::{OwnedReadHalf, OwnedWriteHalf};
use monoio::net::TcpStream;
use rustls::ClientConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::stream::{Stream, feed, read_plain, receive, send, take_records};
use crate::os;

/// The end that the library has. The socket is closed when it is dropped.
pub(super) struct Duplex(Rc<Shared>);

struct Shared {
    fd: RawFd,
    session: RefCell<Option<ClientConnection>>,
    incoming: RefCell<BytesMut>,
    outgoing: RefCell<BytesMut>,
    /// The library, waiting for bytes; for room; the two tasks, waiting for room and for bytes.
    reader: RefCell<Option<Waker>>,
    writer: RefCell<Option<Waker>>,
    receiving: RefCell<Option<Waker>>,
    sending: RefCell<Option<Waker>>,
    fault: RefCell<Option<io::Error>>,
    ended: Cell<bool>,
    closed: Cell<bool>,
    received_bytes: Cell<u64>,
    sent_bytes: Cell<u64>,
}

/// Looks at the traffic of a connection, and can end it.
#[derive(Clone)]
pub(super) struct Meter(Rc<Shared>);

impl Meter {
    /// Bytes received and sent since it was last asked.
    pub(super) fn take(&self) -> (u64, u64) {
        (self.0.received_bytes.take(), self.0.sent_bytes.take())
    }

    pub(super) fn shut_down(&self) {
        if !self.0.closed.get() {
            os::shut_down(self.0.fd);
        }
    }
}

pub(super) fn open(stream: Stream) -> (Duplex, Meter) {
    let fd = stream.fd();
    let (wire, session) = match stream {
        Stream::Plain(wire) => (wire, None),
        Stream::Tls(tls) => {
            let mut session = tls.session;
            // What the library may have written is limited here, not there.
            session.set_buffer_limit(None);
            (tls.wire, Some(session))
        }
    };
    let shared = Rc::new(Shared {
        fd,
        session: RefCell::new(session),
        incoming: RefCell::default(),
        outgoing: RefCell::default(),
        reader: RefCell::default(),
        writer: RefCell::default(),
        receiving: RefCell::default(),
        sending: RefCell::default(),
        fault: RefCell::default(),
        ended: Cell::new(false),
        closed: Cell::new(false),
        received_bytes: Cell::new(0),
        sent_bytes: Cell::new(0),
    });
    drop(monoio::spawn(pull(Rc::clone(&shared), wire.read)));
    drop(monoio::spawn(push(Rc::clone(&shared), wire.write)));
    (Duplex(Rc::clone(&shared)), Meter(shared))
}

/// From the socket.
async fn pull(shared: Rc<Shared>, mut read: OwnedReadHalf<TcpStream>) {
    let mut buffer = Vec::with_capacity(READ_BYTES);
    loop {
        buffer.clear();
        let (result, filled) = receive(&mut read, buffer).await;
        buffer = filled;
        match result.and_then(|count| shared.take_in(&buffer).map(|()| count)) {
            Ok(1..) => wake(&shared.reader),
            Ok(0) => return shared.end(None),
            Err(error) => return shared.end(Some(error)),
        }
        let room = || shared.incoming.borrow().len() < INCOMING_BYTES_MAX || shared.closed.get();
        wait(&shared.receiving, room).await;
    }
}

/// To the socket. Shuts it down when the library has let go of it.
async fn push(shared: Rc<Shared>, mut write: OwnedWriteHalf<TcpStream>) {
    loop {
        wait(&shared.sending, || shared.has_output() || shared.closed.get()).await;
        if !shared.has_output() {
            break;
        }
        let bytes = match shared.take_out() {
            Ok(bytes) => bytes,
            Err(error) => return shared.end(Some(error)),
        };
        wake(&shared.writer);
        let length = bytes.len() as u64;
        if let Err(error) = send(&mut write, bytes).await {
            return shared.end(Some(error));
        }
        shared.sent_bytes.set(shared.sent_bytes.get() + length);
    }
    os::shut_down(shared.fd);
}

impl Shared {
    fn take_in(&self, bytes: &[u8]) -> io::Result<()> {
        self.received_bytes.set(self.received_bytes.get() + bytes.len() as u64);
        let mut incoming = self.incoming.borrow_mut();
        let mut session = self.session.borrow_mut();
        let Some(session) = session.as_mut() else {
            incoming.extend_from_slice(bytes);
            return Ok(());
        };
        feed(session, bytes)?;
        let mut plain = Vec::with_capacity(READ_BYTES);
        loop {
            plain.clear();
            match read_plain(session, &mut plain) {
                Ok(0) => break,
                Ok(_) => incoming.extend_from_slice(&plain),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if session.wants_write() {
            wake(&self.sending);
        }
        Ok(())
    }

    fn has_output(&self) -> bool {
        let records = self.session.borrow().as_ref().is_some_and(|session| session.wants_write());
        records || !self.outgoing.borrow().is_empty()
    }

    fn take_out(&self) -> io::Result<bytes::Bytes> {
        let plain = self.outgoing.borrow_mut().split().freeze();
        let mut session = self.session.borrow_mut();
        let Some(session) = session.as_mut() else { return Ok(plain) };
        io::Write::write_all(&mut session.writer(), &plain)?;
        take_records(session)
    }

    fn end(&self, error: Option<io::Error>) {
        *self.fault.borrow_mut() = error;
        self.ended.set(true);
        wake(&self.reader);
        wake(&self.writer);
        wake(&self.sending);
    }
}

fn wake(waker: &RefCell<Option<Waker>>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

async fn wait(waker: &RefCell<Option<Waker>>, condition: impl Fn() -> bool) {
    poll_fn(|context| poll_condition(waker, &condition, context)).await;
}

fn poll_condition(
    waker: &RefCell<Option<Waker>>,
    condition: impl Fn() -> bool,
    context: &Context<'_>,
) -> Poll<()> {
    if condition() {
        return Poll::Ready(());
    }
    *waker.borrow_mut() = Some(context.waker().clone());
    Poll::Pending
}

impl AsyncRead for Duplex {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let shared = &self.0;
        let mut incoming = shared.incoming.borrow_mut();
        if !incoming.is_empty() {
            let part = incoming.len().min(out.remaining());
            out.put_slice(&incoming.split_to(part));
            wake(&shared.receiving);
            return Poll::Ready(Ok(()));
        }
        if shared.ended.get() {
            return Poll::Ready(shared.fault.borrow_mut().take().map_or(Ok(()), Err));
        }
        *shared.reader.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }
}

impl AsyncWrite for Duplex {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let shared = &self.0;
        if shared.ended.get() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut outgoing = shared.outgoing.borrow_mut();
        let room = OUTGOING_BYTES_MAX.saturating_sub(outgoing.len());
        if room == 0 {
            *shared.writer.borrow_mut() = Some(context.waker().clone());
            return Poll::Pending;
        }
        let part = room.min(bytes.len());
        outgoing.extend_from_slice(&bytes[..part]);
        wake(&shared.sending);
        Poll::Ready(Ok(part))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Duplex {
    fn drop(&mut self) {
        self.0.closed.set(true);
        wake(&self.0.sending);
        wake(&self.0.receiving);
    }
}

const READ_BYTES: usize = 16 * 1024;
const INCOMING_BYTES_MAX: usize = 256 * 1024;
const OUTGOING_BYTES_MAX: usize = 256 * 1024;
