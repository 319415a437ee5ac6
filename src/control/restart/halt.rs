//! For tests: a process that stops at a step of its taking over, so that it can be killed there, or
//! let go on. The variable is read at five points in the life of a process that takes over, and
//! nowhere else.
#![expect(unsafe_code, reason = "a call of the system")]

/// Stops this process with SIGSTOP where `RINGWAY_TEST_HALT` names this step: `hello`, `sockets`,
/// `prepared`, `go`, `serving`.
pub(super) fn at(step: &str) {
    if std::env::var_os("RINGWAY_TEST_HALT").is_some_and(|wanted| wanted == step) {
        tracing::warn!("process {} halts at `{step}`", std::process::id());
        // SAFETY: no pointers; whoever set the variable lets it go on.
        unsafe { libc::raise(libc::SIGSTOP) };
    }
}
