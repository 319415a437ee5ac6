//! `adaptiveConcurrency` of a route or a backend: how many requests it gets at a time is found out.
//! Ringway's own.

use serde::Serialize;

use super::reader::Cursor;
use crate::limits;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdaptiveConcurrency {
    pub min_limit: u32,
    pub max_limit: u32,
    pub initial_limit: u32,
    /// How much longer than without load answers may take.
    pub tolerance_percent: u32,
}

impl AdaptiveConcurrency {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let count = |c: &Cursor<'_>| c.integer(1..=i128::from(limits::CONCURRENCY_CEILING));
        let min_limit = table.or("minLimit", limits::CONCURRENCY_MIN, count);
        let max_limit = table.or("maxLimit", limits::CONCURRENCY_MAX.max(min_limit), count);
        let first = limits::CONCURRENCY_FIRST.clamp(min_limit.min(max_limit), max_limit);
        let concurrency = Self {
            min_limit,
            max_limit,
            initial_limit: table.or("initialLimit", first, count),
            tolerance_percent: table.or(
                "tolerancePercent",
                limits::CONCURRENCY_TOLERANCE_PERCENT,
                |c| c.integer(110..=1000),
            ),
        };
        if min_limit > max_limit {
            table.fail("minLimit is more than maxLimit");
        } else if !(min_limit..=max_limit).contains(&concurrency.initial_limit) {
            table.fail("initialLimit is not between minLimit and maxLimit");
        }
        table.finish();
        Some(concurrency)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_with;
    use super::*;

    fn read(concurrency: &str) -> Result<AdaptiveConcurrency, String> {
        let text = format!(
            "binds: [{{port: 1, listeners: [{{routes: [{{policies: {{adaptiveConcurrency: \
             {concurrency}}}}}]}}]}}]"
        );
        let parsed = parse_with(&text, "gateway.yaml", &|_| None);
        let mut config = parsed.map_err(|found| found.to_string())?;
        let route = config.binds.remove(0).listeners.remove(0).routes.remove(0);
        Ok(route.policies.adaptive_concurrency.unwrap())
    }

    #[test]
    fn limits_fit_together() {
        let default = read("{}").unwrap();
        assert!((default.min_limit..=default.max_limit).contains(&default.initial_limit));
        let small = read("{maxLimit: 20}").unwrap();
        assert_eq!((small.max_limit, small.initial_limit), (20, 20));
        for (concurrency, told) in [
            ("{minLimit: 10, maxLimit: 5}", "minLimit is more than maxLimit"),
            ("{maxLimit: 50, initialLimit: 60}", "initialLimit is not between"),
            ("{minLimit: 0}", "0 is not in 1 to"),
            ("{tolerancePercent: 100}", "100 is not in 110 to 1000"),
        ] {
            let found = read(concurrency).expect_err(concurrency);
            assert!(found.contains(told), "{found}\nof {concurrency}");
        }
    }
}
