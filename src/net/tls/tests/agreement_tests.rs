//! What two sides agree upon: protocol, version, suite, certificate; and sessions that go on.

use super::*;

type Failures = (Option<HandshakeFailure>, Option<HandshakeFailure>);

fn served(names: &[(&str, &str)], default: Option<&str>) -> Arc<ServerConfig> {
    let of = |name: &str| OURS.issue(&[name]).load();
    make(&ServerSettings {
        certificates: names.iter().map(|(host, cert)| ((*host).into(), of(cert))).collect(),
        default: default.map(of),
        ..ServerSettings::default()
    })
}

/// The first name of the certificate that a client is shown who asks for `name`.
fn shown(config: &Arc<ServerConfig>, name: &str) -> String {
    let settings = ClientSettings { verification: Verification::Chain, ..client() };
    let mut client = End::client(&client_config(&settings).unwrap(), name);
    join(&mut client, &mut End::server(config), usize::MAX).unwrap();
    client.session.identity().unwrap().dns_names[0].to_string()
}

#[test]
fn the_exact_name_wins_then_the_longest_wildcard_then_the_default() {
    let names = [
        ("a.example.com", "exact"),
        ("*.example.com", "wide"),
        ("*.b.example.com", "narrow"),
        ("UPPER.test.", "upper"),
    ];
    let config = served(&names, Some("default"));
    let cases = [
        ("a.example.com", "exact"),
        ("A.Example.COM", "exact"),
        ("c.example.com", "wide"),
        ("d.c.example.com", "wide"),
        ("x.b.example.com", "narrow"),
        ("y.x.b.example.com", "narrow"),
        ("b.example.com", "wide"),
        ("example.com", "default"),
        ("upper.test", "upper"),
        ("other.test", "default"),
        ("192.0.2.1", "default"), // no SNI for an address
    ];
    for (name, expected) in cases {
        assert_eq!(shown(&config, name), expected, "{name}");
    }
}

#[test]
fn an_unknown_name_is_refused_without_a_default() {
    let config = served(&[("a.example.com", "a.example.com")], None);
    let client = client_config(&client()).unwrap();
    let expected: Failures =
        (Some(HandshakeFailure::Alert(49)), Some(HandshakeFailure::UnknownName));
    assert_eq!(refused(&config, &client, "b.example.com"), expected);
    assert_eq!(refused(&config, &client, "192.0.2.1"), expected);
    assert_eq!(refused(&config, &client, "a.example.com"), (None, None));
}

#[test]
fn protocols_are_agreed_by_the_servers_preference() {
    use Alpn::{H2, Http1};
    let cases: [(&[Alpn], &[Alpn], Option<Alpn>); 5] = [
        (&[H2, Http1], &[Http1, H2], Some(H2)),
        (&[H2, Http1], &[Http1], Some(Http1)),
        (&[Http1], &[H2, Http1], Some(Http1)),
        (&[H2, Http1], &[], None),
        (&[], &[H2], None),
    ];
    for (ours, theirs, expected) in cases {
        let config = make(&ServerSettings { alpn: ours.to_vec(), ..server() });
        let theirs_named = theirs.iter().map(|alpn| alpn.name().into()).collect();
        let settings = ClientSettings { alpn: theirs_named, ..client() };
        let (client, server) = joined(&config, &client_config(&settings).unwrap());
        assert_eq!(server.session.alpn(), expected, "{ours:?} {theirs:?}");
        assert_eq!(client.session.alpn(), expected, "{ours:?} {theirs:?}");
    }
}

#[test]
fn no_protocol_in_common_is_refused() {
    let config = make(&ServerSettings { alpn: vec![Alpn::H2], ..server() });
    let mut theirs = (*client_config(&client()).unwrap()).clone();
    theirs.alpn_protocols = vec![b"spdy/3".to_vec()];
    let expected: Failures =
        (Some(HandshakeFailure::Alert(120)), Some(HandshakeFailure::NoSharedProtocol));
    assert_eq!(refused(&config, &Arc::new(theirs), "example.com"), expected);
}

#[test]
fn versions_and_suites_have_to_meet() {
    let named = |names: &[&str]| {
        let mut parameters = Parameters::default();
        parameters.set_suites(names).unwrap();
        parameters
    };
    let old = only(Version::Tls12);
    let new = only(Version::Tls13);
    let aes = ["TLS13_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"];
    let chacha =
        ["TLS13_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"];
    let mut p384 = Parameters::default();
    p384.set_groups(&["P-384"]).unwrap();
    let mut x25519 = Parameters::default();
    x25519.set_groups(&["x25519"]).unwrap();
    let any = Parameters::default();
    let cases: [(&Parameters, &Parameters, Option<HandshakeFailure>); 6] = [
        (&old, &new, Some(HandshakeFailure::NoSharedVersion)),
        (&new, &old, Some(HandshakeFailure::NoSharedVersion)),
        (&named(&aes), &named(&chacha), Some(HandshakeFailure::NoSharedCipher)),
        (&p384, &x25519, Some(HandshakeFailure::NoSharedCipher)),
        (&named(&aes), &named(&aes), None),
        // The client has guessed another group: one round more.
        (&p384, &any, None),
    ];
    for (ours, theirs, expected) in cases {
        let config = make(&ServerSettings { parameters: ours.clone(), ..server() });
        let settings = ClientSettings { parameters: theirs.clone(), ..client() };
        let client = client_config(&settings).unwrap();
        let (_, by_server) = refused(&config, &client, "example.com");
        assert_eq!(by_server, expected, "{ours:?} {theirs:?}");
    }
}

