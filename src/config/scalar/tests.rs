use super::*;

#[test]
fn durations_are_read_as_in_go() {
    let cases = [
        ("0", 0),
        ("0s", 0),
        ("10s", 10_000_000_000),
        ("100ms", 100_000_000),
        ("1m30s", 90_000_000_000),
        ("10m0s", 600_000_000_000),
        ("1.5h", 5_400_000_000_000),
        (".5s", 500_000_000),
        ("1.s", 1_000_000_000),
        ("2h45m0.25s", 9_900_250_000_000),
        ("5us", 5_000),
        ("5µs", 5_000),
        ("7ns", 7),
        ("168h", 604_800_000_000_000),
    ];
    for (text, nanos) in cases {
        assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
    }
    let bad = [
        "",
        "10",
        "s",
        "10x",
        "-1s",
        "+1s",
        "1 s",
        " 1s",
        "1s ",
        ".s",
        "1..5s",
        "1e3s",
        "1m30",
        "168h1ns",
        "99999999999999999999999999999999999999999h",
        "1.0000000000s",
        "0.5",
    ];
    for text in bad {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}

#[test]
fn a_duration_written_and_read_is_the_same() {
    let cases = [
        (Duration::ZERO, "0s"),
        (Duration::from_millis(100), "100ms"),
        (Duration::from_micros(1_500), "1500us"),
        (Duration::from_nanos(1), "1ns"),
        (Duration::from_millis(1_500), "1.5s"),
        (Duration::from_secs(90), "1m30s"),
        (Duration::from_secs(600), "10m0s"),
        (Duration::from_secs(3_600), "1h0m0s"),
        (Duration::new(3_661, 1), "1h1m1.000000001s"),
    ];
    for (duration, text) in cases {
        assert_eq!(format_duration(duration), text);
        assert_eq!(parse_duration(text), Ok(duration), "{text}");
    }
}

#[test]
fn sizes() {
    let good = [("0", 0), ("64", 64), ("64B", 64), ("64KiB", 65_536), ("1 MiB", 1 << 20)];
    for (text, bytes) in good.into_iter().chain([("2Gi", 2 << 30)]) {
        assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
    }
    for text in ["", "KiB", "1KB", "1k", "-1", "1.5MiB", "99999999999999999999", "99999999999GiB"] {
        assert!(parse_bytes(text).is_err(), "{text}");
    }
}

#[test]
fn host_names() {
    let exact = |name: &str| Ok(Hostname::Exact(name.to_owned()));
    assert_eq!(Hostname::parse("*"), Ok(Hostname::Any));
    assert_eq!(Hostname::parse("*.Example.com"), Ok(Hostname::Suffix(".example.com".to_owned())));
    assert_eq!(Hostname::parse("A.b"), exact("a.b"));
    assert_eq!(Hostname::parse("127.0.0.1"), exact("127.0.0.1"));
    assert_eq!(Hostname::parse(&"a".repeat(63)), exact(&"a".repeat(63)));
    let long = ["a".repeat(64), vec!["a"; 128].join(".")];
    let bad = ["", ".", "a.", "*.", "**", "a.*", "*a.b", "a b", "a_b\n", "[::1]", "a:80", "ä"];
    for text in bad.into_iter().chain(long.iter().map(String::as_str)) {
        assert!(Hostname::parse(text).is_err(), "{text}");
    }
}

#[test]
fn addresses_come_back_as_written() {
    for text in ["off", "localhost:15000", "127.0.0.1:1", "[::]:15020", "unix:/run/a.sock"] {
        assert_eq!(Address::parse(text).unwrap().to_string(), text);
    }
    for text in ["", "15000", "localhost", "localhost:x", "example.com:80", "unix:", "::1:80"] {
        assert!(Address::parse(text).is_err(), "{text}");
    }
    let sockets = Address::Localhost(1).sockets(true);
    assert_eq!(sockets, ["127.0.0.1:1".parse().unwrap(), "[::1]:1".parse().unwrap()]);
    assert_eq!(Address::Localhost(1).sockets(false).len(), 1);
    assert!(Address::Off.sockets(true).is_empty());
}

#[test]
fn a_pattern_is_of_the_whole_and_cannot_leave_its_anchors() {
    let pattern = whole_regex("a|ab").unwrap();
    for (subject, expected) in [("a", true), ("ab", true), ("abc", false), ("xa", false)] {
        assert_eq!(pattern.is_match(subject), expected, "{subject}");
    }
    assert!(whole_regex("a)(b").unwrap_err().contains("unopened group"));
    assert!(whole_regex("(a{1000}){1000}").is_err(), "too large");
}

#[test]
fn a_secret_shows_nothing() {
    let secret = Secret::new("hunter2".to_owned());
    assert_eq!(format!("{secret:?}"), "<redacted>");
    assert_eq!(serde_json::to_string(&secret).unwrap(), "\"<redacted>\"");
    assert_eq!(secret.expose(), "hunter2");
}

#[test]
fn field_values() {
    for value in ["", "a", "a b\tc", "caf\u{e9}"] {
        assert_eq!(check_field_value(value), Ok(()), "{value:?}");
    }
    for value in ["a\r\nb", "a\nb", "a\rb", "\0", "\u{7f}", "\u{1b}[2J"] {
        assert!(check_field_value(value).is_err(), "{value:?}");
    }
}
