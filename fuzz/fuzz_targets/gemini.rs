//! `cargo +nightly fuzz run gemini`: the checks are those of the seeded test on stable.
#![no_main]

#[path = "../gemini_checks.rs"]
mod gemini_checks;

use ringway::llm::translate;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gemini_checks::gemini(bytes));
