use super::*;

/// What a text holds, read from pieces of at most `step` bytes, with at most `most` used at once.
fn unwrapped(text: &[u8], body: Body, step: usize, most: usize) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut unwrap = Unwrap::new(body);
    let (mut from, mut to) = (0, 0);
    let mut found = Vec::new();
    loop {
        match unwrap.next(&text[from..to]) {
            Piece::Nothing if to == text.len() => return None,
            Piece::Nothing => to = (to + step).min(text.len()),
            Piece::Bytes { bytes, .. } => {
                let count = bytes.len().min(most);
                found.extend_from_slice(&text[from..][bytes.start..bytes.start + count]);
                from += unwrap.used(&bytes, &text[from..to], count);
            }
            Piece::End { consumed, trailers } => {
                assert_eq!(from + consumed, text.len(), "nothing is left");
                return Some((found, text[from..][trailers].to_vec()));
            }
            Piece::Broken => panic!("broken at {}", text[from..].escape_ascii()),
        }
    }
}

fn wrapped(body: Body, pieces: &[&[u8]], trailers: &[u8]) -> Result<Vec<u8>, Mismatch> {
    let mut wrap = Wrap::new(body);
    let mut out = Buffer::with_capacity(64);
    for piece in pieces {
        wrap.put(piece, &mut out)?;
    }
    wrap.end(trailers, &mut out)?;
    Ok(out.filled().to_vec())
}

#[test]
fn chunks_and_trailers_come_out_as_they_went_in_however_they_are_cut() {
    let long = [b'x'; 300];
    for trailers in [&b""[..], b"grpc-status: 0\r\ngrpc-message: fine\r\n"] {
        let several: [&[u8]; 4] = [b"a", b"", &long, b"\r\n0\r\n\r\n"];
        for pieces in [&several[..0], &several[..1], &several] {
            let text = wrapped(Body::Chunked, pieces, trailers).unwrap();
            for (step, most) in (1..40).flat_map(|step| [1, 7, usize::MAX].map(|most| (step, most)))
            {
                let found = unwrapped(&text, Body::Chunked, step, most);
                assert_eq!(found, Some((pieces.concat(), trailers.to_vec())));
            }
        }
    }
}

#[test]
fn a_length_holds() {
    let text = wrapped(Body::Length(5), &[b"he", b"llo"], b"lost: yes\r\n").unwrap();
    assert_eq!(text, b"hello");
    for step in 1..6 {
        let found = unwrapped(&text, Body::Length(5), step, 2);
        assert_eq!(found, Some((b"hello".to_vec(), Vec::new())));
    }
    assert_eq!(wrapped(Body::Length(5), &[b"hell"], b""), Err(Mismatch));
    assert_eq!(wrapped(Body::Length(5), &[b"hello", b"!"], b""), Err(Mismatch));
    assert_eq!(wrapped(Body::None, &[b"!"], b""), Err(Mismatch));
    assert_eq!(wrapped(Body::None, &[b""], b""), Ok(Vec::new()));
    assert_eq!(unwrapped(b"", Body::None, 1, 1), Some((Vec::new(), Vec::new())));
}

#[test]
fn the_last_piece_of_a_known_length_says_so() {
    let unwrap = Unwrap::new(Body::Length(3));
    assert_eq!(unwrap.next(b"abc"), Piece::Bytes { bytes: 0..3, last: true });
    assert_eq!(unwrap.next(b"ab"), Piece::Bytes { bytes: 0..2, last: false });
}

#[test]
fn what_we_did_not_write_is_broken() {
    for text in ["zz\r\n", "5;a=b\r\nhello", "-1\r\n", "\r\n", "fffffffffffffffff\r\n", "5\nhello"]
    {
        assert_eq!(Unwrap::new(Body::Chunked).next(text.as_bytes()), Piece::Broken, "{text:?}");
    }
    let mut unwrap = Unwrap::new(Body::Chunked);
    let text = b"2\r\nabXX";
    let Piece::Bytes { bytes, .. } = unwrap.next(text) else { panic!("two bytes are there") };
    let used = unwrap.used(&bytes, text, 2);
    assert_eq!(unwrap.next(&text[used..]), Piece::Broken);
}
