use clap::Parser;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    plan: PlanArgs,
}

fn plan(words: &str) -> Result<Plan, String> {
    let words = std::iter::once("loadtest").chain(words.split_whitespace());
    let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
    cli.plan.plan().map_err(|refusal| refusal.0)
}

#[test]
fn the_scheme_and_the_flags_choose_the_protocol() {
    let protocol = |words: &str| plan(words).expect(words).protocol;
    assert_eq!(protocol("http://a"), Protocol::Http1 { pipeline: 1 });
    assert_eq!(protocol("http://a --pipeline 4"), Protocol::Http1 { pipeline: 4 });
    assert_eq!(protocol("https://a --http2 --streams 3"), Protocol::Http2 { streams: 3 });
    assert_eq!(protocol("ws://a"), Protocol::WebSocket);
    assert_eq!(protocol("tcp://a:1 --answer-bytes 1K"), Protocol::Tcp { answer_bytes: 1024 });
    assert_eq!(protocol("http://a --events"), Protocol::Events { over: EventsOver::Http1 });
    assert_eq!(protocol("http://a --idle"), Protocol::Idle);
}

#[test]
fn requests_are_put_together() {
    let plan = plan("http://a/x http://a/y --weights 3,1 -H A:1 --body hi --bearer t").expect("it");
    let (x, y) = (&plan.targets[0], &plan.targets[1]);
    assert_eq!((x.weight, y.weight, x.method.as_str()), (3, 1, "POST"));
    let (name, value) = &x.headers[1];
    assert_eq!((name.as_str(), value.as_constant()), ("Authorization", Some(&b"Bearer t"[..])));
}

#[test]
fn what_is_wrong_is_told() {
    for (words, expected) in [
        ("", "no URL to ask"),
        ("http://a --weights 1,2", "2 weights for 1 URLs"),
        ("http://a -H x", "is no header"),
        ("http://a --body {{what}}", "is nothing to fill in"),
        ("http://a --bearer @/nonexistent/file", "/nonexistent/file"),
        ("http://a --bearer env:LOADTEST_UNSET", "is not set"),
        ("http://a --expect-status 999", "is no status"),
        ("http://a --requests-per-connection 0", "one request at least"),
        ("http://a --replay /nonexistent/log", "/nonexistent/log"),
        ("http://a -d x", "is no time"),
        ("http://a -c x", "invalid digit"),
        ("http://a --http2 --pipeline 3", "cannot be used with"),
    ] {
        let found = plan(words).expect_err(words);
        assert!(found.contains(expected), "{words}: {found}");
    }
}
