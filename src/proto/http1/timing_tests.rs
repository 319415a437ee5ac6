//! What the path of every request costs, in nanoseconds; the bench package measures it in earnest.
//!
//! `cargo test --release --lib proto::http1::timing -- --ignored --nocapture`

use std::hint::black_box;
use std::time::Instant;

use super::{Chunked, HeadLimits, Output, RequestHead, ResponseHead, encode};
use crate::base::buffer::Buffer;
use crate::proto::uri;

const REQUEST: &[u8] = b"GET /hello/world?x=1 HTTP/1.1\r\nHost: localhost:8080\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept: */*\r\n\
    Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\
    Date: Fri, 20 Nov 2026 19:00:00 GMT\r\nContent-Type: application/octet-stream\r\n\
    Content-Length: 1024\r\nConnection: keep-alive\r\n\
    Last-Modified: Fri, 20 Nov 2026 19:00:00 GMT\r\n\r\n";

#[test]
#[ignore = "a measurement: means something in release, on a quiet machine"]
fn nanoseconds_per_message() {
    let limits = HeadLimits::default();
    let mut request = RequestHead::default();
    time("request head, 5 fields", || request.parse(black_box(REQUEST), &limits).is_ok());
    let mut response = ResponseHead::default();
    time("response head, 6 fields", || response.parse(black_box(RESPONSE), &limits).is_ok());

    let mut out = Buffer::with_capacity(4096);
    time("request head written", || {
        out.clear();
        let method = request.method_name.of(REQUEST);
        encode::request_line(&mut out, method, request.target.of(REQUEST));
        encode::copy_fields(&mut out, REQUEST, &request.fields, |field| !field.hop);
        out.put(encode::END);
        !black_box(out.filled()).is_empty()
    });
    let mut scratch = Vec::new();
    time("path", || uri::routing_path(black_box(b"/hello/world/a.html"), &mut scratch).is_ok());
    let mut body = [b"400\r\n", &[b'x'; 1024][..], b"\r\n0\r\n\r\n"].concat();
    time("chunked body of 1 KiB", || {
        Chunked::new(Output::Keep).relay(black_box(&mut body)).is_ok()
    });
}

/// Prints the best of many runs: what is above it is the machine.
fn time(what: &str, mut run: impl FnMut() -> bool) {
    const TURNS: u32 = 20_000;
    let mut best = f64::MAX;
    for _ in 0..50 {
        let started = Instant::now();
        for _ in 0..TURNS {
            assert!(black_box(run()));
        }
        best = best.min(started.elapsed().as_nanos() as f64 / f64::from(TURNS));
    }
    println!("{what}: {best:.0} ns");
}
