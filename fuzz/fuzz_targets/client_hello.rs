//! `cargo +nightly fuzz run client_hello`: the checks are those of the seeded test on stable.
#![no_main]

#[path = "../wire_checks.rs"]
#[allow(dead_code)] // each target runs one of them
mod wire_checks;

use ringway::{base, proto};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wire_checks::client_hello(bytes));
