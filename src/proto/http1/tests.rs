//! The corpus of the fuzz targets and seeded mutations of it, through the same checks.
//!
//! `RINGWAY_SEED` repeats a run: a failure prints the seed it had.

use std::path::Path;

use crate::{base, proto};

#[path = "../../../fuzz/checks.rs"]
mod checks;

type Check = fn(&[u8]);

const TARGETS: [(&str, Check); 4] = [
    ("request_head", checks::request_head),
    ("response_head", checks::response_head),
    ("chunked", checks::chunked),
    ("uri", checks::uri),
];
const ROUNDS: usize = 50_000;

#[test]
fn the_corpus_and_its_mutations_pass_the_checks() {
    let seed = match std::env::var("RINGWAY_SEED") {
        Ok(seed) => seed.parse().expect("RINGWAY_SEED is a number"),
        Err(_) => 0x5eed_0001,
    };
    let mut random = Random(seed);
    for (name, check) in TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "fuzz/corpus/{name} has seeds");
        for bytes in &corpus {
            for cut in 0..=255 {
                check(&[&[cut], bytes.as_slice()].concat());
            }
            check(bytes);
        }
        for round in 0..ROUNDS {
            let bytes = mutated(&mut random, &corpus);
            let _printed = Report { name, seed, round, bytes: &bytes };
            check(&bytes);
        }
    }
}

#[test]
fn spans_index_their_bytes() {
    let span = proto::http1::Span { start: 2, len: 3 };
    assert_eq!((span.of(b"abcdefg"), span.range(), span.end()), (&b"cde"[..], 2..5, 5));
    assert!(proto::http1::Span::default().is_empty() && !span.is_empty());
}

#[test]
fn errors_have_distinct_names() {
    let mut names: Vec<_> = super::ParseError::ALL.iter().map(|error| error.name()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    let snake = |name: &&str| name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    assert!(names.iter().all(snake));
}

#[test]
fn methods_know_what_may_be_repeated() {
    use super::Method::*;
    for method in [Get, Head, Options, Trace] {
        assert!(method.is_safe() && method.is_idempotent());
    }
    for method in [Put, Delete] {
        assert!(!method.is_safe() && method.is_idempotent());
    }
    for method in [Post, Patch, Connect, Other] {
        assert!(!method.is_safe() && !method.is_idempotent());
    }
}

/// What failed, printed while a check unwinds.
struct Report<'a> {
    name: &'a str,
    seed: u64,
    round: usize,
    bytes: &'a [u8],
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { name, seed, round, bytes } = self;
            eprintln!("{name}, RINGWAY_SEED={seed}, round {round}: {}", bytes.escape_ascii());
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
fn mutated(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    const SPICE: &[&[u8]] = &[
        b"\r\n",
        b"\r",
        b"\n",
        b"\0",
        b" ",
        b"\t",
        b":",
        b",",
        b";",
        b"=",
        b"\"",
        b"\\",
        b"0",
        b"00",
        b"chunked",
        b"Content-Length: 1\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"%2e",
        b"/..",
        b"\x7f",
        b"\xff",
        b"HTTP/1.0",
        b"\r\n\r\n",
        b"Connection: ",
        b"7fffffffffffffff",
    ];
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let until = at + random.below(bytes.len() - at + 1).min(random.below(32));
        match random.below(6) {
            0 if at < bytes.len() => bytes[at] = random.next() as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 => drop(bytes.drain(at..until)),
            3 => bytes.extend_from_within(at..until),
            4 => {
                let other = &corpus[random.below(corpus.len())];
                bytes.truncate(at);
                bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
            }
            _ => {
                let spice = SPICE[random.below(SPICE.len())];
                bytes.splice(at..at, spice.iter().copied());
            }
        }
    }
    bytes
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
