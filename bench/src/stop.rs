//! Ctrl-C and SIGTERM: a flag that every wait looks at, so that a run that is broken off unwinds
//! through the owners of its child processes and its folder like any other error.
#![allow(unsafe_code)]

use std::io;
use std::mem::zeroed;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// Without SA_RESTART, so that a wait in the kernel ends at once.
pub(crate) fn install() -> io::Result<()> {
    // SAFETY: all zeroes is a valid sigaction: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { zeroed() };
    action.sa_sigaction = note as *const () as libc::sighandler_t;
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: `action` is initialised and `note` only stores to an atomic, which is allowed in
        // a signal's handler.
        if unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

extern "C" fn note(_signal: libc::c_int) {
    REQUESTED.store(true, Ordering::Relaxed);
}

static REQUESTED: AtomicBool = AtomicBool::new(false);
