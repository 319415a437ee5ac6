//! What must hold of the codec for any bytes: no panic, every split agrees with the whole, and what
//! is accepted is read the same way when it is written again.
//!
//! Included twice: by the fuzz targets, and by the seeded test on stable. Whoever includes it has
//! `base` and `proto` in scope.

use super::base::buffer::Buffer;
use super::proto::http1::{
    BodyLength, Chunked, FieldName, HeadLimits, Method, Output, ParseError, Parsed, RequestHead,
    ResponseHead, encode,
};
use super::proto::{scan, uri};

/// Small, so that short inputs reach them.
const LIMITS: HeadLimits =
    HeadLimits { head_bytes_max: 1024, fields_max: 16, target_bytes_max: 256 };

pub(super) fn request_head(bytes: &[u8]) {
    let (cut, bytes) = cut(bytes);
    let mut head = RequestHead::default();
    let outcome = head.parse(bytes, &LIMITS);
    let mut split = RequestHead::default();
    let split_outcome = match split.parse(&bytes[..cut], &LIMITS) {
        Ok(Parsed::Partial) => split.parse(bytes, &LIMITS),
        early => early,
    };
    assert_eq!(split_outcome, outcome, "split at {cut} of {}", bytes.escape_ascii());
    if outcome != Ok(Parsed::Complete) {
        return;
    }
    assert_eq!(format!("{split:?}"), format!("{head:?}"), "split at {cut}");
    assert!(head.len <= bytes.len() && bytes[..head.len].ends_with(b"\r\n\r\n"));
    assert!(scan::is_token(head.method_name.of(bytes)));
    assert!(head.host.is_empty() || uri::is_authority(head.host.of(bytes)));
    assert!(!head.expect_continue || head.body != BodyLength::None);
    let fields = head.fields.iter();
    fields.for_each(|field| check_field(field.name.of(bytes), field.value.of(bytes)));
    request_read_back(bytes, &head);
}

/// What a gateway would send for an accepted head is accepted, and means the same.
fn request_read_back(bytes: &[u8], head: &RequestHead) {
    let mut out = Buffer::with_capacity(2048);
    encode::request_line(&mut out, head.method_name.of(bytes), head.target.of(bytes));
    encode::copy_fields(&mut out, bytes, &head.fields, |field| !field.hop);
    if head.value(bytes, FieldName::Host).is_none() {
        encode::field(&mut out, b"Host", b"old");
    }
    if head.body == BodyLength::Chunked {
        out.put(encode::TRANSFER_ENCODING_CHUNKED);
    }
    out.put(encode::END);
    let limits = HeadLimits { head_bytes_max: 4096, fields_max: 32, ..LIMITS };
    let mut again = RequestHead::default();
    let outcome = again.parse(out.filled(), &limits);
    assert_eq!(outcome, Ok(Parsed::Complete), "{}", out.filled().escape_ascii());
    assert_eq!(again.len, out.len());
    assert_eq!((again.method, again.form, again.body), (head.method, head.form, head.body));
    assert_eq!(again.path(out.filled()), head.path(bytes));
    assert!(again.keep_alive && again.upgrade.is_none());
}

pub(super) fn response_head(bytes: &[u8]) {
    let (cut, bytes) = cut(bytes);
    let mut head = ResponseHead::default();
    let outcome = head.parse(bytes, &LIMITS);
    let mut split = ResponseHead::default();
    let split_outcome = match split.parse(&bytes[..cut], &LIMITS) {
        Ok(Parsed::Partial) => split.parse(bytes, &LIMITS),
        early => early,
    };
    assert_eq!(split_outcome, outcome, "split at {cut} of {}", bytes.escape_ascii());
    if outcome != Ok(Parsed::Complete) {
        return;
    }
    assert_eq!(format!("{split:?}"), format!("{head:?}"), "split at {cut}");
    assert!((100..1000).contains(&head.status));
    assert_eq!(head.body_length(Method::Head), BodyLength::None);
    let fields = head.fields.iter();
    fields.for_each(|field| check_field(field.name.of(bytes), field.value.of(bytes)));

    let mut out = Buffer::with_capacity(2048);
    encode::status_line_with(&mut out, head.status, head.reason.of(bytes));
    encode::copy_fields(&mut out, bytes, &head.fields, |field| !field.hop);
    if head.body_length(Method::Get) == BodyLength::Chunked {
        out.put(encode::TRANSFER_ENCODING_CHUNKED);
    }
    out.put(encode::END);
    let limits = HeadLimits { head_bytes_max: 4096, fields_max: 32, ..LIMITS };
    let mut again = ResponseHead::default();
    let outcome = again.parse(out.filled(), &limits);
    assert_eq!(outcome, Ok(Parsed::Complete), "{}", out.filled().escape_ascii());
    assert_eq!((again.status, again.len), (head.status, out.len()));
    assert_eq!(again.body_length(Method::Get), head.body_length(Method::Get));
}

