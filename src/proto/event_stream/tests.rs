use super::*;

/// Data of each event, in order; what was not ended is `None`.
fn events(pieces: &[&[u8]]) -> (Vec<String>, bool) {
    let mut splitter = Splitter::default();
    let (mut events, mut data, mut any) = (Vec::new(), Vec::new(), false);
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let (piece, count) = splitter.next(rest);
            assert!((1..=rest.len()).contains(&count));
            match piece {
                Piece::Data(bytes) => data.extend_from_slice(bytes),
                Piece::Line => data.push(b'\n'),
                Piece::End => events.push(String::from_utf8(std::mem::take(&mut data)).unwrap()),
                Piece::Other => (),
            }
            any = !data.is_empty();
            rest = &rest[count..];
        }
    }
    assert!(!any || !splitter.is_between());
    (events, splitter.is_between())
}

fn check(text: &str, expected: &[&str]) {
    let bytes = text.as_bytes();
    let whole = events(&[bytes]);
    assert_eq!(whole.0, expected, "{text:?}");
    for cut in 0..=bytes.len() {
        let (front, back) = bytes.split_at(cut);
        assert_eq!(events(&[front, back]), whole, "{text:?} cut at {cut}");
    }
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(events(&single), whole, "{text:?} byte by byte");
}

#[test]
fn every_line_end_and_every_split_is_the_same() {
    for end in ["\n", "\r\n", "\r"] {
        let text = "event: a\ndata: {\"x\":1}\nid: 7\n\n: a comment\ndata:two\ndata:  lines\n\n\
                    data\n\ndata:\ndata:\n\nretry: 10\n\ndata: [DONE]\n\n";
        check(&text.replace('\n', end), &["{\"x\":1}", "two\n lines", "", "\n", "", "[DONE]"]);
    }
}

#[test]
fn what_only_looks_like_data_is_none() {
    check("dat: 1\n\ndatas: 2\n\n data: 3\n\nDATA: 4\n\n:data: 5\n\n", &["", "", "", "", ""]);
    check("data: a:b: c\n\n", &["a:b: c"]);
    check("\u{FEFF}data: marked\n\n\u{FEFF}data: not\n\n", &["marked", ""]);
}

#[test]
fn an_event_that_is_not_ended_is_not_told() {
    check("data: one\n\ndata: two\n", &["one"]);
    let mut splitter = Splitter::default();
    assert!(splitter.is_between());
    splitter.next(b"d");
    assert!(!splitter.is_between());
}
