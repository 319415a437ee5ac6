//! Budgets as an operator sees them: `/budgets`, their metrics, and where they are written down.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};

use crate::base::period;
use crate::config::budget::{Budgets as Raw, NANOS};
use crate::control::ledger::{Ledger, LedgerSpec, default_path, unix_seconds};
use crate::llm::budget::{Budget, Budgets, NANOS_USD, Purses, TOKENS};
use crate::telemetry::merge::BudgetMetric;

/// Where the configuration says, or in the folder that systemd keeps.
pub(super) fn ledger(raw: &Raw, purses: &Purses) -> Result<Option<Ledger>, String> {
    let Some(path) = raw.store.clone().or_else(default_path) else { return Ok(None) };
    let interval = raw.flush_interval;
    let spec = LedgerSpec { path, interval, kept_seconds: raw.keep_removed };
    Ledger::start(spec, Arc::clone(&purses.lost))
        .map(Some)
        .map_err(|error| format!("cannot start the thread that writes budgets down: {error}"))
}

pub(super) fn follow(ledger: Option<&Ledger>, budgets: &Budgets) {
    match ledger {
        Some(ledger) => ledger.follow(budgets),
        None if !budgets.is_empty() => tracing::warn!(
            "what budgets use is forgotten with this process: config.ringway.budgets.store says \
             where it is to be kept"
        ),
        None => (),
    }
}

pub(super) fn list(budgets: &Budgets, ledger: Option<&Ledger>) -> Value {
    let now = unix_seconds();
    let each: Vec<Value> = budgets.list.iter().map(|budget| of_budget(budget, now)).collect();
    json!({
        "budgets": each,
        "store": {
            "kept": ledger.is_some(),
            "healthy": !budgets.lost.load(Relaxed),
            "errors": ledger.map_or(0, Ledger::errors),
        },
    })
}

fn of_budget(budget: &Budget, now: i64) -> Value {
    let turn = budget.period.at(now);
    let account = &budget.purse.account;
    let (used, taken) = (account.balance(turn.index).used, account.taken(turn.index));
    let dollars = |nanos: u64| nanos as f64 / NANOS;
    let under_way = |kind: usize| taken[kind].saturating_sub(used[kind]);
    json!({
        "name": budget.name,
        "key": budget.key,
        "team": budget.team,
        "model": budget.model.as_ref().map(|(name, _)| name),
        "tokens": {
            "limit": budget.limits[TOKENS],
            "used": used[TOKENS],
            "reserved": under_way(TOKENS),
        },
        "usd": {
            "limit": budget.limits[NANOS_USD].map(dollars),
            "used": dollars(used[NANOS_USD]),
            "reserved": dollars(under_way(NANOS_USD)),
        },
        "resetsAt": turn.end.map(period::format),
        "denied": budget.purse.denied(),
    })
}

/// False where there is none.
pub(super) fn reset(budgets: &Budgets, ledger: Option<&Ledger>, name: &str) -> bool {
    let Some(budget) = budgets.list.iter().find(|budget| *budget.name == *name) else {
        return false;
    };
    budget.purse.account.reset(budget.period.at(unix_seconds()).index);
    tracing::info!("the budget `{name}` was reset by the admin server");
    if let Some(ledger) = ledger {
        ledger.write();
    }
    true
}

pub(super) fn metrics(budgets: &Budgets) -> Vec<BudgetMetric> {
    let now = unix_seconds();
    let metric = |budget: &Budget| {
        let used = budget.purse.account.balance(budget.period.at(now).index).used;
        BudgetMetric {
            name: budget.name.to_string(),
            tokens: budget.limits[TOKENS].map(|limit| (used[TOKENS], limit)),
            nanos_usd: budget.limits[NANOS_USD].map(|limit| (used[NANOS_USD], limit)),
            denied: budget.purse.denied(),
        }
    };
    budgets.list.iter().take(crate::limits::BUDGET_SERIES_MAX).map(metric).collect()
}
