//! The corpus of the fuzz targets that read a connection's first bytes, or a body of a model, and
//! seeded changes to it, through the same checks.

#![expect(clippy::disallowed_methods, reason = "a test may wait for the disk")]

use std::fs;
use std::path::Path;

use crate::base::random::Random;
use crate::{base, proto};

#[path = "../../fuzz/json_checks.rs"]
mod json_checks;
#[path = "../../fuzz/wire_checks.rs"]
mod wire_checks;

const ROUNDS: usize = 10_000;

#[test]
fn client_hellos() {
    check("client_hello", wire_checks::client_hello);
}

#[test]
fn proxy_headers() {
    check("proxy_protocol", wire_checks::proxy_protocol);
}

#[test]
fn json() {
    check("json_scan", json_checks::json_scan);
}

#[test]
fn event_streams() {
    check("event_stream", json_checks::event_stream);
}

#[test]
fn aws_event_streams() {
    check("aws_event_stream", json_checks::aws_event_stream);
}

fn check(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let random = Random::seeded(11);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort_unstable();
    assert!(paths.len() > 3, "the corpus has seeds");
    for path in paths {
        let seed = fs::read(path).unwrap();
        check(&seed);
        for _ in 0..ROUNDS {
            let mut bytes = seed.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] = random.below(256) as u8;
            }
            bytes[0] = random.below(256) as u8;
            bytes.truncate(1 + random.below(2 * bytes.len() as u64) as usize);
            check(&bytes);
        }
    }
}
