//! Heads: read, written, and the path that routes are found by. What every request pays.
//!
//! `cargo bench -p bench --bench head`

use divan::{Bencher, black_box};
use ringway::base::buffer::Buffer;
use ringway::proto::http1::{HeadLimits, RequestHead, ResponseHead, encode};
use ringway::proto::uri;

/// A browser's, without its cookies.
const REQUEST: &[u8] = b"GET /hello/world?x=1 HTTP/1.1\r\nHost: localhost:8080\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept: */*\r\n\
    Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n\r\n";
/// nginx's, for a static file.
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\
    Date: Fri, 20 Nov 2026 19:00:00 GMT\r\nContent-Type: application/octet-stream\r\n\
    Content-Length: 1024\r\nConnection: keep-alive\r\n\
    Last-Modified: Fri, 20 Nov 2026 19:00:00 GMT\r\n\r\n";

/// Of a sample: a single turn would time the clock as well.
const TURNS: u32 = 1000;

fn main() {
    divan::main();
}

#[divan::bench(sample_size = TURNS)]
fn parse_request(bencher: Bencher<'_, '_>) {
    let limits = HeadLimits::default();
    let mut head = RequestHead::default();
    bencher.bench_local(|| {
        head.reset();
        head.parse(black_box(REQUEST), &limits)
    });
}

#[divan::bench(sample_size = TURNS)]
fn parse_response(bencher: Bencher<'_, '_>) {
    let limits = HeadLimits::default();
    let mut head = ResponseHead::default();
    bencher.bench_local(|| {
        head.reset();
        head.parse(black_box(RESPONSE), &limits)
    });
}

/// As it is forwarded: without the fields that were for this hop.
#[divan::bench(sample_size = TURNS)]
fn encode_request(bencher: Bencher<'_, '_>) {
    let head = parsed_request();
    let mut out = Buffer::with_capacity(4096);
    bencher.bench_local(|| {
        out.clear();
        let bytes = black_box(REQUEST);
        encode::request_line(&mut out, head.method_name.of(bytes), head.target.of(bytes));
        encode::copy_fields(&mut out, bytes, &head.fields, |field| !field.hop);
        out.put(encode::END);
        black_box(out.filled()).len()
    });
}

#[divan::bench(sample_size = TURNS)]
fn encode_response(bencher: Bencher<'_, '_>) {
    let mut head = ResponseHead::default();
    let parsed = head.parse(RESPONSE, &HeadLimits::default());
    assert!(parsed.is_ok(), "the sample is a response");
    let mut out = Buffer::with_capacity(4096);
    bencher.bench_local(|| {
        out.clear();
        encode::status_line(&mut out, head.status);
        encode::copy_fields(&mut out, black_box(RESPONSE), &head.fields, |field| !field.hop);
        out.put(encode::END);
        black_box(out.filled()).len()
    });
}

/// The first is in its normal form already, as nearly all are; the others have to be rewritten.
#[divan::bench(
    args = ["/hello/world/a.html", "/a/./b/../c//d", "/caf%c3%a9/%7euser"],
    sample_size = TURNS,
)]
fn routing_path(bencher: Bencher<'_, '_>, path: &str) {
    let mut scratch = Vec::new();
    bencher.bench_local(|| {
        uri::routing_path(black_box(path.as_bytes()), &mut scratch).map(|path| path.bytes().len())
    });
}

fn parsed_request() -> RequestHead {
    let mut head = RequestHead::default();
    let parsed = head.parse(REQUEST, &HeadLimits::default());
    assert!(parsed.is_ok(), "the sample is a request");
    head
}
