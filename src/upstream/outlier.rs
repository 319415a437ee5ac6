//! Passive ejection: an endpoint whose answers fail is left out for a while, longer each time it
//! happens again. Counted over all workers, in the endpoint's `Health`. Refuses to eject more than
//! a share of the cluster: when all fail, it is not the endpoints that are outliers.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::cluster::Cluster;
use super::health::Health;
use crate::base::clock::Instant;

/// When an endpoint is ejected, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlier {
    /// The first ejection; the next ones are as many times as long.
    pub duration: Duration,
    pub duration_max: Duration,
    /// Failures that follow one another.
    pub failures_in_a_row: Option<u32>,
    /// Less than so many in a hundred answers of an interval are good.
    pub success_percent: Option<u32>,
    /// Answers below which an interval tells nothing.
    pub answers_min: u32,
    pub interval: Duration,
    /// Of all endpoints; one can always be.
    pub ejected_percent_max: u32,
}

/// What an attempt says of its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    Bad {
        /// The endpoint asks to be left alone for so long.
        retry_after: Option<Duration>,
    },
}

/// Takes a verdict in; whether the endpoint was ejected for it.
pub fn record(cluster: &Cluster, endpoint: usize, verdict: Verdict, now: Instant) -> bool {
    let Some(rules) = &cluster.settings.outlier else { return false };
    let health = &cluster.endpoints[endpoint].health;
    let in_time = rules.success_percent.is_some().then(|| count(health, rules, verdict, now));
    let Verdict::Bad { retry_after } = verdict else {
        if health.failures_in_a_row.load(Relaxed) > 0 {
            health.failures_in_a_row.store(0, Relaxed);
        }
        return false;
    };
    // An addition that all workers share: of failures alone, and none may be lost to another.
    let in_a_row = health.failures_in_a_row.fetch_add(1, Relaxed).saturating_add(1);
    let too_many = rules.failures_in_a_row.is_some_and(|most| in_a_row >= most);
    if too_many || retry_after.is_some() || in_time == Some(true) {
        return eject(cluster, endpoint, retry_after, now);
    }
    false
}

/// Counts an answer in its interval; whether too few of them are good.
fn count(health: &Health, rules: &Outlier, verdict: Verdict, now: Instant) -> bool {
    let length = u64::try_from(rules.interval.as_nanos()).unwrap_or(u64::MAX).max(1);
    let interval = (now.nanos() / length) as u32;
    let last = health.interval.load(Relaxed);
    // Who sees the new interval first begins it; what others count meanwhile is a few answers.
    if last != interval
        && health.interval.compare_exchange(last, interval, Relaxed, Relaxed).is_ok()
    {
        health.answers.store(0, Relaxed);
        health.failures.store(0, Relaxed);
    }
    // For each answer, where a success rate is wanted of all workers together, and nowhere else.
    let answers = u64::from(health.answers.fetch_add(1, Relaxed)) + 1;
    let failures = u64::from(match verdict {
        Verdict::Good => health.failures.load(Relaxed),
        Verdict::Bad { .. } => health.failures.fetch_add(1, Relaxed) + 1,
    });
    let good = answers.saturating_sub(failures);
    let wanted = u64::from(rules.success_percent.unwrap_or(0));
    answers >= u64::from(rules.answers_min) && good * 100 < answers * wanted
}

fn eject(cluster: &Cluster, endpoint: usize, asked: Option<Duration>, now: Instant) -> bool {
    let (Some(rules), Some(traffic)) = (&cluster.settings.outlier, &cluster.traffic) else {
        return false;
    };
    let Some(_one_at_a_time) = traffic.board.ejecting() else { return false };
    let health = &cluster.endpoints[endpoint].health;
    if health.is_ejected(now) {
        return false;
    }
    let ejected = cluster.endpoints.iter().filter(|one| one.health.is_ejected(now)).count();
    let most = cluster.endpoints.len() * rules.ejected_percent_max as usize / 100;
    if ejected >= most.max(1) {
        health.spared.fetch_add(1, Relaxed);
        return false;
    }
    let times = times_in_a_row(health, rules, now);
    health.ejected_times.store(times, Relaxed);
    health.ejections.fetch_add(1, Relaxed);
    health.failures_in_a_row.store(0, Relaxed);
    health.answers.store(0, Relaxed);
    health.failures.store(0, Relaxed);
    let grown = rules.duration.saturating_mul(times);
    // A year is what the endpoint asks for; what it gets is ours to say.
    let length = grown.max(asked.unwrap_or_default()).min(rules.duration_max);
    if asked.is_some() {
        health.asks(now.plus(length));
    }
    health.eject(&traffic.board, now.plus(length));
    let name = &cluster.endpoints[endpoint].name;
    tracing::info!(backend = %cluster.name, endpoint = %name, "ejected for {length:?}");
    true
}

/// How many ejections this one makes, in a row: a good time as long as the first takes one off.
fn times_in_a_row(health: &Health, rules: &Outlier, now: Instant) -> u32 {
    let before = health.ejected_times.load(Relaxed);
    let good = now.nanos_since(health.ejected_until());
    let unit = u64::try_from(rules.duration.as_nanos()).unwrap_or(u64::MAX).max(1);
    let forgiven = u32::try_from(good / unit).unwrap_or(u32::MAX);
    before.saturating_sub(forgiven).saturating_add(1)
}

#[cfg(test)]
mod tests;
