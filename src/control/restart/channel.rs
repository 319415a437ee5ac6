//! One conversation between two processes, on control's runtime.

#![expect(unsafe_code, reason = "tokio takes a descriptor only against a promise to keep it open")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::message::Message;
use crate::net::rights::{self, Credentials};

/// A socket whose readiness is awaited.
#[derive(Debug)]
pub(super) struct Awaited(AsyncFd<OwnedFd>);

#[derive(Debug)]
pub struct Channel {
    socket: Awaited,
    pub peer: Credentials,
}

/// What came of listening to the other end.
#[derive(Debug)]
pub enum Heard {
    Said(Message, Vec<OwnedFd>),
    /// It closed its end, or died.
    Gone,
    /// It speaks otherwise.
    Nonsense(String),
}

impl Awaited {
    /// Within a tokio runtime.
    pub(super) fn new(socket: OwnedFd) -> io::Result<Self> {
        // SAFETY: an `OwnedFd` keeps its descriptor open, always answers with the same one, and is
        // owned by the `AsyncFd` from here on.
        let awaited = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) };
        Ok(Self(awaited.map_err(io::Error::from)?))
    }

    /// Does it once it can be done without waiting. Nothing is lost when this is dropped before it
    /// is ready.
    pub(super) async fn when_readable<T>(
        &self,
        take: impl Fn(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(result) = ready.try_io(|socket| take(socket.as_fd())) {
                return result;
            }
        }
    }
}

impl AsFd for Awaited {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

impl Channel {
    /// Within a tokio runtime.
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        let peer = rights::peer(socket.as_fd())?;
        Ok(Self { socket: Awaited::new(socket)?, peer })
    }

    pub fn connect(path: &Path) -> io::Result<Self> {
        Self::new(rights::connect(path)?)
    }

    /// Both sides take turns, so that there is room for what one says.
    pub fn send(&self, message: &Message) -> io::Result<()> {
        self.send_with(message, &[])
    }

    pub fn send_with(&self, message: &Message, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
        let text = serde_json::to_vec(message)?;
        rights::send(self.socket.as_fd(), &text, sockets)
    }

    /// Nothing is lost when this is dropped before it is ready.
    pub async fn hear(&self) -> Heard {
        let (bytes, sockets) = match self.socket.when_readable(rights::receive).await {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Heard::Gone,
            Err(error) => return Heard::Nonsense(error.to_string()),
        };
        if bytes.is_empty() {
            return Heard::Gone;
        }
        match serde_json::from_slice(&bytes) {
            Ok(message) => Heard::Said(message, sockets),
            Err(error) => Heard::Nonsense(format!("a message was not understood: {error}")),
        }
    }
}

impl AsRawFd for Channel {
    fn as_raw_fd(&self) -> i32 {
        self.socket.as_fd().as_raw_fd()
    }
}
