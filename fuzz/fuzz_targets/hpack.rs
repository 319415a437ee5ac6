//! `cargo +nightly fuzz run hpack`: the checks are those of the seeded test on stable.
#![no_main]

#[path = "../hpack_checks.rs"]
mod hpack_checks;

use ringway::{base, proto};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hpack_checks::hpack(bytes));
