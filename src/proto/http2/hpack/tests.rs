//! The examples of RFC 7541 appendix C, and what the two sides owe each other.

use super::*;
use crate::base::random::Random;
use crate::limits::HPACK_TABLE_BYTES;
use crate::proto::http2::fields::{FieldLimits, Fields};

type Field<'a> = (&'a str, &'a str);

const REQUESTS: [&[Field<'_>]; 3] = [
    &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
    &[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "www.example.com"),
        ("cache-control", "no-cache"),
    ],
    &[
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        (":authority", "www.example.com"),
        ("custom-key", "custom-value"),
    ],
];

const RESPONSES: [&[Field<'_>]; 3] = [
    &[
        (":status", "302"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ],
    &[
        (":status", "307"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ],
    &[
        (":status", "200"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
        ("location", "https://www.example.com"),
        ("content-encoding", "gzip"),
        ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
    ],
];

const REQUESTS_PLAIN: [&str; 3] = [
    "828684410f7777772e6578616d706c652e636f6d",
    "828684be58086e6f2d6361636865",
    "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
];
const REQUESTS_HUFFMAN: [&str; 3] = [
    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
    "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
];
const RESPONSES_PLAIN: [&str; 3] = [
    "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54\
     6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
    "4803333037c1c0bf",
    "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f\
     3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076\
     657273696f6e3d31",
];
const RESPONSES_HUFFMAN: [&str; 3] = [
    "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f\
     0b97c8e9ae82ae43d3",
    "4883640effc1c0bf",
    "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df\
     dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
];

pub(super) fn hex(digits: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(pair).collect()
}

pub(super) fn texts(fields: &Fields) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    fields.iter().map(|(name, value)| (text(name), text(value))).collect()
}

fn owned(fields: &[Field<'_>]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

/// Decodes blocks that share a table, and tells the size of the table behind each.
fn check_examples(
    table_bytes: usize,
    blocks: [&str; 3],
    expected: [&[Field<'_>]; 3],
) -> Vec<usize> {
    let mut decoder = Decoder::new(table_bytes);
    let mut fields = Fields::new();
    let mut sizes = Vec::new();
    for (block, expected) in blocks.iter().zip(expected) {
        fields.clear();
        let decoded = decoder.decode(&hex(block), &mut fields, &FieldLimits::default());
        assert_eq!(decoded, Ok(Decoded::Whole));
        assert_eq!(texts(&fields), owned(expected));
        sizes.push(decoder.table_bytes());
    }
    sizes
}

#[test]
fn literals_of_appendix_c_2() {
    for (block, name, value, table_bytes) in [
        ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key", "custom-header", 55),
        ("040c2f73616d706c652f70617468", ":path", "/sample/path", 0),
        ("100870617373776f726406736563726574", "password", "secret", 0),
        ("82", ":method", "GET", 0),
    ] {
        let mut decoder = Decoder::new(HPACK_TABLE_BYTES);
        let mut fields = Fields::new();
        let decoded = decoder.decode(&hex(block), &mut fields, &FieldLimits::default());
        assert_eq!(decoded, Ok(Decoded::Whole));
        assert_eq!(texts(&fields), owned(&[(name, value)]));
        assert_eq!(decoder.table_bytes(), table_bytes);
    }
}

#[test]
fn requests_of_appendix_c_3_and_c_4() {
    for blocks in [REQUESTS_PLAIN, REQUESTS_HUFFMAN] {
        assert_eq!(check_examples(HPACK_TABLE_BYTES, blocks, REQUESTS), [57, 110, 164]);
    }
}

#[test]
fn responses_of_appendix_c_5_and_c_6_with_eviction() {
    for blocks in [RESPONSES_PLAIN, RESPONSES_HUFFMAN] {
        assert_eq!(check_examples(256, blocks, RESPONSES), [222, 222, 215]);
    }
}

#[test]
fn the_encoder_writes_appendix_c_4() {
    let mut encoder = Encoder::new();
    for (fields, expected) in REQUESTS.iter().zip(REQUESTS_HUFFMAN) {
        let mut out = Vec::new();
        encoder.begin(&mut out);
        for (name, value) in *fields {
            encoder.field(name.as_bytes(), value.as_bytes(), Indexing::Add, &mut out);
        }
        assert_eq!(out, hex(expected));
    }
}

const NAMES: [&str; 12] = [
    ":path",
    ":authority",
    "cookie",
    "authorization",
    "server",
    "x-custom",
    "x-other",
    "date",
    "accept",
    "set-cookie",
    "x",
    "a-rather-long-name-that-takes-its-place-in-the-table",
];
const HOW: [Indexing; 6] = [
    Indexing::ByName,
    Indexing::Add,
    Indexing::Repeated,
    Indexing::Plain,
    Indexing::Never,
    Indexing::UnlessShort,
];

/// Two ends of one connection.
struct Ends {
    encoder: Encoder,
    decoder: Decoder,
    fields: Fields,
}

impl Ends {
    fn resize(&mut self, size: usize) {
        self.encoder.set_table_max(size);
        self.decoder.set_table_max(size);
    }

    fn exchange(&mut self, sent: &[(String, String, Indexing)]) {
        let limits = FieldLimits { list_bytes_max: usize::MAX, fields_max: usize::MAX };
        let mut out = Vec::new();
        self.encoder.begin(&mut out);
        for (name, value, how) in sent {
            self.encoder.field(name.as_bytes(), value.as_bytes(), *how, &mut out);
        }
        self.fields.clear();
        let decoded = self.decoder.decode(&out, &mut self.fields, &limits);
        assert_eq!(decoded, Ok(Decoded::Whole), "{out:02x?}");
        let sent = sent.iter().map(|(name, value, _)| (name.clone(), value.clone()));
        assert!(sent.eq(texts(&self.fields)), "{out:02x?}");
    }
}

#[test]
fn whatever_is_encoded_is_decoded_while_sizes_change() {
    let random = Random::seeded(0x4bac);
    let below = |bound: usize| random.below(bound as u64) as usize;
    let sizes = [0, 31, 100, 256, 4096, 65_536];
    for _ in 0..40 {
        let (encoder, decoder) = (Encoder::new(), Decoder::new(HPACK_TABLE_BYTES));
        let mut ends = Ends { encoder, decoder, fields: Fields::new() };
        for _ in 0..400 {
            (0..below(12).saturating_sub(8)).for_each(|_| ends.resize(sizes[below(6)]));
            let field = |_| {
                let bytes = [2000, 300, 0, 1, 2, 3, 4, 5][below(8).max(below(8))];
                let value = format!("{}{}", below(4), "v".repeat(bytes));
                (NAMES[below(12)].to_owned(), value, HOW[below(6)])
            };
            let sent: Vec<_> = (0..below(20)).map(field).collect();
            ends.exchange(&sent);
        }
    }
}
