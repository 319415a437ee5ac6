use super::*;

#[test]
fn prices_are_whole_numbers() {
    for (text, expected) in [
        ("0", 0),
        ("0.000001", 1),
        ("2.5", 2_500_000),
        (".075", 75_000),
        ("15", 15_000_000),
        ("15.", 15_000_000),
        ("0.3000000000", 300_000),
        ("1000000", 1_000_000_000_000),
    ] {
        assert_eq!(Rate::parse(text), Ok(Rate(expected)), "{text}");
    }
    for text in [
        "",
        ".",
        "-1",
        "1e3",
        "0.0000001",
        "1000001",
        "$2",
        "1,5",
        "2.5 ",
        "99999999999999999999999",
    ] {
        assert!(Rate::parse(text).is_err(), "{text}");
    }
}

const FILE: &str = r#"{"providers": {
  "openai": {"models": {
    "gpt-6": {"rates": {"input": "1.25", "output": "10", "cacheRead": 0.125, "cacheWrite": "0"},
              "tiers": [{"contextOver": 200000, "rates": {"input": "2.5"}}], "tags": ["fast"]},
    "gpt-*": {"rates": {"input": 0.075, "reasoning": "1", "inputAudio": "40"}}
  }},
  "anthropic": {}
}}"#;

#[test]
fn a_file_of_agentgateways_is_read() {
    let catalog = parse(FILE, "prices.json").unwrap_or_else(|found| panic!("{found}"));
    let model = &catalog.providers["openai"].models["gpt-6"];
    assert_eq!(model.rates.cache_read, Some(Rate(125_000)));
    assert_eq!(model.rates.cache_write, Some(Rate(0)));
    assert_eq!(model.rates.reasoning, None);
    assert_eq!(
        (model.tiers[0].context_over, model.tiers[0].rates.input),
        (200_000, Some(Rate(2_500_000)))
    );
    assert_eq!(catalog.providers["openai"].models["gpt-*"].rates.input, Some(Rate(75_000)));
    assert_eq!(
        serde_json::to_value(catalog).unwrap()["providers"]["openai"]["models"]["gpt-6"]["rates"]["input"],
        "1.250000"
    );
}

#[test]
fn the_later_goes_before_rate_by_rate() {
    let mut catalog = parse(FILE, "a").unwrap();
    let later = r#"{"providers": {"openai": {"models": {"gpt-6": {"rates": {"output": "8"}}}}}}"#;
    catalog.extend(&parse(later, "b").unwrap());
    let model = &catalog.providers["openai"].models["gpt-6"];
    assert_eq!(
        (model.rates.input, model.rates.output),
        (Some(Rate(1_250_000)), Some(Rate(8_000_000)))
    );
    assert_eq!(model.tiers.len(), 1);
    assert!(model.tags.contains("fast"));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let model =
        |model: &str| format!("{{\"providers\": {{\"a\": {{\"models\": {{\"b\": {model}}}}}}}}}");
    for (text, told) in [
        ("{".to_owned(), "prices.json:1"),
        ("{\"models\": {}}".to_owned(), "unknown key"),
        ("{\"providers\": {\"a*b*\": {}}}".to_owned(), "one `*` at the most"),
        (model("{\"rates\": {\"input\": \"x\"}}"), "is no price"),
        (model("{\"rates\": {\"inputs\": \"1\"}}"), "did you mean `input`?"),
        (
            model(
                "{\"tiers\": [{\"contextOver\": 5, \"rates\": {}}, {\"contextOver\": 5, \"rates\": {}}]}",
            ),
            "greater than the one before",
        ),
        (model("{\"tiers\": [{\"rates\": {}}]}"), "`contextOver` is missing"),
    ] {
        let found = parse(&text, "prices.json").expect_err(&text).to_string();
        assert!(found.contains(told), "{text}: {found}");
    }
}