#[test]
fn facts_are_told_once_established() {
    let cases = [
        (Version::Tls12, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        (Version::Tls13, "TLS13_AES_256_GCM_SHA384"),
    ];
    for (version, suite) in cases {
        let settings = ClientSettings { parameters: only(version), ..client() };
        let (client, server) = joined(&make(&server()), &client_config(&settings).unwrap());
        for end in [&client, &server] {
            assert_eq!(end.session.version(), version);
            assert_eq!(end.session.cipher(), Some(suite));
            assert_eq!(end.session.server_name(), Some("example.com"));
            assert!(end.session.is_established() && !end.session.resumed());
        }
        assert!(server.session.identity().is_none());
    }
}

#[test]
fn sessions_go_on_by_ticket_on_any_config_of_the_same_policy() {
    let mut keys = TicketKeys::new();
    // As after a reload: two configurations, and one set of keys.
    let first = server_config(&server(), &mut keys).unwrap();
    let second = server_config(&server(), &mut keys).unwrap();
    let stranger = make(&server());
    for version in [Version::Tls12, Version::Tls13] {
        let settings = ClientSettings { parameters: only(version), ..client() };
        let client = client_config(&settings).unwrap();
        for (config, expected) in [(&first, false), (&second, true), (&stranger, false)] {
            let (mut client, server) = joined(config, &client);
            assert_eq!(server.session.resumed(), expected, "{version:?}");
            assert_eq!(client.session.resumed(), expected, "{version:?}");
            client.advance().unwrap();
        }
    }
}

#[test]
fn a_session_never_goes_on_where_clients_are_verified_otherwise() {
    let mut keys = TicketKeys::new();
    let mut config = |clients| {
        let settings = ServerSettings { clients, ..server() };
        server_config(&settings, &mut keys).unwrap()
    };
    let open = config(ClientAuthentication::None);
    let ours = config(ClientAuthentication::Required(OURS.roots()));
    let optional = config(ClientAuthentication::Optional(OURS.roots()));
    let theirs = config(ClientAuthentication::Required(THEIRS.roots()));
    let same = config(ClientAuthentication::Required(OURS.roots()));
    for version in [Version::Tls12, Version::Tls13] {
        let certificate = Some(OURS.issue(&["alice"]).load());
        let settings = ClientSettings { certificate, parameters: only(version), ..client() };
        let client = client_config(&settings).unwrap();
        assert!(!joined(&ours, &client).1.session.resumed());
        for other in [&open, &optional] {
            assert!(!joined(other, &client).1.session.resumed(), "{version:?}");
        }
        assert!(!joined(&ours, &client).1.session.resumed(), "the ticket was of another");
        let (_, server) = joined(&same, &client);
        assert!(server.session.resumed(), "{version:?}");
        let identity = server.session.identity().unwrap();
        assert_eq!(&*identity.dns_names[0], "alice", "who it is stays known");
        let (_, by_server) = refused(&theirs, &client, "example.com");
        let unknown = HandshakeFailure::BadCertificate(CertificateFault::UnknownIssuer);
        assert_eq!(by_server, Some(unknown), "a good ticket elsewhere opens nothing here");
    }
}

#[test]
fn of_one_name_the_certificate_is_shown_that_the_client_can_verify() {
    let (first, second) = (OURS.issue(&["example.com"]).load(), OURS.issue_rsa(&["example.com"]));
    let second = second.load();
    let named = |certificate: &Certificate| ("example.com".into(), certificate.clone());
    let both = ServerSettings {
        certificates: vec![named(&first), named(&second)],
        default: None,
        ..server()
    };
    let by_default = ServerSettings {
        certificates: vec![("other.com".into(), second.clone())],
        default: Some(first.clone()),
        ..server()
    };
    for settings in [both, by_default] {
        let config = make(&settings);
        for (suite, expected) in [
            ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", &first),
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", &second),
        ] {
            let mut parameters = only(Version::Tls12);
            parameters.set_suites(&[suite]).unwrap();
            let client = client_config(&ClientSettings { parameters, ..client() }).unwrap();
            let (client, _) = joined(&config, &client);
            let shown = client.session.identity().expect("the server shows one");
            assert_eq!(shown, *expected.identity(), "{suite}");
        }
    }
}
