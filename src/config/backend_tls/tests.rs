use super::*;

#[test]
fn names_that_a_certificate_may_have() {
    let name = |text: &str| Some(SubjectAltName::Name(text.to_owned()));
    let uri = |text: &str| Some(SubjectAltName::Uri(text.to_owned()));
    let address = |text: &str| Some(SubjectAltName::Address(text.parse().unwrap()));
    for (text, expected) in [
        ("Origin.example.com", name("origin.example.com")),
        ("spiffe://Cluster.local/ns/a/sa/b", uri("spiffe://Cluster.local/ns/a/sa/b")),
        ("10.0.0.1", address("10.0.0.1")),
        ("::1", address("::1")),
        ("origin:443", None),
        ("spiffe://a b", None),
        ("spiffe://a\nb", None),
        ("", None),
    ] {
        assert_eq!(SubjectAltName::parse(text).ok(), expected, "{text}");
    }
}

#[test]
fn protocols_of_alpn() {
    let long = "x".repeat(limits::ALPN_NAME_BYTES_MAX);
    for (text, good) in [
        ("h2", true),
        ("http/1.1", true),
        ("mqtt", true),
        (&long, true),
        ("", false),
        ("h 2", false),
        ("é", false),
        (&format!("{long}x"), false),
    ] {
        assert_eq!(parse_alpn(text).is_ok(), good, "{text}");
    }
}

/// A Unix socket has no name to look for.
#[test]
fn what_stands_in_for_a_host() {
    let none = BackendTls::default();
    assert!(!none.needs_no_host());
    assert!(
        !BackendTls { root: Some(FilePath::unplaced("a.pem")), ..none.clone() }.needs_no_host()
    );
    assert!(BackendTls { hostname: Some("a".to_owned()), ..none.clone() }.needs_no_host());
    assert!(BackendTls { insecure: true, ..none.clone() }.needs_no_host());
    assert!(BackendTls { insecure_host: true, ..none.clone() }.needs_no_host());
    let names = vec![SubjectAltName::Name("a".to_owned())];
    assert!(BackendTls { subject_alt_names: names, ..none }.needs_no_host());
}
