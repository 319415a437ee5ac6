//! The families of budgets, as control found them when a scrape came.

use super::{BudgetMetric, ControlMetrics};
use crate::telemetry::catalog as family;
use crate::telemetry::exposition::{Nanos, Page};
use crate::telemetry::labels::block;

pub(super) fn budget_families(page: &mut Page, control: &ControlMetrics) {
    let unit = |one: &BudgetMetric, unit| block(&[("budget", &one.name), ("unit", unit)]);
    let rows = |of: fn((u64, u64)) -> u64| -> Vec<(String, String)> {
        let row = move |one: &BudgetMetric| {
            let tokens = one.tokens.map(|both| (unit(one, "tokens"), of(both).to_string()));
            let nanos = one.nanos_usd.map(|both| (unit(one, "usd"), Nanos(of(both)).to_string()));
            [tokens, nanos]
        };
        control.budgets.iter().flat_map(row).flatten().collect()
    };
    page.samples(&family::BUDGET_USED, rows(|(used, _)| used).into_iter());
    page.samples(&family::BUDGET_LIMIT, rows(|(_, limit)| limit).into_iter());
    let denied = control.budgets.iter().map(|one| (block(&[("budget", &one.name)]), one.denied));
    page.samples(&family::BUDGET_DENIALS, denied);
    page.single(&family::BUDGET_STORE_ERRORS, control.budget_store_errors);
}
