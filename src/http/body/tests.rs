use super::*;

/// Feeds `input` in pieces of `size`, and gives what is to be sent, what is left, and the end.
fn feed(
    body: &mut Body,
    input: &[u8],
    size: usize,
) -> Result<(Vec<u8>, Vec<u8>, bool), ParseError> {
    let (mut sent, mut held) = (Vec::new(), Vec::new());
    let mut chunks = input.chunks(size);
    loop {
        let piece = body.take(&mut held)?;
        sent.extend_from_slice(&held[..piece.forward]);
        held.drain(..piece.consumed);
        if piece.done {
            held.extend(chunks.flatten());
            return Ok((sent, held, true));
        }
        match chunks.next() {
            Some(chunk) => held.extend_from_slice(chunk),
            None => return Ok((sent, held, false)),
        }
    }
}

#[test]
fn a_body_ends_where_it_should_however_it_is_cut() {
    use BodyLength as L;
    let cases: &[(L, Output, &str, &str, &str, bool)] = &[
        (L::None, Output::Keep, "NEXT", "", "NEXT", true),
        (L::Fixed(5), Output::Keep, "helloNEXT", "hello", "NEXT", true),
        (L::Fixed(5), Output::Keep, "hel", "hel", "", false),
        (L::UntilClose, Output::Keep, "all of it", "all of it", "", false),
        (
            L::Chunked,
            Output::Keep,
            "5\r\nhello\r\n0\r\n\r\nN",
            "5\r\nhello\r\n0\r\n\r\n",
            "N",
            true,
        ),
        (L::Chunked, Output::Strip, "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\n\r\nN", "hello!", "N", true),
    ];
    for (length, output, input, expected, tail, done) in cases {
        for size in 1..=input.len() {
            let mut body = Body::new(*length, *output);
            let (sent, left, ended) = feed(&mut body, input.as_bytes(), size).unwrap();
            let got = (String::from_utf8_lossy(&sent), String::from_utf8_lossy(&left), ended);
            assert_eq!(got, ((*expected).into(), (*tail).into(), *done), "{input:?} by {size}");
            assert_eq!(body.is_empty(), *done, "{input:?} by {size}");
            assert_eq!(body.ends_by_close(), *length == L::UntilClose);
        }
    }
}

#[test]
fn broken_chunks_are_an_error() {
    for input in ["x\r\n", "5\r\nhelloX", "-1\r\n"] {
        let mut body = Body::new(BodyLength::Chunked, Output::Keep);
        assert!(feed(&mut body, input.as_bytes(), 1).is_err(), "{input:?}");
    }
}

#[test]
fn bytes_that_pass_unseen_count() {
    let mut body = Body::new(BodyLength::Fixed(1_000), Output::Keep);
    body.pass(999);
    assert_eq!((body.left(), body.is_empty()), (Some(1), false));
    let piece = body.take(&mut [0; 2]).unwrap();
    assert_eq!(piece, Piece { forward: 1, consumed: 1, done: true });
}