pub(super) fn chunked(bytes: &[u8]) {
    let (cut, bytes) = cut(bytes);
    let (kept, outcome) = relayed(Output::Keep, &[bytes]);
    let (stripped, strip_outcome) = relayed(Output::Strip, &[bytes]);
    assert_eq!(strip_outcome, outcome, "kept and stripped: {}", bytes.escape_ascii());
    for output in [Output::Keep, Output::Strip] {
        let (front, back) = bytes.split_at(cut);
        let (forwarded, split_outcome) = relayed(output, &[front, back]);
        assert_eq!(split_outcome, outcome, "split at {cut} of {}", bytes.escape_ascii());
        let whole = if output == Output::Keep { &kept } else { &stripped };
        assert!(outcome.is_err() || forwarded == *whole, "split at {cut}");
    }
    let Ok(rest) = outcome else { return };
    // What is forwarded is a body in normal form with the same content.
    let (again, again_outcome) = relayed(Output::Keep, &[&kept]);
    assert_eq!((&again, again_outcome.map(|rest| rest.is_some())), (&kept, Ok(rest.is_some())));
    assert_eq!(relayed(Output::Strip, &[&kept]).0, stripped);
    if rest.is_some() {
        assert!(kept.ends_with(b"\r\n\r\n"), "{}", kept.escape_ascii());
    }
}

/// The bytes forwarded; then how many were left over when the body was done, or nothing.
fn relayed(output: Output, pieces: &[&[u8]]) -> (Vec<u8>, Result<Option<usize>, ParseError>) {
    let mut decoder = Chunked::new(output);
    let mut pending = Vec::new();
    let mut forwarded = Vec::new();
    for piece in pieces {
        pending.extend_from_slice(piece);
        let before = pending.clone();
        match decoder.relay(&mut pending) {
            Ok(relayed) => {
                assert!(relayed.forward <= relayed.consumed);
                assert_eq!(pending[relayed.consumed..], before[relayed.consumed..]);
                forwarded.extend_from_slice(&pending[..relayed.forward]);
                pending.drain(..relayed.consumed);
            }
            Err(error) => return (forwarded, Err(error)),
        }
    }
    (forwarded, Ok(decoder.is_done().then_some(pending.len())))
}

pub(super) fn uri(bytes: &[u8]) {
    let mut scratch = Vec::new();
    if let Ok(path) = uri::routing_path(bytes, &mut scratch) {
        let path = path.bytes().to_vec();
        assert!(path.len() <= bytes.len());
        let again = uri::routing_path(&path, &mut scratch);
        assert_eq!(again, Ok(uri::RoutingPath::AsWritten(&path)), "{}", bytes.escape_ascii());
        let mut segments = path.split(|&byte| byte == b'/').skip(1);
        assert!(segments.all(|segment| segment != b"." && segment != b".."));
    }
    if let Some((host, _)) = uri::split_host_port(bytes) {
        assert!(bytes.starts_with(host) && !host.is_empty());
        assert_eq!(uri::split_host_port(host), Some((host, None)));
    }
    for method in [Method::Get, Method::Connect, Method::Options] {
        if let Some(uri::Target::Absolute(_, authority)) = uri::target(bytes, method) {
            assert!(uri::is_authority(&bytes[authority]));
        }
    }
}

fn check_field(name: &[u8], value: &[u8]) {
    assert!(scan::is_token(name));
    assert_eq!(scan::trim(value), value);
    assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
}

/// The first byte says where the rest is split.
fn cut(bytes: &[u8]) -> (usize, &[u8]) {
    match bytes {
        [] => (0, bytes),
        [first, rest @ ..] => (*first as usize * (rest.len() + 1) / 256, rest),
    }
}
