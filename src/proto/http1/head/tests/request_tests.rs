use super::super::ParseError as E;
use super::*;

/// A request head with these lines; the end of the head is added.
fn of(lines: &str) -> Vec<u8> {
    format!("{lines}\r\n\r\n").into_bytes()
}

fn check(lines: &str, expected: Result<BodyLength, ParseError>) {
    let (outcome, head) = request(&of(lines));
    let found = outcome.map(|parsed| {
        assert_eq!(parsed, Parsed::Complete, "{lines:?}");
        head.body
    });
    assert_eq!(found, expected, "{lines:?}");
}

fn refused(lines: &str, expected: ParseError) {
    check(lines, Err(expected));
}

fn accepted(lines: &str) -> RequestHead {
    let (outcome, head) = request(&of(lines));
    assert_eq!(outcome, Ok(Parsed::Complete), "{lines:?}");
    head
}

#[test]
fn request_lines() {
    for (line, error) in [
        (" GET / HTTP/1.1", E::BadMethod),
        ("\tGET / HTTP/1.1", E::BadMethod),
        ("G\x01T / HTTP/1.1", E::BadMethod),
        ("G(T / HTTP/1.1", E::BadMethod),
        ("GET", E::BadMethod),
        ("G\u{e9}T / HTTP/1.1", E::BadMethod),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1", E::BadMethod),
        ("GET  / HTTP/1.1", E::BadTarget),
        ("GET\t/ HTTP/1.1", E::BadMethod),
        ("GET /\tHTTP/1.1", E::BadTarget),
        ("GET /\x0bHTTP/1.1", E::BadTarget),
        ("GET /\x00 HTTP/1.1", E::BadTarget),
        ("GET /\x7f HTTP/1.1", E::BadTarget),
        ("GET /\u{e9} HTTP/1.1", E::BadTarget),
        ("GET /a#b HTTP/1.1", E::BadTarget),
        ("GET /a?b#c HTTP/1.1", E::BadTarget),
        ("GET /a b HTTP/1.1", E::BadVersion),
        ("GET /  HTTP/1.1", E::BadVersion),
        ("GET / HTTP/1.1 ", E::BadVersion),
        ("GET / HTTP/1.1\t", E::BadVersion),
        ("GET / HTTP/1.1x", E::BadVersion),
        ("GET /", E::BadVersion),
        ("GET / ", E::BadVersion),
        ("GET / http/1.1", E::BadVersion),
        ("GET / HTTP/01.1", E::BadVersion),
        ("GET / HTTP/1.01", E::BadVersion),
        ("GET / HTTP/1,1", E::BadVersion),
        ("GET / HTTP/1", E::BadVersion),
        ("GET / HTTP", E::BadVersion),
        ("GET / FTP/1.1", E::BadVersion),
        ("GET / HTTP/-1.1", E::BadVersion),
        ("GET / HTTP/1.2", E::VersionUnsupported),
        ("GET / HTTP/2.0", E::VersionUnsupported),
        ("GET / HTTP/0.9", E::VersionUnsupported),
        ("PRI * HTTP/2.0", E::VersionUnsupported),
    ] {
        refused(&format!("{line}\r\nHost: a"), error);
    }
}

