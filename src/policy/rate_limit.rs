//! Local rate limits: token buckets that all workers share, so that a limit is what it says
//! whatever connection a request comes by. A bucket may be divided by a key, then each key has one
//! of its own, in a table that does not grow (`base::keyed`).
//!
//! Counts requests when they are routed, before anything else is done with them; tokens of models,
//! once it is known what is asked (`tokens`). Refuses to count
//! what has no bucket: a route without limits does not come here. The buckets are state, and the
//! only one that is kept in a snapshot: a reload hands an unchanged limit on as the same `Arc`.

pub mod tokens;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attributes::{Attributes, RequestPart};
use super::expression::{Expression, Reads};
use crate::base::clock::Instant;
use crate::base::gcra::{Bucket, Rate, Taken};
use crate::base::keyed::{self, Keyed};
use crate::base::prefix::Prefixes;
use crate::limits::HANDED_KEYS_MAX;
use crate::proto::http1::FieldName;

/// One limit: a bucket, or one for each key.
#[derive(Debug)]
pub struct RateLimit {
    /// Where it stands in the configuration; with it the same limit is found after a reload.
    pub name: String,
    pub spec: RateLimitSpec,
    buckets: Buckets,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitSpec {
    pub rate: Rate,
    /// It counts tokens of models, not requests; of an answer so many are taken before.
    pub tokens: Option<u64>,
    pub by: Option<KeySpec>,
}

/// What a bucket is divided by, and for how many keys there is room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySpec {
    pub key: Key,
    pub keys_max: usize,
}

/// What requests are told apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// In lower case.
    Header(FieldName, Box<[u8]>),
    Source(Prefixes),
    Expression(Expression),
}

#[derive(Debug)]
enum Buckets {
    One(Bucket),
    By(Key, Keyed),
}

/// A limit of another process, as it left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    pub name: String,
    /// A limit that was changed begins anew.
    spec: String,
    buckets: SavedBuckets,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum SavedBuckets {
    /// Ticks until it is full.
    One(u64),
    By(keyed::Saved),
}

/// What a client is told that asks too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// What a full bucket has.
    pub limit: u32,
    /// Until there is a token again; 1 at least.
    pub wait_seconds: u32,
}

/// What the limits of a route say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub result: Result<(), Exceeded>,
    /// Keys that had to give way.
    pub evicted: u64,
}

/// Takes a token of each, or none of any.
pub fn take(limits: &[Arc<RateLimit>], asking: &Attributes<'_>) -> Decision {
    let mut evicted = 0;
    for (index, limit) in limits.iter().enumerate() {
        let (taken, gave_way) = limit.buckets.take(limit.spec.rate, asking);
        evicted += u64::from(gave_way);
        if let Taken::No { wait } = taken {
            for earlier in &limits[..index] {
                earlier.buckets.give(earlier.spec.rate, asking);
            }
            let limit = u32::try_from(limit.spec.rate.depth()).unwrap_or(u32::MAX);
            let result = Err(Exceeded { limit, wait_seconds: whole_seconds(wait) });
            return Decision { result, evicted };
        }
    }
    Decision { result: Ok(()), evicted }
}

impl RateLimit {
    pub fn new(name: String, spec: RateLimitSpec) -> Self {
        let buckets = match &spec.by {
            None => Buckets::One(Bucket::default()),
            Some(by) => Buckets::By(by.key.clone(), Keyed::new(by.keys_max)),
        };
        Self { name, spec, buckets }
    }

    /// Which bodies its key looks into.
    pub fn reads(&self) -> Reads {
        match &self.buckets {
            Buckets::By(Key::Expression(made), _) => made.reads(),
            _ => Reads::default(),
        }
    }

    /// How full it is, for the process that takes the place of this one.
    pub fn save(&self, now: Instant) -> Saved {
        let buckets = match &self.buckets {
            Buckets::One(bucket) => SavedBuckets::One(bucket.ahead(now)),
            Buckets::By(_, keyed) => SavedBuckets::By(keyed.save(now, HANDED_KEYS_MAX)),
        };
        Saved { name: self.name.clone(), spec: format!("{:?}", self.spec), buckets }
    }

