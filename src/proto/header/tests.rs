use super::*;

fn written(write: impl FnOnce(&mut Buffer)) -> String {
    let mut out = Buffer::with_capacity(8);
    write(&mut out);
    String::from_utf8(out.filled().to_vec()).unwrap()
}

#[test]
fn lists_have_trimmed_elements_and_no_empty_ones() {
    for (value, expected) in [
        ("", &[][..]),
        (" , ,\t,", &[]),
        ("a", &["a"]),
        ("a,b", &["a", "b"]),
        (" a\t,, b c ,", &["a", "b c"]),
    ] {
        let found: Vec<_> = elements(value.as_bytes()).collect();
        assert_eq!(found, expected.iter().map(|e| e.as_bytes()).collect::<Vec<_>>(), "{value:?}");
    }
    assert!(lists(b"x, Close", b"close"));
    assert!(!lists(b"x close", b"close"));
}

#[test]
fn addresses_are_written_as_text() {
    for (address, expected) in [
        ("127.0.0.1", "127.0.0.1"),
        ("255.255.255.255", "255.255.255.255"),
        ("::1", "::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("2001:db8:1111:2222:3333:4444:5555:6666", "2001:db8:1111:2222:3333:4444:5555:6666"),
    ] {
        let text = AddressText::new(address.parse().unwrap());
        assert_eq!(text.as_bytes(), expected.as_bytes());
        assert_eq!(format!("{text:?}"), expected);
    }
}

#[test]
fn forwarded_for_appends_or_replaces() {
    let peer = AddressText::new("10.0.0.1".parse().unwrap());
    for (received, expected) in [
        (&[][..], "X-Forwarded-For: 10.0.0.1\r\n"),
        (&["1.1.1.1"], "X-Forwarded-For: 1.1.1.1, 10.0.0.1\r\n"),
        (&["1.1.1.1, ::2", "", "x"], "X-Forwarded-For: 1.1.1.1, ::2, x, 10.0.0.1\r\n"),
    ] {
        let values = received.iter().map(|value| value.as_bytes());
        assert_eq!(written(|out| forwarded_for(out, values, &peer)), expected);
    }
}

#[test]
fn a_client_is_believed_as_far_as_the_hops_are_trusted() {
    for (value, trusted_hops, expected) in [
        ("a, b, c", 0, None),
        ("a, b, c", 1, Some("c")),
        ("a, b, c", 2, Some("b")),
        ("a, b, c", 4, None),
        ("", 1, None),
    ] {
        let found = forwarded_client(value.as_bytes(), trusted_hops);
        assert_eq!(found, expected.map(str::as_bytes), "{value} {trusted_hops}");
    }
}
