use super::ParseError as E;
use super::*;

/// What came out: the bytes forwarded, and how it ended: done with so many bytes left over, still
/// waiting, or an error.
type Outcome = (Vec<u8>, Result<Option<usize>, ParseError>);

/// Feeds the pieces as a connection does: what is not consumed stays in front of the next piece.
fn feed<'a>(output: Output, pieces: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = Chunked::new(output);
    let mut pending = Vec::new();
    let mut forwarded = Vec::new();
    for piece in pieces {
        pending.extend_from_slice(piece);
        let before = pending.clone();
        let relayed = match decoder.relay(&mut pending) {
            Ok(relayed) => relayed,
            Err(error) => return (forwarded, Err(error)),
        };
        assert!(relayed.forward <= relayed.consumed && relayed.consumed <= pending.len());
        assert_eq!(
            pending[relayed.consumed..],
            before[relayed.consumed..],
            "the rest is untouched"
        );
        assert_eq!(relayed.done, decoder.is_done());
        forwarded.extend_from_slice(&pending[..relayed.forward]);
        pending.drain(..relayed.consumed);
    }
    (forwarded, Ok(decoder.is_done().then_some(pending.len())))
}

/// The outcome of `input` in one piece, which must be that of every split.
fn relay(output: Output, input: &[u8]) -> Outcome {
    let whole = feed(output, [input].into_iter());
    let agree = |split: Outcome, how: &str| {
        let shown = input.escape_ascii().to_string();
        assert_eq!(split.1, whole.1, "{how} of {shown}");
        // An error may come after more or fewer bytes were forwarded, never after other bytes.
        if whole.1.is_ok() {
            let (split, whole) = (split.0.escape_ascii(), whole.0.escape_ascii());
            assert_eq!(split.to_string(), whole.to_string(), "{how} of {shown}");
        }
    };
    for cut in 0..=input.len() {
        let (front, back) = input.split_at(cut);
        agree(feed(output, [front, back].into_iter()), &format!("split at {cut}"));
    }
    agree(feed(output, input.chunks(1)), "byte by byte");
    whole
}

fn check(input: &str, kept: &str, stripped: &str, rest: usize) {
    for (output, expected) in [(Output::Keep, kept), (Output::Strip, stripped)] {
        let (forwarded, outcome) = relay(output, input.as_bytes());
        assert_eq!(String::from_utf8_lossy(&forwarded), expected, "{output:?} {input:?}");
        assert_eq!(outcome, Ok(Some(rest)), "{output:?} {input:?}");
    }
}

fn refused(input: &[u8], error: ParseError) {
    for output in [Output::Keep, Output::Strip] {
        let found = relay(output, input).1;
        assert_eq!(found, Err(error), "{output:?} {:?}", input.escape_ascii().to_string());
    }
}

