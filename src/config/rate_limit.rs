//! `localRateLimit` of a route: token buckets that hold for the whole process. What a bucket is
//! divided by, and how many keys it knows, is Ringway's own.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::expression::{Expression, Wants, When};
use super::header::FieldName;
use super::reader::Cursor;
use super::scalar;
use crate::base::gcra::Rate;
use crate::limits;

/// One token bucket. Tokens come back one by one, all through the interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    pub max_tokens: u32,
    pub tokens_per_fill: u32,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub fill_interval: Duration,
    #[serde(rename = "type", serialize_with = "serialize_type")]
    pub counts: Counts,
    /// Ours, of tokens: of the answer as many as the request allows it are taken before, and no more
    /// than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve_output: Option<u32>,
    /// None: one bucket for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_keys: Option<usize>,
}

/// What takes a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    Requests,
    /// Of models: of a route to them. What is taken before is an estimate, mended by what was used.
    Tokens,
}

/// What requests are told apart by: each key has a bucket of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Key {
    /// The value of the first field of this name. Requests without one share a bucket.
    Header(FieldName),
    Source(Prefixes),
    /// What an expression makes of the request. Those for which it fails share a bucket.
    #[serde(untagged)]
    Expression(Expression),
}

/// Addresses that agree in so many bits are one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prefixes {
    pub ipv4_prefix: u8,
    pub ipv6_prefix: u8,
}

/// The list of a route's buckets.
pub fn read_list(cursor: &Cursor<'_>) -> Option<Vec<RateLimit>> {
    let list = cursor.list();
    if list.len() > limits::BUCKETS_PER_POLICY_MAX {
        cursor.fail(&format!("more than {} buckets", limits::BUCKETS_PER_POLICY_MAX));
        return None;
    }
    Some(list.iter().filter_map(RateLimit::read).collect())
}

impl RateLimit {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let tokens = |c: &Cursor<'_>| c.integer(1..=i128::from(limits::BUCKET_TOKENS_MAX));
        let max_tokens = table.must("maxTokens", tokens);
        let tokens_per_fill = table.must("tokensPerFill", tokens);
        let fill_interval = table.must("fillInterval", scalar::read_timeout);
        let counts = table.or("type", Counts::Requests, Counts::read);
        let reserve_output =
            table.maybe("reserveOutput", |c| c.integer(0..=i128::from(limits::BUCKET_TOKENS_MAX)));
        if counts == Counts::Requests && reserve_output.is_some() {
            table.fail("reserveOutput is of `type: tokens`");
        }
        let key = table.maybe("key", Key::read);
        let max_keys = table.maybe("maxKeys", |c| c.integer(1..=MAX_KEYS));
        if key.is_none() && max_keys.is_some() && !table.has("key") {
            table.fail("maxKeys bounds the keys of a bucket, and this one has no key");
        }
        let limit = Self {
            max_tokens: max_tokens?,
            tokens_per_fill: tokens_per_fill?,
            fill_interval: fill_interval?,
            counts,
            reserve_output,
            key,
            max_keys,
        };
        if limit.rate().is_none() {
            table.fail(
                "an empty bucket takes more than a year to fill, or no time that is measured",
            );
        }
        table.finish();
        Some(limit)
    }

    pub fn rate(&self) -> Option<Rate> {
        let (depth, tokens) = (self.max_tokens.into(), self.tokens_per_fill.into());
        Rate::new(depth, tokens, self.fill_interval)
    }
}

impl Counts {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        cursor.word(&[("requests", Self::Requests), ("tokens", Self::Tokens)], &[])
    }
}

impl Key {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        if cursor.is_text() {
            return Expression::read(cursor, Wants::Text, When::Request).map(Self::Expression);
        }
        let mut table = cursor.table();
        let key = match table.one_of(&["header", "source"]) {
            Some(("header", value)) => FieldName::read(&value).map(Self::Header),
            Some((_, value)) => Prefixes::read(&value).map(Self::Source),
            None => None,
        };
        table.finish();
        key
    }
}

impl Prefixes {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let prefixes = Self {
            ipv4_prefix: table.or("ipv4Prefix", limits::SOURCE_PREFIX_IPV4, |c| c.integer(1..=32)),
            ipv6_prefix: table.or("ipv6Prefix", limits::SOURCE_PREFIX_IPV6, |c| c.integer(1..=128)),
        };
        table.finish();
        Some(prefixes)
    }
}

impl Default for Prefixes {
    fn default() -> Self {
        Self { ipv4_prefix: limits::SOURCE_PREFIX_IPV4, ipv6_prefix: limits::SOURCE_PREFIX_IPV6 }
    }
}

fn serialize_type<S: Serializer>(counts: &Counts, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match counts {
        Counts::Requests => "requests",
        Counts::Tokens => "tokens",
    })
}

const MAX_KEYS: i128 = limits::BUCKET_KEYS_CEILING as i128;

#[cfg(test)]
mod tests;
