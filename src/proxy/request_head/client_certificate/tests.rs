use super::*;

fn check(identity: &Identity, expected: &str) {
    let mut out = Buffer::with_capacity(64);
    put(&mut out, identity);
    assert_eq!(String::from_utf8_lossy(out.filled()), expected);
}

#[test]
fn a_line_as_envoy_reads_it() {
    let mut identity = Identity {
        subject: "O=b,CN=a\\\"c".into(),
        fingerprint: "00ff".into(),
        ..Identity::default()
    };
    check(&identity, "X-Forwarded-Client-Cert: Hash=00ff;Subject=\"O=b,CN=a\\\"c\"\r\n");
    identity.uris = vec!["spiffe://a/b".into(), "https://a/?b=c".into(), "x://\"".into()];
    identity.dns_names = vec!["a.test".into()];
    check(
        &identity,
        "X-Forwarded-Client-Cert: Hash=00ff;Subject=\"O=b,CN=a\\\"c\";URI=spiffe://a/b;\
         URI=\"https://a/?b=c\";DNS=a.test\r\n",
    );
}
