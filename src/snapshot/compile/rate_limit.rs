//! Rate limits as the user wrote them into those that workers take from. A limit that a reload did
//! not change is the same one: who was held back stays so.

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::prefix::Prefixes;
use crate::config::admission::PerSource;
use crate::config::rate_limit::{Counts, Key as RawKey, Prefixes as RawPrefixes, RateLimit as Raw};
use crate::limits::BUCKET_KEYS_MAX;
use crate::policy::expression::Expression;
use crate::policy::rate_limit::{Key, KeySpec, RateLimit, RateLimitSpec};
use crate::proto::http1::FieldName;
use crate::snapshot::Snapshot;
use crate::snapshot::sources::{Sources, SourcesSpec};

/// The limits of the last snapshot by their names, and those of the next.
pub(super) struct RateLimits<'a> {
    last: HashMap<&'a str, &'a Arc<RateLimit>>,
    pub(super) made: Vec<Arc<RateLimit>>,
}

impl<'a> RateLimits<'a> {
    pub(super) fn new(last: Option<&'a Snapshot>) -> Self {
        let last = last.iter().flat_map(|last| &last.rate_limits);
        Self { last: last.map(|limit| (limit.name.as_str(), limit)).collect(), made: Vec::new() }
    }

    /// Those of one policy; `place` says whose it is.
    pub(super) fn of(&mut self, place: &str, raw: &[Raw]) -> Vec<Arc<RateLimit>> {
        let one = |(index, raw): (usize, &Raw)| self.one(format!("{place}#{index}"), raw);
        raw.iter().enumerate().filter_map(one).collect()
    }

    /// None for a rate or an expression that is none, which the configuration's reader has refused.
    fn one(&mut self, name: String, raw: &Raw) -> Option<Arc<RateLimit>> {
        let keys_max = raw.max_keys.unwrap_or(BUCKET_KEYS_MAX);
        let by = match &raw.key {
            None => None,
            Some(key) => Some(KeySpec { key: compile(key)?, keys_max }),
        };
        let tokens = match raw.counts {
            Counts::Requests => None,
            Counts::Tokens => Some(raw.reserve_output.map_or(0, u64::from)),
        };
        let spec = RateLimitSpec { rate: raw.rate()?, tokens, by };
        // Taken out: of two routes with the same name only one goes on with what was there.
        let kept = self.last.remove(&*name).filter(|last| last.spec == spec);
        let limit = kept.map_or_else(|| Arc::new(RateLimit::new(name, spec)), Arc::clone);
        self.made.push(Arc::clone(&limit));
        Some(limit)
    }
}

fn compile(raw: &RawKey) -> Option<Key> {
    Some(match raw {
        RawKey::Header(name) => {
            let name = name.as_str().to_ascii_lowercase().into_bytes();
            Key::Header(FieldName::parse(&name), name.into())
        }
        RawKey::Source(raw) => Key::Source(prefixes(raw)),
        RawKey::Expression(made) => Key::Expression(Expression::compile(made.as_str()).ok()?),
    })
}

/// What one source may have, if anything is said of that.
pub(super) fn sources(raw: Option<&PerSource>, last: Option<&Snapshot>) -> Option<Arc<Sources>> {
    let raw = raw?;
    let spec = SourcesSpec {
        prefixes: prefixes(&raw.prefixes),
        connections_max: raw.connections,
        opened: raw.connection_rate.and_then(|rate| rate.rate()),
        requests: raw.request_rate.and_then(|rate| rate.rate()),
        sources_max: raw.max_sources,
    };
    let kept = last.and_then(|last| last.sources.as_ref()).filter(|last| last.spec == spec);
    Some(kept.map_or_else(|| Arc::new(Sources::new(spec)), Arc::clone))
}

const fn prefixes(raw: &RawPrefixes) -> Prefixes {
    Prefixes { ipv4_bits: raw.ipv4_prefix, ipv6_bits: raw.ipv6_prefix }
}

#[cfg(test)]
mod tests;
