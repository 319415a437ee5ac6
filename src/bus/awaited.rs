//! An inbox as the control thread reads it: awaited on tokio. Workers poll the bell on their ring.

#![expect(unsafe_code, reason = "tokio takes a descriptor only against a promise to keep it open")]

use std::io;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::mailbox::{Empty, Inbox};

/// Owned by one task of the control thread.
#[derive(Debug)]
pub struct Awaited<T> {
    bell: AsyncFd<Inbox<T>>,
}

impl<T> Awaited<T> {
    /// Must be called within a tokio runtime.
    pub fn new(inbox: Inbox<T>) -> io::Result<Self> {
        // SAFETY: the inbox keeps its bell open until it is dropped, always answers with the same
        // descriptor, and is owned by the `AsyncFd` from here on.
        let bell = unsafe { AsyncFd::register_with_interest(inbox, Interest::READABLE) };
        Ok(Self { bell: bell.map_err(io::Error::from)? })
    }

    /// The next letter, `None` once every sender is gone. Nothing is lost when this is dropped
    /// before it is ready.
    pub async fn next(&self) -> Option<T> {
        loop {
            match self.bell.get_ref().take() {
                Ok(letter) => return Some(letter),
                Err(Empty::ForEver) => return None,
                Err(Empty::Yet) => (),
            }
            let Ok(mut rung) = self.bell.readable().await else { return None };
            rung.clear_ready();
            // After the bell is silent the mailbox is looked at again, by the loop.
            self.bell.get_ref().silence();
        }
    }
}
