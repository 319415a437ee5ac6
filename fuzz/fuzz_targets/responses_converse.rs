//! `cargo +nightly fuzz run responses_converse`: the checks are those of the seeded test on stable.
#![no_main]

#[path = "../responses_converse_checks.rs"]
mod responses_converse_checks;

use ringway::llm::translate;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| responses_converse_checks::responses_converse(bytes));
