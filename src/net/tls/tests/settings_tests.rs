//! Settings: PEM of every kind, and what users are told when it is wrong.

use super::*;

fn told(chain: &str, key: &str) -> String {
    Certificate::load(pem("a.crt", chain), pem("a.key", key)).unwrap_err().to_string()
}

#[test]
fn broken_certificates_and_keys_say_what_is_wrong() {
    let (ours, other) = (OURS.issue(&["example.com"]), OURS.issue(&["example.com"]));
    let encrypted = ours.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let cut = &ours.chain[..ours.chain.len() / 2];
    let not_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let not_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let long = ours.chain.repeat(17);
    let cases = [
        (&*ours.chain, &*other.key, "the key in a.key does not belong to the certificate in a.crt"),
        ("", &ours.key, "a.crt: there is no certificate in it"),
        (&ours.key, &ours.key, "a.crt: there is no certificate in it"),
        (cut, &ours.key, "a.crt: not PEM: "),
        (not_der, &ours.key, "a.crt: a certificate cannot be read"),
        (&long, &ours.key, "a.crt: more than 16 certificates"),
        (&ours.chain, "", "a.key: there is no private key in it (PKCS#8, PKCS#1 or SEC1)"),
        (&ours.chain, &ours.chain, "a.key: there is no private key in it"),
        (&ours.chain, &encrypted, "a.key: the private key is encrypted; give it without"),
        (&ours.chain, not_key, "a.key: the private key cannot be used"),
    ];
    for (chain, key, expected) in cases {
        let told = told(chain, key);
        assert!(told.starts_with(expected), "{told} is not: {expected}");
    }
    let huge = " ".repeat(4 * 1024 * 1024 + 1);
    assert_eq!(told(&huge, &ours.key), "a.crt: more than 4194304 bytes");
    let roots = TrustedRoots::load(pem("ca.pem", "no roots")).unwrap_err();
    assert_eq!(roots.to_string(), "ca.pem: there is no certificate in it");
}

#[test]
fn keys_are_read_in_every_form() {
    let issued = OURS.issue(&["example.com"]);
    let both = format!("{}{}", issued.key, issued.chain);
    assert!(Certificate::load(pem("both", &both), pem("both", &both)).is_ok());
    let sec1 = bare("EC PRIVATE KEY", &KeyPair::from_pem(&issued.key).unwrap());
    Certificate::load(pem("a.crt", &issued.chain), pem("a.key", &sec1)).unwrap();
    let rsa = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let chain = CertificateParams::new(Vec::new()).unwrap().self_signed(&rsa).unwrap().pem();
    let pkcs1 = bare("RSA PRIVATE KEY", &rsa);
    for key in [rsa.serialize_pem(), pkcs1] {
        Certificate::load(pem("a.crt", &chain), pem("a.key", &key)).unwrap();
    }
}

/// The key inside PKCS#8 (RFC 5958: version, algorithm, and the octets that are it), as PEM.
fn bare(label: &str, key: &KeyPair) -> String {
    let whole = key.serialize_der();
    let (_, _, fields) = field(&whole);
    let (_, after_version, _) = field(fields);
    let (_, after_algorithm, _) = field(after_version);
    let (tag, _, octets) = field(after_algorithm);
    assert_eq!(tag, 4);
    let encoded = base64(octets);
    format!("-----BEGIN {label}-----\n{encoded}\n-----END {label}-----\n")
}

/// A field of DER: its tag, what is behind it, what is in it.
fn field(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let [tag, length, rest @ ..] = der else { panic!("a field") };
    let wide = usize::from(length.checked_sub(0x80).unwrap_or(0));
    let length = match wide {
        0 => usize::from(*length),
        _ => rest[..wide].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
    };
    let (inside, after) = rest[wide..].split_at(length);
    (*tag, after, inside)
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let word = (0..3).fold(0, |sum, at| sum << 8 | u32::from(*three.get(at).unwrap_or(&0)));
        let letter = |at: usize| match at > three.len() {
            true => '=',
            false => char::from(LETTERS[(word >> (18 - 6 * at)) as usize & 63]),
        };
        [letter(0), letter(1), letter(2), letter(3)]
    };
    bytes.chunks(3).flat_map(group).collect()
}

