//! Who the other side is: certificates of clients, and those of endpoints.

use rustls::pki_types::pem::PemObject;

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
    assert_eq!(&*identity.subject, "O=b,CN=alice.example.com");
    assert_eq!(identity.spiffe_id(), Some(names[1]));
    assert_eq!(identity.addresses, [std::net::IpAddr::from([192, 0, 2, 7])]);
    let all: Vec<_> = identity.alternative_names().collect();
    assert_eq!(all, [names[0], names[1], "a@example.com"]);
    assert!(identity.not_before_seconds < identity.not_after_seconds);
    assert_eq!(identity.common_name.as_deref(), Some(names[0]));
    assert_eq!(&*identity.issuer, "CN=ours");
    let workload =
        Workload { trust_domain: "example.com", namespace: "a", service_account: "alice" };
    assert_eq!(identity.workload(), Some(workload));
    let two = OURS.issue(&["spiffe://a/b", "spiffe://a/c"]).load();
    assert_eq!(two.identity().spiffe_id(), None, "one of two is nobody");
    assert_eq!(OURS.issue(&["https://a/b"]).load().identity().spiffe_id(), None);
}

#[test]
fn a_workload_is_written_as_istio_does() {
    for id in [
        "spiffe://a",
        "spiffe://a/ns/b",
        "spiffe://a/ns/b/sa/",
        "spiffe://a/ns//sa/c",
        "spiffe:///ns/b/sa/c",
        "spiffe://a/ns/b/sa/c/d",
        "spiffe://a/sa/b/ns/c",
    ] {
        let issued = OURS.issue(&[id]).load();
        assert_eq!(issued.identity().spiffe_id(), Some(id));
        assert_eq!(issued.identity().workload(), None, "{id}");
    }
}

#[test]
fn a_name_cannot_pass_for_another() {
    let subject = |values: &[(DnType, &str)]| {
        let issued = OURS.issue_with(&["a"], |params| {
            params.distinguished_name = rcgen::DistinguishedName::new();
            for (kind, value) in values {
                params.distinguished_name.push(kind.clone(), *value);
            }
        });
        issued.load().identity().subject.to_string()
    };
    let common = |value| subject(&[(DnType::CommonName, value)]);
    assert_eq!(subject(&[]), "");
    assert_eq!(common("a"), "CN=a");
    assert_eq!(common("a,O=admins"), "CN=a\\,O=admins");
    assert_eq!(common(" a b "), "CN=\\ a b\\ ");
    assert_eq!(common("#a+b\"c\\d<e>f;g"), "CN=\\#a\\+b\\\"c\\\\d\\<e\\>f\\;g");
    assert_eq!(common("a\r\nX: y\0"), "CN=a\\0D\\0AX: y\\00");
    assert_eq!(common("M\u{fc}ller"), "CN=M\\C3\\BCller");
    let several = [
        (DnType::CountryName, "DE"),
        (DnType::OrganizationName, "b"),
        (DnType::CommonName, "c"),
        (DnType::CustomDnType(vec![1, 2, 3]), "d"),
    ];
    assert_eq!(subject(&several), "1.2.3=#0c0164,CN=c,O=b,C=DE");
    // Half of a name would be another's.
    assert_eq!(common(&"x".repeat(5000)), "");
}

#[test]
fn the_fingerprint_and_the_number_are_those_of_openssl() {
    let issued = OURS.issue_with(&["a"], |params| {
        params.serial_number = Some(rcgen::SerialNumber::from(vec![0x8a, 0, 0xff]));
    });
    let identity = issued.load().identity().clone();
    assert_eq!(&*identity.serial, "8a00ff");
    assert_eq!(identity.fingerprint.len(), 64);
    let der = rustls::pki_types::CertificateDer::from_pem_slice(issued.chain.as_bytes()).unwrap();
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    let hex: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(*identity.fingerprint, *hex);
}

#[test]
fn names_are_bounded_and_printable() {
    let long = format!("{}.test", "a.".repeat(600));
    let issued = OURS.issue_with(&["a.test"], |params| {
        let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
        let bad = ["a\r\nb", "a b", "a\0.test", &long, ""];
        params.subject_alt_names.extend(bad.map(dns));
        params.subject_alt_names.extend((0..100).map(|n| dns(&format!("n{n}.test"))));
    });
    let identity = issued.load().identity().clone();
    assert!(identity.dns_names.len() <= crate::limits::TLS_IDENTITY_NAMES_MAX);
    assert_eq!(identity.dns_names[..2], ["a.test".into(), "n0.test".into()]);
    // A second URI makes it nobody's, also where that is none that is read.
    let uri = |name: &str| SanType::URI(name.try_into().unwrap());
    for second in ["spiffe://a/\r\n", "https://a"] {
        let issued = OURS.issue_with(&["a", "spiffe://a/b"], |params| {
            params.subject_alt_names.push(uri(second));
        });
        assert_eq!(issued.load().identity().spiffe_id(), None, "{second:?}");
    }
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
