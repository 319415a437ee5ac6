use super::*;

fn map(names: &[&'static str]) -> HostMap<&'static str> {
    HostMap::compile(names.iter().map(|name| (Hostname::parse(name).unwrap(), *name))).unwrap()
}

const NAMES: &[&str] =
    &["example.com", "*.example.com", "*.b.example.com", "a.b.example.com", "[::1]", "*"];

#[test]
fn the_most_specific_hostname_wins() {
    let cases = [
        ("example.com", "example.com"),
        ("EXAMPLE.com", "example.com"),
        ("example.com.", "example.com"),
        ("a.example.com", "*.example.com"),
        ("x.y.example.com", "*.example.com"),
        ("b.example.com", "*.example.com"),
        ("x.b.example.com", "*.b.example.com"),
        ("x.y.B.Example.COM", "*.b.example.com"),
        ("A.b.example.com", "a.b.example.com"),
        ("[::1]", "[::1]"),
        ("other.org", "*"),
        ("aexample.com", "*"),
        (".example.com", "*"),
        ("..example.com", "*.example.com"),
        ("example.com..", "*"),
        ("com", "*"),
        (".", "*"),
        ("", "*"),
    ];
    let map = map(NAMES);
    for (host, expected) in cases {
        assert_eq!(map.find(host.as_bytes()), Some(&expected), "{host}");
    }
    let long = format!("{}.example.com", "a.".repeat(130));
    assert_eq!(map.find(long.as_bytes()), Some(&"*"));
}

#[test]
fn levels_go_from_the_most_to_the_least_specific() {
    let map = map(NAMES);
    let levels = |host: &'static str| map.levels(host.as_bytes()).copied().collect::<Vec<_>>();
    assert_eq!(
        levels("a.b.example.com"),
        ["a.b.example.com", "*.b.example.com", "*.example.com", "*"]
    );
    assert_eq!(levels("x.example.com"), ["*.example.com", "*"]);
    assert_eq!(levels("example.com"), ["example.com", "*"]);
    assert_eq!(levels("org"), ["*"]);
}

#[test]
fn without_a_rest_other_hosts_find_nothing() {
    let exact = map(&["a.example"]);
    assert_eq!(exact.find(b"a.example"), Some(&"a.example"));
    assert_eq!(exact.find(b"b.example"), None);
    assert_eq!(exact.find(b""), None);
    let wild = map(&["*.example"]);
    assert_eq!(wild.find(b"a.example"), Some(&"*.example"));
    assert_eq!(wild.find(b"example"), None);
    assert_eq!(map(&[]).find(b"example"), None);
}

#[test]
fn many_names_are_told_apart() {
    let names: Vec<String> = (0..3000).map(|n| format!("Host-{n}.example")).collect();
    let map =
        HostMap::compile(names.iter().map(|n| (Hostname::parse(n).unwrap(), n.clone()))).unwrap();
    for name in &names {
        assert_eq!(map.find(name.as_bytes()), Some(name));
    }
    assert_eq!(map.find(b"host-3000.example"), None);
}

#[test]
fn a_hostname_twice_is_given_back() {
    let twice = |names: &[&str]| {
        HostMap::compile(names.iter().map(|n| (Hostname::parse(n).unwrap(), ()))).unwrap_err()
    };
    assert_eq!(twice(&["a.example", "b", "A.example"]), Hostname::parse("a.example").unwrap());
    assert_eq!(twice(&["*.a", "b", "*.A."]), Hostname::parse("*.a").unwrap());
    assert_eq!(twice(&["", "*"]), Hostname::Any);
}

#[test]
fn bad_hostnames_are_refused() {
    let long_label = format!("{}.example", "a".repeat(64));
    let long = vec!["a".repeat(60); 5].join(".");
    let cases = [
        ("a..b", HostnameError::EmptyLabel),
        (".a", HostnameError::EmptyLabel),
        ("a..", HostnameError::EmptyLabel),
        ("*.", HostnameError::BadWildcard),
        ("a.*", HostnameError::BadWildcard),
        ("*a.example", HostnameError::BadWildcard),
        ("*.*.example", HostnameError::BadWildcard),
        ("a.example:80", HostnameError::BadCharacter),
        ("a b", HostnameError::BadCharacter),
        ("ä.example", HostnameError::BadCharacter),
        ("[::g]", HostnameError::BadAddress),
        (&long_label, HostnameError::LongLabel),
        (&long, HostnameError::TooLong),
    ];
    for (text, expected) in cases {
        assert_eq!(Hostname::parse(text), Err(expected), "{text}");
    }
}
