use super::*;

#[test]
fn a_field_is_a_line() {
    let mut out = Vec::new();
    for (name, value) in [("X-One", "1"), ("x-two", " \ta b\t "), ("x-three", ""), ("x-4", "ä\tb")]
    {
        encode(name, value, &mut out).unwrap();
    }
    assert_eq!(out, "X-One: 1\r\nx-two: a b\r\nx-three: \r\nx-4: ä\tb\r\n".as_bytes());
}

#[test]
fn what_would_break_a_head_is_refused() {
    let cases = [
        ("", "1", FieldError::BadName),
        ("a b", "1", FieldError::BadName),
        ("a:", "1", FieldError::BadName),
        (":path", "1", FieldError::BadName),
        ("ä", "1", FieldError::BadName),
        ("a\r\nb", "1", FieldError::BadName),
        ("a", "1\r\nb: 2", FieldError::BadValue),
        ("a", "1\n2", FieldError::BadValue),
        ("a", "1\0", FieldError::BadValue),
        ("a", "1\x7f", FieldError::BadValue),
        ("Content-Length", "1", FieldError::Reserved),
        ("transfer-encoding", "chunked", FieldError::Reserved),
        ("Connection", "close", FieldError::Reserved),
    ];
    for (name, value, expected) in cases {
        let mut out = Vec::new();
        assert_eq!(encode(name, value, &mut out), Err(expected), "{name}: {value}");
        assert!(out.is_empty(), "{name}: {value}");
    }
}
