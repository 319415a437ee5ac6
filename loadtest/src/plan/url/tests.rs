use super::*;

fn check(text: &str, expected: Option<(&str, u16, &str, &str)>) {
    let url = Url::parse(text);
    let found = url.as_ref().ok().map(|u| (u.host.clone(), u.port, u.path.clone(), u.authority()));
    let expected = expected.map(|(h, p, path, a)| (h.into(), p, path.into(), a.into()));
    assert_eq!(found, expected, "{text}: {url:?}");
}

#[test]
fn urls_are_taken_apart() {
    check("http://a", Some(("a", 80, "/", "a")));
    check("http://a:8080/x?y=1#z", Some(("a", 8080, "/x?y=1", "a:8080")));
    check("https://a:443?q", Some(("a", 443, "/?q", "a")));
    check("wss://[::1]:9/x", Some(("::1", 9, "/x", "[::1]:9")));
    check("tcp://127.0.0.1:7", Some(("127.0.0.1", 7, "/", "127.0.0.1:7")));
}

#[test]
fn what_is_no_url_is_refused() {
    for text in ["", "a", "ftp://a", "http://", "http://a:0", "http://a:99999", "http://a:b"] {
        check(text, None);
    }
    for text in
        ["tcp://a", "http://u@a", "http://a/x y", "http://[::1", "http://a/\r\nx", "http://a\r:1"]
    {
        check(text, None);
    }
}
