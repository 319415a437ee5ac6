//! Which core runs what: the proxy has one to itself, the load and the origin share the other.
#![allow(unsafe_code)]

use std::io;
use std::mem::{size_of, zeroed};

/// The two cores of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cores {
    pub(crate) proxy: usize,
    pub(crate) load: usize,
}

impl Cores {
    /// The first two cores that this process may use.
    pub(crate) fn choose() -> io::Result<Self> {
        let allowed = allowed()?;
        match allowed[..] {
            [proxy, load, ..] => Ok(Self { proxy, load }),
            _ => Err(io::Error::other("a comparison needs two cores, one for the proxy alone")),
        }
    }
}

/// Confines the calling thread, and what it starts from now on, to `core`. Allocates nothing, so
/// that it may be called between fork and exec.
pub(crate) fn confine(core: usize) -> io::Result<()> {
    // SAFETY: all zeroes is the empty set.
    let mut set: libc::cpu_set_t = unsafe { zeroed() };
    // SAFETY: `core` came out of a set of the same size.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: `set` is a whole cpu_set_t, alive during the call.
    match unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Timers of this thread fire when they are due, not up to 50 us later: a paced load of 30,000
/// requests a second has gaps of 33 us.
pub(crate) fn sharpen_timers() -> io::Result<()> {
    // SAFETY: takes no pointers.
    match unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// As many descriptors as the hard limit allows, for this process and what it starts.
pub(crate) fn raise_descriptor_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a whole rlimit, alive during the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: as above.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
        0 => Ok(limit.rlim_cur),
        _ => Err(io::Error::last_os_error()),
    }
}

fn allowed() -> io::Result<Vec<usize>> {
    // SAFETY: all zeroes is the empty set.
    let mut set: libc::cpu_set_t = unsafe { zeroed() };
    // SAFETY: `set` is a whole cpu_set_t, alive during the call.
    if unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let cores = 0..libc::CPU_SETSIZE as usize;
    // SAFETY: `core` is below CPU_SETSIZE, the size of the set in bits.
    Ok(cores.filter(|&core| unsafe { libc::CPU_ISSET(core, &set) }).collect())
}
