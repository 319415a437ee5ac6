//! Parses the command line, runs the process, turns how it ended into an exit code.

use std::process::ExitCode;

use clap::Parser;
use ringway::app::cli::Options;
use ringway::app::product::Ringway;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    stay_with_small_pages();
    ringway::app::run(&Options::parse(), Ringway::new(release_memory))
}

/// Asks the kernel not to make huge pages of our memory. It does so for an allocator's arena, and
/// then ten thousand idle connections keep all that they ever used: a huge page is given back whole
/// or not at all.
#[expect(unsafe_code, reason = "a call of the system")]
fn stay_with_small_pages() {
    // SAFETY: a switch of this process, without pointers.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}

/// Gives memory that this thread has freed back to the system. The allocator does so by itself only
/// while it is asked for more, and a worker whose connections all idle asks for nothing.
#[expect(unsafe_code, reason = "the allocator is a C library")]
fn release_memory() {
    // SAFETY: no arguments of ours are kept, and it may be called on any thread at any time.
    unsafe { libmimalloc_sys::mi_collect(true) };
}
