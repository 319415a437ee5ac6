use super::*;

fn found(name: &str) -> Option<&'static Known> {
    Name::of(name.as_bytes()).known
}

#[test]
fn every_name_of_the_static_table_is_known_by_its_first_index() {
    for (place, (name, value)) in STATIC.iter().enumerate() {
        let first = STATIC.iter().position(|(other, _)| other == name).unwrap();
        let known = found(name).unwrap();
        assert_eq!((known.name, known.index as usize), (*name, first + 1));
        assert_eq!(found(&name.to_uppercase()).unwrap().name, *name);
        let index = static_field(known, value.as_bytes());
        assert_eq!(index, (!value.is_empty()).then_some(place + 1), "{name}: {value}");
        assert_eq!(static_field(known, b"another value"), None);
        assert_eq!(STATIC_IDS[place], FieldName::parse(name.as_bytes()), "{name}");
    }
}

#[test]
fn other_names_are_not() {
    for name in ["", "x", "xx", ":statut", "accepts", "content-lengti", "\u{e9}tag", "via\0"] {
        assert!(found(name).is_none(), "{name}");
    }
}

#[test]
fn every_name_has_its_place_and_its_rule() {
    for &id in &FieldName::ALL[1..] {
        let name = Name::of(id.as_str().as_bytes());
        assert_eq!((name.id, name.known.unwrap().name), (id, id.as_str()));
    }
    for pseudo in [
        (PseudoName::Method, ":method"),
        (PseudoName::Scheme, ":scheme"),
        (PseudoName::Authority, ":authority"),
        (PseudoName::Path, ":path"),
        (PseudoName::Protocol, ":protocol"),
        (PseudoName::Status, ":status"),
    ] {
        assert_eq!(Name::pseudo(pseudo.0).written, pseudo.1.as_bytes());
    }
    for known in FIELDS[1..].iter().chain(&PSEUDO).chain(&LONG) {
        assert_ne!(known.indexing, Indexing::ByName, "{}", known.name);
    }
}

#[test]
fn secrets_are_never_indexed() {
    for name in ["authorization", "proxy-authorization", "x-api-key"] {
        assert_eq!(found(name).unwrap().indexing, Never);
    }
    for name in ["cookie", "set-cookie"] {
        assert_eq!(found(name).unwrap().indexing, UnlessShort);
    }
    for name in [":path", "etag", "location", "x-request-id"] {
        assert_eq!(found(name).unwrap().indexing, Plain);
    }
}
