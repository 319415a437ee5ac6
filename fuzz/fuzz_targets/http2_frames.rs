//! `cargo +nightly fuzz run http2_frames`: any bytes, in either role and split anywhere, end in the
//! same events and the same answer, and hold a bounded memory.
#![no_main]

#[path = "../http2_checks.rs"]
mod http2_checks;

use ringway::{base, proto};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http2_checks::frames(bytes));
