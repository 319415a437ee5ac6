use super::*;

/// 2026-11-21T19:00:00Z
const NOW: Duration = Duration::from_secs(1_795_287_600);

fn read(text: &str) -> Option<Duration> {
    time(text.as_bytes(), NOW)
}

fn of(fields: &[(&str, &str)]) -> Option<Duration> {
    let find = |name: &[u8]| {
        let found = fields.iter().find(|(known, _)| known.as_bytes() == name);
        found.map(|(_, value)| value.as_bytes())
    };
    wait(find, NOW)
}

#[test]
fn times_are_written_in_many_ways() {
    for (text, millis) in [
        ("1s", 1_000),
        ("6m0s", 360_000),
        ("120ms", 120),
        ("1h2m3.5s", 3_723_500),
        ("1m", 60_000),
        ("1d", 86_400_000),
        ("7", 7_000),
        ("0.25", 250),
        (" 2 ", 2_000),
        ("1795287605", 5_000),
        ("1795287605000", 5_000),
        ("2026-11-21T19:00:30Z", 30_000),
        ("2026-11-21T19:00:30.500Z", 30_500),
        ("2026-11-21T20:00:01+01:00", 1_000),
        ("2026-11-21T18:59:00z", 0),
        ("2027-01-01T00:00:00-00:30", 3_475_800_000),
        ("1795287000", 0),
    ] {
        let got = read(text).map(|wait| wait.as_millis());
        assert_eq!(got, Some(millis), "{text}");
    }
}

#[test]
fn what_is_no_time_says_nothing() {
    let long = "1".repeat(100);
    for text in [
        "",
        "soon",
        "-1",
        "+1",
        "1e9",
        "inf",
        "nan",
        "1.s",
        "m",
        "1x",
        "1s2",
        "..",
        "1..2s",
        "2026-13-01T00:00:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T19:00:00",
        "2026-11-21",
        "2026-11-21T19:00:00.Z1",
        "2026-11-21T19:00:00+1:00",
        "20\u{e9}6-11-21T19:00:00Z",
        long.as_str(),
    ] {
        let got = read(text);
        // A dot at the end is a number still.
        assert!(got.is_none() || text == "1.s", "{text}: {got:?}");
    }
    assert_eq!(time(b"\xff", NOW), None);
}

#[test]
fn days_are_those_of_the_calendar() {
    for (date, expected) in [
        ((1970, 1, 1), 0),
        ((1970, 3, 1), 59),
        ((2000, 2, 29), 11_016),
        ((2000, 3, 1), 11_017),
        ((2026, 11, 21), 20_778),
        ((2100, 3, 1), 47_541),
    ] {
        assert_eq!(days(date.0, date.1, date.2), expected, "{date:?}");
    }
}

#[test]
fn limits_that_are_used_up_decide() {
    let requests = |left: &'static str| {
        [("x-ratelimit-remaining-requests", left), ("x-ratelimit-reset-requests", "2s")]
    };
    let tokens = |left: &'static str| {
        [("x-ratelimit-remaining-tokens", left), ("x-ratelimit-reset-tokens", "6m0s")]
    };
    let both = |one: &'static str, other: &'static str| {
        of(&[requests(one), tokens(other)].concat()).map(|wait| wait.as_secs())
    };
    assert_eq!(both("0", "100"), Some(2));
    assert_eq!(both("3", "0"), Some(360));
    assert_eq!(both("0", "0"), Some(360));
    // Nobody says which: the first that is over.
    assert_eq!(both("3", "100"), Some(2));
    assert_eq!(of(&[("x-ratelimit-reset", "9")]).map(|wait| wait.as_secs()), Some(9));
    let anthropic = [
        ("anthropic-ratelimit-input-tokens-remaining", "0"),
        ("anthropic-ratelimit-input-tokens-reset", "2026-11-21T19:00:12Z"),
        ("anthropic-ratelimit-requests-remaining", "40"),
        ("anthropic-ratelimit-requests-reset", "2026-11-21T19:00:01Z"),
    ];
    assert_eq!(of(&anthropic).map(|wait| wait.as_secs()), Some(12));
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[("x-ratelimit-reset", "never")]), None);
    assert_eq!(of(&[("x-ratelimit-reset", "0s")]), None);
}
