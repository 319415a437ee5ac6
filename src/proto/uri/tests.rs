use super::*;

#[test]
fn authorities() {
    for (authority, expected) in [
        ("a", Some(("a", None))),
        ("Example.COM.", Some(("Example.COM.", None))),
        ("a-b_c~d:80", Some(("a-b_c~d", Some(80)))),
        ("a:0", Some(("a", Some(0)))),
        ("a:00065535", Some(("a", Some(65535)))),
        ("a:", Some(("a", None))),
        ("127.0.0.1:1", Some(("127.0.0.1", Some(1)))),
        ("[::1]", Some(("[::1]", None))),
        ("[2001:db8::1]:443", Some(("[2001:db8::1]", Some(443)))),
        ("[::ffff:1.2.3.4]", Some(("[::ffff:1.2.3.4]", None))),
        ("", None),
        (":", None),
        (":80", None),
        ("a:65536", None),
        ("a:-1", None),
        ("a:+1", None),
        ("a:1x", None),
        ("a:1:2", None),
        ("a b", None),
        ("a/", None),
        ("a?", None),
        ("a#", None),
        ("u@a", None),
        ("u:p@a", None),
        ("a%41", None),
        ("a,b", None),
        ("a;b", None),
        ("a\\b", None),
        ("*.a", None),
        ("\u{e9}", None),
        ("::1", None),
        ("[]", None),
        ("[", None),
        ("[::1", None),
        ("[::1]a", None),
        ("[::1]]", None),
        ("[::1%25eth0]", None),
        ("[v1.a]", None),
        ("[127.0.0.1]", None),
        ("[:::1]", None),
    ] {
        let found = split_host_port(authority.as_bytes());
        let expected = expected.map(|(host, port)| (host.as_bytes(), port));
        assert_eq!(found, expected, "{authority}");
        assert_eq!(is_authority(authority.as_bytes()), expected.is_some());
    }
}

#[test]
fn paths_and_queries() {
    for (target, path, query) in [
        ("/", "/", None),
        ("/?", "/", Some("")),
        ("/a?b?c", "/a", Some("b?c")),
        ("?", "", Some("")),
    ] {
        let expected = (path.as_bytes(), query.map(str::as_bytes));
        assert_eq!(split_path_query(target.as_bytes()), expected);
    }
}

fn check(path: &str, expected: Result<&str, PathError>) {
    let mut scratch = b"left over".to_vec();
    let found = routing_path(path.as_bytes(), &mut scratch);
    let expected = expected.map(|normal| match normal {
        normal if normal == path => RoutingPath::AsWritten(normal.as_bytes()),
        normal => RoutingPath::Rewritten(normal.as_bytes()),
    });
    assert_eq!(found, expected, "{path:?}");
    let Ok(normal) = found else { return };
    let normal = normal.bytes().to_vec();
    let again = routing_path(&normal, &mut scratch);
    assert_eq!(again, Ok(RoutingPath::AsWritten(&normal)), "{path:?} twice");
}

#[test]
fn paths_in_normal_form_stay() {
    for path in [
        "/",
        "*",
        "//",
        "/a//b/",
        "/a.b/c..d/...",
        "/.well-known/x",
        "/..a/.b./",
        "/a;b=c/d",
        "/a:b@c!$&'()*+,=",
        "/%2F%5C%20%C3%A9",
        "/a%2Fb",
        "/x%2F.well-known",
        "/%25%7F",
        "/{a}|\"<>^`",
    ] {
        check(path, Ok(path));
    }
}

#[test]
fn dot_segments_are_removed() {
    for (path, normal) in [
        ("/.", "/"),
        ("/..", "/"),
        ("/./", "/"),
        ("/../", "/"),
        ("/../../a", "/a"),
        ("/a/.", "/a/"),
        ("/a/..", "/"),
        ("/a/../", "/"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/b/..", "/a/"),
        ("/a/b/../", "/a/"),
        ("/a/b/../../c", "/c"),
        ("/a/b/../../../c", "/c"),
        ("/a//../b", "/a/b"),
        ("/a//..", "/a/"),
        ("//..", "/"),
        ("/..//a", "//a"),
        ("/a/b/c/./../../g", "/a/g"),
        ("/mid/content=5/../6", "/mid/6"),
        ("/.../..", "/"),
    ] {
        check(path, Ok(normal));
    }
}

#[test]
fn unreserved_escapes_are_decoded_and_no_others() {
    for (path, normal) in [
        ("/%61", "/a"),
        ("/%41%7a%30%2d%2E%5f%7E", "/Az0-._~"),
        ("/%2e%2E/a", "/a"),
        ("/a/%2e./b", "/b"),
        ("/a/%2e/b", "/a/b"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%5cb", "/a%5Cb"),
        ("/%c0%ae%c0%ae/", "/%C0%AE%C0%AE/"),
        ("/%2525", "/%2525"),
        ("/%252e%252e/", "/%252e%252e/"),
        ("/%3f%23", "/%3F%23"),
        ("/a%3b", "/a%3B"),
    ] {
        check(path, Ok(normal));
    }
}

#[test]
fn ambiguous_paths_are_refused() {
    use PathError::*;
    for (path, error) in [
        ("/a\\b", Backslash),
        ("/..\\a", Backslash),
        ("/%00", Null),
        ("/a%00.html", Null),
        ("/%", BadEscape),
        ("/%4", BadEscape),
        ("/%4/", BadEscape),
        ("/%zz", BadEscape),
        ("/%u002e", BadEscape),
        ("/% 1", BadEscape),
        ("/a#b", BadByte),
        ("/a?b", BadByte),
        ("/a b", BadByte),
        ("/a\tb", BadByte),
        ("/\u{e9}", BadByte),
        ("/\x7f", BadByte),
        ("/..;/a", HiddenDots),
        ("/a/..;x=y/b", HiddenDots),
        ("/.;/a", HiddenDots),
        ("/%2e%2e;/a", HiddenDots),
        ("/..%2fa", HiddenDots),
        ("/x%2F..%2Fa", HiddenDots),
        ("/x%5C..", HiddenDots),
        ("/x%2f%2e%2e/a", HiddenDots),
        ("/a%2F.", HiddenDots),
        ("/..;", HiddenDots),
    ] {
        check(path, Err(error));
    }
}

#[test]
fn forms_go_with_their_methods() {
    for (text, method, expected) in [
        ("*", Method::Options, Some(Target::Asterisk)),
        ("*", Method::Get, None),
        ("a:1", Method::Connect, Some(Target::Authority)),
        ("a", Method::Connect, None),
        ("*", Method::Connect, None),
        ("a:1", Method::Get, None),
        ("http://a", Method::Get, Some(Target::Absolute(Scheme::Http, 7..8))),
        ("https://a:1/b", Method::Post, Some(Target::Absolute(Scheme::Https, 8..11))),
        ("HTTP://a?b", Method::Get, Some(Target::Absolute(Scheme::Http, 7..8))),
        ("http://a@b/", Method::Get, None),
        ("http://", Method::Get, None),
        ("http://?a", Method::Get, None),
        ("ws://a/", Method::Get, None),
    ] {
        assert_eq!(target(text.as_bytes(), method), expected, "{text} {method:?}");
    }
}
