//! What the tests of both directions share, and both directions joined.

use super::*;
use crate::base::buffer::Buffer;
use crate::base::random::Random;
use crate::limits::HPACK_TABLE_BYTES;
use crate::proto::http1::{
    BodyLength, FieldName, HeadLimits, Parsed, RequestHead, ResponseHead, Scheme,
};
use crate::proto::http2::fields::{FieldLimits, Fields};
use crate::proto::http2::hpack::{Decoded, Decoder, Encoder};

pub(super) const PLAIN: RequestShape =
    RequestShape { method: Method::Get, kind: RequestKind::Plain, body: Body::None };
pub(super) const HEAD: RequestShape = RequestShape { method: Method::Head, ..PLAIN };
pub(super) const CONNECT: RequestShape =
    RequestShape { method: Method::Connect, kind: RequestKind::Connect, body: Body::Tunnel };
pub(super) const WEBSOCKET: RequestShape =
    RequestShape { method: Method::Get, kind: RequestKind::WebSocket, body: Body::Tunnel };

/// Fields out of lines `name=value`; a `␊` is a line feed inside of a value.
pub(super) fn fields(lines: &str) -> Fields {
    let mut fields = Fields::new();
    for line in lines.split_terminator('\n') {
        let (name, value) = line.split_at(line[1..].find('=').map_or(0, |at| at + 1));
        fields.push(name.as_bytes(), value[1..].replace('␊', "\n").as_bytes());
    }
    fields
}

/// A block as lines `name=value`.
pub(super) fn lines(block: &[u8]) -> String {
    let mut fields = Fields::new();
    let mut decoder = Decoder::new(HPACK_TABLE_BYTES);
    let decoded = decoder.decode(block, &mut fields, &FieldLimits::default());
    assert_eq!(decoded, Ok(Decoded::Whole));
    let line = |(name, value): (&[u8], &[u8])| {
        format!("{}={}\n", name.escape_ascii(), value.escape_ascii())
    };
    fields.iter().map(line).collect()
}

/// Bytes that were there before what a test writes: they have to stay.
pub(super) fn begun() -> Buffer {
    let mut out = Buffer::with_capacity(64);
    out.put(b"before");
    out
}

pub(super) fn written(out: &Buffer) -> String {
    let text = out.filled().strip_prefix(b"before").expect("what was there stays");
    String::from_utf8_lossy(text).replace("\r\n", "\n")
}

/// Names and values that are nasty, and some that are not.
const PIECES: &[&str] = &[
    ":method",
    ":path",
    ":scheme",
    ":authority",
    ":status",
    ":protocol",
    "GET",
    "POST",
    "CONNECT",
    "OPTIONS",
    "HEAD",
    "/",
    "/a?b=c",
    "*",
    "http",
    "https",
    "a.example",
    "a.example:443",
    "200",
    "204",
    "101",
    "103",
    "304",
    "host",
    "te",
    "trailers",
    "cookie",
    "a=b",
    "content-length",
    "0",
    "5",
    "05",
    "connection",
    "transfer-encoding",
    "chunked",
    "upgrade",
    "websocket",
    "expect",
    "100-continue",
    "x",
    "X",
    "",
    " a",
    "a b",
    "a\r\nb: c",
    "a\0",
    "a:b",
    "\u{e9}",
    "x-long-name",
    "/ HTTP/1.1\r\nHost: b\r\n\r\n",
    "http2-settings",
    "keep-alive",
    "set-cookie",
    "a.example, b",
];

fn random_fields(random: &Random) -> Fields {
    let mut fields = Fields::new();
    let piece = || PIECES[random.below(PIECES.len() as u64) as usize].as_bytes();
    let right = [
        (":method", ["GET", "POST", "OPTIONS"]),
        (":scheme", ["http", "https", "HTTP"]),
        (":path", ["/", "/a?b", "*"]),
        (":authority", ["a", "a.example:443", "[::1]"]),
    ];
    let response = random.below(2) == 0;
    if response {
        fields.push(b":status", [&b"200"[..], b"204", b"103"][random.below(3) as usize]);
    } else {
        for (name, values) in right {
            if random.below(20) > 0 {
                fields.push(name.as_bytes(), values[random.below(3) as usize].as_bytes());
            }
        }
    }
    for _ in 0..random.below(4) {
        if random.below(2) == 0 {
            fields.push(piece(), piece());
        } else {
            let name: &[u8] = [&b"cookie"[..], b"x-y", b"te", b"host"][random.below(4) as usize];
            fields.push(name, piece());
        }
    }
    fields
}

