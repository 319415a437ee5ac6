//! Parses the command line, runs the process, turns how it ended into an exit code.

use std::process::ExitCode;

use clap::Parser;
use ringway::app::cli::Options;
use ringway::app::product::Ringway;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ringway::app::run(&Options::parse(), Ringway::new(release_memory))
}

/// Gives memory that this thread has freed back to the system. The allocator does so by itself only
/// while it is asked for more, and a worker whose connections all idle asks for nothing.
#[expect(unsafe_code, reason = "the allocator is a C library")]
fn release_memory() {
    // SAFETY: no arguments of ours are kept, and it may be called on any thread at any time.
    unsafe { libmimalloc_sys::mi_collect(true) };
}
