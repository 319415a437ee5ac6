use super::*;
use crate::proto::http1::FieldName;

#[test]
fn every_name_of_the_static_table_is_known_by_its_first_index() {
    for (place, (name, value)) in STATIC.iter().enumerate() {
        let first = STATIC.iter().position(|(other, _)| other == name).unwrap();
        let found = known(name.as_bytes()).unwrap();
        assert_eq!((found.name, found.index as usize), (*name, first + 1));
        assert_eq!(known(name.to_uppercase().as_bytes()).unwrap().name, *name);
        let index = static_field(found.index, value.as_bytes());
        assert_eq!(index, (!value.is_empty()).then_some(place + 1), "{name}: {value}");
        assert_eq!(static_field(found.index, b"another value"), None);
    }
}

#[test]
fn other_names_are_not() {
    for name in ["", "x", "xx", ":statut", "accepts", "content-lengti", "\u{e9}tag", "via\0"] {
        assert!(known(name.as_bytes()).is_none(), "{name}");
    }
    for entry in &KNOWN {
        assert!(known(entry.name.as_bytes()).is_some_and(|found| std::ptr::eq(found, entry)));
        assert_ne!(entry.indexing, Indexing::ByName);
    }
}

#[test]
fn secrets_are_never_indexed() {
    for name in ["authorization", "proxy-authorization", "x-api-key"] {
        assert_eq!(known(name.as_bytes()).unwrap().indexing, Never);
    }
    for name in ["cookie", "set-cookie"] {
        assert_eq!(known(name.as_bytes()).unwrap().indexing, UnlessShort);
    }
    for name in [":path", "content-length", "date", "etag", "location", "x-request-id"] {
        assert_eq!(known(name.as_bytes()).unwrap().indexing, Plain);
    }
}

#[test]
fn what_a_name_says_is_what_http1_says() {
    for name in [
        "connection",
        "Keep-Alive",
        "proxy-connection",
        "transfer-encoding",
        "TE",
        "upgrade",
        "http2-settings",
        "host",
        "content-length",
        "trailer",
        "x-other",
        "date",
    ] {
        let id = FieldName::parse(name.as_bytes());
        let says = Name::of(name.as_bytes()).says();
        let hop = matches!(says, Says::Connection | Says::Hop | Says::Coding | Says::Te);
        assert_eq!(hop, id.is_hop_by_hop(), "{name}");
        assert_eq!(says == Says::Host, id == FieldName::Host, "{name}");
        assert_eq!(says == Says::Length, id == FieldName::ContentLength, "{name}");
    }
}
