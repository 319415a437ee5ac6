use super::*;

#[test]
fn the_end_is_found_at_every_split() {
    let head = b"GET / HTTP/1.1\r\nA: b\nc\r\n\r\nrest\r\n\r\n";
    for cut in 0..head.len() {
        let expected = (cut >= 26).then_some(26);
        assert_eq!(head_end(&head[..cut]), expected, "cut at {cut}");
    }
    assert_eq!(head_end(b"\r\n\r\n"), Some(4));
    assert_eq!(head_end(b"\n\n\r\n\n"), Some(4));
    assert_eq!(head_end(b""), None);
}

#[test]
fn lines_end_where_the_text_does() {
    let head = b"start\r\nA:b\r\nC\r\n: e\r\nF: \tg \r\nH:\r\nI: j";
    let (line, lines) = start_line(head).unwrap();
    assert_eq!(line, b"start");
    let expected: [(&[u8], &[u8]); 3] = [(b"A", b"b"), (b"F", b"g"), (b"H", b"")];
    assert!(lines.map(|(name, value)| (name.written, value)).eq(expected));
    assert!(start_line(b"no end").is_none());
    assert!(Lines::of(b"\r\nA: b\r\n").next().is_none());
}
