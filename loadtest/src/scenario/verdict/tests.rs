use super::*;

fn passes(line: &str, bound: &str, value: Option<f64>) -> bool {
    let line = Line::parse(line, bound, &["main"]).unwrap();
    line.judge_by(|_, _| value).passed()
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
        ("p99", "< 50% of speed", "none of"),
        ("p99", "< 50% of other.p99", "no load"),
        ("p99", "< 50% of errors", "another kind"),
        ("p99", "< 1s of p50", "no part"),
    ] {
        let Refusal(why) = Line::parse(name, bound, &["main"]).unwrap_err();
        assert!(why.contains(word), "{name} {bound}: {why}");
    }
}

#[test]
fn a_verdict_says_what_was_measured() {
    let line = Line::parse("p99", "<50ms", &[]).unwrap();
    let shown = line.judge_by(|_, _| Some(0.0123)).to_string();
    assert_eq!(shown, "ok   p99 < 50ms: 12.30ms");
    let shown = line.judge_by(|_, _| None).to_string();
    assert_eq!(shown, "FAIL p99 < 50ms: not measured");
}

#[test]
fn a_bound_may_be_a_part_of_another_measure() {
    let line = Line::parse("main.p99", "<= 20% of other.p50", &["main", "other"]).unwrap();
    let judge = |main, other| {
        line.judge_by(move |load, measured| match (load, measured) {
            (Some("main"), Measured::Known("p99")) => main,
            (Some("other"), Measured::Known("p50")) => other,
            asked => panic!("{asked:?}"),
        })
    };
    let shown = judge(Some(0.1), Some(0.5)).to_string();
    assert_eq!(shown, "ok   main.p99 <= 20% of other.p50: 100.00ms, against 100.00ms");
    assert!(!judge(Some(0.11), Some(0.5)).passed());
    assert!(!judge(None, Some(0.5)).passed() && !judge(Some(0.1), None).passed());
    let metric = Line::parse("metric a", "< 3 of metric b", &[]).unwrap();
    assert!(metric.metrics().eq(["a", "b"]));
}
