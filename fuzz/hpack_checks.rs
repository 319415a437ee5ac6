//! What must hold of header compression and of the rules of a message for any bytes: no panic, the
//! table within its bound, what is decoded comes back when it is encoded, and what passes as a
//! message is one message to the strict HTTP/1.1 parser.
//!
//! Included twice: by the fuzz target, and by the seeded test on stable. Whoever includes it has
//! `base` and `proto` in scope.

use super::base::buffer::Buffer;
use super::proto::http1::{HeadLimits, Method, Parsed, RequestHead, ResponseHead};
use super::proto::http2::fields::{FieldLimits, Fields};
use super::proto::http2::hpack::{Decoded, Decoder, Encoder, Indexing};
use super::proto::http2::message::{
    self, Body, RequestKind, RequestShape, request_text, response_text, trailer_text,
};

const TABLE_BYTES: usize = 256;
const LIMITS: FieldLimits = FieldLimits { list_bytes_max: 2048, fields_max: 32 };
const HEAD_LIMITS: HeadLimits =
    HeadLimits { head_bytes_max: 8192, fields_max: 64, target_bytes_max: 4096 };

/// The first byte says how long the first block is; the second block has the rest.
pub(super) fn hpack(bytes: &[u8]) {
    let [first, rest @ ..] = bytes else { return };
    let cut = usize::from(*first) * (rest.len() + 1) / 256;
    let (front, back) = rest.split_at(cut);
    let mut decoder = Decoder::new(TABLE_BYTES);
    let mut encoder = Encoder::new();
    let mut again = Decoder::new(4096);
    let mut fields = Fields::new();
    for block in [front, back] {
        fields.clear();
        let Ok(decoded) = decoder.decode(block, &mut fields, &LIMITS) else { return };
        assert!(decoder.table_bytes() <= TABLE_BYTES);
        let bytes: usize = fields.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
        assert!(bytes <= LIMITS.list_bytes_max && fields.len() <= LIMITS.fields_max);
        encoded_again(&fields, &mut encoder, &mut again);
        if decoded == Decoded::Whole {
            as_messages(&fields, block.len() % 2 == 0);
        }
    }
}

fn encoded_again(fields: &Fields, encoder: &mut Encoder, decoder: &mut Decoder) {
    let mut out = Vec::new();
    encoder.begin(&mut out);
    for (name, value) in fields.iter() {
        encoder.field(name, value, Indexing::ByName, &mut out);
    }
    let mut found = Fields::new();
    let decoded = decoder.decode(&out, &mut found, &LIMITS);
    assert_eq!(decoded, Ok(Decoded::Whole), "{}", out.escape_ascii());
    let lower = fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    assert!(lower.eq(found.iter().map(|(name, value)| (name.to_vec(), value))), "{fields:?}");
}

fn as_messages(fields: &Fields, end_stream: bool) {
    let mut out = Buffer::with_capacity(1024);
    if let Ok(shape) = request_text(fields, end_stream, Some(b"key"), &mut out)
        && shape.kind != RequestKind::UnknownProtocol
    {
        assert_eq!(message::head_end(out.filled()), Some(out.len()), "{fields:?}");
        let mut head = RequestHead::default();
        match head.parse(out.filled(), &HEAD_LIMITS) {
            Ok(Parsed::Complete) => assert_eq!((head.len, head.method), (out.len(), shape.method)),
            Ok(Parsed::Partial) => panic!("a head without an end: {fields:?}"),
            Err(_) => {}
        }
    }
    out.clear();
    let asked = RequestShape { method: Method::Get, kind: RequestKind::Plain, body: Body::None };
    if let Ok(shape) = response_text(fields, end_stream, &asked, b"", &mut out) {
        let mut head = ResponseHead::default();
        let parsed = head.parse(out.filled(), &HEAD_LIMITS);
        assert_eq!(parsed, Ok(Parsed::Complete), "{fields:?}");
        assert_eq!((head.len, head.status), (out.len(), shape.status));
    }
    out.clear();
    if trailer_text(fields, &mut out).is_ok() {
        assert!(!message_ends_in(out.filled()), "{fields:?}");
    }
}

/// An empty line among trailers would end them, and begin something else.
fn message_ends_in(section: &[u8]) -> bool {
    section.starts_with(b"\r\n") || section.windows(4).any(|bytes| bytes == b"\r\n\r\n")
}