#[test]
fn an_expired_certificate_is_a_warning() {
    let late = OURS.issue_with(&["example.com"], expired).load();
    let good = OURS.issue(&["example.com"]).load();
    let now = 1_800_000_000;
    assert_eq!(late.warning(now), Some("the certificate has expired"));
    assert_eq!(good.warning(now), None);
    assert_eq!(late.warning(0), Some("the certificate is not valid yet"));
}

#[test]
fn names_are_known_in_any_case_and_others_are_answered_with_all_there_are() {
    let mut parameters = Parameters::default();
    for name in Parameters::suite_names() {
        parameters.set_suites(&[name.to_ascii_lowercase()]).unwrap();
    }
    for name in Parameters::group_names() {
        parameters.set_groups(&[name]).unwrap();
    }
    let unknown = SettingsError::from(parameters.set_suites(&["RC4-MD5"]).unwrap_err());
    let text = unknown.to_string();
    assert!(text.starts_with("`RC4-MD5` is not known; there are: TLS13_AES_256_GCM_SHA384, "));
    let unknown = parameters.set_groups(&["X25519", "P-521"]).unwrap_err();
    assert_eq!(&*unknown.name, "P-521");
    assert_eq!(unknown.accepted.len(), Parameters::group_names().count());
    assert_eq!(Version::parse("TLS_V1_2"), Some(Version::Tls12));
    assert_eq!(Version::parse("TLS_V1_1"), None);
}

#[test]
fn settings_that_cannot_be_met_are_refused() {
    let make = |settings: &ServerSettings| {
        server_config(settings, &mut TicketKeys::new()).map(|_| ()).unwrap_err()
    };
    let certificate = || OURS.issue(&["example.com"]).load();
    let named = |name: &str| ServerSettings {
        certificates: vec![(name.into(), certificate())],
        ..ServerSettings::default()
    };
    assert_eq!(make(&ServerSettings::default()), SettingsError::NothingToServe);
    for name in ["", "*.", "a b", "*", "a/b", "**.a"] {
        assert_eq!(make(&named(name)), SettingsError::BadHostname { name: name.into() });
    }
    let mut twice = named("a.test");
    twice.certificates.push(("A.test.".into(), certificate()));
    assert_eq!(make(&twice), SettingsError::TwoCertificates { name: "A.test.".into() });
    let mut parameters = Parameters::default();
    (parameters.version_min, parameters.version_max) = (Version::Tls13, Version::Tls12);
    let crossed = ServerSettings { parameters, ..server() };
    assert_eq!(make(&crossed), SettingsError::NoVersion);
    let mut parameters = Parameters::default();
    parameters.set_suites(&["TLS13_AES_128_GCM_SHA256"]).unwrap();
    let lacking = ServerSettings { parameters: parameters.clone(), ..server() };
    assert_eq!(make(&lacking), SettingsError::NoSuiteForVersion);
    parameters.version_min = Version::Tls13;
    let enough = ServerSettings { parameters, ..server() };
    assert!(server_config(&enough, &mut TicketKeys::new()).is_ok());
    assert!(server_name("a b").is_err() && server_name("[::1]").is_ok());
}

#[test]
fn ticket_keys_are_bounded() {
    let mut keys = TicketKeys::new();
    let first = keys.shared(&ClientAuthentication::None).unwrap();
    for _ in 0..crate::limits::TLS_TICKET_POLICIES_MAX - 1 {
        let roots = Authority::new("one of many").roots();
        keys.shared(&ClientAuthentication::Required(roots)).unwrap();
    }
    let again = keys.shared(&ClientAuthentication::None).unwrap();
    assert!(Arc::ptr_eq(&first, &again), "the one in use is kept");
    for _ in 0..crate::limits::TLS_TICKET_POLICIES_MAX {
        let roots = Authority::new("one of many").roots();
        keys.shared(&ClientAuthentication::Required(roots)).unwrap();
    }
    assert!(!Arc::ptr_eq(&first, &keys.shared(&ClientAuthentication::None).unwrap()));
}
