//! A `timerfd` on the ring: the runtime's own timers would put a clock reading and a kernel timer
//! on every turn of the loop, this one costs nothing until it fires.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use monoio::net::TcpStream;

use super::stream::poll_only;

/// Fires once at a time of the monotonic clock; set again as often as needed.
pub(super) struct Timer {
    poll: TcpStream,
    fd: RawFd,
}

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: no pointers; the result is checked.
        let fd = unsafe {
            libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC)
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just opened and is owned by nobody else.
        let owned = unsafe { OwnedFd::from_raw_fd(fd) };
        let fd = owned.as_raw_fd();
        Ok(Self { poll: poll_only(owned)?, fd })
    }

    /// Fires `nanos` from now, at least one; 0 stops it.
    pub(super) fn set(&self, nanos: u64) {
        let value = libc::itimerspec {
            it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: libc::timespec {
                tv_sec: (nanos / 1_000_000_000).cast_signed(),
                tv_nsec: (nanos % 1_000_000_000).cast_signed(),
            },
        };
        // SAFETY: the pointer is to a live value; the old setting is not asked for.
        let result = unsafe { libc::timerfd_settime(self.fd, 0, &value, std::ptr::null_mut()) };
        debug_assert_eq!(result, 0, "a timer of ours takes any time");
    }

    /// Waits until it fires.
    pub(super) async fn fired(&self) -> io::Result<()> {
        self.poll.readable(false).await?;
        let mut count = 0_u64;
        // SAFETY: eight bytes are read into eight bytes; EAGAIN (set again meanwhile) is harmless.
        unsafe { libc::read(self.fd, (&raw mut count).cast(), 8) };
        Ok(())
    }
}
