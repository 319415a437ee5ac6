//! How endpoints are chosen, judged and bounded, as a cluster's settings have it.

use std::time::Duration;

use crate::config::backend::BackendPolicies;
use crate::config::cluster::affinity::{AffinityCookie, SessionAffinity};
use crate::config::cluster::{
    Algorithm as RawAlgorithm, Check, CheckKind, Circuit, Eviction, HashBy,
};
use crate::config::retry::Retry as RawRetry;
use crate::limits::{RETRY_BACKOFF_GROWTH, RETRY_BUDGET_MIN};
use crate::upstream::balance::{Affinity, Algorithm, Balancing, By};
use crate::upstream::circuit::Limits;
use crate::upstream::outlier::Outlier;
use crate::upstream::probe::{HttpProbe, Kind, Probe};
use crate::upstream::retry::Retry;

pub(super) fn balancing(policies: &BackendPolicies) -> Balancing {
    let mut balancing = balancer(policies);
    match &policies.session_affinity {
        None => (),
        Some(SessionAffinity::Cookie(cookie)) => balancing.affinity = Some(affinity(cookie)),
        Some(SessionAffinity::Key(_)) => {
            balancing.algorithm = Algorithm::RingHash;
            balancing.by = Some(By::Expression);
        }
    }
    balancing
}

/// What makes the key of requests to this backend, if it is an expression.
pub(super) fn hash_by(policies: &BackendPolicies) -> Option<&str> {
    let hash = policies.load_balancer.as_ref().and_then(|balancer| balancer.hash.as_ref());
    match (&policies.session_affinity, hash) {
        (Some(SessionAffinity::Key(made)), _) | (_, Some(HashBy::Expression(made))) => {
            Some(made.as_str())
        }
        _ => None,
    }
}

fn balancer(policies: &BackendPolicies) -> Balancing {
    let Some(raw) = &policies.load_balancer else { return Balancing::default() };
    Balancing {
        algorithm: match raw.algorithm {
            RawAlgorithm::PeakEwma => Algorithm::PeakEwma,
            RawAlgorithm::RoundRobin => Algorithm::RoundRobin,
            RawAlgorithm::LeastRequest => Algorithm::LeastRequest,
            RawAlgorithm::Random => Algorithm::Random,
            RawAlgorithm::RingHash => Algorithm::RingHash,
            RawAlgorithm::Maglev => Algorithm::Maglev,
        },
        by: raw.hash.as_ref().map(|by| match by {
            HashBy::Header(name) => {
                By::Header(name.as_str().to_ascii_lowercase().into_bytes().into())
            }
            HashBy::Cookie(name) => By::Cookie(name.as_bytes().into()),
            HashBy::Source(_) => By::Source,
            HashBy::PromptPrefix(bytes) => By::Prompt(*bytes),
            HashBy::Expression(_) => By::Expression,
        }),
        affinity: None,
        slow_start: raw.slow_start,
        panic_percent: raw.panic_threshold,
    }
}

/// RFC 6265 section 4.1: out of the reach of scripts, and not for requests of other sites.
fn affinity(cookie: &AffinityCookie) -> Affinity {
    let mut attributes = format!("; Path={}; HttpOnly; SameSite=Lax", cookie.path);
    if let Some(ttl) = cookie.ttl {
        attributes += &format!("; Max-Age={}", ttl.as_secs());
    }
    Affinity { cookie: cookie.name.as_bytes().into(), attributes: attributes.into_bytes().into() }
}

pub(super) fn outlier(policies: &BackendPolicies) -> Option<Outlier> {
    let raw: &Eviction = policies.health.as_ref()?.eviction.as_ref()?;
    Some(Outlier {
        duration: raw.duration,
        duration_max: raw.max_duration,
        failures_in_a_row: raw.consecutive_failures,
        success_percent: raw.success_rate,
        answers_min: raw.success_rate_requests,
        interval: raw.interval,
        ejected_percent_max: raw.max_ejected_percent,
    })
}

pub(super) fn probe(policies: &BackendPolicies) -> Option<Probe> {
    let raw: &Check = policies.health.as_ref()?.check.as_ref()?;
    let kind = match &raw.kind {
        CheckKind::Tcp {} => Kind::Tcp,
        CheckKind::Grpc { service } => Kind::Grpc(service.clone()),
        CheckKind::Http(http) => Kind::Http(HttpProbe {
            path: http.path.clone(),
            host: http.host.clone(),
            statuses: http.statuses.clone(),
            body: http.body.clone(),
        }),
    };
    Some(Probe {
        kind,
        interval: raw.interval,
        jitter_percent: raw.jitter,
        timeout: raw.timeout,
        failures_needed: raw.unhealthy_threshold,
        passes_needed: raw.healthy_threshold,
    })
}

pub(super) fn circuit(policies: &BackendPolicies) -> Option<Limits> {
    let raw: &Circuit = policies.circuit.as_ref()?;
    Some(Limits {
        connections_max: raw.max_connections,
        requests_max: raw.max_requests,
        waiting_max: raw.max_waiting,
        wait: raw.wait_timeout,
    })
}

pub(super) fn retry(raw: &RawRetry) -> Retry {
    let mut codes = raw.codes.clone();
    codes.sort_unstable();
    let backoff = raw.backoff.unwrap_or_default();
    Retry {
        attempts: raw.attempts,
        backoff,
        backoff_max: raw
            .max_backoff
            .unwrap_or_else(|| backoff.saturating_mul(RETRY_BACKOFF_GROWTH)),
        codes: codes.into(),
        any_method: raw.non_idempotent,
        budget_percent: raw.budget.percent,
        budget_min: raw.budget.min_retries,
        hedge_after: raw.hedge_after,
        replay_bytes: raw.replay_bytes,
    }
}

/// Of models that fail over, where the route has no `retry`: how often is what the plan says. It
/// may be every request: whoever fails is left out soon.
pub(super) fn fails_over() -> Retry {
    Retry {
        attempts: 0,
        backoff: Duration::ZERO,
        backoff_max: Duration::ZERO,
        codes: Box::default(),
        any_method: true,
        budget_percent: 100,
        budget_min: RETRY_BUDGET_MIN,
        hedge_after: None,
        replay_bytes: 0,
    }
}
