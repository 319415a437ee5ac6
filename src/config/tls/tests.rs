use super::*;

fn offer(
    versions: (Option<TlsVersion>, Option<TlsVersion>),
    suites: &[CipherSuite],
) -> Negotiation {
    Negotiation {
        min_version: versions.0,
        max_version: versions.1,
        cipher_suites: suites.to_vec(),
        key_exchange_groups: Vec::new(),
    }
}

const V1_2: Option<TlsVersion> = Some(TlsVersion::V1_2);
const V1_3: Option<TlsVersion> = Some(TlsVersion::V1_3);
const OLD: CipherSuite = CipherSuite::EcdheRsaAes128GcmSha256;
const NEW: CipherSuite = CipherSuite::Chacha20Poly1305Sha256;

#[test]
fn a_negotiation_without_an_outcome_is_refused() {
    let order = Err("the lowest TLS version is above the highest".to_owned());
    let empty = Err("none of the cipher suites is of a TLS version in use".to_owned());
    let cases = [
        (offer((None, None), &[]), Ok(())),
        (offer((V1_3, None), &[]), Ok(())),
        (offer((None, V1_2), &[]), Ok(())),
        (offer((V1_3, V1_2), &[]), order.clone()),
        (offer((V1_3, V1_2), &[NEW]), order),
        (offer((None, None), &[OLD]), Ok(())),
        (offer((V1_3, None), &[OLD]), empty.clone()),
        (offer((V1_3, None), &[OLD, NEW]), Ok(())),
        (offer((None, V1_2), &[NEW]), empty),
    ];
    for (negotiation, expected) in cases {
        assert_eq!(negotiation.check(), expected, "{negotiation:?}");
    }
}

#[test]
fn the_frontend_goes_first_key_by_key() {
    let groups = vec![KeyExchangeGroup::P384];
    let listener =
        Negotiation { key_exchange_groups: groups.clone(), ..offer((V1_2, V1_2), &[OLD]) };
    assert_eq!(listener.under(&Negotiation::default()), listener);
    let mixed = listener.under(&offer((None, V1_3), &[NEW]));
    assert_eq!(mixed.versions(), (TlsVersion::V1_2, TlsVersion::V1_3));
    assert_eq!(mixed.suites(), [NEW]);
    assert_eq!(mixed.groups(), groups);
    let other = Negotiation {
        key_exchange_groups: vec![KeyExchangeGroup::X25519],
        ..Negotiation::default()
    };
    assert_eq!(listener.under(&other).groups(), [KeyExchangeGroup::X25519]);
    assert_eq!(listener.under(&other).suites(), [OLD]);
}

#[test]
fn nothing_written_is_the_default() {
    let none = Negotiation::default();
    assert_eq!(none.versions(), (TlsVersion::V1_2, TlsVersion::V1_3));
    assert_eq!(none.suites(), CipherSuite::DEFAULT);
    assert_eq!(none.groups(), KeyExchangeGroup::DEFAULT);
    assert!(!none.suites().contains(&NEW), "not a default of agentgateway");
}

/// A second spelling must not shadow the first, and a suite belongs to one version.
#[test]
fn names_are_those_of_the_registry() {
    for (word, suite) in CipherSuite::WORDS.into_iter().chain(CipherSuite::OTHER_WORDS) {
        let name = suite.name();
        assert!(name.starts_with("TLS_"), "{word}: {name}");
        let old = name.starts_with("TLS_ECDHE_");
        let version = if old { TlsVersion::V1_2 } else { TlsVersion::V1_3 };
        assert_eq!(suite.version(), version, "{name}");
        let bare = |text: &str| -> String {
            let text = text.replace("TLS13", "TLS").replace("_WITH_", "_").replace("TLS_", "");
            text.chars().filter(char::is_ascii_alphanumeric).collect()
        };
        assert!(bare(name).starts_with(&bare(word)), "{word}: {name}");
    }
    for (word, group) in KeyExchangeGroup::WORDS {
        assert_eq!(group.name(), word);
    }
}

#[test]
fn subjects_are_names_and_addresses() {
    for (text, expected) in [
        ("Localhost", Some("localhost")),
        ("*.example.com", Some("*.example.com")),
        ("127.0.0.1", Some("127.0.0.1")),
        ("::1", Some("::1")),
        ("*", None),
        ("", None),
        ("a.*.b", None),
        ("localhost:8443", None),
    ] {
        assert_eq!(parse_subject(text).ok().as_deref(), expected, "{text}");
    }
}
