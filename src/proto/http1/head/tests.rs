//! Every row of RFC 9112 that a head can break, and every head at every split.

use super::*;

mod fact_tests;
mod request_tests;
mod response_tests;

/// Small enough that the tables can reach them.
const LIMITS: HeadLimits = HeadLimits { head_bytes_max: 512, fields_max: 8, target_bytes_max: 64 };

/// Parses `bytes` whole, at every split in two, and byte by byte. All must agree.
fn request(bytes: &[u8]) -> (Result<Parsed, ParseError>, RequestHead) {
    let mut whole = RequestHead::default();
    let outcome = whole.parse(bytes, &LIMITS);
    let expected = format!("{outcome:?} {}", shown(&whole, outcome));
    for cut in 0..bytes.len() {
        let mut head = RequestHead::default();
        let first = head.parse(&bytes[..cut], &LIMITS);
        let last = match first {
            Ok(Parsed::Partial) => head.parse(bytes, &LIMITS),
            other => other,
        };
        let found = format!("{last:?} {}", shown(&head, last));
        assert_eq!(found, expected, "split at {cut} of {:?}", bytes.escape_ascii().to_string());
    }
    let mut head = RequestHead::default();
    let mut last = head.parse(b"", &LIMITS);
    for end in 1..=bytes.len() {
        if last == Ok(Parsed::Partial) {
            last = head.parse(&bytes[..end], &LIMITS);
        }
    }
    let found = format!("{last:?} {}", shown(&head, last));
    assert_eq!(found, expected, "byte by byte {:?}", bytes.escape_ascii().to_string());
    (outcome, whole)
}

fn shown(head: &RequestHead, outcome: Result<Parsed, ParseError>) -> String {
    if outcome == Ok(Parsed::Complete) { format!("{head:?}") } else { String::new() }
}

fn response(bytes: &[u8]) -> (Result<Parsed, ParseError>, ResponseHead) {
    let mut whole = ResponseHead::default();
    let outcome = whole.parse(bytes, &LIMITS);
    for cut in 0..bytes.len() {
        let mut head = ResponseHead::default();
        let last = match head.parse(&bytes[..cut], &LIMITS) {
            Ok(Parsed::Partial) => head.parse(bytes, &LIMITS),
            other => other,
        };
        assert_eq!(last, outcome, "split at {cut} of {:?}", bytes.escape_ascii().to_string());
        if outcome == Ok(Parsed::Complete) {
            assert_eq!(format!("{head:?}"), format!("{whole:?}"), "split at {cut}");
        }
    }
    let mut head = ResponseHead::default();
    let mut last = head.parse(b"", &LIMITS);
    for end in 1..=bytes.len() {
        if last == Ok(Parsed::Partial) {
            last = head.parse(&bytes[..end], &LIMITS);
        }
    }
    assert_eq!(last, outcome, "byte by byte {:?}", bytes.escape_ascii().to_string());
    (outcome, whole)
}

#[test]
fn a_table_is_reused_without_growing() {
    let bytes = b"GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n";
    let mut head = RequestHead::default();
    assert_eq!(head.parse(bytes, &LIMITS), Ok(Parsed::Complete));
    let room = (head.fields.as_ptr(), head.fields.capacity());
    for _ in 0..3 {
        assert_eq!(head.parse(bytes, &LIMITS), Ok(Parsed::Complete));
        assert_eq!(head.fields.len(), 3);
        assert_eq!((head.fields.as_ptr(), head.fields.capacity()), room);
    }
}

#[test]
fn nothing_of_a_head_is_seen_by_the_next() {
    let mut head = RequestHead::default();
    let first =
        b"\r\nPOST http://a:1/p?q HTTP/1.0\r\nHost: b\r\nContent-Length: 5\r\nTE: trailers\r\n\
                  Connection: keep-alive, x\r\nExpect: 100-continue\r\nUpgrade: u\r\n\r\n";
    assert_eq!(head.parse(first, &LIMITS), Ok(Parsed::Complete));
    let second = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(head.parse(second, &LIMITS), Ok(Parsed::Complete));
    let mut fresh = RequestHead::default();
    assert_eq!(fresh.parse(second, &LIMITS), Ok(Parsed::Complete));
    assert_eq!(format!("{head:?}"), format!("{fresh:?}"));
}

#[test]
fn an_error_leaves_nothing_behind() {
    let mut head = RequestHead::default();
    let bad = b"GET /?a HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n";
    assert_eq!(head.parse(bad, &LIMITS), Err(ParseError::BadContentLength));
    let good = b"GET / HTTP/1.1\r\nHost: b\r\n\r\n";
    assert_eq!(head.parse(good, &LIMITS), Ok(Parsed::Complete));
    assert_eq!((head.fields.len(), head.query, head.host.of(good)), (1, None, &b"b"[..]));
}

#[test]
fn pipelined_requests_end_where_the_next_begins() {
    let bytes = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: b\r\n\r\nGET";
    let mut head = RequestHead::default();
    assert_eq!(head.parse(bytes, &LIMITS), Ok(Parsed::Complete));
    let rest = &bytes[head.len..];
    assert_eq!(head.parse(rest, &LIMITS), Ok(Parsed::Complete));
    assert_eq!(head.path(rest), b"/b");
    let rest = &rest[head.len..];
    assert_eq!(rest, b"GET");
    assert_eq!(head.parse(rest, &LIMITS), Ok(Parsed::Partial));
}

#[test]
fn a_long_head_byte_by_byte_is_not_quadratic() {
    // 60,000 calls that each looked at all bytes again would look at 1.8 billion.
    let limits = HeadLimits { head_bytes_max: 60_000, fields_max: 8, target_bytes_max: 50_000 };
    let target = "a".repeat(29_000);
    let value = "b".repeat(29_000);
    let bytes = format!("GET /{target} HTTP/1.1\r\nHost: a\r\nX: {value}\r\n\r\n").into_bytes();
    let began = cpu_time();
    let mut head = RequestHead::default();
    let mut outcome = Ok(Parsed::Partial);
    for end in 0..=bytes.len() {
        outcome = head.parse(&bytes[..end], &limits);
    }
    assert_eq!(outcome, Ok(Parsed::Complete));
    let reason = "r".repeat(59_000);
    let bytes = format!("HTTP/1.1 200 {reason}\r\n\r\n").into_bytes();
    let mut head = ResponseHead::default();
    for end in 0..=bytes.len() {
        outcome = head.parse(&bytes[..end], &limits);
    }
    assert_eq!(outcome, Ok(Parsed::Complete));
    let spent = cpu_time() - began;
    assert!(spent.as_millis() < 1000, "{spent:?}");
}

/// Of this thread: whatever else the machine does meanwhile.
#[allow(clippy::disallowed_methods)] // procfs does not block
fn cpu_time() -> std::time::Duration {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanos = schedstat.split(' ').next().unwrap().parse().unwrap();
    std::time::Duration::from_nanos(nanos)
}

#[test]
fn silence_and_empty_lines_are_not_a_started_request() {
    for (bytes, started) in
        [(&b""[..], false), (b"\r", false), (b"\r\n\r\n", false), (b"\r\nG", true), (b"G", true)]
    {
        let mut head = RequestHead::default();
        assert_eq!(head.parse(bytes, &LIMITS), Ok(Parsed::Partial));
        assert_eq!(head.started(), started, "{bytes:?}");
    }
}
