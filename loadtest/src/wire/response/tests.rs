use super::*;

#[derive(Default)]
struct Seen {
    status: u16,
    body: Vec<u8>,
}

impl Sink for Seen {
    fn head(&mut self, status: u16, _head: &[u8]) {
        self.status = status;
    }

    fn body(&mut self, part: &[u8]) {
        self.body.extend_from_slice(part);
    }
}

/// Feeds the pieces as a connection does, and says what was seen, and what was left over.
fn feed(pieces: &[&[u8]], bodiless: bool) -> Result<(Seen, Vec<u8>, bool), Fault> {
    let (mut reader, mut seen) = (Reader::new(bodiless), Seen::default());
    let mut familiar = Familiar::default();
    let mut pending = Vec::new();
    let mut over = false;
    for piece in pieces {
        pending.extend_from_slice(piece);
        if !over {
            let step = reader.push(&pending, &mut familiar, &mut seen)?;
            pending.drain(..step.used);
            over = step.done;
        }
    }
    if !over {
        reader.finish(pieces.iter().any(|piece| !piece.is_empty()))?;
    }
    Ok((seen, pending, reader.closes()))
}

/// At every split the same answer.
fn check(input: &str, expected: Result<(u16, &str, bool), Fault>) {
    for cut in 0..=input.len() {
        let (left, right) = input.as_bytes().split_at(cut);
        let found = feed(&[left, right], false).map(|(seen, rest, close)| {
            assert!(rest.is_empty(), "{input:?} leaves {rest:?}");
            (seen.status, String::from_utf8_lossy(&seen.body).into_owned(), close)
        });
        let expected = expected.clone().map(|(status, body, close)| (status, body.into(), close));
        assert_eq!(found, expected, "{input:?} cut at {cut}");
    }
}

#[test]
fn answers_end_where_they_say() {
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Ok((200, "hello", false)));
    check("HTTP/1.1 204 \r\n\r\n", Ok((204, "", false)));
    check("HTTP/1.1 200\r\ncontent-length:0\r\nConnection: x, Close\r\n\r\n", Ok((200, "", true)));
    check("HTTP/1.0 200 OK\r\n\r\nto the end", Ok((200, "to the end", true)));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n";
    check(&format!("{chunked}5;a=b\r\nhello\r\n0A\r\n 0123 5678\r\n0\r\n\r\n"), {
        Ok((200, "hello 0123 5678", false))
    });
    check(&format!("{chunked}0\r\na: b\r\n\r\n"), Ok((200, "", false)));
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n";
    check(&format!("{interim}HTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\n!"), {
        Ok((404, "!", false))
    });
}

#[test]
fn what_is_broken_is_told() {
    let malformed = |what| Err(Fault::Malformed(what));
    let ok = "HTTP/1.1 200 OK\r\n";
    for (input, expected) in [
        ("", Err(Fault::ClosedUnanswered)),
        ("HTTP/1.1 200 OK\r\nConte", Err(Fault::ClosedMidway)),
        ("SSH-2.0-OpenSSH\r\n", malformed("it does not begin with HTTP/1.")),
        ("HTTP/1.1 2000 OK\r\n\r\n", malformed("bad status line")),
        ("HTTP/1.1 999 OK\r\n\r\n", malformed("bad status line")),
    ] {
        check(input, expected);
    }
    for (rest, expected) in [
        ("Content-Length: 9\r\n\r\nhello", Err(Fault::ClosedMidway)),
        ("Content-Length: -1\r\n\r\n", malformed("bad Content-Length")),
        ("Content-Length: 1\r\nContent-Length: 2\r\n\r\n", malformed("two lengths")),
        ("Transfer-Encoding: gzip\r\n\r\n", malformed("unknown Transfer-Encoding")),
        ("no colon\r\n\r\n", malformed("a line without a colon")),
        ("Transfer-Encoding: chunked\r\n\r\nxx\r\n", malformed("bad chunk size")),
        ("Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", malformed("bad chunk")),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhe", Err(Fault::ClosedMidway)),
    ] {
        check(&format!("{ok}{rest}"), expected);
    }
    let endless = "HTTP/1.1 100 Continue\r\n\r\n".repeat(INTERIMS_MAX as usize + 1);
    assert_eq!(feed(&[endless.as_bytes()], false).map(|_| ()), Err(Fault::EndlessInterim));
    let long = format!("{ok}x: {}", "y".repeat(HEAD_BYTES_MAX));
    let expected = Err(Fault::Malformed("the head is too long"));
    assert_eq!(feed(&[long.as_bytes()], false).map(|_| ()), expected);
}

#[test]
fn an_answer_to_head_has_no_body() {
    let input = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1";
    let (seen, rest, _) = feed(&[input], true).expect("an answer");
    assert_eq!((seen.status, &rest[..]), (200, &b"HTTP/1.1"[..]));
}

#[test]
fn fields_are_found() {
    let head = b"HTTP/1.1 200 OK\r\nA: 1\r\nb:  x y \r\n\r\n";
    assert_eq!(field(head, "B"), Some(&b"x y"[..]));
    assert_eq!(field(head, "c"), None);
}

#[test]
fn random_bytes_are_no_panic() {
    let mut state = 7u64;
    let alphabet = b"HTTP/1.1 200 OK\r\nContent-Length: chunked\r\nTransfer-Encoding 0aF;\r\n\r\n";
    for _ in 0..3000 {
        let mut input = b"HTTP/1.1 200 OK\r\n".to_vec();
        for _ in 0..60 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            input.push(alphabet[(state >> 33) as usize % alphabet.len()]);
        }
        let _ = feed(&[&input], false);
    }
}

#[test]
fn a_familiar_head_is_read_like_a_new_one() {
    let mut familiar = Familiar::default();
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    let other = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789";
    for input in [long, long, other, long, other, other] {
        let mut seen = Seen::default();
        let step = Reader::new(false).push(input.as_bytes(), &mut familiar, &mut seen);
        assert_eq!(step, Ok(Step { used: input.len(), done: true }));
        assert!(input.ends_with(std::str::from_utf8(&seen.body).expect("text")));
    }
}
