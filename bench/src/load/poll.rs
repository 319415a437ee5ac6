//! A level-triggered epoll whose tokens are indices, with waits as fine as the kernel's timers.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

pub(super) struct Poll {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    Read,
    Write,
}

impl Poll {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was opened above and has no other owner.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        let none = libc::epoll_event { events: 0, u64: 0 };
        Ok(Self { epoll, events: vec![none; EVENTS_MAX] })
    }

    /// Closing a descriptor takes it out again, so that there is no `remove`.
    pub(super) fn add(&self, fd: &impl AsRawFd, token: usize, on: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, on)
    }

    pub(super) fn change(&self, fd: &impl AsRawFd, token: usize, on: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, on)
    }

    /// Waits for events, `wait` at most, and says how many there are: see [`Self::token`].
    pub(super) fn wait(&mut self, wait: Duration) -> io::Result<usize> {
        let wait = libc::timespec {
            tv_sec: wait.as_secs() as libc::time_t,
            tv_nsec: libc::c_long::from(wait.subsec_nanos()),
        };
        let (fd, events) = (self.epoll.as_raw_fd(), self.events.as_mut_ptr());
        // SAFETY: `events` has room for EVENTS_MAX events and `wait` lives during the call; the
        // kernel keeps neither.
        let count = unsafe {
            libc::epoll_pwait2(fd, events, EVENTS_MAX as i32, &raw const wait, ptr::null())
        };
        match usize::try_from(count) {
            Ok(count) => Ok(count),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => Ok(0),
                error => Err(error),
            },
        }
    }

    /// The token of the event at `index` of the last wait.
    pub(super) fn token(&self, index: usize) -> usize {
        self.events[index].u64 as usize
    }

    fn control(&self, call: i32, fd: &impl AsRawFd, token: usize, on: Interest) -> io::Result<()> {
        let events = match on {
            Interest::Read => libc::EPOLLIN,
            Interest::Write => libc::EPOLLOUT,
        };
        let mut event = libc::epoll_event { events: events as u32, u64: token as u64 };
        let (epoll, fd) = (self.epoll.as_raw_fd(), fd.as_raw_fd());
        // SAFETY: `event` lives during the call, which copies it.
        match unsafe { libc::epoll_ctl(epoll, call, fd, &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

const EVENTS_MAX: usize = 256;
