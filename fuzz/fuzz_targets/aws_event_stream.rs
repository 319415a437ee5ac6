//! `cargo +nightly fuzz run aws_event_stream`: the checks are those of the seeded test on stable.
#![no_main]

#[path = "../json_checks.rs"]
#[allow(dead_code)] // each target runs one of them
mod json_checks;

use ringway::proto;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| json_checks::aws_event_stream(bytes));
