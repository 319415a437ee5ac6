use super::*;

fn address<'a>(target: &'a str, prefix: &str) -> Address<'a> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.as_bytes())),
        None => (target, None),
    };
    Address {
        scheme: Scheme::Http,
        authority: b"old.example:8080",
        path: path.as_bytes(),
        query,
        prefix_len: prefix.trim_end_matches('/').len(),
    }
}

fn rewrite(spec: PathSpec) -> Rewrite {
    Rewrite::compile(&RewriteSpec { path: Some(spec), ..RewriteSpec::default() }).unwrap()
}

#[test]
fn prefixes_are_replaced_as_gateway_api_says() {
    // Request, prefix of the match, replacement, result.
    let cases = [
        ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
        ("/foo", "/foo", "/xyz", "/xyz"),
        ("/foo/", "/foo", "/xyz", "/xyz/"),
        ("/foo/bar", "/foo", "", "/bar"),
        ("/foo/", "/foo", "", "/"),
        ("/foo", "/foo", "", "/"),
        ("/foo/", "/foo", "/", "/"),
        ("/foo", "/foo", "/", "/"),
        // Beyond its table.
        ("/foo/bar", "/foo", "/", "/bar"),
        ("/foo", "/foo", "/xyz/", "/xyz/"),
        ("/foo/", "/foo", "/xyz/", "/xyz/"),
        ("/bar", "/", "/xyz", "/xyz/bar"),
        ("/bar", "/", "/xyz/", "/xyz/bar"),
        ("/bar", "/", "/", "/bar"),
        ("/bar", "/", "", "/bar"),
        ("/", "/", "/xyz", "/xyz/"),
        ("", "/", "/xyz", "/xyz"),
        ("/foo//bar", "/foo", "/xyz", "/xyz//bar"),
        ("/foo//evil.example", "/foo", "", "/evil.example"),
        ("/foo///evil.example", "/foo", "/", "/evil.example"),
        ("/foo/bar?a=1&b=/2", "/foo", "/xyz", "/xyz/bar?a=1&b=/2"),
        ("/foo?", "/foo", "/xyz", "/xyz?"),
    ];
    for (target, prefix, replacement, expected) in cases {
        let mut out = b"kept".to_vec();
        let rewrite = rewrite(PathSpec::Prefix(replacement.into()));
        assert!(rewrite.write_target(&address(target, prefix), &mut out));
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out, format!("kept{expected}"), "{target} {prefix} {replacement}");
    }
}

#[test]
fn a_full_path_keeps_the_query() {
    let cases = [
        ("/a", "/new", "/new"),
        ("/a?x=1", "/new", "/new?x=1"),
        ("/a?x=1", "/new?y=2", "/new?y=2&x=1"),
        ("/a", "/new?y=2", "/new?y=2"),
        ("/a?", "/new", "/new?"),
    ];
    for (target, full, expected) in cases {
        let mut out = Vec::new();
        let rewrite = rewrite(PathSpec::Full(full.into()));
        assert!(rewrite.write_target(&address(target, "/"), &mut out));
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{target} {full}");
    }
}

#[test]
fn a_path_that_is_not_to_change_is_not_written() {
    let mut out = Vec::new();
    let none = Rewrite::compile(&RewriteSpec::default()).unwrap();
    assert!(!none.write_target(&address("/a", "/"), &mut out));
    let full = rewrite(PathSpec::Full("/new".into()));
    assert!(!full.write_target(&address("*", "/"), &mut out));
    assert!(out.is_empty());
}

#[test]
fn authorities_are_rewritten() {
    let full = |text: &str| AuthoritySpec::Full(text.into());
    let host = |text: &str| AuthoritySpec::Host(text.into());
    let cases = [
        (AuthoritySpec::Unset, "a:1", AuthorityChange::Unset, ""),
        (AuthoritySpec::Keep, "a:1", AuthorityChange::Keep, ""),
        (AuthoritySpec::Auto, "a:1", AuthorityChange::Auto, ""),
        (full("new.example:9"), "a:1", AuthorityChange::Written, "new.example:9"),
        (full("[::1]:9"), "a:1", AuthorityChange::Written, "[::1]:9"),
        (host("new.example"), "a:1", AuthorityChange::Written, "new.example"),
        (AuthoritySpec::Port(9), "a:1", AuthorityChange::Written, "a:9"),
        (AuthoritySpec::Port(9), "a", AuthorityChange::Written, "a:9"),
        (AuthoritySpec::Port(9), "[::1]:1", AuthorityChange::Written, "[::1]:9"),
        (AuthoritySpec::Port(9), "[::1]", AuthorityChange::Written, "[::1]:9"),
        (AuthoritySpec::Port(80), "a:1", AuthorityChange::Written, "a"),
    ];
    for (spec, received, change, expected) in cases {
        let label = format!("{spec:?} {received}");
        let rewrite = Rewrite::compile(&RewriteSpec { authority: spec, path: None }).unwrap();
        let mut out = Vec::new();
        let address = Address { authority: received.as_bytes(), ..address("/", "/") };
        assert_eq!(rewrite.write_authority(&address, &mut out), change, "{label}");
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{label}");
    }
}

