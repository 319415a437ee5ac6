use super::super::ParseError as E;
use super::*;

fn parsed(lines: &str) -> (Vec<u8>, RequestHead) {
    let bytes = format!("{lines}\r\n\r\n").into_bytes();
    let (outcome, head) = request(&bytes);
    assert_eq!(outcome, Ok(Parsed::Complete), "{lines:?}");
    (bytes, head)
}

/// The names of the fields that are forwarded.
fn forwarded(lines: &str) -> String {
    let (bytes, head) = parsed(lines);
    let kept = head.fields.iter().filter(|field| !field.hop);
    let names = kept.map(|field| String::from_utf8_lossy(field.name.of(&bytes)).into_owned());
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn limits_hold_exactly() {
    let fields = |count: usize| {
        format!("GET / HTTP/1.1\r\nHost: a{}\r\n\r\n", "\r\nX: y".repeat(count - 1)).into_bytes()
    };
    assert_eq!(request(&fields(8)).0, Ok(Parsed::Complete));
    assert_eq!(request(&fields(9)).0, Err(E::TooManyFields));

    let target = |len: usize| {
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "t".repeat(len - 1)).into_bytes()
    };
    assert_eq!(request(&target(64)).0, Ok(Parsed::Complete));
    assert_eq!(request(&target(65)).0, Err(E::TargetTooLong));

    let head = |len: usize| {
        let frame = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n";
        let value = "v".repeat(len - frame.len());
        frame.replace("X: ", &format!("X: {value}")).into_bytes()
    };
    assert_eq!(request(&head(512)).0, Ok(Parsed::Complete));
    assert_eq!(request(&head(513)).0, Err(E::HeadTooLarge));
    assert_eq!(request(&head(2000)).0, Err(E::HeadTooLarge));
    assert_eq!(request(&b"G".repeat(2000)).0, Err(E::BadMethod));
}

#[test]
fn no_limit_exceeds_what_spans_can_hold() {
    let limits = HeadLimits {
        head_bytes_max: usize::MAX,
        fields_max: usize::MAX,
        target_bytes_max: usize::MAX,
    };
    let name = "n".repeat(70_000);
    for bytes in [
        format!("GET / HTTP/1.1\r\nHost: a\r\n{name}: v\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {name}\r\n\r\n"),
        format!("GET /{name} HTTP/1.1\r\nHost: a\r\n\r\n"),
    ] {
        let outcome = RequestHead::default().parse(bytes.as_bytes(), &limits);
        assert_eq!(outcome, Err(E::HeadTooLarge));
    }
}

#[test]
fn keep_alive_by_version() {
    for (version, connection, expected) in [
        ("1.1", "", true),
        ("1.1", "Connection: keep-alive", true),
        ("1.1", "Connection: close", false),
        ("1.1", "Connection: CLOSE", false),
        ("1.1", "Connection: x, Close ,y", false),
        ("1.1", "Connection: x\r\nConnection: close", false),
        ("1.1", "Connection: closed", true),
        ("1.1", "Proxy-Connection: close", true),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive", true),
        ("1.0", "Connection: Keep-Alive, close", false),
        ("1.0", "Proxy-Connection: keep-alive", false),
    ] {
        let (_, head) = parsed(
            &format!("GET / HTTP/{version}\r\nHost: a\r\n{connection}\r\nX: y")
                .replace("\r\n\r\n", "\r\n"),
        );
        assert_eq!(head.keep_alive, expected, "{version} {connection}");
    }
}

#[test]
fn hop_by_hop_fields_are_marked() {
    let all = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nKeep-Alive: 5\r\n\
               Proxy-Connection: x\r\nTE: trailers\r\nUpgrade: x\r\nHTTP2-Settings: x\r\n\
               Trailer: x";
    assert_eq!(forwarded(all), "Host Trailer");
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX: y";
    assert_eq!(forwarded(chunked), "Host X");
}

