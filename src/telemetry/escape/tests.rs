use super::*;

fn text_of(value: &[u8]) -> String {
    let mut out = Vec::new();
    text(&mut out, value);
    String::from_utf8(out).unwrap()
}

fn json_of(value: &[u8]) -> String {
    let mut out = Vec::new();
    json(&mut out, value);
    String::from_utf8(out).unwrap()
}

#[test]
fn labels_keep_their_quotes_shut() {
    let mut out = String::new();
    label(&mut out, "a\"b\\c\nd é");
    assert_eq!(out, r#"a\"b\\c\nd é"#);
}

#[test]
fn text_is_quoted_only_when_it_must() {
    let cases: [(&[u8], &str); 9] = [
        (b"/plain?a=b&c=%20", "/plain?a=b&c=%20"),
        (b"", r#""""#),
        (b"two words", r#""two words""#),
        (b"tab\there", r#""tab\x09here""#),
        (b"line\nend\r", r#""line\x0aend\x0d""#),
        (b"quo\"te", r#""quo\"te""#),
        (b"back\\x0a", r#""back\\x0a""#),
        (b"\x1b[2J", r#""\x1b[2J""#),
        ("é".as_bytes(), r#""\xc3\xa9""#),
    ];
    for (value, expected) in cases {
        assert_eq!(text_of(value), expected);
    }
}

#[test]
fn json_reads_back_as_the_bytes_that_went_in() {
    let every_byte: Vec<u8> = (0..=255).collect();
    for value in [&every_byte[..], b"plain", b"", b"\"}\n{\"", "é€".as_bytes(), b"\\u0000"] {
        let read: String = serde_json::from_str(&json_of(value)).unwrap();
        let bytes: Vec<u8> =
            read.chars().map(|symbol| u8::try_from(symbol as u32).unwrap()).collect();
        assert_eq!(bytes, value);
    }
}

#[test]
fn no_byte_ends_a_line_or_leaves_ascii() {
    for byte in 0..=255 {
        for printed in [text_of(&[b'a', byte]), json_of(&[b'a', byte])] {
            assert!(printed.bytes().all(|b| (b' '..=b'~').contains(&b)), "{byte}: {printed}");
        }
    }
}

#[test]
fn different_values_never_print_alike() {
    let mut seen = std::collections::HashMap::new();
    let alphabet = [b'a', b'x', b'0', b'\\', b'"', b' ', b'\n', 0xC3, 0xA9, b'='];
    for number in 0..alphabet.len().pow(3) {
        let value = [1, 10, 100].map(|place| alphabet[number / place % 10]);
        for printed in [format!("t{}", text_of(&value)), format!("j{}", json_of(&value))] {
            assert_eq!(*seen.entry(printed).or_insert(value), value);
        }
    }
    assert_eq!(seen.len(), 2 * 1000);
}
