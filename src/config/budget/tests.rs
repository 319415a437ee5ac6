use super::super::parse_with;
use super::*;

fn read(budgets: &str) -> Result<Budgets, String> {
    let text = format!(
        "config: {{ringway: {{budgets: {budgets}}}}}\nbinds: [{{port: 1, listeners: [{{routes: []}}]}}]"
    );
    let parsed = parse_with(&text, "gateway.yaml", &|_| None);
    parsed.map(|config| config.process.ringway.budgets).map_err(|found| found.to_string())
}

#[test]
fn selectors_make_names() {
    let budgets = read(
        "{store: /a/b.redb, flushInterval: 250ms, failureMode: failClosed, keepRemoved: 90d, \
         limits: [{tokens: 5, period: hour}, {team: blue, usd: 0.25, period: day}, \
         {key: one, model: gpt-*, tokens: 1, period: week}, \
         {name: mine, tokens: 1, period: 90m, anchor: '2026-01-01T09:00:00Z'}]}",
    )
    .unwrap();
    assert_eq!(budgets.failure_mode, FailureMode::FailClosed);
    assert_eq!((budgets.keep_removed, budgets.flush_interval.as_millis()), (90 * 86_400, 250));
    let names: Vec<String> = budgets.limits.iter().map(|budget| budget.title(None)).collect();
    assert_eq!(names, ["all/hour", "team:blue/day", "key:one/model:gpt-*/week", "mine"]);
    assert_eq!(budgets.limits[1].nanos_usd, Some(250_000_000));
    let turn = budgets.limits[3].turns().at(period::parse("2026-01-01T10:29:59Z").unwrap());
    assert_eq!(turn.end, period::parse("2026-01-01T10:30:00Z"));
    let dumped = serde_json::to_value(&budgets).unwrap();
    assert_eq!(dumped["limits"][1]["usd"], 0.25);
    assert_eq!(dumped["limits"][3]["anchor"], "2026-01-01T09:00:00Z");
    assert!(dumped["limits"][0].get("usd").is_none());
}

#[test]
fn what_is_wrong_is_told() {
    for (budgets, told) in [
        ("{flushInterval: 1ms}", "shorter than 10ms"),
        ("{failureMode: open}", "not a value"),
        ("{keepRemoved: soon}", "not a duration"),
        ("{limits: [{tokens: -1, period: day}]}", "is not in 0 to"),
        ("{limits: [{usd: 1e9, period: day}]}", "is not in 0 to"),
        ("{limits: [{tokens: 1, period: year}]}", "no period"),
        ("{limits: [{tokens: 1, period: day, team: ''}]}", "not a name"),
        ("{limits: [{tokens: 1, period: day, users: a}]}", "unknown key"),
    ] {
        let found = read(budgets).expect_err(budgets);
        assert!(found.contains(told), "{found}\nof {budgets}");
    }
}