#[test]
fn bodies_are_relayed_in_normal_form() {
    for (input, kept, stripped) in [
        ("0\r\n\r\n", "0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc"),
        ("A\r\n0123456789\r\n0\r\n\r\n", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("0005\r\nhello\r\n000\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("0000000000000001\r\na\r\n0\r\n\r\n", "1\r\na\r\n0\r\n\r\n", "a"),
        ("5;a\r\nhello\r\n0;b=c\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
    ] {
        check(input, kept, stripped, 0);
        check(&format!("{input}GET / HTTP/1.1\r\n"), kept, stripped, 16);
        check(&format!("{input}\0"), kept, stripped, 1);
    }
}

#[test]
fn extensions_are_read_by_their_grammar_and_dropped() {
    for extension in [
        ";a",
        ";a;b",
        ";a=b",
        ";a=\"b\"",
        ";a=\"\"",
        ";a=\"b;c=d\\\"e\\\\\"",
        " ;\ta = b ; c",
        ";a=\"\t \u{e9}\";d",
    ] {
        check(
            &format!("1{extension}\r\nx\r\n00{extension}\r\n\r\n"),
            "1\r\nx\r\n0\r\n\r\n",
            "x",
            0,
        );
    }
    for extension in
        [";", ";;", ";=", ";a=", ";a=;b", "; ", ";a b", ";a=\"b\"c", ";a=b=c", ";(a)", ";\u{e9}"]
    {
        refused(format!("1{extension}\r\nx\r\n0\r\n\r\n").as_bytes(), E::BadChunkExtension);
    }
    for extension in
        [";a\x00", ";a=\"\x01\"", ";a=\"\\\x7f\"", ";\x0b", ";a=\"b\r\n", ";a=\"\\\r\n"]
    {
        refused(format!("1{extension}\r\nx\r\n0\r\n\r\n").as_bytes(), E::BadChunkExtension);
    }
}

#[test]
fn sizes() {
    for (size, error) in [
        ("", E::BadChunkSize),
        ("g", E::BadChunkSize),
        ("+5", E::BadChunkSize),
        ("-5", E::BadChunkSize),
        ("-0", E::BadChunkSize),
        (" 5", E::BadChunkSize),
        ("0x5", E::BadChunkSize),
        ("5h", E::BadChunkSize),
        ("5_0", E::BadChunkSize),
        ("5.", E::BadChunkSize),
        ("\u{665}", E::BadChunkSize),
        ("5\x00", E::BadChunkSize),
        ("5\x0b", E::BadChunkSize),
        ("5,5", E::BadChunkSize),
        ("5 5", E::BadChunkExtension),
        ("5 ", E::BadChunkExtension),
        ("5\t", E::BadChunkExtension),
        (";a", E::BadChunkSize),
        ("8000000000000000", E::ChunkSizeOverflow),
        ("ffffffffffffffff", E::ChunkSizeOverflow),
        ("FFFFFFFFFFFFFFFE", E::ChunkSizeOverflow),
        ("10000000000000000", E::ChunkSizeOverflow),
        ("00000000000000005", E::ChunkSizeOverflow),
    ] {
        refused(format!("{size}\r\nhello\r\n0\r\n\r\n").as_bytes(), error);
    }
    let (forwarded, outcome) = relay(Output::Keep, b"7fffffffffffffff\r\nabc");
    assert_eq!((&forwarded[..], outcome), (&b"7fffffffffffffff\r\nabc"[..], Ok(None)));
}

/// "Funky chunks": bare LF and bare CR end no line, and data ends in CRLF (CVE-2025-22871,
/// CVE-2025-58056, CVE-2024-53868).
#[test]
fn cve_2025_22871_only_crlf_ends_a_line() {
    for (input, error) in [
        (&b"5\nhello\r\n0\r\n\r\n"[..], E::BareLf),
        (b"5\rhello\r\n0\r\n\r\n", E::BareCr),
        (b"5\r\rhello", E::BareCr),
        (b"5;a\nhello\r\n0\r\n\r\n", E::BareLf),
        (b"5;\nhello\r\n0\r\n\r\n", E::BadChunkExtension),
        (b"5;a\rb\r\nhello\r\n0\r\n\r\n", E::BareCr),
        (b"5\r\nhello\n0\r\n\r\n", E::BadChunkEnd),
        (b"5\r\nhello\r0\r\n\r\n", E::BadChunkEnd),
        (b"5\r\nhello0\r\n\r\n", E::BadChunkEnd),
        (b"5\r\nhelloXX0\r\n\r\n", E::BadChunkEnd),
        (b"5\r\nhello\n\n0\r\n\r\n", E::BadChunkEnd),
        (b"5\r\nhello\r\n\r\n0\r\n\r\n", E::BadChunkSize),
        (b"\r\n", E::BadChunkSize),
        (b"0\n\r\n", E::BareLf),
        (b"0\r\n\n", E::BareLf),
        (b"0\r\n\rX", E::BareCr),
        (b"0\r\n\r\r\n", E::BareCr),
    ] {
        refused(input, error);
    }
}

#[test]
fn trailers_are_filtered() {
    check(
        "0\r\nA: 1\r\nContent-Length: 5\r\nGrpc-Status: 0\r\nHost: x\r\nTransfer-Encoding: y\r\n\
         Set-Cookie: z\r\nAuthorization: w\r\nX-Forwarded-For: v\r\nConnection: close\r\nB:\r\n\r\n",
        "0\r\nA: 1\r\nGrpc-Status: 0\r\nB:\r\n\r\n",
        "",
        0,
    );
    for (trailer, error) in [
        ("A : b", E::SpaceBeforeColon),
        (" A: b", E::ObsFold),
        ("A: b\r\n c", E::ObsFold),
        (": b", E::BadFieldName),
        ("A", E::BadFieldName),
        ("A: b\x00", E::BadFieldValue),
        ("A: b\nC: d", E::BareLf),
        ("A\n: b", E::BareLf),
        ("A: b\rC: d", E::BareCr),
        ("GET / HTTP/1.1", E::SpaceBeforeColon),
    ] {
        refused(format!("0\r\n{trailer}\r\n\r\n").as_bytes(), error);
    }
}

#[test]
fn limits_hold_exactly() {
    let line = |len: usize| format!("0;{}\r\n\r\n", "x".repeat(len - 4)).into_bytes();
    assert_eq!(relay(Output::Keep, &line(CHUNK_LINE_BYTES_MAX)).1, Ok(Some(0)));
    refused(&line(CHUNK_LINE_BYTES_MAX + 1), E::ChunkExtensionTooLong);

    let lines = |total: usize| {
        let (count, each) = (total / 64, 64);
        let chunk = format!("1;{}\r\nx\r\n", "y".repeat(each - 1));
        format!("{}0\r\n\r\n", chunk.repeat(count)).into_bytes()
    };
    let whole = |input: &[u8]| feed(Output::Keep, [input].into_iter()).1;
    assert_eq!(whole(&lines(CHUNK_EXTENSION_BYTES_MAX)), Ok(Some(0)));
    assert_eq!(whole(&lines(CHUNK_EXTENSION_BYTES_MAX + 64)), Err(E::ChunkExtensionTooLong));

    let trailers = |len: usize| {
        let filler = "A: b\r\n".repeat((len - 20) / 6);
        let rest = len - filler.len() - "\r\n".len() - "C: \r\n".len();
        format!("0\r\n{filler}C: {}\r\n\r\n", "d".repeat(rest)).into_bytes()
    };
    assert_eq!(whole(&trailers(TRAILER_BYTES_MAX)), Ok(Some(0)));
    assert_eq!(whole(&trailers(TRAILER_BYTES_MAX + 1)), Err(E::TrailerTooLarge));
    let endless = format!("0\r\nA: {}", "b".repeat(TRAILER_BYTES_MAX));
    assert_eq!(whole(endless.as_bytes()), Err(E::TrailerTooLarge));
    let bytes = feed(Output::Keep, endless.as_bytes().chunks(1)).1;
    assert_eq!(bytes, Err(E::TrailerTooLarge));
}

#[test]
fn canonical_bodies_are_not_moved() {
    let mut input = b"3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\nnext".to_vec();
    let before = input.clone();
    let relayed = Chunked::new(Output::Keep).relay(&mut input).unwrap();
    assert_eq!(input, before);
    assert_eq!(relayed, Relayed { forward: 41, consumed: 41, done: true });
}

#[test]
fn nothing_follows_the_end() {
    let mut decoder = Chunked::new(Output::Keep);
    let mut input = b"0\r\n\r\n".to_vec();
    assert!(decoder.relay(&mut input).unwrap().done);
    let again = decoder.relay(&mut input).unwrap();
    assert_eq!(again, Relayed { forward: 0, consumed: 0, done: true });
}

#[test]
fn what_is_left_of_a_chunk_is_told() {
    let mut decoder = Chunked::new(Output::Keep);
    assert_eq!(decoder.chunk_bytes_left(), 0);
    decoder.relay(&mut b"ff\r\nabc".to_vec()).unwrap();
    assert_eq!(decoder.chunk_bytes_left(), 0xfc);
}

#[test]
fn prefixes_are_read_back() {
    for len in [0, 1, 9, 10, 15, 16, 255, 256, 4096, 65536, usize::MAX] {
        let mut out = [0; CHUNK_PREFIX_BYTES_MAX];
        assert_eq!(chunk_prefix(len, &mut out), format!("{len:x}\r\n").as_bytes());
    }
}