#[test]
fn locations_are_absolute() {
    use Scheme::{Http, Https};
    let host = || AuthoritySpec::Host("new.example".into());
    let full = || AuthoritySpec::Full("new.example:9".into());
    let port = AuthoritySpec::Port;
    // Configured scheme and authority; scheme and authority of the request; the new ones.
    let cases = [
        (None, AuthoritySpec::Unset, Http, "a", "http://a"),
        (None, AuthoritySpec::Unset, Http, "a:8080", "http://a:8080"),
        (None, AuthoritySpec::Unset, Http, "a:80", "http://a"),
        (None, AuthoritySpec::Unset, Http, "a:", "http://a"),
        (None, AuthoritySpec::Unset, Https, "a:80", "https://a:80"),
        (None, AuthoritySpec::Keep, Https, "[::1]:8443", "https://[::1]:8443"),
        (Some(Https), AuthoritySpec::Unset, Http, "a", "https://a"),
        (Some(Https), AuthoritySpec::Unset, Http, "a:8080", "https://a"),
        (Some(Http), AuthoritySpec::Unset, Http, "a:8080", "http://a"),
        (None, host(), Http, "a", "http://new.example"),
        (None, host(), Http, "a:8080", "http://new.example:8080"),
        (None, host(), Https, "a:443", "https://new.example"),
        (Some(Https), host(), Http, "a:8080", "https://new.example"),
        (None, host(), Http, "", "http://new.example"),
        (None, full(), Http, "a:8080", "http://new.example:9"),
        (Some(Https), full(), Http, "a:8080", "https://new.example:9"),
        (None, port(9), Http, "a:8080", "http://a:9"),
        (None, port(80), Http, "a:8080", "http://a"),
        (Some(Https), port(443), Http, "a:80", "https://a"),
        (Some(Http), port(80), Https, "a:443", "http://a"),
        (Some(Https), port(8443), Http, "a:80", "https://a:8443"),
        (None, AuthoritySpec::Unset, Http, "", ""),
        (Some(Https), port(9), Http, "", ""),
    ];
    for (scheme, authority, asked_scheme, asked, expected) in cases {
        let label = format!("{scheme:?} {authority:?} {asked_scheme:?} {asked}");
        let spec = RedirectSpec { scheme, authority, ..RedirectSpec::default() };
        let redirect = Redirect::compile(&spec).unwrap();
        let address = Address {
            scheme: asked_scheme,
            authority: asked.as_bytes(),
            ..address("/a/b?c=d", "/")
        };
        let mut out = Vec::new();
        redirect.write_location(&address, &mut out);
        assert_eq!(redirect.status(), 302);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}/a/b?c=d"), "{label}");
    }
}

#[test]
fn a_location_without_a_host_is_a_path_and_nothing_else() {
    let redirect = Redirect::compile(&RedirectSpec::default()).unwrap();
    for (path, expected) in
        [("//evil.example/x", "/evil.example/x"), ("/a//b", "/a//b"), ("*", "/")]
    {
        let mut out = Vec::new();
        let address = Address { authority: b"", ..address(path, "/") };
        redirect.write_location(&address, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{path}");
    }
}

#[test]
fn redirects_edit_the_path_as_rewrites_do() {
    let cases = [
        (PathSpec::Full("/new".into()), "http://old.example:8080/new?c=d"),
        (PathSpec::Prefix("/new".into()), "http://old.example:8080/new/b?c=d"),
        (PathSpec::Prefix("".into()), "http://old.example:8080/b?c=d"),
    ];
    for (path, expected) in cases {
        let spec = RedirectSpec { path: Some(path), status: Some(308), ..RedirectSpec::default() };
        let redirect = Redirect::compile(&spec).unwrap();
        let mut out = Vec::new();
        redirect.write_location(&address("/a/b?c=d", "/a"), &mut out);
        assert_eq!(redirect.status(), 308);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let path = |path| Rewrite::compile(&RewriteSpec { path: Some(path), ..Default::default() });
    for bad in ["", "new", "/a b", "/a#b", "/a\r\nb", "/ä", "/a\\b"] {
        let error = path(PathSpec::Full(bad.into())).unwrap_err();
        assert_eq!(error, RewriteError::BadPath, "{bad:?}");
    }
    for bad in ["new", "/a?b", "/a b"] {
        let error = path(PathSpec::Prefix(bad.into())).unwrap_err();
        assert_eq!(error, RewriteError::BadPath, "{bad:?}");
    }
    let hosts =
        ["", "*", "*.a", "a:1", "a b", "a/b", "a\r\nb"].map(|t| AuthoritySpec::Host(t.into()));
    let fulls = ["", ":1", "a:", "a:0", "a:+1", "a:70000", "a:b", "u@a", "[::1", "a/b"]
        .map(|t| AuthoritySpec::Full(t.into()));
    for authority in hosts.into_iter().chain(fulls).chain([AuthoritySpec::Port(0)]) {
        let label = format!("{authority:?}");
        let spec = RewriteSpec { authority, path: None };
        assert_eq!(Rewrite::compile(&spec).unwrap_err(), RewriteError::BadAuthority, "{label}");
    }
    for status in [200, 300, 304, 305, 306, 309, 404] {
        let spec = RedirectSpec { status: Some(status), ..RedirectSpec::default() };
        assert_eq!(Redirect::compile(&spec).unwrap_err(), RewriteError::BadStatus, "{status}");
    }
}
