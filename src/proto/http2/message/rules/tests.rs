use super::*;

#[test]
fn a_name_is_a_token_in_lower_case() {
    for byte in 0..=255_u8 {
        let expected = scan::is_token(&[byte]) && !byte.is_ascii_uppercase();
        assert_eq!(NAME[byte as usize], expected, "{byte}");
    }
}

#[test]
fn decimals() {
    for (digits, expected) in [
        ("0", Some(0)),
        ("00", Some(0)),
        ("42", Some(42)),
        ("9223372036854775807", Some(i64::MAX as u64)),
        ("9223372036854775808", None),
        ("99999999999999999999", None),
        ("", None),
        ("+1", None),
        ("1a", None),
        ("1 ", None),
    ] {
        assert_eq!(decimal(digits.as_bytes()), expected, "{digits}");
    }
}
