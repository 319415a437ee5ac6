use super::*;

#[test]
fn parameters_are_found_by_decoded_name() {
    let cases = [
        ("a=1", "a", Some("1")),
        ("b=2&a=1", "a", Some("1")),
        ("a=1&a=2", "a", Some("1")),
        ("a", "a", Some("")),
        ("a=", "a", Some("")),
        ("a=b=c", "a", Some("b=c")),
        ("%61=1", "a", Some("1")),
        ("a+b=1", "a b", Some("1")),
        ("a%2Bb=%31", "a+b", Some("%31")),
        ("A=1", "a", None),
        ("aa=1", "a", None),
        ("", "a", None),
        ("&&", "", None),
        ("=1", "", Some("1")),
        ("a;b=1", "b", None),
    ];
    for (query, name, expected) in cases {
        let found = value(query.as_bytes(), name.as_bytes());
        assert_eq!(found, expected.map(str::as_bytes), "{query} {name}");
    }
}

#[test]
fn values_are_decoded_once() {
    let cases = [
        ("plain", "plain"),
        ("a+b", "a b"),
        ("a%20b", "a b"),
        ("%2b", "+"),
        ("%2525", "%25"),
        ("%", "%"),
        ("%4", "%4"),
        ("%zz", "%zz"),
        ("%%41", "%A"),
        ("%c3%a4", "ä"),
    ];
    for (encoded, decoded) in cases {
        assert_eq!(
            Decoded(encoded.as_bytes()).collect::<Vec<_>>(),
            decoded.as_bytes(),
            "{encoded}"
        );
        assert!(equals(encoded.as_bytes(), decoded.as_bytes()), "{encoded}");
        assert!(!equals(encoded.as_bytes(), b"other"), "{encoded}");
        assert_eq!(is_plain(encoded.as_bytes()), !encoded.contains(['%', '+']), "{encoded}");
    }
}
