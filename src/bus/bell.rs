//! An eventfd that wakes the reader of a mailbox, written at most once per wake-up.
//!
//! Rung only when its `pending` flag was clear, so that a burst of letters costs one system call.
//! The reader resets the counter, clears the flag, and only then takes its letters: a letter sent
//! after the flag was cleared rings again, one sent before is found by the reader.
//!
//! The descriptor never blocks: wait until it is readable (a poll on the ring, or epoll), then
//! call `Bell::reset`. A *read* on a ring would answer EAGAIN at once instead of waiting.

#![expect(
    unsafe_code,
    reason = "eventfd, read and write have no safe wrapper in the libraries used"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// One bell per mailbox, shared by its senders and its reader.
#[derive(Debug)]
pub struct Bell {
    socket: OwnedFd,
    pending: AtomicBool,
}

impl Bell {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; the result is checked before use.
        let raw = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `raw` was opened above and nobody else owns it.
        let socket = unsafe { OwnedFd::from_raw_fd(raw) };
        Ok(Self { socket, pending: AtomicBool::new(false) })
    }

    /// Wakes the reader, unless it has yet to answer an earlier ring.
    pub fn ring(&self) {
        if self.pending.swap(true, Ordering::AcqRel) {
            return;
        }
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight readable bytes, as an eventfd wants them. The counter cannot overflow: it
        // grows once per reset, so EAGAIN does not occur, and EINTR cannot on an eventfd write.
        let wrote = unsafe { libc::write(self.socket.as_raw_fd(), one.as_ptr().cast(), one.len()) };
        debug_assert_eq!(wrote, 8, "an eventfd takes a write of 1");
    }

    /// To be called by the reader when woken, before it takes letters.
    pub fn reset(&self) {
        let mut count = [0u8; 8];
        // The counter first, the flag second: the other way round, a ring between the two would
        // be swallowed while the flag stays set, and no later one would wake anybody.
        // SAFETY: eight writable bytes. EAGAIN (nobody rang) is fine: there is nothing to reset.
        unsafe { libc::read(self.socket.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
        self.pending.swap(false, Ordering::AcqRel);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Bell {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