#[test]
fn what_connection_lists_is_marked_wherever_it_stands() {
    for (fields, expected) in [
        ("X-A: 1\r\nConnection: close, x-a\r\nX-a: 2\r\nX-AB: 3", "Host X-AB"),
        ("Connection: ,, X-B ,\r\nConnection: x-a\r\nX-A: 1\r\nX-B: 1", "Host"),
        ("Connection: User-Agent\r\nUser-Agent: x", "Host"),
        ("Connection: x-a x-b\r\nX-A: 1\r\nX-B: 1", "Host X-A X-B"),
    ] {
        assert_eq!(forwarded(&format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}")), expected);
    }
}

/// CVE-2022-31813: `Connection` must not take from us what we or the origin rely on.
#[test]
fn cve_2022_31813_connection_does_not_remove_identity() {
    let lines = "POST / HTTP/1.1\r\nHost: a\r\nConnection: Host, Content-Length, X-Forwarded-For, \
                 Authorization, Cookie, X-Request-Id, Via\r\nContent-Length: 1\r\n\
                 X-Forwarded-For: 1\r\nAuthorization: b\r\nCookie: c\r\nVia: v\r\nX-Request-Id: i";
    let expected = "Host Content-Length X-Forwarded-For Authorization Cookie Via X-Request-Id";
    assert_eq!(forwarded(lines), expected);
}

#[test]
fn connection_options_are_bounded() {
    let head = |count: usize| {
        let list = vec!["x"; count].join(",");
        format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: {list}\r\n\r\n").into_bytes()
    };
    let max = crate::limits::CONNECTION_OPTIONS_MAX;
    assert_eq!(request(&head(max)).0, Ok(Parsed::Complete));
    assert_eq!(request(&head(max + 1)).0, Err(E::TooManyOptions));
}

#[test]
fn expectations() {
    for (version, lines, expected) in [
        ("1.1", "Expect: 100-continue\r\nContent-Length: 1", Ok((true, true))),
        ("1.1", "Expect: 100-Continue\r\nTransfer-Encoding: chunked", Ok((true, true))),
        ("1.1", "Expect: 100-continue", Ok((false, false))),
        ("1.1", "Expect: 100-continue\r\nContent-Length: 0", Ok((false, false))),
        ("1.1", "Expect: 100-continue, x\r\nContent-Length: 1", Err(E::BadExpect)),
        ("1.1", "Expect: y 100-continue\r\nContent-Length: 1", Err(E::BadExpect)),
        ("1.1", "Expect:\r\nContent-Length: 1", Err(E::BadExpect)),
        ("1.1", "Expect: 100-continue\r\nExpect: 100-continue", Err(E::BadExpect)),
        ("1.0", "Expect: 100-continue\r\nContent-Length: 1", Ok((false, false))),
        ("1.0", "Expect: x\r\nContent-Length: 1", Ok((false, false))),
    ] {
        let bytes = format!("POST / HTTP/{version}\r\nHost: a\r\n{lines}\r\n\r\n").into_bytes();
        let (outcome, head) = request(&bytes);
        let kept = |head: &RequestHead| head.field(FieldName::Expect).is_some_and(|f| !f.hop);
        let found = outcome.map(|_| (head.expect_continue, kept(&head)));
        assert_eq!(found, expected, "{version} {lines}");
    }
}

#[test]
fn an_upgrade_needs_both_fields_and_http_1_1() {
    for (version, lines, expected) in [
        ("1.1", "Connection: Upgrade\r\nUpgrade: websocket", Some(&b"websocket"[..])),
        ("1.1", "Connection: keep-alive, upgrade\r\nUpgrade: a, b", Some(b"a, b")),
        ("1.1", "Upgrade: a\r\nConnection: upgrade\r\nUpgrade: b", Some(b"a")),
        ("1.1", "Upgrade: websocket", None),
        ("1.1", "Connection: upgrade", None),
        ("1.0", "Connection: Upgrade\r\nUpgrade: websocket", None),
    ] {
        let (bytes, head) = parsed(&format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}"));
        assert_eq!(head.upgrade.map(|span| span.of(&bytes)), expected, "{version} {lines}");
        assert!(head.fields.iter().filter(|f| f.id == FieldName::Upgrade).all(|f| f.hop));
    }
}

#[test]
fn fields_are_found_by_id_and_by_name() {
    let (bytes, head) = parsed("GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nx-one: 2\r\nCookie: c");
    assert_eq!(head.value(&bytes, FieldName::Cookie), Some(&b"c"[..]));
    assert_eq!(head.value(&bytes, FieldName::Via), None);
    assert_eq!(head.find(&bytes, b"x-one").map(|span| span.of(&bytes)), Some(&b"1"[..]));
    assert_eq!(head.find(&bytes, b"cookie").map(|span| span.of(&bytes)), Some(&b"c"[..]));
    assert_eq!(head.find(&bytes, b"x-two"), None);
    let (bytes, head) = parsed("GET / HTTP/1.1\r\nVia: a\r\nHost: a\r\nvia: b, c");
    let values: Vec<_> = head.values(&bytes, FieldName::Via).collect();
    assert_eq!(values, [&b"a"[..], b"b, c"]);
    assert!(!head.te_trailers);
    assert!(parsed("GET / HTTP/1.1\r\nHost: a\r\nTE: deflate, Trailers").1.te_trailers);
}

#[test]
fn methods_are_case_sensitive_tokens() {
    for (name, method) in [
        ("GET", Method::Get),
        ("HEAD", Method::Head),
        ("POST", Method::Post),
        ("PUT", Method::Put),
        ("DELETE", Method::Delete),
        ("TRACE", Method::Trace),
        ("PATCH", Method::Patch),
        ("OPTIONS", Method::Options),
        ("get", Method::Other),
        ("GETT", Method::Other),
        ("PROPFIND", Method::Other),
        ("M-SEARCH", Method::Other),
        ("!#$%&'*+-.^_`|~", Method::Other),
    ] {
        let (bytes, head) = parsed(&format!("{name} / HTTP/1.1\r\nHost: a"));
        assert_eq!((head.method, head.method_name.of(&bytes)), (method, name.as_bytes()));
    }
}
