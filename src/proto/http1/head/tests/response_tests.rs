use super::super::ParseError as E;
use super::*;

fn parsed(lines: &str) -> (Vec<u8>, ResponseHead) {
    let bytes = format!("{lines}\r\n\r\n").into_bytes();
    let (outcome, head) = response(&bytes);
    assert_eq!(outcome, Ok(Parsed::Complete), "{lines:?}");
    (bytes, head)
}

#[test]
fn status_lines() {
    for (line, status, reason) in [
        ("HTTP/1.1 200 OK", 200, &b"OK"[..]),
        ("HTTP/1.0 404 Not Found", 404, b"Not Found"),
        ("HTTP/1.1 200 ", 200, b""),
        ("HTTP/1.1 200", 200, b""),
        ("HTTP/1.1 999 \tx\u{e9} ", 999, b"\tx\xc3\xa9 "),
        ("HTTP/1.1 100 Continue", 100, b"Continue"),
    ] {
        let (bytes, head) = parsed(line);
        assert_eq!((head.status, head.reason.of(&bytes)), (status, reason), "{line}");
    }
    for (bytes, error) in [
        (&b"HTTP/1.1 20 OK\r\n"[..], E::BadStatus),
        (b"HTTP/1.1 2000 OK\r\n", E::BadStatus),
        (b"HTTP/1.1 099 OK\r\n", E::BadStatus),
        (b"HTTP/1.1 2x0 OK\r\n", E::BadStatus),
        (b"HTTP/1.1  200 OK\r\n", E::BadStatus),
        (b"HTTP/1.1\t200 OK\r\n", E::BadStatus),
        (b"HTTP/1.1 200\tOK\r\n", E::BadStatus),
        (b"HTTP/1.1\r\n", E::BadStatus),
        (b"HTTP/1.1 200 O\x00K\r\n", E::BadReason),
        (b"HTTP/1.1 200 O\x7fK\r\n", E::BadReason),
        (b"HTTP/1.1 200 OK\n", E::BareLf),
        (b"HTTP/1.1 200\n", E::BareLf),
        (b"HTTP/1.1 200 O\rK\r\n", E::BareCr),
        (b"HTTP/1.2 200 OK\r\n", E::VersionUnsupported),
        (b"HTTP/2.0 200 OK\r\n", E::VersionUnsupported),
        (b"HTTP/2 200 OK\r\n", E::BadVersion),
        (b"ICY 200 OK\r\n", E::BadVersion),
        (b"\r\nHTTP/1.1 200 OK\r\n", E::BadVersion),
        (b"http/1.1 200 OK\r\n", E::BadVersion),
        (b"<html>", E::BadVersion),
        (b"\x00", E::BadVersion),
    ] {
        assert_eq!(response(bytes).0, Err(error), "{:?}", bytes.escape_ascii().to_string());
    }
}

#[test]
fn field_lines_are_as_strict_as_in_requests() {
    for (line, error) in [
        ("X : a", E::SpaceBeforeColon),
        ("X: a\r\n b", E::ObsFold),
        (" X: a", E::ObsFold),
        (": a", E::BadFieldName),
        ("X: a\x00", E::BadFieldValue),
        ("Content-Length: 1\r\nContent-Length: 1", E::TwoLengths),
        ("Content-Length: 1, 1", E::BadContentLength),
        ("Content-Length:", E::BadContentLength),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked", E::LengthAndChunked),
        ("Transfer-Encoding: gzip", E::UnknownTransferCoding),
        ("Transfer-Encoding: chunked, chunked", E::BadTransferEncoding),
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\nA: b\r\n{line}\r\n\r\n").into_bytes();
        assert_eq!(response(&bytes).0, Err(error), "{line}");
    }
    let old = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(response(old).0, Err(E::ChunkedOn10));
}

#[test]
fn body_lengths() {
    use BodyLength::{Chunked, Fixed, None, UntilClose};
    use Method::{Connect, Get, Head};
    for (status, lines, request, expected) in [
        (200, "X: y", Get, UntilClose),
        (200, "Content-Length: 5", Get, Fixed(5)),
        (200, "Content-Length: 0", Get, None),
        (200, "Transfer-Encoding: chunked", Get, Chunked),
        (200, "Content-Length: 5", Head, None),
        (200, "Transfer-Encoding: chunked", Head, None),
        (200, "X: y", Head, None),
        (404, "Content-Length: 5", Head, None),
        (100, "X: y", Get, None),
        (103, "Content-Length: 5", Get, None),
        (101, "X: y", Get, None),
        (204, "X: y", Get, None),
        (204, "Content-Length: 5", Get, None),
        (304, "Content-Length: 5", Get, None),
        (304, "Transfer-Encoding: chunked", Get, None),
        (205, "X: y", Get, UntilClose),
        (200, "X: y", Connect, None),
        (299, "Content-Length: 5", Connect, None),
        (200, "Transfer-Encoding: chunked", Connect, None),
        (400, "Content-Length: 5", Connect, Fixed(5)),
    ] {
        let (_, head) = parsed(&format!("HTTP/1.1 {status} x\r\n{lines}"));
        assert_eq!(head.body_length(request), expected, "{status} {lines} {request:?}");
    }
}

#[test]
fn keep_alive_by_version() {
    for (lines, expected) in [
        ("HTTP/1.1 200 OK", true),
        ("HTTP/1.1 200 OK\r\nConnection: close", false),
        ("HTTP/1.0 200 OK", false),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive", true),
    ] {
        assert_eq!(parsed(lines).1.keep_alive, expected, "{lines}");
    }
}

#[test]
fn a_length_is_not_forwarded_where_none_may_be() {
    for (status, expected) in [(103, true), (204, true), (200, false), (304, false)] {
        let (_, head) = parsed(&format!("HTTP/1.1 {status} x\r\nContent-Length: 0"));
        assert_eq!(head.field(FieldName::ContentLength).map(|f| f.hop), Some(expected));
        assert_eq!(head.declared_length, Some(0));
    }
}

#[test]
fn interim_responses_and_switches() {
    for (status, expected) in [(100, true), (102, true), (103, true), (101, false), (200, false)] {
        assert_eq!(parsed(&format!("HTTP/1.1 {status} x")).1.is_interim(), expected, "{status}");
    }
    let (bytes, head) = parsed("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket");
    assert_eq!(head.upgrade.map(|span| span.of(&bytes)), Some(&b"websocket"[..]));
    for lines in [
        "HTTP/1.1 101 x\r\nUpgrade: websocket",
        "HTTP/1.1 101 x\r\nConnection: upgrade",
        "HTTP/1.0 101 x\r\nConnection: upgrade\r\nUpgrade: websocket",
        "HTTP/1.1 426 x\r\nConnection: upgrade\r\nUpgrade: websocket",
    ] {
        assert_eq!(parsed(lines).1.upgrade, None, "{lines}");
    }
}
