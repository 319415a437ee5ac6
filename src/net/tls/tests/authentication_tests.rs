//! Who the other side is: certificates of clients, and those of endpoints.

use super::*;
use CertificateFault::{Expired, Missing, UnknownIssuer, WrongName, WrongPurpose};

/// What the server makes of a client with this certificate.
fn judged(policy: ClientAuthentication, certificate: Option<&Issued>) -> Option<CertificateFault> {
    let config = make(&ServerSettings { clients: policy, ..server() });
    let certificate = certificate.map(Issued::load);
    let mut faults = [Version::Tls12, Version::Tls13].map(|version| {
        let certificate = certificate.clone();
        let settings = ClientSettings { certificate, parameters: only(version), ..client() };
        let client = client_config(&settings).unwrap();
        match refused(&config, &client, "example.com") {
            (None, None) => None,
            (Some(HandshakeFailure::Alert(_)), Some(HandshakeFailure::BadCertificate(fault))) => {
                Some(fault)
            }
            other => panic!("{version:?}: {other:?}"),
        }
    });
    assert_eq!(faults[0], faults[1], "TLS 1.2 and 1.3");
    faults[0].take()
}

#[test]
fn clients_are_verified_as_the_policy_says() {
    use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    let good = OURS.issue(&["alice"]);
    let stranger = THEIRS.issue(&["alice"]);
    let late = OURS.issue_with(&["alice"], expired);
    let server_only =
        OURS.issue_with(&["alice"], |params| params.extended_key_usages = vec![ServerAuth]);
    let client_only =
        OURS.issue_with(&["alice"], |params| params.extended_key_usages = vec![ClientAuth]);
    let required = || ClientAuthentication::Required(OURS.roots());
    let optional = || ClientAuthentication::Optional(OURS.roots());
    let cases = [
        (required(), Some(&good), None),
        (required(), Some(&client_only), None),
        (required(), None, Some(Missing)),
        (required(), Some(&stranger), Some(UnknownIssuer)),
        (required(), Some(&late), Some(Expired)),
        (required(), Some(&server_only), Some(WrongPurpose)),
        (optional(), Some(&good), None),
        (optional(), None, None),
        (optional(), Some(&stranger), Some(UnknownIssuer)),
        (ClientAuthentication::None, Some(&stranger), None),
    ];
    for (at, (policy, certificate, expected)) in cases.into_iter().enumerate() {
        assert_eq!(judged(policy, certificate), expected, "case {at}");
    }
}

#[test]
fn a_client_is_known_by_its_certificate() {
    let names = ["alice.example.com", "spiffe://example.com/ns/a/sa/alice"];
    let issued = OURS.issue_with(&names, |params| {
        let address = std::net::IpAddr::from([192, 0, 2, 7]);
        params.subject_alt_names.push(SanType::IpAddress(address));
        params.subject_alt_names.push(SanType::Rfc822Name("a@example.com".try_into().unwrap()));
        params.distinguished_name.push(DnType::OrganizationName, "b");
    });
    let policy = ClientAuthentication::Required(OURS.roots());
    let config = make(&ServerSettings { clients: policy, ..server() });
    let settings = ClientSettings { certificate: Some(issued.load()), ..client() };
    let (_, server) = joined(&config, &client_config(&settings).unwrap());
    let identity = server.session.identity().unwrap();
    assert_eq!(&*identity.subject, "CN=alice.example.com, O=b");
    assert_eq!(identity.spiffe_id(), Some(names[1]));
    assert_eq!(identity.addresses, [std::net::IpAddr::from([192, 0, 2, 7])]);
    let all: Vec<_> = identity.alternative_names().collect();
    assert_eq!(all, [names[0], names[1], "a@example.com"]);
    assert!(identity.not_before_seconds < identity.not_after_seconds);
    let two = OURS.issue(&["spiffe://a/b", "spiffe://a/c"]).load();
    assert_eq!(two.identity().spiffe_id(), None, "one of two is nobody");
    assert_eq!(OURS.issue(&["https://a/b"]).load().identity().spiffe_id(), None);
}

/// What a client makes of this certificate of an endpoint that it knows as `example.com`.
fn trusted(verification: &Verification, endpoint: &Issued) -> Option<CertificateFault> {
    let default = Some(endpoint.load());
    let config = make(&ServerSettings { default, ..ServerSettings::default() });
    let settings = ClientSettings { verification: verification.clone(), ..client() };
    let client = client_config(&settings).unwrap();
    match refused(&config, &client, "example.com") {
        (None, None) => None,
        (Some(HandshakeFailure::BadCertificate(fault)), Some(HandshakeFailure::Alert(_))) => {
            Some(fault)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn endpoints_are_verified_as_the_settings_say() {
    let good = OURS.issue(&["example.com"]);
    let wildcard = OURS.issue(&["*.example.com"]);
    let other = OURS.issue(&["other.example.com", "spiffe://example.com/a"]);
    let stranger = THEIRS.issue(&["example.com"]);
    let late = OURS.issue_with(&["example.com"], expired);
    let names = |names: &[&str]| {
        Verification::Names(names.iter().map(|name| PeerName::parse(name).unwrap()).collect())
    };
    let cases = [
        (Verification::Host, &good, None),
        (Verification::Host, &wildcard, Some(WrongName)),
        (Verification::Host, &other, Some(WrongName)),
        (Verification::Host, &stranger, Some(UnknownIssuer)),
        (Verification::Host, &late, Some(Expired)),
        (Verification::Chain, &other, None),
        (Verification::Chain, &stranger, Some(UnknownIssuer)),
        (Verification::Chain, &late, Some(Expired)),
        (Verification::Nothing, &stranger, None),
        (Verification::Nothing, &late, None),
        (names(&["other.example.com"]), &other, None),
        (names(&["x", "spiffe://example.com/a"]), &other, None),
        (names(&["spiffe://example.com/b"]), &other, Some(WrongName)),
        (names(&["other.example.com"]), &good, Some(WrongName)),
        (names(&["other.example.com"]), &stranger, Some(UnknownIssuer)),
        (names(&[]), &good, Some(WrongName)),
    ];
    for (verification, endpoint, expected) in cases {
        assert_eq!(trusted(&verification, endpoint), expected, "{verification:?}");
    }
}

#[test]
fn an_endpoint_without_the_key_is_never_believed() {
    // Even where certificates are not verified, the handshake is signed with the key of the one
    // that was shown.
    let (shown, own) = (OURS.issue(&["example.com"]), OURS.issue(&["example.com"]));
    let mut forged = (*own.load().key).clone();
    forged.cert.clone_from(&shown.load().key.cert);
    let mut certificate = shown.load();
    certificate.key = Arc::new(forged);
    for version in [Version::Tls12, Version::Tls13] {
        let settings = ServerSettings {
            default: Some(certificate.clone()),
            parameters: only(version),
            ..ServerSettings::default()
        };
        let client = ClientSettings { verification: Verification::Nothing, ..client() };
        let client = client_config(&client).unwrap();
        let (by_client, _) = refused(&make(&settings), &client, "example.com");
        let bad = HandshakeFailure::BadCertificate(CertificateFault::BadSignature);
        assert_eq!(by_client, Some(bad), "{version:?}");
    }
}