/// Whatever passes is read by the strict parser as one message of the same shape, with nothing left
/// over, unless the parser refuses it for a rule of its own.
#[test]
fn no_field_list_becomes_more_than_one_message() {
    let random = Random::seeded(0x5eed);
    let (mut requests, mut responses) = (0, 0);
    for _ in 0..60_000 {
        let fields = random_fields(&random);
        let end = random.below(2) == 0;
        let mut out = Buffer::with_capacity(1024);
        if let Ok(shape) = request_text(&fields, end, Some(b"key"), &mut out)
            && shape.kind != RequestKind::UnknownProtocol
        {
            requests += usize::from(is_one_request(out.filled(), shape));
        }
        out.clear();
        if let Ok(shape) = response_text(&fields, end, &PLAIN, b"", &mut out) {
            responses += 1;
            is_one_response(out.filled(), shape);
        }
        out.clear();
        if trailer_text(&fields, &mut out).is_ok() {
            let text = [b"HTTP/1.1 200 OK\r\n", out.filled(), b"\r\n"].concat();
            is_one_response(&text, ResponseShape { body: Body::UntilClose, ..response(200) });
        }
    }
    assert!(requests > 3000 && responses > 3000, "{requests} requests, {responses} responses");
}

pub(super) fn response(status: u16) -> ResponseShape {
    ResponseShape { status, interim: false, body: Body::None, closes: false }
}

fn is_one_request(text: &[u8], shape: RequestShape) -> bool {
    let mut head = RequestHead::default();
    match head.parse(text, &HeadLimits::default()) {
        Ok(Parsed::Complete) => {}
        Ok(Parsed::Partial) => panic!("no end: {}", text.escape_ascii()),
        // An expectation that is unknown: the parser has the last word.
        Err(_) => return false,
    }
    assert_eq!(head.len, text.len(), "{}", text.escape_ascii());
    assert_eq!(head.method, shape.method);
    let expected = match shape.body {
        Body::None | Body::Length(0) | Body::Tunnel => BodyLength::None,
        Body::Length(length) => BodyLength::Fixed(length),
        Body::Chunked => BodyLength::Chunked,
        Body::UntilClose => panic!("no request ends so"),
    };
    assert_eq!(head.body, expected, "{}", text.escape_ascii());
    assert_eq!(head.upgrade.is_some(), shape.kind == RequestKind::WebSocket);
    assert!(head.values(text, FieldName::Cookie).count() < 2);
    true
}

fn is_one_response(text: &[u8], shape: ResponseShape) {
    let mut head = ResponseHead::default();
    let parsed = head.parse(text, &HeadLimits::default());
    assert_eq!(parsed, Ok(Parsed::Complete), "{}", text.escape_ascii());
    assert_eq!((head.len, head.status), (text.len(), shape.status), "{}", text.escape_ascii());
    let expected = match shape.body {
        Body::None | Body::Length(0) | Body::Tunnel => BodyLength::None,
        Body::Length(length) => BodyLength::Fixed(length),
        Body::Chunked => BodyLength::Chunked,
        Body::UntilClose => BodyLength::UntilClose,
    };
    assert_eq!(head.body_length(Method::Get), expected, "{}", text.escape_ascii());
}

/// A request that goes through both directions is the same request.
#[test]
fn a_request_comes_back() {
    for (list, end, extended) in [
        (":method=GET\n:authority=a\n:scheme=https\n:path=/?q\naccept=*/*\n", true, false),
        (":method=POST\n:authority=a:1\n:scheme=http\n:path=/\ncontent-length=5\n", false, false),
        (":method=PUT\n:authority=a\n:scheme=http\n:path=/\nx-y=\n", false, false),
        (":method=OPTIONS\n:authority=a\n:scheme=http\n:path=*\n", true, false),
        (":method=CONNECT\n:authority=a:443\nuser-agent=c\n", false, false),
        (
            ":method=CONNECT\n:authority=a\n:scheme=https\n:path=/chat\n:protocol=websocket\n\
             sec-websocket-version=13\n",
            false,
            true,
        ),
    ] {
        let scheme = if list.contains("https") { Scheme::Https } else { Scheme::Http };
        let mut out = Buffer::with_capacity(1024);
        let shape = request_text(&fields(list), end, Some(b"key"), &mut out).unwrap();
        let mut block = Vec::new();
        let mut encoder = Encoder::new();
        let again = request_fields(out.filled(), scheme, extended, &mut encoder, &mut block);
        assert_eq!(again, Ok(shape), "{list}");
        assert_eq!(lines(&block), list);
    }
}

#[test]
fn kinds_of_malformed_have_distinct_names() {
    let mut names: Vec<_> = Malformed::ALL.iter().map(|malformed| malformed.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Malformed::ALL.len());
}
