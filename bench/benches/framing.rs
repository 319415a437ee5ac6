//! Chunked bodies: the decoder that works in place, and the lines it is written back with.
//!
//! `cargo bench -p bench --bench framing`

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use ringway::proto::http1::chunked::{CHUNK_PREFIX_BYTES_MAX, chunk_prefix};
use ringway::proto::http1::{Chunked, Output};

/// Of one read.
const BODY_BYTES: usize = 16 * 1024;

fn main() {
    divan::main();
}

/// 16 KiB of body in chunks of so many bytes, passed on with its framing: nothing is moved, so
/// that the same bytes can be relayed again.
#[divan::bench(args = [16, 1024, 16 * 1024])]
fn keep(bencher: Bencher<'_, '_>, chunk_bytes: usize) {
    let mut body = chunked(chunk_bytes, "");
    bencher.counter(BytesCount::new(BODY_BYTES)).bench_local(|| {
        let relayed = Chunked::new(Output::Keep).relay(black_box(&mut body));
        assert!(relayed.is_ok_and(|relayed| relayed.done));
    });
}

/// The same for a receiver that knows no chunks: only the bytes of the body stay.
#[divan::bench(args = [16, 1024, 16 * 1024])]
fn strip(bencher: Bencher<'_, '_>, chunk_bytes: usize) {
    relay_copies(bencher, &chunked(chunk_bytes, ""), Output::Strip);
}

/// With an extension on each chunk, which has to be taken out.
#[divan::bench(args = [16 * 1024])]
fn keep_without_extensions(bencher: Bencher<'_, '_>, chunk_bytes: usize) {
    relay_copies(bencher, &chunked(chunk_bytes, ";name=value"), Output::Keep);
}

#[divan::bench(args = [1, 1024, 262_144])]
fn prefix(bencher: Bencher<'_, '_>, chunk_bytes: usize) {
    let mut out = [0; CHUNK_PREFIX_BYTES_MAX];
    bencher.bench_local(|| chunk_prefix(black_box(chunk_bytes), &mut out).len());
}

/// Bytes that are moved can be relayed once: each turn gets a copy, made outside the measure.
fn relay_copies(bencher: Bencher<'_, '_>, body: &[u8], output: Output) {
    let bencher = bencher.counter(BytesCount::new(BODY_BYTES));
    bencher.with_inputs(|| body.to_vec()).bench_local_refs(|body| {
        let relayed = Chunked::new(output).relay(black_box(body));
        assert!(relayed.is_ok_and(|relayed| relayed.done));
    });
}

fn chunked(chunk_bytes: usize, extension: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..BODY_BYTES / chunk_bytes {
        body.extend_from_slice(format!("{chunk_bytes:x}{extension}\r\n").as_bytes());
        body.resize(body.len() + chunk_bytes, b'x');
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    body
}
