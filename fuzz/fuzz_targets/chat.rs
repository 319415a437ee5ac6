//! `cargo +nightly fuzz run chat`: the checks are those of the seeded test on stable.
#![no_main]

#[path = "../chat_checks.rs"]
mod chat_checks;

use ringway::llm::translate;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chat_checks::chat(bytes));
