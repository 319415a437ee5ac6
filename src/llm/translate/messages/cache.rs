//! `cache_control`: Anthropic's, and of those who pass it on in other dialects.

use serde::{Deserialize, Serialize};

use super::super::prompt::Cache;

#[derive(Deserialize, Serialize, Debug)]
pub(in super::super) struct CacheControl {
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<String>,
}

pub(in super::super) fn read(raw: Option<CacheControl>) -> Option<Cache> {
    let hour = raw?.ttl.as_deref() == Some("1h");
    Some(if hour { Cache::Hour } else { Cache::FiveMinutes })
}

pub(in super::super) fn write(cache: Option<Cache>) -> Option<CacheControl> {
    let ttl = match cache? {
        Cache::FiveMinutes => None,
        Cache::Hour => Some("1h".to_owned()),
    };
    Some(CacheControl { kind: "ephemeral".to_owned(), ttl })
}
