use super::*;
use crate::config::catalog::parse;

const PRICES: &str = r#"{"providers": {
  "openai": {"models": {
    "gpt-6": {
      "rates": {"input": "1.25", "output": "10", "cacheRead": "0.125"},
      "tiers": [{"contextOver": 100, "rates": {"output": "20"}},
                {"contextOver": 1000, "rates": {"input": "2.5"}}]},
    "gpt-*": {"rates": {"input": "1"}},
    "gpt-6-*": {"rates": {"input": "2"}},
    "free": {"rates": {"input": "0"}},
    "odd": {"rates": {"input": "0.000001", "output": "0.000499"}},
    "thinks": {"rates": {"output": "2", "reasoning": "3"}},
    "hears": {"rates": {"input": "1", "output": "2", "inputAudio": "40", "outputAudio": "80"}},
    "unpriced": {"tags": ["x"]}
  }},
  "anthropic": {"models": {"claude-5": {
    "rates": {"input": "3", "output": "15", "cacheRead": "0.3", "cacheWrite": "3.75"}}}},
  "my-*": {"models": {"*": {"rates": {"input": "7"}}}}
}}"#;

fn prices() -> Prices {
    Prices::compile(&parse(PRICES, "prices").unwrap_or_else(|found| panic!("{found}")))
}

fn usage(input: u64, output: u64) -> Usage {
    Usage { input: Some(input), output: Some(output), ..Usage::default() }
}

fn nanos(provider: &str, model: &str, usage: &Usage) -> (PriceLookup, Option<u64>) {
    let (lookup, cost) = prices().bill(provider, [model.as_bytes(), b""], usage);
    (lookup, cost.map(|cost| cost.nanos()))
}

#[test]
fn each_token_is_billed_once_at_its_rate() {
    let cached = Usage { cache_read: Some(30), ..usage(100, 10) };
    // 70 x 1250 + 30 x 125 + 10 x 10000.
    assert_eq!(nanos("openai", "gpt-6", &cached).1, Some(87_500 + 3_750 + 100_000));
    // No rate of its own: input.
    let written = Usage { cache_written: Some(30), ..usage(100, 10) };
    assert_eq!(nanos("openai", "gpt-6", &written).1, Some(125_000 + 100_000));
    let both = Usage { cache_read: Some(50), cache_written: Some(20), ..usage(100, 10) };
    assert_eq!(nanos("anthropic", "claude-5", &both).1, Some(90_000 + 15_000 + 75_000 + 150_000));
    let thinks = Usage { reasoning: Some(8), ..usage(100, 10) };
    assert_eq!(nanos("openai", "thinks", &thinks).1, Some(2 * 2_000 + 8 * 3_000));
    assert_eq!(nanos("openai", "gpt-6", &thinks).1, Some(125_000 + 100_000));
    let hears = Usage { input_audio: Some(40), output_audio: Some(5), ..usage(100, 10) };
    assert_eq!(nanos("openai", "hears", &hears).1, Some(60_000 + 1_600_000 + 10_000 + 400_000));
    // A provider that tells more of a part than of the whole.
    let odd = Usage { cache_read: Some(500), reasoning: Some(500), ..usage(100, 10) };
    assert_eq!(nanos("openai", "gpt-6", &odd).1, Some(12_500 + 100_000));
    assert_eq!(nanos("openai", "gpt-6", &Usage { output: None, ..usage(8, 0) }).1, Some(10_000));
}

#[test]
fn nothing_is_rounded_but_the_sum() {
    for (input, output, nanos_expected) in
        [(0, 0, 0), (499, 0, 0), (500, 0, 1), (1_499, 0, 1), (1, 1, 1), (1_000_001, 2, 1_001)]
    {
        let (_, nanos) = nanos("openai", "odd", &usage(input, output));
        assert_eq!(nanos, Some(nanos_expected), "{input} {output}");
    }
}

#[test]
fn long_prompts_have_rates_of_their_own() {
    for (input, expected) in [
        (100, 100 * 1_250 + 10_000),
        (101, 101 * 1_250 + 20_000),
        (1_000, 1_000 * 1_250 + 20_000),
        // What the tier does not say is as it was in the base.
        (1_001, 1_001 * 2_500 + 10_000),
    ] {
        assert_eq!(nanos("openai", "gpt-6", &usage(input, 1)).1, Some(expected), "{input}");
    }
    // What came out of a cache makes a prompt long as well.
    let cached = Usage { cache_read: Some(1_000), ..usage(1_001, 0) };
    assert_eq!(nanos("openai", "gpt-6", &cached).1, Some(2_500 + 125_000));
}

#[test]
fn models_are_found_by_either_name() {
    let prices = prices();
    let find = |provider: &str, told: &str, asked: &str| {
        let models = [told.as_bytes(), asked.as_bytes()];
        let (lookup, cost) = prices.bill(provider, models, &usage(1, 0));
        (lookup, cost.map(|cost| cost.nanos()))
    };
    for (told, asked, expected) in [
        ("gpt-6", "other", Some(1_250)),
        ("gpt-6-2026-01-01", "gpt-6", Some(1_250)),
        ("gpt-6-2026-01-01", "other", Some(2_000)),
        ("gpt-7", "other", Some(1_000)),
        ("", "gpt-7", Some(1_000)),
        ("free", "gpt-6", Some(0)),
    ] {
        assert_eq!(find("openai", told, asked), (PriceLookup::Exact, expected), "{told} {asked}");
    }
    assert_eq!(find("openai", "unpriced", ""), (PriceLookup::Unpriced, None));
    assert_eq!(find("openai", "claude-5", ""), (PriceLookup::Missing, None));
    assert_eq!(find("nobody", "gpt-6", ""), (PriceLookup::Missing, None));
    assert_eq!(find("my-own", "any", ""), (PriceLookup::Exact, Some(7_000)));
}

#[test]
fn a_bill_does_not_overflow() {
    assert_eq!(nanos("openai", "gpt-6", &usage(u64::MAX, u64::MAX)).0, PriceLookup::Exact);
}
