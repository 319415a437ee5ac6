//! `retry:` of a route's policies: which failures are tried again. `attempts`, `backoff` and `codes`
//! are agentgateway's, the rest is Ringway's own. Raw: checked, not compiled.

use std::time::Duration;

use serde::Serialize;

use super::reader::Cursor;
use super::scalar;
use crate::limits;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// After the first.
    pub attempts: u32,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub backoff: Option<Duration>,
    /// None: ten times `backoff`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub max_backoff: Option<Duration>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<u16>,
    pub non_idempotent: bool,
    /// None: one endpoint at a time.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub hedge_after: Option<Duration>,
    pub budget: Budget,
    pub replay_bytes: usize,
}

/// How many of a backend's requests may be retries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    pub percent: u32,
    pub min_retries: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { percent: limits::RETRY_BUDGET_PERCENT, min_retries: limits::RETRY_BUDGET_MIN }
    }
}

impl Retry {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["condition", "precondition"]);
        let most = i128::from(limits::RETRY_ATTEMPTS_MAX);
        let retry = Self {
            attempts: table.or("attempts", 1, |c| c.integer(1..=most)),
            backoff: table.maybe("backoff", scalar::read_period),
            max_backoff: table.maybe("maxBackoff", scalar::read_timeout),
            codes: table.list("codes", |c| c.integer(400..=599)).unwrap_or_default(),
            non_idempotent: table.or("nonIdempotent", false, Cursor::flag),
            hedge_after: table.maybe("hedgeAfter", scalar::read_timeout),
            budget: table.or("budget", Budget::default(), Budget::read),
            replay_bytes: table.or("replayBytes", limits::REPLAY_BYTES, |c| {
                scalar::read_bytes(c, 0..=limits::REPLAY_BYTES_MAX)
            }),
        };
        if let (Some(first), Some(most)) = (retry.backoff, retry.max_backoff)
            && first > most
        {
            table.fail("backoff is longer than maxBackoff");
        }
        table.finish();
        Some(retry)
    }
}

impl Budget {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let default = Self::default();
        let mut table = cursor.table();
        let budget = Self {
            percent: table.or("percent", default.percent, |c| c.integer(0..=100)),
            min_retries: table.or("minRetries", default.min_retries, |c| c.integer(0..=1000)),
        };
        table.finish();
        Some(budget)
    }
}