    /// Goes on where another process was `age` ticks ago, if that had the same limit. To be called
    /// before the first request.
    pub fn restore(&self, saved: &Saved, age: u64, now: Instant) {
        if saved.name != self.name || saved.spec != format!("{:?}", self.spec) {
            return;
        }
        match (&self.buckets, &saved.buckets) {
            (Buckets::One(bucket), SavedBuckets::One(ahead)) => {
                bucket.set_ahead(ahead.saturating_sub(age), now);
            }
            (Buckets::By(_, keyed), SavedBuckets::By(saved)) => keyed.restore(saved, age, now),
            _ => (),
        }
    }

    /// Takes tokens of its one bucket.
    #[cfg(test)]
    pub fn spend(&self, tokens: usize, now: Instant) {
        if let Buckets::One(bucket) = &self.buckets {
            (0..tokens).for_each(|_| {
                assert!(matches!(bucket.take(self.spec.rate, now), Taken::Yes { .. }))
            });
        }
    }

    /// Tokens that are left, where there is one bucket.
    pub fn left(&self, now: Instant) -> Option<u64> {
        match &self.buckets {
            Buckets::One(bucket) => Some(bucket.left(self.spec.rate, now)),
            Buckets::By(..) => None,
        }
    }

    /// Keys that are being held back or were lately, and how many there is room for.
    pub fn keys(&self, now: Instant) -> Option<(usize, usize)> {
        match &self.buckets {
            Buckets::One(_) => None,
            Buckets::By(_, keyed) => Some((keyed.in_use(now), keyed.places())),
        }
    }
}

impl Buckets {
    #[inline]
    fn take(&self, rate: Rate, asking: &Attributes<'_>) -> (Taken, bool) {
        let now = asking.request().started;
        match self {
            Self::One(bucket) => (bucket.take(rate, now), false),
            Self::By(Key::Header(id, name), keyed) => {
                keyed.take(header(asking, *id, name), rate, now)
            }
            Self::By(Key::Source(prefixes), keyed) => {
                keyed.take(source(asking, *prefixes), rate, now)
            }
            Self::By(Key::Expression(made), keyed) => {
                keyed.take(text(asking, made).as_deref(), rate, now)
            }
        }
    }

    /// Whose bucket it is, where there are several: what it is known by.
    fn key(&self, asking: &Attributes<'_>) -> u64 {
        match self {
            Self::One(_) => 0,
            Self::By(Key::Header(id, name), keyed) => keyed.hash(header(asking, *id, name)),
            Self::By(Key::Source(prefixes), keyed) => keyed.hash(source(asking, *prefixes)),
            Self::By(Key::Expression(made), keyed) => keyed.hash(text(asking, made).as_deref()),
        }
    }

    fn give(&self, rate: Rate, asking: &Attributes<'_>) {
        match self {
            Self::One(bucket) => bucket.give(rate),
            Self::By(Key::Header(id, name), keyed) => keyed.give(header(asking, *id, name), rate),
            Self::By(Key::Source(prefixes), keyed) => keyed.give(source(asking, *prefixes), rate),
            Self::By(Key::Expression(made), keyed) => {
                keyed.give(text(asking, made).as_deref(), rate);
            }
        }
    }
}

/// The value of the first field; who has none shares a bucket with all who have none.
fn header<'a>(asking: &Attributes<'a>, id: FieldName, name: &[u8]) -> Option<&'a [u8]> {
    let RequestPart { head, bytes, .. } = *asking.request();
    match id {
        FieldName::Other => Some(head.find(bytes, name)?.of(bytes)),
        known => head.value(bytes, known),
    }
}

fn source(asking: &Attributes<'_>, prefixes: Prefixes) -> Option<u128> {
    asking.source().map(|address| prefixes.key(address))
}

/// For whom it fails shares a bucket with all for whom it does.
fn text(asking: &Attributes<'_>, made: &Expression) -> Option<Vec<u8>> {
    let mut key = Vec::new();
    made.write(asking, &mut key).then_some(key)
}

/// As `Retry-After` tells it: not too short, and never now.
pub fn whole_seconds(wait: Duration) -> u32 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    u32::try_from(seconds).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests;
