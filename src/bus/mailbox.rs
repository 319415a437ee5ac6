//! A bounded mailbox with a bell. Any number of senders, one reader.
//!
//! `Mailbox::send` never waits. When the last `Mailbox` is dropped the bell rings a last time, so
//! that a reader asleep learns that nobody will write again.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};

use super::bell::Bell;

/// Makes a mailbox with room for `letters_max`.
pub fn mailbox<T>(letters_max: usize) -> io::Result<(Mailbox<T>, Inbox<T>)> {
    let bell = Arc::new(Bell::new()?);
    let (sender, receiver) = bounded(letters_max);
    let last = Arc::new(RingOnDrop(Arc::clone(&bell)));
    Ok((Mailbox { sender, last }, Inbox { receiver, bell }))
}

/// The sending end.
#[derive(Debug)]
pub struct Mailbox<T> {
    // Dropped before `last`: when that rings, the channel is closed already.
    sender: Sender<T>,
    last: Arc<RingOnDrop>,
}

impl<T> Mailbox<T> {
    pub fn send(&self, letter: T) -> Result<(), Unsent<T>> {
        match self.sender.try_send(letter) {
            Ok(()) => {
                self.last.0.ring();
                Ok(())
            }
            Err(TrySendError::Full(letter)) => Err(Unsent::Full(letter)),
            Err(TrySendError::Disconnected(letter)) => Err(Unsent::Closed(letter)),
        }
    }

    /// Letters that would fit now. Exact when there is one sender.
    pub fn room(&self) -> usize {
        self.sender.capacity().unwrap_or(usize::MAX).saturating_sub(self.sender.len())
    }
}

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), last: Arc::clone(&self.last) }
    }
}

/// The receiving end. Its descriptor is readable when there may be letters.
#[derive(Debug)]
pub struct Inbox<T> {
    receiver: Receiver<T>,
    bell: Arc<Bell>,
}

impl<T> Inbox<T> {
    /// Silences the bell, then gives every letter there is.
    pub fn drain(&self) -> impl Iterator<Item = T> + '_ {
        self.bell.reset();
        self.receiver.try_iter()
    }

    /// One letter, if there is one; the bell stays as it is. When woken, call `silence` first.
    pub fn take(&self) -> Result<T, Empty> {
        self.receiver.try_recv().map_err(|empty| match empty {
            TryRecvError::Empty => Empty::Yet,
            TryRecvError::Disconnected => Empty::ForEver,
        })
    }

    /// Resets the bell. A letter sent from now on rings again.
    pub fn silence(&self) {
        self.bell.reset();
    }

    /// Waits on this thread; for readers without a runtime. `None` once nobody can send any more.
    pub fn wait(&self) -> Option<T> {
        self.bell.reset();
        self.receiver.recv().ok()
    }
}

impl<T> AsFd for Inbox<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl<T> AsRawFd for Inbox<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.bell.as_raw_fd()
    }
}

/// There is no letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    Yet,
    /// Every sender is gone.
    ForEver,
}

/// A letter that was not sent, given back.
#[derive(Debug, PartialEq, Eq)]
pub enum Unsent<T> {
    Full(T),
    Closed(T),
}

#[derive(Debug)]
struct RingOnDrop(Arc<Bell>);

impl Drop for RingOnDrop {
    fn drop(&mut self) {
        self.0.ring();
    }
}

#[cfg(test)]
mod tests;
