//! `perSource` of the process's limits: what one client may have of it. Ringway's own.

use std::time::Duration;

use serde::Serialize;

use super::rate_limit::Prefixes;
use super::reader::Cursor;
use super::scalar;
use crate::base::gcra::Rate;
use crate::base::seats;
use crate::limits;

/// None: no limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PerSource {
    /// Open at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_rate: Option<TokenRate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_rate: Option<TokenRate>,
    #[serde(flatten)]
    pub prefixes: Prefixes,
    /// Sources that are counted at a time.
    pub max_sources: usize,
}

/// A token bucket, as in `localRateLimit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenRate {
    pub max_tokens: u32,
    pub tokens_per_fill: u32,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub fill_interval: Duration,
}

impl PerSource {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let default = Prefixes::default();
        let per_source = Self {
            connections: table.maybe("connections", |c| c.integer(1..=seats::COUNT_MAX.into())),
            connection_rate: table.maybe("connectionRate", TokenRate::read),
            request_rate: table.maybe("requestRate", TokenRate::read),
            prefixes: Prefixes {
                ipv4_prefix: table.or("ipv4Prefix", default.ipv4_prefix, |c| c.integer(1..=32)),
                ipv6_prefix: table.or("ipv6Prefix", default.ipv6_prefix, |c| c.integer(1..=128)),
            },
            max_sources: table.or("maxSources", limits::SOURCES_MAX, |c| {
                c.integer(1..=limits::BUCKET_KEYS_CEILING as i128)
            }),
        };
        let keys = ["connections", "connectionRate", "requestRate"];
        if !keys.iter().any(|key| table.has(key)) {
            table.fail("limits nothing: connections, connectionRate or requestRate is needed");
        }
        table.finish();
        Some(per_source)
    }
}

impl TokenRate {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let tokens = |c: &Cursor<'_>| c.integer(1..=i128::from(limits::BUCKET_TOKENS_MAX));
        let max_tokens = table.must("maxTokens", tokens);
        let tokens_per_fill = table.must("tokensPerFill", tokens);
        let fill_interval = table.must("fillInterval", scalar::read_timeout);
        let rate = Self {
            max_tokens: max_tokens?,
            tokens_per_fill: tokens_per_fill?,
            fill_interval: fill_interval?,
        };
        if rate.rate().is_none() {
            table.fail(
                "an empty bucket takes more than a year to fill, or no time that is measured",
            );
        }
        table.finish();
        Some(rate)
    }

    pub fn rate(&self) -> Option<Rate> {
        Rate::new(self.max_tokens.into(), self.tokens_per_fill.into(), self.fill_interval)
    }
}

#[cfg(test)]
mod tests;
