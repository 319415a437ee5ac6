use super::super::parse_with;
use super::*;

fn read(limit: &str) -> Result<RateLimit, String> {
    let text = format!(
        "binds: [{{port: 1, listeners: [{{routes: [{{policies: {{localRateLimit: [{limit}]}}}}]}}]}}]"
    );
    let parsed = parse_with(&text, "gateway.yaml", &|_| None);
    let mut config = parsed.map_err(|found| found.to_string())?;
    let mut route = config.binds.remove(0).listeners.remove(0).routes.remove(0);
    Ok(route.policies.local_rate_limit.remove(0))
}

#[test]
fn what_is_not_written_has_its_default() {
    let limit = read("{maxTokens: 10, tokensPerFill: 2, fillInterval: 500ms}").unwrap();
    assert_eq!((limit.max_tokens, limit.tokens_per_fill), (10, 2));
    assert_eq!(limit.fill_interval, Duration::from_millis(500));
    assert_eq!((limit.counts, limit.key), (Counts::Requests, None));
    let limit = read(
        "{maxTokens: 1, tokensPerFill: 1, fillInterval: 1s, type: requests, key: {source: {}}}",
    );
    assert_eq!(limit.unwrap().key, Some(Key::Source(Prefixes::default())));
}

#[test]
fn what_is_wrong_is_told() {
    let year = "an empty bucket takes more than a year to fill, or no time that is measured";
    for (limit, told) in [
        ("{maxTokens: 1, tokensPerFill: 1}", "`fillInterval` is missing"),
        ("{tokensPerFill: 1, fillInterval: 1s}", "`maxTokens` is missing"),
        ("{maxTokens: 0, tokensPerFill: 1, fillInterval: 1s}", "0 is not in 1 to 1000000000"),
        ("{maxTokens: 1, tokensPerFill: 1, fillInterval: 0s}", "shorter than 1ms"),
        ("{maxTokens: 1000, tokensPerFill: 1, fillInterval: 24h}", year),
        (
            "{maxTokens: 1, tokensPerFill: 1, fillInterval: 1s, reserveOutput: 5}",
            "is of `type: tokens`",
        ),
        ("{maxTokens: 1, tokensPerFill: 1, fillInterval: 1s, type: words}", "not a value"),
        ("{maxTokens: 1, tokensPerFill: 1, fillInterval: 1s, key: 'jwt.sub'}", "not supported"),
        (
            "{maxTokens: 1, tokensPerFill: 1, fillInterval: 1s, key: 'response.code'}",
            "no `response`",
        ),
        ("{maxTokens: 1, tokensPerFill: 1, fillInterval: 1s, key: '[1]'}", "gives a list"),
        ("{maxTokens: 1, tokensPerFill: 1, fillInterval: 1s, key: {}}", "exactly one of"),
        ("{maxTokens: 1, tokensPerFill: 1, fillInterval: 1s, key: {header: 'a b'}}", "header name"),
        (
            "{maxTokens: 1, tokensPerFill: 1, fillInterval: 1s, key: {source: {ipv4Prefix: 33}}}",
            "33 is not in 1 to 32",
        ),
        ("{maxTokens: 1, tokensPerFill: 1, fillInterval: 1s, maxKeys: 5}", "has no key"),
    ] {
        let found = read(limit).expect_err(limit);
        assert!(found.contains(told), "{found}\nof {limit}");
        assert!(found.contains("policies.localRateLimit[0]"), "{found}");
    }
}
