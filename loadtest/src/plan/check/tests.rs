use super::*;

#[test]
fn statuses_are_read() {
    for (text, right, wrong) in [
        ("200", vec![200], vec![201, 404]),
        ("2xx, 301", vec![200, 299, 301], vec![300, 302]),
        ("200-204", vec![200, 204], vec![205]),
        ("any", vec![100, 599], vec![]),
    ] {
        let statuses = Statuses::parse(text).expect(text);
        assert!(right.iter().all(|status| statuses.has(*status)), "{text}");
        assert!(!wrong.iter().any(|status| statuses.has(*status)), "{text}");
    }
    for text in ["", "x", "6xx", "99", "600", "204-200", "200,,201"] {
        assert!(Statuses::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_header_is_there_or_contains() {
    let there = HeaderCheck::parse("X-A").expect("a name");
    assert!(there.name == "x-a" && there.holds(b"") && there.holds(b"1"));
    let contains = HeaderCheck::parse("Content-Type: json").expect("a name and a text");
    assert!(contains.holds(b"application/json") && !contains.holds(b"text/plain"));
    assert!(HeaderCheck::parse(": x").is_err());
}

#[test]
fn a_body_has_its_hash_in_any_pieces() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert!(BodyHash::default().is(&parse_sha256(empty).expect("a hash")));
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let mut hash = BodyHash::default();
    hash.push(b"a");
    hash.push(b"bc");
    assert!(hash.clone().is(&parse_sha256(abc).expect("a hash")));
    assert!(!hash.is(&[0; 32]));
    for text in ["", "e3", &"g".repeat(64), &format!("{empty}00"), &"é".repeat(32)] {
        assert!(parse_sha256(text).is_err(), "{text}");
    }
}