#[test]
fn line_ends() {
    for (bytes, error) in [
        (&b"GET / HTTP/1.1\nHost: a\r\n\r\n"[..], E::BareLf),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n", E::BareLf),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\n", E::BareLf),
        (b"GET / HTTP/1.1\r\nHost: a\n\n", E::BareLf),
        (b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", E::BareLf),
        (b"GET\n", E::BareLf),
        (b"GET /\n", E::BareLf),
        (b"GET / HTTP/1.1\rHost: a\r\n\r\n", E::BareCr),
        (b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", E::BareCr),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\rX", E::BareCr),
        (b"GET /\rx HTTP/1.1\r\n", E::BareCr),
        (b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", E::BareCr),
        (b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", E::BareCr),
        (b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", E::BareCr),
        (b"GET / HTTP/1.1\r\nHost\n: a\r\n\r\n", E::BareLf),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", E::BadMethod),
    ] {
        assert_eq!(request(bytes).0, Err(error), "{:?}", bytes.escape_ascii().to_string());
    }
}

#[test]
fn empty_lines_before_a_request_are_skipped_and_counted() {
    for count in 0..12 {
        let mut bytes = b"\r\n".repeat(count);
        bytes.extend(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest");
        let (outcome, head) = request(&bytes);
        if count > EMPTY_LINES_MAX {
            assert_eq!(outcome, Err(E::TooManyEmptyLines));
            continue;
        }
        assert_eq!(outcome, Ok(Parsed::Complete));
        assert_eq!(&bytes[head.len..], b"rest");
        assert_eq!(head.method_name.of(&bytes), b"GET");
        assert_eq!(head.host.of(&bytes), b"a");
    }
}

#[test]
fn field_lines() {
    for (line, error) in [
        (" X: a", E::ObsFold),
        ("\tX: a", E::ObsFold),
        ("X: a\r\n b", E::ObsFold),
        ("X: a\r\n\tb: c", E::ObsFold),
        ("X : a", E::SpaceBeforeColon),
        ("X\t: a", E::SpaceBeforeColon),
        ("Content-Length : 5", E::SpaceBeforeColon),
        ("Transfer-Encoding\x0b: chunked", E::BadFieldName),
        (": a", E::BadFieldName),
        ("X", E::BadFieldName),
        ("X\u{e9}: a", E::BadFieldName),
        ("X\x00: a", E::BadFieldName),
        ("(X): a", E::BadFieldName),
        ("X: a\x00b", E::BadFieldValue),
        ("X: a\x01", E::BadFieldValue),
        ("X: \x7f", E::BadFieldValue),
        ("X: a\x0bb", E::BadFieldValue),
        ("X: a\x0cb", E::BadFieldValue),
        ("X: \x1b[1m", E::BadFieldValue),
    ] {
        refused(&format!("GET / HTTP/1.1\r\nHost: a\r\n{line}"), error);
        refused(&format!("GET / HTTP/1.1\r\n{line}\r\nHost: a"), error);
    }
}

#[test]
fn every_control_byte_is_refused_everywhere() {
    for byte in (0..=0x1f).chain([0x7f]).filter(|&b| b != b'\t') {
        for place in ["G@T / HTTP/1.1\r\nHost: a", "GET /@ HTTP/1.1\r\nHost: a"]
            .into_iter()
            .chain(["GET / HTTP/1.1\r\nHo@st: a", "GET / HTTP/1.1\r\nHost: a@b"])
            .chain(["GET / HTTP/1.1\r\nHost: a\r\nX: @", "GET / HTTP/1.1@\r\nHost: a"])
        {
            let bytes = of(&place.replace('@', &char::from(byte).to_string()));
            let (outcome, _) = request(&bytes);
            assert!(outcome.is_err(), "{byte:#x} in {place:?}: {outcome:?}");
        }
    }
}

#[test]
fn values_are_trimmed_and_may_be_empty_or_not_ascii() {
    let bytes = b"GET / HTTP/1.1\r\nHost:a\r\nA: \t b \t\r\nB:\r\nC: \t \r\nD: \xff\x80 x\r\n\r\n";
    let (outcome, head) = request(bytes);
    assert_eq!(outcome, Ok(Parsed::Complete));
    let values: Vec<_> = head.fields.iter().map(|field| field.value.of(bytes)).collect();
    assert_eq!(values, [&b"a"[..], b"b", b"", b"", b"\xff\x80 x"]);
}

#[test]
fn hosts() {
    for (lines, expected) in [
        ("Host: a", Ok(BodyLength::None)),
        ("hOsT: example.com:8080", Ok(BodyLength::None)),
        ("Host: [::1]:80", Ok(BodyLength::None)),
        ("Host: 127.0.0.1", Ok(BodyLength::None)),
        ("X: a", Err(E::NoHost)),
        ("Host: a\r\nHost: a", Err(E::TwoHosts)),
        ("Host: a\r\nX: b\r\nhost: b", Err(E::TwoHosts)),
        ("Host:", Err(E::BadHost)),
        ("Host: a b", Err(E::BadHost)),
        ("Host: a/b", Err(E::BadHost)),
        ("Host: u@a", Err(E::BadHost)),
        ("Host: a,b", Err(E::BadHost)),
        ("Host: a:b", Err(E::BadHost)),
        ("Host: a:99999", Err(E::BadHost)),
        ("Host: ::1", Err(E::BadHost)),
        ("Host: [::1", Err(E::BadHost)),
        ("Host: [::1]x", Err(E::BadHost)),
        ("Host: :80", Err(E::BadHost)),
        ("Host: a\u{e9}", Err(E::BadHost)),
        ("Host: http://a/", Err(E::BadHost)),
    ] {
        check(&format!("GET / HTTP/1.1\r\n{lines}"), expected);
        // An authority in the target replaces Host, but does not excuse it.
        check(&format!("GET http://t/ HTTP/1.1\r\n{lines}"), expected);
    }
    check("GET / HTTP/1.0\r\nX: a", Ok(BodyLength::None));
    check("GET / HTTP/1.0", Ok(BodyLength::None));
    refused("GET / HTTP/1.0\r\nHost: a\r\nHost: a", E::TwoHosts);
    refused("GET / HTTP/1.0\r\nHost: /", E::BadHost);
    refused("GET / HTTP/1.1", E::NoHost);
}

#[test]
fn lengths() {
    use BodyLength::{Chunked, Fixed, None};
    for (lines, expected) in [
        ("X: a", Ok(None)),
        ("Content-Length: 0", Ok(None)),
        ("Content-Length: 5", Ok(Fixed(5))),
        ("content-length:\t005 ", Ok(Fixed(5))),
        ("Content-Length: 9223372036854775807", Ok(Fixed(i64::MAX as u64))),
        ("Content-Length: 9223372036854775808", Err(E::BadContentLength)),
        ("Content-Length: 18446744073709551616", Err(E::BadContentLength)),
        ("Content-Length: 99999999999999999999999999", Err(E::BadContentLength)),
        ("Content-Length:", Err(E::BadContentLength)),
        ("Content-Length: +5", Err(E::BadContentLength)),
        ("Content-Length: -5", Err(E::BadContentLength)),
        ("Content-Length: -0", Err(E::BadContentLength)),
        ("Content-Length: 0x5", Err(E::BadContentLength)),
        ("Content-Length: 5 5", Err(E::BadContentLength)),
        ("Content-Length: 5,5", Err(E::BadContentLength)),
        ("Content-Length: 5, 6", Err(E::BadContentLength)),
        ("Content-Length: 5.0", Err(E::BadContentLength)),
        ("Content-Length: \"5\"", Err(E::BadContentLength)),
        ("Content-Length: 5\r\nContent-Length: 5", Err(E::TwoLengths)),
        ("Content-Length: 5\r\nX: a\r\nContent-Length: 6", Err(E::TwoLengths)),
        ("Content-Length: 0\r\nContent-Length: 6", Err(E::TwoLengths)),
        ("Transfer-Encoding: chunked", Ok(Chunked)),
        ("tRANSFER-eNCODING:  Chunked\t", Ok(Chunked)),
        ("Transfer-Encoding:", Err(E::BadTransferEncoding)),
        ("Transfer-Encoding: ,", Err(E::BadTransferEncoding)),
        ("Transfer-Encoding: chunked,", Err(E::BadTransferEncoding)),
        ("Transfer-Encoding: , chunked", Err(E::BadTransferEncoding)),
        ("Transfer-Encoding: chunked, chunked", Err(E::BadTransferEncoding)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Err(E::BadTransferEncoding)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", Err(E::BadTransferEncoding)),
        ("Transfer-Encoding: chunked, gzip", Err(E::BadTransferEncoding)),
        ("Transfer-Encoding: chunked, identity", Err(E::BadTransferEncoding)),
        ("Transfer-Encoding: chunked;q=1", Err(E::BadTransferEncoding)),
        ("Transfer-Encoding: \"chunked\"", Err(E::BadTransferEncoding)),
        ("Transfer-Encoding: chunked x", Err(E::BadTransferEncoding)),
        ("Transfer-Encoding: \u{b}chunked", Err(E::BadFieldValue)),
        ("Transfer-Encoding: identity", Err(E::UnknownTransferCoding)),
        (
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
            Err(E::UnknownTransferCoding),
        ),
        ("Transfer-Encoding: gzip", Err(E::UnknownTransferCoding)),
        ("Transfer-Encoding: gzip, chunked", Err(E::UnknownTransferCoding)),
        ("Transfer-Encoding: xchunked", Err(E::UnknownTransferCoding)),
        ("Transfer-Encoding: chunke", Err(E::UnknownTransferCoding)),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", Err(E::LengthAndChunked)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0", Err(E::LengthAndChunked)),
    ] {
        check(&format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}"), expected);
    }
    refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked", E::ChunkedOn10);
    refused("POST / HTTP/1.0\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", {
        E::LengthAndChunked
    });
    check("POST / HTTP/1.0\r\nContent-Length: 7", Ok(Fixed(7)));
}

#[test]
fn targets() {
    for (line, form, host, path, query) in [
        ("GET /", TargetForm::Origin, "h", "/", None),
        ("GET /a/b", TargetForm::Origin, "h", "/a/b", None),
        ("GET /a?", TargetForm::Origin, "h", "/a", Some("")),
        ("GET /a?b?c=/d", TargetForm::Origin, "h", "/a", Some("b?c=/d")),
        ("GET //x/y", TargetForm::Origin, "h", "//x/y", None),
        ("GET http://t", TargetForm::Absolute, "t", "/", None),
        ("GET HTTPS://t:1/x?y", TargetForm::Absolute, "t:1", "/x", Some("y")),
        ("GET http://t?y/z", TargetForm::Absolute, "t", "/", Some("y/z")),
        ("GET http://[::1]:8/x", TargetForm::Absolute, "[::1]:8", "/x", None),
        ("OPTIONS *", TargetForm::Asterisk, "h", "*", None),
        ("OPTIONS /x", TargetForm::Origin, "h", "/x", None),
        ("CONNECT t:443", TargetForm::Authority, "t:443", "", None),
    ] {
        let lines = format!("{line} HTTP/1.1\r\nHost: h");
        let (bytes, head) = (of(&lines), accepted(&lines));
        assert_eq!(head.form, form, "{line}");
        assert_eq!(head.host.of(&bytes), host.as_bytes(), "{line}");
        assert_eq!(head.path(&bytes), path.as_bytes(), "{line}");
        assert_eq!(head.query.map(|query| query.of(&bytes)), query.map(str::as_bytes), "{line}");
    }
    for line in [
        "GET *",
        "OPTIONS *x",
        "GET t:443",
        "GET t",
        "CONNECT /",
        "CONNECT t",
        "CONNECT t:",
        "CONNECT t:443/",
        "CONNECT u@t:443",
        "CONNECT http://t:443",
        "GET http://",
        "GET http:///x",
        "GET http://u@t/",
        "GET http://u:p@t/",
        "GET http://t:x/",
        "GET ftp://t/",
        "GET http:/t/",
        "GET httpx://t/",
        "GET ?a",
        "GET \\x",
    ] {
        refused(&format!("{line} HTTP/1.1\r\nHost: h"), E::BadTarget);
    }
    assert_eq!(accepted("GET https://t/ HTTP/1.1\r\nHost: h").scheme, Some(Scheme::Https));
}
