//! The few calls of the system that neither std nor the runtime has, each behind a safe function.
#![allow(unsafe_code)]

use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// As many descriptors as the hard limit allows, for this process; and how many that is.
pub(crate) fn raise_descriptor_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a whole rlimit, alive during the call.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: as above.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    Ok(limit.rlim_cur)
}

/// CPU time of the calling thread.
pub(crate) fn thread_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a whole timespec, alive during the call. Every thread has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}

/// The most memory that this process ever had.
pub(crate) fn resident_bytes_max() -> u64 {
    // SAFETY: all zeroes is a whole rusage.
    let mut usage: libc::rusage = unsafe { zeroed() };
    // SAFETY: `usage` is alive during the call.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    usage.ru_maxrss.cast_unsigned() * 1024
}

/// Timers of this thread fire when they are due, not up to 50 us later.
pub(crate) fn sharpen_timers() {
    // SAFETY: takes no pointers. Blunt timers are worse, and not an error.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) };
}

/// Ends what is under way on a socket: reads see its end, writes fail, a connect is broken off.
/// A descriptor that is none is left alone.
pub(crate) fn shut_down(fd: RawFd) {
    // SAFETY: takes no pointers; whatever `fd` is, the call fails at worst.
    unsafe { libc::shutdown(fd, libc::SHUT_RDWR) };
}

/// What became of a connect that was under way.
pub(crate) fn socket_error(fd: RawFd) -> io::Result<()> {
    let mut error: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `error` has `length` bytes; both are alive during the call.
    check(unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_ERROR,
            (&raw mut error).cast(),
            &raw mut length,
        )
    })?;
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}

/// A timer that can be polled like a socket.
pub(crate) struct TimerFd(OwnedFd);

impl TimerFd {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: takes no pointers.
        let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) };
        check(fd)?;
        // SAFETY: `fd` was opened above and has no other owner.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Fires once after `wait`, and again each `period` unless that is zero. What has fired and
    /// was not taken is forgotten.
    pub(crate) fn set(&self, wait: Duration, period: Duration) {
        let time = |duration: Duration| libc::timespec {
            tv_sec: duration.as_secs() as libc::time_t,
            tv_nsec: libc::c_long::from(duration.subsec_nanos()),
        };
        // Zero would switch it off.
        let wait = wait.max(Duration::from_nanos(1));
        let value = libc::itimerspec { it_interval: time(period), it_value: time(wait) };
        let fd = self.0.as_raw_fd();
        // SAFETY: `value` is alive during the call; the old value is not asked for.
        unsafe { libc::timerfd_settime(fd, 0, &raw const value, ptr::null_mut()) };
    }

    /// Takes what has fired, so that it does not count as ready any more.
    pub(crate) fn clear(&self) {
        let mut count = 0u64;
        // SAFETY: `count` has eight bytes, alive during the call, which does not block.
        unsafe { libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), 8) };
    }

    /// Another descriptor of the same timer, in the shape that the runtime can poll.
    pub(crate) fn as_stream(&self) -> io::Result<std::net::TcpStream> {
        Ok(std::net::TcpStream::from(self.0.try_clone()?))
    }
}

/// How often SIGINT or SIGTERM came so far.
pub(crate) fn interruptions() -> i32 {
    INTERRUPTIONS.load(Ordering::Relaxed)
}

/// From now on these signals are counted instead of ending the process; the second one does.
pub(crate) fn count_interruptions() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let handler: extern "C" fn(libc::c_int) = on_signal;
        // SAFETY: the handler only counts, and at the second signal ends the process.
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
}

extern "C" fn on_signal(signal: libc::c_int) {
    let before = INTERRUPTIONS.load(Ordering::Relaxed);
    INTERRUPTIONS.store(before + 1, Ordering::Relaxed);
    if before >= 1 {
        // SAFETY: may be called in a signal handler.
        unsafe { libc::_exit(128 + signal) };
    }
}

/// Columns of the terminal on standard error, if it is one.
pub(crate) fn terminal_columns() -> Option<usize> {
    // SAFETY: all zeroes is a whole winsize.
    let mut size: libc::winsize = unsafe { zeroed() };
    // SAFETY: `size` is alive during the call.
    let result = unsafe { libc::ioctl(libc::STDERR_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (result == 0 && size.ws_col > 0).then_some(usize::from(size.ws_col))
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

static INTERRUPTIONS: AtomicI32 = AtomicI32::new(0);
