use super::*;
use crate::proto::http1::{HeadLimits, Parsed};

fn policy() -> Compression {
    Compression {
        codings: vec![(Coding::Brotli, 4), (Coding::Zstd, 3), (Coding::Gzip, 5)],
        bytes_min: 100,
        types: vec![
            MediaRange::Exact(Box::from(*b"application/json")),
            MediaRange::Under(Box::from(*b"text/")),
            MediaRange::EndingIn(Box::from(*b"+xml")),
        ],
    }
}

/// What becomes of the response, with `\n` for each line end.
fn treat(request: &str, response: &str) -> Treatment {
    let (request_bytes, response_bytes) =
        (request.replace('\n', "\r\n"), response.replace('\n', "\r\n"));
    let (mut request, mut response) = (RequestHead::default(), ResponseHead::default());
    let limits = HeadLimits::default();
    assert_eq!(request.parse(request_bytes.as_bytes(), &limits), Ok(Parsed::Complete));
    assert_eq!(response.parse(response_bytes.as_bytes(), &limits), Ok(Parsed::Complete));
    policy().treat(Answer {
        request: &request,
        request_bytes: request_bytes.as_bytes(),
        response: &response,
        response_bytes: response_bytes.as_bytes(),
    })
}

/// Of a GET that takes gzip.
fn coded(response: &str) -> Treatment {
    treat("GET / HTTP/1.1\nHost: a\nAccept-Encoding: gzip\n\n", response)
}

fn accepted(accept: &str) -> Option<Coding> {
    let request = format!("GET / HTTP/1.1\nHost: a\nAccept-Encoding: {accept}\n\n");
    let treatment = treat(&request, TEXT);
    assert!(treatment.varies, "for another client it would be coded");
    treatment.coding.map(|(coding, _)| coding)
}

const TEXT: &str = "HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 500\n\n";
const GZIP: Treatment = Treatment { varies: true, weakened: true, coding: Some((Coding::Gzip, 5)) };
const PLAIN: Treatment = Treatment { varies: true, weakened: false, coding: None };
const UNTOUCHED: Treatment = Treatment { varies: false, weakened: false, coding: None };

#[test]
fn what_the_client_wants_most() {
    for (accept, expected) in [
        ("gzip", Some(Coding::Gzip)),
        ("x-gzip", Some(Coding::Gzip)),
        ("gzip, br", Some(Coding::Brotli)),
        ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
        ("gzip, zstd", Some(Coding::Zstd)),
        ("br;q=0.5, gzip", Some(Coding::Gzip)),
        ("br;q=0, gzip;q=0.1", Some(Coding::Gzip)),
        ("*", Some(Coding::Brotli)),
        ("br;q=0, *;q=0.5", Some(Coding::Zstd)),
        ("*;q=0, gzip", Some(Coding::Gzip)),
        ("*;q=0", None),
        ("identity", None),
        ("identity;q=0, gzip;q=0.1", Some(Coding::Gzip)),
        ("identity;q=0.5, gzip;q=0.1", None),
        ("identity;q=0.5, gzip;q=0.5", Some(Coding::Gzip)),
        ("gzip;q=0", None),
        ("deflate, compress", None),
        ("", None),
    ] {
        assert_eq!(accepted(accept), expected, "{accept}");
    }
    assert_eq!(treat("GET / HTTP/1.1\nHost: a\n\n", TEXT), PLAIN);
    let old = "GET / HTTP/1.0\nAccept-Encoding: gzip\n\n";
    assert_eq!(treat(old, TEXT), PLAIN, "it knows no chunks");
}

#[test]
fn types_and_lengths() {
    let of = |fields: &str| coded(&format!("HTTP/1.1 200 OK\n{fields}\n"));
    for (kind, expected) in [
        ("text/html; charset=utf-8", GZIP),
        ("TEXT/HTML", GZIP),
        ("application/json", GZIP),
        ("application/json;a=b", GZIP),
        ("image/svg+xml", GZIP),
        ("application/jsonp", UNTOUCHED),
        ("image/png", UNTOUCHED),
        ("text", UNTOUCHED),
        ("", UNTOUCHED),
    ] {
        let fields = format!("Content-Type: {kind}\nContent-Length: 500\n");
        assert_eq!(of(&fields), expected, "{kind}");
    }
    assert_eq!(of("Content-Length: 500\n"), UNTOUCHED, "nobody knows what it is");
    assert_eq!(of("Content-Type: text/css\nContent-Length: 99\n"), UNTOUCHED);
    assert_eq!(of("Content-Type: text/css\nContent-Length: 100\n"), GZIP);
    assert_eq!(of("Content-Type: text/css\nTransfer-Encoding: chunked\n"), GZIP);
    assert_eq!(of("Content-Type: text/css\n"), GZIP);
}

#[test]
fn what_a_coding_would_break_is_left_alone() {
    for (status, field) in [
        ("200 OK", "Content-Encoding: br"),
        ("200 OK", "Content-Encoding: identity"),
        ("206 Partial Content", "Content-Range: bytes 0-499/1000"),
        ("206 Partial Content", "X: multipart"),
        ("200 OK", "Content-Range: bytes 0-499/1000"),
        ("200 OK", "Cache-Control: no-transform"),
        ("200 OK", "Cache-Control: public, No-Transform"),
        ("200 OK", "Trailer: x-checksum"),
        ("200 OK", "Content-Digest: sha-256=:x:"),
        ("200 OK", "Repr-Digest: sha-256=:x:"),
        ("200 OK", "Content-MD5: x"),
        ("204 No Content", "X: y"),
    ] {
        let length = if status.starts_with("204") { "" } else { "Content-Length: 500\n" };
        let response = format!("HTTP/1.1 {status}\nContent-Type: text/plain\n{length}{field}\n\n");
        assert_eq!(coded(&response), UNTOUCHED, "{status} {field}");
    }
    let asked = "GET / HTTP/1.1\nHost: a\nAccept-Encoding: gzip\nCache-Control: no-transform\n\n";
    assert_eq!(treat(asked, TEXT), UNTOUCHED);
    assert_eq!(coded(&TEXT.replace("200 OK", "404 Not Found")), GZIP);
}

#[test]
fn who_asks_for_the_head_is_told_as_who_asks_for_all() {
    let head = "HEAD / HTTP/1.1\nHost: a\nAccept-Encoding: gzip\n\n";
    assert_eq!(treat(head, TEXT), GZIP);
    assert_eq!(treat(head, &TEXT.replace("500", "50")), UNTOUCHED);
    let same = Treatment { varies: true, weakened: true, coding: None };
    assert_eq!(coded("HTTP/1.1 304 Not Modified\nETag: \"x\"\n\n"), same);
}
