use super::*;

fn every_way_to_parse(name: &str) -> FieldName {
    let found = FieldName::parse(name.as_bytes());
    let line = format!("{name}: {}", "z".repeat(NAME_WINDOW_BYTES));
    let known = (found != FieldName::Other).then_some((found, name.len()));
    assert_eq!(FieldName::recognise(line.as_bytes()), known, "{line}");
    assert_eq!(FieldName::recognise(format!("{name}:").as_bytes()), None, "too short for words");
    found
}

#[test]
fn every_name_is_found_in_every_case() {
    for &id in &FieldName::ALL[1..] {
        let name = id.as_str();
        assert_eq!(every_way_to_parse(name), id);
        assert_eq!(every_way_to_parse(&name.to_uppercase()), id);
    }
}

#[test]
fn a_name_that_differs_in_one_byte_is_another() {
    for &id in &FieldName::ALL[1..] {
        let name = id.as_str();
        for place in 0..name.len() {
            let same = |b: &u8| b.eq_ignore_ascii_case(&name.as_bytes()[place]);
            for other in (0..=0x7f).filter(|b| !same(b) && *b != b':') {
                let mut changed = name.as_bytes().to_vec();
                changed[place] = other;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(every_way_to_parse(&changed), FieldName::Other, "{changed:?}");
            }
        }
        assert_eq!(every_way_to_parse(&name[1..]), FieldName::Other, "{}", &name[1..]);
        assert_eq!(every_way_to_parse(&format!("{name}s")), FieldName::Other);
    }
}

#[test]
fn no_length_is_too_short_or_too_long_to_look_up() {
    for length in 0..80 {
        assert_eq!(every_way_to_parse(&"x".repeat(length)), FieldName::Other);
    }
}

#[test]
fn what_concerns_one_connection_is_not_protected() {
    for &id in FieldName::ALL {
        assert!(!(id.is_hop_by_hop() && id.is_protected()), "{id:?}");
    }
    let hops: Vec<_> =
        FieldName::ALL.iter().filter(|id| id.is_hop_by_hop()).map(|id| id.as_str()).collect();
    assert_eq!(
        hops,
        [
            "transfer-encoding",
            "connection",
            "upgrade",
            "te",
            "keep-alive",
            "proxy-connection",
            "http2-settings"
        ]
    );
}

#[test]
fn trailers_carry_status_but_no_framing() {
    for (name, forbidden) in [
        ("content-length", true),
        ("transfer-encoding", true),
        ("host", true),
        ("set-cookie", true),
        ("authorization", true),
        ("content-encoding", true),
        ("connection", true),
        ("trailer", true),
        ("x-forwarded-for", true),
        ("grpc-status", false),
        ("grpc-message", false),
        ("server-timing", false),
        ("digest", false),
        ("etag", false),
    ] {
        let id = FieldName::parse(name.as_bytes());
        assert_eq!(id.is_forbidden_in_trailers(), forbidden, "{name}");
    }
}
