//! `cargo +nightly fuzz run request_head`: the checks are those of the seeded test on stable.
#![no_main]

#[path = "../checks.rs"]
#[allow(dead_code)] // each target runs one of them
mod checks;

use ringway::{base, proto};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::request_head(bytes));
