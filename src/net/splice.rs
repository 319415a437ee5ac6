//! Moves bytes from one socket to another through a pipe, without copying them to user space:
//! `splice(2)`, called directly. (The ring's own splice always goes to a kernel worker thread.)
//!
//! Only for bytes that nobody looks at: the rest of a body whose length is known, and streams.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::stream::Stream;
use crate::limits::{PIPE_BYTES, PIPES_KEPT_MAX, RELAY_PIPES_MAX};

/// A pipe of a worker's, empty whenever it is not in use.
pub struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    bytes: usize,
    held: usize,
}

impl Pipe {
    /// # Errors
    /// Descriptors are used up, or the user's pipes hold as much as they may.
    pub fn new(bytes: usize) -> io::Result<Self> {
        let mut ends = [0; 2];
        // SAFETY: two descriptors are written into room for two.
        super::socket::check(unsafe {
            libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK)
        })?;
        // SAFETY: both are new and ours.
        let (read, write) =
            unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
        let wanted = i32::try_from(bytes).unwrap_or(i32::MAX);
        // SAFETY: no pointers. A refusal leaves the pipe at its default size.
        let got = unsafe { libc::fcntl(write.as_raw_fd(), libc::F_SETPIPE_SZ, wanted) };
        let bytes = usize::try_from(got).unwrap_or(65536);
        Ok(Self { read, write, bytes, held: 0 })
    }

    /// Takes up to `most` bytes from the socket. 0 is the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock` when there are none yet.
    pub fn fill(&mut self, from: &Stream, most: usize) -> io::Result<usize> {
        let count =
            splice(from.fd(), self.write.as_raw_fd(), most.min(self.bytes - self.held), true)?;
        self.held += count;
        Ok(count)
    }

    /// Gives what it holds to the socket, or as much of it as is taken. `more` says that more
    /// follows at once.
    ///
    /// # Errors
    /// `WouldBlock` when the socket takes none now.
    pub fn empty(&mut self, to: &Stream, more: bool) -> io::Result<usize> {
        let count = splice(self.read.as_raw_fd(), to.fd(), self.held, more)?;
        self.held -= count;
        Ok(count)
    }

    pub fn held(&self) -> usize {
        self.held
    }
}

/// The pipes that a worker keeps.
#[derive(Default)]
pub struct Pipes {
    kept: RefCell<Vec<Pipe>>,
    lent: Cell<usize>,
}

/// A pipe that gives itself back.
pub struct Lent<'a> {
    pipe: Option<Pipe>,
    pipes: &'a Pipes,
}

impl Pipes {
    /// An empty pipe; none when no more can be had, and bytes are to be copied instead.
    pub fn take(&self) -> Option<Pipe> {
        self.kept.borrow_mut().pop().or_else(|| Pipe::new(PIPE_BYTES).ok())
    }

    /// The same for a stream without a known end: so many have one, and the others are copied.
    pub fn lend(&self) -> Option<Lent<'_>> {
        if self.lent.get() >= RELAY_PIPES_MAX {
            return None;
        }
        let pipe = self.take()?;
        self.lent.set(self.lent.get() + 1);
        Some(Lent { pipe: Some(pipe), pipes: self })
    }

    /// How many are kept, and how many are lent.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.kept.borrow().len(), self.lent.get())
    }

    /// A pipe that still holds bytes is closed: they belong to one client, and to no other.
    pub fn give(&self, pipe: Pipe) {
        let mut kept = self.kept.borrow_mut();
        if pipe.held == 0 && kept.len() < PIPES_KEPT_MAX {
            kept.push(pipe);
        }
    }
}

impl Deref for Lent<'_> {
    type Target = Pipe;

    fn deref(&self) -> &Pipe {
        self.pipe.as_ref().expect("there until it is given back")
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Pipe {
        self.pipe.as_mut().expect("there until it is given back")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.pipes.lent.set(self.pipes.lent.get() - 1);
        if let Some(pipe) = self.pipe.take() {
            self.pipes.give(pipe);
        }
    }
}

fn splice(from: i32, to: i32, most: usize, more: bool) -> io::Result<usize> {
    let mut flags = libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK;
    if more {
        flags |= libc::SPLICE_F_MORE;
    }
    // SAFETY: no offsets are given, and neither end is memory of ours.
    let count =
        unsafe { libc::splice(from, std::ptr::null_mut(), to, std::ptr::null_mut(), most, flags) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests;
