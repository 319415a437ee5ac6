//! For tests: a process that stops at a step of its taking over, so that it can be killed there.
//! The variable is read at five points in the life of a process, and does nothing elsewhere.

/// Stops for good where `RINGWAY_TEST_HALT` names this step: `hello`, `sockets`, `prepared`, `go`,
/// `serving`.
pub(super) fn at(step: &str) {
    if std::env::var_os("RINGWAY_TEST_HALT").is_some_and(|wanted| wanted == step) {
        tracing::warn!("halted at `{step}`, as RINGWAY_TEST_HALT says");
        loop {
            std::thread::park();
        }
    }
}
