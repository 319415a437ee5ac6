use super::*;

/// `messageStart` of a real service.
const GOLDEN: &str = "000000760000005296d5fade0b3a6576656e742d7479706507000c6d65737361676553746172\
    740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970\
    650700056576656e747b22726f6c65223a22617373697374616e74227d6fa8c599";
const START: &str = r#"{"role":"assistant"}"#;

fn golden() -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&GOLDEN[at..at + 2], 16).unwrap();
    (0..GOLDEN.len()).step_by(2).map(byte).collect()
}

fn event(name: &str, payload: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, Kind::Event, name, |out| out.extend_from_slice(payload.as_bytes()));
    out
}

/// A frame with headers and payload of the test's own.
fn frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; PRELUDE];
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    seal(&mut out, headers.len() as u32);
    out
}

/// Puts lengths and checksums where they belong.
fn seal(out: &mut Vec<u8>, headers: u32) {
    let len = out.len() + CHECKSUM;
    put(out, 0, len as u32);
    put(out, 4, headers);
    let checksum = crc::crc32(&out[..8]);
    put(out, 8, checksum);
    let checksum = crc::crc32(out);
    out.extend_from_slice(&checksum.to_be_bytes());
}

type Told = Vec<(Kind, String, String)>;

fn frames(pieces: &[&[u8]]) -> Result<(Told, bool), Error> {
    let mut decoder = Decoder::default();
    let mut told = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        while let Some(frame) = decoder.next(&mut rest)? {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            told.push((frame.kind, text(frame.name), text(frame.data)));
        }
        assert!(rest.is_empty());
    }
    Ok((told, decoder.is_between()))
}

fn check(bytes: &[u8], expected: &Result<(Told, bool), Error>) {
    assert_eq!(frames(&[bytes]), *expected);
    for cut in 0..=bytes.len() {
        let (front, back) = bytes.split_at(cut);
        assert_eq!(frames(&[front, back]), *expected, "cut at {cut}");
    }
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(frames(&single), *expected, "byte by byte");
}

fn told(frames: &[(Kind, &str, &str)]) -> Told {
    let own = |(kind, name, data): &(Kind, &str, &str)| (*kind, (*name).into(), (*data).into());
    frames.iter().map(own).collect()
}

#[test]
fn the_golden_frame_is_read_and_written() {
    assert_eq!(event("messageStart", START), golden());
    check(&golden(), &Ok((told(&[(Kind::Event, "messageStart", START)]), true)));
}

#[test]
fn frames_of_every_kind_at_every_split() {
    let mut bytes = event("messageStart", START);
    bytes.extend(event("contentBlockDelta", r#"{"delta":{"text":"h\u00e9"}}"#));
    bytes.extend(event("empty", ""));
    write(&mut bytes, Kind::Exception, "throttlingException", |out| out.extend_from_slice(b"{}"));
    // An error of a service: a code, a message, no payload; and headers of all types that exist.
    let mut headers = Vec::new();
    header(&mut headers, ":message-type", "error");
    header(&mut headers, ":error-code", "InternalFailure");
    header(&mut headers, ":error-message", "it broke");
    for (kind, len) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16)] {
        headers.extend_from_slice(&[1, b'x', kind]);
        headers.extend_from_slice(&vec![7; len]);
    }
    headers.extend_from_slice(&[1, b'x', BYTES, 0, 2, 0xFF, 0xFE]);
    bytes.extend(frame(&headers, b""));
    let expected = told(&[
        (Kind::Event, "messageStart", START),
        (Kind::Event, "contentBlockDelta", r#"{"delta":{"text":"h\u00e9"}}"#),
        (Kind::Event, "empty", ""),
        (Kind::Exception, "throttlingException", "{}"),
        (Kind::Error, "InternalFailure", "it broke"),
    ]);
    check(&bytes, &Ok((expected, true)));
}

#[test]
fn a_stream_that_ends_in_a_frame_is_not_between_two() {
    let bytes = golden();
    for end in 1..bytes.len() {
        check(&bytes[..end], &Ok((Vec::new(), false)));
    }
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let bytes = golden();
    for at in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        assert_eq!(frames(&[&bytes]), Err(Error::Checksum), "bit {at}");
        let single: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(frames(&single), Err(Error::Checksum), "bit {at}, byte by byte");
    }
}

#[test]
fn lengths_that_cannot_be_are_refused_with_the_prelude() {
    let prelude = |len: u32, headers: u32| {
        let mut out = vec![0; PRELUDE];
        put(&mut out, 0, len);
        put(&mut out, 4, headers);
        let checksum = crc::crc32(&out[..8]);
        put(&mut out, 8, checksum);
        out
    };
    for (len, headers) in [(0, 0), (15, 0), (16, 1), (20, 5), (u32::MAX, 0), (1 << 21, 10)] {
        check(&prelude(len, headers), &Err(Error::Length));
    }
    let longest = AWS_FRAME_BYTES_MAX as u32;
    check(&prelude(longest, longest - 16), &Ok((Vec::new(), false)));
    check(&prelude(longest + 1, 0), &Err(Error::Length));
}

#[test]
fn headers_that_are_none_are_refused() {
    let good = {
        let mut out = Vec::new();
        header(&mut out, ":message-type", "event");
        out
    };
    for end in 1..good.len() {
        check(&frame(&good[..end], b""), &Err(Error::Headers));
    }
    check(&frame(&[1, b'x', 10], b""), &Err(Error::Headers));
    let mut strange = Vec::new();
    header(&mut strange, ":message-type", "letter");
    check(&frame(&strange, b""), &Err(Error::Headers));
}
