//! Matches by the certificate of the client.

use super::*;
use crate::net::tls::Identity;

/// Who asks for `/`.
struct Client(Request, Option<Identity>);

impl Subject for Client {
    fn method(&self) -> &[u8] {
        self.0.method()
    }
    fn host(&self) -> &[u8] {
        self.0.host()
    }
    fn path(&self) -> &[u8] {
        self.0.path()
    }
    fn query(&self) -> Option<&[u8]> {
        self.0.query()
    }
    fn header(&self, name: &[u8]) -> Option<&[u8]> {
        self.0.header(name)
    }
    fn identity(&self) -> Option<&Identity> {
        self.1.as_ref()
    }
}

fn alice() -> Identity {
    Identity {
        subject: "O=b,CN=alice".into(),
        common_name: Some("alice".into()),
        issuer: "CN=ours".into(),
        dns_names: vec!["alice.test".into(), "also.test".into()],
        uris: vec!["spiffe://test/alice".into()],
        ..Identity::default()
    }
}

/// Which of the routes, each with one list of parts, is found.
fn found(routes: &[&[(SourcePart, &str)]], identity: Option<Identity>) -> Option<u32> {
    let spec = |(parts, place): (&&[(SourcePart, &str)], u32)| {
        let value = |text: &str| match text.strip_prefix('~') {
            Some(expression) => ValueSpec::Regex(expression.to_owned()),
            None => ValueSpec::Exact(text.to_owned()),
        };
        let source = parts.iter().map(|(part, text)| (*part, value(text))).collect();
        let matches = vec![MatchSpec { source, ..MatchSpec::default() }];
        RouteSpec { hostnames: Vec::new(), matches, id: RouteId(place), order: place }
    };
    let specs: Vec<_> = routes.iter().zip(0..).map(spec).collect();
    let client = Client(request("GET a/"), identity);
    Table::compile(&specs).unwrap().find(&client).map(|found| found.route.0)
}

#[test]
fn each_part_is_looked_at() {
    use SourcePart::{Identity as Id, Issuer, Subject, SubjectAltName, SubjectCn};
    for (part, right, wrong) in [
        (Id, "spiffe://test/alice", "spiffe://test/alic"),
        (Id, "~spiffe://test/.*", "~spiffe://test/"),
        (Subject, "O=b,CN=alice", "CN=alice"),
        (SubjectCn, "alice", "Alice"),
        (Issuer, "CN=ours", "CN=theirs"),
        (SubjectAltName, "also.test", "other.test"),
        (SubjectAltName, "spiffe://test/alice", ""),
        (SubjectAltName, "~a.*[.]test", "~a.*[.]tes"),
    ] {
        assert_eq!(found(&[&[(part, right)]], Some(alice())), Some(0), "{part:?} {right}");
        assert_eq!(found(&[&[(part, wrong)]], Some(alice())), None, "{part:?} {wrong}");
        assert_eq!(found(&[&[(part, right)]], None), None, "nobody has no {part:?}");
    }
    // What a certificate does not have is not the empty text, but for the subject.
    let nothing = Identity::default();
    for (part, expected) in [(Id, None), (SubjectCn, None), (SubjectAltName, None)] {
        assert_eq!(found(&[&[(part, "~.*")]], Some(nothing.clone())), expected, "{part:?}");
    }
    assert_eq!(found(&[&[(Subject, "~.*")]], Some(nothing)), Some(0));
}

#[test]
fn all_of_it_has_to_hold_and_the_most_is_asked_first() {
    use SourcePart::{Issuer, SubjectCn};
    let alice_of_ours: &[_] = &[(SubjectCn, "alice"), (Issuer, "CN=ours")];
    let anybody_of_ours: &[_] = &[(Issuer, "CN=ours")];
    let routes: [&[_]; 3] = [&[], anybody_of_ours, alice_of_ours];
    let bob = Identity { common_name: Some("bob".into()), ..alice() };
    let stranger = Identity { issuer: "CN=theirs".into(), ..alice() };
    assert_eq!(found(&routes, Some(alice())), Some(2));
    assert_eq!(found(&routes, Some(bob)), Some(1));
    assert_eq!(found(&routes, Some(stranger)), Some(0));
    assert_eq!(found(&routes, None), Some(0));
}
