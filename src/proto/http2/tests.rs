//! The corpus of the fuzz target and seeded mutations of it, through the same checks.
//!
//! `RINGWAY_SEED` repeats a run: a failure prints the seed it had.

use std::path::Path;

use crate::base::random::Random;
use crate::{base, proto};

#[path = "../../../fuzz/hpack_checks.rs"]
mod hpack_checks;

const ROUNDS: usize = 50_000;

#[test]
fn the_corpus_and_its_mutations_pass_the_checks() {
    let seed = match std::env::var("RINGWAY_SEED") {
        Ok(seed) => seed.parse().expect("RINGWAY_SEED is a number"),
        Err(_) => 0x5eed_0002,
    };
    let random = Random::seeded(seed);
    let corpus = corpus("hpack");
    assert!(!corpus.is_empty(), "fuzz/corpus/hpack has seeds");
    for bytes in &corpus {
        for cut in 0..=255 {
            hpack_checks::hpack(&[&[cut], bytes.as_slice()].concat());
        }
        hpack_checks::hpack(bytes);
    }
    for round in 0..ROUNDS {
        let bytes = mutated(&random, &corpus);
        let _printed = Report { seed, round, bytes: &bytes };
        hpack_checks::hpack(&bytes);
    }
}

/// What failed, printed while a check unwinds.
struct Report<'a> {
    seed: u64,
    round: usize,
    bytes: &'a [u8],
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, round, bytes } = self;
            eprintln!("RINGWAY_SEED={seed}, round {round}: {}", bytes.escape_ascii());
        }
    }
}

#[allow(clippy::disallowed_methods)] // a test may wait for the disk
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort_unstable();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// A seed with a few bytes changed, cut, doubled, or joined with another's.
fn mutated(random: &Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    const SPICE: &[&[u8]] = &[
        b"\x82\x84\x86\x41\x01a",
        b"\x82\x84\x87\x01\x01a",
        b"\x88",
        b"\x20",
        b"\x3f\x45",
        b"\x0f\x0d\x015",
        b"\x60\x03a=b",
        b"\x00\x02te\x08trailers",
        b"\x00\x04host\x01a",
        b"\x40\x01x\x02\r\n",
        b"\x00\x11transfer-encoding\x07chunked",
        b"\xbe",
        b"\xff\xff\xff\x7f",
    ];
    let below = |bound: usize| random.below(bound as u64) as usize;
    let mut bytes = corpus[below(corpus.len())].clone();
    for _ in 0..=below(4) {
        let at = below(bytes.len() + 1);
        let until = at + below(bytes.len() - at + 1).min(below(32));
        match below(6) {
            0 if at < bytes.len() => bytes[at] = random.next() as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << below(8),
            2 => drop(bytes.drain(at..until)),
            3 => bytes.extend_from_within(at..until),
            4 => {
                let other = &corpus[below(corpus.len())];
                bytes.truncate(at);
                bytes.extend_from_slice(&other[below(other.len() + 1)..]);
            }
            _ => {
                let spice = SPICE[below(SPICE.len())];
                bytes.splice(at..at, spice.iter().copied());
            }
        }
    }
    bytes
}
