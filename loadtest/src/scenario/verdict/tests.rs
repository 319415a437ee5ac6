use super::*;

fn passes(line: &str, bound: &str, value: Option<f64>) -> bool {
    let line = Line::parse(line, bound, &["main"]).unwrap();
    Verdict { line: &line, value }.passed()
}

#[test]
fn bounds_are_kept_or_not() {
    assert!(passes("errors", "0", Some(0.0)) && !passes("errors", "0", Some(1.0)));
    assert!(passes("p99", "< 50ms", Some(0.049)) && !passes("p99", "< 50ms", Some(0.05)));
    assert!(passes("main.p99", "<= 50ms", Some(0.05)));
    assert!(passes("answers", ">= 1k", Some(1000.0)) && !passes("answers", "> 1k", Some(1000.0)));
    assert!(passes("rss_growth", "< 5 %", Some(0.0499)));
    assert!(passes("rss_max", "< 100MiB", Some(1e8)) && !passes("rss_max", "<1MiB", Some(1e8)));
    assert!(!passes("errors", "0", None), "what is not measured has not passed");
    assert!(!passes("p99", "< 50ms", Some(f64::NAN)));
}

#[test]
fn lines_that_mean_nothing_are_refused() {
    for (name, bound, word) in [
        ("speed", "1", "none of"),
        ("other.p99", "< 1s", "no load"),
        ("main.rss_max", "< 1MiB", "of the gateway"),
        ("p99", "< fast", "no time"),
        ("errors", "few", "no number"),
        ("rss_growth", "< x%", "no part"),
    ] {
        let Refusal(why) = Line::parse(name, bound, &["main"]).unwrap_err();
        assert!(why.contains(word), "{name} {bound}: {why}");
    }
}

#[test]
fn a_verdict_says_what_was_measured() {
    let line = Line::parse("p99", "<50ms", &[]).unwrap();
    let shown = Verdict { line: &line, value: Some(0.0123) }.to_string();
    assert_eq!(shown, "ok   p99 < 50ms: 12.30ms");
    let shown = Verdict { line: &line, value: None }.to_string();
    assert_eq!(shown, "FAIL p99 < 50ms: not measured");
}
